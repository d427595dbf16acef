"""The engine 'pysr': PySR's own Python code over a stand-in for Julia, and, where it is, Julia.

What runs with ``fake_julia`` shows what we tell PySR and what we make of what it writes, never that
it finds anything. PySR is imported in child processes only.
"""

import json
import os
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from napari_parsimony.cli import main
from napari_parsimony.config import parse_config
from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.engines import engine
from napari_parsimony.symbolic.engines.base import Problem
from napari_parsimony.symbolic.engines.pysr import Pysr
from napari_parsimony.symbolic.engines.pysr_child import lowered
from napari_parsimony.symbolic.engines.pysr_install import READY, explain, install_julia
from napari_parsimony.symbolic.engines.pysr_settings import JuliaSettings
from napari_parsimony.symbolic.engines.pysr_state import PysrState, pysr_status
from napari_parsimony.symbolic.engines.states import engine_states
from napari_parsimony.symbolic.expression import Expression

FAKE_JULIA = Path(__file__).with_name("fake_julia")
NAMES = ("z3", "z17", "z21")
HALLS = [
    'Complexity,Loss,Equation\n1,2.0,"x0"\n',
    'Complexity,Loss,Equation\n1,2.0,"x0"\n5,0.1,"(x0 * x1) + 1.5f0"\n',
    "Complexity,Loss,Equation\n"
    '1,2.0,"x0"\n5,0.1,"(x0 * x1) + 1.5f0"\n10,0.0,"((x0 * x1) + 1.0) - (x2 * 0.5)"\n',
]

try:
    metadata.version("pysr")
except metadata.PackageNotFoundError:
    pytest.skip("the extra [pysr] is not installed", allow_module_level=True)


@pytest.fixture(autouse=True)
def own_settings(tmp_path, monkeypatch):
    """No settings of the person who runs the tests."""
    for name in ("XDG_CONFIG_HOME", "APPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


@pytest.fixture
def fake_julia(tmp_path, monkeypatch):
    """Put the stand-in on the path of child processes; returns how to say what it does."""
    seen, said = tmp_path / "seen", tmp_path / "said.json"
    seen.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(FAKE_JULIA))
    monkeypatch.setenv("FAKE_JULIA_SAID", str(said))

    class Fake:
        def plans(self, **plan):
            plan = {"halls": HALLS, "seen": str(seen)} | plan
            monkeypatch.setenv("FAKE_JULIA", json.dumps(plan))

        def sees(self, partials):
            """A callback that keeps what it is told, and lets the stand-in go on."""

            def report(partial):
                partials.append(partial)
                for number in range(1, partial.done + 1):
                    (seen / str(number)).touch()

            return report

        @property
        def said(self):
            return json.loads(said.read_text())

    fake = Fake()
    fake.plans()
    return fake


def problem(guesses=(), **settings):
    generator = np.random.default_rng(0)
    values = generator.normal(size=(200, 3))
    target = values[:, 0] * values[:, 1] - 0.5 * values[:, 2] + 1
    known = tuple(Expression.parse(text) for text in guesses)
    return Problem(values, NAMES, target, EquationsConfig(**settings), known)


def test_the_contract(fake_julia):
    task, partials = problem(), []
    found = engine("pysr").search(task, fake_julia.sees(partials))
    assert [str(f.expression) for f in found] == ["z3", "z17*z3 + 1.5", "z17*z3 - 0.5*z21 + 1"]
    # errors are ours: what the file says is not believed
    for member in found:
        values = dict(zip(NAMES, task.values.T, strict=True))
        error = ((member.expression.evaluate(values) - task.target) ** 2).mean()
        assert member.error == pytest.approx(error, rel=1e-12, abs=1e-30)
    # the front grows with the file, and the bar with what Julia prints
    assert [(p.done, p.total, len(p.front)) for p in partials] == [
        (0, 1, 0), (1, 3, 1), (2, 3, 2), (3, 3, 3), (3, 3, 3),
    ]  # fmt: skip


