"""A slider for each active latent, the most informative first."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QSlider,
    QWidget,
)

from napari_parsimony.gui.dock import in_order, wheel_needs_focus
from napari_parsimony.gui.latent_label import LatentLabel, Suggestion, suggested


class _Number(QDoubleSpinBox):
    """Writes a true minus, as everything else does; reads that of the keyboard too."""

    def textFromValue(self, value: float) -> str:
        return str(super().textFromValue(value)).replace("-", "−")

    def valueFromText(self, text: str | None) -> float:
        return float(super().valueFromText((text or "").replace("−", "-")))

    def validate(self, text: str | None, place: int) -> tuple[Any, str, int]:
        state = super().validate((text or "").replace("−", "-"), place)[0]
        return state, text or "", place


class FloatSlider(QWidget):
    """A slider and a box for one number; the number is exact, however coarse the slider.

    Attributes
    ----------
    value_changed
        The number was changed, by the user or by `set_value`.
    """

    value_changed = Signal(float)
    steps = 400

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value, self._low, self._high = 0.0, 0.0, 1.0
        self.bar, self.box = QSlider(Qt.Orientation.Horizontal), _Number()
        self.bar.setRange(0, self.steps)
        self.bar.setSingleStep(self.steps // 100)
        self.bar.setPageStep(self.steps // 10)
        self.box.setDecimals(2)
        self.box.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.box.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.box.setKeyboardTracking(False)
        self.box.setSingleStep(0.05)
        # what does not fit in is moved to, and widens the range
        self.box.setRange(-99.99, 99.99)
        # napari's style sheet asks for a width that leaves no room for the slider
        self.box.setStyleSheet("min-width: 46px; max-width: 46px; padding: 1px 2px")
        wheel_needs_focus(self.bar, self.box)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.bar, 1)
        row.addWidget(self.box)
        self.bar.valueChanged.connect(self._on_bar)
        self.box.valueChanged.connect(self.set_value)

    def minimum(self) -> float:
        """Left end."""
        return self._low

    def maximum(self) -> float:
        """Right end."""
        return self._high

    def set_range(self, low: float, high: float) -> None:
        """Set both ends; the number stays."""
        if (low, high) != (self._low, self._high):
            self._low, self._high = low, max(high, low + 1e-9)
            self._show()

    def value(self) -> float:
        """Return the number."""
        return self._value

    def set_value(self, value: float) -> None:
        """Set the number; outside of the range, the slider is at its end."""
        if value != self._value:
            self._value = float(value)
            self._show()
            self.value_changed.emit(self._value)

    def _show(self) -> None:
        share = (self._value - self._low) / (self._high - self._low)
        with QSignalBlocker(self.bar), QSignalBlocker(self.box):
            self.bar.setValue(round(min(max(share, 0.0), 1.0) * self.steps))
            self.box.setValue(self._value)

    def _on_bar(self, step: int) -> None:
        self._value = self._low + step / self.steps * (self._high - self._low)
        with QSignalBlocker(self.box):
            self.box.setValue(self._value)
        self.value_changed.emit(self._value)


class LatentSliders(QScrollArea):
    """Sliders of the active latents.

    Attributes
    ----------
    latent_moved
        The user moved a slider: index of the latent, its value. Not emitted by `set_value`.
    latent_named
        The user gave a latent another name: ``"z3"``, the name.
    """

    latent_moved = Signal(int, float)
    latent_named = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self._labels: dict[int, LatentLabel] = {}
        self._sliders: dict[int, FloatSlider] = {}
        self._statistics = pd.DataFrame()
        self._names: Mapping[str, str] = {}
        self._used: set[str] = set()
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
            latent = str(statistics["name"].iloc[index])
            label, slider = LatentLabel(latent), FloatSlider()
            label.renamed.connect(lambda name, latent=latent: self.latent_named.emit(latent, name))
            slider.set_range(low, high)
            slider.value_changed.connect(lambda value, index=index: self._moved(index, value))
            rows.addWidget(label, row, 0)
            rows.addWidget(slider, row, 1)
            self._labels[index], self._sliders[index] = label, slider
        rows.setRowStretch(len(order), 1)
        self.setWidget(inside)
        pairs = zip(self._labels.values(), self._sliders.values(), strict=True)
        in_order(self, *(part for label, one in pairs for part in (label, one.bar, one.box)))
        self._show()

    @property
    def sliders(self) -> dict[int, FloatSlider]:
        """The slider of each latent, by its index, from top to bottom."""
        return dict(self._sliders)

    @property
    def labels(self) -> dict[int, LatentLabel]:
        """The name beside each slider, by the latent's index."""
        return dict(self._labels)

    def set_used(self, names: Iterable[str]) -> None:
        """Mark the latents that the equation reads."""
        self._used = set(names)
        self._show()

    def set_names(self, names: Mapping[str, str]) -> None:
        """Show what latents are called, by ``"z3"``."""
        self._names = names
        self._show()

    def set_suggestions(self, suggestions: Mapping[str, Sequence[Suggestion]]) -> None:
        """Offer names, with the correlation that speaks for each, by ``"z3"``."""
        for label in self._labels.values():
            label.suggestions = suggestions.get(label.latent, ())
        self._show()

    def _show(self) -> None:
        for index, label in self._labels.items():
            latent = self._statistics.loc[index]
            used = label.latent in self._used
            label.show_as(self._names.get(label.latent, ""), used)
            tip = (
                f"{label.text()}: {latent['kl']:.2f} nats of information about a cell (KL "
                f"divergence from the prior), number {latent['rank'] + 1} of all latents. "
                + ("The equation reads it." if used else "The equation does not read it.")
            )
            named = " ".join(f"It follows {suggested(*found)}." for found in label.suggestions)
            rename = "Double click or F2: give it a name. Right click: more."
            self._sliders[index].setToolTip(f"<qt>{escape(tip)}</qt>")
            label.setToolTip(f"<qt>{escape(f'{tip} {named}')}<br>{rename}</qt>")

    def show_latent(self, name: str) -> None:
        """Bring a latent into sight, and give its slider the keys."""
        for index, label in self._labels.items():
            if label.latent == name:
                self.ensureWidgetVisible(label)
                self._sliders[index].bar.setFocus()

    def value(self) -> NDArray[np.float64]:
        """Position last set or dragged to, (latents,)."""
        return self._latents.copy()

    def set_value(self, latents: NDArray[np.float64]) -> None:
        """Move all sliders, (latents,); a range that is too narrow is widened."""
        self._latents = latents.copy()
        for index, slider in self._sliders.items():
            value = float(latents[index])
            low, high = self._ranges[index]
            low, high = min(low, value), max(high, value)
            with QSignalBlocker(slider):
                slider.set_range(low, high)
                slider.set_value(value)

    def _moved(self, index: int, value: float) -> None:
        self._latents[index] = value
        self.latent_moved.emit(index, value)


def _range(statistics: pd.DataFrame, index: int) -> tuple[float, float]:
    """Where nearly all cells are."""
    low, high = statistics[["low", "high"]].to_numpy(float)[index]
    return float(low), float(high)
