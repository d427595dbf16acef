"""Moves between two latent positions on a straight line."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSignalBlocker, QTimer
from qtpy.QtGui import QHideEvent
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from napari_parsimony.gui.dock import follow
from napari_parsimony.gui.latent_sliders import FloatSlider
from napari_parsimony.gui.movie import FRAMES, MovieSaver
from napari_parsimony.gui.session import Session
from napari_parsimony.vae.traversal import nearest_share, straight_line

Latents = NDArray[np.float64]
TICK, SECONDS = 33, 2.5  # ms between steps, and how long one way takes


class Morph(QWidget):
    """A slider between two positions, A and B, that can play by itself.

    Parameters
    ----------
    session
        Whose position it moves.
    name_of
        Names the position that is looked at.
    say
        Told what happened: a sentence, and whether it went wrong.
    """

    def __init__(
        self, session: Session, name_of: Callable[[], str], say: Callable[[str, bool], None]
    ) -> None:
        super().__init__()
        self.session, self._name_of = session, name_of
        self._ends: list[Latents | None] = [None, None]
        self._names = ["", ""]
        self._moving = False
        self.saver = MovieSaver(self, session, say)
        self.set_ends = (QPushButton(), QPushButton())
        self.slider = FloatSlider()
        self.slider.set_range(0.0, 1.0)
        self.slider.box.setRange(0.0, 1.0)
        self.slider.setToolTip(
            "<qt>How far the cell is from A (0) to B (1). Shows the nearest place on the line "
            "while the latents are elsewhere.</qt>"
        )
        self.play, self.film = QPushButton(), QPushButton("Movie…")
        self.play.setCheckable(True)
        self.play.setToolTip("Move there and back until it is stopped.")
        self.film.setToolTip("Save the way from A to B and back as a movie.")
        self._timer = QTimer(self)
        self._timer.setInterval(TICK)
        self._step = TICK / 1000 / SECONDS

        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        for column, button in enumerate(self.set_ends):
            # names of cells may be long
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _=False, end=column: self.set_end(end))
            grid.addWidget(button, 0, column)
            grid.setColumnStretch(column, 1)
        row = QHBoxLayout()
        row.addWidget(self.play)
        row.addWidget(self.slider, 1)
        row.addWidget(self.film)
        grid.addLayout(row, 1, 0, 1, 2)

        self.slider.value_changed.connect(self.go)
        self.play.toggled.connect(self._played)
        self.film.clicked.connect(self._save)
        self._timer.timeout.connect(self._tick)
        follow(self, session.latents_changed, self._on_latents)
        self._show()

    @property
    def ends(self) -> tuple[Latents, Latents] | None:
        """Positions A and B, None before both are set."""
        first, second = self._ends
        return None if first is None or second is None else (first, second)

    def forget(self) -> None:
        """Forget A and B: the latents mean something else now."""
        self._ends, self._names = [None, None], ["", ""]
        self._show()

    def set_end(self, end: int) -> None:
        """Make the position that is looked at A (0) or B (1)."""
        self._ends[end], self._names[end] = self.session.latents, self._name_of()
        self._show()
        self._on_latents(self.session.latents)

    def go(self, share: float) -> None:
        """Move to a share, 0 to 1, of the way from A to B."""
        if self.ends is None:
            return
        first, second = self.ends
        self._moving = True
        try:
            self.session.set_latents((1 - share) * first + share * second)
        finally:
            self._moving = False

    def _show(self) -> None:
        ready = self.ends is not None
        for end, button in zip("AB", self.set_ends, strict=True):
            name = self._names["AB".index(end)]
            button.setText(f"{end}: {name}" if name else f"Set {end}")
            now = f"{end} is {name}. " if name else ""
            button.setToolTip(f"<qt>{now}Make {end} the position that is looked at now.</qt>")
        for widget in (self.slider, self.play, self.film):
            widget.setEnabled(ready)
        if not ready:
            self.play.setChecked(False)
        self._show_icon()

    def _show_icon(self) -> None:
        playing = self.play.isChecked()
        self.play.setText("❚❚" if playing else "▶")
        self.play.setAccessibleName("Pause" if playing else "Play")

    def _on_latents(self, latents: Latents) -> None:
        if self._moving or self.ends is None:
            return
        # somebody moved elsewhere: playing on would pull the sliders out of their hands
        self.play.setChecked(False)
        first, second = self.ends
        with QSignalBlocker(self.slider):
            self.slider.set_value(nearest_share(first, second, latents))

    # Playing

    def _played(self, playing: bool) -> None:
        if playing:
            self._timer.start()
        else:
            self._timer.stop()
        self._show_icon()

    def _tick(self) -> None:
        share = self.slider.value() + self._step
        if not 0 <= share <= 1:
            self._step = -self._step
            share = min(max(share, 0.0), 1.0)
        self.slider.set_value(share)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: D102
        self.play.setChecked(False)
        super().hideEvent(event)

    def _save(self) -> None:
        if self.ends is None:
            return
        first, second = self._names
        shares = np.linspace(0, 1, FRAMES)
        titles = [f"{first} → {second}: {share:.0%}" for share in shares]
        self.saver.save(straight_line(*self.ends, FRAMES), titles, "morph.gif")
