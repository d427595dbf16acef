"""More than two classes, from a study on disk with drawn latents to its report."""

import json
import shutil
from html import escape

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from planted import planted_study

from napari_parsimony.classify.scores import decided, scores_of
from napari_parsimony.cli import main
from napari_parsimony.errors import UserError
from napari_parsimony.report import STEPS
from napari_parsimony.study.export import export, export_study
from napari_parsimony.study.steps import target
from napari_parsimony.study.study import Study
from napari_parsimony.symbolic.class_scores import ClassScores
from napari_parsimony.symbolic.hall_of_fame import read_hall_of_fame

LAWS = {
    3: {"round": "2*z3 - z1**2", "long": "z1*z2", "small": "0"},
    5: {"G1": "3*z3 - 1", "G2": "0", "late & old": "-3*z3 - 1", "M": "2*z1*z2 - 1",
        "S": "-2*z1*z2 - 1"},
}  # fmt: skip
SETTINGS = """
[classify]
seeds = 4
steps = 800
black_box_seeds = 1
black_box_epochs = 1
sweep = false
density = 0.1

[equations]
engines = ["quick"]
max_size = 12

[evaluate]
resamples = 100

[report]
cells = 7
"""


@pytest.fixture(scope="module", params=[3, 5])
def study(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    planted = planted_study(folder, LAWS[request.param])
    recipe = folder / "study.toml"
    recipe.write_text(SETTINGS)
    assert main(["run", str(recipe), "--study", str(planted.path), "--progress", "json"]) == 0
    return Study.open(planted.path)


def test_the_law_is_found(study):
    law = LAWS[len(study.class_names())]
    front, (numbers, names) = study.front(), target(study)
    assert front.classes == names == tuple(sorted(law))
    equation = front.choice.expression
    assert isinstance(equation, ClassScores)
    assert set(equation.variables) == {"z1", "z2", "z3"} <= set(front.variables)
    right = decided(equation.evaluate(study.latents())) == numbers
    assert right.mean() > 0.98
    assert front.choice.balanced_accuracy > 0.98
    for candidate in front.candidates:
        each = candidate.expression.expressions
        zero = [str(expression) == "0" for expression in each]
        sizes = [e.size for e, nothing in zip(each, zero, strict=True) if not nothing]
        assert candidate.size == sum(sizes)
    losses = [candidate.train_loss for candidate in front.candidates]
    assert losses == sorted(losses, reverse=True)
    assert front.candidates[0].size == 0


def test_schemes_are_compared_class_by_class(study):
    schemes, (numbers, names) = study.schemes(), target(study)
    assert schemes.classes == names
    assert {scheme.name for scheme in schemes.schemes} == {
        "black_box", "dense", "sparse", "symbolic", "shape",
    }  # fmt: skip
    scores = scores_of(study.scores(), "symbolic", names)
    np.testing.assert_array_equal(scores, study.front().choice.expression.evaluate(study.latents()))
    held_out = (study.cells()["split"] == "test").to_numpy()
    right = (decided(scores) == numbers)[held_out]
    symbolic = schemes.get("symbolic")
    assert symbolic.accuracy.value == pytest.approx(right.mean())
    assert symbolic.complexity.expression_size == study.front().choice.size
    assert symbolic.balanced_accuracy.value > 0.95 > schemes.get("shape").balanced_accuracy.value


def test_the_report_has_a_line_for_each_class(study):
    page = (study.path / "report" / "report.html").read_text(encoding="utf-8")
    for name, each in study.front().choice.expression.lines:
        assert f"{escape(name)}: {each}" in page
    assert "The equation, class by class" in page


def test_the_table_has_a_probability_for_each_class(study, tmp_path):
    exported = export(study)
    table, names = exported.table, study.class_names()
    assert table.columns.is_unique
    for scheme in ("black_box", "dense", "sparse", "sparse_mean", "symbolic", "shape"):
        of_classes = table[[f"probability_{scheme} {name}" for name in names]].to_numpy()
        known = np.isfinite(of_classes).all(axis=1)
        assert known.mean() > 0.9
        np.testing.assert_allclose(of_classes[known].sum(axis=1), 1)
    likeliest = [f"probability_symbolic {name}" for name in names]
    said = np.array(names)[table[likeliest].to_numpy().argmax(axis=1)]
    np.testing.assert_array_equal(table["class_by_equation"], said)
    for name in names:
        terms = [column for column in table if column.startswith("term_") and f" {name} " in column]
        np.testing.assert_allclose(
            table[terms].sum(axis=1), table[f"score_symbolic {name}"], rtol=1e-6, atol=1e-6
        )
    export_study(study, tmp_path / "cells.csv")
    again = pd.read_csv(tmp_path / "cells.csv")
    np.testing.assert_allclose(again[likeliest], table[likeliest])
    export_study(study, tmp_path / "cells.parquet")
    about = json.loads(pq.read_schema(tmp_path / "cells.parquet").metadata[b"napari-parsimony"])
    assert about["classes"] == list(names)
    assert about["equation"] == str(study.front().choice.expression)


def test_commands_know_more_classes(study, tmp_path, capsys):
    assert main(["choose", str(study.path), "--csv", str(tmp_path / "front.csv")]) == 0
    shown = capsys.readouterr().out
    assert study.front().choice.unicode() in shown
    assert "change their class" in shown
    front = pd.read_csv(tmp_path / "front.csv")
    names = study.class_names()
    assert (front[[f"size {name}" for name in names]].sum(axis=1) == front["size"]).all()
    out = tmp_path / "hall_of_fame.csv"
    assert main(["export", str(study.path), str(out), "--hall-of-fame"]) == 0
    files = sorted(tmp_path.glob("hall_of_fame-*.csv"))
    assert len(files) == len(names)
    assert not out.exists()
    for file in files:
        assert read_hall_of_fame(file, study.front().variables)


def test_equations_of_other_classes_are_one_sentence(study, tmp_path):
    copy = Study.open(shutil.copytree(study.path, tmp_path / "copy"))
    file = copy.path / "equations" / "front.json"
    content = json.loads(file.read_text())
    content["classes"] = [f"other {name}" for name in content["classes"]]
    (tmp_path / "other.json").write_text(json.dumps(content))
    config = STEPS["equations"].config(start_from=tmp_path / "other.json")
    with pytest.raises(UserError, match=r"are of other .*, but here there are"):
        copy.run("equations", config)
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"but its networks tell .* from"):
        Study.open(copy.path).front()
