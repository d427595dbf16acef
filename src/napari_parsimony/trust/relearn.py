"""Learning a law once more, with something else: what stability and ablations have in common."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.artefact import read_json, replace_folder, write_json
from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.classify.scores import centred
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress, Report
from napari_parsimony.symbolic.choice import with_choice
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.front import Candidate, Front
from napari_parsimony.vae.config import VaeConfig

Floats = NDArray[np.float64]
SEEDS = 2**31

VAE_UNITS, NETWORK_UNITS, SEARCH_UNITS = 100, 100, 60  # of progress, by the time that they take


@dataclass(frozen=True)
class Cells:
    """Cells that a law is learned from and judged on.

    Attributes
    ----------
    table
        (N,) table of cells.
    target, classes
        (N,) number of the class, NaN without one, and the names.
    classify, equations
        Settings of the study's own networks and search.
    latents
        How many latents the density of sparse networks counts against.
    guided
        Whether classes of training cells had a say in the latents.
    """

    table: pd.DataFrame
    target: Floats
    classes: tuple[str, ...]
    classify: ClassifyConfig
    equations: EquationsConfig
    latents: int
    guided: bool = False

    def take(self, rows: NDArray[np.bool_]) -> "Cells":
        """Take some of them."""
        return replace(self, table=self.table[rows], target=self.target[rows])

    @property
    def held_out(self) -> NDArray[np.intp]:
        """Rows of the cells with a class that no model has learned from; UserError if none."""
        test = self.table["split"].to_numpy() == "test"
        rows = np.flatnonzero(test & np.isfinite(self.target))
        if not len(rows):
            raise UserError(
                "No cell with a class is held out for testing: give more movies classes, or choose "
                "another fold in the cells step."
            )
        return rows


@dataclass(frozen=True)
class OwnVae:
    """The VAE of a study, and how it came about.

    Attributes
    ----------
    config
        Its settings.
    latents
        (N, latents) posterior means.
    active
        Names of the active latents.
    made
        How the crops were made.
    """

    config: VaeConfig
    latents: pd.DataFrame
    active: list[str]
    made: dict[str, object]


@dataclass(frozen=True)
class Learned:
    """What sparse networks found.

    Attributes
    ----------
    agreed
        Inputs that at least half of them use, or as many as the most do.
    scores
        (N, outputs) their mean.
    """

    agreed: list[str]
    scores: Floats


def once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Make a folder, whole or not at all, unless an interrupted run has made it.

    Parameters
    ----------
    folder
        Among the checkpoints.
    make
        Writes into the empty folder that it is given.
    """
    if not folder.exists():
        with replace_folder(folder) as out:
            make(out)
    return folder


def train_other(
    cells: Cells, crops: NDArray, own: OwnVae, config: VaeConfig, folder: Path, report: Report
) -> pd.DataFrame:
    """Train another VAE on the same cells, and give its active latents (N, active).

    Parameters
    ----------
    cells, crops
        N cells and their crops.
    own
        The study's.
    config
        Settings of the other one.
    folder
        See `once`; beside it the training keeps its checkpoint.
    report
        Is told how far training is.
    """
    from napari_parsimony.vae.step import run_vae

    training = folder.with_name(f"{folder.name} training")
    once(
        folder,
        lambda out: run_vae(crops, cells.table, own.made, config, out, training, report),
    )
    active = [each["name"] for each in read_json(folder / "latents.json") if each["active"]]
    return pd.read_parquet(folder / "latents.parquet")[active]


def learn(cells: Cells, inputs: pd.DataFrame, folder: Path, report: Report) -> Learned:
    """Train sparse networks, without a black box, as the step classify does; or read them.

    Parameters
    ----------
    cells
        N cells, with the settings.
    inputs
        (N, inputs) that the networks read: active latents, or something in their place.
    folder
        See `once`.
    report
        Is told how far training is.

    Raises
    ------
    UserError
        If these cells cannot train networks.
    """
    once(folder, lambda out: _train(cells, inputs, out, report))
    agreed = [str(name) for name in read_json(folder / "agreed.json")]
    return Learned(agreed, np.load(folder / "scores.npy", allow_pickle=False))


