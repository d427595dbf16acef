"""What a trained VAE is worth, in words: what went well, what did not, and what to do about it.

The signs are those that β-VAEs are known for: latents that collapse, reconstructions that are
smooth, latents that depend on each other, latents that tell how a cell was imaged, and trainings
that were too short, too long or unstable. The limits are rules of thumb; every sentence says the
number that it judges.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from napari_parsimony.vae.config import VaeConfig

if TYPE_CHECKING:
    from napari_parsimony.vae.measure import Measured

Severity = Literal["good", "note", "bad"]

HELD_OUT = "held-out loss"  # its column in the history
GOOD_SHARE, POOR_SHARE = 0.6, 0.3  # of the variance of held-out pixels
SMOOTH = 0.2  # share of fine detail below which texture is lost
OVERFITTED = 0.15  # by how much training cells may be redrawn better
MANY_NATS = 0.75  # total correlation for each active latent
RELATED = 0.6  # rank correlation of two latents
ARTEFACT = 0.6  # rank correlation with how a cell was imaged
SATURATED = 0.9  # of the logarithm of the number of cells, which mutual information cannot pass
FEW_CELLS = 200
LATE = 0.2  # last part of a training in which little should happen
STILL_FALLING = 0.02  # share of the whole fall that is more than little
RISEN = 0.25
IMAGING = ("brightness", "background", "position")


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes
    ----------
    severity
        ``"good"``; ``"note"``, worth knowing; ``"bad"``, to be mended first.
    text
        What was found, with its number.
    advice
        What to do about it; empty if nothing is to be done.
    """

    severity: Severity
    text: str
    advice: str = ""


@dataclass(frozen=True)
class Verdict:
    """All that was found.

    Attributes
    ----------
    severity
        The worst of the findings'.
    headline
        One sentence.
    findings
        The worst first.
    """

    severity: Severity
    headline: str
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can say."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Verdict":
        """Read what `to_dict` wrote."""
        findings = tuple(Finding(**finding) for finding in content["findings"])
        return cls(content["severity"], str(content["headline"]), findings)


def judge(
    statistics: pd.DataFrame,
    measured: "Measured",
    history: pd.DataFrame,
    config: VaeConfig,
    names: pd.DataFrame,
) -> Verdict:
    """Judge a VAE.

    Parameters
    ----------
    statistics
        Of its latents, see `vae.latents.latent_statistics`.
    measured
        See `vae.measure.measure`.
    history
        Of its training, see `vae.train.train_vae`; empty if nothing was trained.
    config
        Settings of the step.
    names
        ``latent``, ``name``, ``r``: what latents follow, see `study.learned.suggest_names`.
    """
    active = int(statistics["active"].sum())
    findings = [
        _latents(active, len(statistics), config),
        *_reconstruction(measured, active, config, history),
        *_dependence(measured, active, config),
        *_training(history, config, measured),
        *_imaging(names),
    ]
    order = {"bad": 0, "note": 1, "good": 2}
    findings.sort(key=lambda finding: order[finding.severity])
    severity = findings[0].severity
    notes = sum(finding.severity == "note" for finding in findings)
    if severity == "bad":
        headline = "Do not build on these latents yet: see what to change first."
    elif severity == "note":
        things = "one thing" if notes == 1 else f"{notes} things"
        headline = f"These latents can be used; know {things} about them."
    else:
        headline = "Good latents."
    return Verdict(severity, headline, tuple(findings))


def _latents(active: int, count: int, config: VaeConfig) -> Finding:
    lower = f"Lower 'beta' (now {config.beta:g}) and train again, for more steps if held-out loss "
    lower += "was still falling"
    if active == 0:
        return Finding(
            "bad",
            f"All {count} latents have collapsed: none says anything about a cell, and every "
            "reconstruction is the same.",
            f"{lower}. If that does not help, look at the crops: is there a cell in the middle?",
        )
    text = f"{active} of {count} latents {'is' if active == 1 else 'are'} active"
    if active <= 2 < count:
        return Finding("note", f"Only {text}: little of a cell is told by so few.", f"{lower}.")
    if active == count > 2:
        return Finding(
            "note",
            f"{text}: none was left over.",
            "Raise 'latents', or raise 'beta' so that those that are not needed are let go.",
        )
    rest = f"the other {count - active}" if count - active > 1 else "the other one"
    if active == count:
        return Finding("good", f"{text}.")
    return Finding(
        "good",
        f"{text}; {rest} would say nothing about a cell, and nothing that follows uses them.",
    )


