"""Which two classes are told apart: a role for every class that cells have."""

from collections.abc import Mapping, Sequence

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
from napari_parsimony.gui.dock import in_order, ink, wheel_needs_focus
from napari_parsimony.gui.forms import classes_text, parse_classes

Mapped = dict[str, tuple[str, ...]]

_ROLES = ("unused", "first", "second")
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ClassChooser(QWidget):
    """Two classes out of those that cells have.

    Attributes
    ----------
    value_changed
        The user chose others: `value`.
    """

    value_changed = Signal(dict)

    def __init__(self) -> None:
        super().__init__()
        self._counts = pd.DataFrame(columns=list(SPLITS), dtype=int)
        self.names = (QLineEdit(), QLineEdit())
        self._own: list[str | None] = [None, None]
        self.roles: dict[str, QComboBox] = {}
        self._titles = (QLabel("first class"), QLabel("second class"))
        above = QGridLayout()
        sides = ("below", "above")
        for which, (title, edit) in enumerate(zip(self._titles, self.names, strict=True)):
            tip = f"Name of the {_ROLES[which + 1]} class: its cells score {sides[which]} 0."
            for widget in (title, edit):
                widget.setToolTip(tip)
            edit.textEdited.connect(lambda text, which=which: self._named(which, text))
            above.addWidget(title, which, 0)
            above.addWidget(edit, which, 1)
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
        """Colour the two classes as everywhere."""
        for title, colour in zip(self._titles, (NEGATIVE, POSITIVE), strict=True):
            title.setStyleSheet(f"color: {ink(colour, theme)}; font-weight: bold")
        self.warning.setStyleSheet(f"color: {'#8a5a00' if theme is LIGHT else '#ffc14d'}")

    def set_counts(self, counts: pd.DataFrame) -> None:
        """Show how many cells have each class; see `count_classes`. The choice stays."""
        before, chosen = self.value(), self.value() or self._default()
        known = list(counts.index) == list(self._counts.index)
        self._counts = counts
        if known and self.roles:
            self._fill()
        else:
            # two that were told apart without saying so have to be named once there is a third
            self.set_value(chosen)
        if self.value() != before:
            self.value_changed.emit(self.value())

    def value(self) -> Mapped:
        """Return the two classes with those that each gathers; empty where they need no saying."""
        members = self._members()
        if not any(members):
            return {}
        named = [self._name(which, of) for which, of in enumerate(members)]
        if named[0] == named[1]:
            named[1] += " (second)"
        mapping = dict(zip(named, members, strict=True))
        return {} if mapping == self._default() else mapping

    def set_value(self, mapping: Mapping[str, Sequence[str]]) -> None:
        """Show a choice; empty: the two classes there are."""
        shown = {name: tuple(members) for name, members in mapping.items()} or self._default()
        role = {raw: i for i, members in enumerate(shown.values(), 1) for raw in members}
        self._own = [None if name == _joined(members) else name for name, members in shown.items()][
            :2
        ] or [None, None]
        self._rebuild(
            [*self._counts.index, *(raw for raw in role if raw not in self._counts.index)]
        )
        for raw, combo in self.roles.items():
            with QSignalBlocker(combo):
                combo.setCurrentIndex(role.get(raw, 0))
        self._fill()

    def _default(self) -> Mapped:
        """Choose as the step does if nothing is said: the two there are, in their order."""
        found = list(map(str, self._counts.index))
        return {name: (name,) for name in found} if len(found) == 2 else {}

    def _members(self) -> list[tuple[str, ...]]:
        return [
            tuple(raw for raw, combo in self.roles.items() if combo.currentIndex() == role)
            for role in (1, 2)
        ]

    def _name(self, which: int, members: tuple[str, ...]) -> str:
        return self._own[which] or _joined(members) or f"{_ROLES[which + 1]} class"

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
            combo.addItems(_ROLES)
            combo.setFixedWidth(92)
            combo.setToolTip(
                f"Which of the two classes '{raw}' belongs to; what is unused is neither "
                "learned from nor counted."
            )
            combo.currentIndexChanged.connect(lambda *_: self._changed())
            grid.addWidget(combo, row, 2)
        wheel_needs_focus(*self.roles.values())
        layout = self.layout()
        assert layout is not None
        layout.replaceWidget(old, self._table)
        in_order(*self.names, *self.roles.values())
        old.hide()
        old.deleteLater()

    def _fill(self) -> None:
        """Show numbers, names and warnings of the present choice."""
        for raw, label in self._numbers.items():
            known = raw in self._counts.index
            numbers = (f"{self._counts[split][raw]:,}" if known else "0" for split in SPLITS)
            label.setText(" / ".join(numbers))
        members = self._members()
        for which, edit in enumerate(self.names):
            automatic = _joined(members[which])
            edit.setPlaceholderText(automatic or f"{_ROLES[which + 1]} class")
            text = self._own[which] or ""
            if not edit.hasFocus() and edit.text() != text:
                edit.setText(text)
        self.warning.setText("\n".join(self._warnings(members)))
        self.warning.setVisible(bool(self.warning.text()))

    def _warnings(self, members: list[tuple[str, ...]]) -> list[str]:
        if not len(self._counts):
            return ["No cell has a class yet: annotate some, or run 'Cells' with classes."]
        if not all(members):
            return ["Choose which of the classes are told apart: at least one as first and one "
                    "as second."]  # fmt: skip
        mapping = self.value() or self._default()
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


def _joined(members: Sequence[str]) -> str:
    return " + ".join(members)


def _round_trip(mapping: Mapped) -> Mapped | None:
    """Read a mapping as a form does after it was written there."""
    try:
        return parse_classes(classes_text(mapping))
    except ValueError:
        return None
