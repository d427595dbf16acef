"""The verdict on a VAE, with some cells as they are and as they are redrawn."""

from html import escape

import pandas as pd
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_parsimony.figures.palette import LIGHT, Theme
from napari_parsimony.gui.dock import WARNING_INKS, message_label
from napari_parsimony.gui.vae_strip import CropStrip
from napari_parsimony.study.learned import Judged
from napari_parsimony.vae.verdict import Verdict

MARKS = {"good": "✓", "note": "!", "bad": "✕"}
INKS = {
    "light": {"good": "#00704f", "note": "#a34700", "bad": WARNING_INKS["light"]},
    "dark": {"good": "#2ecc9a", "note": "#f5a65b", "bad": WARNING_INKS["dark"]},
}


class VerdictView(QWidget):
    """What the latents are worth, in sentences."""

    def __init__(self) -> None:
        super().__init__()
        self._verdict: Verdict | None = None
        self.message = message_label()
        self.headline, self.names = QLabel(wordWrap=True), QLabel(wordWrap=True)
        self.findings = QLabel(wordWrap=True)
        for label in (self.headline, self.findings, self.names):
            label.setTextFormat(Qt.TextFormat.RichText)
            label.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse
                | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
        self.findings.setToolTip(
            "<qt>✓ is as it should be, ! is worth knowing, ✕ should be mended first. What to do is "
            "in italics.</qt>"
        )
        self.names.setToolTip(
            "<qt>What is measured of a cell in its crop that a latent follows most closely, with "
            "Spearman's rank correlation r. Give latents their names in the dock 'Latent explorer'."
            "</qt>"
        )
        self.strip = CropStrip()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 4, 0)
        for widget in (self.message, self.headline, self.strip, self.findings, self.names):
            column.addWidget(widget)
        column.addStretch(1)
        self.say("")

    def say(self, message: str) -> None:
        """Show a sentence instead of a verdict."""
        self._verdict = None
        self.message.setText(message)
        self._show(verdict=False)
        self.strip.clear()
        for label in (self.headline, self.findings, self.names):
            label.clear()

    def show_verdict(self, judged: Judged, theme: Theme) -> None:
        """Show a verdict and the cells that go with it."""
        self._verdict = judged.verdict
        self.names.setText(_suggested(judged.names))
        self.strip.show_crops(judged.examples)
        self.set_theme(theme)
        self._show(verdict=True)

    def set_theme(self, theme: Theme) -> None:
        """Write in colours that can be read on another ground."""
        verdict = self._verdict
        if verdict is None:
            return
        inks = INKS["light" if theme is LIGHT else "dark"]
        colour = inks[verdict.severity]
        self.headline.setText(f"<b style='color:{colour}'>{escape(verdict.headline)}</b>")
        rows = []
        for finding in verdict.findings:
            mark = f"<b style='color:{inks[finding.severity]}'>{MARKS[finding.severity]}</b>"
            advice = f"<br><i>{escape(finding.advice)}</i>" if finding.advice else ""
            text = f"{escape(finding.text)}{advice}"
            rows.append(
                f"<tr><td style='padding-right:6px'>{mark}</td>"
                f"<td style='padding-bottom:6px'>{text}</td></tr>"
            )
        self.findings.setText(f"<table>{''.join(rows)}</table>")

    def _show(self, *, verdict: bool) -> None:
        self.message.setVisible(not verdict and bool(self.message.text()))
        for widget in (self.headline, self.strip, self.findings, self.names):
            widget.setVisible(verdict)


def _suggested(names: pd.DataFrame) -> str:
    if names.empty:
        return "No latent follows anything simple that is measured of a cell."
    columns = (names[name] for name in ("latent", "name", "r"))
    each = [
        f"<b>{z}</b>&nbsp;{escape(name)} ({r:.2f})".replace("(-", "(−")
        for z, name, r in zip(*columns, strict=True)
    ]
    count = int(names["n"].iloc[0])
    return (
        f"<b>What latents follow</b> (r, over {count:,} training and validation cells): "
        f"{'; '.join(each)}."
    )
