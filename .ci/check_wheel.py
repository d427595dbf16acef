"""Open the demo study with the installed package and check that the picture shows it."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from skimage.io import imread

import napari_parsimony

where = Path(napari_parsimony.__file__)
if not where.is_relative_to(sys.prefix):
    sys.exit(f"{where} is not the installed package of {sys.prefix}.")

with TemporaryDirectory() as folder:
    path = Path(folder, "demo.png")
    command = [sys.executable, "-m", "napari_parsimony.gui.demo", "--screenshot", str(path)]
    subprocess.run(command, check=True, cwd=folder, timeout=300)
    picture = imread(path)[..., :3]

# An empty napari window has a few dozen colours; cells in their grey values have hundreds
colours = len(np.unique(picture.reshape(-1, 3), axis=0))
if colours < 500:
    sys.exit(f"The screenshot of the demo study has {colours} colours only: it shows no cells.")
print(f"The demo study opens from {where.parent}: {picture.shape} pixels, {colours} colours.")
