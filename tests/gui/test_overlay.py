"""What the overlay does to a viewer, and how a session survives what happens to its study."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Labels

from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.errors import UserError
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.sample import demo_folder
from napari_parsimony.gui.session import Session
from napari_parsimony.study.study import Study


@pytest.fixture
def demo(tmp_path):
    return shutil.copytree(demo_folder(), tmp_path / "demo")


@pytest.fixture
def session():
    viewer = ViewerModel()
    session = Session.of(viewer)
    Overlay.of(session)
    yield session
    session.close()


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_the_users_own_labels_are_given_back_as_they_were(session, demo):
    file = demo / "labels.tif"
    pixels = tifffile.imread(file)
    theirs = pd.DataFrame({"index": np.arange(pixels.max() + 1), "area": 7.0})
    layer = Labels(pixels, features=theirs, metadata={"napari-parsimony source": str(file)})
    session.viewer.add_layer(layer)
    colormap = layer.colormap
    session.open_study(demo)
    assert Overlay.of(session).labels is layer
    row = layer.features.set_index("index").loc[81]
    assert (row["area"], row["annotation"]) == (7.0, "metaphase")
    session.close()
    assert layer in session.viewer.layers
    assert layer.colormap == colormap
    pd.testing.assert_frame_equal(layer.features, theirs)


@pytest.mark.parametrize("colours", [False, True])
def test_labels_lie_on_the_users_own_scaled_image(session, demo, colours):
    image = tifffile.imread(demo / "image.tif")
    stacked = np.stack([image] * 3, -1 if colours else 0)
    own = session.viewer.add_image(
        stacked, rgb=colours, metadata={"napari-parsimony source": str(demo / "image.tif")}
    )
    own.scale, own.translate = [*own.scale[:-2], 0.3, 0.3], [*own.translate[:-2], 5, 6]
    session.open_study(demo)
    labels = Overlay.of(session).labels
    np.testing.assert_array_equal(labels.scale, (0.3, 0.3))
    np.testing.assert_array_equal(labels.translate, (5, 6))


def test_whoever_draws_on_the_cells_hears_that_they_were_moved(session, demo):
    session.open_study(demo)
    told = []
    overlay = Overlay.of(session)
    overlay.shown_changed.connect(lambda: told.append(True))
    overlay.labels.scale = (2, 2)
    assert told


def test_a_study_that_cannot_be_opened_leaves_the_former_one(session, demo, tmp_path):
    other = shutil.copytree(demo, tmp_path / "other")
    front = other / "equations" / "front.json"
    front.write_text(front.read_text().replace("candidates", "kandidates"))
    edit(
        other / "equations" / "step.json",
        lambda record: record["sizes"].update({"front.json": front.stat().st_size}),
    )
    session.open_study(demo)
    session.select_cell(session.key_of(3))
    with pytest.raises(UserError, match="front"):
        session.open_study(other)
    assert session.study.path == demo
    assert session.cell == session.key_of(3)
    assert session.front is not None


def test_a_study_that_is_deleted_while_it_is_open(session, demo):
    session.open_study(demo)
    session.select_cell(session.key_of(3))
    shutil.rmtree(demo)
    assert "cells" in session.refresh()
    assert session.cell is None
    assert not session.has("cells")
    assert Overlay.of(session).labels is None
    assert session.refresh() == []


def test_settings_of_a_newer_version_are_told_and_not_a_traceback(session, demo):
    edit(demo / "cells" / "step.json", lambda record: record["config"].update(magnification=3))
    session.open_study(demo)
    assert "magnification" in Overlay.of(session).problem


def test_an_image_without_cells_does_not_show_those_of_another(session, tmp_path):
    random = np.random.default_rng(0)
    mask = np.zeros((200, 200), np.int32)
    for i in range(16):
        y, x = 20 + 50 * (i // 4), 20 + 50 * (i % 4)
        mask[y : y + 14, x : x + 14] = i + 1
    for name, labels in (("a", mask), ("b", mask * 0)):
        tifffile.imwrite(tmp_path / f"{name}.tif", random.integers(0, 99, mask.shape, np.uint8))
        tifffile.imwrite(tmp_path / f"{name}_labels.tif", labels)
    study = Study.create(tmp_path / "study")
    files = {
        "image": [tmp_path / "a.tif", tmp_path / "b.tif"],
        "labels": [tmp_path / "a_labels.tif", tmp_path / "b_labels.tif"],
    }
    study.run("cells", CellsConfig(**files, size=16, window=16))
    session.open_study(study.path)
    overlay = Overlay.of(session)
    assert len(overlay.picture.rows) == 16
    overlay.show("b.tif")
    assert len(overlay.picture.rows) == 0


def test_the_selected_cell_has_no_score_written_over_it(session, demo):
    session.open_study(demo)
    overlay = Overlay.of(session)

    def unwritten():
        return np.flatnonzero(overlay.scores.features["text"] == "").tolist()

    for row in (3, 5):
        session.select_cell(session.key_of(row))
        assert unwritten() == [int(np.flatnonzero(overlay.picture.rows == row)[0])]
    overlay.recolour()
    assert len(unwritten()) == 1
    session.select_cell(None)
    assert unwritten() == []
