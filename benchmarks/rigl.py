"""How well and how fast sparse training finds the inputs of a planted law.

The law is the authors': z29 (z17² + z21²) - exp(exp z3), on 4,000 cells with 32 latents from a
standard normal, 2 % of the labels flipped. Run: python benchmarks/rigl.py [--rewiring set]
"""

import argparse
import time

import numpy as np
import pandas as pd
import torch

from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.classify.fit import one_thread
from napari_parsimony.classify.latent_networks import (
    choose,
    train_dense,
    train_sparse,
)
from napari_parsimony.classify.mlp import Cells, Networks
from napari_parsimony.classify.select import select_inputs
from napari_parsimony.classify.targets import balanced_weights
from napari_parsimony.classify.topology import live_weights, used_inputs

LAW = [3, 17, 21, 29]


def planted(n: int, flipped: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Latents (n, 32) and labels, of which a share is wrong."""
    z = rng.standard_normal((n, 32)).astype(np.float32)
    y = z[:, 29] * (z[:, 17] ** 2 + z[:, 21] ** 2) > np.exp(np.exp(z[:, 3]))
    return z, (y ^ (rng.random(n) < flipped)).astype(np.float32)


def cells(z: np.ndarray, y: np.ndarray) -> Cells:
    """Cells with class-balanced weights."""
    return Cells(*map(torch.from_numpy, (z, y, balanced_weights(y))))


def balanced_accuracy(networks: Networks, z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of each network, (S,)."""
    with torch.no_grad():
        positive = torch.cat([networks.score(x) for x in torch.from_numpy(z).split(4096)], 1) > 0
    hit = positive.numpy()
    return (hit[:, y == 1].mean(1) + (~hit[:, y == 0]).mean(1)) / 2


def main() -> None:
    """Print one table and the inputs that the chosen network uses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rewiring", choices=("rigl", "set"), default="rigl")
    parser.add_argument("--density", type=float, default=0.02)
    parser.add_argument("--tolerance", type=float, default=ClassifyConfig().tolerance)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    config = ClassifyConfig(**vars(arguments))

    rng = np.random.default_rng(arguments.seed)
    train, validation = (cells(*planted(n, 0.02, rng)) for n in (3200, 800))
    groups = np.concatenate([np.arange(800) % 20, 20 + np.arange(3200) % 80])
    z, y = planted(50_000, 0, rng)
    rows = []

    def row(name: str, networks: Networks, seconds: float) -> None:
        used = used_inputs(networks.masks)
        accuracy = balanced_accuracy(networks, z, y)
        losses = [networks.losses(part).numpy() for part in (validation, train)]
        chosen = choose(*losses, used.sum(1), groups)
        rows.append(
            {
                "networks": name,
                "seconds": round(seconds, 1),
                "balanced accuracy": f"{accuracy.mean():.3f} ± {accuracy.std():.3f}",
                "of the chosen": f"{accuracy[chosen]:.3f}",
                "live weights": round(float(live_weights(networks.masks).mean()), 1),
                "inputs": round(float(used.sum(1).mean()), 1),
                "all four": int(used[:, LAW].all(1).sum()),
                "exactly the four": int((used[:, LAW].all(1) & (used.sum(1) == 4)).sum()),
                "chosen uses": " ".join(f"z{i}" for i in np.flatnonzero(used[chosen])),
            }
        )

    with one_thread():
        start = time.perf_counter()
        dense = train_dense(train, validation, config, lambda *_: None)
        row("dense", dense, time.perf_counter() - start)
        rows[-1]["chosen uses"] = "all"
        start = time.perf_counter()
        sparse = train_sparse(train, validation, 32, config, lambda *_: None)
        plain = time.perf_counter() - start
        row(f"{config.rewiring}, {config.density:.0%}", sparse, plain)
        start = time.perf_counter()
        select_inputs(sparse, train, validation, groups, 32, config, lambda *_: None)
        selecting = time.perf_counter() - start
        row("… and inputs selected", sparse, selecting)
    print(pd.DataFrame(rows).to_string(index=False))
    print(
        f"{config.seeds} sparse networks, whole schedule: {plain + selecting:.1f} s (target 30 s)"
    )


if __name__ == "__main__":
    main()
