"""Findings one below the other: what was found, by which numbers, and in which cells."""

from collections.abc import Iterator, Sequence
from html import escape

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_parsimony.figures.palette import ACCENT, LIGHT, Theme
from napari_parsimony.gui.dock import delete_later, push_button
from napari_parsimony.gui.trust_words import WORDS, Checked, numbers_of
from napari_parsimony.gui.vae_verdict import INKS, MARKS
from napari_parsimony.report import STEPS
from napari_parsimony.trust.findings import Finding, Severity

_LIKE = {"alarm": "bad", "note": "note", "fine": "good"}


def ink_of(severity: Severity, theme: Theme) -> str:
    """Colour in which a severity is written."""
    return INKS["light" if theme is LIGHT else "dark"][_LIKE[severity]]


def mark_of(severity: Severity) -> str:
    """Sign of a severity, for those who do not see its colour."""
    return MARKS[_LIKE[severity]]


class FindingRow(QFrame):
    """One finding; a click anywhere on it asks for its cells.

    Parameters
    ----------
    checked
        The finding, and where it comes from.
    intervals
        What the brackets behind its numbers are.
    theme
        Of the viewer.

    Attributes
    ----------
    asked
        Somebody wants to see its cells.
    left
        Somebody has seen them, and wants all cells again.
    """

    asked, left = Signal(), Signal()

    def __init__(self, checked: Checked, intervals: str, theme: Theme) -> None:
        super().__init__()
        self.checked, self.current = checked, False
        finding = checked.finding
        self.setObjectName("finding")
        self.head, self.sentence = QLabel(wordWrap=True), QLabel(wordWrap=True)
        self.sentence.setText(finding.sentence.replace(" %", "\N{NO-BREAK SPACE}%"))
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.cells = push_button("", "", self._press)
        self.more = push_button(
            "", "What it was judged by.", lambda: self._unfold(self.more.isChecked())
        )
        self.more.setCheckable(True)
        self.more.setProperty("folds", True)
        self.numbers = QLabel(table_of(finding, intervals), wordWrap=True)
        self.numbers.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        buttons = QHBoxLayout()
        buttons.addWidget(self.more)
        buttons.addStretch(1)
        buttons.addWidget(self.cells)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 6, 6)
        column.setSpacing(3)
        column.addWidget(self.head)
        column.addWidget(self.sentence)
        column.addLayout(buttons)
        column.addWidget(self.numbers)
        self.more.setVisible(bool(finding.numbers))
        self.cells.setVisible(bool(finding.cells))
        if finding.cells:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            self.setToolTip("<qt>Click to see the cells that it is about.</qt>")
        self._unfold(False)
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        """Write in colours that can be read on another ground."""
        self._theme = theme
        step, finding = self.checked
        colour = ink_of(finding.severity, theme)
        about = f"{STEPS[step].title} · {finding.kind}"
        self.head.setText(
            f"<b style='color:{colour}'>{mark_of(finding.severity)}&nbsp;{WORDS[finding.severity]}"
            f"</b> &nbsp;<small>{escape(about)}</small>"
        )
        border = ACCENT if self.current else theme.faint
        self.setStyleSheet(
            f"#finding {{ border: {2 if self.current else 1}px solid {border}; "
            f"border-left: 4px solid {colour}; border-radius: 3px; }}"
        )

    def set_current(self, current: bool) -> None:
        """Say whether its cells are those that are shown."""
        self.current = current
        count = len(self.checked.finding.cells)
        several = "its cell" if count == 1 else f"its {count:,} cells"
        self.cells.setText("All cells again" if current else f"Show {several}")
        self.cells.setToolTip(
            "<qt>Select no cells, and show all of them in the gallery.</qt>"
            if current
            else "<qt>Mark them on the image, and show them and no others in the gallery, the most "
            "telling first.</qt>"
        )
        self.set_theme(self._theme)

    def _unfold(self, unfolded: bool) -> None:
        self.numbers.setVisible(unfolded)
        self.more.setText(f"{'▾' if unfolded else '▸'} Numbers")

    def _press(self) -> None:
        (self.left if self.current else self.asked).emit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        inside = self.rect().contains(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and inside and self.checked.finding.cells:
            self.asked.emit()


class FindingList(QWidget):
    """Rows of findings.

    Attributes
    ----------
    asked
        Somebody wants to see a finding's cells: its place.
    left
        Somebody wants all cells again.
    """

    asked, left = Signal(int), Signal()

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[FindingRow] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)

    def clear(self) -> None:
        """Show none."""
        rows, self.rows = self.rows, []
        for row in rows:
            self._column.removeWidget(row)
            delete_later(row)

    def show_findings(
        self, findings: Sequence[tuple[Checked, str]], theme: Theme
    ) -> Iterator[None]:
        """Show others, each with what its brackets are; a part for each of them."""
        self.clear()
        self.setVisible(bool(findings))
        for place, (checked, intervals) in enumerate(findings):
            row = FindingRow(checked, intervals, theme)
            row.asked.connect(lambda place=place: self.asked.emit(place))
            row.left.connect(self.left)
            row.set_current(False)
            self.rows.append(row)
            self._column.addWidget(row)
            yield


def table_of(finding: Finding, intervals: str) -> str:
    """Write the numbers of a finding as rich text, and what brackets behind them are."""
    rows = "".join(
        f"<tr><td style='padding-right:8px'>{escape(name)}</td><td>{escape(text)}</td></tr>"
        for name, text in numbers_of(finding)
    )
    return f"<table>{rows}</table>{escape(intervals) if '(' in rows else ''}"
