"""A planted law learned again: from other random starts, and with parts of the method left out."""

import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from planted import planted_study

from napari_parsimony.cli import main
from napari_parsimony.errors import UserError
from napari_parsimony.study.study import Study
from napari_parsimony.trust import relearn
from napari_parsimony.trust.findings import load_findings
from napari_parsimony.trust.relearn_config import AblationsConfig, StabilityConfig

LAW = {"round": "0", "long": "z1 + z3"}
SETTINGS = """
[classify]
classes = { round = ["round"], long = ["long"] }
seeds = 2
steps = 150
black_box_seeds = 1
black_box_epochs = 1
sweep = false
density = 0.1

[equations]
engines = ["quick"]
max_size = 8

[evaluate]
resamples = 100
"""
TURNED = {"z0": ("z4", -1), "z1": ("z0", 1), "z2": ("z5", 1), "z3": ("z2", -1), "z4": ("z1", 1),
          "z5": ("z3", -1)}  # fmt: skip


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    study = planted_study(folder, LAW, images=8, side=8)
    recipe = folder / "study.toml"
    recipe.write_text(SETTINGS)
    for step in ("classify", "equations", "evaluate"):
        values = ["--config-json", json.dumps(_settings(SETTINGS)[step])]
        assert main([step, str(study.path), *values, "--progress", "json"]) == 0
    return study.path


def _settings(text):
    import tomllib

    return tomllib.loads(text)


@pytest.fixture
def study(planted, tmp_path):
    shutil.copytree(planted, tmp_path / "study")
    return Study.open(tmp_path / "study")


def turned(cells, crops, own, config, folder, report):
    """In the place of a VAE: the study's latents in another order, some with another sign."""
    latents = own.latents[own.active]
    return pd.DataFrame({name: sign * latents[of] for name, (of, sign) in TURNED.items()})


def test_a_law_that_all_starts_find(study, monkeypatch):
    monkeypatch.setattr("napari_parsimony.trust.stability.train_other", turned)
    seen = []
    study.run("stability", StabilityConfig(vaes=1, networks=1, searches=2), seen.append)
    assert seen[-1].done == seen[-1].total
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    folder = study.path / "stability"
    runs = pd.read_parquet(folder / "runs.parquet")
    assert runs["vae"].tolist() == [0, 0, 0, 1, 1]
    assert [len(set(runs.loc[1:, c])) for c in ("vae_seed", "network_seed", "engine_seed")] == [
        2, 1, 2,
    ]  # fmt: skip
    assert all(set(reads) == {"z1", "z3"} for reads in runs["reads"]), "in the study's names"
    assert "z5" in runs["equation"].iloc[3], "z3 of the study, as the other VAE calls it"
    assert runs["aligned"].nunique() == 1, "signs are aligned too"
    assert (runs["structure"] == 0).all()
    assert (runs["group"] == 0).all()
    assert runs["balanced_accuracy"].min() > 0.95
    kept = pd.read_parquet(folder / "kept.parquet").set_index("name")
    own = kept[kept["kind"] == "latent"]
    assert set(own.index) == {"z1", "z3"}
    assert (own["laws"] == 4).all()
    assert (own["of_laws"] == 4).all()
    assert (own["networks"] == own["of_networks"]).all()
    assert own["alike"].tolist() == pytest.approx([1, 1])
    shares = np.load(folder / "agreement.npy", allow_pickle=False)
    decisions = pd.read_parquet(folder / "decisions.parquet")
    assert shares[0, 3] == (decisions["law 0"] == decisions["law 3"]).mean()
    findings = {f.kind: f for f in load_findings(folder / "findings.json")}
    latents = findings["stability: latents"]
    assert latents.severity == "fine"
    assert latents.sentence.startswith("Of 4 laws found from other random starts, 4 read what z")
    assert "1 different equation" in findings["stability: laws"].sentence
    assert "one way to decide" in findings["stability: laws"].sentence
    vaes = findings["stability: VAEs"].numbers
    assert vaes["active latents"] == vaes["found by all VAEs"] == 6
    assert vaes["unsupervised disentanglement ranking"] == vaes["the same of the others"] > 0.5


