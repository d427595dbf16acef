from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.classify.fit import Adam, Batches, Schedule, fit
from napari_parsimony.classify.latent_networks import choose, train_sparse
from napari_parsimony.classify.mlp import Cells, Networks
from napari_parsimony.classify.prune import clustered_error, eliminate_inputs
from napari_parsimony.classify.rigl import Rewire, erk_counts, initial_masks, integer_counts
from napari_parsimony.classify.select import select_inputs, worth_having
from napari_parsimony.classify.targets import balanced_weights
from napari_parsimony.classify.topology import live_masks, live_weights, used_inputs
from napari_parsimony.errors import UserError


def generators(seeds, purpose=0):
    return [np.random.default_rng([purpose, s]) for s in range(seeds)]


def planted(n, inputs=8, seed=0):
    """Latents of which only 1 and 4 decide, with their product and a square."""
    z = np.random.default_rng(seed).standard_normal((n, inputs)).astype(np.float32)
    y = (z[:, 1] * z[:, 4] + z[:, 1] > 0).astype(np.float32)
    return Cells(*map(torch.from_numpy, (z, y, balanced_weights(y))))


def sparse_networks(sizes=(8, 16, 16, 1), budget=40, seeds=3):
    sources = generators(seeds)
    counts = integer_counts(sizes, budget)
    masks = [initial_masks(sizes, counts, g) for g in sources]
    networks = Networks(sizes, seeds)
    networks.set_masks([np.stack(layer) for layer in zip(*masks, strict=True)])
    networks.initialise(sources)
    return networks, counts, sources


def rewire(method="rigl", every=5, until=100, fraction=0.3, seeds=3, inputs=8):
    return Rewire(method, every, until, fraction, generators(seeds, 9), np.ones(inputs, bool))


@pytest.mark.parametrize(
    ("sizes", "weights", "expected"),
    [
        ((32, 32, 1), 22, [14.5, 7.5]),
        ((32, 64, 1), 43, [25.6, 17.4]),
        ((32, 32, 32, 1), 43, [17.1, 17.1, 8.8]),
        ((32, 64, 64, 1), 125, [41.5, 55.4, 28.1]),
        ((32, 64, 64, 64, 1), 207, [47.7, 63.5, 63.5, 32.3]),
    ],
)
def test_erk_numbers_of_the_literature(sizes, weights, expected):
    counts = erk_counts(sizes, weights)
    assert sum(counts) == pytest.approx(weights)
    assert counts == pytest.approx(expected, abs=0.15)


def test_dense_output_layer_takes_its_weights_first():
    assert erk_counts((32, 64, 64, 1), 124, dense_output=True)[-1] == 64
    assert integer_counts((32, 64, 64, 1), 124, dense_output=True) == [26, 34, 64]
    with pytest.raises(ValueError, match="too few"):
        integer_counts((32, 64, 64, 1), 64, dense_output=True)


