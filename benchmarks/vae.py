"""Images per second of training and encoding, and the seconds of one decoded crop.

    python benchmarks/vae.py

Made-up crops of 64 × 64; the network, batch and loss are those of the vae step's defaults. Machines
are noisy: each figure is the median of several rounds, and only ratios within one run mean much.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from napari_parsimony.vae.checkpoint import Checkpoint
from napari_parsimony.vae.config import VaeConfig
from napari_parsimony.vae.latents import decode_latents, encode_crops
from napari_parsimony.vae.model import Architecture, Vae
from napari_parsimony.vae.train import train_vae

ROUNDS = 5


def median_seconds(work: Callable[[], object]) -> float:
    """Run once to warm up, then time some rounds."""
    work()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print the figures."""
    crops = np.random.default_rng(0).random((4096, 1, 64, 64)).astype(np.float16)
    unknown = np.full(len(crops), -1)  # no classes: training without guidance
    train, held_out = np.arange(256, 4096), np.arange(256)
    torch.manual_seed(0)
    vae = Vae(Architecture())
    for batch in (128, 256):
        steps = 2048 // batch
        config = VaeConfig(steps=steps, batch=batch, check_every=steps)

        def training(config: VaeConfig = config) -> None:
            train_vae(
                vae, crops, unknown, train, held_out, config, turned=False,
                checkpoint=Checkpoint(None),
            )  # fmt: skip

        seconds = median_seconds(training)
        print(
            f"training, batch {batch}: {steps * batch / seconds:,.0f} images/s, one check included"
        )
    seconds = median_seconds(lambda: encode_crops(vae, crops))
    print(f"encoding: {len(crops) / seconds:,.0f} cells/s (target 4,000)")
    latents = np.zeros((1, vae.architecture.latents), np.float32)
    seconds = median_seconds(lambda: [decode_latents(vae, latents) for _ in range(100)]) / 100
    print(f"decoding one crop: {1000 * seconds:.2f} ms")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {Path(__file__).name}")


if __name__ == "__main__":
    main()
