"""Fixtures that several rooms share: small synthetic pictures, and the real data where it is."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import settings
from numpy.typing import NDArray

# the same examples in every run: what passes here passes anywhere
settings.register_profile("deterministic", derandomize=True)
settings.load_profile("deterministic")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real data."""
    place = os.environ.get("PARSIMONY_DATA")
    if not place:
        pytest.skip("the environment variable PARSIMONY_DATA does not name the real data")
    return Path(place)


def draw_ellipse(
    shape: tuple[int, int], y: float, x: float, major: float, minor: float, angle: float
) -> NDArray[np.bool_]:
    """Mask of an ellipse with two half axes; the major one points to `angle` (as crops' angles)."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    down, right = rows - y, columns - x
    along = down * np.sin(angle) + right * np.cos(angle)
    across = down * np.cos(angle) - right * np.sin(angle)
    return (along / major) ** 2 + (across / minor) ** 2 <= 1


def make_field(
    seed: int = 0, cells: int = 4, pitch: int = 40
) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    """Picture and labels of ``cells × cells`` ellipses on a noisy ground."""
    rng = np.random.default_rng(seed)
    side = cells * pitch
    image = rng.normal(100, 4, (side, side))
    labels = np.zeros((side, side), dtype=np.int32)
    for i in range(cells**2):
        y, x = (np.array(divmod(i, cells)) + 0.5) * pitch + rng.uniform(-3, 3, 2)
        minor = rng.uniform(4, 9)
        mask = draw_ellipse(labels.shape, y, x, rng.uniform(9, 12), minor, rng.uniform(0, np.pi))
        image[mask] += rng.uniform(300, 900)
        labels[mask] = i + 1
    return image.astype(np.uint16), labels


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