@given(
    sizes=st.lists(st.integers(1, 12), min_size=3, max_size=5),
    share=st.floats(0, 1),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_initial_masks_spend_the_budget_on_live_paths(sizes, share, seed):
    most = sum(a * b for a, b in pairwise(sizes))
    least = len(sizes) - 2 + sizes[-1]
    budget = least + int(share * (most - least))
    counts = integer_counts(sizes, budget)
    assert sum(counts) == budget
    masks = initial_masks(sizes, counts, np.random.default_rng(seed))
    assert [mask.sum() for mask in masks] == counts
    units = [counts[0], *map(min, counts[:-1], counts[1:]), counts[-1]]
    units = [min(u, size) for u, size in zip(units, sizes, strict=True)]
    alive = [mask.any(1).sum() for mask in live_masks(masks)]
    assert alive == units[:-1]


@pytest.mark.parametrize("method", ["rigl", "set"])
def test_connections_are_kept_exactly_over_many_updates(method):
    networks, counts, _ = sparse_networks()
    adam, first = Adam(networks, 0.01), [m.copy() for m in networks.masks]
    rule = rewire(method)
    generator = torch.Generator().manual_seed(0)
    for step in range(1, 100):
        gradient = torch.randn(networks.parameters.shape, generator=generator)
        if rule.due(step):
            rule.update(networks, adam, gradient, step)
        else:
            adam.step(gradient, 0.01)
        for mask, weight, count in zip(networks.masks, networks.weights, counts, strict=True):
            assert (mask.sum((1, 2)) == count).all()
            assert (weight.detach().numpy()[~mask] == 0).all()
        masked = networks.mask == 0
        assert (adam.state[:2, : networks.n_weights][:, masked] == 0).all()
    assert any((a != b).any() for a, b in zip(first, networks.masks, strict=True))


def test_rigl_drops_the_smallest_and_grows_the_steepest_from_zero():
    networks = Networks((4, 2, 1), 1)
    networks.set_masks(
        [np.array([[[1, 1], [1, 1], [0, 0], [0, 0]]], bool), np.ones((1, 2, 1), bool)]
    )
    with torch.no_grad():
        networks.weights[0][0, :2] = torch.tensor([[0.1, -5.0], [3.0, -2.0]])
    adam = Adam(networks, 0)
    adam.state.fill_(0.5)
    gradient = torch.zeros_like(networks.parameters)
    slope = networks.split_weights(gradient)[0]
    slope[0, 3, 1] = -7
    slope[0, 2, 0] = 6
    Rewire("rigl", 1, 1000, 0.3, generators(1), np.ones(4, bool)).update(
        networks, adam, gradient, 1
    )
    expected = np.array([[0, 1], [1, 1], [0, 0], [0, 1]], bool)
    assert (networks.masks[0][0] == expected).all()
    weight = networks.weights[0].detach()[0]
    assert weight[3, 1] == 0
    assert weight[0, 0] == 0
    assert weight[1, 0] == 3
    state = networks.split_weights(adam.state[0])[0][0]
    assert state[3, 1] == 0
    assert state[1, 0] == 0.5


def test_a_connection_dropped_and_grown_at_once_keeps_its_weight_and_state():
    networks = Networks((2, 1), 1)
    networks.set_masks([np.array([[[1], [0]]], bool)])
    with torch.no_grad():
        networks.weights[0][0, 0] = 2
    adam = Adam(networks, 0)
    adam.state.fill_(0.5)
    gradient = torch.tensor([9.0, 1.0, 0.0])
    Rewire("rigl", 1, 10, 0.3, generators(1), np.ones(2, bool)).update(networks, adam, gradient, 1)
    assert networks.weights[0].flatten().tolist() == [2, 0]
    assert adam.state[0].tolist() == [0.5, 0, 0.5]


def test_a_grown_weight_steps_like_a_new_one():
    """The first Adam step is the learning rate, however late it is."""
    networks = Networks((1, 1), 1)
    adam = Adam(networks, 0)
    for _ in range(50):
        adam.step(torch.tensor([1.0, 1.0]), 0.01)
    before = networks.parameters.clone()
    adam.restart(torch.zeros(1))
    adam.step(torch.tensor([0.2, 0.2]), 0.01)
    assert float(before[0] - networks.parameters[0]) == pytest.approx(0.01, rel=1e-4)


def test_adam_is_adamw():
    networks = Networks((3, 4, 1), 2)
    networks.initialise(generators(2))
    weight = networks.weights[0].detach().clone().requires_grad_()
    reference = torch.optim.AdamW([weight], lr=0.02, weight_decay=0.1)
    adam = Adam(networks, 0.1)
    for step in range(20):
        gradient = torch.sin(torch.arange(len(networks.parameters)) + step)
        weight.grad = networks.split_weights(gradient)[0].clone()
        reference.step()
        adam.step(gradient, 0.02)
    assert torch.allclose(networks.weights[0], weight, atol=1e-6)


def test_no_connection_grows_from_a_forbidden_input():
    networks, _, _ = sparse_networks()
    allowed = np.arange(8) < 3
    networks.set_masks([networks.masks[0] & allowed[:, None], *networks.masks[1:]])
    counts = networks.masks[0].sum((1, 2))
    networks.set_masks([m[[int(counts.argmin())] * 3] for m in networks.masks])
    rule = Rewire("rigl", 1, 100, 0.9, generators(3), allowed)
    for step in range(1, 20):
        rule.update(networks, Adam(networks, 0), torch.randn(networks.parameters.shape), step)
        assert not networks.masks[0][:, ~allowed].any()


def test_at_least_one_connection_moves_until_the_end_and_none_after():
    rule = rewire(every=10, until=100)
    assert [s for s in range(1, 200) if rule.due(s)] == list(range(10, 100, 10))
    assert rule.last(1000) == 90
    assert rule.last(35) == 30
    networks, _, _ = sparse_networks(sizes=(8, 2, 1), budget=4)
    before = networks.masks[0].copy()
    slope = torch.where(networks.mask > 0, 0.0, 1.0)
    gradient = torch.cat([slope, torch.zeros(len(networks.parameters) - networks.n_weights)])
    rule.update(networks, Adam(networks, 0), gradient, 90)
    assert ((before != networks.masks[0]).sum((1, 2)) == 2).all()


def test_set_differs_from_rigl():
    cells = planted(200)
    results = []
    for method in ("rigl", "set"):
        networks, _, sources = sparse_networks()
        schedule = Schedule(40, 0.01, 0, 64, 20)
        fit(networks, cells, cells, schedule, sources, rewire(method))
        results.append(networks.masks)
    assert any((a != b).any() for a, b in zip(*results, strict=True))


def test_each_seed_comes_out_as_it_would_alone():
    train, validation = planted(300), planted(100, seed=1)
    schedule = Schedule(30, 0.01, 0.01, 64, 10)
    sizes, counts = (8, 16, 16, 1), integer_counts((8, 16, 16, 1), 40)

    def trained(seeds):
        sources = [np.random.default_rng([0, s]) for s in seeds]
        masks = [initial_masks(sizes, counts, g) for g in sources]
        networks = Networks(sizes, len(seeds))
        networks.set_masks([np.stack(layer) for layer in zip(*masks, strict=True)])
        networks.initialise(sources)
        rule = Rewire("rigl", 5, 22, 0.3, sources, np.ones(8, bool))
        fit(networks, train, validation, schedule, sources, rule)
        return networks

    together = trained(range(4))
    for s in range(4):
        alone = trained([s])
        for mine, theirs in zip(
            (*together.weights, *together.biases), (*alone.weights, *alone.biases), strict=True
        ):
            assert torch.allclose(mine[s], theirs[0], atol=1e-4)


def test_the_live_part_computes_the_same():
    networks, _, _ = sparse_networks(sizes=(8, 40, 40, 1))
    networks.set_masks(
        [mask & (np.arange(mask.shape[2]) % 3 > 0) for mask in networks.masks[:-1]]
        + networks.masks[-1:]
    )
    with torch.no_grad():
        networks.parameters[networks.n_weights :] = 0.3
    x = planted(50).x
    before = networks.score(x)
    networks.clear_dead()
    part, where = networks.live_part()
    assert part.parameters.numel() < networks.parameters.numel() / 4
    assert torch.allclose(part.score(x), before, atol=1e-5)
    assert torch.equal(networks.parameters[where], part.parameters)
    assert torch.allclose(part.score(x), networks.score(x), atol=1e-6)
    assert live_weights(part.masks).tolist() == live_weights(networks.masks).tolist()


def test_fit_keeps_the_best_of_each_seed_and_stops_early():
    train, validation = planted(60), planted(200, seed=1)
    networks = Networks((8, 16, 16, 1), 4)
    networks.initialise(generators(4))
    seen = []
    best = fit(
        networks,
        train,
        validation,
        Schedule(2000, 0.02, 0, 60, 10, patience=3),
        generators(4),
        told=lambda step, values: seen.append(step),
    )
    assert seen[-1] < 2000
    assert torch.allclose(best, networks.losses(validation).mean(1))


def test_every_row_is_seen_once_in_an_epoch():
    batches = Batches(12, 4, generators(2))
    rows = torch.cat([batches.next() for _ in range(3)], 1)
    assert (rows.sort(1).values == torch.arange(12)).all()
    assert batches.next(100).shape == (2, 12)


def test_standard_error_is_clustered():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(50), 20)
    alike = rng.standard_normal(50)[group]
    assert clustered_error(alike, group) == pytest.approx(1 / np.sqrt(50), rel=0.25)
    each = rng.standard_normal((2, 1000))
    expected = each.std(1, ddof=1) / np.sqrt(1000)
    assert clustered_error(each, np.arange(1000)) == pytest.approx(expected)
    assert np.isnan(clustered_error(each, np.zeros(1000, int))).all()


