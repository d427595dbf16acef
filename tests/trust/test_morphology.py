"""Names for latents, on made-up cells of which everything is known."""

import numpy as np
import pandas as pd
import pytest

from napari_parsimony.trust.morphology import best_names, correlate, measure_crops

SIZE = 48


def ellipses(count=120, seed=0):
    """Crops of one cell each, and the factors they were drawn from."""
    rng = np.random.default_rng(seed)
    true = pd.DataFrame(
        {
            "size": rng.uniform(60, 200, count),
            "elongation": rng.uniform(0.1, 1.0, count),
            "angle": rng.uniform(-np.pi / 2, np.pi / 2, count),
            "x": rng.uniform(-4, 4, count),
            "y": rng.uniform(-4, 4, count),
            "brightness": rng.uniform(0.5, 0.9, count),
            "texture": rng.uniform(0.01, 0.1, count),
            "beside": rng.uniform(0, 0.3, count),
        }
    )
    crops = np.zeros((count, 1, SIZE, SIZE), np.float16)
    for crop, row in zip(crops, true.itertuples(), strict=True):
        y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
        y, x = y - row.y, x - row.x
        along = x * np.cos(row.angle) + y * np.sin(row.angle)
        across = y * np.cos(row.angle) - x * np.sin(row.angle)
        radius, ratio = np.sqrt(row.size), np.exp(row.elongation / 2)
        inside = (along / ratio) ** 2 + (across * ratio) ** 2 <= radius**2 / np.pi * 1.2
        picture = rng.normal(0.05, 0.005, (SIZE, SIZE))
        picture[20:28, :6] += row.beside
        picture[inside] = row.brightness + rng.normal(0, row.texture, inside.sum())
        crop[0] = picture
    return crops, true


@pytest.fixture(scope="module")
def cells():
    return ellipses()


def suggested(latents, crops):
    table = best_names(correlate(pd.DataFrame(latents), measure_crops(crops)))
    return table.set_index("latent")


def test_latents_are_named_after_what_the_cells_were_drawn_from(cells):
    crops, true = cells
    rng = np.random.default_rng(1)
    names = suggested(
        {
            "z0": -3 * true["size"],
            "z1": true["elongation"] ** 3,  # ranks do not mind
            "z2": true["elongation"] * np.cos(2 * true["angle"]),
            "z3": true["elongation"] * np.sin(2 * true["angle"]),
            "z4": true["x"],
            "z5": true["y"],
            "z6": true["brightness"],
            "z7": true["texture"],
            "z8": true["beside"],
            "z9": rng.normal(size=len(true)),
        },
        crops,
    )
    assert names["name"].to_dict() == {
        "z0": "size",
        "z1": "elongation",
        "z2": "orientation 0° or 90°",
        "z3": "orientation 45° or 135°",
        "z4": "position left-right",
        "z5": "position up-down",
        "z6": "brightness",
        "z7": "texture",
        "z8": "neighbour left",
    }
    assert names.loc["z0", "r"] < -0.9
    assert (names.drop("z0")["r"] > 0.8).all()
    assert (names["n"] == len(crops)).all()


def test_few_cells_name_nothing_by_chance(cells):
    crops, _ = cells
    rng = np.random.default_rng(2)
    noise = {f"z{i}": rng.normal(size=20) for i in range(30)}
    assert len(suggested(noise, crops[:20])) == 0


def test_crops_without_a_cell_are_left_out(cells):
    crops, true = cells
    crops, size = crops.copy(), true["size"].to_numpy(copy=True)
    crops[:30], size[:30] = 0, 1e9
    names = suggested({"z0": size, "z1": np.ones(len(size))}, crops)
    assert names.loc["z0", ["name", "n"]].tolist() == ["size", len(crops) - 30]
    assert "z1" not in names.index, "a latent that does not vary follows nothing"
    assert len(suggested({"z0": size}, np.zeros_like(crops))) == 0


def test_every_channel_has_a_brightness(cells):
    crops, true = cells
    rng = np.random.default_rng(3)
    stain = rng.uniform(0.2, 0.8, (len(crops), 1, 1, 1))
    both = np.concatenate([crops, (crops > 0.3) * stain], axis=1)
    names = suggested({"z0": stain.ravel(), "z1": true["size"]}, both)
    assert names["name"].to_dict() == {"z0": "brightness, channel 2", "z1": "size"}
