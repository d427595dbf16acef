"""Whether probabilities can be taken at their word."""

import numpy as np

from napari_parsimony.classify.scores import probabilities
from napari_parsimony.trust.config import TrustConfig
from napari_parsimony.trust.findings import CALIBRATION, Finding
from napari_parsimony.trust.judged import BOX, LAW, Judged
from napari_parsimony.trust.metrics import calibration, correct
from napari_parsimony.trust.resample import in_numbers
from napari_parsimony.trust.schemes import TITLES

OFF = 0.03
"""How far probabilities must be off in the mean to be spoken of."""


def check_calibration(judged: Judged, config: TrustConfig) -> Finding:
    """Compare how sure the law is on held-out cells with how often it is right.

    What is judged is the difference of the means: the calibration error, which is the mean of
    differences without their signs, is above 0 by chance where cells are few.
    """
    numbers: dict[str, float | None] = {}
    gaps, texts = {}, {}
    for scheme in (LAW, BOX):
        scores = judged.scores[scheme]
        sure = probabilities(scores).max(axis=1)
        right = correct(scores, judged.target)
        known = np.isfinite(sure)
        gaps[scheme] = judged.mean(np.nan_to_num(sure) - right, known, config)
        means = [float(values[known].mean()) if known.any() else np.nan for values in (sure, right)]
        texts[scheme] = [f"{100 * value:.0f} %" for value in means]
        numbers |= in_numbers(f"{TITLES[scheme]}: surer than right by", gaps[scheme])
        error = calibration(scores, judged.target)[0] if known.any() else np.nan
        numbers[f"{TITLES[scheme]}: calibration error"] = (
            float(error) if np.isfinite(error) else None
        )
    gap, (sure_text, right_text) = gaps[LAW], texts[LAW]
    shown = f"{abs(100 * gap.value):.0f} points"
    if np.isfinite(gap.low):
        ends = sorted(abs(100 * end) for end in (gap.low, gap.high))
        if gap.low * gap.high > 0:
            shown += f" ({ends[0]:.0f} to {ends[1]:.0f})"
    said = (
        f"On held-out cells the equation is {sure_text} sure of the class that it gives, in the "
        f"mean, and right for {right_text}"
    )
    if gap.low > 0 and gap.value >= OFF:
        scores = judged.scores[LAW]
        sure = np.nan_to_num(probabilities(scores).max(axis=1))
        wrong = np.flatnonzero(judged.wrong() & np.isfinite(scores).all(axis=1))
        worst = wrong[np.argsort(-sure[wrong], kind="stable")]
        sentence = f"Its probabilities are too high: {said[0].lower()}{said[1:]}, {shown} less."
        return Finding(CALIBRATION, "note", sentence, judged.keys_of(worst), numbers)
    if gap.high < 0 and gap.value <= -OFF:
        sentence = f"Its probabilities are too low: {said[0].lower()}{said[1:]}, {shown} more."
        return Finding(CALIBRATION, "note", sentence, (), numbers)
    return Finding(CALIBRATION, "fine", f"{said}.", (), numbers)
