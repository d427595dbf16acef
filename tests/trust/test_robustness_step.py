"""The step on the demo study, its section of the report, and findings where the truth is known."""

import html
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import napari_parsimony
from napari_parsimony.cells.table import KEY
from napari_parsimony.config import parse_config
from napari_parsimony.errors import UserError
from napari_parsimony.report import STEPS
from napari_parsimony.report.config import ReportConfig
from napari_parsimony.report.gather import gather
from napari_parsimony.report.page import SECTIONS
from napari_parsimony.study.run import run_step
from napari_parsimony.study.study import Study
from napari_parsimony.symbolic.expression import constant
from napari_parsimony.trust.counterfactual import Counterfactuals
from napari_parsimony.trust.edit_findings import (
    check_counterfactuals,
    check_edits,
    check_neighbours,
)
from napari_parsimony.trust.edit_response import EDITED, responses
from napari_parsimony.trust.edits import EDITS
from napari_parsimony.trust.findings import load_findings
from napari_parsimony.trust.perturbation import AS_IT_IS, Perturbed, perturb
from napari_parsimony.trust.robustness import attack_schemes
from napari_parsimony.trust.robustness_config import RobustnessConfig
from napari_parsimony.trust.robustness_files import RobustnessFiles
from napari_parsimony.trust.robustness_findings import (
    Attacks,
    check_controls,
    check_gradients,
    check_place,
    check_size,
)
from napari_parsimony.trust.robustness_step import run_robustness, shown_cells
from napari_parsimony.trust.robustness_tables import Resampling

DEMO = Path(napari_parsimony.__file__).parent / "sample_data" / "demo_study"
QUICK = parse_config(
    RobustnessConfig,
    {"cells": 10, "edited": 20, "shown": 4, "levels": (8, 64), "steps": 2, "rounds": 0,
     "restarts": 0, "resamples": 100},
)  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    path = tmp_path_factory.mktemp("studies") / "demo"
    shutil.copytree(DEMO, path)
    study, seen = Study.open(path), []
    run_step(study, STEPS["robustness"], QUICK, seen.append)
    assert seen[-1].done == seen[-1].total
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    return study


def test_what_the_step_leaves(demo):
    folder = demo.path / "robustness"
    findings = load_findings(folder / "findings.json")
    kinds = {finding.kind for finding in findings}
    assert kinds >= {
        "how much flips the law", "where the change lies", "changes nobody searched for",
        "masked gradients", "neighbours taken away", "edited size", "near the boundary",
    }  # fmt: skip
    cells = demo.cells()
    keys = set(cells[KEY].apply(tuple, axis=1))
    assert {key for finding in findings for key in finding.cells} <= keys
    found = RobustnessFiles.load(folder)
    assert found.crops.shape == (4, 1, 64, 64)
    assert found.adversarial.shape == (4, 4, 2, 1, 64, 64)
    assert found.decoded.shape == (4, 2, 1, 64, 64)
    shown = found.attacked[found.attacked["shown"] >= 0].drop_duplicates("shown")
    for _, row in shown.iterrows():
        at = int(np.flatnonzero((cells[KEY] == row[KEY]).all(axis=1))[0])
        np.testing.assert_array_equal(found.crops[row["shown"]], demo.crops()[at])
    # what is said of a cell and of the picture that is shown of it is the same change
    law = found.attacked.query("scheme == 'symbolic' and norm == 'l2' and shown >= 0")
    change = found.adversarial[:, 3, 0] - found.crops
    size = np.sqrt((change[law["shown"]] ** 2).sum((1, 2, 3)))
    np.testing.assert_allclose(size, law["epsilon"], rtol=1e-3)
    assert len(found.counterfactuals) == 3 * 20
    assert set(found.edited["scheme"]) == {"black_box", "dense", "sparse", "symbolic"}


def test_the_report_has_a_section_where_the_step_was_run(demo):
    (section,) = (draw for name, _, draw in SECTIONS if name == "robustness")
    content = gather(demo, ReportConfig(cells=4))
    text = "".join(section(content))
    first = html.escape(content.findings["robustness"][0].sentence)
    for words in ("black box", "grey levels", "go along", first):
        assert words in text
    assert text.count("<img") == 5  # rates, two strips, latents, edits
    record = (demo.path / "robustness" / "step.json").read_bytes()
    (demo.path / "robustness" / "step.json").unlink()
    without = gather(demo, ReportConfig(cells=4))
    (demo.path / "robustness" / "step.json").write_bytes(record)
    assert section(without) == []


