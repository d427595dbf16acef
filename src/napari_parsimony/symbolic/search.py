"""From latents and the sparse network's scores to a Pareto front of equations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from napari_parsimony.classify.targets import sample_of_each
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress, Report
from napari_parsimony.symbolic.choice import one_standard_error
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.engines import engine
from napari_parsimony.symbolic.engines.base import Found, Partial, Problem, front_of
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.front import Candidate, Front, non_dominated
from napari_parsimony.symbolic.losses import (
    Floats,
    balanced_accuracy,
    class_weights,
    digits_that_hold,
    logistic,
    mean_and_error,
)
from napari_parsimony.symbolic.refit import refit
from napari_parsimony.symbolic.shorten import variants

SPLITS = ("train", "validation", "test")
REFIT_CELLS = 20_000
SHORTEN_CELLS = 3_000  # of them, for trying hundreds of variants
FOLDS = 5  # of the cross-validation by which one equation is chosen
_UNITS = 100  # of progress, for each engine and for what follows
_EXPANSIONS = 30  # equations of which all shorter variants are tried
_BY_HAND = "by hand"


@dataclass(frozen=True)
class _Cells:
    """The cells of one split."""

    values: Floats
    logits: Floats
    target: Floats  # NaN: no class
    groups: NDArray
    fresh: NDArray[np.bool_]  # the class had no say in the latents

    def labelled(self) -> "_Cells":
        return self.take(~np.isnan(self.target))

    def take(self, rows: NDArray) -> "_Cells":
        return _Cells(*(values[rows] for values in vars(self).values()))

    def joined(self, other: "_Cells") -> "_Cells":
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return _Cells(*(np.concatenate(pair) for pair in pairs))

    def sample(self, most: int, seed: int) -> "_Cells":
        return self.take(sample_of_each(self.target, most, np.random.default_rng(seed)))


@dataclass(frozen=True)
class _Fitted:
    expression: Expression
    loss: float
    engine: str
    seed: int


class _Fit(Protocol):
    def __call__(
        self, expression: Expression, source: tuple[str, int], steps: int = 50
    ) -> _Fitted: ...


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

    Raises
    ------
    UserError
        If the cells cannot be learned from, or an engine cannot run.
    """
    train, validation = _splits(latents, logits, target, split, groups, guided)
    names = tuple(str(name) for name in latents.columns)
    problem = _problem(train, names, config)
    total = _UNITS * (len(config.engines) + 1)

    found = dict.fromkeys(_by_hand(names, config), (_BY_HAND, config.seed))
    earlier: list[Found] = []
    for number, name in enumerate(config.engines):
        reporter = _reporter(report, name, number, total, tuple(earlier))
        informed = replace(problem, guesses=tuple(found))
        for member in engine(name).search(informed, reporter):
            found.setdefault(member.expression, (name, member.seed))
            earlier.append(member)

    many = train.labelled().sample(REFIT_CELLS, config.seed)
    few = many.sample(SHORTEN_CELLS, config.seed)

    def told(done: float, message: str, front: Sequence[_Fitted] = ()) -> None:
        members = [(m.expression, m.loss) for m in _front(list(front))]
        preview = _preview(members, "logistic loss") if members else {}
        report(Progress(int(total - _UNITS * (1 - done)), total, message, preview=preview))

    fit = _fitting(few, names, config.balanced)
    fitted = []
    for index, (expression, source) in enumerate(found.items()):
        told(0.2 * index / len(found), "Fitting the numbers to the classes")
        fitted.append(fit(expression, source))
    fitted = _shortened(fitted, fit, lambda done, pool: told(0.2 + 0.6 * done, "Shortening", pool))
    fitted = [member for member in fitted if member.expression.size <= config.max_size]
    if not fitted:
        raise UserError(
            f"No equation of size {config.max_size} or less was found; raise the largest size."
        )
    if many is not few:
        told(0.8, "Fitting the numbers to more cells")
        fit = _fitting(many, names, config.balanced)
        fitted = [fit(m.expression, (m.engine, m.seed)) for m in fitted]

    told(0.95, "Cross-validating", fitted)
    known = train.joined(validation).labelled().sample(REFIT_CELLS, config.seed)
    judged = [_judge(m, known, validation, names, config) for m in _front(fitted)]
    kept = non_dominated(candidate for candidate, _ in judged)
    candidates = _compared(
        [(candidate, losses) for candidate, losses in judged if candidate in kept],
        known.take(known.fresh),
        config.balanced,
    )
    return Front(tuple(candidates), one_standard_error(candidates), names)


