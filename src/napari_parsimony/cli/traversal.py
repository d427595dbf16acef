"""The command that draws what latents do to a cell."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_parsimony.cli.options import SectionedCommand
from napari_parsimony.errors import UserError
from napari_parsimony.study.latent_names import read_latent_names, title
from napari_parsimony.study.study import Study

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_parsimony.cells.annotations import CellKey

FRAMES = 30


def traversal_command() -> click.Command:
    """Make the command `traversal`."""

    def callback(
        study: Path,
        out: Path,
        cell: "CellKey | None",
        to: "CellKey | None",
        latent: str | None,
        steps: int,
    ) -> None:
        from napari_parsimony.artefact import replace_file

        replace_file(out, _draw(Study.open(study), out.suffix.lower(), cell, to, latent, steps))
        click.echo(str(out))

    key: dict[str, Any] = {"type": (str, int, int), "metavar": "IMAGE FRAME LABEL"}
    return SectionedCommand(
        "traversal",
        callback=callback,
        help="Draw what latents do to a cell.\n\nWithout --latent and --to, OUT is a PNG with all "
        "active latents in rows. With one of them it is a movie, .gif or an animated .png.",
        short_help="Draw what latents do to a cell, as a picture or a movie.",
        params=[
            click.Argument(["study"], type=click.Path(path_type=Path)),
            click.Argument(["out"], type=click.Path(path_type=Path)),
            click.Option(["--cell"], **key, help="Start from this cell, not from the mean of all."),
            click.Option(["--to"], **key, help="Movie of the straight way to this cell."),
            click.Option(["--latent"], help="Movie of the sweep of this latent, such as z3."),
            click.Option(
                ["--steps"],
                type=click.IntRange(2, 99),
                default=9,
                show_default=True,
                help="Pictures in a row of the grid.",
            ),
        ],
    )


def _draw(
    study: Study,
    kind: str,
    cell: "CellKey | None",
    to: "CellKey | None",
    latent: str | None,
    steps: int,
) -> bytes:
    if to is not None and latent is not None:
        raise UserError("--to and --latent are two movies: give one of them.")
    moving = to is not None or latent is not None
    kinds = (".gif", ".png") if moving else (".png",)
    if kind not in kinds:
        raise UserError(f"OUT must end with {' or '.join(kinds)}, not '{kind}'.")
    # drawing takes torch, which errors above can do without
    from napari_parsimony.figures.strips import (
        grid_picture,
        movie,
        movie_frames,
        png,
        rounded,
    )
    from napari_parsimony.vae.latents import decode_latents
    from napari_parsimony.vae.traversal import even_values, straight_line, sweep, traversal_grid

    statistics, names = study.latent_statistics(), read_latent_names(study)
    latents: list[str] = statistics["name"].tolist()
    start = statistics["mean"].to_numpy() if cell is None else _latents_of(study, cell)

    if to is not None:
        positions = straight_line(start, _latents_of(study, to), FRAMES)
        captions = [f"{share / (FRAMES - 1):.0%}" for share in range(FRAMES)]
    elif latent is not None:
        if latent not in latents:
            raise UserError(f"The study has no latent '{latent}': it has z0 to {latents[-1]}.")
        index = latents.index(latent)
        values = even_values(statistics, start, [index], FRAMES)[0]
        positions = sweep(start, index, values)
        captions = [f"{title(latents[index], names)} = {rounded(value)}" for value in values]
    else:
        active = statistics[statistics["active"]].sort_values("rank").index.tolist()
        if not active:
            raise UserError("No latent is active: the VAE has learned nothing of the cells yet.")
        titles = [
            f"{title(latents[i], names)}\n{statistics['kl'].iloc[i]:.2f} nats" for i in active
        ]
        grid = traversal_grid(study.vae(), start, statistics, active, steps)
        return png(grid_picture(grid, titles, 96))
    return movie(movie_frames(decode_latents(study.vae(), positions), captions), kind)


def _latents_of(study: Study, key: "CellKey") -> "NDArray[np.float64]":
    cells = study.cells()
    image, frame, label = key
    here = (cells["image"] == image) & (cells["frame"] == frame) & (cells["label"] == label)
    if not here.any():
        raise UserError(f"The study has no cell {label} of frame {frame} of {image}.")
    names = study.latent_statistics()["name"].tolist()
    found: NDArray[np.float64] = study.latents()[names][here.to_numpy()].to_numpy(float)[0]
    return found
