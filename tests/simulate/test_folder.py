"""Folders of simulated fields, by the command line and the step that reads them."""

import json

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_parsimony.cells.build import build_cells
from napari_parsimony.cells.orient import central_mask, mask_moments
from napari_parsimony.cells.table import read_cells
from napari_parsimony.cli import main
from napari_parsimony.errors import UserError
from napari_parsimony.simulate.config import SimulateConfig
from napari_parsimony.simulate.fields import simulate_fields
from napari_parsimony.simulate.folder import write_folder
from napari_parsimony.study.study import Study

SMALL = {"fields": 5, "fields_per_group": 1, "cells": 16, "size": 300}


def built(config, out):
    out.mkdir()
    build_cells(config, out)
    return read_cells(out / "cells.parquet"), np.load(out / "crops.npy")


def test_the_step_cells_reads_it(tmp_path):
    config = SimulateConfig(**SMALL, shortcut="brightness", flipped=0.1)
    simulated = simulate_fields(config)
    cells, crops = built(write_folder(simulated, tmp_path / "sim"), tmp_path / "out")
    truth = simulated.cells
    for name in ("image", "frame", "label", "class", "group"):
        assert cells[name].tolist() == truth[name].tolist()
    assert np.abs(cells[["y", "x"]] - truth[["y", "x"]]).to_numpy().max() < 0.5
    # those for test are those that have no short-cut
    assert ((cells["split"] == "test") == ~truth["shortcut"]).all()
    assert crops.shape == (80, 1, 64, 64)
    table = pd.read_csv(tmp_path / "sim" / "cells.csv")
    assert table["area"].tolist() == truth["area"].tolist()
    settings = json.loads((tmp_path / "sim" / "simulation.json").read_text())["settings"]
    assert SimulateConfig.model_validate(settings) == config


def test_nuclei_off_the_middle_of_their_crops(tmp_path):
    simulated = simulate_fields(SimulateConfig(**SMALL, position=12, clustering=0))
    cells, crops = built(write_folder(simulated, tmp_path / "sim"), tmp_path / "out")
    truth = simulated.cells
    assert cells["class"].tolist() == truth["class"].tolist()
    assert cells["group"].tolist() == truth["group"].tolist()
    for name in ("y", "x"):
        assert cells[name].to_numpy() == pytest.approx(truth[name] - truth[f"position_{name}"])
    # those near enough to be taken for the central one
    near = np.flatnonzero(truth[["position_y", "position_x"]].abs().max(axis=1) < 6)
    found = [mask_moments(central_mask(crops[row, 0])) for row in near]
    for name in ("y", "x"):
        told = truth[f"position_{name}"].to_numpy()[near] / cells["scale"].to_numpy()[near]
        seen = [getattr(one, name)[0] - 31.5 for one in found]
        assert np.corrcoef(told, seen)[0, 1] > 0.9


@pytest.mark.parametrize("settings", [{"shortcut": "brightness"}, {"law": "brightness + 0.1*area"}])
def test_brightness_that_matters_is_left_in_the_crops(tmp_path, settings):
    simulated = simulate_fields(SimulateConfig(**SMALL, **settings))
    _, crops = built(write_folder(simulated, tmp_path / "sim"), tmp_path / "out")
    middles = crops[:, 0, 28:36, 28:36].mean(axis=(1, 2), dtype=float)
    assert np.corrcoef(middles, simulated.cells["brightness"])[0, 1] > 0.75


def test_few_groups_are_divided_into_tiles(tmp_path):
    simulated = simulate_fields(SimulateConfig(fields=1, cells=60))
    cells, _ = built(write_folder(simulated, tmp_path / "sim"), tmp_path / "out")
    assert cells["class"].tolist() == simulated.cells["class"].tolist()
    assert cells["group"].str.contains("tile").all()


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "precious.txt").touch()
    simulated = simulate_fields(SimulateConfig(**SMALL))
    with pytest.raises(UserError, match="exists already: give a new folder"):
        write_folder(simulated, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]
    (tmp_path / "empty").mkdir()
    write_folder(simulated, tmp_path / "empty")
    assert len(list((tmp_path / "empty" / "images").iterdir())) == 5


def simulate(out, *options):
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
    return main(["simulate", str(out), *arguments, "--progress", "none", *options])


def test_command_line(tmp_path):
    law = "area - neighbours"
    assert simulate(tmp_path / "a", "--law", law, "--area", "300", "--area", "900") == 0
    assert simulate(tmp_path / "b", "--law", law, "--area", "300", "--area", "900") == 0
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*"))
    assert len(files) == 5 + 5 + 3
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert tifffile.imread(tmp_path / "a" / "images" / "field0003.tif").dtype == np.uint16
    table = pd.read_csv(tmp_path / "a" / "cells.csv")
    assert table["area"].min() >= 300
    assert table["area"].max() <= 900
    score = sum(
        sign * (table[name] - table[name].mean()) / table[name].std(ddof=0)
        for name, sign in (("area", 1), ("neighbours", -1))
    )
    assert ((score > 0) == (table["class"] == "positive")).all()


def test_settings_for_run(tmp_path):
    assert simulate(tmp_path / "sim") == 0
    (tmp_path / "sim").rename(tmp_path / "moved")
    from napari_parsimony.cli.commands import _parse, _read_toml
    from napari_parsimony.report import STEPS
    from napari_parsimony.study.settings import with_absolute_paths

    file = tmp_path / "moved" / "study.toml"
    config = _parse(file, STEPS["cells"], _read_toml(file, STEPS)["cells"])
    study = Study.create(tmp_path / "study")
    study.run("cells", with_absolute_paths(config, file.parent))
    assert study.cells()["class"].value_counts().sum() == 80
    assert study.cells()["group"].nunique() == 5


def test_command_line_errors(tmp_path, capsys):
    assert simulate(tmp_path / "a", "--law", "2*size") == 1
    assert capsys.readouterr().err.startswith(
        "Error: The setting 'law' is not usable: 'size' is no factor of a cell: use area, "
    )
    assert not (tmp_path / "a").exists()
