"""What every engine promises, and what may happen to one in a process of its own."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.engines import engine
from napari_parsimony.symbolic.engines.base import Problem, front_of
from napari_parsimony.symbolic.engines.child import run_child
from napari_parsimony.symbolic.engines.operon import Operon
from napari_parsimony.symbolic.expression import Expression

ENGINES = ["quick", "operon"]
NAMES = ("z3", "z17", "z21")


@pytest.fixture(scope="module", autouse=True)
def _needs_operon():
    pytest.importorskip("pyoperon", reason="pyoperon has no release for this system")


def problem(text="z3*z17 - 0.5*z21 + 1", noise=0.0, **settings):
    generator = np.random.default_rng(0)
    values = generator.normal(size=(300, 3))
    target = Expression.parse(text).evaluate(dict(zip(NAMES, values.T, strict=True)))
    target = target + noise * generator.normal(size=300)
    budget = {"generations": 12, "population": 100, "restarts": 2, "threads": 1} | settings
    return Problem(values, NAMES, target, EquationsConfig(**budget))


def scores(found, problem):
    values = dict(zip(problem.names, problem.values.T, strict=True))
    return found.expression.evaluate(values)


@pytest.mark.parametrize("name", ENGINES)
def test_contract(name):
    task = problem()
    partials = []
    found = engine(name).search(task, partials.append)
    # what it says of an equation is so: the same numbers in our own arithmetic
    for member in found:
        assert set(member.expression.variables) <= set(NAMES)
        error = ((scores(member, task) - task.target) ** 2).mean()
        assert error == pytest.approx(member.error, rel=1e-2, abs=1e-6)
    # a front, with the law on it
    assert len({member.expression.size for member in found}) > 1
    assert min(member.error for member in found) < 1e-6
    # progress that ends at its end
    assert partials
    assert all(0 <= partial.done <= partial.total for partial in partials)
    assert [p.done for p in partials] == sorted(p.done for p in partials)
    assert {member.expression for member in partials[-1].front} <= {f.expression for f in found}
    # deterministic
    again = engine(name).search(task, lambda partial: None)
    assert [str(member.expression) for member in again] == [str(m.expression) for m in found]


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("text", ["2", "z3", "1e-9*z3", "1e9*z3"])
def test_trivial_targets(name, text):
    task = problem(text, generations=3)
    found = engine(name).search(task, lambda partial: None)
    assert min(f.error for f in found) <= 1e-6 * max(np.var(task.target), 1e-20)


def test_threads_do_not_change_the_result():
    results = [
        [
            str(f.expression)
            for f in Operon().search(problem(noise=0.3, threads=threads), lambda p: None)
        ]
        for threads in (1, 3)
    ]
    assert results[0] == results[1]


def test_all_operators_mean_what_they_say():
    operators = ("add", "sub", "mul", "div", "square", "exp", "log", "sqrt", "abs", "tanh", "sin")
    task = problem("tanh(z3) + sin(z17) - abs(z21)/2", 0.2, operators=operators, generations=15)
    found = Operon().search(task, lambda partial: None)
    used = {node.op for f in found for node in f.expression.nodes}
    assert len(used & set(operators)) > 3
    for member in found:
        error = ((scores(member, task) - task.target) ** 2).mean()
        assert error == pytest.approx(member.error, rel=1e-2)


def test_unknown_engine():
    with pytest.raises(UserError, match="no engine 'magic'"):
        engine("magic")


def test_front_of():
    found = engine("quick").search(problem(), lambda partial: None)
    front = front_of(found + found)
    assert [f.expression.size for f in front] == sorted({f.expression.size for f in front})


LONG = {"noise": 0.5, "generations": 100_000, "population": 300, "restarts": 100}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
def test_signals_to_the_child(name):
    pids = []
    partials = []

    def shoot(partial):
        partials.append(partial)
        if len(partials) == 2:
            os.kill(pids[0], getattr(signal, name))

    search = Operon(started=pids.append)
    if name == "SIGINT":  # ended early with what it has
        found = search.search(problem(**LONG), shoot)
        assert {str(f.expression) for f in found}
    else:
        with pytest.raises(UserError, match=r"SIGKILL.*'quick'"):
            search.search(problem(**LONG), shoot)
        assert partials[-1].front
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_cancelling_ends_the_child():
    pids, partials = [], []
    main = threading.main_thread().ident

    def cancel(partial):
        partials.append(partial)
        if len(partials) == 1:  # a second one could come when the test is over
            signal.pthread_kill(main, signal.SIGINT)

    if not hasattr(signal, "pthread_kill"):
        pytest.skip("POSIX signals")
    start = time.monotonic()
    # who runs tests in the background may have them ignore it
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            Operon(started=pids.append).search(problem(**LONG), cancel)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - start < 30
    assert partials[0].front
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_the_child_does_not_outlive_a_killed_parent(tmp_path):
    code = """
import numpy as np
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.engines.base import Problem
from napari_parsimony.symbolic.engines.operon import Operon
values = np.random.default_rng(0).normal(size=(300, 2))
config = EquationsConfig(generations=100_000, restarts=100, population=300)
problem = Problem(values, ("a", "b"), np.random.default_rng(1).normal(size=300), config)
Operon(lambda pid: print(pid, flush=True)).search(problem, lambda p: print("found", flush=True))
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    assert parent.stdout.readline() == "found\n"
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(200):
        # in a container, nobody may collect what is dead already
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(child)], capture_output=True)
        if not state.stdout.strip() or state.stdout.startswith(b"Z"):
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    raise AssertionError("still searching")


def test_without_pyoperon_it_says_so(tmp_path, monkeypatch):
    (tmp_path / "pyoperon.py").write_text("raise ImportError('no wheel')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(UserError, match=r"'operon' cannot be loaded.*no wheel.*'quick'"):
        Operon().search(problem(), lambda partial: None)


def test_a_child_that_fails_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "pyoperon.py").write_text("import sys; sys.exit('broken glass')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(UserError, match=r"code 1 \(broken glass\)"):
        run_child("operon", problem(), lambda event: None)


def test_the_child_imports_neither_torch_nor_qt():
    code = (
        "import sys, napari_parsimony.symbolic.worker;"
        "import napari_parsimony.symbolic.engines.operon_child;"
        "bad = {'torch', 'qtpy', 'napari', 'PyQt6', 'PySide6', 'matplotlib'} & set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_the_time_limit_ends_a_search_that_would_go_on():
    found = Operon().search(problem(**LONG, time_limit=0.01), lambda partial: None)
    assert found
