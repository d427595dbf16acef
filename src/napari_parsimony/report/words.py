"""The report's first paragraph, and numbers as people write them."""

from napari_parsimony.report.content import Content
from napari_parsimony.trust.findings import listed
from napari_parsimony.trust.schemes import Estimate, Scheme, Schemes


def headline(content: Content) -> list[str]:
    """Say what was classified, how well, and how simply; a string for each paragraph."""
    schemes, choice = content.schemes, content.front.choice
    names = list(schemes.classes)
    word = schemes.group_word
    every = int(content.cells[names].to_numpy().sum())
    groups = int(content.cells["groups"].sum())
    held_out = ", ".join(
        f"{number:,} {name}" for number, name in zip(schemes.cells, names, strict=True)
    )
    first = (
        f"Is a cell {listed(names, 'or')}? An equation of expression size {choice.size} in "
        f"{listed(sorted(choice.expression.variables, key=natural)) or 'no latent'} answers it. "
        f"Of {every:,} cells with a class from {groups:,} {plural(word, groups)}, "
        f"{sum(schemes.cells):,} ({held_out}) from {schemes.groups:,} "
        f"{plural(word, schemes.groups)} were held out: "
        "neither training nor any choice has seen them. All that follows in this summary is "
        "measured on them."
    )
    alarms = [
        finding.sentence
        for found in content.findings.values()
        for finding in found
        if finding.severity == "alarm"
    ]
    return [" ".join([*alarms, first]), *_results(schemes), _simplicity(content)]


def _results(schemes: Schemes) -> list[str]:
    symbolic, box = schemes.get("symbolic"), schemes.get("black_box")
    if symbolic is None:
        return []
    text = (
        f"Its balanced accuracy is {in_words(symbolic.balanced_accuracy, schemes)}, "
        f"its accuracy {in_words(symbolic.accuracy, schemes)}"
    )
    if box is not None and symbolic.balanced_accuracy_ratio is not None:
        ratio, plain = symbolic.balanced_accuracy_ratio, symbolic.accuracy_ratio
        text += (
            f". The black box reaches {in_words(box.balanced_accuracy, schemes, brief=True)} and "
            f"{in_words(box.accuracy, schemes, brief=True)}: the equation has "
            f"{percent(ratio)} of its balanced accuracy"
        )
        if plain is not None:
            text += f" and {percent(plain)} of its accuracy"
    shape = schemes.get("shape")
    if shape is not None:
        text += (
            ". For comparison, a logistic regression on six hand-made shape features has a "
            f"balanced accuracy of {in_words(shape.balanced_accuracy, schemes, brief=True)}"
        )
        mine, theirs = symbolic.balanced_accuracy.value, shape.balanced_accuracy.value
        if mine is not None and theirs is not None and theirs > mine:
            text += ", more than the equation"
    return [text + "."]


def _simplicity(content: Content) -> str:
    sparse, dense = content.schemes.get("sparse"), content.schemes.get("dense")
    used = content.used
    told = "without knowing the classes"
    if content.guidance:
        told = (
            f"guided by the classes of its training cells with a weight of {content.guidance:g} "
            "(semi-supervised, unlike the method's original)"
        )
    text = (
        f"The VAE was trained {told}. It uses {content.active} of its {content.latents} latents, "
        f"and the sparse network reads {len(used)} of them ({listed(used)})"
    )
    if sparse and dense and sparse.complexity.parameters and dense.complexity.parameters:
        text += (
            f" with {sparse.complexity.parameters:,} parameters where the dense network has "
            f"{dense.complexity.parameters:,}"
        )
    symbolic = content.schemes.get("symbolic")
    if symbolic and symbolic.expression_size_ratio_dense:
        share = symbolic.expression_size_ratio_dense
        text += f". The equation has {_small(share)} of the dense network's expression size"
    return text + "."


def in_words(estimate: Estimate, schemes: Schemes, brief: bool = False) -> str:
    """Write for instance ``0.912 (95 % interval 0.880 to 0.941)``; short and without, if brief."""
    if estimate.value is None:
        return f"unknown ({estimate.reason})"
    if brief:
        return f"{estimate.value:.3f}"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f} (no interval: {estimate.reason})"
    return (
        f"{estimate.value:.3f} ({100 * schemes.confidence:.3g} % interval {estimate.low:.3f} to "
        f"{estimate.high:.3f})"
    )


def percent(ratio: Estimate) -> str:
    """Write for instance ``98.1 % (95.0 to 101.2)``, the interval in brackets."""
    if ratio.value is None:
        return f"an unknown part ({ratio.reason})"
    value, bounds = number(ratio, in_percent=True)
    return f"{value} ({bounds})" if bounds else value


def share_of(ratio: float | None) -> str:
    """Write a part of something as a percentage with two digits."""
    return "–" if ratio is None else _small(ratio)


def number(estimate: Estimate | None, in_percent: bool = False) -> tuple[str, str]:
    """Write a number and its interval, the latter empty if there is none."""
    if estimate is None or estimate.value is None:
        return "–", ""
    scale, digits = (100, 1) if in_percent else (1, 3)

    def text(value: float) -> str:
        return f"{scale * value:.{digits}f}"

    value = text(estimate.value) + (" %" if in_percent else "")
    if estimate.low is None or estimate.high is None:
        return value, ""
    return value, f"{text(estimate.low)} to {text(estimate.high)}"


def _small(ratio: float) -> str:
    value = 100 * ratio
    if value >= 10:
        return f"{value:.0f} %"
    return f"{value:.2g} %" if value >= 0.001 or value == 0 else "< 0.001 %"


def crops_made(content: Content) -> str:
    """Say how crops were made, which is a choice that the numbers depend on."""
    config = content.provenance.get("cells", {}).get("config", {})
    size, orientation = config.get("size"), config.get("orientation")
    turned = {
        "principal axis": "turned to the principal axis of the cell",
        "imaged": "as they were imaged, not turned",
    }.get(str(orientation), str(orientation))
    normalised = config.get("normalisation")
    return f"Crops are {size} × {size} pixels, normalised by '{normalised}', {turned}."


def natural(name: str) -> tuple[str, int]:
    """Sort z9 before z10."""
    letters = name.rstrip("0123456789")
    return letters, int(name[len(letters) :] or 0)


def plural(word: str, number: int) -> str:
    """Write a noun for so many."""
    return word if number == 1 else f"{word}s"


def whole(number: int | None) -> str:
    """Write an integer with thousands marked; a dash for none."""
    return "–" if number is None else f"{number:,}"


def wrong(scheme: Scheme) -> str:
    """Say which mistakes a scheme makes."""
    undecided = f" ({scheme.not_decided:,} not decided)" if scheme.not_decided else ""
    return f"{scheme.wrong:,}{undecided}"
