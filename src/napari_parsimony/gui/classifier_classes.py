"""Which classes are told apart: a role for every class that cells have."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

import pandas as pd
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QPainter, QPaintEvent
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.classify.targets import SPLITS, too_few
from napari_parsimony.figures.palette import LIGHT, NEGATIVE, POSITIVE, Theme
from napari_parsimony.gui.dock import delete_later, in_order, ink, wheel_needs_focus
from napari_parsimony.gui.forms import classes_text, parse_classes

Mapped = dict[str, tuple[str, ...]]

_PLACES = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
)  # fmt: skip
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ClassChooser(QWidget):
    """Two or more classes, each of which gathers some of those that cells have.

    Attributes
    ----------
    value_changed
        The user chose others: `value`.
    """

    value_changed = Signal(object)  # PySide would sort the keys of a dict

    def __init__(self) -> None:
        super().__init__()
        self._counts = pd.DataFrame(columns=list(SPLITS), dtype=int)
        self.names = tuple(QLineEdit() for _ in _PLACES)
        self._own: list[str | None] = [None] * len(_PLACES)
        self.roles: dict[str, QComboBox] = {}
        self._titles = tuple(QLabel(f"{place} class") for place in _PLACES)
        above = QGridLayout()
        for which, (title, edit) in enumerate(zip(self._titles, self.names, strict=True)):
            edit.textEdited.connect(lambda text, which=which: self._named(which, text))
            above.addWidget(title, which, 0)
            above.addWidget(edit, which, 1)
        self._theme = LIGHT
        self._table = QWidget()
        self.warning = QLabel(wordWrap=True)
        self.warning.setToolTip("What is to be known about the cells before training.")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(above)
        column.addWidget(self._table)
        column.addWidget(self.warning)
        self.set_theme(LIGHT)

    def set_theme(self, theme: Theme) -> None:
        """Colour the classes as everywhere."""
        self._theme = theme
        self._colour_titles()
        self.warning.setStyleSheet(f"color: {'#8a5a00' if theme is LIGHT else '#ffc14d'}")

    def set_counts(self, counts: pd.DataFrame, *, new_ones: bool = False) -> None:
        """Show how many cells have each class.

        Parameters
        ----------
        counts
            See `count_classes`; the order of the rows is that in which classes are told apart
            unless people choose.
        new_ones
            Whether classes that come are told apart too where all were. Else the choice stays.
        """
        before, chosen = self.value(), self.mapping
        if new_ones and [*chosen.items()] == [*self._default().items()]:
            chosen = {}
        known = list(counts.index) == list(self._counts.index)
        self._counts = counts
        if known and self.roles:
            self._fill()
        else:
            self.set_value(chosen)
        if self.value() != before:
            self.value_changed.emit(self.value())

    def value(self) -> Mapped:
        """Return the classes with those that each gathers; empty where they need no saying."""
        mapping = self.mapping
        # in another order, colours and signs of scores are others
        return {} if [*mapping.items()] == [*_by_name(self._counts).items()] else mapping

    @property
    def mapping(self) -> Mapped:
        """The classes with those that each gathers, in any case."""
        members = self._members()
        if not any(members):
            return {}
        mapping: Mapped = {}
        for which, of in enumerate(members):
            name = self._name(which, of)
            mapping[f"{name} ({_PLACES[which]})" if name in mapping else name] = of
        return mapping

    def set_value(self, mapping: Mapping[str, Sequence[str]]) -> None:
        """Show a choice; empty: all classes there are."""
        given = {name: tuple(members) for name, members in mapping.items()} or self._default()
        shown = dict(list(given.items())[: len(_PLACES)])
        role = {raw: i for i, members in enumerate(shown.values(), 1) for raw in members}
        own = [None if name == _joined(members) else name for name, members in shown.items()]
        self._own = [*own, *([None] * (len(_PLACES) - len(own)))]
        self._rebuild(
            [*self._counts.index, *(raw for raw in role if raw not in self._counts.index)]
        )
        for raw, combo in self.roles.items():
            with QSignalBlocker(combo):
                combo.setCurrentIndex(role.get(raw, 0))
        self._fill()

    def _default(self) -> Mapped:
        """Choose all there are, in the order that they are shown in."""
        found = list(map(str, self._counts.index))
        return {name: (name,) for name in found} if 2 <= len(found) <= len(_PLACES) else {}

    def _members(self) -> list[tuple[str, ...]]:
        """Classes that each of those told apart gathers, up to the last that gathers any."""
        last = max([2, *(combo.currentIndex() for combo in self.roles.values())])
        return [
            tuple(raw for raw, combo in self.roles.items() if combo.currentIndex() == role)
            for role in range(1, last + 1)
        ]

    def _colour_titles(self) -> None:
        """Two have colours of their own; of more, people may have chosen some."""
        two = (NEGATIVE, POSITIVE) if len(self._members()) == 2 else ()
        for title, colour in zip_longest(self._titles, two):
            style = f"color: {ink(colour, self._theme)}; " if colour else ""
            title.setStyleSheet(f"{style}font-weight: bold")

    def _name(self, which: int, members: tuple[str, ...]) -> str:
        return self._own[which] or _joined(members) or f"{_PLACES[which]} class"

    def _named(self, which: int, text: str) -> None:
        self._own[which] = text.strip() or None
        self._changed()

    def _changed(self) -> None:
        self._fill()
        self.value_changed.emit(self.value())

    # The table

    def _rebuild(self, classes: Sequence[str]) -> None:
        old = self._table
        self._table, self.roles, self._numbers = QWidget(), {}, dict[str, QLabel]()
        grid = QGridLayout(self._table)
        grid.setContentsMargins(0, 4, 0, 4)
        grid.setVerticalSpacing(2)
        grid.setHorizontalSpacing(6)
        grid.setColumnStretch(0, 1)
        places = _PLACES[: max(len(classes), 2)]
        for column, text, tip in (
            (0, "class", "Classes that cells were given, in files and by annotation."),
            (1, "train/val/test", "Number of cells in the train, validation and test split."),
        ):
            title = QLabel(text)
            title.setToolTip(tip)
            grid.addWidget(title, 0, column)
        for row, raw in enumerate(map(str, classes), 1):
            label = _Elided(raw)
            label.setToolTip(f"{raw}: cells that were given this class.")
            number = self._numbers[raw] = QLabel(alignment=RIGHT)
            number.setToolTip(f"Cells '{raw}' in the train, validation and test split.")
            grid.addWidget(label, row, 0)
            grid.addWidget(number, row, 1)
            combo = self.roles[raw] = QComboBox()
            combo.addItems(("unused", *places))
            combo.setFixedWidth(92)
            combo.setToolTip(
                f"Which of the classes '{raw}' belongs to; what is unused is neither "
                "learned from nor counted."
            )
            combo.currentIndexChanged.connect(lambda *_: self._changed())
            grid.addWidget(combo, row, 2)
        wheel_needs_focus(*self.roles.values())
        layout = self.layout()
        assert layout is not None
        layout.replaceWidget(old, self._table)
        in_order(*self.names, *self.roles.values())
        delete_later(old)

    def _fill(self) -> None:
        """Show numbers, names and warnings of the present choice."""
        for raw, label in self._numbers.items():
            known = raw in self._counts.index
            numbers = (f"{self._counts[split][raw]:,}" if known else "0" for split in SPLITS)
            label.setText(" / ".join(numbers))
        members = self._members()
        self._colour_titles()
        for which, (title, edit) in enumerate(zip(self._titles, self.names, strict=True)):
            for widget in (title, edit):
                widget.setVisible(which < len(members))
                widget.setToolTip(f"Name of the {_PLACES[which]} class{_side(which, members)}.")
            if which >= len(members):
                continue
            automatic = _joined(members[which])
            edit.setPlaceholderText(automatic or f"{_PLACES[which]} class")
            text = self._own[which] or ""
            if not edit.hasFocus() and edit.text() != text:
                edit.setText(text)
        self.warning.setText("\n".join(self._warnings(members)))
        self.warning.setVisible(bool(self.warning.text()))

    def _warnings(self, members: list[tuple[str, ...]]) -> list[str]:
        if not len(self._counts):
            return ["No cell has a class yet: annotate some, or run 'Cells' with classes."]
        if not all(members):
            lacking = "first and one as second"
            if len(members) > 2:
                lacking = next(_PLACES[i] for i, raw in enumerate(members) if not raw)
            return [f"Choose which of the classes are told apart: at least one as {lacking}."]
        mapping = self.mapping
        if _round_trip(mapping) != mapping:
            return ["Names of classes must have neither ',' nor ';' nor '=': rename them."]
        return too_few(self._counts, mapping)


class _Elided(QLabel):
    """A text that is cut in its middle where there is too little room."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, middle = QPainter(self), Qt.TextElideMode.ElideMiddle
        painter.setPen(self.palette().windowText().color())
        text = self.fontMetrics().elidedText(self.text(), middle, self.width() - 4)
        painter.drawText(self.rect().adjusted(4, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()


def _side(which: int, members: Sequence[object]) -> str:
    """Say what the score of the cells of one of two classes is."""
    if len(members) > 2:
        return ""
    return f": its cells score {('below', 'above')[which]} 0" if which < 2 else ""


def _by_name(counts: pd.DataFrame) -> Mapped:
    """Tell apart what the step does if nothing is said: all there are, in alphabetical order."""
    return {name: (name,) for name in sorted(map(str, counts.index))}


def _joined(members: Sequence[str]) -> str:
    return " + ".join(members)


def _round_trip(mapping: Mapped) -> Mapped | None:
    """Read a mapping as a form does after it was written there."""
    try:
        return parse_classes(classes_text(mapping))
    except ValueError:
        return None
