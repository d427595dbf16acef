"""Shapes with known factors, as those of dSprites."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_parsimony.simulate.sprites import COUNT, LEVELS, draw_sprites, sprite_factors


def one(**factors):
    values = {"shape": 0, "scale": 1.0, "orientation": 0.0, "y": 0.5, "x": 0.5, **factors}
    return pd.DataFrame([values])


def test_all_of_them():
    factors = sprite_factors()
    assert len(factors) == COUNT == 737_280
    assert [factors[name].nunique() for name in LEVELS] == [3, 6, 40, 32, 32]
    assert not factors.duplicated().any()
    assert factors["x"].iloc[:32].is_monotonic_increasing


def test_some_of_them():
    some = sprite_factors(500, seed=1)
    assert some.equals(sprite_factors(500, seed=1))
    assert not some.equals(sprite_factors(500, seed=2))
    assert not some.duplicated().any()
    with pytest.raises(ValueError, match="larger"):
        sprite_factors(COUNT + 1)


def test_pictures_are_black_and_white_or_smooth():
    factors = sprite_factors(200)
    crops = draw_sprites(factors)
    assert crops.shape == (200, 64, 64)
    assert crops.dtype == np.uint8
    assert set(np.unique(crops)) == {0, 255}
    smooth = draw_sprites(factors, smooth=True)
    assert len(np.unique(smooth)) == 17
    assert np.abs(smooth.astype(float) - crops).mean() < 2
    assert crops.tobytes() == draw_sprites(factors).tobytes()
    larger = draw_sprites(factors[:9], size=128).reshape(9, 64, 2, 64, 2).mean(axis=(2, 4))
    assert np.abs(larger - crops[:9]).mean() < 4


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    shape=st.integers(0, 2),
    scale=st.floats(0.5, 1),
    orientation=st.floats(0, 6.28),
    y=st.floats(0, 1),
    x=st.floats(0, 1),
)
def test_factors_are_in_the_picture(shape, scale, orientation, y, x):
    factors = one(shape=shape, scale=scale, orientation=orientation, y=y, x=x)
    (crop,) = draw_sprites(factors, smooth=True)
    assert not crop[[0, -1]].any()
    assert not crop[:, [0, -1]].any()
    areas = np.array([4.0, np.pi * 1.3 * 0.75, 3.66]) * 10.6**2
    assert crop.sum() / 255 == pytest.approx(areas[shape] * scale**2, rel=0.06)
    assert ndimage.center_of_mass(crop) == pytest.approx((16 + 31 * y, 16 + 31 * x), abs=0.2)


def test_turning():
    upright = draw_sprites(one(shape=2, y=15.5 / 31, x=15.5 / 31))[0].astype(float)
    quarter = draw_sprites(one(shape=2, orientation=np.pi / 2))[0].astype(float)
    # from the column axis towards the row axis: clockwise
    assert np.abs(np.rot90(upright, -1) - quarter).mean() < 5
    assert np.abs(upright - quarter).mean() > 5
    ellipse = draw_sprites(one(shape=1))[0] > 0
    assert ellipse.any(axis=0).sum() > ellipse.any(axis=1).sum()


def test_heart_stands_on_its_tip():
    heart = draw_sprites(one(shape=2))[0] > 0
    rows = heart.sum(axis=1)[heart.any(axis=1)]
    assert rows[0] > 5 > rows[-1]
    columns = np.flatnonzero(heart.any(axis=0))
    whole = heart[:, columns[0] : columns[-1] + 1]
    assert (whole == whole[:, ::-1]).all()
