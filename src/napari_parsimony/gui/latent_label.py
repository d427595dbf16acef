"""A latent beside its slider: its index, and the name that people give it."""

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from qtpy.QtWidgets import QLineEdit, QMenu, QSizePolicy, QWidget

from napari_parsimony.figures.palette import ACCENT
from napari_parsimony.gui.dock import delete_later

Suggestion = tuple[str, float]
_DOT, _GAP, _WIDEST = 6, 4, 104  # pixels


def suggested(name: str, r: float) -> str:
    """Write a suggestion for people: ``size (r = 0.93)``."""
    return f"{name} (r = {'−' if r < 0 else ''}{abs(r):.2f})"


class LatentLabel(QWidget):
    """Name of a latent; F2 or a double click makes it a line to type into.

    Attributes
    ----------
    renamed
        The user typed or chose another name; empty takes the name back.
    """

    renamed = Signal(str)

    def __init__(self, latent: str) -> None:
        super().__init__()
        self.latent, self.name, self.used = latent, "", False
        self.suggestions: Sequence[Suggestion] = ()
        self.editor: QLineEdit | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def text(self) -> str:
        """Index and name."""
        return f"{self.latent} {self.name}".strip()

    def show_as(self, name: str, used: bool) -> None:
        """Show a name, and whether the equation reads the latent."""
        if (name, used) != (self.name, self.used):
            self.name, self.used = name, used
            font = self.font()
            font.setBold(used)
            self.setFont(font)
            self.setAccessibleName(f"Name of {self.text()}")
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        metrics = self.fontMetrics()
        wide = _DOT + _GAP + metrics.horizontalAdvance(self.text()) + 4
        return QSize(min(max(wide, 44), _WIDEST), metrics.height() + 4)

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.used:
            painter.setBrush(QColor(ACCENT))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawEllipse(QPoint(_DOT // 2 + 1, self.height() // 2), _DOT // 2, _DOT // 2)
            painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(self.palette().windowText().color())
        if self.hasFocus():
            painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 3, 3)
        inside = self.rect().adjusted(_DOT + _GAP, 0, -2, 0)
        text = self.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideRight, inside.width()
        )
        align = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(inside, align, text)
        painter.end()

    # Typing a name

    def edit(self) -> None:
        """Put a line to type into over the row."""
        around = self.parentWidget()
        self.editor = editor = _NameEdit(self.name, around)
        editor.setMaxLength(40)
        hint = suggested(*self.suggestions[0]) if self.suggestions else "what it does to a cell"
        editor.setPlaceholderText(hint)
        editor.setToolTip(f"Name of {self.latent}; Enter keeps it, Esc leaves it as it was.")
        room = around.width() - self.x() if around else self.width()
        height = max(editor.sizeHint().height(), self.height())
        middle = self.y() + (self.height() - height) // 2
        editor.setGeometry(QRect(self.x(), middle, min(room, 240), height))
        editor.editingFinished.connect(self._keep)
        editor.left.connect(self._leave)
        editor.show()
        editor.selectAll()
        editor.setFocus()

    def _keep(self) -> None:
        editor = self.editor
        if editor is not None:
            name = editor.text().strip()
            self._leave()
            if name != self.name:
                self.renamed.emit(name)

    def _leave(self) -> None:
        editor, self.editor = self.editor, None
        if editor is not None:
            delete_later(editor)
            self.setFocus()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        self.edit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        if event.key() in (Qt.Key.Key_F2, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.edit()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: D102
        menu = self.menu()
        menu.exec(event.globalPos())
        menu.deleteLater()

    def menu(self) -> QMenu:
        """List what can be done with the name."""
        menu = QMenu(self)
        menu.addAction("Rename…", self.edit)
        for name, r in self.suggestions:
            menu.addAction(
                f"Name it {suggested(name, r)}", lambda name=name: self.renamed.emit(name)
            )
        if self.name:
            menu.addAction(f"Remove the name '{self.name}'", lambda: self.renamed.emit(""))
        return menu

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: D102
        self.update()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: D102
        self.update()
        super().focusOutEvent(event)


class _NameEdit(QLineEdit):
    left = Signal()

    def event(self, event: QEvent) -> bool:
        # Esc is a shortcut of napari's window: it is the line's own while somebody types
        escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if escape and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)
