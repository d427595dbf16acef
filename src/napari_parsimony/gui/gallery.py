"""The dock 'Gallery': crops side by side, sorted, to look through and to annotate."""

from html import escape

import numpy as np
import pandas as pd
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtGui import QPixmap, QShowEvent
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.errors import UserError
from napari_parsimony.gui import gallery_order as order
from napari_parsimony.gui.annotate_keys import act
from napari_parsimony.gui.annotator import Annotator
from napari_parsimony.gui.dock import (
    Soon,
    fill_dock,
    follow,
    message_label,
    missing,
    push_button,
    wheel_needs_focus,
)
from napari_parsimony.gui.gallery_view import Crops, GalleryView
from napari_parsimony.gui.latex import crop_pixmap
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.session import Session

SIDES = (32, 160)  # of crops, in logical pixels
DESCENDING, ASCENDING = "↓", "↑"


class Gallery(QWidget):
    """Crops of a study.

    Parameters
    ----------
    viewer
        Whose session is followed.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.session = session = Session.of(viewer)
        self.annotator = Annotator.of(session)
        Overlay.of(session)  # the canvas follows the cell that is clicked here
        self._soon = Soon(self, self._update)
        self._due = False
        self._cells = pd.DataFrame({"class": []})
        self._values: order.Values | None = None
        self._colours: dict[str, str] = {}
        fill_dock(self)
        self.message = message_label()
        self.content = QWidget()
        self.which, self.by = QComboBox(), QComboBox()
        self.direction = QToolButton()
        self.back = push_button("All cells", "Show all cells again.", self._show_all)
        self._sorted = ("image", ASCENDING)
        self.side = QSlider(Qt.Orientation.Horizontal)
        self.crops = Crops()
        self.view = GalleryView(self.crops)
        self.legend, self.status = QLabel(wordWrap=True), QLabel(wordWrap=True)
        self._lay_out()

        self.crops.picture = self._picture
        self.crops.colour = lambda row: self._colours.get(self._class(row))
        self.crops.caption = self._caption
        self.crops.tip = self._tip
        self.view.picked.connect(self._on_picked)
        self.view.pressed.connect(self.press)
        for box in (self.which, self.by):
            box.activated.connect(lambda *_: self._update())
        self.direction.clicked.connect(self._turn)
        self.side.valueChanged.connect(self.view.set_side)
        follow(self, session.study_changed, self._on_study)
        for signal in (
            session.artefacts_changed,
            session.expression_changed,
            session.annotations_changed,
            session.names_changed,
        ):
            follow(self, signal, self._on_change)
        follow(self, session.selection_changed, self._on_selection)
        follow(self, session.cell_changed, self._on_cell)
        follow(self, session.cells_looked_at, self._on_looked_at)
        self._update()

    def _lay_out(self) -> None:
        self.which.setToolTip("Which cells are shown.")
        self.by.setToolTip(
            "<qt>What the crops are sorted by. Uncertainty is 1 at a score of 0, and 0 where one "
            "class is certain.</qt>"
        )
        self.direction.setToolTip("Largest first (↓) or smallest first (↑).")
        self.direction.setText(ASCENDING)
        self.side.setToolTip("Size of the crops.")
        self.side.setRange(*SIDES)
        self.side.setValue(64)
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self.legend.setToolTip("<qt>Number keys give the selected crops a class; 0 is none.</qt>")
        self.view.setToolTip(
            "<qt>Click a crop to see its cell everywhere; Ctrl or Shift and a click select more. "
            "Number keys give them a class.</qt>"
        )
        wheel_needs_focus(self.which, self.by, self.side)
        bar = QGridLayout()
        for line, (name, box) in enumerate((("show", self.which), ("sort by", self.by))):
            policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            box.setSizeAdjustPolicy(policy)
            box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            bar.addWidget(QLabel(name), line, 0)
            bar.addWidget(box, line, 1)
        bar.addWidget(self.back, 0, 2)
        bar.addWidget(self.direction, 1, 2)
        bar.addWidget(QLabel("size"), 2, 0)
        bar.addWidget(self.side, 2, 1, 1, 2)
        bar.setColumnStretch(1, 1)
        inside = QVBoxLayout(self.content)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addLayout(bar)
        inside.addWidget(self.view, 1)
        inside.addWidget(self.status)
        inside.addWidget(self.legend)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(6, 6, 6, 6)
        whole.addWidget(self.message)
        whole.addWidget(self.content, 1)

    # What is known of a row

    def _class(self, row: int) -> str:
        name = self._cells["class"].iat[row]
        return name if isinstance(name, str) else ""

    def _picture(self, row: int) -> QPixmap:
        assert self.session.study is not None
        return crop_pixmap(np.asarray(self.session.study.crops()[row], np.float32))

    def _caption(self, row: int) -> str:
        if self._values is None:
            return self._class(row)
        return order.caption(float(self._values[row]))

    def _tip(self, row: int) -> str:
        cell = self._cells.iloc[row]
        name, value = self._class(row) or "no class", self._caption(row)
        number = "" if self._values is None else f"<br>{escape(self.by.currentText())}: {value}"
        return (
            f"<qt><b>{escape(name)}</b>, {cell['split']}{number}<br>cell {cell['label']}, "
            f"frame {cell['frame']}, {escape(str(cell['image']))}</qt>"
        )

    # Following the session

    def _on_study(self) -> None:
        self.crops.forget_pictures()
        self._update()

    def _on_change(self, what: object = None) -> None:
        if what == "cells":
            self.crops.forget_pictures()
        self._soon.start()

    def _on_selection(self, rows: NDArray[np.int64]) -> None:
        if not len(rows) and self.by.currentData() == "given":
            self._show_all()  # those that somebody asked to see are gone
        elif self.which.currentData() == "selected":
            self._soon.start()
        else:
            self._show_selection()

    def _on_cell(self, *_: object) -> None:
        self._show_selection()

    def _on_looked_at(self, rows: NDArray[np.int64]) -> None:
        """Show these cells in their order; all again if there are none."""
        if not len(rows):
            self._show_all()
            return
        if self.by.currentData() != "given":
            self._sorted = self.by.currentData() or "image", self.direction.text()
        _fill(self.which, order.filters(self.annotator))
        _fill(self.by, order.orders(self.session, "selected"))
        self._choose("selected", "given", ASCENDING)

    def _show_all(self) -> None:
        by, direction = self._sorted
        if self.by.currentData() != "given":  # somebody has sorted them since
            by, direction = self.by.currentData(), self.direction.text()
        self._choose("all", by, direction)

    def _choose(self, which: str, by: str, direction: str) -> None:
        self.which.setCurrentIndex(self.which.findData(which))
        self.by.setCurrentIndex(self.by.findData(by))
        self.direction.setText(direction)
        self._update()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102
        super().showEvent(event)
        if self._due:
            self._soon.start()

    def _update(self) -> None:
        """Show all as it is now; a gallery that nobody sees waits until it is seen."""
        sentence = missing(self.session, "cells")
        self.message.setText(sentence or "")
        self.message.setVisible(sentence is not None)
        self.content.setVisible(sentence is None)
        self._due = not self.isVisible()
        if sentence is not None:
            self.crops.set_rows(np.zeros(0, np.int64))
            return
        if self._due:
            return
        session, annotator = self.session, self.annotator
        self._cells, self._colours = session.cells, annotator.colours
        _fill(self.which, order.filters(annotator))
        _fill(self.by, order.orders(session, self.which.currentData()))
        which, by = self.which.currentData(), self.by.currentData()
        self.back.setVisible(which == "selected")
        self._values = order.values_of(session, by)
        rows = order.ordered(
            order.chosen(session, self._cells, which),
            by,
            self._values,
            self._cells,
            annotator,
            descending=self.direction.text() == DESCENDING,
        )
        self.view.show_rows(rows)
        self._show_legend()
        self._show_selection(scroll=False)

    def _show_legend(self) -> None:
        parts = [
            f"{f'{number}&nbsp;' if number < 10 else ''}<span style='color:{colour}'>■</span>&nbsp;"
            + escape(name).replace(" ", "&nbsp;")
            for number, (name, colour) in enumerate(self._colours.items(), 1)
        ]
        keys = "Keys: " + " &nbsp; ".join([*parts, "0&nbsp;none", "N&nbsp;next", "U&nbsp;undo"])
        self.legend.setText(keys)

    def _show_selection(self, *, scroll: bool = True) -> None:
        session, mine = self.session, self.view.selected_rows()
        if not session.has("cells"):
            return
        cell = None if session.cell is None else session.row_of(session.cell)
        if self.which.currentData() == "selected":
            rows = mine  # what is selected here is a part of what is selected
        elif len(session.selection):
            rows = session.selection
        else:
            rows = np.array([] if cell is None else [cell], np.int64)
        self.crops.current = cell
        self.view.select_rows(rows, cell, scroll=scroll)
        self._count()

    def _count(self) -> None:
        shown, picked = len(self.crops.rows), len(self.view.selected_rows())
        cells = "1 cell" if shown == 1 else f"{shown:,} cells"
        self._say(f"{cells}, {picked:,} selected" if shown else "No such cell.")

    # What the user does

    def _turn(self) -> None:
        up = self.direction.text() == ASCENDING
        self.direction.setText(DESCENDING if up else ASCENDING)
        self._update()

    def _on_picked(self, row: int | None, rows: NDArray[np.int64]) -> None:
        if self.which.currentData() != "selected":
            self.session.select_cells(rows if len(rows) > 1 else np.zeros(0, np.int64))
        if row is not None and len(rows) == 1:
            self.session.select_cell(self.session.key_of(row))
        self._count()

    def press(self, key: str) -> None:
        """Do what a key stands for, to the crops that are selected here."""
        try:
            said = act(self.annotator, key, self.view.selected_rows())
        except UserError as error:
            self._say(str(error))
        else:
            if said:
                self._say(said)

    def _say(self, text: str) -> None:
        self.status.setText(text)


def _fill(box: QComboBox, names: dict[str, str]) -> None:
    """Offer these, keeping the choice where it is one of them still."""
    if [box.itemData(i) for i in range(box.count())] == list(names) and all(
        box.itemText(i) == text for i, text in enumerate(names.values())
    ):
        return
    before = box.currentData()
    with QSignalBlocker(box):
        box.clear()
        for data, text in names.items():
            box.addItem(text, data)
        box.setCurrentIndex(max(box.findData(before), 0))
