"""How many laws there are, and a menu of them."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMenu, QPushButton

from napari_parsimony.gui.session import Session
from napari_parsimony.symbolic import summary

_LONGEST = 110  # characters of a line of the menu


class LawsButton(QPushButton):
    """Says how many laws fit as well as the best; its menu lists them, to be looked at.

    Parameters
    ----------
    session
        Whose front is read, by `rebuild`.

    Attributes
    ----------
    picked
        The user wants to look at an equation of the front: its index.
    """

    picked = Signal(int)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self.setMenu(menu)

    def rebuild(self) -> None:
        """Show the laws of the front as it is now."""
        front, menu = self.session.front, self.menu()
        assert front is not None
        menu.clear()
        self.setText(summary.headline(front))
        self.setEnabled(bool(front.laws))
        self.setToolTip(f"<qt>{summary.ABOUT_LAWS}</qt>")
        for index, line in summary.law_lines(front):
            text = f"{index + 1}:  {line}"
            if len(text) > _LONGEST:
                equation, _, where = text.rpartition(" (")
                text = f"{equation[: _LONGEST - len(where) - 3]}… ({where}"
            action = menu.addAction(text.replace("&", "&&"))
            action.setToolTip("<qt>Look at the smallest equation of this law.</qt>")
            action.triggered.connect(lambda *_, index=index: self._look_at(index))

    def _look_at(self, index: int) -> None:
        front = self.session.front
        assert front is not None
        law = front.laws[index]
        if law.members:
            self.picked.emit(law.members[0])
        else:
            self.session.try_expression(law.expression.rounded(law.digits))
