"""The step 'cells' in the dock 'Cells': its settings, some of which the layers give."""

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout

from napari_parsimony.gui.session import Session
from napari_parsimony.gui.step_panel import StepPanel

OF_FILES = ("folder", "pattern", "image", "labels", "centroids", "classes", "group_column")


class CellsPanel(StepPanel):
    """Settings, of which those that name files are hidden where layers stand for them.

    Attributes
    ----------
    edited
        A setting has another value, or the form is another one.
    asked
        The step is to run: once there is a study, and layers are saved, call `run_now`.
    """

    edited = Signal()
    asked = Signal()

    _from_layers = True
    _filling = False

    def __init__(self, session: Session) -> None:
        super().__init__(session, "cells")

    def set_step(self, name: str) -> None:
        """Show the settings anew."""
        super().set_step(name)
        for field in self.form.fields.values():
            field.widget.changed.connect(self._on_edit)
        self._show_rows()
        self.edited.emit()

    def set_from_layers(self, from_layers: bool) -> None:
        """Hide the settings that name files, or show them."""
        self._from_layers = from_layers
        self._show_rows()

    @property
    def texts(self) -> dict[str, Any]:
        """What the widgets hold, whether it is usable or not."""
        return {name: field.widget.value for name, field in self.form.fields.items()}

    @texts.setter
    def texts(self, texts: dict[str, Any]) -> None:
        for name, text in texts.items():
            self.form.fields[name].widget.value = text

    def set_values(self, values: Any) -> None:
        """Show other values of some settings."""
        self._filling = True
        super().set_values(values)
        self._filling = False
        self.edited.emit()

    def _show_state(self) -> None:
        super()._show_state()
        if self.session.study is None and self.session.job is None:
            self.run_button.setText("Begin a study, and run: Cells…")
            self.run_button.setToolTip(
                "<qt>Asks for the name and place of a new study, and cuts the cells into it.</qt>"
            )
            self.run_button.setEnabled(True)

    def run_step(self) -> bool:
        """Ask for what is missing before the step can run: a study, and layers as files."""
        self.asked.emit()
        return True

    def run_now(self) -> bool:
        """Run the step with the settings of its form; say so if they are wrong."""
        return super().run_step()

    def _on_edit(self, *_: object) -> None:
        if not self._filling:
            self.edited.emit()

    def _show_rows(self) -> None:
        for name in OF_FILES:
            native = self.form.fields[name].widget.native
            rows = native.parentWidget().layout()
            assert isinstance(rows, QFormLayout)
            rows.setRowVisible(native, not self._from_layers)
