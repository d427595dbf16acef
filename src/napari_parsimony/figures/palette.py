"""Colours: of the two classes, of themes, of channels. Docks use them before anything is drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

NEGATIVE, POSITIVE = "#0072b2", "#d55e00"
"""The two classes, from the palette of Okabe & Ito: blue below zero, orange above."""

SCORE_COLOURS = (NEGATIVE, "#f7f7f7", POSITIVE)
"""Of scores: blue below zero, white at zero, orange above."""

CLASS_COLOURS = (NEGATIVE, POSITIVE, "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
"""Of more than two classes, from the same palette."""

ACCENT, QUIET = "#009e73", "#8a8a8a"


@dataclass(frozen=True)
class Theme:
    """Colours of what is neither class nor cell."""

    name: str
    background: str
    ink: str
    faint: str


LIGHT = Theme("light", background="#ffffff", ink="#222222", faint="#d9d9d9")
DARK = Theme("dark", background="#262930", ink="#e6e6e6", faint="#4a4f59")


def class_colours(names: Sequence[str], told: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Colour classes: two blue and orange, of more each with its own colour.

    Parameters
    ----------
    names
        Of the classes.
    told
        Colours that people chose for some of more than two.
    """
    if len(names) == 2:
        return NEGATIVE, POSITIVE
    told = {name: colour for name, colour in (told or {}).items() if name in names}
    free = [colour for colour in CLASS_COLOURS if colour not in told.values()] or [QUIET]
    rest = cycle(free)
    return tuple(told.get(name) or next(rest) for name in names)


def rgba(colour: str) -> NDArray[np.float64]:
    """Return ``"#rrggbb"`` as four numbers from 0 to 1."""
    return np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] + [1.0])


def pictures(crops: NDArray) -> NDArray[np.float32]:
    """Turn crops into what `imshow` shows.

    Parameters
    ----------
    crops
        (..., C, S, S), 0..1. One channel is shown grey, two magenta and green, of more the first
        three as red, green and blue.

    Returns
    -------
    ndarray
        (..., S, S, 3) in 0..1.
    """
    clipped = np.clip(np.nan_to_num(np.asarray(crops, np.float32)), 0, 1)
    channels = np.moveaxis(clipped, -3, -1)
    match channels.shape[-1]:
        case 1:
            return np.repeat(channels, 3, axis=-1)
        case 2:
            return channels[..., [0, 1, 0]]
    return channels[..., :3]
