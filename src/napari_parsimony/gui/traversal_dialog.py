"""A window with what every latent does to a cell, side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtGui import QCloseEvent, QImage, QPixmap, QResizeEvent
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.artefact import replace_file
from napari_parsimony.figures.palette import Theme
from napari_parsimony.gui.background import Background
from napari_parsimony.gui.dock import follow, missing, say
from napari_parsimony.gui.latex import theme_of
from napari_parsimony.gui.movie import FRAMES, MovieSaver
from napari_parsimony.gui.positions import mean_of_class
from napari_parsimony.gui.session import Session
from napari_parsimony.vae.traversal import even_values, sweep

if TYPE_CHECKING:
    from napari_parsimony.vae.model import Vae

HERE, ALL = "here", "all"
LEAST = 28  # pixels of a picture's side in a window that is too small
REST = 150  # ms without a move before the grid is drawn again: a moving slider needs the processor


class TraversalDialog(QDialog):
    """Active latents as rows, steps along them as columns, around one position.

    Parameters
    ----------
    session
        Whose latents they are.
    parent
        With which it closes.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self.session = session
        self.setWindowTitle("Traversals")
        self.resize(760, 640)
        self.around, self.steps, self.latent = QComboBox(), QSpinBox(), QComboBox()
        self.steps.setRange(3, 15)
        self.steps.setValue(9)
        self.picture = QLabel(alignment=Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.scroll = QScrollArea(widgetResizable=True)
        self.scroll.setWidget(self.picture)
        # always there, so that the grid fits beside it
        self.scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.message = QLabel(wordWrap=True)
        self.save, self.film = QPushButton("Save picture…"), QPushButton("Save movie…")
        self._background, self._saving = Background(self, torch=True), Background(self, torch=True)
        self._rest = QTimer(self, singleShot=True, interval=REST)
        self._saver = MovieSaver(self, session, self._say)
        self._lay_out()
        self._background.done.connect(self._show)
        self._saving.done.connect(lambda path: self._say(f"Saved {path}."))
        self._saving.failed.connect(lambda sentence: self._say(sentence, failed=True))
        self._rest.timeout.connect(self.draw)
        self.around.currentIndexChanged.connect(self.draw)
        self.steps.valueChanged.connect(self._soon)
        self.save.clicked.connect(self._save)
        self.film.clicked.connect(self._save_movie)
        for signal in (session.study_changed, session.artefacts_changed):
            follow(self, signal, self._rebuild)
        follow(self, session.names_changed, self._rebuild)
        follow(self, session.latents_changed, self._moved)
        self._rebuild()

    def _lay_out(self) -> None:
        self.around.setToolTip("The cell that every row starts from.")
        self.steps.setToolTip("Pictures in a row, over the range where 98 % of the cells are.")
        self.picture.setToolTip(
            "<qt>A latent in each row, the most informative first; the others stay as they are at "
            "the start. Framed: nearest to the start.</qt>"
        )
        self.save.setToolTip("Save this grid as a PNG, twice as fine.")
        self.latent.setToolTip("The latent whose sweep the movie shows.")
        self.film.setToolTip("Save the sweep of this latent, there and back, as a movie.")
        above, below = QHBoxLayout(), QHBoxLayout()
        for name, widget in (("around", self.around), ("steps", self.steps)):
            label = QLabel(name)
            label.setBuddy(widget)
            above.addWidget(label)
            above.addWidget(widget)
        above.addStretch(1)
        below.addWidget(self.save)
        below.addStretch(1)
        below.addWidget(self.latent)
        below.addWidget(self.film)
        column = QVBoxLayout(self)
        column.addLayout(above)
        column.addWidget(self.scroll, 1)
        column.addWidget(self.message)
        column.addLayout(below)
        self._say("")

    def _say(self, text: str, failed: bool = False) -> None:
        say(self.message, text, failed)

    # Following the session

    def _rebuild(self, *_: object) -> None:
        session = self.session
        sentence = self._missing()
        self._say(sentence or "")
        for widget in (self.around, self.steps, self.save, self.latent, self.film):
            widget.setEnabled(sentence is None)
        if sentence is not None:
            self._background.cancel()
            self.picture.clear()
            return
        starts: list[tuple[str, Any]] = [("the position looked at", HERE), ("all cells", ALL)]
        for which, name in enumerate(session.classes):
            if mean_of_class(session, which) is not None:
                starts.append((f"mean {name}", which))
        _fill(self.around, starts)
        _fill(self.latent, [(session.title_of(f"z{i}"), i) for i in session.latent_order])
        self.draw()

    def _missing(self) -> str | None:
        """Why there is nothing to draw, in a sentence."""
        sentence = missing(self.session, "vae")
        if sentence is None and not self.session.latent_order:
            sentence = "No latent is active: the VAE has learned nothing of the cells yet."
        return sentence

    def _moved(self, latents: NDArray[np.float64]) -> None:
        if self.around.currentData() == HERE:
            self._soon()

    def _soon(self, *_: object) -> None:
        if self.isVisible():
            self._rest.start()

    @property
    def start(self) -> NDArray[np.float64]:
        """Position that the rows start from, (latents,)."""
        around = self.around.currentData()
        if around == HERE:
            return self.session.latents
        if around == ALL:
            return self.session.latent_statistics["mean"].to_numpy(np.float64, copy=True)
        mean = mean_of_class(self.session, around)
        assert mean is not None, "only means that there are can be chosen"
        return mean

    # Drawing

    def draw(self, *_: object) -> None:
        """Draw the grid as large as the window, in a thread."""
        if self._missing() is None:
            if self.picture.pixmap().isNull():
                self.picture.setText("Drawing what every latent does…")
            self._background.start(_drawn, *self._grid(self.devicePixelRatioF()))

    def _grid(self, ratio: float) -> tuple[Any, ...]:
        session, steps = self.session, self.steps.value()
        assert session.study is not None
        statistics, order = session.latent_statistics, session.latent_order
        titles = [
            f"{session.title_of(f'z{index}')}\n{statistics['kl'].iloc[index]:.2f} nats"
            for index in order
        ]
        width = round(self.scroll.viewport().width() * ratio)
        theme = theme_of(session.viewer)
        vae = session.study.vae()
        return vae, self.start, statistics, order, steps, titles, width, theme

    def _show(self, pixels: NDArray[np.uint8]) -> None:
        height, width = pixels.shape[:2]
        data = np.ascontiguousarray(pixels)
        image = QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        pixmap = QPixmap.fromImage(image)
        pixmap.setDevicePixelRatio(self.devicePixelRatioF())
        self.picture.setPixmap(pixmap)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._soon()

    def changeEvent(self, event: QEvent) -> None:  # noqa: D102
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:  # napari's theme
            self._soon()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: D102
        self._rest.stop()
        super().closeEvent(event)

    # Saving

    def _save(self) -> None:
        asked, _ = QFileDialog.getSaveFileName(
            self, "Save traversals", "traversals.png", "PNG (*.png)"
        )
        if asked:
            path = Path(asked)
            path = path if path.suffix.lower() == ".png" else path.with_name(path.name + ".png")
            self._saving.start(_saved, path, *self._grid(2 * self.devicePixelRatioF()))

    def _save_movie(self) -> None:
        from napari_parsimony.figures.strips import rounded

        index, session = int(self.latent.currentData()), self.session
        values = even_values(session.latent_statistics, self.start, [index], FRAMES)[0]
        title = session.title_of(f"z{index}")
        titles = [f"{title} = {rounded(value)}" for value in values]
        self._saver.save(sweep(self.start, index, values), titles, f"z{index}.gif")


def _drawn(
    vae: "Vae",
    start: NDArray,
    statistics: Any,
    order: list[int],
    steps: int,
    titles: list[str],
    width: int,
    theme: Theme,
) -> NDArray[np.uint8]:
    from napari_parsimony.figures.strips import grid_picture, side_for
    from napari_parsimony.vae.traversal import traversal_grid

    grid = traversal_grid(vae, start, statistics, order, steps)
    side = max(side_for(width, titles, steps), LEAST)
    return grid_picture(grid, titles, side, theme=theme)


def _saved(path: Path, *grid: Any) -> Path:
    from napari_parsimony.figures.strips import png

    replace_file(path, png(_drawn(*grid)))
    return path


def _fill(box: QComboBox, items: list[tuple[str, Any]]) -> None:
    """Replace what can be chosen, and keep the choice where it is still there."""
    box.blockSignals(True)
    chosen = box.currentData()
    box.clear()
    for text, data in items:
        box.addItem(text, data)
    box.setCurrentIndex(max(box.findData(chosen), 0))
    box.blockSignals(False)
