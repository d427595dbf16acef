"""The command 'segment': labels for images that have none."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from napari_parsimony.cells.config import SegmentConfig
from napari_parsimony.cli import display
from napari_parsimony.cli.options import (
    SectionedCommand,
    given_config,
    json_option,
    progress_option,
    settings_of,
)


def segment_command(use: Callable[[display.Display], None]) -> click.Command:
    """Make the command `segment`.

    Parameters
    ----------
    use
        Is told how to show progress and errors.
    """

    def callback(
        image: Path, out: Path, config_json: str | None, progress: str, **given: Any
    ) -> None:
        from napari_parsimony.cells.segment import segment_image

        show = display.make(progress)
        use(show)
        config = given_config(SegmentConfig, command, config_json, given)
        # so that messages name files in full
        image, out = (Path(os.path.abspath(path.expanduser())) for path in (image, out))
        with show.step("segment", "Find nuclei") as report:
            count = segment_image(config, image, out, report)
        show.say(f"{count:,} nuclei: {out}")

    command = SectionedCommand(
        "segment",
        callback=callback,
        help="Find bright nuclei in an image that has no labels yet, and write them as labels.\n\n"
        "IMAGE is a TIFF or PNG, with or without time; OUT a TIFF of integers, for the setting "
        "'labels' of the step cells. Quick and simple: look at the result, and correct it in "
        "napari where it matters.",
        short_help="Find nuclei in an image that has no labels yet.",
        params=[
            click.Argument(["image"], type=click.Path(path_type=Path)),
            click.Argument(["out"], type=click.Path(path_type=Path)),
            *settings_of(SegmentConfig),
            json_option(),
            progress_option(),
        ],
    )
    return command
