"""Whether a model only seems robust because its gradients are of no use to an attack.

The signs are those of Athalye et al. 2018 ("Obfuscated gradients give a false sense of security"):
no gradient, an attack without bounds that does not succeed, one step that does better than many,
and changes made for another model, or noise, that do better than those made for this one.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_parsimony.trust.attacked import FGSM, PGD, Attacked
from napari_parsimony.trust.attacks import Score, flipped, sizes
from napari_parsimony.trust.robustness_config import Norm

SOME = 0.05
"""Share of cells that is no longer chance."""

NEARLY_ALL = 0.95
"""Share of cells that the largest budget must flip."""

_SMALLER = 0.95  # of the smallest change found: better than that is better than its precision


def gradient_check(
    schemes: Mapping[str, Score],
    crops: Sequence[Tensor],
    found: Mapping[tuple[str, Norm], Attacked],
) -> pd.DataFrame:
    """Look for signs of masked gradients.

    Parameters
    ----------
    schemes
        Crops to scores.
    crops
        All crops, in batches (B, C, S, S).
    found
        By scheme and norm.

    Returns
    -------
    DataFrame
        A row for each scheme and norm, with shares of the cells on which the scheme decides:
        ``zero_gradient``; ``flipped_at_most``, by PGD at the largest budget;
        ``fgsm_ahead``, ``noise_ahead``, ``transfer_ahead``: flipped by one step, by noise, or by
        what was found for another scheme, at a smaller norm than anything PGD found; and
        ``masked``, whether one of them says that the numbers of this scheme cannot be believed.
    """
    rows = []
    for (name, norm), each in found.items():
        known = each.own >= 0
        others = [one.change for (other, n), one in found.items() if n == norm and other != name]
        ahead = {
            "fgsm_ahead": _ahead(each, FGSM),
            "noise_ahead": _ahead(each, "noise"),
            "transfer_ahead": _transferred(schemes[name], crops, each, others, norm),
        }
        shares = {
            "zero_gradient": _share(each.zero, known),
            "flipped_at_most": _share(each.flips[PGD][:, -1] == 1, known),
            **{key: _share(value, known) for key, value in ahead.items()},
        }
        masked = shares["flipped_at_most"] < NEARLY_ALL or any(
            shares[key] > SOME for key in ("zero_gradient", *ahead)
        )
        rows.append({"scheme": name, "norm": norm, "n": int(known.sum()), **shares,
                     "masked": masked})  # fmt: skip
    return pd.DataFrame(rows)


def _share(which: NDArray[np.bool_], known: NDArray[np.bool_]) -> float:
    return float(which[known].mean()) if known.any() else float("nan")


def _ahead(each: Attacked, attack: str) -> NDArray[np.bool_]:
    smaller = np.asarray(each.budgets) < _SMALLER * each.least[:, None]
    return np.asarray(((each.flips[attack] == 1) & smaller).any(1))


@torch.no_grad()
def _transferred(
    score: Score,
    crops: Sequence[Tensor],
    each: Attacked,
    others: Sequence[NDArray[np.float32]],
    norm: Norm,
) -> NDArray[np.bool_]:
    """Which cells others' changes flip, made a little smaller than the smallest found."""
    ahead = np.zeros(len(each.own), bool)
    target = _SMALLER * np.minimum(np.nan_to_num(each.least, nan=0.0), each.budgets[-1])
    start = 0
    for x in crops:
        part = slice(start, start := start + len(x))
        own, wanted = (torch.from_numpy(v[part]).to(x.device) for v in (each.own, target))
        for change in others:
            theirs = torch.from_numpy(change[part]).to(x.device)
            scale = (wanted / sizes(theirs, norm).clamp_min(1e-12)).to(x)
            changed = (x + scale[:, None, None, None] * theirs).clamp(0, 1)
            ahead[part] |= flipped(score(changed), own).cpu().numpy()
    return ahead
