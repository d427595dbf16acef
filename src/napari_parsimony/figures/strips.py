"""Traversals as plain pictures and movies: drawn in milliseconds, and in any thread.

Matplotlib draws the same in a third of a second, and is not safe beside another drawing thread:
what docks show live is drawn here.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from napari_parsimony.figures.palette import ACCENT, LIGHT, Theme, pictures
from napari_parsimony.vae.traversal import Grid

Pixels = NDArray[np.uint8]

_GAP = 0.04  # of a picture's side


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    import matplotlib as mpl

    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", size)


def rounded(value: float) -> str:
    """One digit behind the point, a true minus, and no minus before 0."""
    return f"{round(value, 1) + 0.0:.1f}".replace("-", "−")


def grid_picture(
    grid: Grid, titles: Sequence[str], side: int = 64, *, theme: Theme = LIGHT
) -> Pixels:
    """Draw a traversal: a latent in each row, its title left, the column of the start framed.

    Parameters
    ----------
    grid
        What to draw.
    titles
        Of the rows; a line break makes the second line small and faint.
    side
        Of a cell's picture, in pixels.
    theme
        Colours.

    Returns
    -------
    ndarray
        (height, width, 3).
    """
    rows, steps = grid.values.shape
    gap, edge, font, small = _measures(side)
    parts = [title.split("\n", 1) for title in titles]
    below = round(side * 0.24)  # the values of a row
    left, pitch = _left(titles, side), side + below
    size = (_width(titles, steps, side), edge + rows * pitch)
    whole = Image.new("RGB", size, theme.background)
    draw = ImageDraw.Draw(whole)
    drawn = _bytes(pictures(grid.images))
    for row, (first, *more) in enumerate(parts):
        y = edge + row * pitch
        draw.text((edge, y + side * 0.4), first, theme.ink, font, anchor="lm")
        for line in more:
            draw.text((edge, y + side * 0.64), line, _faint(theme), small, anchor="lm")
        for step in range(steps):
            x = left + step * (side + gap)
            whole.paste(_scaled(drawn[row, step], side), (x, y))
            here = step == grid.nearest[row]
            if here:
                box = (x - 2, y - 2, x + side + 1, y + side + 1)
                draw.rectangle(box, outline=ACCENT, width=max(side // 32, 2))
            colour = theme.ink if here else _faint(theme)
            place = (x + side / 2, y + side + below * 0.46)
            draw.text(place, rounded(grid.values[row, step]), colour, small, anchor="mm")
    return np.asarray(whole)


def movie_frames(
    images: NDArray[np.float32], captions: Sequence[str], side: int = 320, *, theme: Theme = LIGHT
) -> Pixels:
    """Draw one frame for each cell, with a line of text below it.

    Parameters
    ----------
    images
        (N, C, S, S) in 0..1.
    captions
        N texts; one that is too long is made smaller.
    side
        Of the picture in pixels.
    theme
        Colours.

    Returns
    -------
    ndarray
        (N, height, side, 3).
    """
    strip = round(side * 0.12)
    size = round(side * 0.055)
    while size > 6 and max(map(_font(size).getlength, captions), default=0) > side * 0.96:
        size -= 1
    frames = np.empty((len(images), side + strip, side, 3), np.uint8)
    for frame, picture, caption in zip(frames, _bytes(pictures(images)), captions, strict=True):
        whole = Image.new("RGB", (side, side + strip), theme.background)
        whole.paste(_scaled(picture, side), (0, 0))
        place = (side / 2, side + strip / 2)
        ImageDraw.Draw(whole).text(place, caption, theme.ink, _font(size), anchor="mm")
        frame[...] = np.asarray(whole)
    return frames


def png(picture: Pixels) -> bytes:
    """Write a picture (height, width, 3) as PNG."""
    import imageio.v3 as imageio

    return bytes(imageio.imwrite("<bytes>", picture, extension=".png", plugin="pillow"))


def movie(frames: Pixels, kind: str = ".gif", seconds: float = 2.0) -> bytes:
    """Write frames there and back again as a movie that never ends.

    Parameters
    ----------
    frames
        (N, height, width, 3).
    kind
        ``.gif`` runs everywhere, in 256 colours; ``.png``, an animated one, keeps all colours.
    seconds
        From the first frame to the last.
    """
    import imageio.v3 as imageio

    back = np.concatenate([frames, frames[-2:0:-1]])
    # Viewers play faster than 50 frames a second as if it were 10
    duration = max(round(1000 * seconds / len(frames)), 20)
    settings: dict[str, Any] = {"duration": duration, "loop": 0, "plugin": "pillow"}
    if kind == ".png":
        settings["is_batch"] = True
    return bytes(imageio.imwrite("<bytes>", back, extension=kind, **settings))


def side_for(width: int, titles: Sequence[str], steps: int) -> int:
    """Side of the pictures with which a grid is so many pixels wide, or a bit less."""
    side = max(round(width * 64 / _width(titles, steps, 64)), 1)
    while side > 1 and _width(titles, steps, side) > width:
        side -= 1
    return side


def _measures(side: int) -> tuple[int, int, ImageFont.FreeTypeFont, ImageFont.FreeTypeFont]:
    """Gap between pictures, edge around the grid, fonts of titles and of numbers."""
    fonts = _font(max(round(side * 0.19), 7)), _font(max(round(side * 0.15), 6))
    return max(round(side * _GAP), 2), round(side * 0.12), *fonts


def _left(titles: Sequence[str], side: int) -> int:
    _, edge, font, small = _measures(side)
    parts = [title.split("\n", 1) for title in titles]
    widths = [
        f.getlength(text) for part in parts for f, text in zip((font, small), part, strict=False)
    ]
    return round(max(widths, default=0)) + 2 * edge


def _width(titles: Sequence[str], steps: int, side: int) -> int:
    gap, edge, _, _ = _measures(side)
    return _left(titles, side) + steps * (side + gap) - gap + edge


def _bytes(images: NDArray[np.float32]) -> Pixels:
    return (np.clip(images, 0, 1) * 255 + 0.5).astype(np.uint8)


def _scaled(picture: Pixels, side: int) -> Image.Image:
    return Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC)


def _faint(theme: Theme) -> str:
    return "#666666" if theme is LIGHT else "#a8adb5"
