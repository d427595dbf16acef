"""Finding nuclei in image layers, one after the other, each in a process of its own."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from napari.layers import Image
from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QApplication

from napari_parsimony.cells.config import SegmentConfig
from napari_parsimony.cells.images import Frames
from napari_parsimony.errors import UserError
from napari_parsimony.gui.background import Background
from napari_parsimony.gui.cells_layers import LayerPixels, full_resolution
from napari_parsimony.gui.dock import when_destroyed
from napari_parsimony.jobs.job import COMMAND, Job, JobState

POLL = 50  # ms


class Nuclei(QObject):
    """Runs the command 'segment' on layers.

    Attributes
    ----------
    found
        An image layer and its nuclei: int32 labels, ([T,] Y, X).
    failed
        Why it did not go on, in a sentence.
    progressed
        What it is doing, and how much of it is done in 0..1.
    ended
        It stands still again, whatever the outcome.
    """

    found = Signal(object, object)
    failed = Signal(str)
    progressed = Signal(str, float)
    ended = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._queue: list[tuple[Image, SegmentConfig]] = []
        self._image: Image | None = None
        self._job: Job | None = None
        self._path = Path()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._save, self._load = Background(self), Background(self)
        self._save.done.connect(self._start)
        self._save.failed.connect(self._fail)
        self._load.done.connect(self._finish)
        self._load.failed.connect(self._fail)
        self._timer = QTimer(self)
        self._timer.setInterval(POLL)
        self._timer.timeout.connect(self._poll)
        jobs: list[Job] = []
        self._jobs = jobs
        when_destroyed(self, lambda: _cancel(jobs))
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.cancel)

    @property
    def busy(self) -> bool:
        """Whether it is at work."""
        return self._image is not None

    def start(self, images: list[Image], config: SegmentConfig) -> None:
        """Find the nuclei of images; axes that are not told are time, where there are three."""
        self._queue += [(image, config) for image in images]
        if not self.busy:
            self._next()

    def cancel(self) -> None:
        """Stop; what was found so far stays."""
        self._queue = []
        self._save.cancel()
        self._load.cancel()
        if self._job is not None and self._job.running:
            self._job.cancel()  # `_poll` sees its end
        else:
            self._rest()

    def _next(self) -> None:
        if not self._queue:
            self._rest()
            return
        self._image, config = self._queue.pop(0)
        self._folder = tempfile.TemporaryDirectory(prefix="napari-parsimony-")
        self.progressed.emit(f"Finding nuclei in '{self._image.name}'…", 0.0)
        self._save.start(_write, self._image, config, Path(self._folder.name))

    def _start(self, written: tuple[Path, SegmentConfig]) -> None:
        self._path, config = written
        labels = self._path.with_name("labels.tif")
        self._job = Job(labels, str(self._path), config, command=(*COMMAND, "segment"))
        self._job.step = "segment"  # its messages name the command, not the file
        self._jobs[:] = [self._job]
        try:
            self._job.start()
        except UserError as error:
            self._fail(str(error))
            return
        self._timer.start()

    def _poll(self) -> None:
        job, image = self._job, self._image
        if job is None or image is None:
            return
        running = job.running
        for report in job.poll():
            text = f"'{image.name}': {report.message}"
            self.progressed.emit(text, report.done / max(report.total, 1))
        if running:
            return
        self._timer.stop()
        self._jobs.clear()
        self._job = None
        if job.state is JobState.DONE:
            self._load.start(tifffile.imread, job.study)
        elif job.state is JobState.FAILED:
            # people know the layer, not the file that stands for it
            self._fail((job.error or "").replace(str(self._path), f"'{image.name}'"))
        else:
            self._rest()

    def _finish(self, labels: Any) -> None:
        image = self._image
        self._tidy()
        if image is not None:
            self.found.emit(image, labels)
        self._next()

    def _fail(self, sentence: str) -> None:
        self._queue = []
        self._rest()
        self.failed.emit(sentence)

    def _rest(self) -> None:
        self._timer.stop()
        self._tidy()
        self._job = self._image = None
        self.ended.emit()

    def _tidy(self) -> None:
        if self._folder is not None and not self._save.busy:
            self._folder.cleanup()
            self._folder = None


def _cancel(jobs: list[Job]) -> None:
    for job in jobs:
        job.cancel()


def _write(image: Image, config: SegmentConfig, folder: Path) -> tuple[Path, SegmentConfig]:
    """Write the channel with the nuclei, ([T,] Y, X), for the command."""
    ndim = full_resolution(image).ndim - bool(image.rgb)
    axes = config.axes
    if axes == "auto":
        axes = {2: "YX", 3: "TYX", 4: "TCYX"}.get(ndim, "")
    if len(axes) != ndim:
        raise UserError(
            f"The layer '{image.name}' has {ndim} axes, to which {config.axes} does not fit: give "
            "(Y, X), (T, Y, X), or with channels right before Y."
        )
    pixels = LayerPixels((image,), axes)
    try:
        frames = Frames(Path(image.name), pixels, pixels.axes, (config.channel,))
        data = np.stack([frames.read(t)[0] for t in range(frames.count)])
        timed = frames.count > 1
        path = folder / "image.tif"
        tifffile.imwrite(
            path,
            data if timed else data[0],
            metadata={"axes": "TYX" if timed else "YX"},
            photometric="minisblack",
        )
    except OSError as error:
        raise UserError(f"Could not write into {folder}: {error.strerror}.") from error
    return path, config.model_copy(update={"axes": "auto", "channel": 0})
