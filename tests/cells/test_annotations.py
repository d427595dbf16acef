"""Classes that people give to cells: on disk, and in the table of cells."""

import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_parsimony.cells.annotations import Annotations, read_annotations, write_annotations
from napari_parsimony.errors import UserError

keys = st.tuples(st.text(max_size=8), st.integers(0, 9), st.integers(1, 2**40))
names = st.text(min_size=1, max_size=8)


@settings(max_examples=25)
@given(
    st.dictionaries(names, st.sampled_from(["#0072b2", "#D55E00"])),
    st.dictionaries(keys, st.none() | names),
)
def test_what_is_written_is_read(tmp_path_factory, colours, cells):
    path = tmp_path_factory.mktemp("annotations") / "annotations.json"
    before = Annotations(colours, cells)
    write_annotations(before, path)
    assert read_annotations(path) == before
    assert list(read_annotations(path).colours) == list(colours), "number keys stay"
    assert read_annotations(path).stamp == before.stamp


def test_nobody_annotated_yet(tmp_path):
    assert read_annotations(tmp_path / "absent.json") == Annotations()
    assert Annotations({"a": "#000000"}).stamp == ""


def test_classes_in_the_table():
    table = pd.DataFrame(
        {
            "image": ["a", "a", "b"],
            "frame": [0, 1, 0],
            "label": [1, 1, 1],
            "class": pd.Series(["round", None, "long"], dtype="str"),
        }
    )
    cells = {("a", 1, 1): "long", ("b", 0, 1): None, ("gone", 0, 7): "round"}
    applied = Annotations({}, cells).applied(table)["class"]
    assert applied.iloc[:2].tolist() == ["round", "long"]
    assert applied.isna().tolist() == [False, False, True]
    assert applied.dtype == table["class"].dtype
    assert table["class"].isna().tolist() == [False, True, False], "the table itself is left alone"


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"format_version": 1},
        {"format_version": 1, "colours": {}, "cells": [["a", 0]]},
        {"format_version": 1, "colours": {"x": "url(evil)"}, "cells": []},
        {"format_version": 2, "colours": {}, "cells": []},
    ],
)
def test_something_else_is_refused(tmp_path, content):
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"annotations\.json"):
        read_annotations(path)
