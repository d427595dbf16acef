"""Sections of the page on what was found, and how well it does."""

from collections.abc import Callable

from matplotlib.figure import Figure

from napari_parsimony.figures import charts, class_map, decision
from napari_parsimony.figures.equation import equation as equation_figure
from napari_parsimony.report import words
from napari_parsimony.report.content import Content
from napari_parsimony.report.html import Markup, join, table, tag
from napari_parsimony.report.parts import estimate, png, svg
from napari_parsimony.symbolic import summary
from napari_parsimony.symbolic.choice import pysr_scores
from napari_parsimony.symbolic.class_scores import ClassScores, Equation, named
from napari_parsimony.trust.findings import listed
from napari_parsimony.trust.metrics import CLASS_METRICS, METRICS
from napari_parsimony.trust.schemes import Estimate


def equation_section(content: Content) -> list[Markup]:
    """Write the equation, and what to copy."""
    choice, classes = content.front.choice, content.schemes.classes
    equation = choice.expression
    if not equation.constants:
        digits = "It holds no fitted number."
    else:
        moved = f"{choice.flips:,} training and validation {words.plural('cell', choice.flips)}"
        where = "the other side" if len(classes) == 2 else "another class"
        digits = (
            f"It is shown with {choice.digits} significant digits: rounding its numbers moves "
            f"{moved if choice.flips else 'no cell'} to {where}."
        )
    lines = [("score", r"\mathrm{score}", equation)]
    meaning = f"A score above 0 means {classes[-1]}, below 0 {classes[0]}."
    if isinstance(equation, ClassScores):
        lines = [(name, named(name, mathtext=True), each) for name, each in equation.lines]
        meaning = (
            "Each class has a score, and the highest is the class of the cell; their softmax are "
            "the probabilities. Only differences between scores count, so that one of them may be "
            "0. A cell of which one score is no finite number is not decided."
        )
        shown = "\n".join(f"{name}: {each.unicode(choice.digits)}" for name, each in equation.lines)
        exact = "\n".join(f"{name}: {each}" for name, each in equation.lines)
    else:
        shown, exact = f"score = {equation.unicode(choice.digits)}", str(equation)
    return [
        *(
            svg(
                equation_figure(each.latex(choice.digits), left),
                f"{name} = {each.unicode(choice.digits)}",
            )
            for name, left, each in lines
        ),
        tag("p", f"{meaning} {digits}"),
        tag(
            "details",
            tag("summary", "To copy: text, LaTeX, Python"),
            *(
                tag("div", tag("h3", name), tag("pre", tag("code", text)))
                for name, text in (
                    ("Text", shown),
                    ("LaTeX", equation.latex(choice.digits)),
                    ("Python, all digits", exact),
                )
            ),
        ),
    ]


def decision_section(content: Content) -> list[Markup]:
    """Draw the score over the latents that decide."""
    shown = content.decision
    classes, equation = content.schemes.classes, content.front.choice.expression
    if shown is None:
        return [tag("p", "The equation is a constant: there is nothing to draw.")]
    if shown.y is None:
        if isinstance(equation, ClassScores):
            figure = class_map.class_curves(equation, shown.x, shown.fixed, classes)
            text = f"The probability of each class along {shown.x.name}, the only latent."
        else:
            figure = decision.score_curve(equation, shown.x, shown.fixed, classes, shown.target)
            text = f"The score along {shown.x.name}, the equation's only latent."
    else:
        joint = isinstance(equation, ClassScores)
        draw: Callable[..., Figure] = class_map.class_map if joint else decision.decision_map
        figure = draw(equation, shown.x, shown.y, shown.fixed, classes, shown.target)
        what = "likeliest class, paler where it is less likely," if joint else "score"
        text = f"The {what} over {shown.x.name} and {shown.y.name}."
        if shown.fixed:
            text += (
                f" The map is a slice: {listed(list(shown.fixed))} "
                f"{'is' if len(shown.fixed) == 1 else 'are'} held at the cells' median, written "
                "above it. Each cell has its own values, so cells and map need not agree."
            )
    text += (
        " The pictures are decoded at the values below or beside them, all other latents at the "
        "cells' median."
    )
    return [png(figure, f"Decision map of {listed(list(classes))}", text)]


