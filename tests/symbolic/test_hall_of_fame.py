"""PySR's hall_of_fame.csv: read as untrusted text, and written so that both sides can read it."""

import json
import os
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import napari_parsimony
from napari_parsimony.cli import main
from napari_parsimony.errors import UserError
from napari_parsimony.study.study import Study
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.front import Candidate, Front
from napari_parsimony.symbolic.hall_of_fame import hall_of_fame, read_hall_of_fame
from napari_parsimony.symbolic.render import julia

LATENTS = ("z3", "z17", "z21", "z29")
HEAD = "Complexity,Loss,Equation\n"
# as PySR 2.7 writes the law of the published method
LAW = '12,0.25,"((x3 * (square(x1) + square(x2))) - exp(exp(x0))) + 1.5f0"\n'


def texts(path):
    return [str(member.expression) for member in read_hall_of_fame(path, LATENTS)]


@pytest.fixture
def run(tmp_path):
    def make(content, name="hall_of_fame.csv", folder="20261124_120000_abc"):
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


def test_a_file_and_its_folder_are_read_by_order(run):
    path = run(HEAD + '1,2.0,"x0"\n' + LAW)
    expected = ["z3", "z29*(z17**2 + z21**2) - exp(exp(z3)) + 1.5"]
    assert texts(path) == texts(path.parent) == expected
    law = read_hall_of_fame(path, LATENTS)[1]
    assert (law.complexity, law.loss) == (12, 0.25)


def test_names_of_latents_win_and_unused_latents_do_not_matter(run):
    assert texts(run(HEAD + '3,1.0,"z21 + 2"\n')) == ["z21 + 2"]


@pytest.mark.parametrize("loss", ["Inf", "NaN", "1.5f-3", "2"])
def test_numbers_of_julia(run, loss):
    (member,) = read_hall_of_fame(run(f'{HEAD}1,{loss},"x0"\n'), LATENTS)
    assert isinstance(member.loss, float)


def test_headings_of_older_files_and_no_quotes(run):
    assert texts(run("complexity,loss,equation\r\n3,0.5,x0 + x1\r\n")) == ["z3 + z17"]


def test_the_copy_is_read_while_the_file_is_written(run):
    path = run(HEAD + '1,2.0,"x')
    run(HEAD + '1,2.0,"x1"\n', "hall_of_fame.csv.bak")
    assert texts(path) == texts(path.parent) == ["z17"]
    path.unlink()
    assert texts(path) == texts(path.parent) == ["z17"]
    run("", "hall_of_fame.csv.bak")
    run("nothing")
    with pytest.raises(UserError, match=r"hall_of_fame.csv is no hall_of_fame.csv: its first line"):
        texts(path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "its first line is not 'Complexity,Loss,Equation'"),
        (HEAD, "has no equations in it"),
        (b"\xff\xfe\x00\x01", "it is not text"),
        (HEAD + "1,2.0\n", "line 2 .*2 values stand where 3 belong"),
        (HEAD + '1,2.0,"x0 + (x1\n', "line 2"),
        (HEAD + '1,two,"x0"\n', "line 2 .*'two' is not a number"),
        (HEAD + '1,2.0,"x0"\n3,1.0,"x0 +"\n', "line 3 .*a name is missing"),
        (HEAD + '1,2.0,"cond(x0, x1)"\n', "line 2 .*no function 'cond'"),
        (HEAD + '1,2.0,"f = #1 + #2; g = 2.0 * #1"\n', "of a template.*pysr_template"),
        (HEAD + '1,2.0,"x4"\n', "read x4, but x0 to x3 stand for the 4 latents .*z3, z17, z21"),
        (HEAD + '1,2.0,"area + x0"\n', "read 'area', but the latents are z3, z17, z21, z29"),
        (HEAD + '1,2.0,"z3 + x0"\n', "but the latents are z3"),
        (HEAD + "1,2.0,\"__import__('os').system('false')\"\n", "line 2"),
        (HEAD + '1,2.0,"' + "(" * 1_000_000 + '"\n', "line 2 .*field larger"),
        (HEAD + '1,2.0,"' + "(" * 19_000 + '"\n', "nested more than 100 levels"),
        (HEAD + '1,2.0,"' + "9" * 10_000_000 + '"\n', "larger than 2 MB"),
        (HEAD + '1,2.0,"' + "9" * 100_000 + '"\n', "more than 20,000 are not read"),
    ],
)
def test_anything_else_is_one_sentence(run, content, why):
    with pytest.raises(UserError, match=why) as caught:
        texts(run(content))
    assert len(str(caught.value)) < 500