def _fitting(cells: _Cells, names: tuple[str, ...], balanced: bool) -> _Fit:
    """Make a function that fits an expression to the classes of these cells."""
    weights = class_weights(cells.target, balanced)

    def fit(expression: Expression, source: tuple[str, int], steps: int = 50) -> _Fitted:
        fitted, loss = refit(expression, cells.values, names, cells.target, weights, steps)
        return _Fitted(fitted, loss, *source)

    return fit


def _splits(
    latents: pd.DataFrame,
    logits: NDArray,
    target: NDArray,
    split: NDArray,
    groups: NDArray,
    guided: bool,
) -> tuple[_Cells, _Cells]:
    lengths = {len(latents), len(logits), len(target), len(split), len(groups)}
    if len(lengths) > 1:
        raise ValueError(f"columns of different lengths: {sorted(lengths)}")
    split, target = np.asarray(split), np.asarray(target, np.float64)
    strange = set(np.unique(split.astype(str))) - set(SPLITS)
    if strange:
        raise UserError(f"Cells are in the split '{min(strange)}'; use {', '.join(SPLITS)}.")
    if latents.shape[1] == 0:
        raise UserError(
            "The sparse network uses no latent, so there is nothing to make an equation of; "
            "train it with a lower sparsity."
        )
    if not set(np.unique(target[~np.isnan(target)])) <= {0.0, 1.0}:
        raise ValueError("targets other than 0, 1 and NaN")
    both = []
    for name in SPLITS[:2]:
        rows = split == name
        values = latents.to_numpy(np.float64)[rows]
        cells = _Cells(
            values,
            np.asarray(logits, np.float64)[rows],
            target[rows],
            np.asarray(groups)[rows],
            np.full(len(values), not guided or name == "validation"),
        )
        if not (np.isfinite(values).all() and np.isfinite(cells.logits).all()):
            raise UserError(
                f"Some {name} cells have a latent or a score that is not a finite number; "
                "train the model again."
            )
        if len(np.unique(cells.labelled().target)) < 2:
            raise UserError(
                f"The {name} cells are not of both classes; give more cells a class, or choose "
                "another fold."
            )
        both.append(cells)
    return both[0], both[1]


def _problem(train: _Cells, names: tuple[str, ...], config: EquationsConfig) -> Problem:
    """Choose what engines imitate: the scores near the decision, or the classes as ±1."""
    if config.target == "labels":
        cells = train.labelled().sample(config.cells, config.seed)
        return Problem(cells.values, names, 2 * cells.target - 1, config)
    certainty = np.abs(train.logits)
    cells = train.take(certainty <= max(config.clip, float(np.median(certainty))))
    cells = cells.sample(config.cells, config.seed)
    return Problem(cells.values, names, cells.logits, config)


def _by_hand(names: tuple[str, ...], config: EquationsConfig) -> list[Expression]:
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
        best = min(partial.front, key=lambda found: found.error)
        front = front_of([*earlier, *partial.front])
        report(
            Progress(
                _UNITS * number + _UNITS * partial.done // partial.total,
                total,
                f"{name}: best so far {best.expression.unicode()[:60]}",
                {"squared error": best.error, "size": float(best.expression.size)},
                _preview([(m.expression, m.error) for m in front], "squared error"),
            )
        )

    return report_front


def _front(fitted: list[_Fitted]) -> list[_Fitted]:
    best: list[_Fitted] = []
    key = lambda m: (m.expression.size, m.loss, str(m.expression))  # noqa: E731
    for member in sorted(fitted, key=key):
        if not best or member.loss < best[-1].loss:
            best.append(member)
    return best


