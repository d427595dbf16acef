"""Runs a session's steps as child processes, and listens to them from Qt's event loop."""

import time

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QEvent, QObject, QTimer, Signal
from qtpy.QtWidgets import QApplication, QMainWindow, QMessageBox

from napari_parsimony.config import Config
from napari_parsimony.errors import UserError
from napari_parsimony.gui.background import Turning
from napari_parsimony.gui.dock import when_destroyed
from napari_parsimony.gui.docks import after_all
from napari_parsimony.gui.napari_compat import ask_before_closing, warm_up
from napari_parsimony.gui.session import Session
from napari_parsimony.jobs.job import Job, JobState
from napari_parsimony.progress import Progress
from napari_parsimony.report import STEPS

POLL = 50  # ms
LOOK = 2000  # ms between looks whether another process has run a step


class TimeLeft:
    """Guesses how long a step still takes from how quick it was."""

    def __init__(self) -> None:
        self._start: tuple[float, int, int] | None = None

    def update(self, done: int, total: int, now: float | None = None) -> float | None:
        """Seconds left, None while nobody can say."""
        now = time.monotonic() if now is None else now
        if self._start is None or total != self._start[2] or done < self._start[1]:
            # a new phase, or one that goes on from a checkpoint
            self._start = now, done, total
        began, first, _ = self._start
        if done == first or now - began < 1:
            return None
        return (now - began) / (done - first) * (total - done)


def words(seconds: float) -> str:
    """Write a duration for people."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


class Runner(QObject):
    """Starts the steps of a session, one at a time; lives as long as the viewer's window.

    Attributes
    ----------
    progressed
        What a step reported since the last time: a list of `Progress`, never empty.
    ended
        A job has ended: the job; see its state and error.
    """

    progressed = Signal(list)
    ended = Signal(object)

    def __init__(self, session: Session, parent: QObject | None) -> None:
        super().__init__(parent)
        self.session = session
        self._job: Job | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(POLL)
        self._timer.timeout.connect(self._poll)
        self._look = QTimer(self)
        self._look.setInterval(LOOK)
        self._look.timeout.connect(self._look_around)
        self._look.start()
        self._turning = Turning(session.turns, self)
        QTimer.singleShot(0, warm_up)
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.cancel)

    @classmethod
    def of(cls, session: Session) -> "Runner":
        """Find a session's runner, or make it."""
        if cls not in session.attached:
            window = getattr(session.viewer, "window", None)
            parent = None if window is None else window._qt_window
            runner = session.attached[cls] = cls(session, parent)
            if parent is not None:
                # not a method: it must run while the runner itself is being deleted
                when_destroyed(parent, lambda: _stop(runner._job))
                parent.installEventFilter(runner)
                ask_before_closing(parent, runner._may_close)
        found: Runner = session.attached[cls]
        return found

    def start(self, step: str, config: Config) -> Job:
        """Run a step of the open study.

        Raises
        ------
        UserError
            If no study is open, a step is running, or the process cannot be started.
        """
        study = self.session.study
        if study is None:
            raise UserError("No study is open: open or create one first.")
        if self._job is not None:
            raise UserError(f"The step '{self._job.step}' is running: wait for it or cancel it.")
        self.session.turns.flush()  # that a former step has ended is heard before
        # Windows cannot replace files that are mapped into memory
        study.release(step)
        job = Job(study.path, step, config)
        job.start()
        self._job = job
        self._timer.start()
        self.session.set_job(job)
        return job

    def cancel(self) -> None:
        """Ask the running step to stop."""
        _stop(self._job)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ask before a window with a running step is closed; True keeps it open."""
        if event.type() != QEvent.Type.Close or not isinstance(watched, QMainWindow):
            return False
        middle = watched.centralWidget()
        if middle is None or not middle.isVisible():
            return False  # a program closes the viewer: napari has hidden the canvas already
        answer = self._may_close(watched)
        if answer is None or (answer and not event.spontaneous()):
            return False
        if answer:
            # napari too would ask whoever presses the window's button, but no program
            after_all(watched, watched.close)
        event.ignore()
        return True

    def _may_close(self, window: QMainWindow) -> bool | None:
        """Ask whether a running step may be stopped, and stop it; None if there is none."""
        if self._job is None or self._job.state is not JobState.RUNNING:
            return None  # or it is being stopped already
        title = STEPS[self._job.step].title
        box = QMessageBox(window)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("A step is running")
        box.setText(f"The step '{title}' is still running.")
        box.setInformativeText(
            "If you close napari, it is stopped. What it gave before stays, and training goes on "
            "from its last checkpoint when you run it again."
        )
        stop = box.addButton("Stop it and close", QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton("Keep napari open", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.exec()
        if box.clickedButton() is not stop:
            return False
        self.cancel()
        return True

    def _poll(self) -> None:
        job = self._job
        if job is None:
            return
        running = job.running  # before polling, so that the last reports are not missed
        reports: list[Progress] = job.poll()
        if reports:
            self.progressed.emit(reports)
        if running:
            return
        self._timer.stop()
        self._job = None
        if job.state is not JobState.DONE:
            self.session.set_job(None)
            self._end(job)
            return
        with self.session.turns.spread():
            self.session.set_job(None)
            self._refresh()
            self.session.turns.do(self._end, job)

    def _end(self, job: Job) -> None:
        """Say it once, when all docks show what it gave."""
        self.ended.emit(job)
        if job.state is JobState.DONE:
            show_info(f"{STEPS[job.step].title}: done.")
        elif job.state is JobState.FAILED:
            show_error(job.error or "")

    def _look_around(self) -> None:
        if not self.session.turns:  # some have not even heard of what was seen last time
            self._refresh()

    def _refresh(self) -> None:
        if self._job is None and self.session.study is not None:
            try:
                with self.session.turns.spread():
                    self.session.refresh()
            except UserError:
                # a record that is being written, or was damaged: running the step says so
                return


def _stop(job: Job | None) -> None:
    if job is not None:
        job.cancel()
