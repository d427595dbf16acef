"""Positions that the user wants to come back to."""

from collections.abc import Callable

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtGui import QKeyEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.errors import UserError
from napari_parsimony.gui.session import Session
from napari_parsimony.study.bookmarks import Bookmarks, read_bookmarks, write_bookmarks

_EMPTY = "No bookmarks yet: 'Add' keeps where the sliders are."
_NAME = Qt.ItemDataRole.UserRole  # the name before it was edited


class BookmarkList(QWidget):
    """Bookmarks of a study: add, go to, rename, remove.

    Parameters
    ----------
    session
        Whose position is kept and moved.
    name_of
        Names the position that is looked at.
    say
        Told what happened: a sentence, and whether it went wrong.
    """

    def __init__(
        self, session: Session, name_of: Callable[[], str], say: Callable[[str, bool], None]
    ) -> None:
        super().__init__()
        self.session, self._name_of, self._say = session, name_of, say
        self._bookmarks: Bookmarks = {}
        self.list = _List(self)
        self.list.setMaximumHeight(84)
        self.list.setToolTip(
            "<qt>Positions kept in the study. Double click or Enter: move there. F2: rename. "
            "Delete: remove.</qt>"
        )
        self.add, self.go = QPushButton("Add"), QPushButton("Go")
        self.rename, self.remove = QPushButton("Rename"), QPushButton("Remove")
        self.add.setToolTip("Keep the position that is looked at now.")
        self.go.setToolTip("Move the sliders to the chosen bookmark (Enter).")
        self.rename.setToolTip("Give the chosen bookmark another name (F2).")
        self.remove.setToolTip("Remove the chosen bookmark (Delete).")
        buttons = QHBoxLayout()
        for button in (self.add, self.go, self.rename, self.remove):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.list)
        column.addLayout(buttons)
        self.add.clicked.connect(self.add_here)
        self.go.clicked.connect(self.go_to)
        self.rename.clicked.connect(self.edit)
        self.remove.clicked.connect(self.take_away)
        self.list.itemDoubleClicked.connect(self.go_to)
        self.list.itemChanged.connect(self._renamed)
        self.list.currentItemChanged.connect(self._enable)
        self.reload()

    @property
    def names(self) -> list[str]:
        """Names of the bookmarks, in their order."""
        return list(self._bookmarks)

    def reload(self) -> None:
        """Read what the study has."""
        self._bookmarks = {}
        if self.session.has("vae"):
            assert self.session.study is not None
            try:
                self._bookmarks = read_bookmarks(self.session.study)
            except UserError as error:
                self._say(str(error), True)
        self._show(None)

    def _show(self, current: str | None) -> None:
        with QSignalBlocker(self.list):
            self.list.clear()
            for name in self._bookmarks:
                item = QListWidgetItem(name)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
                item.setData(_NAME, name)
                self.list.addItem(item)
                if name == current:
                    self.list.setCurrentItem(item)
        self._enable()

    def _enable(self, *_: object) -> None:
        for button in (self.go, self.rename, self.remove):
            button.setEnabled(self.list.currentItem() is not None)

    def _write(self, bookmarks: Bookmarks, current: str | None) -> None:
        assert self.session.study is not None
        try:
            write_bookmarks(self.session.study, bookmarks)
        except UserError as error:
            self._say(str(error), True)
        else:
            self._bookmarks = bookmarks
        self._show(current)

    def add_here(self) -> None:
        """Keep the position that is looked at, and let the user name it."""
        name = _free(self._name_of(), self._bookmarks)
        self._write({**self._bookmarks, name: self.session.latents}, name)
        self.edit()

    def edit(self) -> None:
        """Let the user type another name for the chosen one."""
        item = self.list.currentItem()
        if item is not None:
            self.list.setFocus()
            self.list.editItem(item)

    def go_to(self, *_: object) -> None:
        """Move to the chosen one."""
        item = self.list.currentItem()
        if item is not None:
            self.session.set_latents(self._bookmarks[item.data(_NAME)])

    def take_away(self) -> None:
        """Remove the chosen one."""
        item = self.list.currentItem()
        if item is not None:
            name = item.data(_NAME)
            self._write({n: z for n, z in self._bookmarks.items() if n != name}, None)

    def _renamed(self, item: QListWidgetItem) -> None:
        before, name = item.data(_NAME), item.text().strip()
        if name == before or not name:
            self._show(before)
        elif name in self._bookmarks:
            self._say(f"There is a bookmark '{name}' already.", True)
            self._show(before)
        else:
            renamed = {name if n == before else n: z for n, z in self._bookmarks.items()}
            self._write(renamed, name)


class _List(QListWidget):
    def __init__(self, owner: BookmarkList) -> None:
        super().__init__()
        self._owner = owner
        self.setEditTriggers(QListWidget.EditTrigger.EditKeyPressed)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.count():
            painter, flags = QPainter(self.viewport()), Qt.AlignmentFlag.AlignCenter
            wrapped = Qt.TextFlag.TextWordWrap
            painter.setPen(self.palette().placeholderText().color())
            painter.drawText(self.viewport().rect(), flags | wrapped, _EMPTY)
            painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._owner.go_to()
        elif event.key() == Qt.Key.Key_Delete:
            self._owner.take_away()
        else:
            super().keyPressEvent(event)


def _free(name: str, taken: Bookmarks) -> str:
    """Add a number to a name that is taken."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free
