"""Settings to widgets and back."""

from pathlib import Path

import pytest

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
