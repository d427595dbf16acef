"""What a simulated picture shows is what the table says."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import regionprops_table

from napari_parsimony.errors import UserError
from napari_parsimony.simulate.config import SimulateConfig
from napari_parsimony.simulate.factors import draw_factors, half_axes
from napari_parsimony.simulate.fields import simulate_fields
from napari_parsimony.simulate.places import reach, scatter, spread

MEASURED = ("label", "area", "centroid", "eccentricity", "orientation", "intensity_mean")


def measure(simulated):
    """Measure cells in the pictures, in the order of the table."""
    return pd.concat(
        [
            pd.DataFrame(regionprops_table(labels, image, properties=MEASURED)).assign(
                texture=texture(labels, image)
            )
            for image, labels in simulated
        ],
        ignore_index=True,
    )


def texture(labels, image):
    """Contrast of fine detail away from the outline."""
    smooth, wide = (ndimage.gaussian_filter(image.astype(float), sigma) for sigma in (0.7, 5))
    inside = labels * ndimage.binary_erosion(labels > 0, iterations=3)
    cells = np.arange(1, labels.max() + 1)
    light = ndimage.mean(image, inside, cells) - 160
    return ndimage.standard_deviation(smooth - wide, inside, cells) / light


@pytest.fixture(scope="module")
def simulated():
    return simulate_fields(SimulateConfig(fields=4, fields_per_group=4, grain=(2, 2)))


@pytest.fixture(scope="module")
def measured(simulated):
    return measure(simulated)


def test_pictures_are_a_camera_s(simulated):
    image, labels = simulated.read(0)
    assert (image.dtype, labels.dtype) == (np.uint16, np.int32)
    assert image.shape == labels.shape == (512, 512)
    assert set(np.unique(labels)) == set(range(61))
    assert simulated.names == ["field0000.tif", "field0001.tif", "field0002.tif", "field0003.tif"]


def test_shapes_are_as_told(simulated, measured):
    cells = simulated.cells
    assert measured["label"].tolist() == cells["label"].tolist()
    assert np.abs(measured["area"] / cells["area"] - 1).max() < 0.05
    for ours, theirs in (("y", "centroid-0"), ("x", "centroid-1")):
        assert np.abs(measured[theirs] - cells[ours]).max() < 0.5
    long = cells["eccentricity"] > 0.5
    assert np.abs(measured["eccentricity"] - cells["eccentricity"])[long].max() < 0.05
    # scikit-image turns from rows to columns
    turned = np.pi / 2 - measured["orientation"] - cells["angle"]
    assert np.abs(np.sin(turned))[long].max() < 0.1


def test_light_is_as_told(simulated, measured):
    cells = simulated.cells
    assert np.corrcoef(measured["intensity_mean"], cells["brightness"])[0, 1] > 0.9
    assert np.corrcoef(measured["texture"], cells["texture"])[0, 1] > 0.9


def test_light_without_a_microscope_is_exact():
    perfect = SimulateConfig(
        fields=1, psf=0, haze=0, background=0, vignetting=0, read_noise=0, offset=0, variation=0,
        brightness=(5000, 9000), texture=(0, 0),
    )  # fmt: skip
    simulated = simulate_fields(perfect)
    means = measure(simulated)["intensity_mean"]
    assert means.to_numpy() == pytest.approx(simulated.cells["brightness"].to_numpy(), rel=0.005)
    image, labels = simulated.read(0)
    assert image[labels == 0].mean() < 30, "only where a nucleus covers part of a pixel"


def test_grain_is_the_size_of_what_chromatin_has():
    def fine(image, labels):
        inside = labels > 0
        steps = inside[:, 1:] & inside[:, :-1]
        return np.diff(image.astype(float), axis=1)[steps].std() / image[inside].std()

    def at(grain):
        config = SimulateConfig(
            fields=1, grain=(grain, grain), texture=(0.3, 0.3), brightness=(9000, 9000), psf=0
        )
        return fine(*simulate_fields(config).read(0))

    assert at(1) > 1.2 * at(2)
    assert at(2) > 1.2 * at(4)


def test_camera_and_light():
    """Offset, noise, background and vignetting of a field that is all but empty."""
    # two of them, as a law needs cells that differ
    dark = {
        "cells": 1,
        "fields": 2,
        "law": "area",
        "unevenness": 0,
        "variation": 0,
        "brightness": (1, 1),
    }
    image, _ = simulate_fields(SimulateConfig(**dark, background=0, haze=0)).read(0)
    assert image.mean() == pytest.approx(100, abs=0.1)
    assert image.std() == pytest.approx(3, abs=0.1)
    image, _ = simulate_fields(SimulateConfig(**dark, background=400, vignetting=0)).read(0)
    assert image.mean() == pytest.approx(500, abs=1)
    # shot noise: the variance of photons is their mean
    assert image.var() == pytest.approx(400 + 3**2, rel=0.05)
    image, _ = simulate_fields(SimulateConfig(**dark, background=400, vignetting=0.5)).read(0)
    middle = image[236:276, 236:276].mean()
    corners = [
        image[y, x].mean() for y in (np.s_[:20], np.s_[-20:]) for x in (np.s_[:20], np.s_[-20:])
    ]
    assert middle == pytest.approx(500, rel=0.05)
    assert min(corners) == pytest.approx(300, rel=0.05)


def test_blur_is_the_point_spread_function():
    """A sharp edge becomes one whose slope has the width of the Gaussian."""
    config = SimulateConfig(
        fields=4, cells=1, size=128, area=(4000, 4000), law="sin(9*angle)",
        eccentricity=(0, 0), texture=(0, 0), psf=3, haze=0, variation=0,
        irregularity=0, brightness=(20000, 20000), background=0,
    )  # fmt: skip
    simulated = simulate_fields(config)
    (y, x), radius = simulated.cells[["y", "x"]].to_numpy()[0], np.sqrt(4000 / np.pi)
    image = simulated.read(0)[0].astype(float) - config.offset
    distance = np.hypot(*(np.mgrid[:128, :128] - np.array([y, x])[:, None, None])) - radius
    profile = [image[np.abs(distance - d) < 0.5].mean() for d in range(-8, 9)]
    slope = -np.diff(profile)
    middle = np.arange(-7.5, 8)
    width = np.sqrt(np.average((middle - np.average(middle, weights=slope)) ** 2, weights=slope))
    # the nucleus is also thinner towards its outline
    assert width == pytest.approx(3, abs=0.6)


def test_neighbours_are_counted(simulated):
    for _, field in simulated.cells.groupby("image"):
        places = field[["y", "x"]].to_numpy()
        distance = np.hypot(*(places[:, None] - places).transpose(2, 0, 1))
        np.fill_diagonal(distance, np.inf)
        assert field["neighbours"].tolist() == (distance <= reach(simulated.config)).sum(1).tolist()
        assert field["neighbour_distance"].to_numpy() == pytest.approx(distance.min(axis=1))
        nearest = places[distance.argmin(axis=1)] - places
        away = field["neighbour_distance"].to_numpy()[:, None]
        angle = field["neighbour_angle"].to_numpy()
        assert away * np.stack([np.sin(angle), np.cos(angle)], 1) == pytest.approx(nearest)
        border = np.minimum(places, 511 - places).min(axis=1)
        assert field["border_distance"].to_numpy() == pytest.approx(border)


def test_clusters_have_more_neighbours():
    def near(clustering):
        config = SimulateConfig(fields=3, size=1024, clustering=clustering)
        return simulate_fields(config).cells["neighbours"].mean()

    assert near(0.9) > 1.5 * near(0)


def test_factors_fill_their_ranges_and_are_independent():
    config = SimulateConfig(fields=20, size=1024, cells=100, position=5)
    cells = simulate_fields(config).cells
    names = ["area", "eccentricity", "brightness", "texture", "grain", "position_y", "position_x"]
    for name in names:
        low, high = (-5, 5) if name.startswith("position") else getattr(config, name)
        middle, width = (low + high) / 2, high - low
        assert cells[name].between(low, high).all()
        assert cells[name].mean() == pytest.approx(middle, abs=0.03 * width)
        assert cells[name].std() == pytest.approx(width / np.sqrt(12), rel=0.05)
    names.append("angle")
    correlations = cells[names].corr().to_numpy() - np.eye(len(names))
    assert np.abs(correlations).max() < 0.08


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 1000),
    cells=st.integers(1, 40),
    low=st.floats(50, 600),
    eccentricity=st.floats(0, 0.95),
    clustering=st.floats(0, 1),
)
def test_nuclei_neither_overlap_nor_leave_the_field(seed, cells, low, eccentricity, clustering):
    config = SimulateConfig(
        seed=seed, cells=cells, fields=1, area=(low, 2 * low), clustering=clustering,
        eccentricity=(0, eccentricity),
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    field = draw_factors(config, rng)
    places = spread(scatter(config, rng), field, config)
    assert (places > 0).all()
    assert (places < 511).all()
    _, minor = half_axes(field)
    distance = np.hypot(*(places[:, None] - places).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.inf)
    assert (distance >= minor[:, None] + minor).all()


def test_crowded_labels_keep_their_area():
    config = SimulateConfig(fields=1, cells=130, clustering=0.9)
    simulated = simulate_fields(config)
    labels = simulated.read(0)[1]
    areas = np.bincount(labels.ravel())[1:]
    assert np.abs(areas / simulated.cells["area"] - 1).max() < 0.05


def test_groups_differ_in_the_microscope():
    cells = simulate_fields(SimulateConfig(fields=6, fields_per_group=2)).cells
    assert cells["group"].unique().tolist() == ["group000", "group001", "group002"]
    assert cells.groupby("group")["image"].nunique().tolist() == [2, 2, 2]
    for name in ("exposure", "psf", "background"):
        assert (cells.groupby("group")[name].nunique() == 1).all()
        assert cells[name].nunique() == 3
    same = simulate_fields(SimulateConfig(fields=6, variation=0)).cells
    assert same[["exposure", "psf", "background"]].drop_duplicates().to_numpy().tolist() == [
        [1, 1.2, 60]
    ]


def test_same_seed_same_bytes():
    def bytes_of(**settings):
        simulated = simulate_fields(SimulateConfig(fields=2, **settings))
        pictures = [part.tobytes() for part in simulated.read(1)]
        return [simulated.cells.to_csv(), *pictures]

    assert bytes_of(seed=3) == bytes_of(seed=3)
    assert all(a != b for a, b in zip(bytes_of(seed=3), bytes_of(seed=4), strict=True))


def test_seed_means_the_same_cells_under_any_microscope():
    few, many = (simulate_fields(SimulateConfig(fields=n)) for n in (2, 4))
    columns = ["y", "x", "area", "angle", "brightness"]
    assert few.cells[columns].equals(many.cells[columns][:120])
    blurred = simulate_fields(SimulateConfig(fields=2, psf=4, read_noise=9))
    assert few.cells[columns].equals(blurred.cells[columns])
    assert (few.read(0)[1] == blurred.read(0)[1]).all()


def test_no_room():
    for wrong in ({"cells": 500}, {"area": (10000, 10000), "size": 100, "cells": 1}):
        with pytest.raises(UserError, match=r"find no room in a field of \d+ pixels: lower"):
            simulate_fields(SimulateConfig(**wrong))