def test_cancelled_in_any_part_the_former_findings_stay(demo):
    folder = demo.path / "robustness"
    before = (folder / "findings.json").read_bytes()
    others = sorted(demo.path.iterdir())

    def stop(progress):
        if progress.message.startswith("Edited"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_step(demo, STEPS["robustness"], QUICK.model_copy(update={"seed": 1}), stop)
    assert (folder / "findings.json").read_bytes() == before
    assert demo.state("robustness") == "ready"
    assert set(demo.path.iterdir()) <= {*others, demo.path / ".checkpoints"}


def test_what_cannot_be_judged_is_said(demo, tmp_path):
    rest = (demo.classifier(), demo.vae(), QUICK, tmp_path)
    cells, law = demo.cells(), demo.front().choice.expression
    known = np.zeros(len(cells))
    with pytest.raises(UserError, match="held out"):
        run_robustness(cells.assign(split="train"), demo.crops(), demo.latents(), known, law, *rest)
    with pytest.raises(UserError, match="is a constant"):
        run_robustness(cells, demo.crops(), demo.latents(), known, constant(1.0), *rest)
    assert not list(tmp_path.iterdir())
    shutil.copy(demo.path / "robustness" / "crops.npy", tmp_path)
    with pytest.raises(UserError, match=r"summary\.parquet is missing"):
        RobustnessFiles.load(tmp_path)


class Region(nn.Module):
    """How much brighter a part of the picture is than a limit."""

    def __init__(self, part, limit):
        super().__init__()
        self.weights = nn.Parameter(torch.from_numpy(part / part.sum()).float())
        self.limit = limit

    def forward(self, x):
        return ((x[:, 0] * self.weights).sum((1, 2)) - self.limit)[:, None]


COUNT, SIZE = 48, 64
Y, X = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
GROUPS = np.arange(COUNT) % 8


def fields():
    """Round cells of several sizes and brightnesses; every other one has a neighbour above."""
    rng = np.random.default_rng(0)
    crops = rng.normal(0.1, 0.005, (COUNT, 1, SIZE, SIZE)).astype(np.float32)
    light = rng.uniform(0.4, 0.8, COUNT)
    for i, crop in enumerate(crops):
        crop[0][np.hypot(Y, X) < rng.uniform(10, 13)] += light[i] - 0.1
        if i % 2:
            crop[0][np.hypot(Y + 24, X) < 7] += 0.5
    return crops.clip(0, 1)


@pytest.fixture(scope="module")
def planted():
    """Find out about a law that reads the centre, and about one that reads the neighbour."""
    quick = {"steps": 4, "rounds": 2, "restarts": 0, "resamples": 200, "levels": (2, 64)}
    crops, config = fields(), parse_config(RobustnessConfig, quick)
    draw, vae = Resampling(GROUPS, COUNT, config), Study.open(DEMO).vae()
    keys = [("field", 0, i) for i in range(COUNT)]
    found = {}
    parts = {"centre": np.hypot(Y, X) < 8, "neighbour": np.hypot(Y + 24, X) < 7}
    for name, part in parts.items():
        schemes = {
            "black_box": Region(np.ones((SIZE, SIZE)), 0.15),
            "symbolic": Region(part, 0.6 if name == "centre" else 0.3),
        }
        attacks = Attacks(attack_schemes(schemes, crops, config, GROUPS), keys, draw, config)
        done = perturb(schemes, vae, crops, ["z0"], {"z0": 1.0}, draw)
        each = [*check_size(attacks), *check_place(attacks), *check_neighbours(done, keys, draw)]
        found[name] = {finding.kind: finding for finding in each}
    return found


def test_a_law_that_reads_neighbours_is_reported(planted):
    place, gone = (
        planted["neighbour"][kind] for kind in ("where the change lies", "neighbours taken away")
    )
    assert place.severity == gone.severity == "alarm"
    assert "lies on the neighbours" in place.sentence
    assert gone.sentence.startswith("The law reads what is around the cell.")
    with_neighbour = {("field", 0, i) for i in range(1, COUNT, 2)}
    assert set(place.cells) == set(gone.cells) == with_neighbour
    assert gone.numbers["flipped by removed neighbours"] == 0.5


def test_a_law_that_reads_the_centre_is_not(planted):
    found = planted["centre"]
    assert {finding.severity for finding in found.values()} == {"fine"}
    assert found["where the change lies"].numbers["share on the cell"] > 0.9
    assert found["neighbours taken away"].numbers["flipped by removed neighbours"] == 0
    assert found["neighbours taken away"].numbers["flipped by brightness"] > 0.2
    size = found["how much flips the law"]
    # the law reads 200 pixels, the black box 4096: the mean of these changes less
    assert size.numbers["law ÷ black box"] is not None
    assert len(size.cells) == 5


def made_up(**tables):
    """Attacks of which only some tables are known."""
    config = RobustnessConfig()
    found = SimpleNamespace(crops=np.zeros((COUNT, 1, SIZE, SIZE)), **tables)
    return Attacks(found, [], Resampling(GROUPS, COUNT, config), config)


@pytest.mark.parametrize("strange", [0.02, 0.4])
def test_controls_that_do_more_than_noise_are_named(strange):
    rate = {"pgd": 0.8, "noise": 0.01, "translation": 0.03, "surroundings": strange,
            "brighter": 0.0, "darker": np.nan}  # fmt: skip
    rates = pd.DataFrame(
        [("symbolic", "l2", name, 1.0, r, r - 0.01, r + 0.01, 0 if np.isnan(r) else COUNT)
         for name, r in rate.items()],
        columns=["scheme", "norm", "attack", "epsilon", "flip_rate", "low", "high", "n"],
    )  # fmt: skip
    (finding,) = check_controls(made_up(rates=rates))
    assert "less light" not in finding.sentence
    assert finding.severity == ("note" if strange > 0.1 else "fine")
    assert ("what is around another cell does more than noise" in finding.sentence) == (
        finding.severity == "note"
    )


def test_numbers_that_cannot_be_believed_are_named():
    signs = {"zero_gradient": 0.0, "fgsm_ahead": 0.0, "noise_ahead": 0.0, "transfer_ahead": 0.125,
             "flipped_at_most": 0.9}  # fmt: skip
    open_, masked = ({"scheme": name, "norm": "l2", **signs, "masked": name == "sparse"}
                     for name in ("dense", "sparse"))  # fmt: skip
    (note,) = check_gradients(made_up(checks=pd.DataFrame([open_, masked])))
    assert note.severity == "note"
    assert "another scheme does better at 12 %" in note.sentence
    assert "only 90 % of the cells are flipped by 64 grey levels" in note.sentence
    assert "dense" not in note.sentence
    (fine,) = check_gradients(made_up(checks=pd.DataFrame([open_])))
    assert fine.severity == "fine"


def edited(slope):
    """Scores that rise by 2 with each doubling of size among cells, by a slope in edits."""
    rng = np.random.default_rng(0)
    measured = pd.DataFrame(
        rng.normal(size=(COUNT, 4)), columns=[*EDITED, "neighbours"]
    )  # fmt: skip
    plain = (2 * measured["size"] + rng.normal(0, 0.3, COUNT)).to_numpy()[:, None]
    odds = {AS_IT_IS: plain}
    for edit in EDITED:
        for dose in EDITS[edit].doses:
            odds[edit, dose] = plain + (slope if edit == "size" else 0) * np.log2(dose)
    draw = Resampling(GROUPS, COUNT, RobustnessConfig(resamples=200))
    done = Perturbed(pd.DataFrame(), pd.DataFrame(), {}, odds)
    return responses(done, measured, ("a", "b"), draw)


@pytest.mark.parametrize(
    ("slope", "severity", "words"),
    [
        (1.5, "fine", "move its score as real cells .* larger for b"),
        (0.0, "note", "do not move its score as expected, in most cells, for b"),
        (-1.0, "note", "the other way"),
    ],
)
def test_edits_are_compared_with_what_real_cells_say(slope, severity, words):
    table = edited(slope).set_index("edit")
    assert table.loc["size", "expected"] == pytest.approx(2, abs=0.15)
    assert table.loc["size", "observed"] == pytest.approx(slope)
    assert table.loc["size", "along"] == (1 if slope > 0 else 0)
    size, elongation, _ = check_edits(table.reset_index())
    assert size.severity == severity
    assert re.search(words, size.sentence)
    assert "nothing is expected" in elongation.sentence


def smallest(distance):
    table = pd.DataFrame({"cell": np.arange(COUNT), "own": 0, "other": 1, "distance": distance})
    table["z3"], table["z5"] = 0.9 * distance, np.where(np.arange(COUNT) % 4, 0.1, 2) * distance
    return Counterfactuals(table, np.zeros((COUNT, 2)), np.zeros((COUNT, 2)))


def test_the_latent_that_flips_most_cells_and_the_cells_near_the_boundary():
    distance = np.random.default_rng(0).permutation(COUNT) / 10 + 0.1
    keys = [("field", 0, i) for i in range(COUNT)]
    draw = Resampling(GROUPS, COUNT, RobustnessConfig(resamples=200))
    wrong = (distance < 1.05).astype(float)
    movers, near = check_counterfactuals(smallest(distance), keys, wrong, draw)
    assert "is one of z3 above all in 75 %" in movers.sentence
    assert "z5 in 25 %" in movers.sentence
    assert near.severity == "fine"
    assert near.cells == tuple(("field", 0, int(i)) for i in np.argsort(distance)[:4])
    _, sure = check_counterfactuals(smallest(distance), keys, 1 - wrong, draw)
    assert sure.severity == "note"
    assert "not where it is in doubt" in sure.sentence
    (never,) = check_counterfactuals(
        smallest(np.full(COUNT, np.inf)), keys, wrong, draw
    )  # fmt: skip
    assert "No change of the latents" in never.sentence


def test_shown_cells_are_of_all_classes_from_easy_to_hard():
    epsilon = np.array([3.0, 1.0, 2.0, np.inf, 5.0, 4.0, np.nan])
    target = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    assert shown_cells(epsilon, target, 3).tolist() == [1, 0, 4]
    assert shown_cells(epsilon, target, 99).tolist() == [1, 2, 0, 5, 4]
    assert len(shown_cells(np.full(3, np.inf), np.zeros(3), 4)) == 0
