import json
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import fake_steps as fake
import pytest

from napari_parsimony.artefact import read_json
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress
from napari_parsimony.study.lock import LOCK_FILE, exclusive
from napari_parsimony.study.run import run_step
from napari_parsimony.study.study import Study

CLI = [sys.executable, str(Path(fake.__file__))]


@pytest.fixture
def study(tmp_path):
    study = Study.create(tmp_path / "study")
    run_step(study, fake.NUMBERS, fake.NumbersConfig())
    return study


def run_sum(study, behaviour="finish", **settings):
    return run_step(study, fake.SUM, fake.SumConfig(behaviour=behaviour, **settings))


def files(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def leftovers(study):
    return [p.name for p in study.path.glob(".*.partial")] + [
        p.name for p in study.path.glob(".*.old")
    ]


def test_step_is_stale_once_an_optional_one_that_it_also_reads_was_run_or_is_stale(study):
    def run(step):
        run_step(study, step, fake.PlotConfig())

    run_sum(study)
    run(fake.PAGE)
    assert study.state("page") == "ready"
    run(fake.CHECK)
    assert study.why_stale("page") == "The step 'check' has been run since."
    run(fake.PAGE)
    assert study.state("page") == "ready"
    run_sum(study, factor=2.0)
    assert study.state("check") == study.state("page") == "stale"
    run(fake.PAGE)  # without what the check says of a former sum
    assert study.state("page") == "ready"
    run(fake.CHECK)
    assert study.state("page") == "stale"


class Child:
    """The step 'sum' in another process, stopped in the middle."""

    def __init__(self, study, behaviour, *options):
        self.process = subprocess.Popen(
            [*CLI, "sum", study.path, "--behaviour", behaviour, "--progress", "json", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.first_line = self.process.stdout.readline()

    def end(self, number):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


def test_record_says_where_it_came_from(study):
    record = run_sum(study, factor=2)
    assert record == study.step("sum")
    assert record.config == {"behaviour": "finish", "factor": 2.0, "missing": None}
    assert record.inputs == {"numbers": study.step("numbers").fingerprint}
    assert set(record.outputs) == {"sum.json", "half.txt"}
    assert record.versions.keys() >= {"python", "numpy", "napari-parsimony", "torch"}
    assert record.platform
    assert record.seed is None
    assert study.step("numbers").seed == 7
    assert 0 <= record.seconds < 60


def test_progress_is_passed_on(study):
    heard = []
    run_step(study, fake.SUM, fake.SumConfig(), heard.append)
    assert [p.done for p in heard] == [1, 2]
    assert isinstance(heard[0], Progress)


def test_same_seed_same_fingerprint(tmp_path):
    prints = []
    for name in ("a", "b"):
        study = Study.create(tmp_path / name)
        run_step(study, fake.NUMBERS, fake.NumbersConfig())
        prints.append(run_sum(study).fingerprint)
    assert prints[0] == prints[1]


def test_relative_paths_are_made_absolute(study, tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("four")
    monkeypatch.chdir(tmp_path)
    record = run_step(study, fake.NUMBERS, fake.NumbersConfig(source=Path("a.txt")))
    assert record.config["source"] == str(tmp_path / "a.txt")
    assert read_json(study.path / "numbers" / "numbers.json")[-1] == 4


def test_missing_and_stale_inputs_are_refused(study, tmp_path):
    empty = Study.create(tmp_path / "empty")
    with pytest.raises(UserError, match="'sum' needs the step 'numbers', which has not been run"):
        run_sum(empty)
    run_sum(study)
    run_step(study, fake.NUMBERS, fake.NumbersConfig(count=5))
    with pytest.raises(UserError, match="'plot' needs the step 'sum', which is stale"):
        run_step(study, fake.PLOT, fake.PlotConfig())


def test_settings_of_another_step_are_a_bug(study):
    with pytest.raises(TypeError, match="'sum' needs SumConfig, not PlotConfig"):
        run_step(study, fake.SUM, fake.PlotConfig())


@pytest.mark.parametrize(
    ("behaviour", "error"), [("bug", ZeroDivisionError), ("refuse", UserError)]
)
def test_failing_keeps_the_previous_artefact(study, behaviour, error):
    run_sum(study)
    before = files(study.path / "sum")
    with pytest.raises(error):
        run_sum(study, behaviour)
    assert files(study.path / "sum") == before
    assert leftovers(study) == []


def test_file_that_a_step_cannot_read_is_named(study, tmp_path):
    with pytest.raises(UserError, match=r"absent\.tif: No such file"):
        run_sum(study, missing=tmp_path / "absent.tif")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_two_steps_exclude_each_other_and_a_killed_one_does_not(study):
    run_sum(study)
    before = files(study.path / "sum")
    child = Child(study, "wait")
    with pytest.raises(UserError) as refused:
        run_sum(study)
    assert f"'sum' is running as process {child.process.pid}" in str(refused.value)
    with pytest.raises(UserError, match="is running as process"):
        run_step(study, fake.NUMBERS, fake.NumbersConfig())

    code, *_ = child.end(signal.SIGKILL)
    assert code == -signal.SIGKILL
    reopened = Study.open(study.path)
    assert files(study.path / "sum") == before
    assert reopened.state("sum") == "ready"
    run_sum(reopened)
    assert leftovers(study) == []


def test_threads_exclude_each_other(study):
    entered, leave = threading.Event(), threading.Event()

    def run(study, config, out, checkpoints, report):
        entered.set()
        assert leave.wait(30)

    slow = fake.Step("slow", "", "", fake.PlotConfig, (), run)
    thread = threading.Thread(target=run_step, args=(study, slow, fake.PlotConfig()))
    thread.start()
    try:
        assert entered.wait(30)
        with pytest.raises(UserError, match="'slow' is running"):
            run_sum(Study.open(study.path))
    finally:
        leave.set()
        thread.join()
    run_sum(study)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_interrupted_step_goes_on_from_its_checkpoints(study, number):
    Child(study, "wait", "--factor", "3").end(number)
    assert study.state("sum") == "missing"

    def resumed():
        return read_json(study.path / "sum" / "sum.json")["resumed"]

    # only the very same run may use them
    checkpoints = study.path / ".checkpoints"
    note = read_json(checkpoints / "sum.json")
    assert note["config"]["factor"] == 3
    note["config"]["behaviour"] = "finish"
    (checkpoints / "sum.json").write_text(json.dumps(note))
    run_sum(study, factor=3)
    assert resumed()
    assert list(checkpoints.iterdir()) == []

    Child(study, "wait", "--factor", "3").end(number)
    run_sum(study, factor=3)
    assert not resumed()


@pytest.mark.parametrize("note", [None, "nonsense"])
def test_checkpoints_of_nobody_knows_whom_are_not_used(study, note):
    folder = study.path / ".checkpoints" / "sum"
    folder.mkdir(parents=True)
    (folder / "part").write_text("half")
    if note:
        folder.with_suffix(".json").write_text(note)
    run_sum(study)
    assert not read_json(study.path / "sum" / "sum.json")["resumed"]


def test_nothing_to_resume_where_a_step_kept_nothing(study, tmp_path):
    # napari offers to resume where there is such a folder
    folder = study.path / ".checkpoints" / "numbers"
    with pytest.raises(UserError, match="No such file"):
        run_step(study, fake.NUMBERS, fake.NumbersConfig(source=tmp_path / "mistyped.txt"))
    assert not folder.exists()

    def die(*_):
        raise KeyboardInterrupt

    dying = fake.Step("numbers", "", "", fake.NumbersConfig, (), die)
    with pytest.raises(KeyboardInterrupt):
        run_step(study, dying, fake.NumbersConfig())
    assert not folder.exists()


def test_checkpoints_that_cannot_be_removed_fail_nothing(study, monkeypatch):
    rmtree = shutil.rmtree

    def refuse(path, ignore_errors=False):
        if ".checkpoints" not in Path(path).parts:
            rmtree(path, ignore_errors)
        elif not ignore_errors:
            raise OSError(39, "Directory not empty", str(path))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    assert run_sum(study) == study.step("sum")
    monkeypatch.undo()
    run_sum(study)
    assert not read_json(study.path / "sum" / "sum.json")["resumed"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits are POSIX's")
def test_full_disk_is_one_sentence_and_keeps_the_previous_artefact(study):
    run_sum(study)
    before = files(study.path / "sum")
    done = subprocess.run(
        [*CLI, "sum", study.path, "--behaviour", "fill"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: Could not write {study.path / 'sum'}: File too large. Nothing was changed.\n"
    )
    assert files(study.path / "sum") == before
    assert leftovers(study) == []


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX's")
def test_study_that_cannot_be_written(study, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    # root may write everywhere, so a read-only folder would not do
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UserError, match=r"Could not write .*\.lock: Permission denied"):
        run_sum(study)


@pytest.mark.skipif(sys.platform == "win32", reason="limits are POSIX's")
def test_lock_on_a_full_disk_is_one_sentence(study):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # a write then gives the same kind of error as on a full disk, and needs no disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(UserError) as error, exclusive(study.path, "sum"):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(error.value).startswith(f"Could not write {study.path / LOCK_FILE}: File too large;")
    run_sum(study)
