"""Simulated nuclei as sample data."""

from typing import Any

FIELD = {"fields": 1, "cells": 80, "law": "2*eccentricity - area"}


def simulated_layers() -> list[Any]:
    """Image and labels of a field; features of the labels are class, score and all factors."""
    from napari_parsimony.simulate.config import FACTORS, SimulateConfig
    from napari_parsimony.simulate.fields import simulate_fields

    simulated = simulate_fields(SimulateConfig.model_validate(FIELD))
    image, labels = simulated.read(0)
    # napari finds the row of a label by the column 'index'
    features = simulated.cells.rename(columns={"label": "index"})
    differ = [name for name in FACTORS if features[name].nunique() > 1]
    features = features[["index", "class", "score", *differ]]
    law = {"law": simulated.config.law}
    return [
        (image, {"name": "simulated nuclei", "metadata": law}, "image"),
        (labels, {"name": "cells", "opacity": 0.45, "features": features}, "labels"),
    ]
