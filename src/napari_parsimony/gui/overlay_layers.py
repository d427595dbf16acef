"""Layers of a study's picture: added, aligned, given back, and missed when users remove them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from napari.layers import Image, Labels, Layer, Points
from napari.utils.notifications import show_warning
from numpy.typing import NDArray
from psygnal import Signal

from napari_parsimony.classify.scores import named, probabilities
from napari_parsimony.errors import UserError
from napari_parsimony.gui.aside import Aside
from napari_parsimony.gui.borrowed import SOURCE, Borrowed, files_of, layer_of, of_labels
from napari_parsimony.gui.cell_values import CellValues
from napari_parsimony.gui.colours import Colouring
from napari_parsimony.gui.napari_compat import fit_view
from napari_parsimony.gui.overlay_marks import Marks
from napari_parsimony.gui.overlay_text import CellTexts
from napari_parsimony.gui.pictures import Picture, Source, source_of
from napari_parsimony.gui.session import Session
from napari_parsimony.gui.turns import finish


class OverlayLayers(ABC):
    """The part of an `Overlay` that chooses a picture and keeps its layers."""

    shown_changed = Signal()

    session: Session
    show_texts: bool
    problem: str | None
    values: CellValues | None
    colouring: Colouring | None

    def __init__(self, session: Session) -> None:
        self.session = session
        self.problem = None
        self._source: Source | None = None
        self._aside = Aside(session.viewer, lambda name: self.session.turns.do(self.show, name))
        self._forget()

    @abstractmethod
    def recolour(self) -> None:
        """See `Overlay`."""

    @abstractmethod
    def _follow_view(self) -> None: ...

    def _forget(self) -> None:
        self._picture: Picture | None = None
        self.values = self.colouring = None
        self._ours: list[Layer] = []
        self._borrowed: Borrowed | None = None
        self.labels: Labels | None = None
        self._images: list[Layer] = []
        self.texts: CellTexts | None = None
        self.marks: Marks | None = None
        self._of_frame: dict[int, NDArray[np.intp]] = {}
        self._unique = True  # no label of the picture is in two frames: one colormap does
        self._at: pd.Index[int] = pd.Index([], dtype=np.int64)

    # Which picture

    @property
    def names(self) -> list[str]:
        """Names of the pictures that can be shown."""
        return [] if self._source is None else self._source.names

    @property
    def name(self) -> str | None:
        """Name of the picture that is shown."""
        return None if self._picture is None else self._picture.name

    @property
    def picture(self) -> Picture | None:
        """What is shown: the image that `labels` are of, or a montage."""
        return self._picture

    @property
    def scores(self) -> Points | None:
        """Layer of the texts."""
        return None if self.texts is None else self.texts.layer

    @property
    def ring(self) -> Points | None:
        """Layer that marks the selected cell."""
        return None if self.marks is None else self.marks.layers.get("selected cell")

    def _open(self) -> Iterator[None]:
        """Show the open study, in parts; see `Turns`."""
        yield from self._clear()
        yield from self._look()

    def _look(self) -> Iterator[None]:
        """Show the picture of the selected cell, else the first there is now, in parts."""
        self._source = self.problem = None
        self._aside.give_back()
        study = self.session.study
        if study is not None and self.session.has("cells"):
            try:
                self._source = source_of(study, self._order)
            except UserError as error:
                self._say(error)
            else:
                cell = self.session.cell
                name = None if cell is None else self._source.name_of(cell[0])
                yield from self._show(name or self._source.names[0])
        if self._source is None:
            yield from self._clear()
            self.recolour()
        self.shown_changed.emit()

    def _order(self) -> NDArray[np.float64] | None:
        """Sort crops by the score of two classes; of more by class, the surest first."""
        scores = self.session.cell_scores()
        if scores is None or scores.shape[1] == 1:
            return None if scores is None else scores[:, 0]
        likely = probabilities(scores)
        return named(scores) + 1 - likely.max(axis=1)

    def _say(self, error: UserError) -> None:
        self.problem = f"The cells cannot be shown on their image. {error}"
        show_warning(self.problem)

    def _renew(self, step: str) -> Iterator[None]:
        if step == "cells":
            yield from self._look()
        else:
            self.session.turns.do(self.recolour)

    def show(self, name: str) -> None:
        """Show the picture of this name instead; says so where its files cannot be read."""
        if self._source is not None and name != self.name:
            finish(self._show(name))

    def _show(self, name: str) -> Iterator[None]:
        assert self._source is not None
        self.problem = None
        try:
            picture = self._source.load(name)
        except UserError as error:
            yield from self._clear()
            self._say(error)
        else:
            yield
            self._aside.look_at(name, self._source.files)
            if not (self._exchange(picture) or self._go_over(picture)):
                yield from self._clear()
                self._take(picture)
                yield from self._add(picture)
                yield
        self.recolour()
        self.shown_changed.emit()

    def show_again(self) -> None:
        """Show the picture anew, with all of its layers, where the user removed some."""
        name = self.name
        finish(self._clear())
        if name is not None:
            self.show(name)

    def _take(self, picture: Picture) -> None:
        self._picture = picture
        self.values = self.colouring = None  # they are of other cells
        self._at = pd.Index(picture.rows)
        self._unique = len(np.unique(picture.label)) == len(picture.label)
        every = np.arange(len(picture.rows))
        if picture.timed:
            frames = self.session.cells["frame"].to_numpy()[picture.rows]
            order = np.argsort(frames, kind="stable")
            found, starts = np.unique(frames[order], return_index=True)
            groups = np.split(every[order], starts[1:])
            self._of_frame = dict(zip(found.tolist(), groups, strict=True))
        else:
            self._of_frame = {picture.first_frame: every}

    def _add(self, picture: Picture) -> Iterator[None]:
        viewer = self.session.viewer
        image = layer_of(viewer, picture.image_path, Image)
        labels = layer_of(viewer, picture.labels_path, Labels)
        if labels is not None and not _alike(labels, picture):
            labels = None  # somebody has put other labels into it
        if image is None:
            self._add_image(picture, labels)
            yield
        if labels is None:
            labels = Labels(picture.labels, name="cells", opacity=0.45)
            if image is not None:
                labels.scale = of_labels(image.scale, labels.ndim, 1.0)
                labels.translate = of_labels(image.translate, labels.ndim, 0.0)
            yield
            self._ours.append(viewer.add_layer(labels))
        else:
            self._borrowed = Borrowed(labels)
        if picture.image_path is None:
            # whole squares would hide the crops, and of a thinner line only parts are drawn
            # where all crops are in view
            labels.contour, labels.opacity = 3, 1.0
        yield
        texts = Points(
            ndim=2, name="scores", size=1, face_color="transparent", border_color="transparent"
        )
        self._ours.append(viewer.add_layer(texts))
        texts.editable = False
        yield
        self.labels = labels
        self.marks = Marks(viewer, picture, labels, texts)
        yield
        self.marks.align_all()
        self._add_texts(picture, texts)
        self._hold(labels)

    def _hold(self, labels: Labels) -> None:
        """Follow the labels, and bring them into view."""
        labels.events.scale.connect(self._aligned)
        labels.events.translate.connect(self._aligned)
        labels.events.data.connect(self._replaced)
        self.session.viewer.layers.selection.active = labels
        fit_view(self.session.viewer, labels)

    def _let_go(self) -> None:
        """Follow the labels no more; the user's own look as they did."""
        if self.labels is not None:
            self.labels.events.scale.disconnect(self._aligned)
            self.labels.events.translate.disconnect(self._aligned)
            self.labels.events.data.disconnect(self._replaced)
        if self._borrowed is not None:
            self._borrowed.give_back()

    def _add_texts(self, picture: Picture, layer: Points) -> None:
        # below the cell, which stays in sight; in a montage on the crop, most of which should
        crops = picture.image_path is None
        below = picture.diameter * (0.4 if crops else 0.68)
        room = picture.diameter / 2 if crops else picture.diameter
        self.texts = CellTexts(self.session.viewer, layer, room, below)
        self.texts.wanted = self.show_texts

    def _exchange(self, picture: Picture) -> bool:
        """Show another picture in the layers that are there, much quicker; False: it cannot."""
        former, labels, marks, texts = self._picture, self.labels, self.marks, self.scores
        viewer, planes = self.session.viewer, _planes(picture)
        own = [layer_of(viewer, picture.image_path, Image)]
        own.append(layer_of(viewer, picture.labels_path, Labels))
        if (
            former is None
            or labels is None
            or marks is None
            or texts is None
            or self._borrowed is not None
            or any(layer is not None and layer not in self._ours for layer in own)
            or _kind(former) != _kind(picture)
            or len(planes) != len(self._images)
            or any(image not in viewer.layers for image in self._images)
        ):
            return False
        self._take(picture)
        for image, data in zip(self._images, planes, strict=True):
            image.data = data
            image.metadata = {**image.metadata, SOURCE: str(picture.image_path)}
            image.name = picture.name
            image.reset_contrast_limits()
        labels.data = picture.labels
        marks.set_picture(picture)
        self._add_texts(picture, texts)
        if former.image.shape != picture.image.shape:
            fit_view(viewer, labels)
        return True

    def _go_over(self, picture: Picture) -> bool:
        """Go on with the user's own layers of another picture, much quicker; False: it cannot."""
        former, marks, texts = self._picture, self.marks, self.scores
        viewer = self.session.viewer
        image = layer_of(viewer, picture.image_path, Image)
        labels = layer_of(viewer, picture.labels_path, Labels)
        if (
            former is None
            or self.labels is None
            or self._borrowed is None
            or self._images
            or marks is None
            or texts is None
            or image is None
            or labels is None
            or not _alike(labels, picture)
            or _kind(former) != _kind(picture)
        ):
            return False
        self._let_go()
        self._take(picture)
        self.labels, self._borrowed = labels, Borrowed(labels)
        marks.labels = labels
        marks.set_picture(picture)
        marks.align_all()
        self._add_texts(picture, texts)
        self._hold(labels)
        return True

    def _add_image(self, picture: Picture, labels: Labels | None) -> None:
        viewer = self.session.viewer
        added = viewer.add_image(
            picture.image,
            name=picture.name,
            rgb=picture.colours,
            channel_axis=0 if _channels(picture) else None,
            metadata={SOURCE: str(picture.image_path)},
        )
        self._images = added if isinstance(added, list) else [added]
        for layer in self._images:
            self._ours.append(layer)
            if labels is not None:
                layer.scale, layer.translate = labels.scale, labels.translate
                viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(labels))

    def _aligned(self) -> None:
        if self.marks is not None:
            self.marks.align_all()
        self._follow_view()
        self.shown_changed.emit()

    def _clear(self) -> Iterator[None]:
        """Take everything away, in parts: napari collects garbage whenever a layer goes."""
        self._let_go()
        ours = [*self._ours, *(self.marks.layers.values() if self.marks else ())]
        self._forget()
        layers = self.session.viewer.layers
        for layer in ours:
            if layer in layers:
                layers.remove(layer)
                yield

    def _removed(self, event: Any) -> None:
        """Live on without a layer that the user has removed, and say how to get it back."""
        layer, picture = event.value, self._picture
        if layer is self.labels:
            self.labels = None
        elif layer is self.scores:
            self.texts = None
        elif self.marks is not None and self.marks.forget(layer) is not None:
            pass
        elif picture is None or str(picture.image_path) not in files_of(layer):
            return
        self.problem = (
            f"The layer '{layer.name}' was removed, so the cells are not shown in full: press "
            "'Show again' in the dock 'Study' or 'Overlay' to have it back."
        )
        self.shown_changed.emit()

    def _replaced(self) -> None:
        picture, labels = self._picture, self.labels
        if picture is None or labels is None or _alike(labels, picture):
            return
        self.problem = (
            f"The layer '{labels.name}' now has labels of another size than the study's: what is "
            "shown on them may be of other cells. Press 'Show again' to have the study's labels."
        )
        self.shown_changed.emit()


def _alike(labels: Labels, picture: Picture) -> bool:
    """Whether a layer can be of the picture's labels, by its size."""
    sizes = ([size for size in x.shape if size > 1] for x in (labels.data, picture.labels))
    return next(sizes) == next(sizes)


def _kind(picture: Picture) -> tuple[bool, bool, bool]:
    return picture.timed, picture.colours, picture.image_path is None


def _channels(picture: Picture) -> bool:
    """Whether the first axis of a picture's image is that of its channels."""
    return not picture.colours and len(picture.image.shape) > len(picture.labels.shape)


def _planes(picture: Picture) -> list[Any]:
    """Pixels of the layers that an image becomes, one for each channel."""
    return list(picture.image) if _channels(picture) else [picture.image]
