"""Draw the picture of docs/simulate.md: ``python docs/make_simulated.py``."""

from pathlib import Path

import numpy as np
from PIL import Image
from skimage.segmentation import find_boundaries

from napari_parsimony.figures.palette import CLASS_COLOURS, rgba
from napari_parsimony.simulate.config import SimulateConfig
from napari_parsimony.simulate.fields import simulate_fields
from napari_parsimony.simulate.law import CLASSES

FILE = Path(__file__).parent / "images" / "simulated.png"
ACROSS = 16  # crops in the row below
SIDE = 64


def shown(picture: np.ndarray) -> np.ndarray:
    """Grey values as colours."""
    low, high = np.percentile(picture, (0.1, 99.8))
    grey = np.clip((picture - low) / (high - low), 0, 1)
    return np.repeat(np.uint8(255 * grey)[..., None], 3, axis=-1)


def main() -> None:
    """Write a field, its classes, and crops from the lowest to the highest score."""
    simulated = simulate_fields(SimulateConfig(fields=1, cells=80))
    image, labels = simulated.read(0)
    cells = simulated.cells
    plain = shown(image)
    classed = plain.copy()
    outlines = find_boundaries(labels, mode="outer")
    for name, colour in zip(CLASSES, CLASS_COLOURS, strict=False):
        of_class = np.isin(labels, cells.loc[cells["class"] == name, "label"])
        classed[outlines & find_boundaries(of_class, mode="outer")] = np.uint8(
            255 * np.array(rgba(colour)[:3])
        )
    half = SIDE // 2
    inside = cells[cells["border_distance"] > half + 1].sort_values("score")
    chosen = inside.iloc[np.linspace(0, len(inside) - 1, ACROSS).round().astype(int)]
    middles = chosen[["y", "x"]].round().astype(int).to_numpy()
    row = [plain[y - half : y + half, x - half : x + half] for y, x in middles]
    page = np.concatenate(
        [np.concatenate([plain, classed], axis=1), np.concatenate(row, axis=1)], axis=0
    )
    Image.fromarray(page).quantize(64, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        FILE, optimize=True
    )


if __name__ == "__main__":
    main()
