"""A front on the command line."""

from napari_parsimony.cli.front_text import lines_of
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.front import Candidate, Front, Judged, Law, Search


def candidate(text, loss, **more):
    values = {
        "expression": Expression.parse(text), "engine": "quick", "seed": 0, "train_loss": loss,
        "validation_loss": loss, "validation_error": 0.02, "excess_error": 0.0,
        "balanced_accuracy": 0.9, "agreement": 0.95, "digits": 3, "flips": 2,
    }  # fmt: skip
    return Candidate(**values | more)


LARGER = candidate(
    "z3 - exp(z7)", 0.2, accuracy=0.92, loss_interval=(0.15, 0.26), accuracy_interval=(0.88, 0.96)
)


def test_columns_are_aligned_and_explained():
    laws = (
        Law(Expression.parse("z3"), 3, (0,), (Search("by hand", 0),)),
        Law(LARGER.expression, 3, (1,), (Search("operon", 0), Search("operon", 1))),
    )
    searches = (Search("operon", 0), Search("operon", 1), Search("quick", 0))
    known = Front(
        (candidate("z3", 0.4), LARGER), 1, ("z3", "z7"), Judged(400, 7, 450), searches, laws
    )
    lines = lines_of(known, "movie")
    head, first, second = lines[:3]
    place = head.index("equation", head.index("gain"))
    assert first[place:] == "z3"
    assert second[place:] == "z3 − exp(z7)"
    assert second.startswith("* ")
    for text in ("0.2000 [0.1500, 0.2600]", "92.0% [88.0%, 96.0%]", "95.0%"):
        assert text in second
    assert "–" in first, "an accuracy that is not known"
    text = "\n".join(lines[3:])
    assert "each movie by numbers fitted to the other movies (400 cells of 7 movies" in text
    assert "flips: cells of 450 that change" in text
    assert "1 good law; * found by 2 of 3 searches" in text
    assert "law 2: * z3 − exp(z7) (size 4; found by 2 of 3 searches)" in text


def test_an_old_front():
    text = "\n".join(lines_of(Front((candidate("z3", 0.4),), 0, ("z3",)), "image"))
    assert "Laws are not known" in text
    assert "image" in text
