"""Ways through the latents, maps of them, and their pictures."""

import io
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from napari_parsimony.errors import UserError
from napari_parsimony.figures.palette import ACCENT, DARK, rgba
from napari_parsimony.figures.strips import (
    grid_picture,
    movie,
    movie_frames,
    png,
    rounded,
    side_for,
)
from napari_parsimony.vae.latents import decode_latents, latent_statistics
from napari_parsimony.vae.model import Architecture, Vae
from napari_parsimony.vae.projection import (
    NearestCells,
    PrincipalPlane,
    TwoLatents,
    principal_components,
    umap_points,
)
from napari_parsimony.vae.traversal import (
    even_values,
    nearest_share,
    straight_line,
    sweep,
    traversal_grid,
)


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(0)
    spread = np.array([3, 2, 1, 0.5, 1e-4])
    return (rng.normal(size=(400, 5)) * spread + [1, -1, 0, 2, 0.3]).astype(np.float32)


@pytest.fixture(scope="module")
def statistics(values):
    found = latent_statistics(values, np.full_like(values, -3))
    assert isinstance(found, pd.DataFrame)
    return found


def test_a_straight_line_goes_from_one_end_to_the_other():
    line = straight_line([0, 1], [2, 1], 5)
    np.testing.assert_allclose(line[:, 0], [0, 0.5, 1, 1.5, 2])
    np.testing.assert_allclose(line[:, 1], 1)
    for share, position in zip(np.linspace(0, 1, 5), line, strict=True):
        assert nearest_share(line[0], line[-1], position) == pytest.approx(share)
    assert nearest_share(line[0], line[-1], np.array([0.5, 9])) == pytest.approx(0.25)
    assert nearest_share(line[0], line[-1], np.array([-7, 1])) == 0
    assert nearest_share(line[0], line[0], np.array([3, 3])) == 0, "no line at all"


def test_values_reach_over_the_cells_and_to_the_start(statistics):
    start = np.array([50.0, -1, 0, 2, 0.3])
    found = even_values(statistics, start, [2, 0], 7)
    low, high = statistics["low"].to_numpy(), statistics["high"].to_numpy()
    np.testing.assert_allclose(found[0], np.linspace(low[2], high[2], 7))
    np.testing.assert_allclose(found[1], np.linspace(low[0], 50, 7))
    positions = sweep(start, 2, found[0])
    np.testing.assert_array_equal(positions[:, [0, 1, 3, 4]], np.tile(start[[0, 1, 3, 4]], (7, 1)))
    np.testing.assert_array_equal(positions[:, 2], found[0])


