"""The score of a tracked cell over time: drawn, listed, and a way to its frames."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from qtpy.QtCore import Qt

from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.gui.tracks_chart import TracksChart
from napari_parsimony.study.study import Study
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.vae.config import VaeConfig

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton


COLOURS = ("#0072b2", "#d55e00")


@pytest.fixture
def chart(qtbot):
    chart = TracksChart()
    qtbot.addWidget(chart)
    chart.resize(320, 150)
    chart.show()
    return chart


def test_a_click_goes_to_the_nearest_frame_of_the_cell(qtbot, chart):
    frames, scores = np.array([2, 3, 7, 9]), np.array([-1.0, 2.0, np.nan, -3.0])
    chart.set_value(frames, scores[:, None], 3, ("round", "long"), COLOURS)
    assert chart.crossings == [(pytest.approx(2 + 1 / 3), 1), (pytest.approx(5.4), 0)]
    for frame, near in ((2, 0.1), (3, 0.4), (7, -0.5), (9, 0.0)):
        place = chart.place_of(frame + near, 0).toPoint()
        with qtbot.waitSignal(chart.frame_chosen) as chosen:
            qtbot.mouseClick(chart, LEFT, pos=place)
        assert chosen.args == [frame]


def test_arrow_keys_go_along_the_frames(qtbot, chart):
    chart.set_value(np.array([2, 3, 7]), np.array([[1.0], [-1.0], [1.0]]), 3, ("a", "b"), COLOURS)
    for key, frame in ((Qt.Key.Key_Right, 7), (Qt.Key.Key_Left, 2)):
        with qtbot.waitSignal(chart.frame_chosen) as chosen:
            qtbot.keyClick(chart, key)
        assert chosen.args == [frame]
    chart.set_value(np.array([2, 3, 7]), np.array([[1.0], [-1.0], [1.0]]), 7, ("a", "b"), COLOURS)
    with qtbot.assertNotEmitted(chart.frame_chosen):
        qtbot.keyClick(chart, Qt.Key.Key_Right)


@pytest.mark.parametrize(
    "scores", [[], [np.nan], [1.0], [0.0, 0.0], [np.inf, -1.0], [1e30, -1e30], [-1.0, 2.0]]
)
def test_any_track_can_be_painted(chart, scores):
    chart.set_value(np.arange(len(scores)), np.array(scores)[:, None], 0, ("a", "b"), COLOURS)
    chart.set_now(0)
    assert not chart.grab().isNull()


def test_of_several_classes_it_tells_when_another_is_the_most_probable(chart):
    frames = np.array([0, 1, 2, 4, 5])
    scores = np.array([[3, 0, 0], [2, 1, 0], [np.nan] * 3, [0, 4, 1], [0, 1, 4]], float)
    chart.set_value(frames, scores, 1, ("a", "b", "c"), (*COLOURS, "#009e73"))
    assert chart.crossings == [(2.5, 1), (4.5, 2)]
    high = [chart.place_of(frames[i], scores[i].max()).y() for i in (0, 3)]
    assert high[0] == high[1], "probabilities: beyond 1 is at 1"
    assert not chart.grab().isNull()


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    """Six cells in eight frames, with track numbers as labels; latents, no classifier."""
    folder = tmp_path_factory.mktemp("movie")
    rng = np.random.default_rng(0)
    labels = np.zeros((8, 120, 160), np.int32)
    for i in range(12):
        y, x = 20 + 40 * (i // 4), 20 + 40 * (i % 4)
        for t in range(8):
            wide = 5 + (t + i) % 8
            labels[t, y - 6 : y + 6, x - wide : x + wide] = i + 1
    labels[4][labels[4] == 2] = 0  # unseen in one frame
    image = (labels > 0) * 150 + rng.integers(0, 20, labels.shape)
    for name, pixels in (("i", image.astype(np.uint8)), ("l", labels)):
        tifffile.imwrite(folder / f"{name}.tif", pixels, metadata={"axes": "TYX"})
    study = Study.create(folder / "study")
    files = {"image": [folder / "i.tif"], "labels": [folder / "l.tif"]}
    study.run("cells", CellsConfig(**files, size=32, window=36, folds=3))
    study.run(
        "vae",
        VaeConfig(steps=60, batch=16, beta=0.01, latents=4, focus=0, warmup=0, check_every=60),
    )
    return study.path


@pytest.fixture
def opened(make_napari_viewer, movie):
    viewer = make_napari_viewer(show=True)
    _, dock = viewer.window.add_plugin_dock_widget("napari-parsimony", "Overlay")
    dock.session.open_study(movie)
    # an equation that crosses zero: what is above the mean of a latent
    table = dock.session.study.latents()
    dock.session.try_expression(Expression.parse(f"z0 - {table['z0'].median():.6f}"))
    return viewer, dock


def test_the_track_of_the_selected_cell(qtbot, opened):
    viewer, dock = opened
    session, track = dock.session, dock.track
    assert track.isVisible()
    assert "Select a cell" in track.title.text()
    assert not track.chart.isVisible()
    session.select_cell(("i.tif", 3, 2))
    assert viewer.dims.current_step[0] == 3
    frames, scores = track.chart.value()
    scores = scores[:, 0]
    assert frames.tolist() == [0, 1, 2, 3, 5, 6, 7]
    cells, score = session.cells, session.cell_scores()[:, 0]
    for frame, shown in zip(frames, scores, strict=True):
        row = session.row_of(("i.tif", int(frame), 2))
        assert shown == score[row]
    crossed = len(track.chart.crossings)
    assert track.crossings.text().count("→") == min(crossed, 6)
    assert crossed == np.sum(np.diff(np.sign(scores)) != 0)
    assert len(cells) == 95

    # a click goes to the frame, and selects the cell there
    place = track.chart.place_of(6, 0).toPoint()
    qtbot.mouseClick(track.chart, LEFT, pos=place)
    assert session.cell == ("i.tif", 6, 2)
    assert viewer.dims.current_step[0] == 6
    assert dock.overlay.frame == 6
    assert len(dock.overlay.ring.data) == 1

    # another equation, another curve
    session.try_expression(Expression.parse("z1"))
    np.testing.assert_array_equal(
        track.chart.value()[1][:, 0],
        [session.cell_scores()[:, 0][session.row_of(("i.tif", int(f), 2))] for f in frames],
    )
    session.close()
    assert not track.isVisible()


def test_every_frame_shows_its_own_cells(opened):
    viewer, dock = opened
    session, overlay = dock.session, dock.overlay
    score, cells = session.cell_scores()[:, 0], session.cells
    overlay.set_colour_by("score")
    overlay.set_template("{frame}/{label}")
    for frame in (5, 0, 4, 7):
        viewer.dims.set_current_step(0, frame)
        rows = np.flatnonzero(cells["frame"] == frame)
        shown = overlay.labels.features.set_index("index")["score"]
        pd.testing.assert_series_equal(
            shown,
            pd.Series(score[rows], pd.Index(cells["label"][rows], name="index"), name="score"),
        )
        for row in rows:
            colour = overlay.colouring.colours[overlay.colouring.shade[row]]
            np.testing.assert_allclose(overlay.labels.get_color(int(cells["label"][row])), colour)
        texts = overlay.scores.features["text"]
        assert len(texts)
        assert all(text.startswith(f"{frame}/") for text in texts)
    assert overlay.labels.get_color(2).any(), "seen in frame 7"
    viewer.dims.set_current_step(0, 4)
    assert not overlay.labels.get_color(2).any(), "unseen in frame 4"


def test_only_with_tracks(make_napari_viewer, field_study):
    viewer = make_napari_viewer(show=True)
    _, dock = viewer.window.add_plugin_dock_widget("napari-parsimony", "Overlay")
    dock.session.open_study(field_study)
    dock.session.select_cell(dock.session.key_of(0))
    assert not dock.track.isVisible()
