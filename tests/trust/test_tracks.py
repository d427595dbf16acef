"""When the score of a tracked cell crosses zero."""

import numpy as np
import pandas as pd
import pytest

from napari_parsimony.trust.tracks import is_tracked, track_rows, zero_crossings


@pytest.mark.parametrize(
    ("scores", "found"),
    [
        ([-1, 1], [(10.5, True)]),
        ([3, -1], [(10.75, False)]),
        ([-1, 3, 2, -2], [(10.25, True), (12.5, False)]),
        ([1, 2, 3], []),
        ([], []),
        ([-1, 0, 1], [(11, True)]),
        ([-1, 0, -1], []),
        ([0, 1, 0], []),
        ([-1, 0, 0, 1], [(11.5, True)]),
        ([-1, np.nan, 1], [(11, True)]),
        ([np.nan, -1, np.inf, 1], [(12, True)]),
    ],
)
def test_crossings(scores, found):
    frames = 10 + np.arange(len(scores))
    assert zero_crossings(frames, np.array(scores, float)) == found


def test_missing_frames_are_bridged():
    assert zero_crossings(np.array([2, 6]), np.array([-1.0, 1.0])) == [(4, True)]


def test_rows_of_a_track():
    cells = pd.DataFrame(
        {"image": ["a", "a", "b", "a"], "frame": [2, 0, 0, 1], "label": [7, 7, 7, 8]}
    )
    assert is_tracked(cells)
    assert not is_tracked(cells.iloc[1:])
    assert track_rows(cells, "a", 7).tolist() == [1, 0]
    assert track_rows(cells, "c", 7).tolist() == []
