"""Reading images, one frame at a time."""

import math
import struct
import zlib
from pathlib import Path
from threading import Lock
from typing import Protocol

import imageio.v3 as imageio
import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_parsimony.errors import UserError

TIFF = {".tif", ".tiff", ".stk", ".lsm"}
OTHER = {".png", ".jpg", ".jpeg", ".bmp"}
SUFFIXES = TIFF | OTHER

# what the readers raise on damaged or foreign files
DAMAGED = (
    OSError, ValueError, KeyError, IndexError, TypeError, RuntimeError, SyntaxError, EOFError,
    ArithmeticError, AttributeError, MemoryError, struct.error, zlib.error,
)  # fmt: skip


Page = tifffile.TiffPage | tifffile.TiffFrame


class Pixels(Protocol):
    """An opened file: axes named by letters, and planes that are read on demand."""

    axes: str
    """One letter per axis; letters other than T, C, Z, Y and X mean that the file does not say."""
    shape: tuple[int, ...]
    dtype: np.dtype

    def plane(self, index: tuple[int, ...]) -> NDArray:
        """Read ``(Y, X)`` at an index into all axes but Y and X."""


class ArrayPixels:
    """Pixels that are in memory, or mapped from a file."""

    def __init__(self, array: NDArray, axes: str) -> None:
        y, x = axes.index("Y"), axes.index("X")
        self.array = np.moveaxis(array, (y, x), (-2, -1))
        self.axes = axes.replace("Y", "").replace("X", "") + "YX"
        self.shape, self.dtype = self.array.shape, self.array.dtype

    def plane(self, index: tuple[int, ...]) -> NDArray:
        """See `Pixels`."""
        return self.array[index]


class TiffPixels:
    """A TIFF file whose every page is one plane, so that a long movie is never in memory.

    Where the pages are is found out once. The file is open only while a plane is read, because
    Windows cannot replace an open one.
    """

    def __init__(
        self, path: Path, pages: list[Page], axes: str, shape: tuple[int, ...], dtype: np.dtype
    ) -> None:
        self.path, self.pages = path, pages
        self.axes, self.shape, self.dtype = axes, shape, dtype
        self._version = self._current_version()
        self._lock = Lock()

    def plane(self, index: tuple[int, ...]) -> NDArray:
        """See `Pixels`."""
        if self._current_version() != self._version:
            raise UserError(f"The image {self.path} has changed since it was opened; reopen it.")
        page = self.pages[int(np.ravel_multi_index(index, self.shape[:-2])) if index else 0]
        handle = page.parent.filehandle
        # napari reads from several threads, which would move each other's place in the file
        with self._lock:
            handle.open()
            try:
                return page.asarray()
            finally:
                handle.close()

    def _current_version(self) -> tuple[int, int]:
        """Pages of another file would be elsewhere, and be read as noise."""
        state = self.path.stat()
        return state.st_mtime_ns, state.st_size


