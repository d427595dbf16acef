"""The whole chain, for real: from a folder of crops to a report, on the command line."""

import subprocess
import sys
import tomllib

import numpy as np
import pytest

from napari_parsimony.cells.table import KEY
from napari_parsimony.errors import UserError
from napari_parsimony.jobs.job import Job, JobState
from napari_parsimony.report import STEPS
from napari_parsimony.study.study import Study

SETTINGS = r"""
[cells]
folder = "crops"
pattern = '_(?P<movie>m\d+)\.tif'
size = 32

[vae]
steps = 160
batch = 16
beta = 0.1
latents = 4
focus = 0
warmup = 0
check_every = 80
learning_rate = 0.003
augment = false

[classify]
classes = { compact = ["round"], stretched = ["long"] }
seeds = 4
steps = 300
batch = 64
black_box_seeds = 1
black_box_epochs = 15
density = 0.1

[equations]
engines = ["quick"]
max_size = 9

[evaluate]
resamples = 200

[report]
cells = 4
"""

NEEDED = [name for name, step in STEPS.items() if not step.optional]


def cli(*arguments):
    command = [sys.executable, "-m", "napari_parsimony", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ran(output):
    return [line.split(":")[0] for line in output.splitlines() if ": done in" in line]


@pytest.fixture
def recipe(make_crop_folder, tmp_path):
    make_crop_folder(each=30, movies=10)
    path = tmp_path / "tiny.toml"
    path.write_text(SETTINGS)
    return path


def cancel_training(path):
    """Train as napari does, and cancel at the first checkpoint."""
    job = Job(path, "vae", tomllib.loads(SETTINGS)["vae"])
    job.start()
    checkpoint = path / ".checkpoints" / "vae" / "training.safetensors"
    while not checkpoint.exists():  # on a busy machine it is written after the event is read
        assert job._events.get(timeout=120).done < 160
    job.cancel()
    assert job.wait(60) is JobState.IDLE, job.error
    assert checkpoint.exists()
    assert Study.open(path).state("vae") == "missing"


def test_from_crops_to_report(recipe, tmp_path):
    path = tmp_path / "tiny"
    pattern = r"_(?P<movie>m\d+)\.tif"
    cli("cells", path, "--folder", tmp_path / "crops", "--pattern", pattern, "--size", 32)
    cancel_training(path)
    # what was cancelled goes on, what was done is not done again
    assert ran(cli("run", recipe)) == NEEDED[1:]
    study = Study.open(path)
    assert [name for name in STEPS if study.state(name) == "ready"] == NEEDED
    assert study.verify() == []

    # every table is of the same cells, in the same order
    cells = study.cells()
    assert len(cells) == len(study.crops()) == 60
    for table in (study.latents(), study.network_scores(), study.scores()):
        assert table[KEY].equals(cells[KEY])

    # above chance on cells that nothing was fitted to, and what is shown is what was computed
    schemes = study.schemes()
    assert schemes.classes == ("compact", "stretched")
    assert schemes.group_word == "movie"
    for name in ("black_box", "dense", "sparse", "symbolic", "shape"):
        assert schemes.get(name).balanced_accuracy.value >= 0.8, name
    held_out = cells["split"].to_numpy() == "test"
    decided = study.scores()["symbolic"].to_numpy() > 0
    right = (decided == (cells["class"] == "long"))[held_out].mean()
    assert right == pytest.approx(schemes.get("symbolic").accuracy.value)
    equation = study.front().choice.expression
    latents = study.latents()
    np.testing.assert_array_equal(equation.evaluate(latents), study.scores()["symbolic"])
    assert set(equation.variables) <= set(study.classifier().agreed)
    page = (study.path / "report" / "report.html").read_text(encoding="utf-8")
    assert "stretched" in page

    # the same again is no work
    output = cli("run", recipe)
    assert ran(output) == []
    assert output.splitlines() == [f"{name}: up to date" for name in NEEDED]

    # the same elsewhere is the same, also for having been cancelled in between
    copy = tmp_path / "copy.toml"
    copy.write_text(cli("settings", study.path))
    assert ran(cli("run", copy)) == NEEDED
    again = Study.open(tmp_path / "copy")
    for name in NEEDED[:-1]:
        assert again.step(name).outputs == study.step(name).outputs, name

    # other settings: only that step
    recipe.write_text(SETTINGS.replace("cells = 4", "cells = 5"))
    assert ran(cli("run", recipe)) == ["report"]

    # another equation: what was evaluated is of the former one
    sizes = [candidate.size for candidate in study.front().candidates]
    cli("choose", study.path, sizes[0])
    assert study.front().choice.size == sizes[0]
    assert [study.state(name) for name in NEEDED] == ["ready"] * 4 + ["stale"] * 3
    with pytest.raises(UserError, match="no equation of size 1000: choose one of"):
        study.choose_equation(1000)
    assert f"choice = {sizes[0]}" in cli("settings", study.path)
    study.choose_equation(None)
    assert study.front().choice.expression == equation
    assert [study.state(name) for name in NEEDED] == ["ready"] * 7

    # more crops: everything
    first = next((tmp_path / "crops" / "round").iterdir())
    first.with_name("t999_m0.tif").write_bytes(first.read_bytes())
    cli("cells", path, "--folder", tmp_path / "crops", "--pattern", pattern, "--size", 32)
    assert [study.state(name) for name in NEEDED] == ["ready"] + ["stale"] * 6
