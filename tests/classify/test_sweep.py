import numpy as np
import pandas as pd
import pytest
import torch

from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.classify.latent_networks import train_masked
from napari_parsimony.classify.mlp import Cells
from napari_parsimony.classify.sweep import balanced_accuracy, read_sweep, sweep_densities
from napari_parsimony.classify.targets import balanced_weights, count_classes, too_few
from napari_parsimony.errors import UserError


def planted(n, seed):
    z = np.random.default_rng(seed).standard_normal((n, 8)).astype(np.float32)
    y = (z[:, 1] * z[:, 4] + z[:, 1] > 0).astype(np.float32)
    return Cells(*map(torch.from_numpy, (z, y, balanced_weights(y))))


def silent(*_):
    pass


@pytest.fixture(scope="module")
def cells():
    return planted(400, 0), planted(300, 1)


CONFIG = ClassifyConfig(hidden=(16, 16), density=0.1, steps=150, batch=64, seeds=4, rewire_every=10)


@pytest.mark.parametrize("rewiring", ["rigl", "set"])
def test_networks_of_other_densities_are_trained_side_by_side(cells, rewiring):
    config = CONFIG.model_copy(update={"rewiring": rewiring})
    counts = [[10, 12, 6], [40, 60, 12], [128, 100, 16]]

    def train(which):
        everywhere = np.ones((len(which), 8), bool)
        sources = [np.random.default_rng([7, i]) for i in which]
        return train_masked(*cells, [counts[i] for i in which], sources, config, silent, everywhere)

    together = train([0, 1, 2])
    for i, wanted in enumerate(counts):
        assert [int(mask[i].sum()) for mask in together.masks] == wanted
        alone = train([i])
        assert [int(mask[0].sum()) for mask in alone.masks] == wanted
        if rewiring == "rigl":  # by chance, any of several dead connections moves
            for mine, its in zip(together.masks, alone.masks, strict=True):
                assert (mine[i] == its[0]).mean() > 0.9


def test_sweep_measures_what_sparsity_costs(cells):
    told = []
    points = read_sweep(
        {"sweep": sweep_densities(*cells, 8, CONFIG, lambda step, _: told.append(step))}
    )
    assert [point.density for point in points] == pytest.approx([0.025, 0.05, 0.1, 0.2, 0.4])
    assert [point.connections for point in points] == [10, 20, 40, 80, 160]
    assert told[-1] == CONFIG.steps
    for point in points:
        assert len(point.accuracy) == len(point.loss) == 3
        assert max(point.live) <= point.connections
        assert max(point.latents) <= 8
    assert np.mean(points[0].accuracy) < np.mean(points[-1].accuracy), "10 connections of 400"
    again = sweep_densities(*cells, 8, CONFIG, silent)
    assert read_sweep({"sweep": again}) == points


def test_sweep_leaves_out_what_cannot_be(cells):
    thin = CONFIG.model_copy(update={"density": 0.012, "steps": 20})
    points = read_sweep({"sweep": sweep_densities(*cells, 8, thin, silent)})
    assert [point.density for point in points] == pytest.approx([0.012, 0.024, 0.048])
    thick = CONFIG.model_copy(update={"density": 0.4, "steps": 20})
    points = read_sweep({"sweep": sweep_densities(*cells, 8, thick, silent)})
    assert [point.density for point in points] == pytest.approx([0.1, 0.2, 0.4])


def test_balanced_accuracy_weighs_both_classes_the_same():
    class Always:
        def score(self, x):
            return torch.tensor([1.0, -1.0]).view(2, 1, 1).expand(2, len(x), 1)

    y = torch.tensor([1.0, 0, 0, 0])
    cells = Cells(torch.zeros(4, 1), y, torch.ones(4))
    np.testing.assert_array_equal(balanced_accuracy(Always(), cells), [0.5, 0.5])


@pytest.mark.parametrize(
    "sweep", [7, [{"density": 1}], [dict.fromkeys(("density", "connections"), 1) | {
        "live": [1], "latents": [1], "accuracy": [], "loss": [1.0]}],
        [{"density": "a", "connections": 1, "live": [1], "latents": [1], "accuracy": [1.0],
          "loss": [1.0]}]],
)  # fmt: skip
def test_a_damaged_sweep_is_told(sweep):
    with pytest.raises(UserError, match="run the step 'classify' again"):
        read_sweep({"sweep": sweep})


def test_no_sweep():
    assert read_sweep({}) == []


def test_classes_are_counted_by_split():
    classes = pd.Series(["b", "a", None, "a", "b", "a"], dtype="str")
    split = pd.Series(["train", "train", "test", "test", "train", "train"])
    counts = count_classes(classes, split)
    assert counts.index.tolist() == ["a", "b"]
    assert counts.to_numpy().tolist() == [[2, 0, 1], [2, 0, 0]]
    assert count_classes(pd.Series([None, None], dtype="str"), split[:2]).empty


def test_few_cells_of_a_class_are_warned_of():
    counts = pd.DataFrame(
        {"train": [9, 4, 3], "validation": [5, 1, 4], "test": [6, 0, 0]}, index=["a", "b", "c"]
    )
    assert too_few(counts, {"a": ["a"], "others": ["b", "c"]}) == [
        "No test cell is 'others': give more cells this class, in more groups, or choose another "
        "fold."
    ]
    assert too_few(counts, {"a": ["a"], "b": ["b"]})[:2] == [
        "Only 4 train cells are 'b'.",
        "Only 1 validation cell is 'b'.",
    ]