def _reconstruction(
    measured: "Measured", active: int, config: VaeConfig, history: pd.DataFrame
) -> Iterator[Finding]:
    share, detail = measured.explained, measured.detail
    if not math.isfinite(share):
        yield Finding(
            "bad",
            "There is nothing to redraw: all held-out crops are the same, or there are none.",
            "Look at the cells step: were the right image and labels chosen?",
        )
        return
    of = f"over {measured.held_out:,} held-out cells; 0 % draws the same mean cell every time"
    better = (
        "Train some hundred steps on these crops"
        if history.empty
        else f"Train for more steps; lower 'beta' (now {config.beta:g}), which buys independent "
        "latents with reconstruction; or give it more cells"
    )
    if share < POOR_SHARE:
        text = f"Reconstructions are poor: they show only {_percent(share)} of what makes cells "
        yield Finding("bad", f"{text}differ ({of}).", f"{better}.")
    else:
        severity: Severity = "good" if share >= GOOD_SHARE else "note"
        yield Finding(
            severity,
            f"Reconstructions show {_percent(share)} of what makes cells differ ({of}).",
            f"{better}." if severity == "note" else "",
        )
    fine = f"detail finer than about {measured.fine:.0f} pixels"
    if active and math.isfinite(detail) and detail < SMOOTH:
        yield Finding(
            "note",
            f"Reconstructions are smooth: they show {_percent(detail)} of {fine} (noise "
            "included), so texture is lost to all that follows.",
            "If texture tells your classes apart: train longer, lower 'beta', set 'likelihood' to "
            "gaussian with a small 'noise', or let classes guide the latents ('guidance').",
        )
    elif active and math.isfinite(detail):
        yield Finding("good", f"They show {_percent(detail)} of {fine} (texture).")
    gap = measured.explained_training - share
    if active and gap > OVERFITTED:
        yield Finding(
            "note",
            f"It has learned its {measured.trained:,} training cells by heart: of them it shows "
            f"{_percent(measured.explained_training)} of what makes them differ.",
            f"Add cells{_or_nuclei(config)}.",
        )


def _dependence(measured: "Measured", active: int, config: VaeConfig) -> Iterator[Finding]:
    if active == 0:
        return
    information, correlation = measured.mutual_information, measured.total_correlation
    most = math.log(max(measured.sample, 1))
    text = (
        f"Over {measured.sample:,} cells, the latents' mutual information with the cells is "
        f"{information:.1f} nats, their total correlation {correlation:.1f} (0: independent of "
        f"each other), their dimension-wise KL {measured.dimension_wise_kl:.1f}."
    )
    bounded = information > SATURATED * most
    if bounded:
        text += (
            f" Of so many cells, mutual information is {most:.1f} nats at most; what exceeds it "
            "counts as total correlation, which would be lower over more cells."
        )
    apart = f"Raise 'beta' (now {config.beta:g}); turn crops to the principal axis in the cells "
    apart += "step, if direction does not matter."
    if not bounded and correlation > MANY_NATS * active:
        yield Finding("note", f"Latents are entangled. {text}", apart)
    else:
        yield Finding("good", text)
    close = measured.related[measured.related["r"].abs() >= RELATED]
    if len(close):
        columns = (close[name][:3] for name in ("first", "second", "r"))
        pairs = [f"{one} and {two} (r = {_r(r)})" for one, two, r in zip(*columns, strict=True)]
        more = f", and {len(close) - 3} more pairs" if len(close) > 3 else ""
        yield Finding(
            "note",
            f"Some latents move together: {'; '.join(pairs)}{more}. What one is said to mean, the "
            "other means in part.",
            apart,
        )


