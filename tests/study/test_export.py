"""The table of cells for other programs: what is in it, and that all formats give it back."""

import builtins
import json
import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.special import expit

import napari_parsimony
from napari_parsimony.cells.annotations import Annotations
from napari_parsimony.cells.table import KEY
from napari_parsimony.cli import main
from napari_parsimony.errors import UserError
from napari_parsimony.study.export import export, export_study
from napari_parsimony.study.latent_names import write_latent_names
from napari_parsimony.study.study import Study

DEMO = f"{napari_parsimony.__path__[0]}/sample_data/demo_study"


@pytest.fixture
def study(tmp_path):
    study = Study.open(shutil.copytree(DEMO, tmp_path / "demo"))
    write_latent_names(study, {"z26": "elongation"})
    return study


def without(study, *steps):
    for name in steps:
        shutil.rmtree(study.path / name, ignore_errors=True)
    return study


def test_numbers_are_those_of_the_study(study):
    key = tuple(study.cells().loc[4, KEY])
    study.annotate(Annotations({}, {key: "debris"}))
    exported = export(study)
    cells, choice = exported.cells, study.front().choice
    pd.testing.assert_frame_equal(cells[KEY], study.cells()[KEY])
    assert cells.loc[4, "class"] == "debris"
    pd.testing.assert_series_equal(cells["class_told"], study.classes_told(), check_names=False)
    latents = study.latents()
    score = choice.expression.evaluate({z: latents[z] for z in choice.expression.variables})
    np.testing.assert_array_equal(cells["score_symbolic"], score)
    np.testing.assert_allclose(cells["probability_symbolic"], expit(score))
    np.testing.assert_allclose(cells.filter(like="term_").sum(axis=1), score, atol=1e-9)
    assert len(cells.filter(like="term_").columns) == len(choice.expression.terms)
    first, second = exported.about["classes"]
    assert set(cells["class_by_equation"]) == {first, second}
    assert ((cells["class_by_equation"] == second) == (score > 0)).all()
    for scheme in ("black_box", "dense", "sparse", "sparse_mean"):
        np.testing.assert_array_equal(cells[f"score_{scheme}"], study.network_scores()[scheme])
    assert "z26 elongation" in exported.table
    np.testing.assert_array_equal(exported.table["z26 elongation"], latents["z26"])
    assert exported.about["equation"] == str(choice.expression)
    assert exported.about["steps"]["vae"]["fingerprint"] == study.step("vae").fingerprint
    assert exported.table.columns.is_unique


def test_what_is_stale_or_missing_is_left_out_and_told(study):
    scores = study.path / "classify" / "scores.parquet"
    scores.write_bytes(scores.read_bytes() + b"x")
    exported = export(without(study, "report"))
    assert not any(name.startswith(("score_", "term_", "class_")) for name in exported.cells)
    assert len(exported.latents.columns) == 32
    assert "Left out, as the step 'equations' is out of date." in exported.notes
    exported = export(without(study, "vae", "classify", "equations", "evaluate"))
    assert list(exported.table.columns) == list(study.cells().columns)
    assert "Left out, as the step 'vae' was not run." in exported.notes
    with pytest.raises(UserError, match="cells"):
        export(without(study, "cells"))


def test_csv_and_parquet_give_the_table_back(study, tmp_path):
    table = export(study).table
    export_study(study, tmp_path / "new" / "cells.csv")
    read = pd.read_csv(tmp_path / "new" / "cells.csv")
    assert list(read.columns) == list(table.columns)
    assert read.isna().equals(table.isna())
    pd.testing.assert_frame_equal(read, table.fillna(np.nan), check_dtype=False, rtol=1e-6)

    exported = export_study(study, tmp_path / "cells.parquet")
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "cells.parquet"), table, check_dtype=False
    )
    told = pq.read_schema(tmp_path / "cells.parquet").metadata[b"napari-parsimony"]
    assert json.loads(told) == exported.about
    assert not list(tmp_path.glob(".*.partial"))


@pytest.mark.parametrize("gone", [(), ("vae", "classify", "equations", "evaluate")])
def test_anndata_gives_the_table_back(study, tmp_path, gone):
    anndata = pytest.importorskip("anndata")
    key = tuple(study.cells().loc[4, KEY])
    study.annotate(Annotations({}, {key: None}))
    exported = export_study(without(study, *gone), tmp_path / "cells.h5ad")
    read = anndata.read_h5ad(tmp_path / "cells.h5ad")
    np.testing.assert_array_equal(read.X, exported.latents)
    assert list(read.var_names) == list(exported.latents.columns)
    assert read.obs_names[4] == "|".join(map(str, key))
    for name in exported.cells:
        left, right = read.obs[name.replace("/", "÷")], exported.cells[name]
        assert [x for x in left if x == x] == [x for x in right if x == x and x is not None]
    assert pd.isna(read.obs["class"].iloc[4])
    assert json.loads(read.uns["napari-parsimony"]) == exported.about
    if not gone:
        assert read.var.loc["z26", "name"] == "elongation"
        assert read.var["active"].sum() == study.latent_statistics()["active"].sum()


def test_without_anndata_one_sentence_says_how_to_get_it(study, tmp_path, monkeypatch):
    real = builtins.__import__

    def missing(name, *rest):
        if name == "anndata":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UserError, match=r"pip install 'napari-parsimony\[anndata\]'"):
        export_study(study, tmp_path / "cells.h5ad")
    assert not (tmp_path / "cells.h5ad").exists()


def test_refusals_change_nothing(study, tmp_path):
    with pytest.raises(UserError, match=r"'cells\.xlsx' does not say how"):
        export_study(study, tmp_path / "cells.xlsx")
    before = (study.path / "cells" / "cells.parquet").read_bytes()
    with pytest.raises(UserError, match="outside"):
        export_study(study, study.path / "cells" / "cells.parquet")
    assert (study.path / "cells" / "cells.parquet").read_bytes() == before
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError, match="Could not write"):
        export_study(study, tmp_path / "folder.csv")
    assert not list(tmp_path.glob(".*.partial"))


def test_command(study, tmp_path, capsys):
    out = tmp_path / "cells.csv"
    assert main(["export", str(study.path), str(out)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith(f"{len(study.cells())} cells, ")
    assert len(pd.read_csv(out)) == len(study.cells())
    assert main(["export", str(study.path), str(tmp_path / "cells.doc")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
