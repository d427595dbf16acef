"""The dock 'Cells': layers to crops, seen before they are cut."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels
from qtpy.QtCore import QStandardPaths, Qt, QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.config import parse_config
from napari_parsimony.errors import UserError
from napari_parsimony.gui.background import Background
from napari_parsimony.gui.borrowed import SOURCE
from napari_parsimony.gui.cells_files import Saved, feature_columns, save_layers
from napari_parsimony.gui.cells_find import FindNuclei
from napari_parsimony.gui.cells_layers import FieldLayers, open_layers
from napari_parsimony.gui.cells_panel import CellsPanel
from napari_parsimony.gui.cells_preview import MOST, CropsView, describe
from napari_parsimony.gui.cells_table import LayersTable, follow_emitters
from napari_parsimony.gui.dock import fill_dock, follow, text_label, wheel_needs_focus
from napari_parsimony.gui.overlay import Overlay
from napari_parsimony.gui.session import Session
from napari_parsimony.study.study import Study

if TYPE_CHECKING:
    import napari

    from napari_parsimony.cells.preview import Preview

SETTLE = 150  # ms without a change before crops are cut anew
NO_COLUMN = "none"
NO_STUDY = (
    "Crops, and all that follows, are kept in a study, a folder. It is begun when you run this "
    "step, or now with 'New study…'."
)
LAYERS, FILES = "Open layers", "Files on disk"


class CellsDock(QWidget):
    """Chooses layers, finds nuclei, previews crops and runs the step 'cells'.

    Parameters
    ----------
    viewer
        Whose session is followed.
    """

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self.session = Session.of(viewer)
        self.overlay = Overlay.of(self.session)  # shows the cells once there are some
        fill_dock(self)
        self._background, self._saving = Background(self), Background(self)
        self._background.done.connect(self._show_preview)
        self._background.failed.connect(self._show_problem)
        self._saving.done.connect(self._run)
        self._saving.failed.connect(self._fail)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(SETTLE)
        self._settled.timeout.connect(self.preview_now)
        self._pixel_size = ""  # as it was filled in from a layer's scale
        self._timed = False
        self._build()
        self.table.chosen.connect(self._on_layers)
        self.panel.edited.connect(self._settled.start)
        self.panel.asked.connect(self._start)
        follow(self, self.session.study_changed, self._on_study)
        follow(self, self.session.job_changed, self._show_title)
        follow_emitters(self, (viewer.dims.events.current_step,), self._on_frame)
        self._on_study()
        self._on_layers()

    def _build(self) -> None:
        self.title = QLabel()
        self.title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.new_button = QPushButton("New study…")
        self.new_button.setToolTip(
            "<qt>Begin a study in a new folder; a name and place are proposed.</qt>"
        )
        self.new_button.clicked.connect(lambda *_: self._ask_new())
        self.hint = text_label()
        self.source = _box("<qt>Whether cells are of layers in this window, or of files.</qt>")
        self.source.addItems([LAYERS, FILES])
        self.source.currentIndexChanged.connect(lambda *_: self._show_source())
        self.table = LayersTable(self.session)
        self.panel = CellsPanel(self.session)
        self.find = FindNuclei(self.table, lambda: str(self.panel.form.fields["axes"].get()))
        self.classes = _box(
            "<qt>Column of the cells' features that names their classes, if there is one; else "
            "annotate cells later.</qt>"
        )
        self.groups = _box(
            "<qt>Column of the cells' features that says what belongs together, such as well, "
            "plate or patient: cells with the same value are never split between training and "
            "test.</qt>"
        )
        columns = QFormLayout()
        columns.setContentsMargins(0, 0, 0, 0)
        columns.addRow("Classes from", self.classes)
        columns.addRow("Groups from", self.groups)
        self.crops = CropsView()
        self.crops_text = text_label()

        # of layers
        self.layers = QWidget()
        inside = QVBoxLayout(self.layers)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.table)
        inside.addWidget(self.find)
        inside.addLayout(columns)

        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 4, 0)
        column.addLayout(_row(self.title, self.new_button))
        column.addWidget(self.hint)
        column.addWidget(self.source)
        column.addWidget(self.layers)
        column.addWidget(self.panel)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(scroll, 1)
        # always in sight: what the settings do, and what runs
        layout.addWidget(self.crops)
        layout.addWidget(self.crops_text)
        layout.addWidget(self.panel.runs)

    # The study

    def _on_study(self, *_: object) -> None:
        study = self.session.study
        made = study is not None and study.step("cells") is not None
        self.source.setCurrentText(FILES if made else LAYERS)
        self._show_title()
        self._show_source()

    def _show_title(self, *_: object) -> None:
        study = self.session.study
        self.title.setText(f"<b>{escape(study.name)}</b>" if study else "<b>No study is open</b>")
        self.title.setToolTip(str(study.path) if study else "")
        self.hint.setText("" if study else NO_STUDY)
        self.hint.setVisible(study is None)
        self.new_button.setEnabled(self.session.job is None)

    def proposed_place(self) -> Path:
        """Where a new study would be: named like the first image, beside other documents."""
        documents = QStandardPaths.StandardLocation.DocumentsLocation
        folder = Path(QStandardPaths.writableLocation(documents) or Path.home())
        images = [row.image.name for row in self.table.rows if row.ticked]
        name = "".join(c if c.isalnum() or c in "-_ " else "_" for c in (*images, "cell")[0])
        place, number = folder / f"{name} study", 2
        while place.exists():
            place, number = folder / f"{name} study {number}", number + 1
        return place

    def _ask_new(self) -> bool:
        place, _ = QFileDialog.getSaveFileName(
            self, "Name and place of the new study", str(self.proposed_place())
        )
        return bool(place) and self.create_study(place)

    def create_study(self, path: Path | str) -> bool:
        """Begin a study, with the settings as they are here; say so if that fails."""
        texts, source = self.panel.texts, self.source.currentText()
        try:
            Study.create(path)
            self.session.open_study(path)
        except (UserError, OSError) as error:
            self.panel.say(str(error), failed=True)
            return False
        self.panel.texts = texts
        self.source.setCurrentText(source)
        return True

    # Layers

    @property
    def from_layers(self) -> bool:
        """Whether cells are of layers, not of files."""
        return bool(self.source.currentText() == LAYERS)

    def _show_source(self) -> None:
        self.layers.setVisible(self.from_layers)
        self.panel.set_from_layers(self.from_layers)
        self._settled.start()

    def _on_layers(self) -> None:
        rows = self.table.rows
        used = [row for row in rows if row.ticked and row.cells is not None]
        found = feature_columns([self.table.features_of(row.cells) for row in used])
        for box in (self.classes, self.groups):
            before = box.currentText()
            if [box.itemText(i) for i in range(1, box.count())] != found or not box.count():
                box.clear()
                box.addItems([NO_COLUMN, *found])
                box.setCurrentText(before if before in found else NO_COLUMN)
            box.setEnabled(bool(found))
        if used:
            self._fill_pixel_size(used[0].image)
        self._settled.start()

    def _fill_pixel_size(self, image: Image) -> None:
        """Take the size of a pixel from a layer that tells it, unless somebody gave another."""
        widget = self.panel.form.fields["pixel_size"].widget
        unit = str(getattr(image, "units", ("pixel",))[-1])
        if unit in ("micrometer", "micron", "um") and widget.value in ("", self._pixel_size):
            self._pixel_size = repr(float(image.scale[-1]))
            widget.value = self._pixel_size

    def _on_frame(self, *_: object) -> None:
        if self._timed:
            self._settled.start()

    # Crops before they are cut

    def preview_now(self) -> None:
        """Cut a dozen crops with the settings as they are, in a thread."""
        self._settled.stop()
        try:
            fields = self.table.fields() if self.from_layers else []
            config = self._config(fields)
        except UserError as error:
            self._show_problem(str(error))
            return
        self._timed = any(field.images[0].ndim > 2 for field in fields)
        self._background.start(_preview, config, fields, self._frame(fields, config.axes))

    def _config(self, fields: Sequence[FieldLayers]) -> CellsConfig:
        """Read the settings; layers are named in the stead of files."""
        values: dict[str, Any] = {}
        for name, field in self.panel.form.fields.items():
            try:
                values[name] = field.get()
            except ValueError as error:
                raise UserError(f"The setting '{name}' is not usable: {error}.") from error
        if fields:
            names = [Path(f"{i} {field.name}") for i, field in enumerate(fields)]
            where = "labels" if isinstance(fields[0].cells, Labels) else "centroids"
            values |= {**NO_FILES, "image": names, where: names}
        return parse_config(CellsConfig, values)

    def _frame(self, fields: Sequence[FieldLayers], axes: str) -> int:
        """Index of the frame that is looked at."""
        for field in fields:
            image = field.images[0]
            timed = image.ndim - (field.cells.ndim == image.ndim - 1) > 2 or "T" in axes
            if timed:
                point = self.session.viewer.dims.point[-image.ndim :]
                at = image.world_to_data(point)[1 if axes.startswith("CT") else 0]
                return max(round(float(at)), 0)
        return 0

    def _show_preview(self, preview: "Preview") -> None:
        self.crops.show_preview(preview)
        text = self.panel.form.fields["pixel_size"].widget.value
        try:
            size = float(text) if text else None
        except ValueError:
            size = None  # the settings were changed since: another preview is on its way
        self.crops_text.setText(describe(preview, size))

    def _show_problem(self, sentence: str) -> None:
        self._background.cancel()
        self.crops.show_preview(None)
        self.crops_text.setText(sentence)

    # Running

    def _start(self) -> None:
        """Run the step; begin a study and save layers before, where that is needed."""
        if self._saving.busy:
            return
        try:
            # what is wrong is told before a study is begun
            fields = self.table.fields() if self.from_layers else []
            config = self._config(fields)
            for field in fields:
                open_layers(field, config.axes, config.channels)
        except UserError as error:
            self._fail(str(error))
            return
        if self.session.study is None and not self._ask_new():
            return
        if not self.from_layers:
            self.panel.run_now()
            return
        chosen = (
            None if box.currentText() == NO_COLUMN else box.currentText()
            for box in (self.classes, self.groups)
        )
        self.panel.say("Saving what is in no file into the study…")
        self._saving.start(_saved, self.session.study, fields, config.axes, *chosen)

    def _fail(self, sentence: str) -> None:
        self.panel.say(sentence, failed=True)

    def _run(self, outcome: tuple[Study, Saved]) -> None:
        study, saved = outcome
        if study is not self.session.study:
            self.panel.say("Another study was opened meanwhile: nothing was run.", failed=True)
            return
        for layer, path in saved.files:
            layer.metadata[SOURCE] = str(path)
        values = dict(saved.settings)
        if values["group_column"] is None and self.panel.form.fields["group_by"].get() == "column":
            values["group_by"] = "auto"
        # files say themselves what their axes are
        before = self.panel.form.fields["axes"].get()
        self.panel.set_values({**values, "axes": "auto"})
        self.panel.run_now()
        self.panel.set_values({"axes": before})


NO_FILES: dict[str, Any] = {
    "folder": None,
    "pattern": None,
    "labels": (),
    "centroids": (),
    "classes": None,
    "group_column": None,
    "group_by": "auto",
}


def _preview(config: CellsConfig, fields: Sequence[FieldLayers], frame: int) -> "Preview":
    from napari_parsimony.cells.preview import preview_cells

    opened = [open_layers(field, config.axes, config.channels) for field in fields]
    return preview_cells(config, opened or None, frame, MOST)


def _saved(study: Study, fields: Sequence[FieldLayers], axes: str, *columns: Any) -> Any:
    return study, save_layers(fields, study.path, axes, *columns)


def _box(tooltip: str) -> QComboBox:
    box = QComboBox()
    box.setToolTip(tooltip)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    wheel_needs_focus(box)
    return box


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget, 1 if isinstance(widget, QLabel) else 0)
    return row
