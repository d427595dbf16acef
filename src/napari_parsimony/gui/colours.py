"""Colours of cells on a labels layer, and what they mean."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from napari.utils.colormaps import DirectLabelColormap, ensure_colormap
from numpy.typing import NDArray

from napari_parsimony.figures.palette import CLASS_COLOURS, QUIET, SCORE_COLOURS, rgba
from napari_parsimony.figures.text import numbers
from napari_parsimony.gui.cell_values import CellValues, terms_of
from napari_parsimony.gui.napari_compat import remember_shades
from napari_parsimony.gui.scoring import UNDECIDED
from napari_parsimony.study.familiarity import read_familiarity

if TYPE_CHECKING:
    from napari_parsimony.gui.session import Session

COLOUR_BY = ("class", "score", "probability", "uncertainty", "annotation", "none")
"""What colours can mean; beside them ``probability 0``, … of each of more than two classes,
``term 0``, …, latents, ``z3``, and ``familiarity``, where it is known which cells are unlike
those that the VAE was trained on."""

UNLIKE_COLOURS = ("#31688e", "#e6e6e6", "#d01c8b")
"""Of cells like those of the training, at the limit, and twice as far; none is that of a class."""
FAINT = 0.3  # opacity of cells that nobody annotated
SHADES = 64  # fewer colours make a quicker colormap, and nobody sees more
SHARE = 95  # per cent of the cells that lie within the colours' ends


@dataclass(frozen=True)
class Bar:
    """A scale of colours.

    Attributes
    ----------
    stops
        (K, 4) colours at equal steps from `low` to `high`.
    low, high
        Values at its ends; what lies beyond has the colour of the end.
    ends
        What the ends mean, in a word; may be empty.
    """

    stops: NDArray[np.float64]
    low: float
    high: float
    ends: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Colouring:
    """Colour of every cell of a study.

    Attributes
    ----------
    shade
        (N,) index into `colours`.
    colours
        (K, 4) red, green, blue, opacity.
    names
        What each of the colours stands for, if they stand for classes; else empty.
    bar
        Their scale, if they stand for numbers; cells without one have the last colour.
    meaning
        What the colours mean, in a sentence.
    """

    shade: NDArray[np.intp]
    colours: NDArray[np.float64]
    names: tuple[str, ...]
    bar: Bar | None
    meaning: str


def choices(session: "Session") -> dict[str, str]:
    """List what colours can mean in the study that is open, and how it is called."""
    classes = session.classes
    second = classes[1] if session.has("classify") else "the second class"
    found = {"class": "class"}
    if len(classes) == 2:
        found |= {"score": "score", "probability": f"probability of {second}"}
    else:
        found |= {"probability": "probability of its class"}
        found |= {f"probability {i}": f"probability of {name}" for i, name in enumerate(classes)}
    found |= {"uncertainty": "uncertainty", "annotation": "annotation", "none": "nothing"}
    if session.study is not None and read_familiarity(session.study) is not None:
        found["familiarity"] = "unlike training cells"
    terms = terms_of(session.expression)
    found |= {f"term {i}": f"term {text}" for i, (text, _) in enumerate(terms)}
    if session.has("vae"):
        names = [f"z{index}" for index in session.latent_order]
        found |= {name: f"latent {session.title_of(name)}" for name in names}
    return found


def colouring(session: "Session", by: str, values: CellValues) -> Colouring:
    """Colour all cells of a study.

    Parameters
    ----------
    session
        Whose study, classes and annotations are looked at.
    by
        What the colours mean, one of `choices`.
    values
        Of the cells.
    """
    if by == "none":
        shade = np.zeros(len(values.cells), np.intp)
        return Colouring(shade, rgba(QUIET)[None], (), None, "All cells look alike.")
    if by == "familiarity":
        return _unlike(values)
    if by == "annotation":
        return _annotation(session, values)
    if by.startswith("term "):
        text, added = values.terms[int(by.removeprefix("term "))]
        limit = _limit(added)
        to, _, of = text.rpartition(": ")
        what = f"the score of {to}" if to else "the score"
        ends = ("others", to) if to else values.classes
        meaning = f"What the term {of} adds to {what}, in logits. {_within(-limit, limit)}"
        return _shaded(added, Bar(_score_stops(), -limit, limit, (ends[0], ends[1])), meaning)
    if by in values.latent_names:
        latent = values.latent(by)
        low, high = np.percentile(latent, [(100 - SHARE) / 2, (100 + SHARE) / 2])
        if not low < high:
            low, high = low - 0.5, high + 0.5
        meaning = f"Latent {session.title_of(by)}, which has no unit. {_within(low, high)}"
        return _shaded(latent, Bar(_viridis(), float(low), float(high)), meaning)
    return _scored(session, by, values)


def _scored(session: "Session", by: str, values: CellValues) -> Colouring:
    scorer, classes = values.scorer, values.classes
    if scorer is None and by == "class":
        return _annotation(session, values, "The cells have no score yet: ")
    if scorer is None:
        shade = np.zeros(len(values.cells), np.intp)
        sentence = "The cells have no score yet: run the steps up to the classifier."
        return Colouring(shade, rgba(QUIET)[None], (), None, sentence)
    if by == "class":
        colours = np.array([rgba(colour) for colour in (*session.class_colours, QUIET)])
        meaning = f"The class that {scorer} finds most probable."
        if len(classes) == 2:
            meaning = (
                f"The class that {scorer} gives: {classes[0]} below a score of 0, {classes[1]} "
                "above."
            )
        return Colouring(values.side, colours, (*classes, UNDECIDED), None, meaning)
    if by == "uncertainty":
        meaning = f"How undecided {scorer} is: 0 is certain of a class, 1 knows nothing."
        if len(classes) > 2:
            meaning = f"How undecided {scorer} is: 1 less the lead of the most probable class."
        return _shaded(values.uncertainty, Bar(_viridis(), 0, 1, ("certain", "undecided")), meaning)
    if len(classes) > 2:
        return _probable(by, values, str(scorer))
    first, second = classes
    if by == "score":
        limit = _limit(values.score)
        meaning = (
            f"Score by {scorer}, a logit: 0 is undecided, 1 more means e times the odds of "
            f"{second}. {_within(-limit, limit)}"
        )
        return _shaded(values.score, Bar(_score_stops(), -limit, limit, (first, second)), meaning)
    if by == "probability":
        meaning = f"Probability that the cell is {second}, by {scorer}."
        bar = Bar(_score_stops(), 0, 1, (first, second))
        return _shaded(values.probabilities[:, 1], bar, meaning)
    raise ValueError(f"{by!r} is nothing that colours could mean")


def _probable(by: str, values: CellValues, scorer: str) -> Colouring:
    """Colour by probabilities of more than two classes."""
    if by == "probability":
        likely, what = values.confidence, "Probability of the class that the cell is given"
        low = 1 / len(values.classes)
    else:
        which = int(by.removeprefix("probability "))
        likely, what, low = values.probabilities[:, which], "", 0.0
        what = f"Probability that the cell is {values.classes[which]}"
    return _shaded(likely, Bar(_viridis(), low, 1, ("", "")), f"{what}, by {scorer}.")


def _unlike(values: CellValues) -> Colouring:
    assert values.unlikeness is not None, "it is no choice otherwise"
    meaning = (
        "How unlike the cells that the VAE was trained on: the larger of reconstruction error and "
        "distance to them, each as a part of its limit. Above 1, do not trust what is said of a "
        "cell."
    )
    stops = np.array([rgba(colour) for colour in UNLIKE_COLOURS])
    return _shaded(values.unlikeness, Bar(stops, 0, 2, ("alike", "unlike")), meaning)


def _annotation(session: "Session", values: CellValues, before: str = "") -> Colouring:
    chosen, sides = session.annotations.colours, values.side_of_class
    named = values.annotation
    present = {name for name in named if name is not None}
    # as the annotator orders them, then by name
    names = [name for name in chosen if name in present]
    names += sorted(present - set(names))
    colours = []
    for number, name in enumerate(names):
        if name in chosen:
            colours.append(chosen[name])
        elif sides:
            colours.append((*session.class_colours, QUIET)[sides.get(name, -1)])
        else:
            colours.append(CLASS_COLOURS[number % len(CLASS_COLOURS)])
    number_of = {name: number for number, name in enumerate(names)}
    shade = np.array([number_of.get(name, len(names)) for name in named], np.intp)
    meaning = "The class that people gave."
    if before:
        meaning = before + "these are the classes that people gave."
    if len(values.classes) == 2 and sides and not {*chosen, *values.classes} >= present:
        first, second = values.classes
        meaning += f" Blue classes are told from orange ones: {first} from {second}."
    # who annotates has to see the cell below its colour
    table = np.array([*(rgba(colour) for colour in colours), (*rgba(QUIET)[:3], FAINT)])
    return Colouring(shade, table, (*names, "no class"), None, meaning)


def _shaded(value: NDArray[np.float64], bar: Bar, meaning: str) -> Colouring:
    share = np.clip((np.nan_to_num(value) - bar.low) / (bar.high - bar.low), 0, 1)
    shade = np.where(np.isnan(value), SHADES, np.round(share * (SHADES - 1))).astype(np.intp)
    colours = np.vstack([ramp(bar, SHADES), rgba(QUIET)])
    return Colouring(shade, colours, (), bar, meaning)


def ramp(bar: Bar, steps: int) -> NDArray[np.float64]:
    """Colours of a scale at so many equal steps, (steps, 4)."""
    places = np.linspace(0, 1, len(bar.stops))
    to = np.linspace(0, 1, steps)
    return np.stack([np.interp(to, places, channel) for channel in bar.stops.T], axis=1)


def _score_stops() -> NDArray[np.float64]:
    return np.array([rgba(colour) for colour in SCORE_COLOURS])


def _viridis() -> NDArray[np.float64]:
    found: NDArray[np.float64] = ensure_colormap("viridis").map(np.linspace(0, 1, 16))
    return found


def _limit(value: NDArray[np.float64]) -> float:
    """Size of the values within which most of them are."""
    finite = np.abs(value[np.isfinite(value)])
    most = float(np.percentile(finite, SHARE)) if len(finite) else 0.0
    return most if most > 0 else 1.0


def _within(low: float, high: float) -> str:
    first, last = numbers([low, high])
    return f"Colours reach from {first} to {last}: {SHARE} % of all cells are within."


def colormap_of(
    label: NDArray[np.int64], shade: NDArray[np.intp], colours: NDArray[np.float64]
) -> DirectLabelColormap:
    """Make a colormap that gives every cell its colour; what is no cell of the study has none.

    Parameters
    ----------
    label
        (N,) values in the labels layer.
    shade
        (N,) index into `colours`.
    colours
        (K, 4)
    """
    colormap = DirectLabelColormap(color_dict={None: np.zeros(4), 0: np.zeros(4)})
    # filled afterwards: napari converts every colour that it is given, which takes longer than all
    # of the rest
    few = list(colours)
    colormap.color_dict.update(
        zip(label.tolist(), map(few.__getitem__, shade.tolist()), strict=True)
    )
    remember_shades(colormap, label, shade, colours)
    return colormap
