"""From latents and the sparse network's scores to a Pareto front of equations."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress, Report
from napari_parsimony.symbolic.choice import one_standard_error
from napari_parsimony.symbolic.class_scores import Equation, largest
from napari_parsimony.symbolic.config import EngineName, EquationsConfig
from napari_parsimony.symbolic.engines import engine
from napari_parsimony.symbolic.engines.base import Engine, Found, Partial, Problem, front_of
from napari_parsimony.symbolic.exchange import exchanged
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.fitting import Fitted, best_by_size, fitting, shortened
from napari_parsimony.symbolic.front import BY_HAND, Front, Judged, Search, non_dominated
from napari_parsimony.symbolic.given import given_equations, reference_of
from napari_parsimony.symbolic.joint import LEAST, Joining, joint_variants
from napari_parsimony.symbolic.judge import compared, judge
from napari_parsimony.symbolic.kept import Kept
from napari_parsimony.symbolic.laws import laws_of
from napari_parsimony.symbolic.shorten import variants
from napari_parsimony.symbolic.splits import (
    SplitCells,
    problem_of,
    problem_of_class,
    split_cells,
)

REFIT_CELLS = 20_000
SHORTEN_CELLS = 3_000  # of them, for trying hundreds of variants
NEAR = 2  # times the largest size: what is larger is not shortened, unless a person wrote it
QUICK: EngineName = "quick"  # the engine for odds between all pairs of classes
_UNITS = 100  # of progress, for each engine and for what follows


# matrices are small: for these, several threads cost more than they give
@threadpool_limits.wrap(limits=1)
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
    classes: tuple[str, ...] = (),
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
        The sparse network's scores, shape (cells,); above 0 is the second class. Of more than two
        classes one for each, shape (cells, classes).
    target
        Number of the class, 0, 1, …, NaN without one, shape (cells,).
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
    classes
        Names of the classes if they are more than two. Engines then search for one class after
        another; see `joint` for how equations of all classes are made of that.

    Raises
    ------
    UserError
        If the cells cannot be learned from, or an engine cannot run.
    """
    train, validation = split_cells(latents, logits, target, split, groups, guided)
    names = tuple(str(name) for name in latents.columns)
    searched = _searched(train, names, config, classes)
    total = _UNITS * (sum(len(each.engines) for each in searched) + 1)

    # what cannot run, or be read, is said before anything is searched
    engines = {name: engine(name) for name in config.engines}
    given, whole = given_equations(names, config, classes)
    by_hand = Search(BY_HAND, config.seed)
    found: list[dict[Expression, list[Search]]] = [{} for _ in classes or ("score",)]
    done = 0
    for each in searched:
        store, units = Kept(keep, names, each.suffix), _Units(report, done, total, each.title)
        mine = {name: engines[name] for name in each.engines}
        start = given[each.which] if each.against is None else {}
        new = _found(each.problem, mine, start, store, units)
        if each.against is not None:
            new = {e: by for e, by in new.items() if e.size <= config.max_size}
        for expression, searches in new.items():
            found[each.which].setdefault(expression, []).extend(searches)
            if each.against is not None:  # the odds the other way round
                other = (-expression).simplified()
                found[each.against].setdefault(other, []).extend(searches)
        done += _UNITS * len(mine)

    many = train.labelled().sample(REFIT_CELLS, config.seed)
    few = many.sample(SHORTEN_CELLS, config.seed)

    def told(done: float, message: str, front: Sequence[Fitted] = ()) -> None:
        members = [(m.expression, m.loss) for m in best_by_size(list(front))]
        preview = _preview(members, "logistic loss") if members else {}
        report(Progress(int(total - _UNITS * (1 - done)), total, message, preview=preview))

    # nothing else is as much work as what is far too large, and little of it gets short enough
    near = [
        {
            expression: searches
            for expression, searches in mine.items()
            if expression.size <= NEAR * config.max_size or by_hand in searches
        }
        for mine in found
    ]
    fit = fit_to_few = fitting(few, names, config.balanced)
    finders: dict[Fitted, set[Search]] = {}
    if not classes:
        for index, (expression, searches) in enumerate(near[0].items()):
            told(0.1 * index / len(near[0]), "Fitting the numbers to the classes")
            finders.setdefault(fit(expression, searches[0]), set()).update(searches)
        for expression, origin in exchanged(
            list(finders), few, names, config.balanced,
            lambda done: told(0.1 + 0.1 * done, "Exchanging terms", list(finders)),
        ):  # fmt: skip
            better = fit(expression, (origin.engine, origin.seed))
            finders.setdefault(better, set()).update(finders[origin])
    else:
        for equation, search in whole.items():
            finders.setdefault(fit(equation, search), set()).add(search)
        joining = Joining(classes, few, names, config, fit)
        for member, by in joining.join(
            near, lambda done: told(0.2 * done, "Putting the classes together")
        ).items():
            finders.setdefault(member, set()).update(by)
    fitted = shortened(
        list(finders),
        fit,
        lambda done, pool: told(0.2 + 0.6 * done, "Shortening", pool),
        variants if config.reference else joint_variants,
        LEAST if classes else 0.0,
    )
    fitted = [member for member in fitted if largest(member.expression) <= config.max_size]
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
    everyone = {search for each in found for by in each.values() for search in by}
    return Front(
        tuple(candidates),
        chosen,
        names,
        Judged(len(fresh.target), len(np.unique(fresh.groups)), len(known.target)),
        tuple(sorted(everyone - {by_hand})),
        laws,
        classes,
    )


