"""What the latents of a study mean, read from a study of which everything is known."""

import json

import numpy as np
import pandas as pd

from napari_parsimony.study.learned import Judged, suggest_names
from napari_parsimony.vae.verdict import Finding, Verdict


class Made:
    """Discs whose radius is `z1`; in test cells, `z1` is something else."""

    def __init__(self, count=90):
        rng = np.random.default_rng(0)
        radius = rng.uniform(3, 11, count)
        y, x = np.mgrid[:32, :32] - 15.5
        disc = np.hypot(y, x) <= radius[:, None, None]
        self._crops = (0.8 * disc + rng.normal(0.05, 0.01, disc.shape))[:, None]
        self._split = np.repeat(["train", "validation", "test"], count // 3)
        radius[self._split == "test"] = rng.normal(size=count // 3)
        self._latents = pd.DataFrame({f"z{i}": rng.normal(size=count) for i in range(3)})
        self._latents["z1"] = radius
        self._latents["z2"] = radius  # says so too, but counts as inactive

    def crops(self):
        return self._crops

    def latents(self):
        return self._latents

    def cells(self):
        return pd.DataFrame({"split": self._split})

    def latent_statistics(self):
        return pd.DataFrame(
            {"name": ["z0", "z1", "z2"], "active": [True, True, False], "rank": [1, 0, 2]}
        )


def test_names_are_of_active_latents_and_never_of_test_cells():
    names = suggest_names(Made())
    assert names[["latent", "n"]].to_numpy().tolist() == [["z1", 60]]
    assert names["name"][0] in ("size", "length", "width")
    assert names["r"][0] > 0.95


def test_a_sample_is_drawn_by_seed():
    one, same, other = (suggest_names(Made(), 40, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert one["n"][0] == 40
    assert one["r"][0] != other["r"][0]


def test_what_was_judged_survives_json():
    finding = Finding("note", "Texture is lost.", "Train longer.")
    names = pd.DataFrame({"latent": ["z1"], "name": ["size"], "r": [0.9], "n": [60]})
    examples = np.random.default_rng(0).integers(0, 256, (2, 3, 1, 8, 8)) / np.float32(255)
    judged = Judged(Verdict("note", "One thing.", (finding,)), names, examples)
    again = Judged.from_dict(json.loads(json.dumps(judged.to_dict())))
    assert again.verdict == judged.verdict
    pd.testing.assert_frame_equal(again.names, names)
    np.testing.assert_allclose(again.examples, examples, atol=1e-6)
    nothing = Judged(judged.verdict, names[:0], examples).to_dict()
    assert list(Judged.from_dict(nothing).names) == ["latent", "name", "r", "n"]
