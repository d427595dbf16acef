"""The studies that the MitoCheck benchmarks share: settings from ``mitocheck.toml``."""

import os
import shutil
import time
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

from napari_parsimony.artefact import replace_folder
from napari_parsimony.config import parse_config
from napari_parsimony.progress import Progress
from napari_parsimony.report import STEPS
from napari_parsimony.study.run import run_step
from napari_parsimony.study.study import Study

ORIENTATIONS = ("principal axis", "imaged")
PAGES = {
    "two": ("mitocheck.md", "MitoCheck: interphase against metaphase"),
    "five": ("mitocheck-five.md", "MitoCheck: five classes of the cell cycle"),
}


def data() -> Path:
    """Where the data sets lie."""
    return Path(os.environ["PARSIMONY_DATA"]).resolve()


def settings() -> dict[str, Any]:
    """Read the settings of the studies."""
    return tomllib.loads(Path(__file__).with_name("mitocheck.toml").read_text())


def run_steps(path: Path, steps: dict[str, dict[str, Any]]) -> Study:
    """Create or go on with a study; steps that are ready are not repeated."""
    study = Study.open(path) if (path / "study.json").exists() else Study.create(path)
    for name, values in steps.items():
        if study.state(name) == "ready":
            continue
        start = time.perf_counter()
        run_step(study, STEPS[name], parse_config(STEPS[name].config, values), _show)
        print(f"{path.name}: {name} {time.perf_counter() - start:.0f} s", flush=True)
    return study


def fold_study(
    out: Path,
    orientation: str,
    fold: int,
    *,
    task: str = "two",
    guided: bool = False,
    vae: Path | None = None,
) -> Study:
    """Run all steps on MitoCheck with the movies of one fold held out.

    With `guided`, classes of the training cells have a say in the latents. With `vae`, these
    weights are taken as they are, and no VAE is trained. It is trained on all crops, whatever their
    class, so that all tasks share it.
    """
    steps = deepcopy(settings()["study"])
    if guided:
        steps["vae"] |= settings()["guided"]["vae"]
    steps["cells"] |= {
        "folder": data() / "mitocheck",
        "orientation": orientation,
        "fold": fold,
    }
    steps["classify"]["classes"] = settings()["tasks"][task]
    if vae is not None:
        steps["vae"] = {"start_from": vae, "steps": 0}
    first = out / f"{orientation}{', guided' * guided}, fold {fold}"
    path = first if task == "two" else first.with_name(f"{first.name}, {task} classes")
    if task != "two" and vae is None and not path.exists():
        shared = ("cells", "vae")
        run_steps(first, {name: steps[name] for name in shared})
        with replace_folder(path) as new:
            study = Study.create(new, path.name)
            for name in shared:
                shutil.copytree(first / name, study.path / name)
    return run_steps(path, steps)


def step_of(study: Study, name: str) -> Study:
    """Run an optional step with the settings in ``mitocheck.toml``, unless it is ready."""
    return run_steps(study.path, {name: settings()[name]})


def _show(progress: Progress) -> None:
    if progress.values and progress.done % 500 == 0:
        numbers = ", ".join(f"{name} {value:.1f}" for name, value in progress.values.items())
        print(f"  {progress.done}/{progress.total}: {numbers}", flush=True)