def test_pysr_is_told_our_settings(fake_julia):
    task = problem(
        ("z3*z17 - z21", "-z3^3", "cos(z3)", "z21^2 - exp(z3)"),
        seed=3,
        max_size=12,
        operators=("add", "mul", "div", "exp", "sin"),
        time_limit=2,
        pysr_iterations=7,
        pysr_parsimony=0.01,
        pysr_constraints={"exp": (4,), "div": (-1, 3)},
        pysr_forbidden={"sin": ("sin", "exp")},
    )
    fake_julia.plans(halls=HALLS[:1])
    Pysr().search(task, fake_julia.sees([]))
    said = fake_julia.said
    expected = {
        "niterations": "7",
        "maxsize": "12",
        "parsimony": "0.01",
        "timeout_in_seconds": "120.0",
        "deterministic": "True",
        "parallelism": "'serial'",
        "variable_names": "['x0', 'x1', 'x2']",
        "progress": "False",
        "threads": "1",
        "offline": "yes",
    }
    assert {name: said[name] for name in expected} == expected
    assert said["on_main_thread"]
    # of the guesses, those that can be written with the operators
    assert json.loads(said["guesses"].replace("'", '"')) == [
        [
            "((x0 * x1) + (-1.0 * x2))",
            "(-1.0 * ((x0 * x0) * x0))",
            "((x2 * x2) + (-1.0 * exp(x0)))",
        ]
    ]
    calls = "\n".join(said["calls"])
    for operator in ("+", "*", "/", "exp", "sin"):
        assert f"call.seval('{operator}')" in calls
    assert "'Dict((sin) => Dict((sin) => 0, (exp) => 0, ), )'" in calls
    assert "__setitem__(1, [4, -1])" in calls
    assert "__setitem__(2, [(-1, -1), (-1, -1), (-1, 3)])" in calls


def test_nested_exponentials_are_allowed_and_threads_used_where_asked_for(fake_julia):
    fake_julia.plans(halls=HALLS[:1])
    task = problem(("z3",), pysr_deterministic=False, threads=3, pysr_guesses=False, max_size=3)
    Pysr().search(task, fake_julia.sees([]))
    said = fake_julia.said
    assert said["nested_constraints"] == said["guesses"] == "None"
    assert (said["deterministic"], said["parallelism"]) == ("False", "'multithreading'")
    assert said["threads"] == "3"
    assert said["maxsize"] == "7"  # PySR's smallest; larger ones are dropped afterwards


def test_a_template_is_told_and_what_is_found_is_put_into_it(fake_julia):
    head = "Complexity,Loss,Equation\n"
    fake_julia.plans(halls=[head + '2,2.0,"f = #1; g = #1"\n3,0.1,"f = #1 * #2; g = #1"\n'])
    task = problem(("z3",), pysr_template="f(z3, z17) + 0.5*g(-z21)")
    found = Pysr().search(task, fake_julia.sees([]))
    assert [str(f.expression) for f in found] == ["z3 - 0.5*z21", "z17*z3 - 0.5*z21"]
    said = fake_julia.said
    calls = "\n".join(said["calls"])
    assert "@template_spec(expressions=(f, g,),) do x0, x1, x2" in calls
    assert "(f(x0, x1) + (0.5 * g((-x2))))" in calls
    assert said["guesses"] == "None"


def test_neither_torch_nor_qt_beside_julia(fake_julia):
    fake_julia.plans(halls=HALLS[:1])
    Pysr().search(problem(), fake_julia.sees([]))
    beside = {"torch", "qtpy", "napari", "PyQt6", "PySide6", "matplotlib"}
    assert not beside & set(fake_julia.said["modules"])
    assert not {"pysr", "juliacall"} & set(sys.modules)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_interrupted_from_outside_it_gives_what_it_has(fake_julia):
    fake_julia.plans(halls=HALLS[:2], wait=True)
    pids, partials = [], []
    see = fake_julia.sees(partials)

    def report(partial):
        see(partial)
        if pids and len(partial.front) == 2:
            os.kill(pids.pop(), signal.SIGINT)

    found = Pysr(pids.append).search(problem(), report)
    assert len(found) == 2


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="POSIX signals")
@pytest.mark.parametrize("deaf", [False, True])
def test_cancelling_ends_the_child_after_it_told_what_it_has(fake_julia, deaf, monkeypatch):
    monkeypatch.setattr("napari_parsimony.symbolic.engines.pysr.GRACE", 0.5)
    fake_julia.plans(halls=HALLS[:2], wait=not deaf, deaf=deaf)
    pids, partials = [], []
    see = fake_julia.sees(partials)

    def cancel(partial):
        see(partial)
        if len(partial.front) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Pysr(pids.append).search(problem(), cancel)
    assert len(partials[-1].front) == 2
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_a_search_that_ends_before_its_first_result(fake_julia):
    fake_julia.plans(halls=[])
    with pytest.raises(UserError, match="ended before it had found anything"):
        Pysr().search(problem(), lambda partial: None)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_crash_in_julia_is_a_sentence_and_what_was_found_was_told(fake_julia):
    fake_julia.plans(crash="SIGSEGV")
    partials = []
    with pytest.raises(UserError, match=r"pysr was ended by the system \(SIGSEGV\)"):
        Pysr().search(problem(), fake_julia.sees(partials))
    assert len(partials[-1].front) == 3


