"""What the checks of a study say of its law, in words. No Qt here."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from napari_parsimony.report import STEPS
from napari_parsimony.report.words import plural
from napari_parsimony.study.study import Study
from napari_parsimony.trust.findings import LAW, SEVERITIES, Finding, Severity, listed

CHECKS = tuple(name for name, step in STEPS.items() if name == "trust" or step.optional)
"""Steps that find out whether the law can be believed."""

WORDS: dict[Severity, str] = {"alarm": "Alarm", "note": "Note", "fine": "Fine"}
LOW, HIGH = ", low", ", high"
MOST = 3  # alarms of which a verdict has room

Found = Mapping[str, Sequence[Finding]]


class Checked(NamedTuple):
    """A finding, and the step that it comes from."""

    step: str
    finding: Finding


class Verdict(NamedTuple):
    """All findings in short.

    Attributes
    ----------
    severity
        Of the gravest; None if nothing was found out yet.
    headline
        Whether there is an alarm.
    alarms
        What each alarm says first, as far as there is room.
    rest
        Notes, and checks that have nothing to say, with why; empty if there are none.
    """

    severity: Severity | None
    headline: str
    alarms: tuple[str, ...]
    rest: str


def gravest_first(found: Found) -> list[Checked]:
    """List all findings, but for the law in words."""
    each = [Checked(step, f) for step, findings in found.items() for f in findings if f.kind != LAW]
    return sorted(each, key=lambda checked: SEVERITIES.index(checked.finding.severity))


def law_of(found: Found) -> Finding | None:
    """Find the law in words."""
    laws = [f for findings in found.values() for f in findings if f.kind == LAW]
    return laws[0] if laws else None


def verdict_of(study: Study, found: Found) -> Verdict:
    """Sum up what was found."""
    each = [checked.finding for checked in gravest_first(found)]
    alarms = [finding for finding in each if finding.severity == "alarm"]
    notes = [finding for finding in each if finding.severity == "note"]
    by = listed([STEPS[name].title for name in found])
    headline = "Nothing was looked into yet." if not found else f"No alarm from {by}."
    if alarms:
        headline = f"{_several(alarms, 'alarm')}: look before you believe the law."
    severity: Severity | None = None
    if found:
        severity = "alarm" if alarms else "note" if notes else "fine"
    rest = []
    if len(alarms) > MOST:
        rest.append(f"{_several(alarms[MOST:], 'more alarm')} below.")
    if notes:
        are = "is" if len(notes) == 1 else "are"
        rest.append(f"{_several(notes, 'note')} {are} worth knowing.")
    return Verdict(
        severity,
        headline,
        tuple(_first_sentence(finding.sentence) for finding in alarms[:MOST]),
        " ".join([*rest, *_silent(study)]),
    )


def _several(findings: Sequence[Finding], word: str) -> str:
    return f"{len(findings)} {plural(word, len(findings))}"


def _silent(study: Study) -> list[str]:
    """Name the checks that say nothing, and why."""
    states = {name: study.state(name) for name in CHECKS}
    missing = [STEPS[name].title for name, state in states.items() if state == "missing"]
    stale = [
        f"{STEPS[name].title} is out of date, and what it found is not shown: "
        f"{study.why_stale(name)}"
        for name, state in states.items()
        if state == "stale"
    ]
    return [*([f"Not run yet: {listed(missing)}."] if missing else []), *stale]


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s+(?=[A-Z])", text, maxsplit=1)[0]


def numbers_of(finding: Finding) -> list[tuple[str, str]]:
    """Write each number of a finding, its interval in brackets behind it."""
    numbers = finding.numbers
    rows = []
    for name, value in numbers.items():
        base = name.removesuffix(LOW).removesuffix(HIGH)
        if base != name and base in numbers:
            continue
        text = number(value)
        low, high = numbers.get(name + LOW), numbers.get(name + HIGH)
        if low is not None and high is not None:
            text += f" ({number(low)} to {number(high)})"
        rows.append((name, text))
    return rows


def number(value: float | None) -> str:
    """Write a number for people."""
    if value is None:
        return "not known"
    whole, small = value.is_integer() and abs(value) > 1, 0 < abs(value) < 0.01
    text = f"{value:,.0f}" if whole else f"{value:.1g}" if small else f"{value:.2f}"
    return text.replace("-", "−")


def confidence_of(study: Study, step: str) -> str:
    """Say what the intervals of a check are; empty if it does not say how wide they are."""
    record = study.step(step)
    confidence = None if record is None else record.config.get("confidence")
    if not isinstance(confidence, int | float):
        return ""
    return f"In brackets: {100 * confidence:.3g} % intervals."
