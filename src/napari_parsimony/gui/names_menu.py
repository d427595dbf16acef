"""Offers names for latents that follow something measured."""

from typing import Any

import pandas as pd
from qtpy.QtCore import Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QMenu, QWidget

from napari_parsimony.errors import UserError
from napari_parsimony.gui.background import Background
from napari_parsimony.gui.dock import follow
from napari_parsimony.gui.latent_label import Suggestion, suggested
from napari_parsimony.gui.session import Session


class NamesMenu(QMenu):
    """Suggested names of the latents, measured when the menu is first opened.

    Parameters
    ----------
    session
        Whose latents are named.
    parent
        With which it closes.

    Attributes
    ----------
    found
        Names were measured, or are not valid any more: see `suggestions`.
    failed
        A sentence on why there are none.
    """

    found = Signal()
    failed = Signal(str)

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self.session = session
        self.suggestions: dict[str, list[Suggestion]] | None = None
        self.setToolTipsVisible(True)
        self._background = Background(self)
        self._background.done.connect(self._done)
        self._background.failed.connect(self._failed)
        self.aboutToShow.connect(self._open)
        follow(self, session.names_changed, self._fill)

    def forget(self) -> None:
        """Measure anew when it is opened next: the cells or latents are others."""
        self._background.cancel()
        self.suggestions = None
        self.found.emit()

    def _open(self) -> None:
        if self.suggestions is None and not self._background.busy and self.session.has("vae"):
            assert self.session.study is not None
            # a study of its own: the docks' own reader is theirs alone
            self._background.start(_suggest, str(self.session.study.path))
        self._fill()

    def _done(self, table: pd.DataFrame) -> None:
        self.suggestions = {}
        for latent, name, r in zip(table["latent"], table["name"], table["r"], strict=True):
            self.suggestions.setdefault(str(latent), []).append((str(name), float(r)))
        self._fill()
        self.found.emit()

    def _failed(self, sentence: str) -> None:
        self.close()
        self.failed.emit(sentence)

    def _fill(self) -> None:
        self.clear()
        if self.suggestions is None:
            self._note("Measuring the cells…" if self._background.busy else "No latents yet")
            return
        names = self.session.latent_names
        new = {z: found[0][0] for z, found in self.suggestions.items() if z not in names}
        if new:
            use = self._add(f"Use all {len(new)}", new)
            use.setToolTip("Give every latent without a name the name that is suggested.")
            self.addSeparator()
        for latent, found in self.suggestions.items():
            for name, r in found:
                action = self._add(f"{latent}: {suggested(name, r)}", {latent: name})
                action.setCheckable(True)
                action.setChecked(names.get(latent) == name)
                action.setToolTip(
                    f"Rank correlation of {latent} with the {name} measured in the crops."
                )
        if not self.suggestions:
            self._note("No latent follows what is measured of cells")
        if names:
            self.addSeparator()
            clear = self._add("Remove all names", dict.fromkeys(names, ""))
            clear.setToolTip("Latents are then called by their index alone.")

    def _note(self, text: str) -> None:
        self.addAction(text).setEnabled(False)

    def _add(self, text: str, names: dict[str, str]) -> QAction:
        action = self.addAction(text)
        action.triggered.connect(lambda *_: self._name(names))
        return action

    def _name(self, names: dict[str, str]) -> None:
        try:
            for latent, name in names.items():
                self.session.name_latent(latent, name)
        except UserError as error:
            self.failed.emit(str(error))


def _suggest(study: str) -> Any:
    from napari_parsimony.study.learned import suggest_names
    from napari_parsimony.study.study import Study

    return suggest_names(Study.open(study))
