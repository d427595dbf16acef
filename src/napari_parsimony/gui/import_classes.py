"""Classes that are there already: from a table in a file, or from the features of a layer."""

from collections.abc import Iterator
from html import escape
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from napari.layers import Labels, Points
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from napari_parsimony.cells.imported_classes import ImportedClasses, match_classes
from napari_parsimony.cells.table import KEY
from napari_parsimony.errors import UserError
from napari_parsimony.gui.annotator import Annotator
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.session import Session

Layer: TypeAlias = Labels | Points


def columns(session: Session) -> Iterator[tuple[Layer, str]]:
    """Columns of the features of all labels and points layers that could hold classes."""
    for layer in session.viewer.layers:
        if isinstance(layer, Labels | Points) and len(layer.features):
            names = [str(name) for name in layer.features]
            yield from ((layer, name) for name in names if name not in ("index", *KEY))


def from_layer(session: Session, layer: Layer, column: str) -> ImportedClasses:
    """Read classes of the cells of the picture that is shown from the features of a layer.

    A line of the features is of the label in its column ``index`` or ``label``, and of the frame in
    ``frame``; without these, of the label of its number, or of the cell that its point lies on.

    Raises
    ------
    UserError
        If it is not clear which cells the lines are of.
    """
    overlay = Overlay.of(session)
    picture, features = overlay.picture, layer.features
    if picture is None:
        raise UserError("No cells are shown: their classes cannot be read from a layer.")
    listed = pd.DataFrame({"class": features[column].to_numpy(object)})
    label = next((name for name in ("index", "label") if name in features), None)
    if label is not None:
        listed["label"] = features[label].to_numpy()
    elif isinstance(layer, Labels):
        listed["label"] = np.arange(len(features))
    else:
        listed = listed.join(_below(overlay, layer))
    if "frame" in features:
        listed["frame"] = features["frame"].to_numpy()
    listed = listed[listed["label"].astype(float) != 0]  # nothing is there
    cells = session.cells.iloc[picture.rows]
    seen = cells[KEY].assign(label=picture.label)
    return match_classes(listed, cells, f"The layer '{layer.name}'", seen)


def _below(overlay: Overlay, points: Points) -> pd.DataFrame:
    """Label, and frame where there are several, that each point lies on; 0 where none is."""
    labels, picture = overlay.labels, overlay.picture
    if labels is None or picture is None:
        raise UserError("The layer of the cells was removed: open the study again.")
    axes = labels.ndim
    if points.ndim < axes:
        raise UserError(f"The points of the layer '{points.name}' do not say in which frame.")
    # one affine map: what becomes of the origin and of a step along each axis says all
    corners = np.vstack([np.zeros(points.ndim), np.eye(points.ndim)])
    mapped = np.array(
        [labels.world_to_data(np.asarray(points.data_to_world(c))[-axes:]) for c in corners]
    )
    places = np.rint(mapped[0] + points.data @ (mapped[1:] - mapped[0])).astype(np.int64)
    pixels = labels.data[0] if labels.multiscale else labels.data
    within = ((places >= 0) & (places < pixels.shape)).all(axis=1)
    found = pd.DataFrame({"label": np.zeros(len(places), np.int64)})
    found.loc[within, "label"] = _values(pixels, places[within])
    if picture.timed:
        found["frame"] = places[:, 0] + picture.first_frame
    return found


def _values(pixels: Any, places: NDArray[np.int64]) -> NDArray[np.int64]:
    if pixels.ndim == 2:
        return np.asarray(np.asarray(pixels)[tuple(places.T)], np.int64)
    # plane by plane: the planes of a movie are read when they are looked at
    found = np.zeros(len(places), np.int64)
    for t in np.unique(places[:, 0]):
        here = places[:, 0] == t
        found[here] = np.asarray(pixels[int(t)])[tuple(places[here, 1:].T)]
    return found


class ImportPreview(QDialog):
    """Says what an import would do, and does it as one step that can be undone.

    Parameters
    ----------
    annotator
        Of whose cells.
    imported
        What a table says.
    source
        What the table is called.
    parent
        The dock.
    """

    def __init__(
        self, annotator: Annotator, imported: ImportedClasses, source: str, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Import classes")
        self._annotator, self._imported, self._source = annotator, imported, source
        self.text = QLabel(wordWrap=True)
        self.text.setMinimumWidth(320)
        self.text.setText(self._words())
        self.text.setToolTip("What the import would change; the cells keep it until you say so.")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.take = buttons.addButton("Import", QDialogButtonBox.ButtonRole.AcceptRole)
        self.take.setToolTip("Give the cells these classes; one undo takes all back.")
        cancel = buttons.button(QDialogButtonBox.StandardButton.Cancel)
        cancel.setToolTip("Change nothing.")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self.text)
        column.addWidget(buttons)

    def _words(self) -> str:
        imported = self._imported
        known = set(self._annotator.colours)
        lines = [
            f"<b>{escape(name)}</b>: {count:,} {'cell' if count == 1 else 'cells'}"
            f"{'' if name in known else ' (a new class)'}"
            for name, count in imported.counts.items()
        ]
        before = self._annotator.classes_of(imported.classes)
        other = sum(old is not None and old != imported.classes[key] for key, old in before.items())
        if other:
            lines.append(f"{other:,} of them have another class now.")
        if imported.strangers:
            lines.append(
                f"{imported.strangers:,} lines are of no cell of this study, such as "
                f"{escape(imported.first_stranger)}; they are left out."
            )
        if not imported.classes:
            lines.append("It gives no cell a class.")
        return f"{escape(self._source)}:<br>" + "<br>".join(lines)

    def accept(self) -> None:
        """Import."""
        classes: dict[Any, str | None] = dict(self._imported.classes)
        self._annotator.annotate_keys(classes, f"import of {len(classes):,} classes")
        super().accept()
