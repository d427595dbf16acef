"""Small studies for the docks: trained in seconds, once for all tests of a run."""

import gc
import os
import tempfile
from pathlib import Path

# before napari is imported: tests neither read nor write a person's settings
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp(prefix="napari-")) / "settings.yaml")

import numpy as np
import pandas as pd
import pytest
import tifffile
from drawn import draw_ellipse

from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.gui.preferences import DEFAULTS, recall, remember
from napari_parsimony.gui.remembered import forget_settings
from napari_parsimony.gui.session import Session
from napari_parsimony.study.study import Study
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.vae.config import VaeConfig


@pytest.fixture(autouse=True)
def nothing_remembered():
    """Begin every test with the default preferences, whatever those before chose."""
    yield
    for name, value in DEFAULTS.items():
        if recall(name) != value:
            remember(name, value)
    forget_settings()


@pytest.fixture
def no_step_left():
    """End the step that a failed test leaves: closing napari would wait for an answer."""
    yield
    for session in list(Session._sessions.values()):
        if session.job is not None:
            session.job.cancel()
            session.job.wait(timeout=30)


@pytest.fixture
def make_napari_viewer(make_napari_viewer, no_step_left):
    """Make viewers as napari's own fixture does, which looks for leaks, but in a second less."""
    # that looks at every object in memory: spare it those that were there before the test
    gc.collect()
    gc.freeze()
    return make_napari_viewer


@pytest.fixture(scope="session")
def field_study(tmp_path_factory) -> Path:
    """Round and long cells in five images with labels; all steps up to the equations."""
    folder = tmp_path_factory.mktemp("field")
    rng = np.random.default_rng(1)
    rows, images, labels = [], [], []
    for number in range(5):
        picture, mask = rng.normal(100, 4, (160, 160)), np.zeros((160, 160), np.int32)
        for i in range(16):
            y, x = (np.array(divmod(i, 4)) + 0.5) * 40 + rng.uniform(-3, 3, 2)
            long = rng.random() < 0.5
            minor = rng.uniform(4, 5) if long else rng.uniform(8, 9)
            inside = draw_ellipse(
                mask.shape, y, x, rng.uniform(9, 12), minor, rng.uniform(0, np.pi)
            )
            picture[inside] += rng.uniform(300, 900)
            mask[inside] = i + 1
            rows.append((f"image{number}.tif", i + 1, "long" if long else "round"))
        images.append(folder / f"image{number}.tif")
        labels.append(folder / f"labels{number}.tif")
        tifffile.imwrite(images[-1], picture.astype(np.uint16))
        tifffile.imwrite(labels[-1], mask)
    table = pd.DataFrame(rows, columns=["image", "label", "class"])
    table.to_csv(folder / "classes.csv", index=False)
    study = Study.create(folder / "study")
    cells = CellsConfig(
        image=images, labels=labels, classes=folder / "classes.csv", size=32, window=34,
        orientation="principal axis", group_by="image",
    )  # fmt: skip
    study.run("cells", cells)
    _train(study, 600)
    two = {"compact": ["round"], "stretched": ["long"]}
    networks = ClassifyConfig(
        classes=two, seeds=2, steps=200, batch=64, black_box_seeds=1, black_box_epochs=1,
        density=0.1,
    )  # fmt: skip
    study.run("classify", networks)
    study.run("equations", EquationsConfig(engines=["quick"], max_size=11))
    return study.path


@pytest.fixture(scope="session")
def crops_study(tmp_path_factory) -> Path:
    """A folder of crops, no further than the VAE."""
    folder = tmp_path_factory.mktemp("crops")
    rng = np.random.default_rng(2)
    for name, minor in (("long", 4), ("round", 9)):
        (folder / "crops" / name).mkdir(parents=True)
        for i in range(20):
            inside = draw_ellipse((32, 32), 15.5, 15.5, 10, minor, rng.uniform(-1.5, 1.5))
            picture = rng.normal(20, 2, (32, 32)) + 150 * inside
            file = folder / "crops" / name / f"t{i:02d}_m{i % 5}.tif"
            tifffile.imwrite(file, picture.astype(np.uint8))
    study = Study.create(folder / "study")
    pattern = r"_(?P<movie>m\d+)\.tif"
    study.run("cells", CellsConfig(folder=folder / "crops", pattern=pattern, size=32))
    _train(study, 100)
    return study.path


def _train(study: Study, steps: int) -> None:
    settings = VaeConfig(
        steps=steps, batch=16, beta=0.01, latents=6, focus=0, warmup=0, check_every=steps,
        learning_rate=0.001, augment=False,
    )  # fmt: skip
    study.run("vae", settings)
