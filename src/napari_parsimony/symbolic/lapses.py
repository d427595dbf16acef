"""A logistic model of labels some of which are wrong, whatever the score."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from napari_parsimony.symbolic.losses import CERTAIN, LEAST_CERTAIN, Floats

MANY = 1000
"""Cells from which on classes alone choose terms and tell how many labels are wrong: of fewer they
learn cells by heart, where imitating a network that was held back does not."""

_LEAST, _MOST = 0.002, float(expit(-LEAST_CERTAIN))
_TRUSTED = 100.0  # labels that are right, of the prior
_START = float(expit(-CERTAIN))


class Lapses:
    """Rates at which a label says one of two classes without regard to the score.

    The lapse rates of psychometric functions (Wichmann & Hill 2001). `losses.fair_logistic` cuts
    scores where the labels justify, which is the same but for its corners; this is smooth, and can
    be fitted by Newton's method. The rates follow the scores by expectation maximization, with a
    prior for few lapses (as in Schütt et al. 2016): of few cells, lapses that are not there would
    make the rest too certain.

    Parameters
    ----------
    target
        Classes of the cells, 0 or 1, shape (cells,).
    share
        Weights of the cells, sum 1.
    """

    def __init__(self, target: Floats, share: Floats) -> None:
        self.second, self.share = target > 0, share
        self.trust = _TRUSTED / len(target)
        self.rates = (_START, _START)  # of labels of the first, the second

    def probability(self, scores: Floats) -> tuple[Floats, Floats]:
        """Probability of a label of the second class, and how fast it rises with the score."""
        said = expit(scores)
        free = 1 - sum(self.rates)
        return self.rates[1] + free * said, free * said * (1 - said)

    def adapt(self, scores: Floats) -> None:
        """Estimate the rates once more; a score must be there for every cell."""
        probability, _ = self.probability(scores)
        first, second = self.rates
        rates = (
            self.share[~self.second] @ (first / (1 - probability[~self.second])),
            self.share[self.second] @ (second / probability[self.second]),
        )
        first, second = np.clip(np.divide(rates, 1 + self.trust), _LEAST, _MOST).tolist()
        self.rates = (first, second)

    @property
    def price(self) -> float:
        """What the prior adds to the mean loss."""
        return -self.trust * float(np.log1p(-sum(self.rates)))

    def losses(self, scores: Floats) -> Floats:
        """Loss of each cell in nats."""
        probability, _ = self.probability(scores)
        return -np.log(np.where(self.second, probability, 1 - probability))

    def slopes(self, scores: Floats, cells: NDArray | slice = slice(None)) -> tuple[Floats, Floats]:
        """First derivative of the loss of some cells, and the expected second, times their share.

        Scores are those of these cells.
        """
        probability, rise = self.probability(scores)
        ratio = self.share[cells] * rise / (probability * (1 - probability))
        return ratio * (probability - self.second[cells]), ratio * rise
