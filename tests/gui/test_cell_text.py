"""Templates of the text on cells: what they may hold, and what they write."""

import numpy as np
import pandas as pd
import pytest

from napari_parsimony.errors import UserError
from napari_parsimony.gui.cell_text import PRESETS, Template
from napari_parsimony.gui.overlay_text import LETTER, LINE, apart

pytestmark = pytest.mark.gui


class Values:
    """Three cells, one without a score or a class."""

    class_name = np.array(["round", "long", "not decided"], object)
    score = np.array([-1.234, 20.5, np.nan])
    confidence = np.array([0.774, 1.0, np.nan])
    uncertainty = np.array([0.5, 0.0, np.nan])
    annotation = np.array(["long", None, "round"], object)
    cells = pd.DataFrame({"label": [1, 70_000, 3], "frame": [0, 1, 2], "image": ["a", "b", "c"]})
    latent_names = ("z0", "z1")

    def latent(self, name):
        return np.array([0.0, -0.25, 3.0]) + int(name[1:])


def written(template):
    return Template.parse(template).write(Values(), np.array([0, 1, 2]))


@pytest.mark.parametrize(
    ("template", "texts"),
    [
        ("{score:.2f}", ["−1.23", "20.50", "–"]),
        ("{score:+.1f}", ["−1.2", "+20.5", "–"]),
        ("{class} {probability:.0%}", ["round 77%", "long 100%", "not decided –"]),
        ("{annotation:.2s}", ["lo", "–", "ro"]),
        ("{label}", ["1", "70000", "3"]),
        ("{label:,d}: {image}/{frame}", ["1: a/0", "70,000: b/1", "3: c/2"]),
        ("{z1:.1f}", ["1.0", "0.8", "4.0"]),
        ("{{x}}", ["{x}"] * 3),
        ("", [""] * 3),
    ],
)
def test_what_is_written(template, texts):
    assert written(template) == texts


@pytest.mark.parametrize("template", PRESETS)
def test_presets_are_templates(template):
    assert len(written(template)) == 3


@pytest.mark.parametrize(
    "template",
    [
        "{score.__class__}",
        "{score[0]}",
        "{class.__init__.__globals__}",
        "{__class__}",
        "{}",
        "{0}",
        "{score!r}",
        "{score:{label}}",
        "{score:>99999999}",
        "{score:.9999999f}",
        "{label:%Y}",
        "{class:d}",
        "{score",
        "score}",
        "{z0 }",
        "{z٣}",
        "x" * 81,
    ],
)
def test_anything_else_is_refused_in_a_sentence(template):
    with pytest.raises(UserError) as refused:
        Template.parse(template)
    assert "\n" not in str(refused.value)


def test_a_latent_that_the_study_has_not():
    with pytest.raises(UserError, match="no latent z7"):
        written("{z7:.1f}")


def test_texts_do_not_overlap():
    rng = np.random.default_rng(0)
    places = rng.uniform(0, 600, (1000, 2))
    lengths = rng.integers(1, 12, 1000).tolist()
    kept = apart(places, lengths)
    assert 100 < len(kept) < 1000
    y, x = places[kept].T
    half = LETTER * (np.array(lengths)[kept] + 1) / 2
    near = (np.abs(y[:, None] - y) < LINE) & (np.abs(x[:, None] - x) < half[:, None] + half)
    assert near.sum() == len(kept), "each only with itself"
    # and none is left out without a reason
    for index in sorted(set(range(1000)) - set(kept)):
        wide = LETTER * (lengths[index] + 1) / 2 + half
        assert ((np.abs(places[index, 0] - y) < LINE) & (np.abs(places[index, 1] - x) < wide)).any()
