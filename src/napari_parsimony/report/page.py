"""One self-contained page: what was found, how well it does, how it came about."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from napari_parsimony.artefact import replace_file
from napari_parsimony.figures import cells, charts, class_map, decision, network
from napari_parsimony.figures.equation import equation as equation_figure
from napari_parsimony.figures.style import to_png, to_svg
from napari_parsimony.progress import Progress, Report, silent
from napari_parsimony.report import words
from napari_parsimony.report.config import ReportConfig
from napari_parsimony.report.content import Content
from napari_parsimony.report.css import STYLE
from napari_parsimony.report.html import Markup, join, picture, table, tag
from napari_parsimony.study.latent_names import title
from napari_parsimony.symbolic import summary
from napari_parsimony.symbolic.choice import pysr_scores
from napari_parsimony.symbolic.class_scores import ClassScores, Equation, named
from napari_parsimony.trust.metrics import CLASS_METRICS, METRICS
from napari_parsimony.trust.schemes import Estimate

if TYPE_CHECKING:
    from napari_parsimony.study.study import Study

FILE = "report.html"


def write_report(study: "Study", config: ReportConfig, out: Path, report: Report = silent) -> None:
    """Write ``report.html`` about a study in which all other steps have been run.

    Parameters
    ----------
    study
        The study.
    config
        What to show.
    out
        Folder to write into.
    report
        Is told which section is being drawn.

    Raises
    ------
    UserError
        If a step is missing, or the map is asked for latents that the equation has not.
    """
    from napari_parsimony.report.gather import gather

    report(Progress(0, len(SECTIONS) + 1, "Reading the study"))
    content = gather(study, config)
    replace_file(out / FILE, page(content, report))


def page(content: Content, report: Report = silent) -> str:
    """Write the page as HTML."""
    parts = []
    for number, (name, heading, section) in enumerate(SECTIONS):
        report(Progress(number + 1, len(SECTIONS) + 1, f"Report: {heading}"))
        parts.append(tag("section", tag("h2", heading), *section(content), id=name))
    links = [tag("a", heading, href=f"#{name}") for name, heading, _ in SECTIONS]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", content.title),
        tag("style", Markup(STYLE)),
    )
    body = tag(
        "body",
        tag(
            "header",
            tag("h1", content.title),
            *(tag("p", text) for text in words.headline(content)),
            _notes(content),
            tag("nav", join(links, " ")),
        ),
        tag("main", *parts),
        tag("footer", tag("p", _footer(content))),
    )
    report(Progress(len(SECTIONS) + 1, len(SECTIONS) + 1, "Report: done"))
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _notes(content: Content) -> Markup:
    if not content.schemes.notes:
        return Markup("")
    return tag("ul", *(tag("li", note) for note in content.schemes.notes), class_="notes")


def _footer(content: Content) -> str:
    version = content.provenance.get("evaluate", {}).get("versions", {}).get("napari-parsimony", "")
    return f"Written by napari-parsimony {version}".strip() + "."


def _svg(figure: Figure, description: str, caption: str = "") -> Markup:
    return picture(to_svg(figure, dpi=200), description, caption, width=_pixels(figure))


def _png(figure: Figure, description: str, caption: str = "") -> Markup:
    return picture(to_png(figure), description, caption, "png", width=_pixels(figure))


def _pixels(figure: Figure) -> int:
    """Width on the page: letters of all figures are then of one size."""
    return round(figure.get_figwidth() * 96)


def _estimate(estimate: Estimate | None, in_percent: bool = False) -> Markup:
    """Write a number above its interval."""
    value, bounds = words.number(estimate, in_percent)
    return join([value, tag("br"), tag("small", bounds)]) if bounds else join([value])


def _equation(content: Content) -> list[Markup]:
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
            _svg(
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


def _decision(content: Content) -> list[Markup]:
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
                f" The map is a slice: {words.listed(list(shown.fixed))} "
                f"{'is' if len(shown.fixed) == 1 else 'are'} held at the cells' median, written "
                "above it. Each cell has its own values, so cells and map need not agree."
            )
    text += (
        " The pictures are decoded at the values below or beside them, all other latents at the "
        "cells' median."
    )
    return [_png(figure, f"Decision map of {words.listed(list(classes))}", text)]


def _schemes(content: Content) -> list[Markup]:
    schemes = content.schemes
    interval = f"{100 * schemes.confidence:.3g} %"
    rows = [
        [
            row.title,
            *(_estimate(getattr(row, metric)) for metric in METRICS),
            words.wrong(row),
            words.whole(row.complexity.parameters),
            words.whole(row.complexity.expression_size),
        ]
        for row in schemes.schemes
    ]
    ratios = [
        [
            row.title,
            *(_estimate(getattr(row, f"{metric}_ratio"), in_percent=True) for metric in METRICS),
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
        _svg(charts.schemes_table(schemes), "Accuracy, AUC and expression size of each scheme"),
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
        [name, *(_estimate(each[metric]) for metric in CLASS_METRICS)]
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


def _front(content: Content) -> list[Markup]:
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
        _svg(charts.pareto_front(front), "Loss of each equation against its size"),
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
    return _estimate(Estimate(value=value, low=low, high=high))


def _network(content: Content) -> list[Markup]:
    figure = network.sparse_network(content.weights, content.inputs, content.schemes.classes)
    usage = charts.latent_usage(
        content.usage_before, content.usage_after, content.used, content.networks
    )
    return [
        _svg(
            figure,
            "The sparse network",
            "Connections on a path from a latent to the "
            f"{'score' if len(content.schemes.classes) == 2 else 'scores'}.",
        ),
        _svg(
            usage,
            "How often each latent is kept",
            f"How many of {content.networks} sparse networks, each from its own random start, keep "
            "a latent, before and after whole latents were pruned on validation cells. Bold: read "
            "by the network above.",
        ),
    ]


def _traversals(content: Content) -> list[Markup]:
    names = [title(name, content.latent_names) for name in content.traversal_names]
    figure = cells.traversals(content.traversals, names, content.traversal_values)
    return [
        _png(
            figure,
            "Traversals of the latents in use",
            "Each row decodes one latent from its 1st to its 99th percentile over the cells, all "
            "others at the cells' median.",
        )
    ]


def _reconstructions(content: Content) -> list[Markup]:
    return [
        _png(
            cells.reconstructions(content.crops, content.decoded),
            "Cells and what the VAE decodes from their latents",
            "Held-out cells, chosen at random, and what is decoded from their latents: what is "
            "lost here, no later step can use.",
        )
    ]


def _verdict(content: Content) -> list[Markup]:
    findings = [
        tag(
            "li",
            finding.text,
            *([tag("br"), tag("small", finding.advice)] if finding.advice else []),
        )
        for finding in content.verdict.findings
    ]
    return [tag("p", content.verdict.headline), tag("ul", *findings, class_="notes")]


def _training(content: Content) -> list[Markup]:
    return [_svg(charts.loss_curves(content.history), "Training of the VAE")]


def _data(content: Content) -> list[Markup]:
    names = content.schemes.classes
    rows = [
        [str(row["split"]), *(f"{int(row[name]):,}" for name in (*names, "groups"))]
        for _, row in content.cells.iterrows()
    ]
    word = words.plural(content.schemes.group_word, 2)
    none = "neither class" if len(names) == 2 else "none of the classes"
    more = (
        f" {content.unlabelled:,} further cells are of {none}; only the VAE has seen them."
        if content.unlabelled
        else ""
    )
    return [
        table(["split", *names, word], rows),
        tag("p", f"All cells of one {content.schemes.group_word} are in the same split.{more}"),
        tag("p", words.crops_made(content)),
    ]


def _provenance(content: Content) -> list[Markup]:
    return [
        tag(
            "details",
            tag(
                "summary",
                f"{name}: seed {record.get('seed')}, fingerprint "
                f"{str(record.get('fingerprint'))[:12]}",
            ),
            tag("pre", tag("code", json.dumps(record, indent=1, default=str, ensure_ascii=False))),
        )
        for name, record in content.provenance.items()
    ]


SECTIONS = (
    ("equation", "The equation", _equation),
    ("decision", "Decision map", _decision),
    ("schemes", "Four schemes", _schemes),
    ("front", "Pareto front", _front),
    ("network", "The sparse network", _network),
    ("traversals", "What the latents mean", _traversals),
    ("reconstructions", "Reconstructions", _reconstructions),
    ("verdict", "What the latents are worth", _verdict),
    ("training", "Training of the VAE", _training),
    ("cells", "Cells and splits", _data),
    ("provenance", "Provenance", _provenance),
)
"""Anchor, title and content of each section, in order."""
