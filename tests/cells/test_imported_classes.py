"""Classes from tables of other programs: which cells they speak of, and what is refused."""

import pandas as pd
import pytest

from napari_parsimony.cells.imported_classes import match_classes, read_class_list
from napari_parsimony.errors import UserError

MOVIE = pd.DataFrame(
    [("a/x.tif", 0, 1), ("a/x.tif", 1, 1), ("a/x.tif", 1, 2), ("b/x.tif", 0, 1), ("y.tif", 0, 1)],
    columns=["image", "frame", "label"],
)
FIELD = pd.DataFrame({"image": "f.tif", "frame": 0, "label": [1, 2, 2**40]})
CROPS = pd.DataFrame({"image": ["p/1.png", "p/2.png"], "frame": 0, "label": 1})


def read(tmp_path, text, cells, **options):
    path = tmp_path / "classes.csv"
    path.write_text(text, **options)
    return read_class_list(path, cells)


def test_whole_keys(tmp_path):
    text = "image,frame,label,class\na/x.tif,1,1,round\na/x.tif,1.0,2,NA\ny.tif,0,1,\n"
    found = read(tmp_path, text, MOVIE)
    assert found.classes == {("a/x.tif", 1, 1): "round", ("a/x.tif", 1, 2): "NA"}
    assert found.counts == {"NA": 1, "round": 1}
    assert found.strangers == 0


def test_parts_of_the_key_that_are_enough(tmp_path):
    big = 2**40
    text = f"\ufeffLabel;Class\n1;a\n{big};b\n"
    found = read(tmp_path, text, FIELD, encoding="utf-8")
    assert found.classes == {("f.tif", 0, 1): "a", ("f.tif", 0, big): "b"}
    found = read(tmp_path, "image\tclass\nC:/p/2.png\tb\n1\ta\n", CROPS)
    assert found.classes == {("p/2.png", 0, 1): "b", ("p/1.png", 0, 1): "a"}


def test_strangers_are_counted(tmp_path):
    found = read(tmp_path, "label,class\n1,a\n7,a\n8,b\n", FIELD)
    assert found.classes == {("f.tif", 0, 1): "a"}
    assert (found.strangers, found.first_stranger) == (2, "cell 7")


@pytest.mark.parametrize(
    ("text", "cells", "said"),
    [
        ("label\n1\n", FIELD, "no column 'class'"),
        ("class\na\n", FIELD, "no column 'label'"),
        ("label,class\n1,a\n", CROPS, "no column 'image'"),
        ("image,label,class\nx,1,a\n", MOVIE, "no column 'frame'"),
        ("label,class\n1.5,a\n", FIELD, "label '1.5', which is no whole number"),
        ("label,class\nInfinity,a\n", FIELD, "no whole number"),
        ("label,class\n1,a\n1,b\n", FIELD, "several classes to cell 1"),
        ("label,class\n9,a\n", FIELD, "lists no cell of this study; the first is cell 9"),
        ("image,frame,label,class\nx.tif,0,1,a\n", MOVIE, "first is cell 1 of frame 0 of image x"),
        ("", FIELD, "cannot be read as CSV"),
    ],
)
def test_refusals(tmp_path, text, cells, said):
    with pytest.raises(UserError, match=said):
        read(tmp_path, text, cells)


def test_other_refusals(tmp_path):
    with pytest.raises(UserError, match="cannot be read as CSV"):
        read_class_list(tmp_path / "absent.csv", FIELD)
    many = FIELD.loc[[0] * 60].assign(label=range(60))
    with pytest.raises(UserError, match="60 different classes"):
        match_classes(many.assign(**{"class": range(60)}), many, "The column 'area'")


def test_numbers_are_classes_too_and_keys_may_be_called_otherwise():
    listed = pd.DataFrame({"label": [11, 12, 13], "class": [1.0, float("nan"), 2.0]})
    seen = FIELD.assign(label=[11, 12, 13])
    found = match_classes(listed, FIELD, "The column", seen)
    assert found.classes == {("f.tif", 0, 1): "1", ("f.tif", 0, 2**40): "2"}
