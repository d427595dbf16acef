"""The step on the demo study."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import napari_parsimony
from napari_parsimony.cells.table import KEY
from napari_parsimony.errors import UserError
from napari_parsimony.study.study import Study
from napari_parsimony.trust.checks import run_trust
from napari_parsimony.trust.config import TrustConfig
from napari_parsimony.trust.findings import load_findings

DEMO = Path(napari_parsimony.__file__).parent / "sample_data" / "demo_study"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    path = tmp_path_factory.mktemp("studies") / "demo"
    shutil.copytree(DEMO, path)
    study = Study.open(path)
    seen = []
    study.run("trust", TrustConfig(resamples=100), seen.append)
    assert seen[-1].done == seen[-1].total
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    return study


def test_what_the_step_leaves(demo):
    folder = demo.path / "trust"
    findings = load_findings(folder / "findings.json")
    assert not [finding for finding in findings if finding.severity == "alarm"]
    kinds = [finding.kind for finding in findings]
    assert kinds.count("law in words") == 1
    assert "few cells" in kinds
    (law,) = (finding for finding in findings if finding.kind == "law in words")
    assert law.sentence.startswith("metaphase: ")
    traits = pd.read_parquet(folder / "traits.parquet")
    assert traits["held out"].all(), "the models are from another study"
    keys = demo.cells()[KEY].apply(tuple, axis=1)
    assert set(traits[KEY].apply(tuple, axis=1)) <= set(keys)
    meanings = pd.read_parquet(folder / "meanings.parquet").set_index("latent")
    equation = demo.front().choice.expression
    assert set(meanings.index[meanings["equation"]]) == set(equation.variables)
    assert set(meanings.index[meanings["sparse network"]]) == set(demo.classifier().used)
    traversals = pd.read_parquet(folder / "traversals.parquet")
    # drawn, z18 is a neighbour that comes up in that corner
    neighbour = traversals.set_index(["latent", "trait"]).loc[("z18", "neighbour upper right")]
    assert neighbour["change"] > 3
    assert neighbour["monotone"]


def test_the_step_is_repeatable(demo, tmp_path):
    before = demo.step("trust").outputs
    demo.run("trust", TrustConfig(resamples=100))
    assert demo.step("trust").outputs == before


def test_held_out_cells_are_needed(demo, tmp_path):
    cells = demo.cells().assign(split="train")
    with pytest.raises(UserError, match="held out for testing"):
        run_trust(
            cells, demo.crops(), demo.latents(), np.zeros(len(cells)), ("a", "b"),
            demo.front().choice.expression, ["z0"], demo.vae(), demo.latent_statistics(),
            {"normalisation": "percentile", "orientation": "imaged"}, TrustConfig(), tmp_path,
        )  # fmt: skip


def test_crops_as_imaged_are_turned(demo, tmp_path):
    positive = demo.cells()["class"].eq("metaphase").to_numpy().astype(float)
    cells = demo.cells().assign(split="test")
    findings = run_trust(
        cells, demo.crops(), demo.latents(), positive, ("interphase", "metaphase"),
        demo.front().choice.expression, ["z0"], demo.vae(), demo.latent_statistics(),
        {"normalisation": "dataset", "orientation": "imaged"}, TrustConfig(resamples=100),
        tmp_path, "tile",
    )  # fmt: skip
    assert "brightness alone" in [finding.kind for finding in findings]