def test_folders_without_it_say_what_is_in_them(run, tmp_path):
    with pytest.raises(UserError, match=r"has no hall_of_fame.csv\.$"):
        texts(tmp_path)
    path = run("", "hall_of_fame_output1.csv")
    with pytest.raises(UserError, match=r"choose one of hall_of_fame_output1.csv"):
        texts(path.parent)
    run(HEAD + LAW)
    with pytest.raises(UserError, match="choose one of 20261124_120000_abc"):
        texts(tmp_path)
    with pytest.raises(UserError, match="cannot be read: No such file"):
        texts(tmp_path / "nowhere.csv")


def front():
    equations = ["0.25", "z3", "z29*(z17^2 + z21^2) - exp(exp(z3))", "-cos(z3)^3/min(z17, 2)"]
    candidates = tuple(
        Candidate(Expression.parse(text), "quick", 0, 1.0 / (i + 1), 1, 0.1, 0, 0.5, 0.5, 3, 0)
        for i, text in enumerate(equations)
    )
    return Front(candidates, 1, LATENTS)


def test_a_front_goes_out_and_comes_back(run):
    members = read_hall_of_fame(run(hall_of_fame(front())), LATENTS)
    assert [m.expression for m in members] == [c.expression for c in front().candidates]
    assert [m.complexity for m in members] == [c.size for c in front().candidates]
    assert [m.loss for m in members] == [c.train_loss for c in front().candidates]


def test_the_command_exports_a_study_s_equations(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    demo = Path(napari_parsimony.__file__).parent / "sample_data" / "demo_study"
    out = tmp_path / "hall_of_fame.csv"
    assert main(["export", str(demo), str(out), "--hall-of-fame"]) == 0
    there = Study.open(demo).front()
    found = read_hall_of_fame(out, there.variables)
    assert [m.expression for m in found] == [c.expression for c in there.candidates]
    assert f"{len(found)} equations" in capsys.readouterr().out


def test_pysr_reads_what_we_write(run):
    try:
        metadata.version("pysr")
    except metadata.PackageNotFoundError:
        pytest.skip("the extra [pysr] is not installed")
    # in a child, with a stand-in for Julia, which reading does not need
    path = run(hall_of_fame(front()))
    code = f"""
import json, numpy as np, pysr
model = pysr.PySRRegressor.from_file(
    run_directory={str(path.parent)!r}, binary_operators=["+"], unary_operators=["exp"],
    n_features_in=4, feature_names_in=np.array({LATENTS!r}),
)
X = np.array([[0.1, 0.2, 0.3, 0.4], [-1.0, 2.0, 0.5, -0.25]])
values = [np.broadcast_to(model.predict(X, index=i), 2).tolist() for i in range(4)]
print(json.dumps(values))
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).with_name("fake_julia"))}
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert child.returncode == 0, child.stderr
    cells = dict(zip(LATENTS, np.array([[0.1, 0.2, 0.3, 0.4], [-1.0, 2.0, 0.5, -0.25]]).T,
                     strict=True))  # fmt: skip
    for ours, theirs in zip(
        front().candidates, json.loads(child.stdout.splitlines()[-1]), strict=True
    ):
        expected = np.broadcast_to(ours.expression.evaluate(cells), 2)
        np.testing.assert_allclose(theirs, expected, rtol=1e-6)


def test_julia_s_notation_is_exact():
    expression = Expression.parse("-1e-9*z3^2.5 - 0.1*abs(z17)/3")
    assert julia(expression) == "((-1e-09 * (z3 ^ 2.5)) - ((0.1 * abs(z17)) / 3.0))"
    assert Expression.parse(julia(expression)) == expression
