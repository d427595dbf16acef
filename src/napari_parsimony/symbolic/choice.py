"""Which equation of a front to use, unless a person decides."""

from collections.abc import Sequence

from napari_parsimony.symbolic.front import Candidate


def one_standard_error(candidates: Sequence[Candidate]) -> int:
    """Index of the smallest equation within one standard error of the best.

    The rule of Breiman, Friedman, Olshen & Stone (1984) on the validation loss, with the standard
    error of the difference to the best, cell by cell: all equations find the same cells hard, so
    that the error of a mean loss, from a few movies, would let nearly any of them pass.
    """
    best = min(candidate.validation_loss for candidate in candidates)
    fine = [
        i
        for i, candidate in enumerate(candidates)
        if candidate.validation_loss - best <= candidate.excess_error
    ]
    return min(fine, key=lambda i: (candidates[i].size, candidates[i].validation_loss))