def open_pixels(path: Path) -> Pixels:
    """Open an image file.

    Raises
    ------
    UserError
        If it is missing, of an unknown kind, or cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(
            f"The file {path} is of a kind that cannot be read; save it as TIFF or PNG."
        )
    try:
        return _open_tiff(path) if suffix in TIFF else _open_other(path)
    except FileNotFoundError as error:
        raise UserError(f"The image {path} does not exist.") from error
    except DAMAGED as error:
        raise _unreadable(path, error) from error


def _open_tiff(path: Path) -> Pixels:
    with tifffile.TiffFile(path) as file:
        # thumbnails are series of their own
        series = [one for one in file.series if not one.keyframe.is_reduced] or file.series
        pages = _complete_pages(file, series)
        # planes kept apart as colours may as well be a movie of three frames
        axes, shape = series[0].axes.replace("SYX", "QYX"), tuple(series[0].shape)
        if len(series) > 1:
            _check_frames(path, series)
            axes, shape = "T" + axes, (len(series), *shape)
        paged = axes.endswith("YX") and all(tuple(page.shape) == shape[-2:] for page in pages)
        if paged and len(pages) == math.prod(shape[:-2]):
            return TiffPixels(path, pages, axes, shape, series[0].dtype)
        if len(series) > 1:
            return ArrayPixels(np.stack([one.asarray() for one in series]), axes)
        # maps the file where it can, and else decodes into a temporary file
        return ArrayPixels(series[0].asarray(out="memmap"), axes)


def _check_frames(path: Path, series: list[tifffile.TiffPageSeries]) -> None:
    """Refuse series that cannot be the frames of a movie, each written by itself."""
    kinds = list(dict.fromkeys((one.axes, tuple(one.shape), one.dtype) for one in series))
    if len(kinds) > 1 or "T" in series[0].axes:
        listed = ", ".join(f"{axes} {shape} {dtype}" for axes, shape, dtype in kinds[:2])
        raise UserError(
            f"The image {path} holds {len(series)} images that are not the frames of one movie "
            f"({listed}); save each as a file of its own."
        )


def _complete_pages(file: tifffile.TiffFile, series: list[tifffile.TiffPageSeries]) -> list[Page]:
    """Find all pages; refuses a file that lacks some, of which tifffile reads what is left."""
    layout, handle = file.tiff, file.filehandle
    handle.seek(file.pages[-1].offset)
    (tags,) = struct.unpack(layout.tagnoformat, handle.read(layout.tagnosize))
    handle.seek(tags * layout.tagsize, 1)
    if handle.read(layout.offsetsize).strip(b"\0"):
        raise ValueError(f"it ends after page {len(file.pages)}, although more should follow")
    pages = []
    for page in (page for one in series for page in one.pages):
        if page is None:
            raise ValueError("some of its planes are missing")
        pages.append(page)
    return pages


def _open_other(path: Path) -> Pixels:
    array = imageio.imread(path, plugin="pillow")
    if array.ndim == 2:
        return ArrayPixels(array, "YX")
    if array.shape[-1] in (2, 4):
        array = array[..., :-1]  # without transparency
    if (array == array[..., :1]).all():
        # a grey picture that was saved as colour
        return ArrayPixels(array[..., 0], "YX")
    return ArrayPixels(array, "YXC")


def _unreadable(path: Path, error: BaseException) -> UserError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return UserError(
        f"The image {path} cannot be read ({reason}); it may be damaged or incomplete, "
        "so copy or export it again."
    )


class Frames:
    """An image as a sequence of frames ``(C, Y, X)``.

    Attributes
    ----------
    path
        The file.
    count, channels
        Numbers of frames and channels.
    plane_shape
        ``(Y, X)``
    dtype
        Of its pixels.

    Raises
    ------
    UserError
        If it lacks one of the channels that are asked for.
    """

    def __init__(
        self, path: Path, pixels: Pixels, axes: str, channels: tuple[int, ...] = ()
    ) -> None:
        lengths = dict(zip(axes, pixels.shape, strict=True))
        self.path, self._pixels, self._axes = path, pixels, axes
        there = lengths.get("C", 1)
        self._chosen = channels or tuple(range(there))
        if max(self._chosen, default=0) >= there:
            raise UserError(
                f"The image {path} has no channel {max(self._chosen)}: it has {there}, counted "
                "from 0; change the setting 'channels'."
            )
        self.count, self.channels = lengths.get("T", 1), len(self._chosen)
        self.plane_shape = (lengths["Y"], lengths["X"])
        self.dtype = pixels.dtype

    def read(self, frame: int) -> NDArray:
        """One frame, ``(C, Y, X)``.

        Raises
        ------
        UserError
            If it cannot be read or has pixels that are not numbers.
        """
        planes = []
        for channel in self._chosen:
            place = {"T": frame, "C": channel}
            try:
                index = tuple(place.get(axis, 0) for axis in self._axes if axis not in "YX")
                planes.append(self._pixels.plane(index))
            except DAMAGED as error:
                raise _unreadable(self.path, error) from error
        image = np.stack(planes)
        if image.dtype.kind not in "iufb":
            raise UserError(
                f"The image {self.path} has pixels of type {image.dtype}; save it as integers "
                "or floats."
            )
        if image.dtype.kind == "f" and not np.isfinite(image).all():
            raise UserError(
                f"The image {self.path} has pixels that are not numbers (frame {frame}); replace "
                "NaN and infinity, for instance by the background."
            )
        return image


def open_labels(path: Path, axes: str = "auto") -> Frames:
    """Open an image of labels: ``(Y, X)`` or ``(T, Y, X)`` integers, 0 where there is no cell.

    Parameters
    ----------
    path
        The file.
    axes
        Of its image; where they name time, a file that calls its time Z is believed.

    Raises
    ------
    UserError
        If it cannot be read, is not of integers, or has other axes.
    """
    pixels = open_pixels(path)
    if pixels.dtype.kind not in "iub":
        raise UserError(
            f"The labels {path} are of type {pixels.dtype}; save them as integers, because floats "
            "cannot tell large labels apart."
        )
    long = _long_axes(pixels)
    foreign = [axis for axis in long if pixels.axes[axis] in "CZS" and "T" not in axes]
    if len(long) > 1 or foreign:
        raise UserError(
            f"The labels {path} have the shape {_shape(pixels)}; they must be (Y, X) or (T, Y, X)."
        )
    return Frames(path, pixels, _named(pixels, dict.fromkeys(long, "T")))


def open_image(
    path: Path,
    axes: str = "auto",
    labels: Frames | None = None,
    channels: tuple[int, ...] = (),
    *,
    timed: bool = False,
) -> Frames:
    """Open an image and find out what its axes are.

    Parameters
    ----------
    path
        The file.
    axes
        Such as ``TCYX``; ``auto`` believes the file where it says, and else takes from `labels`
        whether there is time.
    labels
        Of the same image, whose shape must match.
    channels
        Those that are read, counted from 0; empty: all.
    timed
        Whether an axis that the file does not name is time, where there are no labels to tell.

    Raises
    ------
    UserError
        If it cannot be read, is three-dimensional, or does not match its labels.
    """
    pixels = open_pixels(path)
    if axes == "auto":
        axes = _guess(path, pixels, labels.count if labels else None if timed else 1)
    elif len(axes) != len(pixels.shape):
        raise UserError(
            f"The image {path} has the shape {_shape(pixels)}, to which the setting 'axes' "
            f"({axes}) does not fit."
        )
    frames = Frames(path, pixels, axes, channels)
    if labels is not None:
        ours = (frames.count, *frames.plane_shape)
        theirs = (labels.count, *labels.plane_shape)
        if ours != theirs:
            raise UserError(
                f"The image {path} (frames, height, width: {ours}) and its labels {labels.path} "
                f"{theirs} differ in shape; check that they belong together, or set 'axes'."
            )
    return frames


def _guess(path: Path, pixels: Pixels, frames: int | None) -> str:
    """Name the axes; `frames` there are, None: however many."""
    long = _long_axes(pixels)
    names = {axis: pixels.axes[axis] for axis in long}
    if "Z" in names.values():
        raise UserError(
            f"The image {path} is three-dimensional ({_shape(pixels)}); project it first, or set "
            "'axes' if its Z is time or channels."
        )
    if len(long) > 2:
        raise UserError(
            f"The image {path} has the shape {_shape(pixels)}; it must be (T, C, Y, X) or less."
        )
    names = {axis: "C" if name == "S" else name for axis, name in names.items()}
    unknown = [axis for axis in long if names[axis] not in "TC"]
    for axis in unknown:
        free = [name for name in "TC" if name not in names.values()]
        fits = frames is None or (frames > 1 and pixels.shape[axis] == frames)
        timed = fits and "T" in free
        names[axis] = "T" if timed else free[-1]
    return _named(pixels, names)


def _long_axes(pixels: Pixels) -> list[int]:
    """Axes but Y and X that are longer than one."""
    return [axis for axis, length in enumerate(pixels.shape[:-2]) if length > 1]


def _named(pixels: Pixels, names: dict[int, str]) -> str:
    """Axes with names for the long ones; short ones get letters that mean nothing."""
    unused = iter("abcdefgh")
    leading = "".join(
        names[axis] if axis in names else next(unused) for axis in range(len(pixels.shape) - 2)
    )
    return leading + "YX"


def _shape(pixels: Pixels) -> str:
    return " × ".join(f"{axis}{n}" for axis, n in zip(pixels.axes, pixels.shape, strict=True))
