"""What a step is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_parsimony.config import Config
from napari_parsimony.progress import Report

if TYPE_CHECKING:
    from napari_parsimony.study.study import Study


@dataclass(frozen=True)
class Step:
    """One command over a study.

    Attributes
    ----------
    name
        Its name on the command line and its folder in the study.
    title
        What it is called in napari.
    summary
        What it does, in one sentence.
    config
        The class of its settings.
    inputs
        The steps that it reads.
    run
        ``run(study, config, out, checkpoints, report)`` writes the artefact into the empty folder
        `out`. `checkpoints` is a folder that it makes if it has anything to keep; what it keeps
        there it finds again if it was interrupted.
    reads_classes
        Whether the classes of cells have a say in the artefact, by its settings.
    optional
        Whether a study is whole without it: `run` does it only where its settings are written, or
        where it was run before.
    also_reads
        Optional steps that it reads too, where they are ready.
    """

    name: str
    title: str
    summary: str
    config: type[Config]
    inputs: tuple[str, ...]
    run: Callable[["Study", Any, Path, Path, Report], None]
    reads_classes: Callable[[Any], bool] = lambda config: False
    optional: bool = False
    also_reads: tuple[str, ...] = ()
