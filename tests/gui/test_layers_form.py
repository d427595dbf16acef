"""Layers to files of a study."""

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from qtpy.QtCore import QCoreApplication, QEvent

from napari_parsimony.cells.images import open_image, open_labels
from napari_parsimony.errors import UserError
from napari_parsimony.gui.layers_form import LayersForm
from napari_parsimony.gui.session import Session
from napari_parsimony.study.study import Study

pytestmark = pytest.mark.gui

IMAGE = np.arange(48, dtype=np.uint16).reshape(6, 8)
LABELS = np.arange(48, dtype=np.int32).reshape(6, 8) // 12


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def form(qtbot, viewer, tmp_path):
    session = Session.of(viewer)
    Study.create(tmp_path / "study")
    session.open_study(tmp_path / "study")
    form = LayersForm(session)
    qtbot.addWidget(form)
    return form


def names(box):
    return [box.itemText(i) for i in range(box.count())]


def test_layers_may_be_renamed(viewer, form):
    first = viewer.add_image(IMAGE, name="first")
    second = viewer.add_image(IMAGE + 1, name="second")
    viewer.add_labels(LABELS, name="cells")
    form.image.setCurrentIndex(1)
    second.name = "nuclei"
    assert names(form.image) == ["first", "nuclei"]
    assert form.image.currentText() == "nuclei", "the choice stays"
    # names swapped: the choice is of a layer
    first.name, second.name = "x", "first"
    (path,) = form.settings()["image"]
    assert path.name == "first.tif"
    np.testing.assert_array_equal(tifffile.imread(path), IMAGE + 1)
    viewer.layers.remove(second)
    assert names(form.image) == ["x"]
    viewer.layers.remove("cells")
    assert not form.button.isEnabled()


def test_multiscale_layers_are_saved_at_full_resolution(viewer, form):
    image, labels = (
        np.kron(IMAGE, np.ones((4, 4), np.uint16)),
        np.kron(LABELS, np.ones((4, 4), int)),
    )
    image[1, 1], labels[1, 1] = 999, 9  # not in the lower resolutions
    viewer.add_image([image, image[::2, ::2], image[::4, ::4]], multiscale=True)
    viewer.add_labels([labels, labels[::2, ::2]], multiscale=True)
    settings = form.settings()
    np.testing.assert_array_equal(tifffile.imread(settings["image"][0]), image)
    np.testing.assert_array_equal(tifffile.imread(settings["labels"][0]), labels)


@pytest.mark.parametrize(
    "place",
    [
        {"translate": (0, 1)},
        {"translate": (0.6, 0)},
        {"rotate": 10},
        {"shear": [0.5]},
        {"scale": (1, 1.1)},
        {"scale": (1e-9, 1e-9)},
        {"affine": [[0, 1, 0], [1, 0, 0], [0, 0, 1]]},
    ],
    ids=str,
)
def test_layers_that_lie_elsewhere_are_refused(viewer, form, place):
    image = viewer.add_image(IMAGE, name="nuclei", **place)
    viewer.add_labels(LABELS, name="cells")
    with pytest.raises(UserError, match="'nuclei' and 'cells' do not lie on each other") as caught:
        form.settings()
    assert "give both the same scale, translate, rotate, shear and affine" in str(caught.value)
    assert not any(form.session.study.path.glob("images/*"))
    # the labels in the same place
    viewer.layers.remove("cells")
    viewer.add_labels(LABELS, name="cells", **place)
    assert form.settings()["image"][0].is_file(), image


def test_less_than_half_a_pixel_is_nothing(viewer, form):
    viewer.add_image(IMAGE, scale=(0.3, 0.3), translate=(5, 5))
    viewer.add_labels(LABELS, scale=(0.3, 0.3), translate=(5.1, 5))
    assert form.settings()["image"][0].is_file()


def test_time_must_fit_and_channels_may_lie_anywhere(viewer, form):
    movie, labels = np.stack([IMAGE, IMAGE]), np.stack([LABELS, LABELS])
    viewer.add_image(np.stack([movie, movie, movie], 1), translate=(3, 7, 0, 0))  # TCYX
    found = viewer.add_labels(labels, translate=(2, 0, 0))
    with pytest.raises(UserError, match="do not lie on each other"):
        form.settings()
    found.translate = (3, 0, 0)
    settings = form.settings()
    opened = open_labels(settings["labels"][0])
    assert opened.count == 2
    assert open_image(settings["image"][0], labels=opened).channels == 3


@pytest.mark.parametrize(
    ("image_name", "labels_name"), [("field.tif", "field_tif"), ("Cells", "cells")]
)
def test_names_that_are_alike(viewer, form, image_name, labels_name):
    viewer.add_image(IMAGE, name=image_name)
    viewer.add_labels(LABELS, name=labels_name)
    settings = form.settings()
    (image,), (labels,) = settings["image"], settings["labels"]
    # as on a disk that does not tell cases apart
    assert str(image).lower() != str(labels).lower()
    np.testing.assert_array_equal(tifffile.imread(image), IMAGE)
    np.testing.assert_array_equal(tifffile.imread(labels), LABELS)


@pytest.mark.parametrize("largest", [3, 2**31, 2**53 + 1, 2**63 - 1])
@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_large_labels_are_exact(viewer, form, dtype, largest):
    labels = LABELS.astype(dtype)
    labels[labels == 3] = largest
    viewer.add_image(IMAGE)
    viewer.add_labels(labels)
    (path,) = form.settings()["labels"]
    np.testing.assert_array_equal(open_labels(path).read(0)[0], labels)


def test_a_form_that_is_gone_follows_no_layers(qapp, viewer):
    events = viewer.layers.events
    emitters = (events.inserted, events.removed, events.renamed)
    before = [len(emitter.callbacks) for emitter in emitters]
    form = LayersForm(Session.of(viewer))
    assert [len(emitter.callbacks) for emitter in emitters] == [n + 1 for n in before]
    form.deleteLater()
    QCoreApplication.sendPostedEvents(form, QEvent.Type.DeferredDelete)
    assert [len(emitter.callbacks) for emitter in emitters] == before
    viewer.add_image(IMAGE).name = "renamed"
    viewer.layers.clear()
