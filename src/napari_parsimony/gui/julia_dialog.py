"""Installing PySR's engine in Julia: what comes from where, a live log, and how it ended."""

import os
from functools import partial

from qtpy.QtCore import QProcess, QProcessEnvironment, QTimer, Signal
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import (
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.gui.dock import Folded, push_button, say, text_label
from napari_parsimony.jobs.job import COMMAND
from napari_parsimony.symbolic.engines.pysr_install import ABOUT, OTHERS, READY
from napari_parsimony.symbolic.engines.pysr_settings import JuliaSettings

GRACE = 20_000  # ms that a cancelled installation has to end by itself
LINES = 5000  # of the log that are kept
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy")
FIELDS = {
    "HTTPS_PROXY": (
        "Proxy",
        "Address of the proxy that leads to the internet, if there is one: "
        "http://name:password@proxy.example:3128. It is used now and not kept.",
    ),
    "PYTHON_JULIAPKG_EXE": (
        "Own Julia",
        "The program 'julia' of a Julia 1.10 or 1.11 that is on this computer: none is "
        "downloaded, only its packages are.",
    ),
    "PYTHON_JULIAPKG_PROJECT": (
        "Folder for Julia",
        "Where Julia goes; empty: the folder julia_env of this Python environment.",
    ),
    "JULIA_DEPOT_PATH": (
        "Folder for packages",
        "Where Julia keeps packages and what it compiles; empty: .julia in your home.",
    ),
    "JULIA_PKG_SERVER": (
        "Package server",
        "Another server for Julia's packages, for instance one within your institute.",
    ),
}
_FOLDERS = ("PYTHON_JULIAPKG_PROJECT", "JULIA_DEPOT_PATH")


class JuliaDialog(QDialog):
    """Downloads only after *Install* is pressed; it runs the command ``engines --install-julia``.

    Parameters
    ----------
    parent
        With which it closes.

    Attributes
    ----------
    installed
        The engine is ready.
    """

    installed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Install the Julia engine")
        self.resize(640, 560)
        self._cancelled = False
        self.process = QProcess(self)
        self.process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        self.process.readyReadStandardOutput.connect(self._read)
        self.process.finished.connect(self._on_end)
        self.process.errorOccurred.connect(self._on_error)
        self._killer = QTimer(self, singleShot=True, interval=GRACE)
        self._killer.timeout.connect(self.process.kill)
        self.about = text_label()
        self.about.setText(ABOUT)
        self.fields = {name: QLineEdit() for name in FIELDS}
        self.log = QPlainTextEdit(readOnly=True)
        self.log.setMaximumBlockCount(LINES)
        self.message = text_label()
        self.install = push_button(
            "Install", "Download and compile now. napari stays usable meanwhile.", self.start
        )
        self.cancel = push_button(
            "Cancel", "Stop the installation. The other engines are not touched.", self.stop
        )
        self.done_button = push_button("Close", "Close this window.", self.close)
        self._lay_out()
        self._show_state()

    def _lay_out(self) -> None:
        self.log.setToolTip("What the installation prints.")
        self.log.setPlaceholderText("The log of the installation will stand here.")
        self.log.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        inside = QWidget()
        rows = QFormLayout(inside)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        kept = JuliaSettings.load().environment()
        for name, field in self.fields.items():
            title, tip = FIELDS[name]
            label = QLabel(title)
            label.setBuddy(field)
            for widget in (label, field):
                widget.setToolTip(f"<qt>{tip} ({name})</qt>")
            field.setText(os.environ.get(name) or kept.get(name, ""))
            row = QHBoxLayout()
            row.addWidget(field)
            if name in _FOLDERS or name == "PYTHON_JULIAPKG_EXE":
                choose = push_button("…", tip, partial(self._choose, name))
                choose.setMaximumWidth(28)
                choose.setAccessibleName(f"Choose: {title}")
                row.addWidget(choose)
            rows.addRow(label, row)
        tip = "Settings for those who are behind a proxy, or have a Julia already."
        self.more = Folded("Proxy, own Julia, folders", tip, inside)
        buttons = QHBoxLayout()
        for button in (self.install, self.cancel):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.done_button)
        column = QVBoxLayout(self)
        column.addWidget(self.about)
        column.addWidget(self.more)
        column.addWidget(self.log, 1)
        column.addWidget(self.message)
        column.addLayout(buttons)

    @property
    def running(self) -> bool:
        """Whether something is being installed."""
        return self.process.state() != QProcess.ProcessState.NotRunning

    def environment(self) -> dict[str, str]:
        """Variables that the fields set; the empty ones are left as they are."""
        found = {name: field.text().strip() for name, field in self.fields.items()}
        found = {name: value for name, value in found.items() if value}
        if "HTTPS_PROXY" in found:
            found |= dict.fromkeys(PROXIES, found["HTTPS_PROXY"])
        return found

    def start(self) -> None:
        """Install."""
        if self.running:
            return
        self._cancelled = False
        self.log.clear()
        environment = QProcessEnvironment.systemEnvironment()
        given = self.environment()
        for name, field in self.fields.items():
            if not field.text().strip():
                environment.remove(name)
        for name, value in given.items():
            environment.insert(name, value)
        self.process.setProcessEnvironment(environment)
        program, *words = COMMAND
        self.process.start(program, [*words, "engines", "--install-julia"])
        self._say("Installing: the log says how far it is.")
        self._show_state()

    def stop(self) -> None:
        """Cancel; what does not end by itself is killed."""
        if self.running and not self._cancelled:
            self._cancelled = True
            self.process.terminate()
            self._killer.start()
            self._say("Cancelling…")
            self._show_state()

    def reject(self) -> None:  # noqa: D102
        if self.running:
            self._say("The installation goes on: cancel it before you close the window.")
        else:
            super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: D102
        if self.running:
            self.reject()
            event.ignore()
        else:
            super().closeEvent(event)

    def _choose(self, name: str) -> None:
        title, before = FIELDS[name][0], self.fields[name].text()
        if name in _FOLDERS:
            path = QFileDialog.getExistingDirectory(self, title, before)
        else:
            path, _ = QFileDialog.getOpenFileName(self, title, before)
        if path:
            self.fields[name].setText(path)

    def _read(self) -> None:
        text = bytes(self.process.readAllStandardOutput().data()).decode(errors="replace")
        for line in text.splitlines():
            self.log.appendPlainText(line)

    def _on_end(self, code: int, status: QProcess.ExitStatus) -> None:
        self._killer.stop()
        self._read()
        lines = self.log.toPlainText().splitlines()
        if self._cancelled:
            self._say(f"The installation was cancelled. {OTHERS}")
        elif code or status != QProcess.ExitStatus.NormalExit:
            said = [line for line in lines if line.startswith("Error: ")]
            last = said[-1].removeprefix("Error: ") if said else f"It ended at once. {OTHERS}"
            self._say(last, failed=True)
        else:
            self._say(READY)
            self.installed.emit()
        self._show_state()

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._say(f"Nothing was installed: {self.process.errorString()}.", failed=True)
            self._show_state()

    def _say(self, text: str, *, failed: bool = False) -> None:
        say(self.message, text, failed)

    def _show_state(self) -> None:
        running = self.running
        self.install.setEnabled(not running)
        self.cancel.setEnabled(running and not self._cancelled)
        self.done_button.setEnabled(not running)
        self.more.setEnabled(not running)
