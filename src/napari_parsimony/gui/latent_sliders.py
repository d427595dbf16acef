"""A slider for each active latent, the most informative first."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QScrollArea, QWidget
from superqt import QLabeledDoubleSlider

from napari_parsimony.figures.style import ACCENT

_USED = "●"


class LatentSliders(QScrollArea):
    """Sliders of the active latents.

    Attributes
    ----------
    latent_moved
        The user moved a slider: index of the latent, its value. Not emitted by `set_value`.
    """

    latent_moved = Signal(int, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self._labels: dict[int, QLabel] = {}
        self._sliders: dict[int, QLabeledDoubleSlider] = {}
        self._statistics = pd.DataFrame()
        self._ranges: dict[int, tuple[float, float]] = {}
        self._latents: NDArray[np.float64] = np.zeros(0)

    def set_latents(self, statistics: pd.DataFrame, order: Sequence[int]) -> None:
        """Make sliders.

        Parameters
        ----------
        statistics
            One row a latent, as `Study.latent_statistics`.
        order
            Indices of the latents that get one, from top to bottom.
        """
        self._statistics, self._labels, self._sliders = statistics, {}, {}
        self._ranges = {index: _range(statistics, index) for index in order}
        inside = QWidget()
        rows = QGridLayout(inside)
        rows.setContentsMargins(0, 0, 6, 0)
        rows.setVerticalSpacing(1)
        rows.setColumnStretch(1, 1)
        for row, index in enumerate(order):
            low, high = self._ranges[index]
            label, slider = QLabel(), QLabeledDoubleSlider(Qt.Orientation.Horizontal)
            label.setTextFormat(Qt.TextFormat.RichText)
            label.setMinimumWidth(44)
            slider.setRange(low, high)
            slider.setDecimals(2)
            slider.setSingleStep(max((high - low) / 50, 1e-3))  # type: ignore[arg-type]
            slider.valueChanged.connect(lambda value, index=index: self._moved(index, value))
            rows.addWidget(label, row, 0)
            rows.addWidget(slider, row, 1)
            self._labels[index], self._sliders[index] = label, slider
        rows.setRowStretch(len(order), 1)
        self.setWidget(inside)
        self.set_used(())

    @property
    def sliders(self) -> dict[int, QLabeledDoubleSlider]:
        """The slider of each latent, by its index, from top to bottom."""
        return dict(self._sliders)

    def set_used(self, names: Iterable[str]) -> None:
        """Mark the latents that the equation reads."""
        used = set(names)
        for index, label in self._labels.items():
            latent = self._statistics.loc[index]
            name, is_used = latent["name"], latent["name"] in used
            dot = f"<span style='color:{ACCENT}'>{_USED}</span>"
            label.setText(f"{dot} <b>{name}</b>" if is_used else f"&nbsp;&nbsp;&nbsp;{name}")
            tip = (
                f"{name}: {latent['kl']:.2f} nats of information about a cell (KL divergence from "
                f"the prior), number {latent['rank'] + 1} of all latents. "
                + ("The equation reads it." if is_used else "The equation does not read it.")
            )
            label.setToolTip(tip)
            self._sliders[index].setToolTip(tip)

    def value(self) -> NDArray[np.float64]:
        """Position last set or dragged to, (latents,)."""
        return self._latents.copy()

    def set_value(self, latents: NDArray[np.float64]) -> None:
        """Move all sliders, (latents,); a range that is too narrow is widened."""
        self._latents = latents.copy()
        for index, slider in self._sliders.items():
            value = float(latents[index])
            if value == slider.value():
                continue
            low, high = self._ranges[index]
            low, high = min(low, value), max(high, value)
            with QSignalBlocker(slider):
                if (low, high) != (slider.minimum(), slider.maximum()):
                    slider.setRange(low, high)
                slider.setValue(value)

    def _moved(self, index: int, value: float) -> None:
        self._latents[index] = value
        self.latent_moved.emit(index, value)


def _range(statistics: pd.DataFrame, index: int) -> tuple[float, float]:
    """Where nearly all cells are."""
    low, high = statistics[["low", "high"]].to_numpy(float)[index]
    return float(low), float(high)
