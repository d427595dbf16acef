"""Pictures of cells that tests draw."""

import numpy as np
from numpy.typing import NDArray


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
