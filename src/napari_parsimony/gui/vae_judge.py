"""Judges a VAE in a process of its own: torch would hold up the window while it is imported."""

from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject, QTimer, Signal

from napari_parsimony.errors import UserError
from napari_parsimony.gui.dock import when_destroyed
from napari_parsimony.gui.runner import POLL
from napari_parsimony.jobs.job import Job, JobState
from napari_parsimony.study.learned import Judged


class Judge(QObject):
    """Runs the command `judge`, of one study at a time.

    Attributes
    ----------
    done
        What came out: a `Judged`.
    failed
        A sentence on why nothing did.
    """

    done = Signal(object)
    failed = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._jobs: list[Job] = []  # the one that is waited for
        self._judged: Judged | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(POLL)
        self._timer.timeout.connect(self._poll)
        when_destroyed(self, partial(_stop, self._jobs))

    @property
    def busy(self) -> bool:
        """Whether a study is being judged."""
        return bool(self._jobs)

    def start(self, study: Path) -> None:
        """Judge a study, and no other any more."""
        self.cancel()
        self._judged = None
        job = Job(study, "judge", {})
        try:
            job.start()
        except UserError as error:
            self.failed.emit(str(error))
            return
        self._jobs.append(job)
        self._timer.start()

    def cancel(self) -> None:
        """Judge nothing any more."""
        self._timer.stop()
        _stop(self._jobs)

    def _poll(self) -> None:
        (job,) = self._jobs
        running = job.running  # before polling, so that the last report is not missed
        for report in job.poll():
            if report.preview:
                self._judged = Judged.from_dict(report.preview)
        if running:
            return
        self._timer.stop()
        self._jobs.clear()
        if job.state is JobState.DONE and self._judged is not None:
            self.done.emit(self._judged)
        else:
            self.failed.emit(job.error or "Judging these latents was interrupted.")


def _stop(jobs: list[Job]) -> None:
    while jobs:
        jobs.pop().cancel()
