"""Held-out crops and their reconstructions as JSON can say them, to be looked at while training."""

import base64
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

CROPS = 8


def to_preview(crops: NDArray, drawn: NDArray) -> dict[str, Any]:
    """Write crops and their reconstructions, (n, C, S, S) each in 0..1, in steps of 1/255."""
    both = np.stack([crops, drawn])
    pixels = (np.clip(both, 0, 1) * 255 + 0.5).astype(np.uint8)
    return {"shape": list(both.shape), "pixels": base64.b64encode(pixels.tobytes()).decode()}


def from_preview(preview: Mapping[str, Any]) -> NDArray[np.float32] | None:
    """Read what `to_preview` wrote: (2, n, C, S, S) in 0..1.

    None if it is something else: what another process prints may be of any version.
    """
    shape, text = preview.get("shape"), preview.get("pixels")
    if not (isinstance(text, str) and isinstance(shape, list) and len(shape) == 5):
        return None
    if not all(type(side) is int and side > 0 for side in shape) or shape[0] != 2:
        return None
    try:
        pixels = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    except ValueError:
        return None
    if len(pixels) != math.prod(shape):
        return None
    crops: NDArray[np.float32] = pixels.reshape(shape).astype(np.float32)
    crops /= 255
    return crops
