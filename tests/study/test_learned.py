"""What the latents of a study mean, read from a study of which everything is known."""

import numpy as np
import pandas as pd

from napari_parsimony.study.learned import suggest_names


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
