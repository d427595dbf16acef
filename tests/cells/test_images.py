from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile

from napari_parsimony.cells.images import open_image, open_labels
from napari_parsimony.errors import UserError

rng = np.random.default_rng(0)
MOVIE = rng.integers(0, 60_000, (6, 20, 24), dtype=np.uint16)
COLOURED = np.stack([MOVIE, MOVIE[::-1]], axis=1)  # T, C, Y, X


@pytest.mark.parametrize(
    "options",
    [
        {"imagej": True},
        {"ome": True},
        {"ome": True, "compression": "zlib"},
        {"ome": True, "byteorder": ">"},
        {"ome": True, "bigtiff": True},
    ],
)
def test_axes_are_taken_from_the_file(tmp_path, options):
    file = tmp_path / "movie.tif"
    tifffile.imwrite(file, COLOURED, metadata={"axes": "TCYX"}, **options)
    image = open_image(file)
    assert (image.count, image.channels, image.plane_shape) == (6, 2, (20, 24))
    assert np.array_equal(image.read(4), COLOURED[4])


def test_labels_tell_time_from_channels(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", MOVIE)
    tifffile.imwrite(tmp_path / "flat.tif", (MOVIE[0] > 30_000).astype(np.uint8))
    tifffile.imwrite(tmp_path / "timed.tif", (MOVIE > 30_000).astype(np.uint8))
    flat, timed = open_labels(tmp_path / "flat.tif"), open_labels(tmp_path / "timed.tif")
    assert open_image(tmp_path / "a.tif", labels=flat).channels == 6
    assert open_image(tmp_path / "a.tif", labels=timed).count == 6
    assert np.array_equal(open_image(tmp_path / "a.tif", "TYX").read(2)[0], MOVIE[2])
    with pytest.raises(UserError, match="differ in shape"):
        open_image(tmp_path / "a.tif", "CYX", timed)


def test_z_has_to_be_explained(tmp_path):
    tifffile.imwrite(tmp_path / "z.tif", MOVIE, imagej=True, metadata={"axes": "ZYX"})
    with pytest.raises(UserError, match="three-dimensional"):
        open_image(tmp_path / "z.tif")
    labels = open_labels(tmp_path / "z.tif", "TYX")
    assert open_image(tmp_path / "z.tif", "TYX", labels).count == 6


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png(tmp_path, dtype):
    grey = MOVIE[0].astype(dtype)
    imageio.imwrite(tmp_path / "grey.png", grey)
    image = open_image(tmp_path / "grey.png")
    assert image.dtype == dtype
    assert np.array_equal(image.read(0)[0], grey)


def test_png_in_colour_and_grey_saved_as_colour(tmp_path):
    colour = rng.integers(0, 255, (8, 9, 4), dtype=np.uint8)
    imageio.imwrite(tmp_path / "colour.png", colour)
    assert np.array_equal(
        open_image(tmp_path / "colour.png").read(0), colour.transpose(2, 0, 1)[:3]
    )
    imageio.imwrite(tmp_path / "grey.png", np.repeat(colour[..., :1], 3, axis=2))
    assert open_image(tmp_path / "grey.png").channels == 1


@pytest.mark.parametrize("kept", [0, 0.01, 0.3, 0.6, 0.75])
@pytest.mark.parametrize(
    "options", [{}, {"imagej": True}, {"ome": True}, {"metadata": None}, {"compression": "zlib"}]
)
def test_a_truncated_file_is_told(tmp_path, kept, options):
    file = tmp_path / "cut.tif"
    tifffile.imwrite(file, MOVIE, **options)
    file.write_bytes(file.read_bytes()[: int(kept * file.stat().st_size)])
    with pytest.raises(UserError, match=r"cut\.tif cannot be read"):
        [open_image(file, "TYX").read(t) for t in range(6)]


def test_other_unreadable_files(tmp_path):
    for name in ("a.png", "a.tif", "a.jpg"):
        (tmp_path / name).write_text("not a picture")
        with pytest.raises(UserError, match=f"{name} cannot be read"):
            open_image(tmp_path / name)
    with pytest.raises(UserError, match="does not exist"):
        open_image(tmp_path / "absent.png")
    with pytest.raises(UserError, match="save it as TIFF or PNG"):
        open_image(Path("movie.avi"))


def test_labels_must_be_integers(tmp_path):
    tifffile.imwrite(tmp_path / "float.tif", MOVIE[0].astype(np.float32))
    with pytest.raises(UserError, match="save them as integers"):
        open_labels(tmp_path / "float.tif")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pixels_that_are_not_numbers(tmp_path, value):
    image = MOVIE.astype(np.float32)
    image[3, 5, 5] = value
    tifffile.imwrite(tmp_path / "nan.tif", image)
    opened = open_image(tmp_path / "nan.tif", "TYX")
    opened.read(2)
    with pytest.raises(UserError, match=r"nan\.tif has pixels that are not numbers \(frame 3\)"):
        opened.read(3)