def test_choice_is_the_smallest_within_one_standard_error():
    rng = np.random.default_rng(0)
    base = rng.random(400)
    noise = 0.1 * rng.standard_normal((4, 400))
    for part in (noise[:, :100], noise[:, 100:]):
        part -= part.mean(1, keepdims=True)
    losses = base + noise + np.array([0.0, 0.001, 0.0005, 0.5])[:, None]
    used, groups = np.array([9, 5, 5, 1]), np.arange(400)
    assert choose(losses[:, :100], losses[:, 100:], used, groups) == 2
    # lucky on few validation cells, bad on the training cells
    losses[3, :100] = losses[0, :100]
    assert choose(losses[:, :100], losses[:, 100:], used, groups) == 2


SMALL = ClassifyConfig(
    hidden=(16, 16), density=0.15, seeds=4, steps=300, rewire_every=20, batch=128
)


def test_selection_finds_the_inputs_of_a_planted_law():
    train, validation = planted(600), planted(300, seed=1)
    groups = np.concatenate([np.arange(300) % 15, 15 + np.arange(600) % 30])
    networks = train_sparse(train, validation, 8, SMALL, lambda *_: None)
    before = used_inputs(networks.masks)
    assert before.sum(1).mean() > 4
    steps = []
    select_inputs(networks, train, validation, groups, 8, SMALL, lambda step, _: steps.append(step))
    after = used_inputs(networks.masks)
    assert after[:, [1, 4]].all()
    assert after.sum() <= 2 * 4 + 1
    assert steps == sorted(steps)
    assert 0 <= steps[0] <= steps[-1] <= SMALL.steps
    assert (live_weights(networks.masks) <= 0.15 * (8 * 16 + 16 * 16 + 16)).all()
    test = planted(2000, seed=2)
    hit = (networks.score(test.x)[..., 0] > 0) == (test.y > 0)
    assert (hit.float().mean(1) > 0.9).all()


