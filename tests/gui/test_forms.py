"""Settings to widgets and back."""

from pathlib import Path

import pytest
from qtpy.QtCore import QCoreApplication, QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox

from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.config import parse_config
from napari_parsimony.errors import UserError
from napari_parsimony.gui.forms import (
    classes_text,
    config_to_widgets,
    parse_classes,
    set_values,
    widgets_to_config,
)
from napari_parsimony.gui.latent_sliders import FloatSlider
from napari_parsimony.report import STEPS

pytestmark = pytest.mark.gui

CHANGED = {
    "cells": {
        "image": ("/a/i.tif", "/b/j.tif"),
        "labels": ("/a/l.tif", "/b/k.tif"),
        "window": 31.5,
        "orientation": "principal axis",
        "pattern": r"(?P<movie>m\d)",
        "axes": "TYX",
        "classes": "/a/classes.csv",
    },
    "vae": {"beta": 0.125, "learning_rate": 3e-5, "augment": False, "start_from": "/w.safetensors"},
    "classify": {"classes": {"a": ["x", "y"], "b": ["z"]}, "hidden": [8, 4]},
    "equations": {"engines": ["quick"], "choice": 7},
    "evaluate": {"confidence": 0.9},
    "trust": {"cells": 500, "confidence": 0.9},
    "robustness": {"cells": 20, "levels": (2, 8), "rounds": 3},
    "stability": {"vaes": 5, "engines": ["quick", "operon"], "same": 0.9},
    "ablations": {"beta": False, "resamples": 200},
    "report": {"title": "β", "x": "z1", "y": "z2"},
}


@pytest.mark.parametrize("name", STEPS)
def test_what_is_shown_is_read_again(qapp, name):
    kind = STEPS[name].config
    config = parse_config(kind, CHANGED[name])
    form = config_to_widgets(kind, config.model_dump())
    assert widgets_to_config(form, kind) == config
    defaults = {"folder": "/crops"} if name == "cells" else {}
    config = parse_config(kind, defaults)
    set_values(form, config.model_dump())
    assert widgets_to_config(form, kind) == config


@pytest.mark.parametrize("name", STEPS)
def test_every_setting_is_explained(qapp, name):
    form = config_to_widgets(STEPS[name].config)
    for field in form.fields.values():
        assert len(field.widget.native.toolTip()) > 20


def test_wrong_settings_are_named(qapp):
    form = config_to_widgets(CellsConfig, {"folder": Path("/crops")})
    form.fields["window"].widget.value = "-3"
    with pytest.raises(UserError, match="'window' is not usable: Input should be greater than 0"):
        widgets_to_config(form, CellsConfig)
    set_values(form, {"folder": None, "window": None})
    with pytest.raises(UserError, match="give either a folder of crops, or images"):
        widgets_to_config(form, CellsConfig)


def test_classes_as_text():
    classes = {"resting": ("G1", "S"), "dividing": ("M",)}
    assert classes_text(classes) == "resting = G1, S; dividing = M"
    assert parse_classes(" resting=G1,S ;dividing = M;") == classes
    assert parse_classes("") == {}
    with pytest.raises(ValueError, match="'M' is not like"):
        parse_classes("M")


@pytest.mark.parametrize(
    "paths",
    [
        ("/d/exp 1, day 2/a.tif",),
        ("/d/exp 1, day 2/a.tif", "/d/b.tif", "/d/c, d, e.tif"),
        ("/d/, x/a.tif", "/d/.tif"),
    ],
)
def test_files_with_commas_in_their_paths(qapp, paths):
    paths = tuple(map(Path, paths))
    form = config_to_widgets(CellsConfig, {"image": paths})
    assert form.fields["image"].get() == paths
    # also after somebody typed
    form.fields["image"].widget.line_edit.value += ", /e/f, g.tif"
    assert form.fields["image"].get() == (*paths, Path("/e/f, g.tif"))


def test_typed_files(qapp):
    form = config_to_widgets(CellsConfig)
    field = form.fields["image"]
    for text, paths in {
        "a.tif, b.tif": ["a.tif", "b.tif"],
        r"C:\a, b\c.tif, D:\e.tif": [r"C:\a, b\c.tif", r"D:\e.tif"],
        r"\\server\a, b.tif, \\server\c.tif": [r"\\server\a, b.tif", r"\\server\c.tif"],
        "/a.tif, ": ["/a.tif, "],
        "": [],
    }.items():
        field.widget.line_edit.value = text
        assert field.get() == tuple(map(Path, paths)), text


def turn_wheel(widget):
    """Turn the wheel over a widget; False: it left that to what is around it."""
    middle = widget.rect().center()
    event = QWheelEvent(
        QPointF(middle), QPointF(widget.mapToGlobal(middle)), QPoint(), QPoint(0, -120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase,
        False,
    )  # fmt: skip
    QCoreApplication.sendEvent(widget, event)
    return event.isAccepted()


def test_the_wheel_changes_no_setting(qapp):
    config = parse_config(CellsConfig, {"folder": "/crops"})
    form = config_to_widgets(CellsConfig, config.model_dump())
    boxes = [*form.native.findChildren(QAbstractSpinBox), *form.native.findChildren(QComboBox)]
    assert len(boxes) >= 3
    for box in boxes:
        assert not turn_wheel(box)
        assert box.focusPolicy() == Qt.FocusPolicy.StrongFocus, "the wheel must not give focus"
    assert widgets_to_config(form, CellsConfig) == config


def test_the_wheel_changes_what_has_focus(qtbot):
    form = config_to_widgets(CellsConfig, {"size": 64})
    qtbot.addWidget(form.native)
    size = form.fields["size"].widget.native
    with qtbot.waitActive(form.native):
        form.native.show()
        form.native.activateWindow()
    size.setFocus()
    assert turn_wheel(size)
    assert size.value() == 63


def test_the_wheel_moves_no_slider(qapp):
    slider = FloatSlider()
    slider.set_value(0.5)
    assert not turn_wheel(slider.bar)
    assert not turn_wheel(slider.box)
    assert slider.value() == 0.5


def test_empty_lines_say_what_that_means(qtbot):
    """A line without a word in it tells nobody whether something has to be written there."""
    for name, settings, said in (
        ("report", ("title", "x"), ("the study's name", "the one that decides most")),
        ("cells", ("channels", "window_um"), ("all", "µm, instead of the window")),
    ):
        form = config_to_widgets(STEPS[name].config)
        qtbot.addWidget(form.native)
        lines = [form.fields[setting].widget.native for setting in settings]
        assert tuple(line.placeholderText() for line in lines) == said
