"""What latents mean, on tables and pictures of which everything is known."""

import dataclasses

import numpy as np
import pandas as pd
from scipy import ndimage
from toy import toy

from napari_parsimony.trust.angular import angular_pairs
from napari_parsimony.trust.meaning import explain, traverse_traits, with_traversals
from napari_parsimony.trust.morphology import LEANING
from napari_parsimony.trust.traits import measure_traits, trait_groups


def test_each_latent_goes_to_the_group_that_explains_it():
    subject = toy()
    rng = np.random.default_rng(0)
    z = subject.latents.assign(noise=rng.normal(size=len(subject.latents)))
    z["both"] = z["z0"] + z["z6"]
    table = explain(dataclasses.replace(subject, latents=z)).set_index("latent")
    assert table["group"].to_dict() | {"both": ""} == {
        **dict.fromkeys(("z0", "z1", "z2", "z3"), "central cell"),
        "z4": "position",
        "z5": "neighbourhood",
        "z6": "intensity/imaging",
        "noise": "unclear",
        "both": "",
    }
    assert table.loc["z4", "trait"] == "border_distance"
    assert table.loc["z4", "r"] > 0.8
    assert table.loc["z4", "lost without position"] > 0.6
    assert table.loc["noise", "r2"] < 0.1
    both = table.loc["both"]
    assert min(both["alone central cell"], both["alone intensity/imaging"]) > 0.2


def scene(around=0, ground=0.1, blur=0.0, size=48):
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    picture = np.full((size, size), ground)
    picture[(y / 6) ** 2 + (x / 9) ** 2 <= 1] = 0.8
    for dy, dx in ((-18, 0), (18, 4), (0, 19))[:around]:
        picture[np.hypot(y - dy, x - dx) < 4.5] = 0.7
    picture = ndimage.gaussian_filter(picture, blur) if blur else picture
    return (picture + np.random.default_rng(0).normal(0, 0.005, picture.shape))[None]


def test_what_is_around_a_cell_and_how_it_was_imaged():
    filled = scene()
    filled[:, :, :12] = 0.1
    crops = np.stack(
        [scene(), scene(3), scene(ground=0.3), scene(blur=2.0), filled, 0 * scene()]
    ).astype(np.float16)
    border = np.array([False, False, False, False, True, False])
    plain, crowded, bright, blurred, cut, empty = (
        row for _, row in measure_traits(crops, border=border).iterrows()
    )
    assert (plain["other objects"], crowded["other objects"]) == (0, 3)
    assert crowded["area of others"] > 100
    assert crowded["neighbour above"] > plain["neighbour above"] + 0.02
    assert crowded["size"] == plain["size"]
    assert abs(bright["background"] - 0.3) < 0.01
    assert abs(bright["brightness outside"]) < 0.02
    assert blurred["sharpness"] < 0.7 * plain["sharpness"]
    assert 0.2 < cut["beyond the image"] < 0.4
    assert plain["beyond the image"] == 0
    assert empty.isna().all()


def test_brightness_counts_as_imaging_only_where_crops_keep_it():
    traits = measure_traits(np.stack([np.concatenate([scene(), scene()])]))
    kept, equal, turned = (
        trait_groups(traits, {"normalisation": normalisation, "orientation": orientation})
        for normalisation, orientation in (
            ("none", "imaged"), ("percentile", "imaged"), ("percentile", "principal axis"),
        )
    )  # fmt: skip
    assert set(equal["central cell"]) - set(turned["central cell"]) == {*LEANING}
    for name in ("brightness", "brightness, channel 2"):
        assert name in kept["intensity/imaging"]
        assert name in equal["central cell"]
    assert {name for names in kept.values() for name in names} == set(traits)


def test_two_latents_on_a_circle_are_found_and_no_others():
    crops = np.random.default_rng(0).random((30, 1, 24, 24))
    crops[:, :, 10:14, 4:20] += 2
    y, x = np.mgrid[:24, :24] - 11.5

    def encode(turned):
        picture = turned[:, 0] * (np.hypot(y, x) < 11)
        mean = [
            (picture * each).mean(axis=(1, 2)) for each in (x**2 - y**2, x * y * 2, x**2 + y**2)
        ]
        noise = np.random.default_rng(1).normal(0, 1, (len(turned), 2))
        return np.column_stack([*mean, noise])

    spread = encode(crops).std(axis=0)
    spread[:2] = encode(np.rot90(crops, axes=(2, 3))).std(axis=0)[:2] + 5
    pairs = angular_pairs(crops, encode, [f"z{i}" for i in range(5)], spread)
    assert pairs[["first", "second", "turns"]].to_numpy().tolist() == [["z0", "z1", 2]]
    assert pairs["circle"].item() > 0.9


def test_a_traversal_is_measured():
    def draw(name):
        widths = np.linspace(5, 12, 9) if name == "z0" else np.full(9, 8.0)
        y, x = np.mgrid[:48, :48] - 23.5
        crops = [0.1 + 0.7 * ((y / 6) ** 2 + (x / width) ** 2 <= 1) for width in widths]
        return np.linspace(-2, 2, 9), np.stack(crops)[:, None]

    spread = pd.Series({"length": 2.0, "width": 2.0})
    table = traverse_traits(["z0", "z1"], draw, measure_traits, spread)
    row = table.set_index(["latent", "trait"]).loc[("z0", "length")]
    assert row["change"] > 4
    assert row["monotone"]
    assert "z1" not in set(table["latent"]), "nothing changes along it"
    meanings = pd.DataFrame({"latent": ["z0", "z1"], "trait": ["length", "width"]})
    joined = with_traversals(meanings, table)
    assert joined["monotone"].tolist() == [True, False]