def test_inputs_that_do_not_help_other_groups_are_not_worth_having():
    train, validation = planted(600), planted(300, seed=1)
    groups = np.concatenate([np.arange(300) % 15, 15 + np.arange(600) % 30])
    steps = []

    def cut(ranked, groups=groups):
        told = lambda step, _: steps.append(step)  # noqa: E731
        return worth_having(ranked, train, validation, groups, 8, SMALL, told)

    assert cut([4, 1, 0, 2, 3]) == [4, 1]
    assert cut([1, 0, 4, 2]) == [1, 0, 4]  # as far as what is needed
    assert cut([6]) == [6]
    assert steps == [60, 120, 180, 240, 300] * 2
    # cells of one movie stand for themselves
    assert cut([4, 1, 0, 2, 3], np.zeros(900, int)) == [4, 1]


def test_elimination_never_costs_more_than_its_standard_error():
    train, validation = planted(300), planted(200, seed=1)
    networks, _, sources = sparse_networks()
    fit(networks, train, validation, Schedule(150, 0.01, 0.01, 128, 25), sources, rewire())
    before = networks.losses(validation).numpy()
    groups = np.arange(200) % 10
    schedule = Schedule(20, 0.01, 0.01, 128, 10)

    def fine_tune(trial):
        fit(trial, train, validation, schedule, sources)

    eliminate_inputs(networks, validation, groups, 1, fine_tune, lambda *_: None, 100)
    excess = networks.losses(validation).numpy() - before
    assert (excess.mean(1) <= clustered_error(excess, groups)).all()
    assert all(
        (m == n).all() for m, n in zip(live_masks(networks.masks), networks.masks, strict=True)
    )


def test_same_seed_same_networks():
    train, validation = planted(200), planted(100, seed=1)
    config = SMALL.model_copy(update={"steps": 60})
    a, b = (train_sparse(train, validation, 8, config, lambda *_: None) for _ in range(2))
    assert torch.equal(a.parameters, b.parameters)
    other = config.model_copy(update={"seed": 1})
    assert not torch.equal(
        a.parameters, train_sparse(train, validation, 8, other, print).parameters
    )


def test_too_low_a_density_says_what_to_do():
    config = SMALL.model_copy(update={"density": 0.001})
    with pytest.raises(UserError, match=r"density.*too low"):
        train_sparse(planted(50), planted(50), 8, config, lambda *_: None)
