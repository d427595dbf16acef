"""The picture of a field of nuclei as a fluorescence microscope shows it."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from napari_parsimony.simulate.config import SimulateConfig
from napari_parsimony.simulate.factors import Floats, half_axes

LOBES = np.array([3, 4, 5])
"""Waves around an outline. Fewer would change eccentricity and centroid."""

FLAT = 0.75
"""How much a nucleus is thinner at its outline: at 1 an ellipsoid, at 0 a disc."""

COARSE = 2
"""Size of dark and bright territories of chromatin, in grains."""

WAVES = 4
"""How fast the background changes: half waves in a field at most, less one."""


def render(
    config: SimulateConfig, cells: pd.DataFrame, rng: np.random.Generator
) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    """Image the cells of a field.

    Parameters
    ----------
    config
        Of the microscope.
    cells
        Of this field, with their factors, and with its ``exposure``, ``psf`` and ``background``.
    rng
        What to draw outlines, chromatin and noise with.

    Returns
    -------
    image
        ``(size, size)`` grey values.
    labels
        ``(size, size)``, 0 where is no nucleus.
    """
    light, labels = _nuclei(config, cells, rng)
    exposure, psf, background = (float(cells[k].iloc[0]) for k in ("exposure", "psf", "background"))
    sharp = ndimage.gaussian_filter(light, psf, mode="constant")
    glow = ndimage.gaussian_filter(light, config.diameter / 2, mode="constant", truncate=3)
    light = (1 - config.haze) * sharp + config.haze * glow
    light += background * (1 + config.unevenness * _unevenness(config.size, rng))
    photons = rng.poisson(exposure * _illumination(config, rng) * light)
    grey = config.offset + photons + rng.normal(0, config.read_noise, light.shape)
    return np.clip(np.rint(grey), 0, 65535).astype(np.uint16), labels


def _illumination(config: SimulateConfig, rng: np.random.Generator) -> Floats:
    """Light falls off from near the middle of the field towards its corners."""
    away = np.linspace(-1, 1, config.size)
    y, x = rng.uniform(-0.2, 0.2, 2)
    radius = (away[:, None] - y) ** 2 + (away - x) ** 2
    return np.asarray(1 - config.vignetting * radius / radius.max())


def _unevenness(size: int, rng: np.random.Generator) -> Floats:
    """Smooth hills and valleys between −1 and 1."""
    waves = np.cos(np.pi * np.arange(WAVES) * (np.arange(size)[:, None] + 0.5) / size)
    hills = waves @ rng.uniform(-1, 1, (WAVES, WAVES)) @ waves.T
    return np.asarray(hills / np.abs(hills).max())


def _nuclei(
    config: SimulateConfig, cells: pd.DataFrame, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int32]]:
    """Light of the nuclei before any optics, and their labels."""
    light = np.zeros((config.size, config.size))
    labels = np.zeros(light.shape, dtype=np.int32)
    lobes = config.irregularity * rng.uniform(-1, 1, (len(cells), len(LOBES)))
    phases = rng.uniform(0, 2 * np.pi, lobes.shape)
    columns = ["y", "x", "angle", "brightness", "texture", "grain"]
    for label, cell, *axes, waves, phase in zip(
        cells["label"], cells[columns].to_numpy(), *half_axes(cells), lobes, phases, strict=True
    ):
        y, x, angle, brightness, texture, grain = cell
        reach = int(np.ceil(axes[0] * (1 + np.abs(waves).sum()))) + 1
        top, left = max(int(y) - reach, 0), max(int(x) - reach, 0)
        part = np.s_[top : int(y) + reach + 2, left : int(x) + reach + 2]
        height, width = labels[part].shape
        down, right = np.arange(top, top + height)[:, None] - y, np.arange(left, left + width) - x
        sine, cosine = np.sin(angle), np.cos(angle)
        along = (down * sine + right * cosine) / axes[0]
        across = (down * cosine - right * sine) / axes[1]
        radius = np.hypot(along, across)
        around = np.arctan2(across, along)[..., None]
        edge = 1 + (waves * np.cos(LOBES * around + phase)).sum(axis=-1)
        edge /= np.sqrt(1 + (waves**2).sum() / 2)  # the area stays that of the ellipse
        mask = (radius <= edge) & (labels[part] == 0)
        labels[part][mask] = label
        # how much of a pixel at the outline is covered, from its distance in pixels
        steep = np.hypot(along / axes[0], across / axes[1]) / np.maximum(radius, 1e-9)
        covered = np.clip(0.5 + (edge - radius) / np.maximum(steep, 1e-9), 0, 1)
        thick = np.sqrt(np.clip(1 - FLAT * (radius / edge) ** 2, 1 - FLAT, 1))
        density = covered * thick * np.exp(texture * _chromatin(grain, mask, rng))
        light[part] += density * (brightness / density[mask].mean())
    return light, labels


def _chromatin(grain: float, mask: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """Smooth noise of mean 0 and variance 1 in a mask: grains, and territories of many of them."""
    noise = rng.standard_normal((2, *mask.shape))
    sizes = zip(noise, (grain, COARSE * grain), strict=True)
    fine, coarse = (ndimage.gaussian_filter(one, size) for one, size in sizes)
    both = fine / fine.std() + 0.7 * coarse / coarse.std()
    return np.asarray((both - both[mask].mean()) / max(both[mask].std(), 1e-9))
