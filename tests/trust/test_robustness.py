"""What it takes to flip models of which that is known."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import napari_parsimony
from napari_parsimony.cells.orient import central_mask
from napari_parsimony.config import parse_config
from napari_parsimony.errors import UserError
from napari_parsimony.study.study import Study
from napari_parsimony.trust.attacks import decisions, fgsm, pgd, sizes, smallest
from napari_parsimony.trust.controls import controls, of_size
from napari_parsimony.trust.image_scores import EquationScore, image_schemes
from napari_parsimony.trust.robustness import attack_schemes, held_out
from napari_parsimony.trust.robustness_config import NORMS, RobustnessConfig

SIZE = 16
ZERO, ONE = torch.zeros(()), torch.ones(())


class Linear(nn.Module):
    """A weighted sum of pixels; more outputs tell more than two classes apart."""

    def __init__(self, weights, bias=0.0):
        super().__init__()
        self.weights, self.bias = weights, bias

    def forward(self, x):
        return x.flatten(1) @ self.weights.T + self.bias


class Quantised(Linear):
    """Rounds what it sees: decides as before, and has no gradient."""

    def forward(self, x):
        return super().forward((x * 255).round() / 255)


def linear(outputs=1, seed=0):
    weights = torch.randn(outputs, SIZE**2, generator=torch.Generator().manual_seed(seed))
    return Linear(weights)


def crops(count=6, seed=0):
    """Grey pictures with a brighter disc, far from 0 and 1."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    disc = np.hypot(y, x) < 4
    return (0.4 + 0.2 * disc + rng.normal(0, 0.01, (count, 1, SIZE, SIZE))).astype(np.float32)


def attacked(model, norm, most=8.0, **settings):
    x = torch.from_numpy(crops())
    own = decisions(model(x))
    change, least = smallest(model, x, own, most, norm, ZERO, ONE, **settings)
    return x, own, change, least


@pytest.mark.parametrize("norm", NORMS)
def test_the_smallest_change_of_a_linear_model_is_its_distance(norm):
    model = linear()
    x, own, change, least = attacked(model, norm, rounds=12)
    dual = model.weights.norm() if norm == "l2" else model.weights.abs().sum()
    torch.testing.assert_close(least, model(x)[:, 0].abs() / dual, rtol=0.01, atol=1e-4)
    torch.testing.assert_close(sizes(change, norm), least)
    assert (decisions(model(x + change)) == 1 - own).all()


def test_of_more_classes_the_nearest_other_one_counts():
    model = linear(outputs=4)
    x, _, _, least = attacked(model, "l2", rounds=12)
    scores = model(x)
    own = scores.argmax(1)
    gaps = scores.gather(1, own[:, None]) - scores
    far = gaps / (model.weights[own][:, None] - model.weights).norm(dim=2)
    far[torch.arange(len(x)), own] = torch.inf
    torch.testing.assert_close(least, far.amin(1), rtol=0.02, atol=1e-4)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("budget", [0.01, 0.3, 5.0])
def test_budgets_and_the_range_of_pixels_are_kept(norm, budget):
    x = torch.from_numpy(np.random.default_rng(0).random((6, 1, SIZE, SIZE)).astype(np.float32))
    model = linear()
    own = decisions(model(x))
    start = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    budgets = torch.full((6,), budget)
    many, _ = pgd(model, x, own, budgets, norm, 10, ZERO, ONE, start)
    (once,) = fgsm(model, x, own, torch.tensor([budget]), norm, ZERO, ONE)
    for change in (many, once):
        assert sizes(change, norm).max() <= budget * (1 + 1e-5)
        assert (x + change).min() >= -1e-6
        assert (x + change).max() <= 1 + 1e-6


def test_many_steps_flip_what_one_does():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(SIZE**2, 16), nn.Tanh(), nn.Linear(16, 1))
    x, own, _, least = attacked(model, "linf", most=0.3)
    budgets = torch.tensor([0.02, 0.05, 0.1, 0.3])
    for budget, change in zip(
        budgets, fgsm(model, x, own, budgets, "linf", ZERO, ONE), strict=True
    ):
        once = decisions(model(x + change)) != own
        assert (least[once] <= budget * 1.02).all()
    assert least.isfinite().any()


@pytest.mark.parametrize("norm", NORMS)
def test_controls_are_as_large_as_told(norm):
    x = torch.from_numpy(crops())
    masks = torch.from_numpy(np.stack([central_mask(crop[0]) for crop in x.numpy()]))
    budget = 0.2 if norm == "l2" else 0.04
    for name, edit in controls(x, masks, norm, 0).items():
        torch.testing.assert_close(edit(torch.zeros(len(x))), x, msg=name)
        changed, reached = of_size(edit, x, budget, norm)
        size = sizes(changed - x, norm)
        assert size.max() <= budget * (1 + 1e-5), name
        assert (size[reached] >= 0.95 * budget).all(), name
        assert changed.min() >= 0, name
        assert changed.max() <= 1, name
    around = (controls(x, masks, norm, 0)["surroundings"](torch.ones(len(x))) - x).abs()
    assert around[masks[:, None]].max() == 0
    assert around[~masks[:, None]].max() > 0


