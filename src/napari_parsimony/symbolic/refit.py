"""Fit the numbers in an expression to the classes."""

import numpy as np

from napari_parsimony.symbolic.evaluate import jacobian
from napari_parsimony.symbolic.expression import Expression, constant
from napari_parsimony.symbolic.losses import CERTAIN, Floats, logistic

# The price of ln(1 + score²), in nats for all cells together: like any prior (this is Cauchy's), it
# weighs less the more cells there are. Classes that can be separated would otherwise drive the
# numbers to infinity, where every cell is certain and no shorter variant can be fitted any more. A
# law that grows as fast as exp(exp(z3)) must not pay much for it, nor one that is sharp: what
# levels off by itself would be sharper for the same price.
_CALM = 0.3
_DAMPING = 1e-3
_MOST_DAMPING = 1e8
_NOTHING = 1e-6


def refit(
    expression: Expression,
    values: Floats,
    names: tuple[str, ...],
    target: Floats,
    weights: Floats,
    steps: int = 50,
) -> tuple[Expression, float]:
    """Fit the constants of an expression by weighted logistic loss.

    Fisher scoring with Levenberg-Marquardt damping, in float64, of the loss and a small price on
    large scores. Only steps that lower both together are taken, and the start is returned if the
    loss alone is not lower in the end. A cell without a score costs as much as a wrong one.

    Parameters
    ----------
    expression
        What to fit; without constants it comes back as it is.
    values, names
        Latents of the training cells, shape (cells, variables), and their names.
    target
        Classes of these cells, 0 or 1, shape (cells,).
    weights
        Weights of these cells in the loss, shape (cells,).
    steps
        Most steps, refused ones included.

    Returns
    -------
    expression, loss
        The best one met, and its mean loss: never more than that of the expression given.
    """
    columns = dict(zip(names, values.T, strict=True))
    share = weights / weights.sum()
    calm = _CALM / len(target)

    def loss_of(scores: Floats) -> float:
        return float((share * logistic(scores, target)).sum())

    def priced(scores: Floats) -> float:
        price = np.log1p(np.clip(scores, -1e100, 1e100) ** 2)
        return loss_of(scores) + calm * float((share * np.nan_to_num(price, nan=1e3)).sum())

    scores, slopes = jacobian(expression, columns, len(target))
    before, start = loss_of(scores), expression
    cost, damping = priced(scores), _DAMPING
    if not expression.constants:
        return expression, before
    for _ in range(steps):
        step = _fisher_step(scores, slopes, target, share, damping)
        numbers = np.array(expression.constants) + step
        if not np.isfinite(numbers).all() or not step.any():
            break
        changed = expression.with_constants(numbers.tolist())
        if len(changed.constants) < len(numbers):
            break  # an exponent became 2 or 3, which needs no fitting
        new_scores, new_slopes = jacobian(changed, columns, len(target))
        gained = cost - priced(new_scores)
        if gained > 0:
            expression, scores, slopes, cost = changed, new_scores, new_slopes, cost - gained
            damping = max(damping / 5, 1e-9)
            if gained < 1e-8 * cost:
                break
        else:
            damping *= 8
            if damping > _MOST_DAMPING:
                break
    if expression.op == "constant" and abs(expression.constants[0]) < _NOTHING:
        # of balanced classes: it decides nothing, and not what rounding made of it
        return constant(0.0), loss_of(np.zeros(len(target)))
    after = loss_of(scores)
    return (expression, after) if after <= before else (start, before)


def _fisher_step(
    scores: Floats, slopes: Floats, target: Floats, share: Floats, damping: float
) -> Floats:
    """Solve for the step of all constants; cells without a score have no say."""
    calm = _CALM / len(target)
    defined = np.isfinite(slopes).all(axis=0) & (np.abs(scores) < 1e100)
    inner, s, share = slopes[:, defined], scores[defined], share[defined]
    free = np.abs(s) < CERTAIN  # the others' loss is cut, only the price pulls at them
    probability = 1 / (1 + np.exp(-np.clip(s, -CERTAIN, CERTAIN)))
    pull_in = 2 * calm / (1 + s * s)
    pull = share * (free * (probability - target[defined]) + pull_in * s)
    weight = share * (free * probability * (1 - probability) + pull_in)
    with np.errstate(all="ignore"):
        gradient = (inner * pull).sum(axis=1)
        # no matrix product: for matrices this small, threads of BLAS cost more than they give
        curvature = ((inner * weight)[:, None, :] * inner[None, :, :]).sum(axis=2)
    diagonal = np.diag(curvature)
    if not (np.isfinite(curvature).all() and np.isfinite(gradient).all()):
        return np.zeros_like(gradient)
    ridge = damping * diagonal + 1e-12 * (1 + diagonal.max(initial=0.0))
    return np.linalg.solve(curvature + np.diag(ridge), -gradient)