def _training(history: pd.DataFrame, config: VaeConfig, measured: "Measured") -> Iterator[Finding]:
    if config.guidance:
        yield Finding(
            "good",
            f"Classes of the training cells had a say (guidance {config.guidance:g}): the latents "
            "are semi-supervised.",
        )
    if history.empty:
        yield Finding("good", "Its weights were taken over: nothing was trained on these cells.")
        return
    if measured.trained < FEW_CELLS:
        yield Finding(
            "note",
            f"There are only {measured.trained:,} training cells: those of another movie may look "
            "new to it.",
            f"Add cells if you can{_or_nuclei(config)}.",
        )
    steps, loss = history["step"].to_numpy(), history[HELD_OUT].to_numpy()
    # weights are kept from checks after the warm-up only
    warm = int(np.searchsorted(steps, min(config.warmup * config.steps, steps[-1])))
    last, at = int(steps[-1]), warm + int(np.argmin(loss[warm:]))
    fall, risen = loss[0] - loss[at], loss[-1] - loss[at]
    if len(loss) > 1 and fall <= 0:
        begun = config.start_from is not None or config.pretrained != "none"
        yield Finding(
            "note" if begun else "bad",
            f"{'Training brought' if begun else 'It has learned'} nothing: held-out loss was never "
            f"below that of its first check, at step {steps[0]:,}.",
            f"Lower 'learning_rate' (now {config.learning_rate:g})"
            f"{', or use the weights as they are' if begun else ''}.",
        )
    elif risen > RISEN * fall > 0:
        trained = history["loss"].to_numpy()
        stable = trained[-1] <= trained[at]
        yield Finding(
            "note",
            f"Held-out loss rose again by {risen:.1f} nats after step {steps[at]:,}, while that of "
            f"training cells {'fell' if stable else 'rose too'}. The weights of step {steps[at]:,} "
            "were kept.",
            "Add cells: these are learned by heart."
            if stable
            else f"Training was unstable: lower 'learning_rate' (now {config.learning_rate:g}).",
        )
    elif last < config.steps:
        yield Finding(
            "good",
            f"Training stopped by itself at step {last:,} of {config.steps:,}: held-out cells had "
            f"gained nothing for {config.patience} checks.",
        )
    else:
        yield _end(steps, loss[warm:], fall, warm)


def _end(steps: np.ndarray, loss: np.ndarray, fall: float, warm: int) -> Finding:
    """Judge whether a training that was not stopped should have gone on.

    Parameters
    ----------
    steps
        (checks,) of all checks.
    loss
        Held-out loss at those after the warm-up.
    fall
        By how much it fell in all.
    warm
        Checks of the warm-up.
    """
    before = int(np.searchsorted(steps, (1 - LATE) * steps[-1], "right")) - 1
    if before < warm:
        return Finding(
            "note",
            f"Training took only {steps[-1]:,} steps: whether held-out loss was still falling "
            "cannot be seen.",
            "Train for more steps, or lower 'check_every'.",
        )
    gain = float(loss[: before - warm + 1].min() - loss.min())
    if fall > 0 and gain > STILL_FALLING * fall:
        return Finding(
            "note",
            f"It was still learning when its {steps[-1]:,} steps were over: held-out loss fell by "
            f"{gain:.1f} nats over the last {steps[-1] - steps[before]:,}.",
            "Go on: start from these weights, or train anew with more steps.",
        )
    return Finding("good", f"Held-out loss had levelled off within its {steps[-1]:,} steps.")


def _imaging(names: pd.DataFrame) -> Iterator[Finding]:
    found = names[names["name"].str.startswith(IMAGING) & (names["r"].abs() >= ARTEFACT)]
    if len(found):
        columns = (found[name] for name in ("latent", "name", "r"))
        which = [f"{z} follows {name} (r = {_r(r)})" for z, name, r in zip(*columns, strict=True)]
        yield Finding(
            "note",
            f"How a cell was imaged or cut out is in the latents: {'; '.join(which)}.",
            "An equation with such a latent may tell experiments apart instead of cells. Mind it "
            "when you choose one; normalising each crop takes brightness out.",
        )


def _or_nuclei(config: VaeConfig) -> str:
    return "" if config.pretrained != "none" else ", or start from the nuclei weights of the plugin"


def _percent(share: float) -> str:
    return f"{100 * max(share, 0):.0f} %"


def _r(r: float) -> str:
    return f"{r:.2f}".replace("-", "−")
