"""The command 'simulate': fields of nuclei whose factors and law are known."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from napari_parsimony.cli import display
from napari_parsimony.cli.options import (
    SectionedCommand,
    given_config,
    json_option,
    progress_option,
    settings_of,
)
from napari_parsimony.simulate.config import SimulateConfig

SETTINGS = "study.toml"


def simulate_command(use: Callable[[display.Display], None]) -> click.Command:
    """Make the command `simulate`.

    Parameters
    ----------
    use
        Is told how to show progress and errors.
    """

    def callback(out: Path, config_json: str | None, progress: str, **given: Any) -> None:
        from napari_parsimony.artefact import replace_file
        from napari_parsimony.simulate.fields import simulate_fields
        from napari_parsimony.simulate.folder import cells_config, write_folder
        from napari_parsimony.study.settings import to_toml

        show = display.make(progress)
        use(show)
        config = given_config(SimulateConfig, command, config_json, given)
        out = Path(os.path.abspath(out.expanduser()))
        with show.step("simulate", "Simulate nuclei") as report:
            simulated = simulate_fields(config)
            write_folder(simulated, out, report)
        settings = cells_config(config, Path()).model_dump(mode="json", exclude_defaults=True)
        replace_file(out / SETTINGS, to_toml({"cells": settings}))
        counts = simulated.cells["class"].value_counts().sort_index()
        said = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        show.say(f"{said} in {config.fields:,} images: {out / SETTINGS}")

    command = SectionedCommand(
        "simulate",
        callback=callback,
        help="Simulate fields of nuclei under a fluorescence microscope, whose class follows from "
        "a law that is known.\n\n"
        "OUT is a new folder: images, labels, a table cells.csv with class, group and every factor "
        f"of each cell, and {SETTINGS}, with which 'run' makes a study of them. With it one sees "
        "whether a law is found again, and what a short-cut does.",
        short_help="Simulate nuclei whose class follows from a law.",
        params=[
            click.Argument(["out"], type=click.Path(path_type=Path)),
            *settings_of(SimulateConfig),
            json_option(),
            progress_option(),
        ],
    )
    return command
