"""Three ways from a cell to its scores: black box, dense and sparse; see `classify.scores`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from napari_parsimony.artefact import read_json, replace_file, write_json
from napari_parsimony.classify.black_box import BlackBox, black_box_scores
from napari_parsimony.classify.mlp import Networks
from napari_parsimony.classify.modules import LatentScore, MeanScore
from napari_parsimony.classify.scores import centred, columns_of, outputs_for
from napari_parsimony.classify.topology import Compact, live_masks
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress, Report, silent

FORMAT_VERSION = 1
FILES = ("networks.safetensors", "summary.json")
Scheme = Literal["black_box", "dense", "sparse"]


@dataclass
class Classifier:
    """Trained networks and what is known about them.

    Attributes
    ----------
    names
        The classes. Of two the first scores below 0, the second above.
    latents
        All latents, in the order in which arrays of latents have them.
    inputs
        The active ones, in the order in which the dense and sparse networks read them.
    mean, sd
        Standardisation of `inputs`: each latent over the training cells.
    black_box, dense, sparse
        The networks; the sparse ones with masks.
    crop_shape
        Channels and side of the crops that the black box reads.
    losses
        Lowest validation loss of each network: "black_box", "dense", "sparse" (after removing
        inputs) and "sparse_before".
    chosen
        The sparse network that stands for all: the fewest latents within one standard error of
        the best (see `latent_networks.choose`).
    kept_before, kept_after
        For each of `inputs` the share of sparse networks that use it, before and after removing
        inputs.
    facts
        More numbers of the training, for people and reports.
    """

    names: tuple[str, ...]
    latents: list[str]
    inputs: list[str]
    mean: np.ndarray
    sd: np.ndarray
    black_box: list[BlackBox]
    dense: Networks
    sparse: Networks
    crop_shape: tuple[int, int]
    losses: dict[str, list[float]]
    chosen: int
    kept_before: dict[str, float]
    kept_after: dict[str, float]
    facts: dict[str, Any]

    @property
    def used(self) -> list[str]:
        """Latents that the chosen sparse network uses."""
        return [self.inputs[i] for i in self._compact.inputs]

    @property
    def agreed(self) -> list[str]:
        """Latents that the sparse networks agree on; see `agreed`."""
        return agreed(self.kept_after)

    def scores(
        self, crops: np.ndarray, latents: pd.DataFrame, report: Report = silent
    ) -> pd.DataFrame:
        """Scores of cells by all three schemes.

        Parameters
        ----------
        crops
            (N, C, S, S), row i belongs to row i of `latents`; may be memory mapped.
        latents
            Columns z0, z1, …; others are ignored.
        report
            Told how far it is.

        Returns
        -------
        pandas.DataFrame
            ``black_box``, ``dense``: mean score over their networks; ``sparse``: the chosen
            network; ``sparse_mean``: a column each, or one for each of more than two classes (see
            `classify.scores.columns_of`); and the standard deviations over networks
            ``black_box_sd``, ``dense_sd``, ``sparse_sd``, of more classes the mean of theirs.
            Indexed like `latents`.

        Raises
        ------
        UserError
            If crops or latents are not those that the networks were trained on.
        """
        expected = (len(latents), *self.crop_shape, self.crop_shape[1])
        if crops.shape != expected:
            raise UserError(
                f"The classifier needs crops of shape {expected} for these cells and got "
                f"{crops.shape}; train it again on these crops."
            )
        x = torch.from_numpy(self.standardise(latents))
        n = len(x)

        def progress(done: int) -> None:
            report(Progress(done, n, "Scoring cells"))

        image = black_box_scores(self.black_box, crops, progress=progress)
        dense, sparse = (networks.scores(x) for networks in (self.dense, self.sparse))
        columns: dict[str, np.ndarray] = {}

        def add(scheme: str, scores: np.ndarray) -> None:
            columns.update(zip(columns_of(scheme, self.names), scores.T, strict=True))

        for scheme, each in (("black_box", image), ("dense", dense), ("sparse", sparse)):
            each = centred(each)
            if scheme == "sparse":
                add(scheme, each[self.chosen])
                scheme = "sparse_mean"
            add(scheme, each.mean(0))
            columns[f"{scheme.removesuffix('_mean')}_sd"] = each.std(0).mean(-1)
        return pd.DataFrame(columns, index=latents.index)

    def sparse_scores(self, latents: pd.DataFrame | np.ndarray) -> np.ndarray:
        """Scores of the chosen sparse network, quick enough for a slider.

        Parameters
        ----------
        latents
            A table with columns z0, z1, … or an array (N, latents) in the order of `latents`.

        Returns
        -------
        numpy.ndarray
            (N, 1), or (N, classes) for more than two.
        """
        return centred(self._compact(self.standardise(latents)))

    def sparse_layers(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Weights (in, out), biases (out,) and live masks (in, out) of the chosen network.

        The first layer's rows are `inputs`, standardised.
        """
        return _layers(self.sparse, self.chosen)

    def compact(self, which: int) -> Compact:
        """One of the sparse networks without its dead parts; its inputs are places in `inputs`."""
        weights, biases, masks = zip(*_layers(self.sparse, which), strict=True)
        return Compact.of(weights, biases, masks)

    def module(self, scheme: Scheme) -> nn.Module:
        """One differentiable function from what a scheme reads to its scores (B, outputs).

        Parameters
        ----------
        scheme
            "black_box" reads crops (B, C, S, S) and gives the mean of its networks; "dense"
            (mean) and "sparse" (the chosen one) read raw latents (B, latents) in the order of
            `latents`.
        """
        if scheme == "black_box":
            return MeanScore(self.black_box)
        positions = [self.latents.index(name) for name in self.inputs]
        which = [self.chosen] if scheme == "sparse" else list(range(self.dense.seeds))
        networks = self.sparse if scheme == "sparse" else self.dense
        return LatentScore(networks, which, positions, self.mean, self.sd)

    def standardise(self, latents: pd.DataFrame | np.ndarray) -> np.ndarray:
        """Latents as the dense and sparse networks read them, (N, inputs) float32."""
        if isinstance(latents, pd.DataFrame):
            missing = [name for name in self.inputs if name not in latents.columns]
            if missing:
                raise UserError(
                    f"The classifier reads {missing[0]}, which the table of latents lacks; "
                    "train the classifier again on these latents."
                )
            raw = latents[self.inputs].to_numpy(np.float32)
        else:
            if latents.ndim != 2 or latents.shape[1] != len(self.latents):
                raise UserError(
                    f"The classifier reads {len(self.latents)} latents a cell and got an array of "
                    f"shape {latents.shape}."
                )
            raw = latents[:, self._positions].astype(np.float32)
        return (raw - self.mean) / self.sd

    @cached_property
    def _positions(self) -> np.ndarray:
        return np.array([self.latents.index(name) for name in self.inputs])

    @cached_property
    def _compact(self) -> Compact:
        return self.compact(self.chosen)

    def save(self, folder: Path) -> None:
        """Write networks.safetensors and summary.json."""
        tensors = {
            "mean": torch.from_numpy(self.mean),
            "sd": torch.from_numpy(self.sd),
            "dense": self.dense.parameters.detach(),
            "sparse": self.sparse.parameters.detach(),
            "sparse_mask": torch.cat(
                [torch.from_numpy(mask).reshape(-1) for mask in self.sparse.masks]
            ),
        }
        for i, network in enumerate(self.black_box):
            for name, value in network.state_dict().items():
                tensors[f"black_box.{i}.{name}"] = value.contiguous()
        replace_file(folder / "networks.safetensors", save(tensors))
        summary = {
            "format_version": FORMAT_VERSION,
            "names": self.names,
            "latents": self.latents,
            "inputs": self.inputs,
            "used": self.used,
            "chosen": self.chosen,
            "crop_shape": self.crop_shape,
            "hidden": self.dense.sizes[1:-1],
            "networks": {
                "black_box": len(self.black_box),
                "dense": self.dense.seeds,
                "sparse": self.sparse.seeds,
            },
            "losses": self.losses,
            "kept_before": self.kept_before,
            "kept_after": self.kept_after,
            "facts": self.facts,
        }
        write_json(folder / "summary.json", summary)

    @classmethod
    def load(cls, folder: Path) -> "Classifier":
        """Read what `save` wrote.

        Raises
        ------
        UserError
            If a file is missing, is not what it should be, or is of a newer version.
        """
        summary = read_json(folder / "summary.json")
        file = folder / "networks.safetensors"
        version = summary.get("format_version") if isinstance(summary, dict) else None
        if type(version) is not int or version < 1:
            raise UserError(f"{folder / 'summary.json'} does not describe a classifier.")
        if version > FORMAT_VERSION:
            raise UserError(
                f"{folder} was written by a newer version of napari-parsimony; update it."
            )
        try:
            return cls._restore(summary, load_file(file))
        except FileNotFoundError as error:
            raise UserError(f"The file {file} is missing; train the classifier again.") from error
        except (
            SafetensorError,
            OSError,
            KeyError,
            ValueError,
            TypeError,
            IndexError,
            AttributeError,
            RuntimeError,
        ) as error:
            raise UserError(
                f"The classifier in {folder} is damaged ({type(error).__name__}: "
                f"{str(error).splitlines()[0] if str(error) else 'no details'}); train it again."
            ) from error

    @classmethod
    def _restore(cls, summary: Mapping[str, Any], tensors: dict[str, torch.Tensor]) -> "Classifier":
        names = tuple(map(str, summary["names"]))
        outputs = outputs_for(names)
        channels, size = map(int, summary["crop_shape"])
        inputs = list(map(str, summary["inputs"]))
        sizes = (len(inputs), *map(int, summary["hidden"]), outputs)
        counts = summary["networks"]
        latents = list(map(str, summary["latents"]))
        # sizes are checked before anything as large as they say is made
        each = sum(a * b + b for a, b in pairwise(sizes))
        kept = [summary["kept_before"], summary["kept_after"]]
        if (
            tensors["dense"].shape != (counts["dense"] * each,)
            or tensors["sparse"].shape != (counts["sparse"] * each,)
            or tensors["sparse_mask"].shape != (counts["sparse"] * (each - sum(sizes[1:])),)
            or not tensors["mean"].shape == tensors["sd"].shape == (len(inputs),)
            or any(type(number) is not int or number < 1 for number in counts.values())
            or type(summary["chosen"]) is not int
            or not 0 <= summary["chosen"] < counts["sparse"]
            or len(names) < 2
            or len(set(names)) < len(names)
            or not set(inputs) <= set(latents)
            or any(list(shares) != inputs for shares in kept)
            or not all(0 <= share <= 1 for shares in kept for share in shares.values())
            or not isinstance(summary["losses"], dict)
            or not {"dense_weights", "dense_size", "live_weights", "sparse_size"}
            <= set(summary["facts"])
        ):
            raise ValueError("the networks do not have the sizes that summary.json states")
        dense, sparse = Networks(sizes, counts["dense"]), Networks(sizes, counts["sparse"])
        with torch.no_grad():
            dense.parameters.copy_(tensors["dense"])
            sparse.parameters.copy_(tensors["sparse"])
        sparse.mask = tensors["sparse_mask"].float()
        black_box = []
        for i in range(counts["black_box"]):
            with torch.device("meta"):
                network = BlackBox(channels, size, outputs)
            prefix = f"black_box.{i}."
            # shipped networks are in half precision
            state = {
                name.removeprefix(prefix): value.float() if value.is_floating_point() else value
                for name, value in tensors.items()
                if name.startswith(prefix)
            }
            network.load_state_dict(state, assign=True)
            black_box.append(network.eval())
        return cls(
            names=names,
            latents=latents,
            inputs=inputs,
            mean=tensors["mean"].float().numpy(),
            sd=tensors["sd"].float().numpy(),
            black_box=black_box,
            dense=dense,
            sparse=sparse,
            crop_shape=(channels, size),
            losses=summary["losses"],
            chosen=summary["chosen"],
            kept_before=summary["kept_before"],
            kept_after=summary["kept_after"],
            facts=summary["facts"],
        )


def agreed(kept: Mapping[str, float]) -> list[str]:
    """Name the latents that at least half of the sparse networks use, or as many as the most do.

    One network's choice, judged on few validation cells, is partly luck; what most of them keep
    is not.

    Parameters
    ----------
    kept
        Share of the networks that use each latent.
    """
    enough = min(0.5, max(kept.values()))
    return [name for name, share in kept.items() if share >= enough and share > 0]


def _layers(networks: Networks, which: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Weights, biases and live masks of one network."""
    live = live_masks([mask[which] for mask in networks.masks])
    return [
        (weight[which].detach().numpy(), bias[which, 0].detach().numpy(), mask)
        for weight, bias, mask in zip(networks.weights, networks.biases, live, strict=True)
    ]
