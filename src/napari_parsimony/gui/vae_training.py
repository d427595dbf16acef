"""How the training of a VAE goes, live: the terms of its loss, and what it makes of cells."""

import pandas as pd
from qtpy.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from napari_parsimony.gui.curves import Curves
from napari_parsimony.gui.dock import message_label
from napari_parsimony.gui.vae_strip import CropStrip
from napari_parsimony.progress import Progress
from napari_parsimony.vae.preview import from_preview

ACTIVE = "active latents"
TERMS = {
    "reconstruction": "How much of a crop its latents do not tell. Falls while it learns.",
    "mutual information": "How much the latents tell about a cell. Rises as latents become "
    "active; near 0, all have collapsed.",
    "total correlation": "How much latents depend on each other: 0 is fully separated. Weighed "
    "by 'beta'.",
    "dimension-wise KL": "How far single latents are from the standard normal distribution. "
    "Small is good.",
}
CAPTION = "In nats per crop: means over the training crops between two checks"


class TrainingView(QWidget):
    """Curves of the training that runs or ran last, and cells as they are redrawn now.

    Parameters
    ----------
    losses
        Curves of the losses; whoever made them adds what a running step reports.
    """

    def __init__(self, losses: Curves) -> None:
        super().__init__()
        self.losses = losses
        losses.setToolTip(
            "<qt>The loss that is minimised (over training crops; the KL terms count more and more "
            "while it warms up), and at full weight over held-out crops. Training keeps the "
            "weights with the lowest held-out loss.</qt>"
        )
        self.message = message_label()
        self.terms = {name: Curves(names=(name,), height=84) for name in TERMS}
        self.caption = message_label()
        self.caption.setMargin(0)
        self.strip = CropStrip()
        panels = QGridLayout()
        panels.setSpacing(4)
        for number, (name, curves) in enumerate(self.terms.items()):
            curves.setToolTip(f"<qt>{TERMS[name]} {CAPTION}.</qt>")
            panels.addWidget(curves, *divmod(number, 2))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(self.message)
        column.addWidget(losses)
        column.addLayout(panels)
        column.addWidget(self.caption)
        column.addWidget(self.strip)
        column.addStretch(1)
        self.clear("")

    def clear(self, message: str) -> None:
        """Show a sentence instead."""
        for curves in (self.losses, *self.terms.values()):
            curves.clear()
        self.strip.clear()
        self._say(message)

    def _say(self, message: str) -> None:
        self.message.setText(message)
        self.message.setVisible(bool(message))
        for widget in (self.caption, *self.terms.values(), self.losses):
            widget.setVisible(not message)
        self.strip.setVisible(not message and self.strip.count > 0)

    def show_history(self, history: pd.DataFrame) -> None:
        """Show the checks of a whole training."""
        self.clear("")
        for row in history.to_dict("records"):
            values = {str(name): float(value) for name, value in row.items()}
            for curves in (self.losses, *self.terms.values()):
                curves.add(values["step"], values)
        steps = int(history["step"].iloc[-1])
        self.caption.setText(f"{CAPTION}, up to step {steps:,}.")

    def add(self, reports: list[Progress]) -> None:
        """Go on with what the running step reported; the losses are added by others."""
        for number, report in enumerate(reports):
            if "history" in report.preview:
                self.show_history(pd.DataFrame(report.preview["history"]))
                for later in reports[number:]:
                    self.losses.add(later.done, later.values)
            if not report.values:
                continue
            for curves in self.terms.values():
                curves.add(report.done, report.values)
            active = report.values.get(ACTIVE)
            told = "" if active is None else f" {active:.0f} latents are active."
            self.caption.setText(f"{CAPTION}, up to step {report.done:,}.{told}")
            crops = from_preview(report.preview)
            if crops is not None:
                self.strip.show_crops(crops)
        if any(curves.curves for curves in self.terms.values()):
            self._say("")