def _shortened(
    fitted: list[_Fitted],
    fit: _Fit,
    report: Callable[[float, list[_Fitted]], None],
) -> list[_Fitted]:
    """Add shorter variants wherever they are better than all that is as short, largest first."""
    pool = _front(fitted)
    tried: set[Expression] = set()
    expanded: set[Expression] = set()
    for step in range(_EXPANSIONS):
        report(step / _EXPANSIONS, pool)
        member = next((m for m in reversed(pool) if m.expression not in expanded), None)
        if member is None:
            break
        expanded.add(member.expression)
        source = (member.engine, member.seed)
        new = []
        for variant in variants(member.expression):
            if variant in tried:
                continue
            tried.add(variant)
            rough = fit(variant, source, 10)
            if rough.loss < 1.05 * _loss_at(pool, rough.expression.size):
                new.append(fit(rough.expression, source))
        pool = _front([*pool, *new])
    return pool


def _loss_at(front: list[_Fitted], size: int) -> float:
    return min((m.loss for m in front if m.expression.size <= size), default=np.inf)


def _scores(expression: Expression, cells: _Cells, names: tuple[str, ...]) -> Floats:
    columns = dict(zip(names, cells.values.T, strict=True))
    return np.broadcast_to(expression.evaluate(columns), len(cells.values))


def _judge(
    member: _Fitted,
    known: _Cells,
    validation: _Cells,
    names: tuple[str, ...],
    config: EquationsConfig,
) -> tuple[Candidate, Floats]:
    """Fit an equation to all cells that may be learned from, and tell how well that works.

    Returns the candidate and its cross-validated loss on each of the fresh cells.
    """
    weights = class_weights(known.target, config.balanced)
    final, loss = refit(member.expression, known.values, names, known.target, weights)
    fresh = known.take(known.fresh)
    scores = _cross_validated(final, known, names, config)[known.fresh]
    losses = logistic(scores, fresh.target)
    mean, error = mean_and_error(losses, class_weights(fresh.target, config.balanced), fresh.groups)
    digits, flips = digits_that_hold(final, known.values, names)
    agrees = (_scores(final, validation, names) > 0) == (validation.logits > 0)
    candidate = Candidate(
        expression=final,
        engine=member.engine,
        seed=member.seed,
        train_loss=loss,
        validation_loss=mean,
        validation_error=error,
        excess_error=0.0,
        balanced_accuracy=balanced_accuracy(scores, fresh.target),
        agreement=float(agrees.mean()),
        digits=digits,
        flips=flips,
    )
    return candidate, losses


def _cross_validated(
    expression: Expression, known: _Cells, names: tuple[str, ...], config: EquationsConfig
) -> Floats:
    """Score every cell by the equation with its numbers fitted to other groups only."""
    scores = np.array(_scores(expression, known, names))
    groups = known.groups if len(np.unique(known.groups)) > 1 else np.arange(len(known.target))
    rarest = int(np.unique(known.target, return_counts=True)[1].min())
    folds = StratifiedGroupKFold(
        min(FOLDS, len(np.unique(groups)), rarest), shuffle=True, random_state=config.seed
    )
    for others, held_out in folds.split(known.values, known.target, groups):
        rest, part = known.take(others), known.take(held_out)
        if len(np.unique(rest.target)) < 2:
            continue  # nothing to fit to: these cells keep the scores of the whole
        weights = class_weights(rest.target, config.balanced)
        fitted, _ = refit(expression, rest.values, names, rest.target, weights)
        scores[held_out] = _scores(fitted, part, names)
    return scores


def _compared(
    judged: list[tuple[Candidate, Floats]], fresh: _Cells, balanced: bool
) -> list[Candidate]:
    """Tell each candidate how sure it is that it is worse than the best."""
    weights = class_weights(fresh.target, balanced)
    _, best = min(judged, key=lambda pair: pair[0].validation_loss)
    return [
        replace(candidate, excess_error=mean_and_error(losses - best, weights, fresh.groups)[1])
        for candidate, losses in judged
    ]
