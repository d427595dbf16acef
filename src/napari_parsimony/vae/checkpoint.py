"""Where an interrupted training goes on: one file, replaced whole at every check."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from napari_parsimony.artefact import replace_file

TERMS = ("loss", "reconstruction", "mutual information", "total correlation", "dimension-wise KL")
GUIDED = "class cross-entropy"
HELD_OUT = "held-out loss"


@dataclass
class TrainingState:
    """How far training has come.

    Attributes
    ----------
    terms
        Names of the terms of the training loss.
    step
        Steps taken.
    history
        One row a check: step, the training terms, the held-out loss.
    best
        The weights with the lowest held-out loss, empty before the first check that counts.
    best_loss
        That loss, in nats per crop.
    checks_without_progress
        Checks since then.
    """

    terms: tuple[str, ...]
    step: int = 0
    history: list[list[float]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_loss: float | None = None
    checks_without_progress: int = 0

    def record(
        self, step: int, terms: list[float], held_out: float, vae: nn.Module, *, counts: bool
    ) -> None:
        """Note the outcome of a check; during warm-up it does not count for stopping."""
        self.step = step
        self.history.append([step, *terms, held_out])
        if not counts:
            return
        if self.best_loss is None or held_out < self.best_loss:
            self.best_loss, self.checks_without_progress = held_out, 0
            self.best = {name: value.detach().clone() for name, value in vae.state_dict().items()}
        else:
            self.checks_without_progress += 1

    def latest(self) -> dict[str, float]:
        """Return the last check's numbers by name."""
        return dict(zip((*self.terms, HELD_OUT), self.history[-1][1:], strict=True))

    def history_table(self) -> pd.DataFrame:
        """Return all checks as a table."""
        return pd.DataFrame(self.history, columns=["step", *self.terms, HELD_OUT])


class Checkpoint:
    """Saves and restores a training state.

    Parameters
    ----------
    path
        The file, or None to keep nothing.
    purpose
        Says which training it belongs to (settings and data); another one's is not used.
    """

    def __init__(self, path: Path | None, purpose: str = "") -> None:
        self._path, self._purpose = path, purpose

    def save(
        self, state: TrainingState, model: nn.Module, optimiser: torch.optim.Optimizer
    ) -> None:
        """Replace the file; `model` is all that is trained."""
        if self._path is None:
            return
        tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in state.best.items()}
        for index, moments in optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{name}": value for name, value in moments.items()}
        header = {
            "purpose": self._purpose,
            "step": state.step,
            "history": state.history,
            "best_loss": state.best_loss,
            "checks_without_progress": state.checks_without_progress,
        }
        content = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        replace_file(self._path, save(content, metadata={"state": json.dumps(header)}))

    def load(
        self, terms: tuple[str, ...], model: nn.Module, optimiser: torch.optim.Optimizer
    ) -> TrainingState:
        """Restore the state of this training, or return a fresh one where there is none.

        The file is replaced whole, so a killed process never leaves half of one; a damaged file
        (a failing disk) counts as none, because its training can be repeated.
        """
        if self._path is None or not self._path.exists():
            return TrainingState(terms)
        try:
            with safe_open(self._path, framework="pt") as file:
                header = json.loads((file.metadata() or {})["state"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, ValueError):
            return TrainingState(terms)
        if header.pop("purpose") != self._purpose:
            return TrainingState(terms)
        groups: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "adam": {}}
        for name, value in tensors.items():
            kind, rest = name.split(".", 1)
            groups[kind][rest] = value
        device = next(model.parameters()).device
        model.load_state_dict(groups["model"])
        parameters = list(model.parameters())
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in groups["adam"].items():
            index, key = name.split(".")
            parameter = parameters[int(index)]
            if value.shape == parameter.shape:
                # fused Adam walks raw memory, so moments need the strides of their parameter
                value = torch.empty_like(parameter, requires_grad=False).copy_(value)
            moments.setdefault(int(index), {})[key] = value
        optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
        best = {name: value.to(device) for name, value in groups["best"].items()}
        return TrainingState(terms, best=best, **header)
