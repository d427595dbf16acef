from concurrent.futures import ThreadPoolExecutor
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


def write_each(file, pictures, **options):
    with tifffile.TiffWriter(file, ome=file.name.endswith("ome.tif")) as writer:
        for picture in pictures:
            writer.write(picture, **options)


@pytest.mark.parametrize("name", ["movie.tif", "movie.ome.tif"])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}])
def test_a_movie_written_frame_by_frame(tmp_path, name, options):
    write_each(tmp_path / name, MOVIE, **options)
    labels = open_labels(tmp_path / name)
    image = open_image(tmp_path / name, labels=labels)
    assert (image.count, image.channels, image.dtype) == (6, 1, MOVIE.dtype)
    assert np.array_equal([image.read(t)[0] for t in range(6)], MOVIE)


def test_channels_and_colours_written_frame_by_frame(tmp_path):
    write_each(tmp_path / "planes.tif", COLOURED, photometric="minisblack")
    planes = open_image(tmp_path / "planes.tif")
    assert (planes.count, planes.channels) == (6, 2)
    assert np.array_equal(planes.read(4), COLOURED[4])
    colours = np.stack([MOVIE, MOVIE // 2, MOVIE // 3], axis=-1)
    write_each(tmp_path / "colours.tif", colours, photometric="rgb")
    assert np.array_equal(
        open_image(tmp_path / "colours.tif").read(3), colours[3].transpose(2, 0, 1)
    )


def test_smaller_copies_are_left_alone(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(MOVIE, subifds=1)
        writer.write(MOVIE[:, ::2, ::2], subfiletype=1)
        writer.write(MOVIE[0, ::4, ::4].astype(np.uint8), subfiletype=1)
    assert open_image(tmp_path / "a.tif", "TYX").count == 6


def test_several_images_in_a_file_are_refused(tmp_path):
    write_each(tmp_path / "a.tif", [MOVIE[0], MOVIE[1, :-1]])
    with pytest.raises(
        UserError, match=r"2 images .* \(YX \(20, 24\) uint16, YX \(19, 24\) uint16"
    ):
        open_image(tmp_path / "a.tif")
    write_each(tmp_path / "a.ome.tif", [MOVIE, MOVIE], metadata={"axes": "TYX"})
    with pytest.raises(UserError, match="not the frames of one movie"):
        open_image(tmp_path / "a.ome.tif")


def test_a_movie_is_parsed_once_and_closed_after_each_plane(tmp_path, monkeypatch):
    file = tmp_path / "a.ome.tif"
    tifffile.imwrite(file, MOVIE, metadata={"axes": "TYX"})
    image = open_image(file)
    handle = image._pixels.pages[0].parent.filehandle
    monkeypatch.setattr(tifffile, "TiffFile", None)
    monkeypatch.setattr(tifffile, "imread", None)
    assert np.array_equal(image.read(5)[0], MOVIE[5])
    assert handle.closed


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_threads_may_read_at_once(tmp_path, compression):
    movie = np.arange(6, dtype=np.uint8)[:, None, None] * np.ones((1, 256, 256), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", movie, compression=compression)
    image = open_image(tmp_path / "a.tif", "TYX")
    frames = [t % 6 for t in range(300)]
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(image.read, frames))
    assert all((frame == t).all() for t, frame in zip(frames, read, strict=True))


def test_a_file_that_changed_is_not_read_as_noise(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", MOVIE)
    image = open_image(tmp_path / "a.tif", "TYX")
    tifffile.imwrite(tmp_path / "a.tif", MOVIE[:3], compression="zlib")
    with pytest.raises(UserError, match="has changed since it was opened"):
        image.read(1)


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
