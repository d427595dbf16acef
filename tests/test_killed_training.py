"""A training that dies again and again ends where an undisturbed one does."""

import json
import os
import random
import signal
import subprocess
import sys

from napari_parsimony.artefact import hash_file
from napari_parsimony.study.study import Study

KILLS = 10
VAE = {"steps": 90, "batch": 16, "latents": 4, "check_every": 3, "warmup": 0, "patience": 30}


def start(study, step, settings):
    command = [sys.executable, "-m", "napari_parsimony", step, str(study)]
    return subprocess.Popen(
        [*command, "--config-json", json.dumps(settings), "--progress", "json"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def finish(process):
    """Read all that a process reports; return the last event."""
    lines = process.communicate(timeout=300)[0].splitlines()
    assert process.returncode == 0, lines
    return json.loads(lines[-1])


def kill_after(process, reports):
    """Kill a process at once when it has reported so often; return how far it was."""
    event = {}
    for _ in range(reports):
        event = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    return event["done"]


def test_training_killed_ten_times_ends_in_the_weights_of_an_undisturbed_one(
    make_crop_folder, tmp_path
):
    folder = make_crop_folder(each=30, movies=10)
    cells = {"folder": str(folder), "pattern": r"_(?P<movie>m\d+)\.tif", "size": 32}
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    for path in (undisturbed, disturbed):
        assert finish(start(path, "cells", cells))["event"] == "done"
    finish(start(undisturbed, "vae", VAE))

    chance = random.Random(0)
    reached = [0]
    for _ in range(KILLS):
        reached.append(kill_after(start(disturbed, "vae", VAE), chance.randint(1, 3)))
        study = Study.open(disturbed)
        assert study.state("cells") == "ready"
        assert study.state("vae") == "missing"
    assert reached == sorted(reached), "work was lost between two kills"
    assert reached[-1] < VAE["steps"]
    finish(start(disturbed, "vae", VAE))

    for name in ("weights.safetensors", "latents.parquet", "history.parquet"):
        assert hash_file(undisturbed / "vae" / name) == hash_file(disturbed / "vae" / name), name
