import numpy as np
import pytest
from drawn import draw_ellipse
from hypothesis import given
from hypothesis import strategies as st

from napari_parsimony.cells.extract import Sampler, label_moments
from napari_parsimony.cells.geometry import crop_grid, crop_to_image
from napari_parsimony.cells.orient import central_mask, mask_moments

angles = st.floats(-np.pi, np.pi)
scales = st.floats(0.1, 10)
places = st.floats(-1e4, 1e4)


@given(angles, scales, st.integers(16, 128), places, places, st.floats(0, 127), st.floats(0, 127))
def test_crop_to_image_and_back(angle, scale, size, y, x, row, column):
    affine = crop_to_image(angle, scale, size, y, x)
    middle = (size - 1) / 2
    assert np.allclose(affine @ [middle, middle, 1], [y, x, 1])
    point = np.array([row, column, 1.0])
    assert np.allclose(np.linalg.inv(affine) @ (affine @ point), point, atol=1e-6)
    # areas grow by the square of the scale, and nothing is mirrored
    assert np.linalg.det(affine[:2, :2]) == pytest.approx(scale**2)


@given(angles, scales)
def test_right_in_the_crop_is_the_angle_in_the_image(angle, scale):
    step = crop_to_image(angle, scale, 64, 5, 7)[:2, 1]
    assert np.allclose(step, [scale * np.sin(angle), scale * np.cos(angle)])


def test_many_maps_at_once_and_their_grid():
    affines = crop_to_image([0.0, 1.0], 2.0, 16, [3, 4], [5, 6])
    grid = crop_grid(affines, 16)
    assert affines.shape == (2, 3, 3)
    assert grid.shape == (2, 2, 16, 16)
    assert np.allclose(grid[:, 1, 3, 11], (affines[1] @ [3, 11, 1])[:2])


@given(st.floats(-1.5, 1.5), st.floats(3, 6))
def test_an_ellipse_ends_horizontal(angle, minor):
    picture = draw_ellipse((64, 64), 31.2, 30.7, 14, minor, angle).astype(float)
    found = mask_moments(central_mask(picture))
    affine = crop_to_image(found.angle, 1.0, 64, found.y, found.x)
    crop = Sampler(picture[None], 1.0, "mirror").read(affine, 64)[0][0, 0]
    turned = mask_moments(crop > 0.5)
    # the axis is horizontal either way round
    assert abs(np.sin(turned.angle[0])) < 0.05
    assert np.hypot(turned.y - 31.5, turned.x - 31.5) < 0.5


@pytest.mark.parametrize("angle", np.linspace(-3, 3, 9))
def test_the_longer_tail_points_right(angle):
    big = draw_ellipse((96, 96), 48, 48, 9, 9, 0)
    y, x = 48 + 16 * np.sin(angle), 48 + 16 * np.cos(angle)
    tail = draw_ellipse((96, 96), y, x, 11, 3, angle)
    found = mask_moments(big | tail)
    assert abs(np.angle(np.exp(1j * (found.angle[0] - angle)))) < 0.05


def test_round_and_tiny_cells_have_angle_zero():
    assert mask_moments(draw_ellipse((65, 65), 32, 32, 12, 12, 0)).angle[0] == 0
    single = np.zeros((9, 9), dtype=bool)
    single[4, 5] = True
    found = mask_moments(single)
    assert (found.angle[0], found.y[0], found.x[0], found.area[0]) == (0, 4, 5, 1)


def test_labels_beyond_float_precision_stay_apart():
    labels = np.zeros((10, 10), dtype=np.int64)
    labels[1:4, 1:4], labels[1:4, 5:8] = 2**24, 2**24 + 1
    labels[6:9, 2:5] = 2**53 + 1
    ids, found = label_moments(labels)
    assert ids.tolist() == [2**24, 2**24 + 1, 2**53 + 1]
    assert found.y.tolist() == [2, 2, 7]
    assert found.x.tolist() == [2, 6, 3]


def test_sampling_on_the_grid_changes_nothing():
    picture = np.random.default_rng(0).normal(size=(2, 20, 20))
    crops, inside = Sampler(picture, 1.0, "mirror").read(crop_to_image([0], 1, 16, 9.5, 9.5), 16)
    assert np.allclose(crops[0], picture[:, 2:18, 2:18])
    assert inside.all()


def test_shrinking_does_not_alias():
    # stripes finer than a pixel of the crop become their mean, not broad false stripes
    picture = np.tile([0.0, 1.0], 128)[None, None, :].repeat(256, axis=1)
    crops, _ = Sampler(picture, 4.1, "mirror").read(crop_to_image([0], 4.1, 48, 128, 128), 48)
    assert np.ptp(crops) < 0.1


def test_beyond_a_picture_lies_its_ground():
    picture = np.full((1, 40, 40), 7.0)
    picture[0, :10, 15:25] = 50
    crops, inside = Sampler(picture, 1.0, "background").read(crop_to_image([0], 1, 32, 2, 20), 32)
    assert not inside[0, :13].any()
    assert inside[0, 14:].all()
    assert np.allclose(crops[0, 0, :13], 7)


@pytest.mark.parametrize("level", [0.1, 0.2])
def test_a_dim_cell_beside_a_bright_one_is_found(level):
    picture = level * draw_ellipse((64, 64), 31, 31, 9, 6, 0.4)
    picture += draw_ellipse((64, 64), 8, 10, 8, 8, 0)
    found = mask_moments(central_mask(picture))
    assert np.hypot(found.y - 31, found.x - 31) < 1
    assert found.angle[0] % np.pi == pytest.approx(0.4, abs=0.1)
