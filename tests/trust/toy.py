"""Simulated cells as tables: noisy traits, latents that mix them a little, a linear score."""

import functools

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from napari_parsimony.cells.split import assign_splits
from napari_parsimony.cells.table import KEY
from napari_parsimony.simulate.config import SimulateConfig
from napari_parsimony.simulate.fields import simulate_fields
from napari_parsimony.trust.regress import plan
from napari_parsimony.trust.subject import Subject

GROUPS = {
    "central cell": ["area", "eccentricity", "texture", "grain"],
    "position": ["border_distance"],
    "neighbourhood": ["neighbours"],
    "intensity/imaging": ["brightness"],
}


def toy(shortcut="none", seed=0, strength=0.8, noise=0.5, mixed=0.1, field_seed=None):
    """Make a subject; latent i is trait i, noisy, with a little of the others.

    `field_seed` is of the simulated cells, which take longest; the seed if None.
    """
    cells, config = simulated(shortcut, seed if field_seed is None else field_seed, strength)
    rng = np.random.default_rng(seed + 1_000)
    names = [name for group in GROUPS.values() for name in group]
    true = cells[names]
    true = (true - true.mean()) / true.std()
    traits = true + 0.1 * rng.normal(size=true.shape)
    mix = np.eye(len(names)) + mixed * rng.normal(size=(len(names),) * 2)
    latents = pd.DataFrame(true.to_numpy() @ mix + noise * rng.normal(size=true.shape))
    latents.columns = [f"z{i}" for i in range(len(names))]
    held_out = assign_splits(cells, config.folds, config.fold) == "test"
    target = (cells["class"] == "positive").to_numpy().astype(np.intp)
    model = LogisticRegression().fit(latents[~held_out], target[~held_out])

    def law(z):
        return z.to_numpy() @ model.coef_.T + model.intercept_

    return Subject(
        keys=cells[KEY], target=target, classes=("negative", "positive"), latents=latents,
        law=law, reads=list(latents), traits=traits, groups=GROUPS,
        plan=plan(cells["group"].to_numpy(), held_out), brightness_kept=False,
    )  # fmt: skip


@functools.cache
def simulated(shortcut, seed, strength):
    config = SimulateConfig(
        shortcut=shortcut, strength=strength, seed=seed, fields=20, cells=30, flipped=0.05
    )
    return simulate_fields(config).cells, config
