"""All four schemes as differentiable functions, from the crop or from the latents to scores."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.class_scores import Equation, expressions_of
from napari_parsimony.symbolic.evaluate import evaluate_torch

if TYPE_CHECKING:
    from napari_parsimony.classify.classifier import Classifier
    from napari_parsimony.vae.model import Vae


class EquationScore(nn.Module):
    """Raw latents (B, latents) to the scores of an equation (B, outputs), in float64.

    Single precision is too little: exp(exp(z)) is infinite above z = 4.5, where its gradient is
    no number.

    Parameters
    ----------
    equation
        The equation.
    latents
        Names of all latents, in their order.

    Raises
    ------
    UserError
        If the equation reads another latent.
    """

    def __init__(self, equation: Equation, latents: Sequence[str]) -> None:
        super().__init__()
        missing = sorted(set(equation.variables) - set(latents))
        if missing:
            raise UserError(
                f"The equation reads {missing[0]}, which the VAE does not have: search equations "
                "again on its latents."
            )
        self.expressions = expressions_of(equation)
        self.positions = {name: list(latents).index(name) for name in equation.variables}

    def forward(self, z: Tensor) -> Tensor:
        """Score latents; NaN for all of more than two classes where one score is not finite."""
        values = {name: z[:, at].double() for name, at in self.positions.items()}
        each = [evaluate_torch(one, values).to(z.device) for one in self.expressions]
        scores = torch.stack([one.expand(len(z)) for one in each], 1)
        if scores.shape[1] == 1:
            return scores
        return torch.where(scores.isfinite().all(1, keepdim=True), scores, torch.nan)


class ImageScore(nn.Module):
    """Crops (B, C, S, S) through the mean of the encoder to scores (B, outputs).

    Parameters
    ----------
    vae
        Encodes; its posterior means are what the schemes were made for.
    head
        Raw latents (B, latents) to scores.
    """

    def __init__(self, vae: "Vae", head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = vae.encoder, head
        self.latents = vae.architecture.latents

    def forward(self, x: Tensor) -> Tensor:
        """Score crops."""
        scores: Tensor = self.head(self.encoder(x)[:, : self.latents])
        return scores


def latent_schemes(classifier: "Classifier", equation: Equation) -> dict[str, nn.Module]:
    """Dense, sparse (the chosen network) and symbolic: raw latents (B, latents) to scores."""
    return {
        "dense": classifier.module("dense").eval(),
        "sparse": classifier.module("sparse").eval(),
        "symbolic": EquationScore(equation, classifier.latents),
    }


def image_schemes(vae: "Vae", classifier: "Classifier", equation: Equation) -> dict[str, nn.Module]:
    """All four schemes, end to end: crops (B, C, S, S) to scores (B, outputs).

    Parameters
    ----------
    vae, classifier, equation
        Of one study.

    Returns
    -------
    dict
        ``black_box`` (the mean of its networks), ``dense``, ``sparse``, ``symbolic``.
    """
    heads = latent_schemes(classifier, equation)
    return {
        "black_box": classifier.module("black_box").eval(),
        **{name: ImageScore(vae, head).eval() for name, head in heads.items()},
    }
