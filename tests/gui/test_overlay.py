"""What the overlay does to a viewer, and how a session survives what happens to its study."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Labels

from napari_parsimony.cells.annotations import Annotations
from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.errors import UserError
from napari_parsimony.figures.palette import rgba
from napari_parsimony.gui.borrowed import SOURCE
from napari_parsimony.gui.colours import choices
from napari_parsimony.gui.napari_compat import camera_of, canvas_size_of
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


def test_of_several_images_that_are_open_one_is_seen_at_a_time(session, field_study):
    """Upon one another, nobody could tell whose cells a click selects."""
    study, viewer = Study.open(field_study), session.viewer
    config = study.step("cells").settings(CellsConfig, study.path)
    for image, labels in list(zip(config.image, config.labels, strict=True))[:3]:
        viewer.add_image(tifffile.imread(image), name=image.stem, metadata={SOURCE: str(image)})
        viewer.add_labels(tifffile.imread(labels), name=labels.stem, metadata={SOURCE: str(labels)})
    viewer.layers["labels2"].visible = False
    viewer.add_image(np.zeros((9, 9)), name="another")
    session.open_study(study.path)
    overlay = Overlay.of(session)

    def seen():
        return {layer.name for layer in viewer.layers if layer.visible and "e" in layer.name}

    ours = {"another", "scores", "selected cell"}
    assert seen() == {*ours, "image0", "labels0"}
    kept = overlay.scores, overlay.ring, viewer.layers["labels1"].colormap
    second = np.flatnonzero(session.cells["image"] == "image1.tif")
    session.select_cell(session.key_of(int(second[0])))
    assert seen() == {*ours, "image1", "labels1"}
    # napari needs half a second for each layer that goes, so that none does
    assert (overlay.scores, overlay.ring) == kept[:2]
    centre = session.cells.loc[second[0], ["y", "x"]].astype(float)
    np.testing.assert_allclose(overlay.ring.data, [centre])
    viewer.layers["labels0"].visible = True  # its eye
    assert overlay.name == "image0.tif"
    assert overlay.labels is viewer.layers["labels0"]
    assert seen() == {*ours, "image0", "labels0"}
    overlay.show("image4.tif")
    assert seen() == {*ours, "image4.tif", "cells"}
    session.close()
    assert viewer.layers["labels1"].colormap == kept[2]
    assert seen() == {"another", "image0", "labels0", "image1", "labels1", "image2"}


def test_an_image_fills_the_canvas_however_large_the_others_are(session, demo):
    session.viewer.add_image(np.zeros((4000, 4000)))
    session.open_study(demo)
    image, camera = tifffile.imread(demo / "image.tif"), camera_of(session.viewer)
    np.testing.assert_allclose(camera.center[-2:], np.array(image.shape) / 2 - 0.5)
    seen = np.array(canvas_size_of(session.viewer)) / camera.zoom
    assert 1 < min(seen / image.shape) < 1.1


def test_the_selected_cell_has_no_text_written_over_it(session, demo):
    session.open_study(demo)
    overlay = Overlay.of(session)
    camera_of(session.viewer).zoom = 3

    def unwritten():
        texts = overlay.scores.features["text"].to_numpy()
        return overlay.texts.chosen[texts == ""].tolist()

    first, second = overlay.texts.chosen[[0, -1]]
    for row in (first, second):
        session.select_cell(session.key_of(row))
        assert unwritten() == [row]
    overlay.recolour()
    assert unwritten() == [second]
    session.select_cell(None)
    assert unwritten() == []


def test_colours_mean_what_the_legend_says(session, demo):
    session.open_study(demo)
    overlay = Overlay.of(session)
    values = overlay.values
    shown = {}
    for by in choices(session):
        overlay.set_colour_by(by)
        colouring = overlay.colouring
        label = session.cells["label"]
        colours = np.array([overlay.labels.get_color(int(number)) for number in label])
        np.testing.assert_allclose(colours, colouring.colours[colouring.shade])
        shown[by] = colours
        assert colouring.meaning.endswith(".")
    # numbers go along the scale, from one end to the other
    for by, numbers in {
        "score": values.score,
        "probability": values.probabilities[:, 1],
        "uncertainty": values.uncertainty,
        "term 0": values.terms[0][1],
        session.expression.variables[0]: values.latent(session.expression.variables[0]),
    }.items():
        overlay.set_colour_by(by)
        bar, shade = overlay.colouring.bar, overlay.colouring.shade
        inside = (numbers > bar.low) & (numbers < bar.high)
        assert inside.mean() > 0.9
        order = np.argsort(numbers)
        assert (np.diff(shade[order]) >= 0).all()
        place = (numbers - bar.low) / (bar.high - bar.low) * 63
        assert np.abs(shade - place)[inside].max() <= 0.5
    assert not np.array_equal(shown["score"], shown["class"])


def test_a_term_that_is_gone_is_shown_no_more(session, demo):
    session.open_study(demo)
    overlay = Overlay.of(session)
    sizes = [len(candidate.expression.terms) for candidate in session.front.candidates]
    session.choose_expression(int(np.argmax(sizes)))
    last = [key for key in choices(session) if key.startswith("term")][-1]
    overlay.set_colour_by(last)
    session.choose_expression(int(np.argmin(sizes)))
    assert last not in choices(session)
    assert overlay.colour_by == "score"
    np.testing.assert_array_equal(overlay.labels.features["score"], session.cell_scores()[:, 0])


def test_annotations_have_the_colours_that_people_chose(session, demo):
    session.open_study(demo)
    overlay = Overlay.of(session)
    overlay.set_colour_by("annotation")
    key = session.key_of(0)
    session.annotate(Annotations({"odd": "#12ab34"}, {key: "odd"}))
    assert "odd" in overlay.colouring.names
    np.testing.assert_allclose(overlay.labels.get_color(key[2]), rgba("#12ab34"))
    session.annotate(Annotations({"odd": "#ff0000"}, {key: "odd"}))
    np.testing.assert_allclose(overlay.labels.get_color(key[2]), rgba("#ff0000"))
    assert overlay.labels.features["annotation"][0] == "odd"


def test_disagreements_are_marked_and_follow_annotations(session, demo):
    session.open_study(demo)
    overlay = Overlay.of(session)
    wrong = overlay.values.disagreeing
    score = session.cell_scores()
    names = session.cells["class"]
    expected = [
        row
        for row in range(len(score))
        if names[row] in session.classes and session.class_of(score[row]) != names[row]
    ]
    assert wrong.tolist() == expected
    assert expected
    marks = overlay.marks.layers["disagreements"]
    assert len(marks.data) == len(expected)
    # people change their mind
    row = expected[0]
    session.annotate(Annotations({}, {session.key_of(row): session.class_of(score[row])}))
    assert overlay.values.disagreeing.tolist() == expected[1:]
    assert len(marks.data) == len(expected) - 1
    overlay.set_show_disagreements(False)
    assert len(marks.data) == 0
    # one after the other, round and round
    seen = []
    for _ in expected:
        overlay.go_to_disagreement(1)
        seen.append(session.row_of(session.cell))
    assert seen == [*expected[1:], expected[1]]
    overlay.go_to_disagreement(-1)
    assert session.row_of(session.cell) == expected[-1]


def test_cells_selected_together_have_rings(session, demo):
    session.open_study(demo)
    overlay = Overlay.of(session)
    active = session.viewer.layers.selection.active
    session.select_cells(np.array([4, 7]))
    rings = overlay.marks.layers["selected cells"]
    np.testing.assert_allclose(rings.data, session.cells.loc[[4, 7], ["y", "x"]].to_numpy(float))
    assert session.viewer.layers.selection.active is active
    overlay.labels.scale = (2, 2)
    np.testing.assert_array_equal(rings.scale, (2, 2))
    session.select_cells(np.zeros(0, int))
    assert len(rings.data) == 0


def test_a_cell_out_of_view_is_brought_into_view(session, demo):
    session.open_study(demo)
    overlay = Overlay.of(session)
    camera = camera_of(session.viewer)
    overlay.labels.scale, overlay.labels.translate = (2, 2), (10, 20)
    camera.zoom, camera.center = 20, (0, 0, 0)
    y, x = session.cells.loc[9, ["y", "x"]].astype(float)
    session.select_cell(session.key_of(9))
    np.testing.assert_allclose(camera.center[-2:], (2 * y + 10, 2 * x + 20))
    # one that is in view already moves nothing
    camera.center = (0, 2 * y + 12, 2 * x + 21)
    session.select_cell(None)
    session.select_cell(session.key_of(9))
    np.testing.assert_allclose(camera.center[-2:], (2 * y + 12, 2 * x + 21))


@pytest.mark.parametrize("borrowed", [False, True])
def test_hovering_tells_the_cells_values(session, demo, borrowed):
    if borrowed:
        layer = Labels(
            tifffile.imread(demo / "labels.tif"),
            metadata={"napari-parsimony source": str(demo / "labels.tif")},
        )
        session.viewer.add_layer(layer)
    session.open_study(demo)
    latent = session.expression.variables[0]
    session.name_latent(latent, "size")
    layer = Overlay.of(session).labels
    row = int(np.flatnonzero(session.cells["class"].notna())[0])
    cell = session.cells.iloc[row]
    at = np.argwhere(layer.data == cell["label"])[0].astype(float)
    status = layer.get_status(at, view_direction=np.zeros(2), dims_displayed=[0, 1], world=True)[
        "value"
    ]
    score = session.cell_scores()[row]
    assert f"class: {session.class_of(score)}" in status
    assert f"annotation: {cell['class']}" in status
    assert f"{latent} size: " in status
    assert f"probability of {session.classes[1]}: " in status


def test_the_text_follows_its_template_and_the_view(session, demo):
    session.open_study(demo)
    overlay = Overlay.of(session)
    camera = camera_of(session.viewer)
    camera.zoom = 4
    overlay.set_template("{class} {label}")
    rows = overlay.texts.chosen
    score = session.cell_scores()
    wanted = [f"{session.class_of(score[r])} {session.cells['label'][r]}" for r in rows]
    assert overlay.scores.features["text"].tolist() == wanted
    assert overlay.scores.text.visible
    # only of cells in and about the view, and no two over each other
    height, width = canvas_size_of(session.viewer)
    middle = np.array(camera.center[-2:])
    reach = np.abs(overlay.scores.data - middle) * 4
    assert (reach <= np.array([height, width]) * 0.8).all()
    before = set(rows.tolist())
    camera.center = (0, *(middle + 150))
    assert set(overlay.texts.chosen.tolist()) != before
    camera.zoom = 0.1
    assert not overlay.scores.text.visible
    with pytest.raises(UserError, match="score"):
        overlay.set_template("{skore}")
    assert overlay.template == "{class} {label}"


def test_a_template_of_another_study_is_told(session, demo, tmp_path):
    session.open_study(demo)
    overlay = Overlay.of(session)
    overlay.set_template("{z0:.1f}")
    overlay.chosen = "{z999:.1f}"  # as if it came from there
    camera_of(session.viewer).zoom = 4
    overlay.recolour()
    assert "z999" in overlay.text_problem
    assert not overlay.scores.text.visible
    overlay.set_template("{label}")
    assert overlay.text_problem is None
    assert overlay.scores.text.visible


@pytest.mark.parametrize("name", ["cells", "scores", "selected cell", "image.tif"])
def test_a_removed_layer_is_told_and_comes_back(session, demo, name):
    session.open_study(demo)
    overlay, layers = Overlay.of(session), session.viewer.layers
    layers[name].name = "renamed"
    session.select_cell(session.key_of(3))
    layers.remove("renamed")
    assert "'renamed' was removed" in overlay.problem
    # everything else goes on
    session.select_cell(session.key_of(5))
    session.select_cells(np.array([1, 2]))
    overlay.set_colour_by("score")
    overlay.set_template("{label}")
    session.viewer.reset_view()
    overlay.go_to_disagreement(1)
    overlay.show_again()
    assert overlay.problem is None
    assert name in layers
    assert len(overlay.ring.data) == 1
    assert len(layers) == len(set(layers))
    session.close()
    assert len(layers) == 0


def test_replaced_labels_are_told(session, demo):
    session.open_study(demo)
    overlay = Overlay.of(session)
    overlay.labels.data = np.zeros((3, 20, 20), np.int32)
    assert "another size" in overlay.problem
    session.select_cell(session.key_of(5))
    overlay.set_colour_by("score")
    overlay.show_again()
    assert overlay.problem is None
    assert overlay.labels.data.shape == overlay.picture.labels.shape


def test_large_labels_have_colours(session, tmp_path):
    random = np.random.default_rng(0)
    mask = np.zeros((3, 200, 200), np.int64)
    starts = (0, 70_000, 2**24)  # two of three frames are beyond what napari colours by itself
    for frame, start in enumerate(starts):
        for i in range(16):
            y, x = 20 + 50 * (i // 4), 20 + 50 * (i % 4)
            mask[frame, y : y + 14, x : x + 14] = start + i + 1
    labels = mask.astype(np.uint32)
    for name, pixels in (("i", random.integers(0, 99, mask.shape, np.uint8)), ("l", labels)):
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels, metadata={"axes": "TYX"})
    study = Study.create(tmp_path / "study")
    files = {"image": [tmp_path / "i.tif"], "labels": [tmp_path / "l.tif"]}
    study.run("cells", CellsConfig(**files, size=16, window=16))
    session.open_study(study.path)
    overlay = Overlay.of(session)
    overlay.set_colour_by("annotation")
    for frame, start in enumerate(starts):
        said = {("i.tif", frame, start + 1): "a", ("i.tif", frame, start + 2): "b"}
        session.annotate(Annotations({}, said))
        session.viewer.dims.set_current_step(0, frame)
        here = np.asarray(overlay.labels.data[frame])
        first, second, third = (int(here[25, 25 + 50 * i]) for i in range(3))
        assert tuple(overlay.labels.get_color(first)) == tuple(rgba("#0072b2"))
        assert tuple(overlay.labels.get_color(second)) == tuple(rgba("#d55e00"))
        red, green, blue, opacity = overlay.labels.get_color(third)
        assert (red, green, blue) == tuple(rgba("#8a8a8a"))[:3]
        assert 0 < opacity < 0.5, "whoever annotates sees what nobody annotated"
        features = overlay.labels.features.set_index("index")
        number = features["label"] if "label" in features else features.index.to_series()
        assert number[first] == start + 1


def test_a_slider_of_latents_repaints_no_cell(session, demo):
    session.open_study(demo)
    overlay, told = Overlay.of(session), []
    overlay.look_changed.connect(lambda: told.append(True))
    overlay.labels.events.colormap.connect(lambda: told.append(True))
    session.set_latent(0, 1.5)
    assert not told


@pytest.mark.parametrize("frames", [1, 3])
def test_cells_of_which_only_positions_are_known(session, tmp_path, frames):
    random = np.random.default_rng(0)
    image = random.integers(0, 99, (frames, 200, 200), np.uint8)
    tifffile.imwrite(tmp_path / "i.tif", image, metadata={"axes": "TYX"})
    at = [
        (t, 1 + i, 20 + 50 * (i // 4), 20 + 50 * (i % 4)) for t in range(frames) for i in range(16)
    ]
    points = pd.DataFrame(at, columns=["frame", "label", "y", "x"])
    points["x"] += points["frame"]
    points.to_csv(tmp_path / "points.csv", index=False)
    study = Study.create(tmp_path / "study")
    files = {"image": [tmp_path / "i.tif"], "centroids": [tmp_path / "points.csv"]}
    study.run("cells", CellsConfig(**files, size=16, window=30))
    session.open_study(study.path)
    overlay = Overlay.of(session)
    assert overlay.problem is None
    t = frames - 1
    session.select_cell(("i.tif", t, 6))
    np.testing.assert_allclose(overlay.ring.data, [[70, 70 + t]])
    drawn = np.asarray(overlay.labels.data).reshape(frames, 200, 200)[t]
    assert (drawn[70, 70 + t], drawn[95, 95]) == (6, 0)
    assert len(np.unique(drawn)) == 17
    session.annotate(Annotations({"a": "#12ab34"}, {("i.tif", t, 6): "a"}))
    overlay.set_colour_by("annotation")
    np.testing.assert_allclose(overlay.labels.get_color(6), rgba("#12ab34"))