def test_ablations_of_a_planted_law(study):
    seen = []
    study.run("ablations", AblationsConfig(resamples=200, beta=False), seen.append)
    assert seen[-1].done == seen[-1].total
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    folder = study.path / "ablations"
    table = pd.read_parquet(folder / "ablations.parquet").set_index("name")
    assert list(table.index) == [
        "black_box", "dense", "sparse", "symbolic", "pca", "unselected", "set", "magnitude", "l1",
        "logistic", "tree", "ebm", "central", "traits",
    ]  # fmt: skip
    assert table.index[table["reference"]].tolist() == ["symbolic"], "the engine is the study's own"
    law = table.loc["symbolic"]
    assert law["difference"] == law["difference low"] == law["difference high"] == 0
    scores = study.scores()
    test = (study.cells()["split"] == "test").to_numpy()
    here = pd.read_parquet(folder / "scores.parquet")
    np.testing.assert_array_equal(here["symbolic"], scores.loc[test, "symbolic"])
    # what the class depends on is in the latents, and nothing of it in the pictures
    good = ["symbolic", "unselected", "set", "l1"]
    assert table.loc[good, "balanced_accuracy"].min() > 0.9
    assert table.loc[["set", "magnitude", "l1"], "networks"].min() > 0.9
    blind = ["pca", "central", "traits"]
    assert table.loc[blind, "balanced_accuracy"].max() < 0.7
    assert table.loc[blind, "difference high"].max() < 0
    assert table.loc["logistic", "inputs"] == 6
    assert table.loc["logistic", "size"] == 25
    assert 2 <= table.loc["tree", "inputs"] <= 6
    assert "interpret" in table.loc["ebm", "note"] or table.loc["ebm", "parameters"] > 0
    found = {f.kind: f for f in load_findings(folder / "findings.json")}
    morphology = found["ablation: latents"]
    assert morphology.severity == "fine"
    assert "are worse (traits of the central cell: " in morphology.sentence


def test_nothing_to_learn_once_more_where_networks_were_taken_over(study):
    values = {"start_from": str(study.path / "classify")}
    path = study.path.parent / "other"
    shutil.copytree(study.path, path)
    config = json.dumps({**_settings(SETTINGS)["classify"], **values})
    assert main(["classify", str(path), "--config-json", config, "--progress", "json"]) == 0
    config = json.dumps(_settings(SETTINGS)["equations"])
    assert main(["equations", str(path), "--config-json", config, "--progress", "json"]) == 0
    with pytest.raises(UserError, match="The networks of this study were taken over"):
        Study.open(path).run("stability", StabilityConfig())


def test_progress_of_parts_adds_up():
    seen = []
    parts = relearn.Parts(seen.append, 30)
    first, second = parts.next(20, "one"), parts.next(10, "two")
    first(relearn.Progress(1, 2, "half"))
    second(relearn.Progress(5, 4, "more than announced"))
    assert [(p.done, p.total) for p in seen] == [(0, 30), (20, 30), (10, 30), (30, 30)]
    assert seen[2].message == "one: half"


def start(path):
    command = [sys.executable, "-m", "napari_parsimony", "stability", str(path), "--progress"]
    return subprocess.Popen(
        [*command, "json", "--vaes", "0", "--networks", "2"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_a_killed_run_goes_on_where_it_was(study, tmp_path):
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(study.path, undisturbed)
    lines = start(undisturbed).communicate(timeout=300)[0].splitlines()
    assert json.loads(lines[-1])["event"] == "done"

    process = start(study.path)
    for line in process.stdout:
        if "networks 2: sparse" in json.loads(line).get("message", ""):
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert study.state("stability") == "missing"
    kept = {path.name for path in (study.path / ".checkpoints" / "stability").iterdir()}
    assert {"networks 0 0", "law 0 0 0"} <= kept
    lines = start(study.path).communicate(timeout=300)[0].splitlines()
    assert json.loads(lines[-1])["event"] == "done"
    messages = [json.loads(line).get("message", "") for line in lines]
    assert not any("VAE 1, networks 1: sparse" in message for message in messages), "done before"
    records = [Study.open(path).step("stability") for path in (study.path, undisturbed)]
    assert records[0].outputs == records[1].outputs
