"""The tab 'Evaluation': who is right about which cells."""

import math
from collections.abc import Sequence

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QComboBox, QFormLayout, QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_parsimony.gui.background import Background
from napari_parsimony.gui.classifier_read import CELLS, SCHEMES, Evaluated, evaluate_cells
from napari_parsimony.gui.classifier_rows import Row, Rows
from napari_parsimony.gui.confusion_view import ConfusionView
from napari_parsimony.gui.dock import follow, message_label, missing, wheel_needs_focus
from napari_parsimony.gui.latex import theme_of
from napari_parsimony.gui.session import Session
from napari_parsimony.trust.metrics import CLASS_METRICS
from napari_parsimony.trust.schemes import Estimate

_METRICS = {"balanced_accuracy": "balanced accuracy", "accuracy": "accuracy", "auc": "AUC"}
_CLASS_METRICS = {
    "precision": "share of right ones among the cells that are predicted to be of the class",
    "recall": "share of the cells of the class that are found",
    "f1": "harmonic mean of precision and recall",
}
_WRITTEN = {"precision": "precision", "recall": "recall", "f1": "F1"}


class EvaluationPanel(QWidget):
    """Confusion table, and how the schemes compare.

    Parameters
    ----------
    session
        Whose study is evaluated, and where cells are selected.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.found: Evaluated | None = None
        self._due = True
        self.background = Background(self)
        self.background.done.connect(self._on_done)
        self.background.failed.connect(self._on_failed)
        self.message = message_label()
        self.cells, self.scheme, self.metric = QComboBox(), QComboBox(), QComboBox()
        for key, title in CELLS.items():
            self.cells.addItem(title, key)
        for key, title in _METRICS.items():
            self.metric.addItem(title, key)
        self.cells.setToolTip("Which cells are counted; only held-out ones say how good it is.")
        self.scheme.setToolTip("Whose decisions are shown below.")
        self.metric.setToolTip("By which number the schemes are compared.")
        for combo in (self.cells, self.scheme, self.metric):
            combo.setMinimumContentsLength(10)
            combo.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
        wheel_needs_focus(self.cells, self.scheme, self.metric)
        self.where = QLabel(wordWrap=True)
        self.where.setToolTip("Which cells, and whether the networks have seen them.")
        self.confusion = ConfusionView()
        self.classes = Rows("Precision, recall and F1 of each class, with intervals.")
        self.compared = Rows("The schemes on the same cells; click one to see its decisions.")
        self.note = QLabel(wordWrap=True)
        self.note.setToolTip("What the numbers alone do not say.")
        self.content = QWidget()
        self._lay_out()
        self.cells.activated.connect(lambda *_: self._pick_cells())
        self.scheme.activated.connect(lambda *_: self._draw())
        self.metric.activated.connect(lambda *_: self._draw())
        self.confusion.clicked.connect(self._select)
        self.compared.clicked.connect(self._choose)
        follow(self, session.study_changed, self._on_study)
        follow(self, session.artefacts_changed, self.refresh)
        follow(self, session.annotations_changed, self.refresh)
        follow(self, session.expression_changed, self.refresh)
        follow(self, session.selection_changed, self._draw_confusion)
        session.viewer.events.theme.connect(self._draw_confusion)
        self._asked: str | None = None  # cells that were picked; None: those that are new

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("cells", self.cells)
        form.addRow("scheme", self.scheme)
        below = QFormLayout()
        below.setContentsMargins(0, 6, 0, 0)
        below.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        below.addRow("all schemes by", self.metric)
        column = QVBoxLayout(self.content)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.confusion)
        column.addWidget(self.classes)
        column.addLayout(below)
        column.addWidget(self.compared)
        column.addWidget(self.note)
        self._chooser = QWidget()
        self._chooser.setLayout(form)
        inside = QWidget()
        whole = QVBoxLayout(inside)
        whole.setContentsMargins(0, 0, 4, 0)
        for widget in (self._chooser, self.message, self.where, self.content):
            whole.addWidget(widget)
        whole.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(4, 4, 4, 4)
        outer.addWidget(scroll)

    # Following the session

    def _on_study(self, *_: object) -> None:
        self._asked = None
        self._forget()
        self.refresh()

    def _forget(self) -> None:
        self.found = None
        self.content.hide()
        self.where.hide()

    def refresh(self, *_: object) -> None:
        """Compare anew; not before somebody looks."""
        sentence = missing(self.session, "classify", "the tab 'Train'")
        self._chooser.setVisible(sentence is None)
        if sentence is not None:
            self.background.cancel()
            self._forget()
            self._say(sentence)
            return
        self._due = not self.isVisible()
        if self._due:
            # what is shown may be of other classes or equations
            self._forget()
            return
        assert self.session.study is not None
        self.content.setEnabled(False)
        self._say("Comparing…")
        self.background.start(
            evaluate_cells, str(self.session.study.path), self.session.expression, self._asked
        )

    def _pick_cells(self) -> None:
        self._asked = self.cells.currentData()
        self.refresh()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102
        super().showEvent(event)
        if self._due:
            self.refresh()

    def _say(self, text: str) -> None:
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def _on_failed(self, sentence: str) -> None:
        self._forget()
        self._say(sentence)

    def _on_done(self, found: Evaluated) -> None:
        self.found, before = found, self.scheme.currentData()
        self._say("")
        with QSignalBlocker(self.cells):
            self.cells.setCurrentIndex(self.cells.findData(found.cells))
        names = list(found.per_class)
        with QSignalBlocker(self.scheme):
            self.scheme.clear()
            for name in names:
                self.scheme.addItem(SCHEMES[name], name)
            first = "symbolic" if "symbolic" in names else "sparse"
            self.scheme.setCurrentIndex(names.index(before if before in names else first))
        self.where.setText(found.where)
        self.where.show()
        self.content.setEnabled(True)
        self.content.show()
        self._draw()

    # Drawing

    @property
    def _scheme(self) -> str:
        return str(self.scheme.currentData())

    def _draw(self) -> None:
        if self.found is None:
            return
        self._draw_confusion()
        found, names = self.found, self.found.classes
        rows = []
        for name, estimates in zip(names, found.per_class[self._scheme], strict=True):
            for metric in CLASS_METRICS:
                about = f"{name}: {_CLASS_METRICS[metric]}"
                label = f"{_WRITTEN[metric]} {name}"
                rows.append(_row(f"{name} {metric}", label, estimates[metric], about))
        self.classes.set_value(rows, _bounds(rows))
        self._draw_compared()

    def _draw_compared(self) -> None:
        assert self.found is not None
        metric, rows = str(self.metric.currentData()), []
        for scheme in self.found.schemes.schemes:
            about = f"{SCHEMES[scheme.name]}, {_METRICS[metric]}"
            ratio: Estimate | None = getattr(scheme, f"{metric}_ratio")
            if ratio is not None and ratio.value is not None:
                about += f"; {_written(ratio)} of the black box's"
            rows.append(_row(scheme.name, SCHEMES[scheme.name], getattr(scheme, metric), about))
        self.compared.set_value(rows, _bounds(rows), self._scheme)
        schemes = self.found.schemes
        told = self.found.cells in ("test", "all")
        lines = f"Lines: {schemes.confidence:.0%} intervals over {schemes.group_word}s."
        notes = [lines] if any(row.low is not None for row in rows) else []
        self.note.setText(" ".join([*notes, *(schemes.notes if told else ())]))

    def _draw_confusion(self, *_: object) -> None:
        if self.found is None:
            return
        counts = self.found.confusion(self._scheme)
        shown = counts if counts[:, -1].any() else counts[:, :-1]
        names, selection = self.found.classes, self.session.selection
        selected = next(
            (
                (row, column)
                for row, column in zip(*np.nonzero(shown), strict=True)
                if np.array_equal(self.found.members(self._scheme, row, column), selection)
            ),
            None,
        )
        theme = theme_of(self.session.viewer)
        columns = (*names, "not decided")[: shown.shape[1]]
        self.confusion.set_value(shown, names, columns, self.session.class_colours, selected, theme)

    # Using it

    def _select(self, row: int, column: int) -> None:
        if self.found is not None:
            self.session.select_cells(self.found.members(self._scheme, row, column))

    def _choose(self, scheme: str) -> None:
        self.scheme.setCurrentIndex(self.scheme.findData(scheme))
        self._draw()


def _row(key: str, label: str, estimate: Estimate, about: str) -> Row:
    tip = f"<qt>{about}: {_written(estimate)}"
    tip += f" ({estimate.reason})" if estimate.reason else ""
    text = "–" if estimate.value is None else f"{estimate.value:.2f}"
    return Row(key, label, text, f"{tip}.</qt>", estimate.value, estimate.low, estimate.high)


def _written(estimate: Estimate) -> str:
    if estimate.value is None:
        return "unknown"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f}, from {estimate.low:.3f} to {estimate.high:.3f}"


def _bounds(rows: Sequence[Row]) -> tuple[float, float]:
    """From chance, or what is worse, to 1."""
    values = [value for row in rows for value in (row.low, row.value) if value is not None]
    return max(math.floor(min([0.5, *values]) * 10) / 10, 0.0), 1.0
