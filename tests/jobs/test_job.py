import json
import math
import os
import sys
from pathlib import Path

import pytest

from napari_parsimony.errors import UserError
from napari_parsimony.jobs.job import Job, JobState
from napari_parsimony.study.study import Study

FAKE = Path(__file__).parents[1] / "study" / "fake_steps.py"
TIMEOUT = 60

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")


@pytest.fixture
def path(tmp_path):
    Study.create(tmp_path / "study")
    job = make(tmp_path / "study", "numbers", count=4)
    job.start()
    assert job.wait(TIMEOUT) is JobState.DONE, job.error
    return tmp_path / "study"


def make(path, step, grace=30.0, **settings):
    return Job(path, step, settings, command=[sys.executable, str(FAKE)], grace=grace)


def run(path, **settings):
    job = make(path, "sum", **settings)
    job.start()
    job.wait(TIMEOUT)
    return job


def first_progress(job):
    """Wait for the first report; `wait` would wait for the end."""
    return job._events.get(timeout=TIMEOUT)


def test_done(path):
    job = make(path, "sum", behaviour="finish")
    assert job.state is JobState.IDLE
    assert job.wait() is JobState.IDLE
    job.start()
    assert job.state is JobState.RUNNING
    with pytest.raises(RuntimeError, match="running already"):
        job.start()
    assert job.wait(TIMEOUT) is JobState.DONE
    assert not job.running
    assert job.error is None
    assert job.seconds > 0
    half, whole = job.poll()
    assert (half.done, half.total, half.message, half.values["loss"]) == (1, 2, "half done", 0.5)
    assert math.isnan(half.values["wrong"])
    assert whole.done == 2
    assert job.poll() == []
    assert Study.open(path).state("sum") == "ready"


def test_finished_job_can_be_started_again(path):
    job = run(path)
    job.start()
    assert job.wait(TIMEOUT) is JobState.DONE


def test_cancelled_job_is_idle_and_goes_on_when_started_again(path):
    job = make(path, "sum", behaviour="wait")
    job.start()
    first_progress(job)
    job.cancel()
    assert job.state is JobState.CANCELLING
    job.cancel()
    assert job.wait(TIMEOUT) is JobState.IDLE
    assert job.error is None
    assert "Interrupted" in job.details
    assert (path / ".checkpoints" / "sum" / "part").exists()
    job.start()
    assert first_progress(job).message == "half done"
    job.cancel()
    assert job.wait(TIMEOUT) is JobState.IDLE


@posix
def test_a_step_gives_way_to_the_viewer(path):
    job = make(path, "sum", behaviour="wait")
    job.start()
    first_progress(job)
    own, its = (os.getpriority(os.PRIO_PROCESS, pid) for pid in (0, job._process.pid))
    assert its > own or own == 19
    job.cancel()
    assert job.wait(TIMEOUT) is JobState.IDLE


@posix
def test_job_that_does_not_listen_is_killed_after_the_grace(path):
    job = make(path, "sum", behaviour="ignore", grace=0.2)
    job.start()
    first_progress(job)
    while "deaf now" not in job.details:
        assert job.running, job.details
    job.cancel()
    assert job.wait(TIMEOUT) is JobState.IDLE
    assert Study.open(path).state("sum") == "missing"


def test_cancelling_what_does_not_run_does_nothing(path):
    job = run(path)
    job.cancel()
    assert job.state is JobState.DONE


def test_waiting_too_short(path):
    job = make(path, "sum", behaviour="wait")
    job.start()
    with pytest.raises(TimeoutError, match="is still running"):
        job.wait(0.01)
    job.cancel()
    job.wait(TIMEOUT)


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        ("refuse", "The numbers are too odd: choose even ones."),
        ("memory", "Memory ran out: use smaller batches or fewer cells, or a larger machine."),
        (
            "bug",
            "This is a bug in napari-parsimony, please report it with the lines above: "
            "ZeroDivisionError: one over none",
        ),
        pytest.param(
            "kill",
            "The step 'sum' was killed by the operating system, probably because memory ran out: "
            "use smaller batches or fewer cells.",
            marks=posix,
        ),
        pytest.param("segfault", "The step 'sum' crashed (SIGSEGV).", marks=posix),
    ],
)
def test_failures_say_what_happened(path, behaviour, sentence):
    job = run(path, behaviour=behaviour)
    assert job.state is JobState.FAILED
    assert job.error == sentence
    assert ("Traceback" in job.details) == (behaviour == "bug")


def test_settings_that_are_wrong(path):
    job = run(path, factor="many")
    assert job.state is JobState.FAILED
    assert job.error.startswith("The setting 'factor' is not usable")


def test_what_libraries_print_is_kept_apart(path):
    job = run(path, behaviour="print")
    assert job.state is JobState.DONE
    assert [p.done for p in job.poll()] == [1, 2]
    assert "a library says \ufffd hello" in job.details


def test_many_settings_fit(path):
    many = [f"/images/{i:06}/a-rather-long-name-of-an-image-file.tif" for i in range(5_000)]
    assert len(json.dumps(many)) > 128 * 1024
    job = Job(path, "numbers", {"several": many}, command=[sys.executable, str(FAKE)])
    job.start()
    assert job.wait(TIMEOUT) is JobState.DONE, job.error


def test_process_that_is_not_the_command_line(path):
    job = Job(path, "sum", {}, command=[sys.executable, "-c", "print('hello')"])
    job.start()
    assert job.wait(TIMEOUT) is JobState.FAILED
    assert job.error == "The step 'sum' ended without a result (exit code 0); it last said: hello."
    with pytest.raises(UserError, match="Could not start /nowhere/python"):
        Job(path, "sum", {}, command=["/nowhere/python"]).start()


def test_interrupted_from_outside_promises_no_more_than_a_new_start(path):
    command = [sys.executable, "-c", "import sys; sys.exit(130)"]
    job = Job(path, "sum", {}, command=command)
    job.start()
    assert job.wait(TIMEOUT) is JobState.FAILED
    assert job.error == "The step 'sum' was interrupted from outside: start it again."


def test_python_files_beside_the_data_are_not_run(tmp_path, monkeypatch):
    for name in ("click", "queue"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('code among the data was run')")
    monkeypatch.chdir(tmp_path)
    test_the_real_command_line_answers(tmp_path)


def test_the_real_command_line_answers(tmp_path):
    job = Job(tmp_path / "absent", "vae", {})
    job.start()
    assert job.wait(TIMEOUT) is JobState.FAILED
    assert job.error == f"{tmp_path / 'absent'} is not a study: it has no file study.json."
