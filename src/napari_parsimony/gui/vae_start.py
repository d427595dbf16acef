"""Where the training of a VAE starts: the first choice of the dock 'VAE'."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QPushButton,
    QRadioButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.config import parse_config
from napari_parsimony.errors import UserError
from napari_parsimony.gui.dock import message_label
from napari_parsimony.study.steps import crops_made
from napari_parsimony.study.study import Study
from napari_parsimony.vae.config import VaeConfig
from napari_parsimony.vae.pretrained import NORMALISATIONS

Way = Literal["nuclei", "scratch", "file"]

TUNING = 500  # steps from weights that know cells already: minutes without a GPU
WEIGHTS = "weights.safetensors"

TITLES: dict[Way, str] = {
    "nuclei": "Nuclei weights of the plugin",
    "scratch": "From scratch",
    "file": "Weights of a file",
}
TIPS: dict[Way, str] = {
    "nuclei": "A VAE that has seen 18,000 nuclei of many fluorescence images, trained a little "
    "further on your cells. The quickest way to good latents of nuclei.",
    "scratch": "For cells that do not look like fluorescent nuclei. Takes the most steps and "
    "the most cells: some thousand are good.",
    "file": "Go on from the VAE of this or of another study: a file weights.safetensors in its "
    "folder 'vae'.",
}


def why_not_nuclei(study: Study | None) -> str:
    """Say why the weights that come with the plugin do not fit the crops of a study; '' if they do.

    A study without cells has none that could not fit.
    """
    if study is None or study.step("cells") is None:
        return ""
    made = crops_made(study)
    fitting: dict[str, tuple[Any, ...]] = {
        "size": (CellsConfig.model_fields["size"].default,),
        "normalisation": NORMALISATIONS,
    }
    for name, values in fitting.items():
        if made[name] not in values:
            asked = " or ".join(map(str, values))
            return f"they need crops with {name} = {asked}, these have {made[name]}"
    try:
        channels = study.crops().shape[1]
    except UserError as error:
        return str(error).rstrip(".")
    return "" if channels == 1 else f"they need crops of one channel, these have {channels}"


def way_of(values: Mapping[str, Any]) -> Way:
    """Tell from the settings of the vae step where training starts."""
    if values["pretrained"] != "none":
        return "nuclei"
    return "file" if values["start_from"] is not None else "scratch"


class StartChoice(QWidget):
    """Three ways to begin, and whether anything is trained at all.

    Attributes
    ----------
    chosen
        Somebody chose: settings of the vae step, by name.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._study: Study | None = None
        self._values: dict[str, Any] = parse_config(VaeConfig, {}).model_dump()
        self.ways: dict[Way, QRadioButton] = {}
        self._group = QButtonGroup(self)
        self.browse = QPushButton("Choose…")
        self.browse.setToolTip("<qt>Choose the file weights.safetensors of a trained VAE.</qt>")
        self.browse.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.browse.clicked.connect(lambda *_: self._ask_file())
        self.as_they_are = QCheckBox("Use them as they are, train nothing")
        self.as_they_are.setToolTip(
            "<qt>Only find the latents of these cells: takes seconds. Right for cells like those "
            "that the weights were trained on.</qt>"
        )
        self.as_they_are.clicked.connect(lambda *_: self._choose(way_of(self._values)))
        self.hint = message_label()
        self.hint.setMargin(0)
        rows = QGridLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        for row, (way, title) in enumerate(TITLES.items()):
            button = self.ways[way] = QRadioButton(title)
            button.setToolTip(f"<qt>{TIPS[way]}</qt>")
            button.clicked.connect(lambda *_, way=way: self._choose(way))
            self._group.addButton(button)
            rows.addWidget(button, row, 0, 1, 1 if way == "file" else 2)
        rows.addWidget(self.browse, 2, 1)
        rows.setColumnStretch(0, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(rows)
        column.addWidget(self.as_they_are)
        column.addWidget(self.hint)
        self._show()

    @property
    def way(self) -> Way:
        """The way that is chosen."""
        return way_of(self._values)

    def set_study(self, study: Study | None) -> None:
        """Offer what fits the crops of a study."""
        self._study = study
        self._show()

    def set_value(self, values: Mapping[str, Any]) -> None:
        """Show what the settings say, whoever wrote them."""
        self._values = dict(values)
        self._show()

    def suggest(self) -> None:
        """Choose what is best for a study of which no VAE was trained yet."""
        self._choose("scratch" if why_not_nuclei(self._study) else "nuclei")

    def _choose(self, way: Way, file: Path | None = None) -> None:
        given = way == way_of(self._values)
        if way == "file" and file is None:
            file = self._values["start_from"] if given else self._own_weights()
            if file is None:
                self._ask_file()
                return
        train = way == "scratch" or not self.as_they_are.isChecked()
        usual = parse_config(VaeConfig, {})
        values: dict[str, Any] = {
            "pretrained": "nuclei" if way == "nuclei" else "none",
            "start_from": file if way == "file" else None,
            # weights that are good already need no time without the KL terms
            "warmup": usual.warmup if way == "scratch" else 0.0,
            "steps": (usual.steps if way == "scratch" else TUNING) if train else 0,
        }
        if way == "nuclei":
            values["latents"] = usual.latents
        self._values |= values
        self._show()
        self.chosen.emit(values)

    def _own_weights(self) -> Path | None:
        if self._study is None or self._study.step("vae") is None:
            return None
        return self._study.path / "vae" / WEIGHTS

    def _ask_file(self) -> None:
        folder = "" if self._study is None else str(self._study.path.parent)
        name, _ = QFileDialog.getOpenFileName(
            self, "Weights of a VAE", folder, "Weights (*.safetensors)"
        )
        if name:
            self._choose("file", Path(name))
        else:
            self._show()  # what was clicked is not what is chosen

    def _show(self) -> None:
        way, why, steps = self.way, why_not_nuclei(self._study), int(self._values["steps"])
        self.ways[way].setChecked(True)
        self.ways["nuclei"].setEnabled(not why)
        self.ways["nuclei"].setText(TITLES["nuclei"] + ("" if why else " (recommended)"))
        self.as_they_are.setEnabled(way != "scratch")
        self.as_they_are.setChecked(way != "scratch" and not steps)
        parts = []
        if why:
            parts.append(f"The nuclei weights do not fit: {why}.")
        if way == "file":
            parts.append(f"File: {self._named(Path(self._values['start_from']))}.")
        if steps:
            parts.append(
                f"{steps:,} steps at most. Some seconds after the start, the bar says how long "
                "they take on this computer."
            )
        else:
            parts.append("Nothing is trained: this takes seconds.")
        self.hint.setText(" ".join(parts))

    def _named(self, file: Path) -> str:
        if file == self._own_weights():
            return "the VAE of this study"
        return "/".join(file.parts[-3:])