def schemes_section(content: Content) -> list[Markup]:
    """Compare the schemes on held-out cells."""
    schemes = content.schemes
    interval = f"{100 * schemes.confidence:.3g} %"
    rows = [
        [
            row.title,
            *(estimate(getattr(row, metric)) for metric in METRICS),
            words.wrong(row),
            words.whole(row.complexity.parameters),
            words.whole(row.complexity.expression_size),
        ]
        for row in schemes.schemes
    ]
    ratios = [
        [
            row.title,
            *(estimate(getattr(row, f"{metric}_ratio"), in_percent=True) for metric in METRICS),
            words.share_of(row.parameters_ratio),
            words.share_of(row.expression_size_ratio),
            words.share_of(row.parameters_ratio_dense),
            words.share_of(row.expression_size_ratio_dense),
        ]
        for row in schemes.schemes
        if row.name != "black_box"
    ]
    measures = ["accuracy", "balanced accuracy", "AUC"]
    word = words.plural(schemes.group_word, schemes.groups)
    return [
        svg(charts.schemes_table(schemes), "Accuracy, AUC and expression size of each scheme"),
        tag(
            "p",
            f"Held-out cells only. Below each number its {interval} percentile interval from "
            f"{schemes.resamples:,} resamples of the {schemes.groups:,} held-out {word}.",
        ),
        table(["scheme", *measures, "wrong", "parameters", "expression size"], rows),
        tag("h3", "Divided by the black box"),
        tag("p", "Both numbers of a ratio come from the same resample, so its interval is paired."),
        table(
            ["scheme", *measures, "parameters", "expression size", "parameters ÷ dense",
             "expression size ÷ dense"],
            ratios,
        ),
        *_classes(content),
    ]  # fmt: skip


def _classes(content: Content) -> list[Markup]:
    """Tell what the equation says of cells of each class."""
    names, table_of = content.schemes.classes, content.confusion
    said = [*names, "not decided"] if table_of[:, -1].any() else list(names)
    counts = [
        [name, *(f"{count:,}" for count in row[: len(said)])]
        for name, row in zip(names, table_of, strict=True)
    ]
    rows = [
        [name, *(estimate(each[metric]) for metric in CLASS_METRICS)]
        for name, each in zip(names, content.per_class, strict=True)
    ]
    return [
        tag("h3", "The equation, class by class"),
        tag("p", "Held-out cells: in rows what they are, in columns what the equation says."),
        table(["", *said], counts),
        tag(
            "p",
            "Precision: of the cells that are said to be of a class, the share that is. Recall: of "
            "the cells of a class, the share that is said to be. F1: their harmonic mean.",
        ),
        table(["class", *(metric.capitalize() for metric in CLASS_METRICS)], rows),
        tag(
            "p",
            f"Expected calibration error of its probabilities: {content.calibration:.3f} (how far, "
            "in the mean over held-out cells, the probability of the class that it gives is from "
            "how often it is right, in ten bins). Numbers are fitted for the decision, and scores "
            "beyond ±4 count as no surer: take a large one for a sure one, not for a probability.",
        ),
    ]


def front_section(content: Content) -> list[Markup]:
    """List the equations that were found, and their laws."""
    front = content.front
    rows = [
        [
            str(each.size),
            join(_lines(each.expression, each.digits), tag("br")),
            _with_interval(each.validation_loss, each.loss_interval),
            f"{each.train_loss:.4f}",
            _with_interval(each.accuracy, each.accuracy_interval),
            _with_interval(each.balanced_accuracy, each.balanced_accuracy_interval),
            f"{100 * each.agreement:.1f} %",
            f"{score:.3f}",
            f"{each.flips:,}",
            each.engine,
        ]
        for each, score in zip(front.candidates, pysr_scores(front.candidates), strict=True)
    ]
    word, judged = content.schemes.group_word, front.judged
    fitted = "cells" if judged is None else f"of {judged.fitted:,} cells those"
    return [
        svg(charts.pareto_front(front), "Loss of each equation against its size"),
        tag(
            "p",
            "The best equation of each size, judged on the cells its numbers were fitted to. The "
            "choice is made by cross-validation: by default the smallest within one standard error "
            "of the best. None of these numbers is from held-out cells.",
        ),
        tag(
            "p",
            f"Loss and accuracy are {summary.judged_on(front, word)}. Agrees: validation cells "
            f"{summary.agrees(front)}. Gain: PySR's score, "
            "how fast the logarithm of the fitted loss falls with the size. "
            f"Flips: {fitted} that {summary.flips(front)} when the numbers are rounded as shown.",
        ),
        table(
            ["size", "equation", "cross-validated loss", "fitted loss",
             "cross-validated accuracy", "cross-validated balanced accuracy",
             "agrees with sparse", "gain", "flips", "engine"],
            rows,
            marked=front.chosen,
        ),
        tag("h3", "Laws"),
        tag("p", f"{summary.headline(front)}. {summary.ABOUT_LAWS}"),
        *([tag("ul", *(tag("li", line) for _, line in summary.law_lines(front)))]
          if front.laws else []),
    ]  # fmt: skip


def _lines(equation: Equation, digits: int) -> list[Markup]:
    if not isinstance(equation, ClassScores):
        return [tag("code", equation.unicode(digits))]
    return [tag("code", f"{name}: {each.unicode(digits)}") for name, each in equation.lines]


def _with_interval(value: float | None, interval: tuple[float, float] | None) -> Markup:
    low, high = interval or (None, None)
    return estimate(Estimate(value=value, low=low, high=high))