def test_quantised_input_is_found_out():
    weights = linear().weights
    settings = parse_config(RobustnessConfig, {"steps": 5, "rounds": 2, "resamples": 100})
    schemes = {"masked": Quantised(weights), "open": Linear(weights)}
    checks = attack_schemes(schemes, crops(), settings).checks.set_index(["scheme", "norm"])
    assert not checks.loc["open", "masked"].any()
    assert checks.loc["masked", "masked"].all()
    assert (checks.loc["masked", "zero_gradient"] == 1).all()
    assert (checks.loc["masked", "transfer_ahead"] > 0.5).any()


def test_energy_and_shape_of_a_model_that_looks_at_the_centre_only():
    disc = torch.from_numpy(central_mask(crops(1)[0, 0]).reshape(1, -1)).float()
    inside = Linear(disc, bias=-0.55 * float(disc.sum()))  # a cell darker than 0.55
    settings = parse_config(RobustnessConfig, {"steps": 5, "rounds": 4, "resamples": 100})
    groups = np.repeat(["a", "b", "c"], 2)
    done = attack_schemes({"inside": inside, "anywhere": linear()}, crops(), settings, groups)
    cells = done.cells.set_index(["scheme", "norm"]).sort_index()
    assert cells.loc[("inside", "l2"), "inside"].min() > 0.9
    assert (
        abs(cells.loc[("anywhere", "l2"), "inside"].median() - cells["inside_area"].iloc[0]) < 0.1
    )
    darker = (
        cells.loc[("inside", "l2"), "intensity_after"] - cells.loc[("inside", "l2"), "intensity"]
    )
    assert darker.max() < -0.03
    summary = done.summary.set_index(["scheme", "norm"])
    assert (summary["flipped"] == 1).all()
    assert (summary["epsilon_low"] <= summary["epsilon"]).all()
    pgd_rates = done.rates[done.rates["attack"] == "pgd"]
    for _, each in pgd_rates.groupby(["scheme", "norm"]):
        assert each["flip_rate"].is_monotonic_increasing
    for picture in done.adversarial.values():
        assert picture.min() >= 0
        assert picture.max() <= 1


def test_the_demo_study():
    folder = Path(napari_parsimony.__file__).parent / "sample_data" / "demo_study"
    study = Study.open(folder)
    rows = held_out(study.cells()["split"], 4, 0)
    assert (study.cells()["split"].iloc[rows] == "test").all()
    schemes = image_schemes(study.vae(), study.classifier(), study.front().choice.expression)
    x = torch.from_numpy(study.crops()[rows].astype(np.float32))
    known = study.scores().iloc[rows]
    for name in ("black_box", "dense", "symbolic"):
        found = schemes[name](x).detach().numpy()[:, 0]
        np.testing.assert_allclose(found, known[name], rtol=1e-3, atol=1e-3)
    settings = parse_config(
        RobustnessConfig, {"steps": 4, "rounds": 1, "restarts": 0, "levels": (4, 32)}
    )
    told = []
    done = attack_schemes(schemes, study.crops()[rows], settings, report=told.append)
    assert [each.done for each in told] == list(range(1, 9))
    assert told[-1].total == 8
    assert set(done.rates["scheme"]) == set(schemes)
    assert done.adversarial["symbolic", "l2"].shape == x.shape


def test_of_more_classes_any_other_is_a_flip():
    settings = parse_config(RobustnessConfig, {"steps": 5, "rounds": 2, "levels": (2, 32)})
    done = attack_schemes({"three": linear(outputs=3)}, crops(), settings)
    assert (done.summary["flipped"] == 1).all()
    model, before = linear(outputs=3), done.cells[done.cells["norm"] == "l2"]["own"]
    after = decisions(model(torch.from_numpy(done.adversarial["three", "l2"])))
    assert (after.numpy() != before.to_numpy()).all()


def test_it_can_be_cancelled():
    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attack_schemes({"a": linear()}, crops(), RobustnessConfig(), report=stop)


def test_what_is_wrong_is_said():
    with pytest.raises(UserError, match="No cell is held out"):
        held_out(["train", "validation"], 3, 0)
    with pytest.raises(UserError, match="from 0 to 1"):
        attack_schemes({"a": linear()}, crops() * 3, RobustnessConfig())
    with pytest.raises(UserError, match="no crops"):
        attack_schemes({"a": linear()}, crops()[:0], RobustnessConfig())
    with pytest.raises(UserError, match="levels"):
        parse_config(RobustnessConfig, {"levels": (2, 1)})


def test_equations_without_a_value_do_not_decide():
    from napari_parsimony.symbolic.expression import Expression

    score = EquationScore(Expression.parse("log(z1)"), ["z0", "z1"])
    z = torch.tensor([[0.0, -1.0], [0.0, 2.0]])
    assert decisions(score(z)).tolist() == [-1, 1]
    change, least = smallest(
        score, z, decisions(score(z)), 3.0, "l2", torch.tensor(-5.0), torch.tensor(5.0)
    )
    assert least[0] == torch.inf
    assert (change[0] == 0).all()
    assert least[1] == pytest.approx(1.0, rel=0.02)
    with pytest.raises(UserError, match="z9"):
        EquationScore(Expression.parse("z9"), ["z0"])
