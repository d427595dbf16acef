"""From latents and scores to a front."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from napari_parsimony.errors import UserError
from napari_parsimony.progress import silent
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.engines.base import Found, Partial
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.front import Judged
from napari_parsimony.symbolic.search import search_front

LAW = Expression.parse("z29*(z17^2 + z21^2) - exp(exp(z3))")
QUICK = EquationsConfig(engines=("quick",))


def study(cells=1500, flipped=0.0, seed=0):
    generator = np.random.default_rng(seed)
    latents = pd.DataFrame(generator.normal(size=(cells, 4)), columns=["z3", "z17", "z21", "z29"])
    scores = LAW.evaluate(latents)
    target = ((scores > 0) ^ (generator.random(cells) < flipped)) * 1.0
    target[generator.random(cells) < 0.2] = np.nan
    logits = np.clip(scores, -20, 20) + 0.3 * generator.normal(size=cells)
    movies = generator.integers(0, 30, cells)
    split = np.where(movies < 18, "train", np.where(movies < 24, "validation", "test"))
    return latents, logits, target, split, movies


@pytest.mark.parametrize("target", ["logits", "labels"])
def test_the_law_is_found(target):
    reports = []
    config = EquationsConfig(engines=("quick",), target=target)
    front = search_front(*study(flipped=0.003), config, reports.append)
    sizes = [candidate.size for candidate in front.candidates]
    losses = [candidate.train_loss for candidate in front.candidates]
    assert sizes == sorted(set(sizes))
    assert losses == sorted(losses, reverse=True)
    assert max(sizes) <= config.max_size
    assert front.choice.balanced_accuracy > 0.9
    if target == "logits":
        assert "z29·(z17² + z21²) − exp(exp(z3))" in front.choice.unicode()
        assert front.choice.agreement > 0.93
        assert front.choice.flips <= 2
    done = [report.done for report in reports]
    assert done == sorted(done)
    assert all(0 <= report.done <= report.total for report in reports)


def test_test_cells_are_not_looked_at():
    latents, logits, target, split, groups = study(600)
    front = search_front(latents, logits, target, split, groups, QUICK, silent)
    hidden = split == "test"
    latents = latents.copy()
    latents[hidden], logits[hidden], target[hidden] = np.nan, np.nan, np.nan
    assert search_front(latents, logits, target, split, groups, QUICK, silent) == front


def test_training_cells_that_shaped_the_latents_do_not_judge():
    latents, logits, target, split, groups = study(1500)
    told = latents.copy()
    # a latent that knows the class of training cells, and nothing of others
    train, known = split == "train", ~np.isnan(target)
    told["z40"] = np.random.default_rng(1).normal(size=1500)
    told.loc[train & known, "z40"] = 4 * target[train & known] - 2
    logits = np.where(train & known, told["z40"], logits)
    fooled = search_front(told, logits, target, split, groups, QUICK, silent)
    wary = search_front(told, logits, target, split, groups, QUICK, silent, guided=True)
    held_out = (split == "validation") & known

    def accuracy(front):
        scores = front.choice.expression.evaluate(told[held_out])
        return np.mean((scores > 0) == target[held_out])

    assert fooled.choice.balanced_accuracy > accuracy(fooled) + 0.1
    assert abs(wary.choice.balanced_accuracy - accuracy(wary)) < 0.1


def test_both_engines_in_one_front():
    config = EquationsConfig(generations=5, population=100, restarts=1, max_size=12)
    front = search_front(*study(600), config, silent)
    again = search_front(*study(600), config, silent)
    assert front == again
    assert {candidate.engine for candidate in front.candidates} <= {"quick", "operon"}
    assert front.searches == (("operon", 0), ("quick", 0))


def test_every_number_has_its_interval_and_its_cells():
    data = study(900, 0.05)
    front = search_front(*data, QUICK, silent)
    labelled = ~np.isnan(data[2]) & (data[3] != "test")
    assert front.judged == Judged(labelled.sum(), 24, labelled.sum())
    for candidate in front.candidates:
        for name in ("loss", "accuracy", "balanced_accuracy"):
            value = candidate.validation_loss if name == "loss" else getattr(candidate, name)
            low, high = getattr(candidate, f"{name}_interval")
            assert low <= value <= high
            assert high - low < 0.25
    # a single movie says nothing of others
    one = search_front(*data[:4], np.zeros(900), QUICK, silent)
    assert one.judged.groups == 1
    assert one.choice.loss_interval is one.choice.balanced_accuracy_interval is None


def test_noise_gives_a_small_equation():
    latents, _, _, split, groups = study(800)
    generator = np.random.default_rng(5)
    target = generator.integers(0, 2, 800) * 1.0
    front = search_front(latents, generator.normal(size=800), target, split, groups, QUICK, silent)
    assert front.choice.size <= 5


def _changed(index, value):
    data = list(study(300))
    data[index] = value(data[index].copy())
    return data


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (_changed(0, lambda latents: latents[[]]), "no latent"),
        (_changed(0, lambda latents: latents.where(latents < 2)), "finite"),
        (_changed(1, lambda logits: logits + np.inf), "finite"),
        (_changed(2, lambda target: target * 0), "not of both classes"),
        (_changed(2, lambda target: target * np.nan), "not of both classes"),
        (_changed(3, lambda split: np.full(300, "train")), "validation cells are not"),
        (_changed(3, lambda split: np.full(300, "all")), "'all'"),
    ],
)
def test_what_cannot_be_learned_from(data, what):
    with pytest.raises(UserError, match=what):
        search_front(*data, QUICK, silent)


def test_columns_must_belong_together():
    with pytest.raises(ValueError, match="lengths"):
        search_front(*_changed(1, lambda logits: logits[:-1]), QUICK, silent)
    with pytest.raises(UserError, match="'area mean' cannot be the name"):
        search_front(
            *_changed(0, lambda latents: latents.rename(columns={"z3": "area mean"})), QUICK, silent
        )


def test_config_describes_itself_and_imports_no_torch():
    schema = EquationsConfig.model_json_schema()
    assert all(field.get("description") for field in schema["properties"].values())
    assert EquationsConfig(**json.loads(EquationsConfig().model_dump_json())) == EquationsConfig()
    with pytest.raises(ValueError, match="'by_hand' would not count"):
        EquationsConfig(start_from="front.json", by_hand="z3")
    code = "import sys, napari_parsimony.symbolic.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_many_cells_are_shortened_on_few_and_fitted_on_all(monkeypatch):
    data = study(1200)
    monkeypatch.setattr("napari_parsimony.symbolic.search.SHORTEN_CELLS", 250)
    front = search_front(*data, QUICK, silent)
    assert front.choice.balanced_accuracy > 0.95


def test_a_rare_class_among_many_cells_is_found(monkeypatch):
    for name in ("REFIT_CELLS", "SHORTEN_CELLS"):
        monkeypatch.setattr(f"napari_parsimony.symbolic.search.{name}", 400)
    latents, _, _, split, movies = study(40_000)
    latents = latents.clip(-3, 2.9)
    target = np.zeros(40_000)
    latents.loc[::2_000, "z3"], target[::2_000] = 8, 1
    config = QUICK.model_copy(update={"cells": 400})
    front = search_front(latents, 10 * target - 5, target, split, movies, config, silent)
    assert front.choice.balanced_accuracy > 0.99


def test_few_cells_of_a_class_can_be_cross_validated():
    latents = study(16)[0]
    target, split = np.tile([0.0, 1.0], 8), np.repeat(["train", "validation"], 8)
    latents["z3"] = 4 * target - 2 + 0.1 * latents["z3"]
    rows = np.r_[0:4, 8:12]  # two of each class in each split
    data = latents.iloc[rows], target[rows] - 0.5, target[rows], split[rows], rows
    assert search_front(*data, QUICK, silent).choice.balanced_accuracy == 1


def test_nothing_small_enough(monkeypatch):
    monkeypatch.setattr(
        "napari_parsimony.symbolic.search.shortened",
        lambda fitted, fit, report, *_: [m for m in fitted if m.expression.size > 5],
    )
    config = EquationsConfig(engines=("quick",), max_size=3)
    with pytest.raises(UserError, match="size 3 or less"):
        search_front(*study(300), config, silent)


def test_what_is_far_too_large_is_shortened_only_if_a_person_wrote_it(tmp_path, monkeypatch):
    patched = "napari_parsimony.symbolic.search.exchanged"
    monkeypatch.setattr(patched, lambda *_: [])  # which finds the law from what is small
    data = study(300)
    law, little = "x3*(x1^2 + x2^2) - exp(exp(x0))", "0.001*tanh(x0 + x1)*sin(x2 - x3)"
    large = f"{law} + {little} + 0.002*cos(x1*x3) + 0.001*exp(-(x2^2))"
    assert 30 < Expression.parse(large).simplified().size <= 60
    path = tmp_path / "hall_of_fame.csv"
    path.write_text(f'Complexity,Loss,Equation\n3,2.0,"x0 + x3"\n40,0.5,"{large}"\n')
    config = EquationsConfig(engines=(), hall_of_fame=path, max_size=15)
    sizes = [c.size for c in search_front(*data, config, silent).candidates]
    assert max(sizes) <= 3
    wide = config.model_copy(update={"max_size": 30})
    assert search_front(*data, wide, silent).choice.balanced_accuracy > 0.95
    for i, name in enumerate(data[0].columns):
        large = large.replace(f"x{i}", name)
    config = EquationsConfig(engines=(), by_hand=large, max_size=15)
    assert search_front(*data, config, silent).choice.balanced_accuracy > 0.95


def test_the_front_can_be_seen_while_it_grows():
    reports = []
    config = QUICK.model_copy(update={"by_hand": "z3*z17", "max_size": 8})
    front = search_front(*study(200), config, reports.append)
    previews = [report.preview for report in reports if report.preview]
    json.dumps(previews, allow_nan=False)
    assert [p["loss"] for p in previews] == sorted((p["loss"] for p in previews), reverse=True)
    assert {p["loss"] for p in previews} == {"squared error", "logistic loss"}
    for preview in previews:
        sizes = [size for size, _, _ in preview["front"]]
        losses = [loss for _, loss, _ in preview["front"]]
        assert sizes == sorted(set(sizes))
        assert losses == sorted(losses, reverse=True)
    # what it ends with was there to be seen
    shown = {size for size, _, _ in previews[-1]["front"]}
    assert {candidate.size for candidate in front.candidates} <= shown


def test_equations_by_hand_compete():
    data = study(600)
    law = "z29*(z17^2 + z21^2) - exp(exp(z3))"
    config = QUICK.model_copy(update={"by_hand": f"{law}; z3", "max_size": 11})
    front = search_front(*data, config, silent)
    largest = front.laws[front.law_of(len(front.candidates) - 1)]
    assert set(largest.found_by) == {("by hand", 0), ("quick", 0)}, "both found it"
    assert front.searches == (("quick", 0),), "a hand is no search"
    by_hand = [c for c in front.candidates if c.engine == "by hand"]
    assert by_hand, "the law itself, or what it was shortened to, is on the front"
    with pytest.raises(UserError, match="reads z99, but the search knows only"):
        search_front(*data, QUICK.model_copy(update={"by_hand": "z99"}), silent)


def test_equations_of_a_run_of_pysr_compete_without_julia(tmp_path):
    data = study()
    path = tmp_path / "hall_of_fame.csv"
    law = "((x2 * square(x1)) + (x3 * square(x1)))"
    path.write_text(f'Complexity,Loss,Equation\n1,2.0,"x0"\n9,0.5,"{law}"\n')
    config = QUICK.model_copy(update={"engines": (), "hall_of_fame": path})
    front = search_front(*data, config, silent)
    assert {c.engine for c in front.candidates} == {"pysr (file)"}
    path.write_text('Complexity,Loss,Equation\n1,2.0,"x99"\n')
    with pytest.raises(UserError, match="read x99"):
        search_front(*data, config, silent)


def test_an_engine_that_cannot_run_is_refused_before_anything_is_searched(monkeypatch):
    def refuse():
        raise UserError("no Julia")

    monkeypatch.setattr("napari_parsimony.symbolic.engines.pysr_state.require_pysr", refuse)
    told = []
    config = QUICK.model_copy(update={"engines": ("quick", "pysr")})
    with pytest.raises(UserError, match="no Julia"):
        search_front(*study(), config, told.append)
    assert not told


def test_what_an_interrupted_search_had_found_takes_part_in_the_next(tmp_path, monkeypatch):
    law = Expression.parse("z29*z17^2 + z29*z21^2")

    class Interrupted:
        def search(self, problem, report_front):
            report_front(Partial(1, 2, (Found(law, 0, 0.5),)))
            raise KeyboardInterrupt

    class Goes(Interrupted):
        def search(self, problem, report_front):
            guesses.append(problem.guesses)
            return [Found(Expression.parse("z3"), 0, 1.0)]

    guesses = []
    where = "napari_parsimony.symbolic.search.engine"
    monkeypatch.setattr(where, lambda name: Interrupted())
    with pytest.raises(KeyboardInterrupt):
        search_front(*study(), QUICK, silent, keep=tmp_path / "kept")
    monkeypatch.setattr(where, lambda name: Goes())
    front = search_front(*study(), QUICK, silent, keep=tmp_path / "kept")
    assert guesses == [(law,)]
    assert any("z29" in candidate.expression.variables for candidate in front.candidates)
    # damaged, it is as if there were nothing
    (tmp_path / "kept" / "quick.csv").write_text("nonsense")
    search_front(*study(), QUICK, silent, keep=tmp_path / "kept")
    assert guesses[-1] == ()