def test_half_a_file_is_not_believed(fake_julia):
    whole = HALLS[1]
    fake_julia.plans(halls=[HALLS[0], whole[:-12], whole], torn=2)
    partials = []
    found = Pysr().search(problem(), fake_julia.sees(partials))
    assert len(found) == 2
    assert {len(p.front) for p in partials} == {0, 1, 2}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x0 +* 1", "stopped with code 1"),  # what PySR itself cannot read
        ("tan(x0)", "cannot be read. In line 2"),  # what only we do not know
    ],
)
def test_a_damaged_file_at_the_end_is_a_sentence(fake_julia, text, why):
    fake_julia.plans(halls=[HALLS[0], f'Complexity,Loss,Equation\n1,2.0,"{text}"\n'], seen="")
    with pytest.raises(UserError, match=why):
        Pysr().search(problem(), lambda partial: None)


# States


def test_the_three_states(fake_julia, monkeypatch, tmp_path):
    assert pysr_status().state is PysrState.READY
    monkeypatch.setenv("FAKE_JULIA_READY", "no")
    status = pysr_status()
    assert status.state is PysrState.NO_JULIA
    assert "engines --install-julia" in status.remedy
    with pytest.raises(UserError, match=r"'pysr' cannot run.*--install-julia.*'engines'"):
        engine("pysr")
    hidden = "import importlib.metadata as m\n"
    hidden += "def version(name, real=m.version):\n"
    hidden += "    if name == 'pysr': raise m.PackageNotFoundError(name)\n    return real(name)\n"
    hidden += "m.version = version\n"
    (tmp_path / "sitecustomize.py").write_text(hidden)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(FAKE_JULIA)]))
    status = pysr_status()
    assert status.state is PysrState.NOT_INSTALLED
    assert 'pip install "napari-parsimony[pysr]"' in status.remedy
    states = {state.name: state.ready for state in engine_states()}
    assert states["quick"]
    assert not states["pysr"]


def test_julia_that_does_not_start_is_a_sentence(fake_julia, tmp_path, monkeypatch):
    (tmp_path / "juliacall.py").write_text("raise Exception('could not find Julia 1.10')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(FAKE_JULIA)]))
    with pytest.raises(
        UserError, match=r"cannot start Julia \(could not find Julia 1.10\).*others?"
    ):
        Pysr().search(problem(), lambda partial: None)


def test_the_probe_asks_no_network(monkeypatch, tmp_path):
    # whatever the real juliapkg says here, it must not open a connection
    (tmp_path / "sitecustomize.py").write_text(
        "import socket\n"
        "def refuse(*a, **k): raise SystemExit('a connection was opened')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    status = pysr_status()
    assert status.state in (PysrState.READY, PysrState.NO_JULIA)
    assert "connection" not in status.text


# Installing


def _juliapkg(tmp_path, monkeypatch, resolve):
    folder = tmp_path / "stand-in"
    folder.mkdir()
    (folder / "juliapkg.py").write_text(f"def resolve(dry_run=False):\n    {resolve}\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(FAKE_JULIA)]))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("URLError(OSError(-2, 'Name or service not known'))", "network could not be reached"),
        ("OSError(28, 'No space left on device')", "disk is full"),
        ("OSError('Tunnel connection failed: 407 Proxy Authentication Required')", "proxy refused"),
        ("Exception('juliapkg_exe=/x is not a Julia executable.')", "own Julia is none"),
        ("PermissionError(13, 'Permission denied')", "may not be written"),
        ("Exception('strange')", "code 1: Exception: strange"),
    ],
)
def test_an_installation_that_fails_says_why(tmp_path, monkeypatch, said, told):
    _juliapkg(
        tmp_path,
        monkeypatch,
        f"from urllib.error import URLError\n    if not dry_run: raise {said}",
    )
    lines = []
    with pytest.raises(UserError, match=rf"{told}.*other engines go on working"):
        install_julia(lines.append)
    assert any("Error" in line or "Exception" in line for line in lines)
    assert JuliaSettings.load() == JuliaSettings()


def test_an_installation_that_works_keeps_where_julia_is(tmp_path, monkeypatch):
    _juliapkg(tmp_path, monkeypatch, "print('[juliapkg] Locating Julia'); return True")
    monkeypatch.setenv("PYTHON_JULIAPKG_EXE", "/opt/julia/bin/julia")
    lines = []
    install_julia(lines.append)
    assert lines[0] == "[juliapkg] Locating Julia"
    assert lines[-1] == READY
    assert JuliaSettings.load().environment() == {}  # the environment itself says so
    monkeypatch.delenv("PYTHON_JULIAPKG_EXE")
    kept = JuliaSettings.load().environment()
    assert kept == {"PYTHON_JULIAPKG_EXE": "/opt/julia/bin/julia"}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_cancelling_an_installation_ends_all_that_it_started(tmp_path, monkeypatch):
    _juliapkg(
        tmp_path,
        monkeypatch,
        "import subprocess, signal, sys\n"
        "    if dry_run: return False\n"
        "    signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "    child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
        "    print(child.pid, flush=True); child.wait()",
    )
    monkeypatch.setattr("napari_parsimony.symbolic.engines.pysr_install.GRACE", 0.5)
    pids = []

    def log(line):
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install_julia(log)
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pids[0])], capture_output=True)
    assert not state.stdout.strip() or state.stdout.startswith(b"Z")


