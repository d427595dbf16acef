"""What a report is made of, gathered from a study or made up by a test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.figures.decision import AlongLatent
from napari_parsimony.figures.network import alive
from napari_parsimony.symbolic.front import Front
from napari_parsimony.trust.findings import Finding
from napari_parsimony.trust.per_class import ClassEstimates
from napari_parsimony.trust.robustness_files import RobustnessFiles
from napari_parsimony.trust.schemes import Schemes
from napari_parsimony.vae.verdict import Verdict


@dataclass(frozen=True)
class Decision:
    """A decision map: one or two latents, and the values of the others.

    Attributes
    ----------
    x, y
        Its axes; `y` is None for an expression of one latent.
    fixed
        Values of the expression's other latents.
    target
        (N,) number of the class or NaN for the cells in `x.cells` and `y.cells`.
    """

    x: AlongLatent
    y: AlongLatent | None
    fixed: Mapping[str, float]
    target: NDArray[np.float64]


class Again(NamedTuple):
    """Laws learned again from other random starts, see `trust.stability.run_stability`."""

    runs: pd.DataFrame
    kept: pd.DataFrame
    shares: NDArray[np.float64]


@dataclass(frozen=True)
class Content:
    """Everything that a report shows.

    Attributes
    ----------
    title
        Of the page.
    cells
        One row for each split: ``split``, cells of each class, ``groups``.
    unlabelled
        Cells of none of the classes; only the VAE saw them.
    schemes
        Held-out numbers.
    confusion
        (classes, classes + 1) held-out cells by class and by what the equation says, the last
        column *not decided*.
    per_class
        Precision, recall and F1 of each class by the equation, on the same cells.
    calibration
        Expected calibration error of the equation on the same cells; see `metrics.calibration`.
    crops, decoded
        (n, C, S, S) some held-out cells.
    traversals, traversal_values, traversal_names
        (L, steps, C, S, S), (L, steps), L of the latents that the sparse network uses.
    weights, inputs
        (in, out) of each layer of the sparse network, and the names of its inputs.
    usage_before, usage_after, networks
        Share of the sparse networks that keep each latent before and after pruning, and how many
        networks there are.
    active, latents
        How many latents the VAE uses, of how many.
    guidance
        Weight with which classes had a say in the latents, 0 for none.
    latent_names
        What people call latents, by z0, z1, …; only those that have a name.
    verdict
        What the VAE is worth.
    front
        The equations.
    decision
        What the decision map shows; None for a constant expression.
    findings
        Whether the law can be believed, by the step that found it out.
    meanings
        What each latent means, see `trust.checks`.
    groups
        How well each held-out group is told, see `trust.groups.group_table`; None if the step trust
        did not say yet.
    history
        Training of the VAE.
    provenance
        Record of each step, in JSON's types.
    robustness
        What it takes to change the law's mind; None where the step was not run.
    again, ablations
        What optional steps left; None where they were not run.
    """

    title: str
    cells: pd.DataFrame
    unlabelled: int
    schemes: Schemes
    confusion: NDArray[np.intp]
    per_class: Sequence[ClassEstimates]
    calibration: float
    crops: NDArray
    decoded: NDArray
    traversals: NDArray
    traversal_values: NDArray[np.float64]
    traversal_names: Sequence[str]
    weights: Sequence[NDArray]
    inputs: Sequence[str]
    usage_before: Mapping[str, float]
    usage_after: Mapping[str, float]
    networks: int
    active: int
    latents: int
    guidance: float
    latent_names: Mapping[str, str]
    verdict: Verdict
    front: Front
    decision: Decision | None
    findings: Mapping[str, Sequence[Finding]]
    meanings: pd.DataFrame
    groups: pd.DataFrame | None
    history: pd.DataFrame
    provenance: Mapping[str, Mapping[str, Any]]
    robustness: RobustnessFiles | None = None
    again: Again | None = None
    ablations: pd.DataFrame | None = None

    @property
    def used(self) -> list[str]:
        """Latents that the sparse network in use reads."""
        _, units = alive(self.weights)
        return [name for name, kept in zip(self.inputs, units[0], strict=True) if kept]
