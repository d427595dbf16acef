"""The tab 'Sparsity': which latents networks agree on, and what fewer weights cost."""

import math
from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_parsimony.gui.classifier_read import NetworksRead
from napari_parsimony.gui.classifier_rows import Row, Rows
from napari_parsimony.gui.dock import follow, message_label
from napari_parsimony.gui.session import Session


class SparsityPanel(QWidget):
    """How often latents are kept, and how accurate networks of other densities are.

    Parameters
    ----------
    session
        Whose latents and names they are.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._read: NetworksRead | None = None
        self.message = message_label()
        self.kept_title, self.sweep_title = QLabel(wordWrap=True), QLabel(wordWrap=True)
        self.kept = Rows("How many of the networks use each latent.", bars=True)
        self.sweep = Rows("Balanced accuracy of networks of other densities.")
        self.note = QLabel(wordWrap=True)
        self.kept_title.setToolTip("Networks differ in their random start only.")
        self.sweep_title.setToolTip("Balanced accuracy: mean over the classes.")
        self.note.setToolTip("What to know about these numbers.")
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 4, 0)
        for widget in (self.kept_title, self.kept, self.sweep_title, self.sweep, self.note):
            column.addWidget(widget)
        column.addStretch(1)
        self.content = QScrollArea(widgetResizable=True)
        self.content.setFrameShape(QFrame.Shape.NoFrame)
        self.content.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.content.setWidget(inside)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(4, 4, 4, 4)
        whole.addWidget(self.message)
        whole.addWidget(self.content, 1)
        self.kept.clicked.connect(session.look_at_latent)
        follow(self, session.names_changed, self._draw)

    def set_networks(self, read: NetworksRead | None, sentence: str = "") -> None:
        """Show other networks, or a sentence that says why there are none."""
        self._read = read
        self.message.setText(sentence)
        self.message.setVisible(read is None)
        self.content.setVisible(read is not None)
        self._draw()

    def _draw(self) -> None:
        read = self._read
        if read is None:
            return
        seeds, used = len(read.networks), set(read.used(read.chosen))
        before, after = read.kept_before, read.kept_after
        self.kept_title.setText(
            f"<b>How many of {seeds} networks use each latent</b><br>bold: in the chosen network"
            + ("; grey: before latents were removed" if before != after else "")
        )
        rows = []
        for name in sorted(after, key=lambda name: (-after[name], -before[name])):
            title = self.session.title_of(name)
            now, once = round(after[name] * seeds), round(before[name] * seeds)
            rows.append(
                Row(
                    key=name,
                    label=title,
                    text=f"{now}/{seeds}",
                    tip=f"<qt>{title}: used by {now} of {seeds} networks, by {once} before "
                    f"latents were removed. {'In' if name in used else 'Not in'} the chosen "
                    "network. Click to find it in the dock 'Latent explorer'.</qt>",
                    value=after[name],
                    behind=before[name] if before != after else None,
                    bold=name in used,
                )
            )
        self.kept.set_value(rows)
        self._draw_sweep(read)

    def _draw_sweep(self, read: NetworksRead) -> None:
        cells = "" if read.validation_cells is None else f" {read.validation_cells:,}"
        self.sweep_title.setText(
            f"<b>Balanced accuracy against sparsity</b><br>on{cells} validation cells"
        )
        rows = []
        for point in read.sweep:
            latents = sum(point.latents) / len(point.latents)
            rows.append(
                _row(
                    f"{point.density:.2%}, {point.connections:,} weights",
                    point.accuracy,
                    f"{point.connections:,} weights, {latents:.0f} latents used on average",
                )
            )
        sparse, dense = (list(read.accuracy.get(name, ())) for name in ("sparse", "dense"))
        if len(sparse) == len(read.networks):
            chosen, weights = sparse[read.chosen], read.connections(read.chosen)
            rows.append(
                _row(
                    f"★ {weights / read.total:.2%}, chosen",
                    sparse,
                    f"all {len(sparse)} networks after latents were removed; the point is the "
                    f"chosen one of {weights} weights",
                    chosen,
                )
            )
        if dense:
            rows.append(_row("100%, dense", dense, f"dense networks of {read.total:,} weights"))
        rows = [row for row in rows if row.value is not None]
        lowest = min([0.5, *(row.low for row in rows if row.low is not None)])
        self.sweep.set_value(rows, (math.floor(lowest * 10) / 10, 1.0))
        self.sweep.setVisible(bool(rows))
        self.note.setText(
            "Points: means; lines: from the worst to the best network. Networks of other "
            "densities were trained more shortly and keep all their latents. Training was stopped "
            "by these cells: see 'Evaluation' for cells that were held out."
            if read.sweep
            else "No other densities were tried when these networks were trained: run the step "
            "again with 'sweep' among its settings to see what sparsity costs."
        )


def _row(label: str, values: Sequence[float], about: str, point: float | None = None) -> Row:
    """Mean, or another point, between the lowest and the highest of some networks."""
    value = sum(values) / len(values) if point is None else point
    low, high = min(values), max(values)
    return Row(
        key=label,
        label=label,
        text=f"{value:.2f}",
        tip=f"<qt>Balanced accuracy {value:.3f}, from {low:.3f} to {high:.3f} over "
        f"{len(values)} networks: {about}.</qt>",
        value=value if math.isfinite(value) else None,
        low=low,
        high=high,
    )
