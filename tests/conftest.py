"""Fixtures that several rooms share: small synthetic pictures, and the real data where it is."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

# before torch is imported, also by child processes: the same sums on any number of cores, and
# workers that do not wait for each other's threads
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import tifffile
from drawn import draw_ellipse, make_field
from hypothesis import settings

# the same examples in every run: what passes here passes anywhere
settings.register_profile("deterministic", derandomize=True)
settings.load_profile("deterministic")


def pytest_configure(config: pytest.Config) -> None:
    """Give each worker of `pytest -n` a screen of its own: windows of one take no other's keys."""
    if sys.platform == "linux" and os.environ.get("PYTEST_XDIST_WORKER"):
        from pyvirtualdisplay.display import Display

        os.environ.pop("WAYLAND_DISPLAY", None)
        os.environ["QT_QPA_PLATFORM"] = "xcb"
        screen = Display(backend="xvfb", size=(1920, 1200), color_depth=24)
        screen.start()
        config.add_cleanup(screen.stop)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real data."""
    place = os.environ.get("PARSIMONY_DATA")
    if not place:
        pytest.skip("the environment variable PARSIMONY_DATA does not name the real data")
    return Path(place)


@pytest.fixture
def field(tmp_path: Path) -> tuple[Path, Path]:
    """Files of a synthetic field of 16 cells and its labels."""
    image, labels = make_field()
    tifffile.imwrite(tmp_path / "image.tif", image)
    tifffile.imwrite(tmp_path / "labels.tif", labels)
    return tmp_path / "image.tif", tmp_path / "labels.tif"


@pytest.fixture
def make_crop_folder(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder of crops: round and long cells, in movies ``m0``, ``m1``, …."""

    def make(each: int = 10, movies: int = 5, size: int = 32) -> Path:
        rng = np.random.default_rng(1)
        folder = tmp_path / "crops"
        for name, minor in (("long", 4.0), ("round", 9.0)):
            (folder / name).mkdir(parents=True)
            for i in range(each):
                middle = (size - 1) / 2
                angle = rng.uniform(-1.5, 1.5)
                mask = draw_ellipse((size, size), middle, middle, 10, minor, angle)
                picture = rng.normal(20, 2, (size, size)) + 150 * mask
                file = folder / name / f"t{i:03d}_m{i % movies}.tif"
                tifffile.imwrite(file, picture.astype(np.uint8))
        return folder

    return make