def _train(cells: Cells, inputs: pd.DataFrame, out: Path, report: Report) -> None:
    import torch

    from napari_parsimony.classify.classifier import agreed
    from napari_parsimony.classify.fit import one_thread
    from napari_parsimony.classify.latent_networks import train_sparse
    from napari_parsimony.classify.prepare import prepare
    from napari_parsimony.classify.select import select_inputs
    from napari_parsimony.classify.topology import used_inputs

    config, names = cells.classify, list(map(str, inputs))
    ready = prepare(
        cells.target, cells.classes, cells.table["split"], cells.table["group"], inputs, names,
        config.seed,
    )  # fmt: skip

    def told(start: int) -> Callable[[int, dict[str, float]], None]:
        def tell(step: int, values: dict[str, float]) -> None:
            done = start * config.steps + step
            report(Progress(done, 2 * config.steps, "sparse networks", values))

        return tell

    with one_thread():
        networks = train_sparse(ready.learn, ready.check, cells.latents, config, told(0))
        if config.prune_inputs:
            select_inputs(
                networks, ready.learn, ready.check, ready.groups, cells.latents, config, told(1)
            )
        scores = networks.scores(torch.from_numpy(ready.x))
    shares = used_inputs(networks.masks).mean(0).tolist()
    write_json(out / "agreed.json", agreed(dict(zip(names, shares, strict=True))))
    np.save(out / "scores.npy", centred(scores).mean(0).astype(np.float64), allow_pickle=False)


def search(
    cells: Cells, inputs: pd.DataFrame, scores: Floats, folder: Path, report: Report
) -> Candidate:
    """Look for an equation as the step equations does, and choose it in the same way; or read it.

    Parameters
    ----------
    cells, folder, report
        As for `learn`.
    inputs
        (N, inputs) that the equation may read.
    scores
        (N, outputs) that engines imitate.

    Raises
    ------
    UserError
        If there is none.
    """
    from napari_parsimony.symbolic.search import search_front

    def make(out: Path) -> None:
        more = cells.classes if len(cells.classes) > 2 else ()
        search_front(
            inputs,
            scores if more else scores[:, 0],
            cells.target,
            cells.table["split"].to_numpy(),
            cells.table["group"].to_numpy(),
            cells.equations,
            report,
            guided=cells.guided,
            classes=more,
        ).save(out / "front.json")

    front = Front.load(once(folder, make) / "front.json")
    return with_choice(front, cells.equations.choice).choice


def alone(equations: EquationsConfig, engines: Sequence[str]) -> EquationsConfig:
    """Make settings of a search in which only what these engines find takes part."""
    values = equations.model_dump() | {"engines": tuple(engines), "by_hand": ""}
    return EquationsConfig.model_validate(values | {"hall_of_fame": None, "start_from": None})


def shifted(seed: int, by: int) -> int:
    """Another seed."""
    return (seed + by) % SEEDS


class Parts:
    """Progress of many parts as one.

    Parameters
    ----------
    report
        Is told how far all is.
    total
        Units of all parts.
    """

    def __init__(self, report: Report, total: int) -> None:
        self._report, self._total, self._start = report, total, 0

    def next(self, units: int, title: str) -> Report:
        """Begin a part of so many units; what reports of itself goes to what is returned."""
        start, self._start = self._start, self._start + units

        def tell(progress: Progress) -> None:
            done = start + units * min(progress.done, progress.total) // max(progress.total, 1)
            message = f"{title}: {progress.message}" if progress.message else title
            self._report(Progress(done, self._total, message, progress.values))

        tell(Progress(0, 1))
        return tell
