"""The button that writes a study's cells for other programs, in a process of its own."""

from pathlib import Path

from qtpy.QtCore import QProcess, Signal
from qtpy.QtWidgets import QFileDialog, QPushButton, QWidget

from napari_parsimony.gui.dock import follow
from napari_parsimony.gui.session import Session
from napari_parsimony.jobs.job import COMMAND
from napari_parsimony.study.export import FORMATS

TIP = (
    "<qt>Write a table of all cells: classes, scores and probabilities of all schemes, terms of "
    "the equation that the study uses, latents. Also in a terminal: <i>napari-parsimony export "
    "STUDY OUT</i>.</qt>"
)


class ExportButton(QPushButton):
    """Asks where to, and exports; while it writes, it cancels.

    Attributes
    ----------
    told, failed
        How far it is, or why it failed: a sentence.
    """

    told, failed = Signal(str), Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._path = Path()
        self._cancelled = False
        self.process = QProcess(self)
        self.process.finished.connect(self._on_end)
        self.process.errorOccurred.connect(self._on_error)
        self.clicked.connect(lambda *_: self._ask())
        follow(self, session.study_changed, self._show)
        self._show()

    @property
    def running(self) -> bool:
        """Whether something is being written."""
        return self.process.state() != QProcess.ProcessState.NotRunning

    def _show(self, *_: object) -> None:
        self.setText("Cancel export" if self.running else "Export…")
        self.setToolTip("Stop: no file is left." if self.running else TIP)
        self.setEnabled(self.running or self.session.study is not None)

    def _ask(self) -> None:
        if self.running:
            self._cancelled = True
            self.process.kill()
            return
        kinds = ";;".join(f"{name} (*{suffix})" for suffix, name in FORMATS.items())
        name, chosen = QFileDialog.getSaveFileName(self, "Export the cells", "cells.csv", kinds)
        if name:
            path = Path(name)
            suffix = chosen.partition("(*")[2].rstrip(")")
            self.export(path if path.suffix.lower() in FORMATS else Path(f"{name}{suffix}"))

    def export(self, path: Path) -> None:
        """Write the open study's cells to a file, whose suffix says how."""
        study = self.session.study
        if study is None or self.running:
            return
        self._path, self._cancelled = path, False
        program, *words = COMMAND
        self.process.start(program, [*words, "export", str(study.path), str(path)])
        self.told.emit(f"Exporting to {path.name}…")
        self._show()

    def _on_end(self, code: int, status: QProcess.ExitStatus) -> None:
        said, errors = (
            bytes(channel).decode(errors="replace").strip()
            for channel in (
                self.process.readAllStandardOutput().data(),
                self.process.readAllStandardError().data(),
            )
        )
        if self._cancelled:
            self._path.with_name(f".{self._path.name}.partial").unlink(missing_ok=True)
            self.told.emit("The export was cancelled.")
        elif code or status != QProcess.ExitStatus.NormalExit:
            last = errors.splitlines()[-1] if errors else "the process ended without a word"
            self.failed.emit(f"Nothing was exported. {last.removeprefix('Error: ')}")
        else:
            self.told.emit(said)
        self._show()

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.failed.emit(f"Nothing was exported. {self.process.errorString()}")
            self._show()