def test_a_grid_is_what_the_decoder_draws(statistics):
    vae = Vae(Architecture(size=32, channels=2, latents=5))
    start = statistics["mean"].to_numpy()
    grid = traversal_grid(vae, start, statistics, [3, 0], 5)
    assert grid.images.shape == (2, 5, 2, 32, 32)
    there = start.copy()
    there[0] = grid.values[1, 4]
    np.testing.assert_allclose(grid.images[1, 4], decode_latents(vae, there[None])[0], atol=1e-6)
    for row, index in enumerate([3, 0]):
        away = np.abs(grid.values[row] - start[index])
        assert away[grid.nearest[row]] == away.min()

    picture = grid_picture(grid, ["z3 size\n0.31 nats", "z0"], 40, theme=DARK)
    framed = (picture == np.round(rgba(ACCENT)[:3] * 255)).all(-1)
    rows, columns = np.nonzero(framed)
    assert len(np.unique(rows)) > 60, "a frame in each row"
    middles = [columns[rows < len(picture) // 2].mean(), columns[rows >= len(picture) // 2].mean()]
    pitch = 40 + 2
    assert (middles[1] - middles[0]) / pitch == pytest.approx(grid.nearest[1] - grid.nearest[0])
    read = np.asarray(Image.open(io.BytesIO(png(picture))))
    np.testing.assert_array_equal(read, picture)


@pytest.mark.parametrize("width", [300, 640, 1500])
def test_a_grid_fits_a_width(width):
    from napari_parsimony.vae.traversal import Grid

    titles = ["z12 the size of the cell\n2.31 nats", "z3"]
    side = side_for(width, titles, 9)
    images = np.zeros((2, 9, 1, 8, 8), np.float32)
    grid = Grid(images, np.zeros((2, 9)), np.zeros(2, np.intp))
    drawn = grid_picture(grid, titles, side).shape[1]
    assert width * 0.9 < drawn <= width


@pytest.mark.parametrize(("kind", "named"), [(".gif", "GIF"), (".png", "PNG")])
def test_a_movie_goes_there_and_back_for_ever(kind, named):
    images = np.linspace(0, 1, 6, dtype=np.float32)[:, None, None, None] * np.ones((6, 1, 8, 8))
    frames = movie_frames(images.astype(np.float32), [f"z1 = {i}" for i in range(6)], 64)
    read = Image.open(io.BytesIO(movie(frames, kind)))
    assert (read.format, read.n_frames, read.info["loop"]) == (named, 10, 0)
    shades = []
    for frame in range(10):
        read.seek(frame)
        shades.append(read.convert("L").getpixel((32, 32)))
    assert shades == pytest.approx([0, 51, 102, 153, 204, 255, 204, 153, 102, 51], abs=2)


def test_captions_shrink_until_they_fit():
    images = np.zeros((1, 1, 8, 8), np.float32)
    long = "a name of a class that is far too long for one line of text"
    frame = movie_frames(images, [long], 200)[0][200:]
    written = np.nonzero((frame < 128).any((0, 2)))[0]
    assert written.min() > 0
    assert written.max() < 199


def test_numbers_have_no_minus_before_zero():
    assert [rounded(v) for v in (-0.04, -0.06, 1.25, 3)] == ["0.0", "−0.1", "1.2", "3.0"]


# Maps


def test_two_latents_move_alone(values):
    plane = TwoLatents(values, 2, 0)
    np.testing.assert_array_equal(plane.points, values[:, [2, 0]])
    start = values[7].astype(float)
    np.testing.assert_allclose(plane.place(start), start[[2, 0]])
    moved = plane.move(start, (5.0, -4.0))
    np.testing.assert_allclose(moved, [-4, start[1], 5, start[3], start[4]])


def test_principal_components_and_their_inverse(values):
    active = np.array([0, 1, 2, 3])
    found = principal_components(values, active)
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(4), atol=1e-9)
    assert (found.axes[:, 4] == 0).all(), "a collapsed latent is no direction"
    assert found.share.sum() == pytest.approx(1)
    assert (np.diff(found.share) < 0).all()
    assert abs(found.axes[0, 0]) > 0.95, "the first goes along the latent that varies most"
    plane = PrincipalPlane(found, 0, 2)
    np.testing.assert_allclose(plane.points[11], plane.place(values[11]), atol=1e-4)
    moved = plane.move(values[11], (1.5, -2.5))
    np.testing.assert_allclose(plane.place(moved), (1.5, -2.5))
    rest = found.axes[[1, 3]]
    np.testing.assert_allclose(rest @ moved, rest @ values[11], atol=1e-5)
    same = PrincipalPlane(found, 1, 1)
    np.testing.assert_allclose(same.place(same.move(values[3], (0.7, 0.7))), 0.7)


def test_a_map_without_a_formula_knows_the_nearest_cell(values):
    points = np.random.default_rng(1).normal(size=(len(values), 2)).astype(np.float32)
    plane = NearestCells(points, values, np.array([0, 1, 2]))
    np.testing.assert_allclose(plane.place(values[9] + 1e-4), points[9])
    np.testing.assert_allclose(plane.move(values[0], tuple(points[5] + 1e-5)), values[5])


def test_umap_says_what_it_needs(values, monkeypatch):
    monkeypatch.setattr("napari_parsimony.vae.projection.find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install umap-learn"):
        umap_points(values, np.array([0, 1]))


# The command


@pytest.fixture(scope="module")
def run():
    study = files("napari_parsimony") / "sample_data" / "demo_study"

    def call(*arguments):
        command = [sys.executable, "-m", "napari_parsimony", "traversal", str(study)]
        return subprocess.run(
            [*command, *map(str, arguments)], capture_output=True, text=True, timeout=120
        )

    return call


def test_the_command_draws_a_grid_and_a_morph(run, tmp_path):
    done = run(tmp_path / "grid.png", "--steps", 5)
    assert done.returncode == 0, done.stderr
    grid = Image.open(tmp_path / "grid.png")
    assert grid.height > 4 * grid.width / 2, "22 active latents, five steps"
    keys = [("image.tif", 0, 1), ("image.tif", 0, 3)]
    done = run(tmp_path / "morph.gif", "--cell", *keys[0], "--to", *keys[1])
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "morph.gif").n_frames == 58


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["o.gif"], "must end with .png"),
        (["o.png", "--latent", "z99"], "no latent 'z99'"),
        (["o.gif", "--to", "image.tif", 0, 99999], "no cell 99999"),
        (["o.gif", "--latent", "z1", "--to", "image.tif", 0, 1], "give one of them"),
    ],
)
def test_the_command_says_what_is_wrong(run, tmp_path, arguments, sentence):
    done = run(tmp_path / arguments[0], *arguments[1:])
    assert done.returncode != 0
    assert sentence in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
