"""The tab 'Network': one of the sparse networks, drawn."""

from collections.abc import Sequence
from html import escape

from numpy.typing import NDArray
from qtpy.QtCore import QSignalBlocker
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_parsimony.figures.palette import NEGATIVE, POSITIVE
from napari_parsimony.gui.background import Background
from napari_parsimony.gui.classifier_read import NetworksRead, read_strips
from napari_parsimony.gui.dock import follow, ink, message_label, wheel_needs_focus
from napari_parsimony.gui.latex import crop_pixmap, theme_of
from napari_parsimony.gui.network_view import NetworkView
from napari_parsimony.gui.session import Session


class NetworkPanel(QWidget):
    """A sparse network, and which one.

    Parameters
    ----------
    session
        Whose latents and names they are.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._read: NetworksRead | None = None
        # of the step 'vae' that they were decoded by
        self._strips: tuple[str, dict[str, list[QPixmap]]] = ("", {})
        self.background = Background(self, torch=True)
        self.background.done.connect(self._on_strips)
        self.background.failed.connect(self._on_failed)
        self.message = message_label()
        self.content = QWidget()
        self.which = QComboBox()
        self.which.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.which.setToolTip(
            "<qt>Networks from different random starts. ★ is the one that stands for all: the "
            "fewest latents within one standard error of the best.</qt>"
        )
        wheel_needs_focus(self.which)
        self.view = NetworkView()
        self.about, self.legend = QLabel(wordWrap=True), QLabel(wordWrap=True)
        self.about.setToolTip("What is left of the network; everything else is dead.")
        self.legend.setToolTip("How to read the picture.")
        self.zoom = {
            text: _tool(text, tip)
            for text, tip in (
                ("−", "Smaller (key -)."),
                ("↔", "Fit into the width (key 0)."),
                ("+", "Larger (key +; or Ctrl and the mouse wheel)."),
            )
        }
        self.zoom["−"].clicked.connect(lambda *_: self.view.zoom(1 / 1.3))
        self.zoom["↔"].clicked.connect(lambda *_: self.view.fit())
        self.zoom["+"].clicked.connect(lambda *_: self.view.zoom(1.3))
        above = QHBoxLayout()
        above.addWidget(self.which, 1)
        for button in self.zoom.values():
            above.addWidget(button)
        inside = QVBoxLayout(self.content)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addLayout(above)
        inside.addWidget(self.about)
        inside.addWidget(self.view, 1)
        inside.addWidget(self.legend)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(4, 4, 4, 4)
        whole.addWidget(self.message)
        whole.addWidget(self.content, 1)

        self.which.currentIndexChanged.connect(lambda *_: self._draw())
        self.view.latent_clicked.connect(session.look_at_latent)
        follow(self, session.names_changed, self._draw)
        follow(self, session.latent_looked_at, self.view.mark)
        session.viewer.events.theme.connect(self._draw)

    def set_networks(self, read: NetworksRead | None, sentence: str = "") -> None:
        """Show other networks, or a sentence that says why there are none."""
        self._read = read
        self.message.setText(sentence)
        self.message.setVisible(read is None)
        self.content.setVisible(read is not None)
        if read is None:
            self.background.cancel()
            self.view.clear()
            return
        with QSignalBlocker(self.which):
            self.which.clear()
            for number in range(len(read.networks)):
                star = "★ " if number == read.chosen else ""
                self.which.addItem(
                    f"{star}network {number + 1}: {_count(len(read.used(number)), 'latent')}"
                )
            self.which.setCurrentIndex(read.chosen)
        self._draw()

    def _draw(self, *_: object) -> None:
        read, number = self._read, self.which.currentIndex()
        if read is None or number < 0:
            return
        used, network = read.used(number), read.networks[number]
        theme, seeds = theme_of(self.session.viewer), len(read.networks)
        below, above = (
            f"<span style='color:{ink(colour, theme)}'>{text}</span>"
            for colour, text in ((NEGATIVE, "negative"), (POSITIVE, "positive"))
        )
        self.legend.setText(
            f"Weights: {above}, {below}; the wider the larger within their layer. After the name: "
            f"networks that use the latent. {_meaning(read.classes)}"
        )
        if not used:
            self.about.setText("No latent is left in this network: it says the same of all cells.")
            self.view.clear()
            return
        hidden = sum(weight.shape[1] for weight in network.weights[:-1])
        weights, loss = read.connections(number), read.losses[number]
        told = f"; validation loss {loss:.3f}" if loss == loss else ""
        over = " Taken over from another study." if read.taken_over else ""
        self.about.setText(
            f"{_count(hidden, 'hidden unit')}, {weights} of {read.total:,} weights "
            f"({weights / read.total:.1%}){told}.{over}"
        )
        kept = {name: f"{round(read.kept_after[name] * seeds)}/{seeds}" for name in used}
        titles = {name: self.session.title_of(name) for name in used}
        self.view.set_network(network, used, titles, kept, read.classes, theme)
        self._ask_strips(used)

    # Pictures along the latents

    def _ask_strips(self, used: list[str]) -> None:
        study = self.session.study
        record = study.step("vae") if study is not None else None
        if study is None or record is None:
            return
        if self._strips[0] != record.fingerprint:
            self._strips = record.fingerprint, {}
        known = self._strips[1]
        for name in used:
            if name in known:
                self.view.set_strip(name, known[name])
        wanted = [name for name in used if name not in known]
        if wanted:
            self.background.start(read_strips, str(study.path), wanted)

    def _on_strips(self, result: tuple[str, dict[str, NDArray]]) -> None:
        fingerprint, strips = result
        if fingerprint != self._strips[0]:
            return  # of a VAE that was replaced meanwhile
        for name, crops in strips.items():
            pixmaps = self._strips[1][name] = [crop_pixmap(crop) for crop in crops]
            self.view.set_strip(name, pixmaps)

    def _on_failed(self, sentence: str) -> None:
        self.about.setText(f"{self.about.text()} No pictures: {sentence}")


def _meaning(classes: Sequence[str]) -> str:
    if len(classes) > 2:
        return "The class with the largest score is the most probable one."
    below, above = map(escape, classes)
    return f"Score above 0: <b>{above}</b>, below: <b>{below}</b>."


def _tool(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setFixedWidth(30)
    return button


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
