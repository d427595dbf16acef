"""Cells from tables of positions, windows in micrometres, channels, and groups from a column."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from drawn import make_field

from napari_parsimony.cells.build import build_cells
from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.cells.extract import label_moments
from napari_parsimony.cells.orient import central_mask, mask_moments
from napari_parsimony.cells.preview import preview_cells
from napari_parsimony.cells.table import read_cells
from napari_parsimony.config import parse_config
from napari_parsimony.errors import UserError


def build(out, **settings):
    out.mkdir(exist_ok=True)
    build_cells(parse_config(CellsConfig, settings), out)
    crops = np.load(out / "crops.npy", mmap_mode="r", allow_pickle=False)
    return read_cells(out / "cells.parquet"), crops


@pytest.fixture
def points(tmp_path, field):
    """Positions of the cells of the field, as in its labels."""
    ids, found = label_moments(tifffile.imread(field[1]))
    table = pd.DataFrame({"y": found.y, "x": found.x, "label": ids})
    table.to_csv(tmp_path / "points.csv", index=False)
    return tmp_path / "points.csv"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_same_crops_as_from_labels(tmp_path, field, points, suffix):
    table = pd.read_csv(points)
    path = tmp_path / f"cells{suffix}"
    table.to_csv(path, index=False) if suffix == ".csv" else table.to_parquet(path)
    labelled = build(tmp_path / "l", image=[field[0]], labels=[field[1]], window=50)
    pointed = build(tmp_path / "p", image=[field[0]], centroids=[path], window=50)
    pd.testing.assert_frame_equal(labelled[0], pointed[0], atol=1e-9)
    np.testing.assert_array_equal(labelled[1], pointed[1])


def test_cells_are_turned_without_a_mask(tmp_path, field, points):
    settings = {"image": [field[0]], "window": 40, "orientation": "principal axis"}
    cells, crops = build(tmp_path / "p", **settings, centroids=[points])
    labelled, _ = build(tmp_path / "l", **settings, labels=[field[1]])
    # of its two directions, the axis of a symmetric cell may have either
    apart = np.abs(np.sin(cells["angle"] - labelled["angle"]))
    assert np.median(apart) < 0.05
    assert max(abs(np.sin(mask_moments(central_mask(c[0])).angle[0])) for c in crops) < 0.15


def test_a_movie_of_tracks(tmp_path):
    frames = np.stack([make_field(seed)[0] for seed in range(3)])
    tifffile.imwrite(tmp_path / "movie.tif", frames, metadata={"axes": "QYX"})
    rows = [
        (frame, track, 20.0 + 40 * (track // 4), 20.0 + 40 * (track % 4), "ab"[track % 2])
        for track in range(16)
        for frame in (2, 0)  # in no order
    ]
    table = pd.DataFrame(rows, columns=["frame", "track_id", "y", "x", "class"])
    table.to_csv(tmp_path / "tracks.csv", index=False)
    files = {"image": [tmp_path / "movie.tif"], "centroids": [tmp_path / "tracks.csv"]}
    cells, crops = build(tmp_path / "o", **files, window=40, folds=3)
    assert cells["frame"].tolist() == [0] * 16 + [2] * 16
    assert cells["label"].tolist() == [*range(16)] * 2
    assert cells["class"].tolist() == ["a", "b"] * 16
    # a crop is of the frame that its row says
    tifffile.imwrite(tmp_path / "last.tif", frames[2])
    table[table["frame"] == 2].drop(columns="frame").to_csv(tmp_path / "last.csv", index=False)
    last = {"image": [tmp_path / "last.tif"], "centroids": [tmp_path / "last.csv"]}
    np.testing.assert_array_equal(crops[16:], build(tmp_path / "l", **last, window=40, folds=3)[1])


def test_rows_are_numbered_where_there_is_no_label(tmp_path, field, points):
    pd.read_csv(points).drop(columns="label").to_csv(points, index=False)
    cells, _ = build(tmp_path / "o", image=[field[0]], centroids=[points], window=40)
    assert cells["label"].tolist() == list(range(1, 17))


def test_a_window_in_micrometres(tmp_path, field, points):
    files = {"image": [field[0]], "centroids": [points]}
    cells, crops = build(tmp_path / "u", **files, window_um=13, pixel_size=0.325)
    pixels, same = build(tmp_path / "p", **files, window=40)
    pd.testing.assert_frame_equal(cells, pixels)
    np.testing.assert_array_equal(crops, same)


def test_chosen_channels(tmp_path, field):
    picture = tifffile.imread(field[0])
    stack = np.stack([picture, picture.max() - picture, np.full_like(picture, 7)])
    tifffile.imwrite(tmp_path / "c.tif", stack, metadata={"axes": "CYX"}, photometric="minisblack")
    files = {"image": [tmp_path / "c.tif"], "labels": [field[1]]}
    with pytest.raises(UserError, match="single grey value"):
        build(tmp_path / "o", **files)
    _, crops = build(tmp_path / "o", **files, channels=[1, 0])
    assert crops.shape == (16, 2, 64, 64)
    assert crops[5, 0, 32, 32] < 0.2
    assert crops[5, 1, 32, 32] > 0.8
    with pytest.raises(UserError, match="no channel 3: it has 3, counted from 0"):
        build(tmp_path / "o", **files, channels=[3])


def test_channels_of_a_folder_of_crops(tmp_path, make_crop_folder):
    folder = make_crop_folder()
    for file in folder.glob("*/*.tif"):
        picture = tifffile.imread(file)
        tifffile.imwrite(file, np.stack([picture, 255 - picture]), metadata={"axes": "CYX"})
    _, crops = build(tmp_path / "o", folder=folder, channels=[1], folds=5)
    assert crops.shape[1] == 1
    assert crops[0, 0, 32, 32] < 0.2


def test_groups_from_a_column(tmp_path, field, points):
    wells = [f"well {i % 5}" for i in range(16)]
    # a name that the table of cells uses for something else
    table = pd.read_csv(points).assign(movie=wells)
    table.to_csv(points, index=False)
    files = {"image": [field[0]], "window": 40}
    cells, _ = build(tmp_path / "p", **files, centroids=[points], group_column="movie")
    assert cells["group"].tolist() == wells
    assert (cells.groupby("group")["split"].nunique() == 1).all()
    table.rename(columns={"movie": "well"}).to_csv(tmp_path / "classes.csv", index=False)
    settings = {**files, "labels": [field[1]], "classes": tmp_path / "classes.csv"}
    cells, _ = build(tmp_path / "l", **settings, group_column="well")
    assert cells["group"].tolist() == wells
    assert cells["class"].isna().all()


def test_a_table_without_frames_speaks_of_all_of_them(tmp_path):
    labels = np.stack([make_field(seed)[1] for seed in range(2)])
    images = np.stack([make_field(seed)[0] for seed in range(2)])
    tifffile.imwrite(tmp_path / "i.tif", images, metadata={"axes": "TYX"})
    tifffile.imwrite(tmp_path / "l.tif", labels, metadata={"axes": "TYX"})
    (tmp_path / "c.csv").write_text("label,class\n3,mitosis\n")
    files = {"image": [tmp_path / "i.tif"], "labels": [tmp_path / "l.tif"]}
    cells, _ = build(tmp_path / "o", **files, classes=tmp_path / "c.csv")
    named = cells[cells["class"].notna()]
    assert named[["frame", "label"]].to_numpy().tolist() == [[0, 3], [1, 3]]


def test_tables_and_settings_that_cannot_be_used(tmp_path, field, points):
    good = pd.read_csv(points)

    def fails(sentence, table=None, **settings):
        (good if table is None else table).to_csv(points, index=False)
        files = {"image": [field[0]], "centroids": [points], "window": 40, **settings}
        with pytest.raises(UserError, match=sentence):
            build(tmp_path / "o", **files)

    fails("lack the column 'y'", good.drop(columns="y"))
    fails(
        "the x 'east' in row 3, which is no number", good.assign(x=["1", "2", "east"] + ["1"] * 13)
    )
    fails("label 'one', which is no integer", good.assign(label="one"))
    fails("list cell 1 of frame 0 twice", good.assign(label=1))
    fails("y 500, x .* beyond the image", good.assign(y=500))
    fails("frame 3, beyond the image .* of frames 0 to 0", good.assign(frame=3))
    fails("holds no cell", good[:0])
    fails("points do not say how large a cell is: give 'window'", window=None)
    fails("needs the setting 'pixel_size'", window=None, window_um=10)
    fails("in pixels or in micrometres, not in both", window_um=10, pixel_size=1)
    fails("either labels or centroids", labels=[field[1]])
    fails("1 images but 2 tables of centroids", centroids=[points, points])
    fails("no column 'well' to group by in .*points.csv", group_column="well")
    fails("Cell 4 of frame 0 of image.tif has no 'well'",
          good.assign(well=["a"] * 3 + [None] + ["b"] * 12), group_column="well")  # fmt: skip
    fails("'group_by' is column where 'group_column' names one", group_by="column")
    fails("counted from 0, and each is used once", channels=[0, 0])
    good.assign(**{"class": "a"}).to_csv(tmp_path / "classes.csv", index=False)
    fails("leave one out", good.assign(**{"class": "a"}), classes=tmp_path / "classes.csv")
    points.write_bytes(b"PAR1")
    with pytest.raises(UserError, match="lack the column 'y'"):
        build(tmp_path / "o", image=[field[0]], centroids=[points], window=40)


# Previews


@pytest.mark.parametrize("normalisation", ["percentile", "image", "dataset", "none"])
@pytest.mark.parametrize("orientation", ["imaged", "principal axis"])
def test_a_preview_is_what_the_step_makes(tmp_path, field, points, normalisation, orientation):
    for where in ({"labels": [field[1]]}, {"centroids": [points], "window": 40}):
        settings = {
            "image": [field[0]], **where, "normalisation": normalisation, "orientation": orientation
        }  # fmt: skip
        cells, crops = build(tmp_path / "o", **settings)
        seen = preview_cells(parse_config(CellsConfig, settings), most=4)
        rows = [0, 5, 10, 15]
        assert seen.names == [f"Cell {cells['label'][row]} of image.tif" for row in rows]
        np.testing.assert_allclose(seen.crops, crops[rows], atol=6e-4)
        assert seen.border.tolist() == cells["border"][rows].tolist()
        assert seen.count == 16
        assert seen.windows[0] == pytest.approx(cells["scale"][0] * 64)


def test_a_preview_of_several_images_and_of_a_frame(tmp_path, field):
    movie = np.stack([tifffile.imread(field[0]), make_field(3)[0]])
    labels = np.stack([tifffile.imread(field[1]), make_field(3)[1]])
    tifffile.imwrite(tmp_path / "m.tif", movie, metadata={"axes": "TYX"})
    tifffile.imwrite(tmp_path / "ml.tif", labels, metadata={"axes": "TYX"})
    config = parse_config(
        CellsConfig,
        {"image": [tmp_path / "m.tif", field[0]], "labels": [tmp_path / "ml.tif", field[1]]},
    )
    seen = preview_cells(config, frame=1)
    assert seen.count == 32
    assert {name.split(" of ")[1] for name in seen.names} == {"m.tif", "image.tif"}
    assert np.abs(seen.crops[0] - preview_cells(config, frame=0).crops[0]).max() > 0.1
    labels[1] = 0
    tifffile.imwrite(tmp_path / "ml.tif", labels, metadata={"axes": "TYX"})
    config = parse_config(
        CellsConfig, {"image": [tmp_path / "m.tif"], "labels": [tmp_path / "ml.tif"]}
    )
    with pytest.raises(UserError, match="no cell in the frame that is looked at"):
        preview_cells(config, frame=1)


def test_a_preview_of_a_folder(tmp_path, make_crop_folder):
    folder = make_crop_folder()
    cells, crops = build(tmp_path / "o", folder=folder)
    seen = preview_cells(parse_config(CellsConfig, {"folder": folder}), most=4)
    rows = [0, 6, 13, 19]
    assert seen.names == cells["image"][rows].tolist()
    np.testing.assert_allclose(seen.crops, crops[rows], atol=6e-4)
