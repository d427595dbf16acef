"""The report of a small study whose artefacts come from the real rooms, but for the training."""

import numpy as np
import pandas as pd
import pytest
import torch
from made_up import front
from test_page import check

from napari_parsimony.artefact import write_json
from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.cells.table import KEY, write_cells
from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.classify.train import train_classifier
from napari_parsimony.errors import UserError
from napari_parsimony.report import REPORT, STEPS
from napari_parsimony.report.config import ReportConfig
from napari_parsimony.report.gather import gather
from napari_parsimony.study.run import run_step
from napari_parsimony.study.step import Step
from napari_parsimony.study.steps import target
from napari_parsimony.study.study import Study
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.trust.config import EvaluateConfig, TrustConfig
from napari_parsimony.trust.schemes import Complexity
from napari_parsimony.trust.step import run_evaluate
from napari_parsimony.vae.config import VaeConfig
from napari_parsimony.vae.latents import encode_crops, latent_names, latent_statistics
from napari_parsimony.vae.model import Architecture, Vae
from napari_parsimony.vae.store import save_vae

N, LAW = 160, "2.5*z1 + 0.3*z2**2 - z0*z3"


def cells_step(study, config, out, checkpoints, report):
    random = np.random.default_rng(0)
    long = random.random(N) < 0.5
    y, x = np.mgrid[:32, :32] - 15.5
    ratio = np.where(long, 1.7, 1.1)[:, None, None]
    crops = 0.9 * ((x / ratio) ** 2 + (y * ratio) ** 2 < 49) + random.normal(0, 0.02, (N, 32, 32))
    np.save(out / "crops.npy", np.clip(crops, 0, 1)[:, None].astype(np.float16))
    movie = random.integers(12, size=N)
    raw = np.where(long, "long <i>", "round").astype(object)
    raw[::10] = None
    table = pd.DataFrame(
        {
            "image": "a.tif", "frame": 0, "label": np.arange(N), "y": 1.0, "x": 1.0,
            "group": [f"m{m}" for m in movie],
            "split": np.array(["train", "validation", "test"])[movie // 4],
            "class": raw, "angle": 0.0, "scale": 1.0, "border": False, "low": 0.0, "high": 1.0,
        }
    )  # fmt: skip
    write_cells(table, out / "cells.parquet")


def vae_step(study, config, out, checkpoints, report):
    torch.manual_seed(0)
    vae = Vae(Architecture(1, 32, 5)).eval()
    save_vae(vae, {}, out / "weights.safetensors")
    mean, log_variance = encode_crops(vae, study.crops())
    mean *= 100  # an untrained encoder hardly moves
    mean[:, 1] += 2 * (np.nan_to_num(target(study)[0], nan=0.5) - 0.5)
    statistics = latent_statistics(mean, log_variance)
    write_json(out / "latents.json", statistics.to_dict("records"))
    latents = pd.DataFrame(mean, columns=latent_names(5))
    pd.concat([study.cells()[KEY], latents], axis=1).to_parquet(out / "latents.parquet")
    history = {"step": [0, 10, 20], "loss": [3.0, 2.0, 1.0], "held-out loss": [3.1, 2.1, 1.1]}
    pd.DataFrame(history).to_parquet(out / "history.parquet")


def classify_step(study, config, out, checkpoints, report):
    cells = study.cells()
    classifier = train_classifier(
        study.crops(), study.latents(), cells["class"], cells["split"], cells["group"],
        latent_names(5), "imaged", config, report,
    )  # fmt: skip
    classifier.save(out)
    scores = classifier.scores(study.crops(), study.latents())
    pd.concat([cells[KEY], scores], axis=1).to_parquet(out / "scores.parquet")


def equations_step(study, config, out, checkpoints, report):
    front([LAW, "z0"], 0).save(out / "front.json")


def evaluate_step(study, config, out, checkpoints, report):
    positive, classes = target(study)
    latents = study.latents()
    scores = study.network_scores()[["black_box", "dense", "sparse"]]
    scores["symbolic"] = study.front().choice.expression.evaluate(latents)
    run_evaluate(
        scores, positive, study.cells(), study.crops(), {"symbolic": Complexity(parameters=2)},
        config, out, classes,
    )  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    study = Study.create(tmp_path_factory.mktemp("studies") / "small", "A small <study>")
    quick = {"seeds": 2, "steps": 60, "black_box_seeds": 1, "black_box_epochs": 1}
    for name, run, inputs, config in (
        ("cells", cells_step, (), CellsConfig(folder=study.path.parent)),
        ("vae", vae_step, ("cells",), VaeConfig()),
        ("classify", classify_step, ("cells", "vae"), ClassifyConfig(density=0.3, **quick)),
        ("equations", equations_step, ("vae",), EquationsConfig()),
        ("evaluate", evaluate_step, ("equations",), EvaluateConfig(resamples=100)),
    ):
        run_step(study, Step(name, name, name, type(config), inputs, run), config)
    run_step(study, STEPS["trust"], TrustConfig(resamples=100))
    return study


def test_the_report_reads_all_steps_the_optional_ones_where_they_were_run():
    needed = [name for name, step in STEPS.items() if not step.optional]
    assert needed == ["cells", "vae", "classify", "equations", "evaluate", "trust", "report"]
    assert set(REPORT.inputs) == {*needed} - {"report"}
    assert set(REPORT.also_reads) == {*STEPS} - {*needed}


def test_the_step_writes_one_page(study):
    seen = []
    run_step(study, REPORT, ReportConfig(cells=6), seen.append)
    assert sorted(p.name for p in (study.path / "report").iterdir()) == ["report.html", "step.json"]
    text = (study.path / "report" / "report.html").read_text(encoding="utf-8")
    check(text)
    assert "<title>A small &lt;study&gt;</title>" in text
    assert "long &lt;i&gt;" in text
    assert seen[-1].done == seen[-1].total


def test_what_is_shown_is_held_out_and_of_both_classes(study):
    content = gather(study, ReportConfig(cells=6, title="Other"))
    cells, positive = study.cells(), target(study)[0]
    shown = [
        int(np.flatnonzero((study.crops() == crop.astype(np.float16)).all((1, 2, 3)))[0])
        for crop in content.crops
    ]
    assert content.title == "Other"
    assert (cells["split"][shown] == "test").all()
    assert positive[shown].tolist() == [0, 0, 0, 1, 1, 1]
    assert content.cells[["long <i>", "round"]].to_numpy().sum() == np.isfinite(positive).sum()
    assert content.unlabelled == N // 10
    assert content.traversals.shape[1:] == (7, 1, 32, 32)
    assert {"z0", "z1", "z2", "z3"} <= set(content.traversal_names)


def test_the_map_is_over_the_latents_that_decide_most_unless_asked(study):
    decision = gather(study, ReportConfig()).decision
    assert "z1" in (decision.x.name, decision.y.name)
    assert len(decision.fixed) == 2
    values = study.latents()
    for name, value in decision.fixed.items():
        assert value == pytest.approx(values[name].median())
    asked = gather(study, ReportConfig(y="z1", x="z3")).decision
    assert (asked.x.name, asked.y.name) == ("z3", "z1")
    assert gather(study, ReportConfig(y=decision.x.name)).decision.y.name == decision.x.name


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"x": "z4"}, "cannot have 'z4' along its x axis"),
        ({"x": "z1", "y": "z1"}, "'z1' along both axes"),
    ],
)
def test_a_map_that_cannot_be_is_refused(study, config, words):
    with pytest.raises(UserError, match=words):
        gather(study, ReportConfig(**config))
