"""From latents and the sparse network's scores to a Pareto front of equations."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress, Report
from napari_parsimony.symbolic.choice import one_standard_error
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.engines import engine
from napari_parsimony.symbolic.engines.base import Found, Partial, front_of
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.fitting import Fitted, best_by_size, fitting, shortened
from napari_parsimony.symbolic.front import BY_HAND, Front, Judged, Search, non_dominated
from napari_parsimony.symbolic.hall_of_fame import read_hall_of_fame
from napari_parsimony.symbolic.judge import compared, judge
from napari_parsimony.symbolic.kept import Kept
from napari_parsimony.symbolic.laws import laws_of
from napari_parsimony.symbolic.parse import MAX_CHARACTERS
from napari_parsimony.symbolic.splits import problem_of, split_cells

REFIT_CELLS = 20_000
SHORTEN_CELLS = 3_000  # of them, for trying hundreds of variants
NEAR = 2  # times the largest size: what is larger is not shortened, unless a person wrote it
_UNITS = 100  # of progress, for each engine and for what follows
_FROM_FILE = "pysr (file)"


def search_front(
    latents: pd.DataFrame,
    logits: NDArray[np.floating],
    target: NDArray[np.floating],
    split: NDArray,
    groups: NDArray,
    config: EquationsConfig,
    report: Report,
    *,
    guided: bool = False,
    keep: Path | None = None,
) -> Front:
    """Look for equations that decide as the sparse network does.

    Every engine searches on training cells; of all that they find, and of shorter variants of it,
    the numbers are fitted to the classes of training cells by logistic loss. What is not dominated
    is judged by cross-validation over the groups of training and validation cells, with the
    numbers fitted anew each time: validation cells alone come from too few movies in most studies
    to tell good equations from lucky ones. The one-standard-error rule then chooses, and all keep
    the numbers that fit training and validation cells together. Test cells are not looked at.

    Parameters
    ----------
    latents
        The used latents, one column each, one row a cell.
    logits
        The sparse network's scores, shape (cells,); above 0 is the second class.
    target
        1 for the second class, 0 for the first, NaN without a class, shape (cells,).
    split
        ``"train"``, ``"validation"`` or ``"test"`` of each cell, shape (cells,).
    groups
        The movie or image of each cell, shape (cells,).
    config
        Engines and budgets.
    report
        Told of the progress, with the size and error of the best equation so far, and of the front
        as it is by then: `Progress.preview` has ``front``, a list of ``[size, loss, text]``, and
        ``loss``, what kind it is.
    guided
        Whether the classes of training cells had a say in the latents. Those cells are then told
        apart better than new ones will be: only validation cells judge, though numbers are fitted
        to both.
    keep
        A folder for what is found meanwhile. What an interrupted search left there takes part, and
        is what engines start from.

    Raises
    ------
    UserError
        If the cells cannot be learned from, or an engine cannot run.
    """
    train, validation = split_cells(latents, logits, target, split, groups, guided)
    names = tuple(str(name) for name in latents.columns)
    problem = problem_of(train, names, config)
    total = _UNITS * (len(config.engines) + 1)

    # what cannot run, or be read, is said before anything is searched
    engines = {name: engine(name) for name in config.engines}
    by_hand = Search(BY_HAND, config.seed)
    found = {expression: [by_hand] for expression in _by_hand(names, config)}
    if config.hall_of_fame is not None:
        from_file = Search(_FROM_FILE, config.seed)
        for line in read_hall_of_fame(config.hall_of_fame, names):
            found.setdefault(line.expression.simplified(), []).append(from_file)
    store = Kept(keep, names)
    for name in engines:
        for expression in store.found(name):
            found.setdefault(expression, []).append(Search(name, config.seed))
    earlier: list[Found] = []
    for number, name in enumerate(engines):
        reporter = _reporter(report, name, number, total, tuple(earlier))
        informed = replace(problem, guesses=tuple(found))
        for member in engines[name].search(informed, store.keeping(name, reporter)):
            found.setdefault(member.expression, []).append(Search(name, member.seed))
            earlier.append(member)

    many = train.labelled().sample(REFIT_CELLS, config.seed)
    few = many.sample(SHORTEN_CELLS, config.seed)

    def told(done: float, message: str, front: Sequence[Fitted] = ()) -> None:
        members = [(m.expression, m.loss) for m in best_by_size(list(front))]
        preview = _preview(members, "logistic loss") if members else {}
        report(Progress(int(total - _UNITS * (1 - done)), total, message, preview=preview))

    # nothing else is as much work as what is far too large, and little of it gets short enough
    near = [
        (expression, searches)
        for expression, searches in found.items()
        if expression.size <= NEAR * config.max_size or by_hand in searches
    ]
    fit = fit_to_few = fitting(few, names, config.balanced)
    finders: dict[Fitted, set[Search]] = {}
    for index, (expression, searches) in enumerate(near):
        told(0.2 * index / len(near), "Fitting the numbers to the classes")
        finders.setdefault(fit(expression, searches[0]), set()).update(searches)
    fitted = shortened(
        list(finders), fit, lambda done, pool: told(0.2 + 0.6 * done, "Shortening", pool)
    )
    fitted = [member for member in fitted if member.expression.size <= config.max_size]
    if not fitted:
        raise UserError(
            f"No equation of size {config.max_size} or less was found; raise the largest size."
        )
    if many is not few:
        told(0.8, "Fitting the numbers to more cells")
        fit = fitting(many, names, config.balanced)
        fitted = [fit(m.expression, (m.engine, m.seed)) for m in fitted]

    told(0.95, "Cross-validating", fitted)
    known = train.joined(validation).labelled().sample(REFIT_CELLS, config.seed)
    judged = [judge(m, known, validation, names, config) for m in best_by_size(fitted)]
    kept = non_dominated(each.candidate for each in judged)
    fresh = known.take(known.fresh)
    candidates = compared([each for each in judged if each.candidate in kept], fresh, config)
    chosen = one_standard_error(candidates)
    laws = laws_of(candidates, chosen, finders, fit_to_few, few, names, config)
    return Front(
        tuple(candidates),
        chosen,
        names,
        Judged(len(fresh.target), len(np.unique(fresh.groups)), len(known.target)),
        tuple(sorted({search for each in found.values() for search in each} - {by_hand})),
        laws,
    )


def _by_hand(names: tuple[str, ...], config: EquationsConfig) -> list[Expression]:
    if len(config.by_hand) > MAX_CHARACTERS:
        raise UserError(
            f"The equations by hand have {len(config.by_hand):,} characters; more than "
            f"{MAX_CHARACTERS:,} are not read."
        )
    found = [Expression.parse(text) for text in config.by_hand.split(";") if text.strip()]
    for expression in found:
        strange = [name for name in expression.variables if name not in names]
        if strange:
            raise UserError(
                f"The equation by hand '{str(expression)[:60]}' reads {strange[0]}, but the search "
                f"knows only what the sparse network uses: {', '.join(names)}."
            )
    return found


def _preview(members: Sequence[tuple[Expression, float]], loss: str) -> dict[str, object]:
    front = [[member.size, error, member.unicode()[:200]] for member, error in members]
    return {"front": front, "loss": loss}


def _reporter(
    report: Report, name: str, number: int, total: int, earlier: tuple[Found, ...]
) -> Callable[[Partial], None]:
    def report_front(partial: Partial) -> None:
        done = _UNITS * number + _UNITS * partial.done // partial.total
        if not partial.front:
            report(Progress(done, total, f"{name}: starting"))
            return
        best = min(partial.front, key=lambda found: found.error)
        front = front_of([*earlier, *partial.front])
        report(
            Progress(
                done,
                total,
                f"{name}: best so far {best.expression.unicode()[:60]}",
                {"squared error": best.error, "size": float(best.expression.size)},
                _preview([(m.expression, m.error) for m in front], "squared error"),
            )
        )

    return report_front
