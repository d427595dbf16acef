"""Sparse networks that begin with all connections and lose them."""

import numpy as np
import pytest
import torch

from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.classify.fit import Adam
from napari_parsimony.classify.latent_networks import connections, train_masked, train_sparse
from napari_parsimony.classify.mlp import Cells, Networks
from napari_parsimony.classify.shrink import Shrink
from napari_parsimony.classify.sweep import balanced_accuracy
from napari_parsimony.classify.topology import used_inputs

WAYS = ("magnitude", "l1")


def planted(cells=800, inputs=12, seed=0):
    """Cells whose class two inputs decide together."""
    x = np.random.default_rng(seed).standard_normal((cells, inputs)).astype(np.float32)
    y = (x[:, 2] * 1.5 + x[:, 7] > 0).astype(np.float32)
    return Cells(*map(torch.from_numpy, (x, y, np.ones(cells, np.float32))))


def settings(way, **more):
    return ClassifyConfig(rewiring=way, seeds=3, steps=300, density=0.05, **more)


@pytest.mark.parametrize("way", WAYS)
def test_as_many_connections_are_left_as_rigl_has(way):
    config, told = settings(way), lambda *_: None
    networks = train_sparse(planted(), planted(seed=1), 12, config, told)
    counts = connections(config.density, 12, 12, config, 1)
    for mask, count in zip(networks.masks, counts, strict=True):
        assert (mask.sum((1, 2)) == count).all()
    weights = networks.parameters[: networks.n_weights].detach()
    assert (weights[networks.mask == 0] == 0).all()
    assert balanced_accuracy(networks, planted(seed=2)).min() > 0.9
    assert used_inputs(networks.masks)[:, [2, 7]].all()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("steps", [10, 60])
def test_short_trainings_end_sparse_too(way, steps):
    config = settings(way).model_copy(update={"steps": steps})
    allowed = np.array([[True] * 12, [False] * 6 + [True] * 6])
    counts = [connections(0.05, 12, int(row.sum()), config, 1) for row in allowed]
    starts = [np.random.default_rng(i) for i in range(2)]
    networks = train_masked(
        planted(), planted(seed=1), counts, starts, config, lambda *_: None, allowed
    )
    for layer, mask in enumerate(networks.masks):
        assert mask.sum((1, 2)).tolist() == [count[layer] for count in counts]
    assert not networks.masks[0][1, :6].any(), "inputs that may not be read"


def test_magnitude_keeps_the_largest_as_they_are_and_l1_makes_them_smaller():
    for way, expected in (("magnitude", [0, -3, 2, 0]), ("l1", [0, -2, 1, 0])):
        networks = Networks((4, 1), 1)
        networks.set_masks([np.ones((1, 4, 1), bool)])
        with torch.no_grad():
            networks.weights[0][0, :, 0] = torch.tensor([1.0, -3, 2, 0.5])
        adam = Adam(networks, 0)
        adam.state.fill_(0.5)
        rule = Shrink(way, 50, 100, [[2]])
        assert [rule.due(step) for step in (49, 50, 99, 100, 101)] == [0, 1, 0, 1, 0]
        rule.update(networks, adam, torch.zeros(5), 100)
        assert networks.weights[0][0, :, 0].tolist() == expected
        assert adam.state[0, :4].tolist() == [0, 0.5, 0.5, 0]


def test_on_the_way_there_are_more():
    networks = Networks((10, 10), 2)
    networks.set_masks([np.ones((2, 10, 10), bool)])
    networks.initialise([np.random.default_rng(i) for i in range(2)])
    rule, adam = Shrink("magnitude", 1, 4, [[4], [20]]), Adam(networks, 0)
    left = []
    for step in range(1, 5):
        rule.update(networks, adam, torch.zeros(len(networks.parameters)), step)
        left.append(networks.masks[0].sum((1, 2)).tolist())
    assert left == [[44, 53], [16, 30], [5, 21], [4, 20]]