class _Searched(NamedTuple):
    """What engines search for: a score, or that of a class, or the odds of it against another."""

    problem: Problem
    engines: tuple[EngineName, ...]
    which: int = 0
    against: int | None = None
    title: str = ""
    suffix: str = ""


def _searched(
    train: SplitCells, names: tuple[str, ...], config: EquationsConfig, classes: tuple[str, ...]
) -> list[_Searched]:
    """Make the problems for engines.

    Of more than two classes, odds between any two may be simple where no score is, as each score
    has a share of all others in it. There are many such pairs: only the engine that takes a second
    looks at them.
    """
    if not classes:
        return [_Searched(problem_of(train, names, config), config.engines)]
    reference = reference_of(config, classes)
    found = [
        _Searched(
            problem_of_class(train, names, config, which, reference),
            config.engines,
            which,
            title=name,
            suffix=f"-{which}",
        )
        for which, name in enumerate(classes)
        if which != reference
    ]
    if reference is None and QUICK in config.engines:
        found += [
            _Searched(
                problem_of_class(train, names, config, one, other),
                (QUICK,),
                one,
                other,
                f"{classes[one]} against {classes[other]}",
                f"-{one}-{other}",
            )
            for one, other in combinations(range(len(classes)), 2)
        ]
    return found


class _Units(NamedTuple):
    """Where the searches for one class are in the progress of all."""

    report: Report
    start: int
    total: int
    of: str

    def of_engine(
        self, name: str, number: int, earlier: tuple[Found, ...]
    ) -> Callable[[Partial], None]:
        title = f"{name}, {self.of}" if self.of else name

        def report_front(partial: Partial) -> None:
            done = self.start + _UNITS * number + _UNITS * partial.done // partial.total
            if not partial.front:
                self.report(Progress(done, self.total, f"{title}: starting"))
                return
            best = min(partial.front, key=lambda found: found.error)
            front = front_of([*earlier, *partial.front])
            self.report(
                Progress(
                    done,
                    self.total,
                    f"{title}: best so far {best.expression.unicode()[:60]}",
                    {"squared error": best.error, "size": float(best.expression.size)},
                    _preview([(m.expression, m.error) for m in front], "squared error"),
                )
            )

        return report_front


def _found(
    problem: Problem,
    engines: Mapping[Any, Engine],
    given: Mapping[Expression, Search],
    store: Kept,
    units: _Units,
) -> dict[Expression, list[Search]]:
    """Let the engines search one after another; each knows what was found before it."""
    found = {expression: [search] for expression, search in given.items()}
    for name in engines:
        for expression in store.found(name):
            found.setdefault(expression, []).append(Search(name, problem.config.seed))
    earlier: list[Found] = []
    for number, name in enumerate(engines):
        reporter = units.of_engine(name, number, tuple(earlier))
        informed = replace(problem, guesses=tuple(found))
        for member in engines[name].search(informed, store.keeping(name, reporter)):
            found.setdefault(member.expression, []).append(Search(name, member.seed))
            earlier.append(member)
    return found


def _preview(members: Sequence[tuple[Equation, float]], loss: str) -> dict[str, object]:
    front = [[member.size, error, member.unicode()[:200]] for member, error in members]
    return {"front": front, "loss": loss}
