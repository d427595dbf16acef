"""The tab 'Latents': what each latent means, and names that follow from it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QMenu,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.errors import UserError
from napari_parsimony.gui.dock import follow, in_row, message_label, missing, push_button, say
from napari_parsimony.gui.docks import open_dock
from napari_parsimony.gui.latent_label import suggested
from napari_parsimony.gui.session import Session
from napari_parsimony.trust.checks import MEANINGS_FILE
from napari_parsimony.trust.morphology import LEAST

EXPLORER = "Latent explorer"
COLUMNS = {
    "latent": "The latent, and the name that you gave it.",
    "follows": "The trait that is closest to it, with Spearman's rank correlation.",
    "tells of": "The group of traits that explains most of it; unclear if none does.",
    "R²": "How much of it all measured traits together explain, on held-out cells, by a "
    "regression that has not seen their groups.",
    "read by": "Whether the equation that the study uses reads it, the sparse network, or both.",
    "decoded": "How far this trait changes along the latent's own decoded traversal, in standard "
    "deviations over real cells.",
}
READERS = {"equation": "equation", "sparse network": "network"}
_READ = [
    "latent", *READERS, "group", "trait", "r", "r2", "change", "monotone",
]  # fmt: skip


class Meaning(NamedTuple):
    """What a latent means: the name that it suggests, empty if none, and its row in the table."""

    latent: str
    name: str
    r: float
    texts: tuple[str, ...]


class MeaningsPanel(QWidget):
    """A table of latents; a click brings one into sight in all docks.

    Parameters
    ----------
    session
        Whose latents they are.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.meanings: list[Meaning] = []
        self.message, self.note = message_label(), QLabel(wordWrap=True)
        self.table = QTableWidget(0, len(COLUMNS))
        self.explore = push_button(
            f"Open in {EXPLORER}", f"Open the dock '{EXPLORER}' at this latent.", self._explore
        )
        self.name = push_button("", "", lambda: self._name([self._current]))
        self.name_all = push_button("", "", lambda: self._name(self._unnamed))
        self._lay_out()
        self.table.currentCellChanged.connect(self._on_row)
        self.table.cellClicked.connect(lambda *_: self._look())
        self.table.cellDoubleClicked.connect(lambda *_: self._explore())
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._on_menu)
        follow(self, session.study_changed, self.refresh)
        follow(self, session.artefacts_changed, self.refresh)
        follow(self, session.names_changed, self._show)
        follow(self, session.latent_looked_at, self._mark)
        self.refresh()

    def _lay_out(self) -> None:
        table = self.table
        table.setHorizontalHeaderLabels(list(COLUMNS))
        for number, tip in enumerate(COLUMNS.values()):
            table.horizontalHeaderItem(number).setToolTip(f"<qt>{tip}</qt>")
        table.setToolTip(
            "<qt>Click a latent to see it in all docks, double-click to open the dock "
            f"'{EXPLORER}', right-click to name it.</qt>"
        )
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(22)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.content = QWidget()
        inside = QVBoxLayout(self.content)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(table, 1)
        inside.addWidget(self.name)
        inside.addLayout(in_row(self.name_all, self.explore))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(self.message)
        column.addWidget(self.content, 1)
        column.addWidget(self.note)
        column.addStretch(0)

    # Following the session

    def refresh(self, *_: object) -> None:
        """Show what is known of the latents now."""
        self.meanings, sentence = [], missing(self.session, "trust", "the tab 'Checks'")
        if sentence is None:
            assert self.session.study is not None
            try:
                read = self.session.study.read("trust", MEANINGS_FILE, _read)
                self.meanings = [_meaning(row) for _, row in read.iterrows()]
            except UserError as error:
                sentence = str(error)
        self.message.setText(sentence or "")
        self.message.setVisible(sentence is not None)
        self.content.setVisible(sentence is None)
        say(self.note, "")
        self._show()

    def _show(self) -> None:
        before = self.table.currentRow()
        self.table.setRowCount(len(self.meanings))
        for row, meaning in enumerate(self.meanings):
            texts = (self.session.title_of(meaning.latent), *meaning.texts)
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.table.setItem(row, column, item)
        if self.meanings and before < 0:
            self.table.setCurrentCell(0, 0)
        self._on_row()

    def _mark(self, latent: str) -> None:
        """Show which latent is looked at, here or elsewhere."""
        for row, meaning in enumerate(self.meanings):
            if meaning.latent == latent and row != self.table.currentRow():
                self.table.setCurrentCell(row, 0)

    @property
    def _current(self) -> Meaning:
        return self.meanings[self.table.currentRow()]

    @property
    def _unnamed(self) -> list[Meaning]:
        names = self.session.latent_names
        return [each for each in self.meanings if each.name and each.latent not in names]

    def _on_row(self, *_: object) -> None:
        """Say which name is offered for the latent of the row."""
        if not 0 <= self.table.currentRow() < len(self.meanings):
            return
        meaning, names, unnamed = self._current, self.session.latent_names, self._unnamed
        told = f"{meaning.latent} follows nothing closely enough to be named after it."
        if meaning.name:
            told = f"{meaning.latent}: {suggested(meaning.name, meaning.r)}."
        self.name.setText(f"Name it '{meaning.name}'" if meaning.name else "No name to suggest")
        self.name.setToolTip(f"<qt>{told}</qt>")
        named = names.get(meaning.latent) == meaning.name
        self.name.setEnabled(bool(meaning.name) and not named)
        self.name_all.setText(f"Use all {len(unnamed)} names")
        self.name_all.setToolTip(
            "<qt>Give every latent without a name that of the trait it follows.</qt>"
        )
        self.name_all.setVisible(bool(unnamed))

    # Using it

    def _look(self) -> None:
        try:
            self.session.look_at_latent(self._current.latent)
        except UserError as error:
            say(self.note, str(error), failed=True)

    def _explore(self) -> None:
        open_dock(self.session.viewer, EXPLORER, self)
        self._look()

    def _name(self, meanings: list[Meaning]) -> None:
        try:
            for meaning in meanings:
                self.session.name_latent(meaning.latent, meaning.name)
        except UserError as error:
            say(self.note, str(error), failed=True)

    def _on_menu(self, place: QPoint) -> None:
        if self.table.rowAt(place.y()) >= 0:
            self.menu().popup(self.table.viewport().mapToGlobal(place))

    def menu(self) -> QMenu:
        """List what can be done with the latent of the row."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        meaning = self._current
        if meaning.name:
            text = f"Name it {suggested(meaning.name, meaning.r)}"
            menu.addAction(text, lambda: self._name([meaning]))
        if name := self.session.latent_names.get(meaning.latent):
            gone = meaning._replace(name="")
            menu.addAction(f"Remove the name '{name}'", lambda: self._name([gone]))
        menu.addAction(f"Open in {EXPLORER}", self._explore)
        return menu


def _read(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path, columns=_READ)


def _meaning(row: pd.Series) -> Meaning:
    readers = [word for name, word in READERS.items() if row[name]]
    trait, r, change = str(row["trait"]), float(row["r"]), float(row["change"])
    decoded = "–"
    if np.isfinite(change):
        decoded = f"{_signed(change, 1)} SD" + ("" if row["monotone"] else ", not steadily")
    texts = (
        f"{trait} ({_signed(r, 2)})" if trait else "–",
        str(row["group"]),
        f"{row['r2']:.2f}".replace("-", "−"),
        "both" if len(readers) == len(READERS) else "".join(readers) or "–",
        decoded,
    )
    name = trait if trait and abs(r) >= LEAST else ""
    return Meaning(str(row["latent"]), name, r, texts)


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")
