"""Symbolic engines on the published law, and the speed of a chosen expression.

    python benchmarks/engines.py

The law z29*(z17^2 + z21^2) - exp(exp(z3)) on 4,000 cells of standard normal latents, 4 and
8 to choose from. Fidelity is the part of 10,000 other cells on the same side as the law.
"""

import time

import numpy as np

from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.engines import engine
from napari_parsimony.symbolic.engines.base import Found, Partial, Problem
from napari_parsimony.symbolic.expression import Expression

LAW = Expression.parse("z29*(z17^2 + z21^2) - exp(exp(z3))")
NAMES = ("z3", "z17", "z21", "z29", "z1", "z2", "z4", "z5")
CELLS = 4000


def cells(count: int, latents: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Latents, and the law's scores of them."""
    values = np.random.default_rng(seed).normal(size=(count, latents))
    return values, LAW.evaluate(dict(zip(NAMES, values.T, strict=False)))


def run_engine(name: str, latents: int, noise: float) -> None:
    """Print how long an engine takes, and when it was nearly as good as in the end."""
    config = EquationsConfig()
    values, scores = cells(CELLS, latents, 0)
    near = np.abs(scores) <= config.clip  # as search_front does
    target = scores[near] + noise * np.random.default_rng(1).normal(size=near.sum())
    problem = Problem(values[near], NAMES[:latents], target, config)
    held_out, truth = cells(10_000, latents, 2)
    columns = dict(zip(NAMES, held_out.T, strict=False))

    def fidelity(front: tuple[Found, ...]) -> float:
        allowed = [found for found in front if found.expression.size <= 2 * config.max_size]
        best = min(allowed, key=lambda found: found.error)
        return float(((best.expression.evaluate(columns) > 0) == (truth > 0)).mean())

    trace: list[tuple[float, tuple[Found, ...]]] = []
    start = time.perf_counter()

    def keep(partial: Partial) -> None:
        trace.append((time.perf_counter() - start, partial.front))

    found = engine(name).search(problem, keep)
    seconds = time.perf_counter() - start
    final = fidelity(tuple(found))
    nearly = next(when for when, front in trace if front and fidelity(front) >= 0.99 * final)
    print(
        f"{name:7} {latents} latents, noise {noise}: {seconds:6.2f} s, "
        f"99 % of its fidelity after {nearly:6.2f} s, fidelity {final:.4f}"
    )


def run_evaluation() -> None:
    """Print how many cells a second an expression is evaluated for."""
    values, _ = cells(1_000_000, 4, 0)
    for kind in (np.float64, np.float32):
        columns = dict(zip(NAMES, values.T.astype(kind), strict=False))
        best = np.inf
        for _ in range(5):
            start = time.perf_counter()
            LAW.evaluate(columns)
            best = min(best, time.perf_counter() - start)
        print(f"evaluate {LAW.unicode()} on {np.dtype(kind)}: {1 / best:.1f} M cells/s")


if __name__ == "__main__":
    run_evaluation()
    for latents in (4, 8):
        for noise in (0.0, 0.5):
            run_engine("quick", latents, noise)
            run_engine("operon", latents, noise)
