"""Figures of what flips schemes: everything is inside, and what is said is there."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from napari_parsimony.figures.counterfactual import distances, edit_effects, smallest_changes
from napari_parsimony.figures.palette import DARK, LIGHT
from napari_parsimony.figures.robustness import adversarial_strip, flip_rates
from napari_parsimony.figures.style import to_png

SCHEMES = ("black_box", "dense", "sparse", "symbolic")


def crops(n, channels=1):
    return np.random.default_rng(0).random((n, channels, 16, 16)).astype("float32")


def figures(theme):
    rng = np.random.default_rng(0)
    rates = pd.DataFrame(
        [
            (scheme, norm, attack, epsilon, rate, rate - 0.1, rate + 0.1, 20)
            for scheme in SCHEMES
            for norm in ("l2", "linf")
            for attack in ("pgd", "fgsm", "noise")
            for epsilon, rate in zip((0.01, 0.1, 1.0), sorted(rng.random(3)), strict=True)
        ],
        columns=["scheme", "norm", "attack", "epsilon", "flip_rate", "low", "high", "n"],
    )
    table = pd.DataFrame(
        {
            "cell": [0, 1, 2],
            "own": [0, 1, -1],
            "other": [1, 0, -1],
            "distance": [0.5, np.inf, np.nan],
            **{f"z{i}": rng.normal(size=3) for i in range(12)},
        }
    )
    table.loc[1:, table.columns[4:]] = np.nan
    edits = pd.DataFrame(
        [
            (edit, f"{edit} (×)", 1.0, dose, scheme, 5, rng.normal(), 1.0, rng.random() / 5, 0.5)
            for edit in ("size", "elongation", "brightness", "neighbours")
            for dose in (0.5, 1.5)
            for scheme in SCHEMES
        ],
        columns=[
            "edit",
            "title",
            "nothing",
            "dose",
            "scheme",
            "n",
            "mean_change",
            "sd_change",
            "flips",
            "agreement",
        ],
    )
    epsilons = {name: [0.1, np.inf] for name in SCHEMES}
    yield flip_rates(rates, 256, theme=theme)
    yield adversarial_strip(
        crops(2), dict.fromkeys(SCHEMES, crops(2) ** 1.1), epsilons, theme=theme
    )
    names = ("interphase", "a class with a name that has no end in sight")
    yield smallest_changes(crops(3, 2), crops(3, 2), crops(3, 2), table, names, theme=theme)
    yield distances({"symbolic": [1, np.inf, np.nan, 2], "sparse": [np.inf] * 3}, theme=theme)
    yield edit_effects(edits, theme=theme)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_nothing_leaves_the_figure(theme):
    for figure in figures(theme):
        assert to_png(figure).startswith(b"\x89PNG")
        drawn = figure.get_tightbbox(figure.canvas.get_renderer())
        width, height = figure.get_size_inches()
        assert max(-drawn.x0, -drawn.y0, drawn.x1 - width, drawn.y1 - height) < 0.02


def test_what_is_not_flipped_is_said():
    said = [text.get_text() for figure in figures(LIGHT) for text in figure.findobj(mpl.text.Text)]
    assert "never flipped" in said
    assert "0.1 grey levels" in said
    assert any("nothing within the range" in text for text in said)
    assert any(text.startswith("not decided") for text in said)
    assert any(text.endswith("…: 0.50 standard deviations") for text in said)