def test_explain_keeps_to_the_first_cause():
    text = explain(["curl: (7) Failed to connect", "OSError: [Errno 28] No space left"], 1)
    assert "disk is full" in text


def test_the_command_lists_engines_and_installs(fake_julia, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("FAKE_JULIA_READY", "no")
    assert main(["engines"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["quick", "operon", "pysr"]
    assert "Julia missing" in lines[2]
    assert "--install-julia" in lines[2]
    _juliapkg(tmp_path, monkeypatch, "raise OSError(28, 'No space left on device')")
    assert main(["engines", "--install-julia"]) == 1
    said = capsys.readouterr()
    assert "has not been measured" in said.out
    assert "OSError: [Errno 28] No space left on device" in said.out
    assert said.err.startswith("Error: The Julia engine was not installed: the disk is full")


# Settings


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"pysr_constraints": {"exp": (1, 2)}}, "has 2 numbers, but it has 1 side"),
        ({"pysr_constraints": {"add": (1, 2)}}, "same limit only on both sides of 'add'"),
        ({"pysr_constraints": {"exp": (0,)}}, "neither -1 nor 1 or more"),
        ({"pysr_forbidden": {"exp": ("sin",)}}, "'sin', which is not one of the operators"),
        ({"engines": ()}, "nothing to take equations from"),
        ({"start_from": "a.json", "hall_of_fame": "b.csv"}, "'hall_of_fame' would not count"),
    ],
)
def test_settings_that_pysr_would_refuse(settings, why):
    with pytest.raises(UserError, match=why):
        parse_config(EquationsConfig, settings)


@pytest.mark.parametrize(
    ("text", "operators", "expected"),
    [
        ("a - b", "add mul", "(a + (-1.0 * b))"),
        ("a^3", "mul square", "(square(a) * a)"),
        ("a/b", "add mul", None),
        ("exp(a^2)", "exp", None),
        ("2", "exp", "2.0"),
    ],
)
def test_an_equation_in_fewer_operators(text, operators, expected):
    from napari_parsimony.symbolic.render import julia

    expression = Expression.parse(text)
    low = lowered(expression, operators.split())
    assert (None if low is None else julia(low)) == expected
    if low is not None:
        values = {"a": np.array([-1.5, 2.0]), "b": np.array([0.5, 3.0])}
        np.testing.assert_allclose(low.evaluate(values), expression.evaluate(values), rtol=1e-15)


# With Julia


@pytest.mark.julia
def test_a_real_search():
    status = pysr_status()
    if status.state is not PysrState.READY:
        pytest.skip(f"PySR was not run: {status.text}")
    task = problem(pysr_iterations=20, max_size=15, operators=("add", "sub", "mul"))
    results = []
    for _ in range(2):
        found = engine("pysr").search(task, lambda partial: None)
        assert min(member.error for member in found) < 1e-6
        results.append([str(member.expression) for member in found])
    assert results[0] == results[1]
