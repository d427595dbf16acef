from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_parsimony.classify.mlp import Networks
from napari_parsimony.classify.topology import (
    Compact,
    dead_units,
    expression_size,
    live_masks,
    live_weights,
    used_inputs,
)


def test_reachability_on_a_network_drawn_by_hand():
    first = np.zeros((4, 3), bool)
    first[0, 0] = True  # input 0 → unit 0 → output: live
    first[1, 1] = True  # input 1 → unit 1, which leads nowhere
    second = np.zeros((3, 3), bool)
    second[0, 0] = True
    second[2, 0] = True  # unit 2 has no input
    second[1, 1] = True  # leads to a unit that leads nowhere
    last = np.array([[True], [False], [True]])  # unit 2 of layer 2 has no input
    masks = [first, second, last]
    assert used_inputs(masks).tolist() == [True, False, False, False]
    assert live_weights(masks) == 3
    assert dead_units(masks) == 4
    # three weights at 4, three biases, two activations
    assert expression_size(masks) == 3 * 4 + 3 + 2


def test_size_of_a_dense_network():
    sizes = (32, 64, 64, 1)
    masks = [np.ones(shape, bool) for shape in pairwise(sizes)]
    assert expression_size(masks) == 4 * 6208 + 129 + 128


def slow_live_masks(masks):
    """Remove connections without source or sink until nothing changes."""
    masks = [mask.copy() for mask in masks]
    while True:
        before = sum(mask.sum() for mask in masks)
        for i in range(len(masks)):
            if i:
                masks[i] &= masks[i - 1].any(0)[:, None]
            if i + 1 < len(masks):
                masks[i] &= masks[i + 1].any(1)[None]
        if sum(mask.sum() for mask in masks) == before:
            return masks


networks = st.tuples(
    st.lists(st.integers(1, 7), min_size=1, max_size=4), st.floats(0, 1), st.integers(0, 10_000)
)


@given(networks)
@settings(max_examples=100, deadline=None)
def test_one_sweep_each_way_is_the_fixed_point(drawn):
    sizes, density, seed = drawn
    rng = np.random.default_rng(seed)
    shapes = zip(sizes, [*sizes[1:], 1], strict=True)
    masks = [rng.random((3, *shape)) < density for shape in shapes]
    live = live_masks(masks)
    for s in range(3):
        expected = slow_live_masks([mask[s] for mask in masks])
        assert all((a[s] == b).all() for a, b in zip(live, expected, strict=True))
    again = live_masks(live)
    assert all((a == b).all() for a, b in zip(live, again, strict=True))


@given(networks)
@settings(max_examples=60, deadline=None)
def test_compact_network_scores_alike(drawn):
    """Constant units count too: they move into the biases of what follows."""
    sizes, density, seed = drawn
    rng = np.random.default_rng(seed)
    layers = (*sizes, 1)
    network = Networks(layers, 1)
    with torch.no_grad():
        network.parameters.copy_(torch.from_numpy(rng.standard_normal(len(network.parameters))))
    network.set_masks([rng.random((1, *shape)) < density for shape in pairwise(layers)])
    masks = [mask[0] for mask in network.masks]
    x = rng.standard_normal((20, layers[0])).astype(np.float32)
    expected = network.score(torch.from_numpy(x)).detach()[0].numpy()
    live = network.clear_dead()
    assert (network.parameters[live == 0] == 0).all()
    assert network.score(torch.from_numpy(x)).detach()[0].numpy() == pytest.approx(
        expected, abs=1e-4
    )
    compact = Compact.of(
        [w.detach()[0].numpy() for w in network.weights],
        [b.detach()[0, 0].numpy() for b in network.biases],
        masks,
    )
    assert compact(x) == pytest.approx(expected, abs=1e-4)
    assert (compact.inputs == np.flatnonzero(used_inputs(masks))).all()
