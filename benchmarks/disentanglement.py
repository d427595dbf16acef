"""How well VAEs, β-VAEs, β-TCVAEs and principal components disentangle what is known of crops.

    python benchmarks/disentanglement.py OUT [--source nuclei] [--cells 6000] [--size 32]
        [--steps 2000] [--batch 64] [--seeds 5] [--betas 4 10] [--latents 10] [--noise 0.1]
        [--page docs/results/disentanglement.md]

Crops are of simulated nuclei, or shapes like those of dSprites. Writes the section of this source
in the page, and latents of held-out cells to OUT, where it goes on when it is run again: take
another OUT for other settings.
"""

import argparse
from collections.abc import Hashable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from napari_parsimony.artefact import replace_file
from napari_parsimony.cells.table import KEY
from napari_parsimony.simulate.config import SimulateConfig
from napari_parsimony.simulate.fields import simulate_fields
from napari_parsimony.simulate.folder import write_folder
from napari_parsimony.simulate.sprites import draw_sprites, sprite_factors
from napari_parsimony.study.study import Study
from napari_parsimony.trust.disentanglement import dci, factor_vae, mig, sap
from napari_parsimony.trust.factor_tables import cos_sin
from napari_parsimony.trust.pca import pca_latents
from napari_parsimony.trust.udr import udr
from napari_parsimony.vae.checkpoint import Checkpoint
from napari_parsimony.vae.config import VaeConfig
from napari_parsimony.vae.latents import decode_latents, encode_crops, latent_statistics
from napari_parsimony.vae.model import Architecture, Vae
from napari_parsimony.vae.train import train_vae

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "disentanglement.md"
SOURCES = ("nuclei", "sprites")
SCORES = ("MIG", "SAP", "disentanglement", "completeness", "informativeness", "FactorVAE", "UDR")

INTRODUCTION = """# Disentanglement

How well latents of different models are apart, against what is known of the crops; see
[what the scores mean](../disentanglement.md). 60 % of the crops are to learn from, 20 % decide
when to stop, and all scores are of the others. Mean ± standard deviation over models of different
seeds, on the same crops; *explained* is the share of the variance of held-out pixels that
reconstructions account for. Crops are not augmented and all pixels count alike; other settings
are those of the step, but for what each command says.

Read a score beside *active* and *informativeness*: the few latents of a model that tells little
can be well apart. Factors that no latent tells of count as 0 in MIG and SAP.
"""
ABOUT = {
    "nuclei": """One nucleus in each crop, drawn as a fluorescence microscope shows it. Factors:
area, eccentricity, cosine and sine of twice the angle, brightness, texture, grain, and the
position of the nucleus, up to 8 pixels of 64 from the middle.""",
    "sprites": """Shapes like those of dSprites. Factors: shape, scale, cosine and sine of the
orientation, y and x; not all the orientation can be seen of squares and ellipses.""",
}


class Data(NamedTuple):
    """Crops, what is known of them, and their split."""

    crops: np.ndarray
    factors: pd.DataFrame
    discrete: tuple[Hashable, ...]
    split: np.ndarray


def nuclei(cells: int, size: int, out: Path) -> Data:
    """Simulate fields of one nucleus each, and cut these out as the step does."""
    # a law with brightness leaves brightness in the crops; in larger fields nuclei are so few of
    # the pixels that most would be white
    config = SimulateConfig(
        fields=cells, cells=1, size=128, law="area + brightness", position=8, clustering=0
    )
    simulated = simulate_fields(config)
    if not (out / "study" / "cells").exists():
        settings = write_folder(simulated, out / "fields")
        Study.create(out / "study").run("cells", settings.model_copy(update={"size": size}))
    study = Study.open(out / "study")
    known = ["area", "eccentricity", "angle", "brightness", "texture", "grain"]
    known += ["position_y", "position_x"]
    factors = study.cells()[KEY].merge(simulated.cells, on=KEY, how="left")[known]
    split = study.cells()["split"].to_numpy(str)
    return Data(study.crops(), cos_sin(factors, {"angle": np.pi}), (), split)


def sprites(cells: int, size: int, out: Path) -> Data:
    """Draw shapes."""
    factors = sprite_factors(cells, seed=0)
    crops = (draw_sprites(factors, size, smooth=True)[:, None] / 255).astype(np.float16)
    split = np.random.default_rng(0).choice(
        ["train", "validation", "test"], cells, p=[0.6, 0.2, 0.2]
    )
    return Data(crops, cos_sin(factors, {"orientation": 2 * np.pi}), ("shape",), split)


def train(data: Data, config: VaeConfig, out: Path) -> None:
    """Train a VAE and write what it makes of held-out crops."""
    torch.manual_seed(config.seed)
    vae = Vae(Architecture(data.crops.shape[1], data.crops.shape[-1], config.latents))
    learned = data.split == "train"
    train_vae(
        vae,
        data.crops,
        np.full(len(learned), -1),
        np.flatnonzero(learned),
        np.flatnonzero(data.split == "validation"),
        config,
        turned=False,
        checkpoint=Checkpoint(out.with_suffix(".safetensors"), config.model_dump_json()),
    )
    mean, log_variance = encode_crops(vae, data.crops)
    active = latent_statistics(mean, log_variance, learned)["active"].to_numpy()
    average = data.crops[learned].mean(0, dtype=np.float64)
    left = whole = 0.0
    for part in np.array_split(np.flatnonzero(~learned), max(1, (~learned).sum() // 512)):
        crops = np.asarray(data.crops[part], np.float32)
        left += float(((crops - decode_latents(vae, mean[part])) ** 2).sum())
        whole += float(((crops - average) ** 2).sum())
    save(mean * active, 1 - left / whole, data, out)


def save(latents: np.ndarray, explained: float, data: Data, out: Path) -> None:
    """Write latents of test cells; those that are not active are 0."""
    table = pd.DataFrame(latents[data.split == "test"]).add_prefix("z")
    replace_file(out, table.assign(explained=explained).to_parquet())


def measure(files: list[Path], data: Data) -> dict[str, np.ndarray]:
    """Score one model of several seeds."""
    factors = data.factors[data.split == "test"]
    bins = max(2, min(20, len(factors) // 100))
    tables, rows = [], []
    for seed, file in enumerate(files):
        table = pd.read_parquet(file)
        explained, latents = table.pop("explained").iloc[0], table
        trees = dci(latents, factors, data.discrete, seed)
        votes = factor_vae(latents, factors, data.discrete, bins, seed=seed)
        tables.append(latents)
        rows.append(
            {
                "active": int((latents != 0).any().sum()),
                "explained": explained,
                "MIG": mig(latents, factors, data.discrete, bins).score,
                "SAP": sap(latents, factors, data.discrete).score,
                "disentanglement": trees.disentanglement,
                "completeness": trees.completeness,
                "informativeness": trees.informativeness,
                "FactorVAE": votes.score,
            }
        )
    found = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    if len(tables) > 1:
        found["UDR"] = udr(tables).by_model
    return found


def cell(values: np.ndarray | None, digits: int = 2) -> str:
    """Mean ± standard deviation."""
    if values is None:
        return "–"
    text = f"{values.mean():.{digits}f}"
    return text if len(values) < 2 else f"{text} ± {values.std(ddof=1):.{digits}f}"


def main() -> None:
    """Train what is missing, score all, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--source", choices=SOURCES, default="nuclei")
    parser.add_argument("--cells", type=int, default=6000)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--betas", type=float, nargs="+", default=[4.0, 10.0])
    parser.add_argument("--latents", type=int, default=10)
    parser.add_argument("--noise", type=float, help="of a pixel, Gaussian; without: Bernoulli")
    parser.add_argument("--page", type=Path, default=RESULTS)
    given = parser.parse_args()
    given.page.write_text(with_section(given.page, given.source, section(given)))


def section(given: argparse.Namespace) -> str:
    """Train what is missing and write what is found for one source."""
    source, seeds = given.source, range(given.seeds)
    folder = given.out / source
    folder.mkdir(parents=True, exist_ok=True)
    data = {"nuclei": nuclei, "sprites": sprites}[source](given.cells, given.size, folder)
    pca = folder / "pca.parquet"
    if not pca.exists():
        components = pca_latents(data.crops, data.split == "train", given.latents)
        save(components.latents, components.explained, data, pca)
    rows = [("PCA", "", [pca])]
    models = [("VAE", "beta-vae", 1.0)]
    models += [("β-VAE", "beta-vae", beta) for beta in given.betas]
    models += [("β-TCVAE", "beta-tcvae", beta) for beta in given.betas]
    likelihood = {} if given.noise is None else {"likelihood": "gaussian", "noise": given.noise}
    for name, objective, beta in models:
        files = [folder / f"{objective}-{beta:g}-{seed}.parquet" for seed in seeds]
        for seed, file in enumerate(files):
            if not file.exists():
                config = VaeConfig(
                    objective=objective, beta=beta, seed=seed, steps=given.steps,
                    batch=given.batch, latents=given.latents, augment=False, focus=0,
                    check_every=250, **likelihood,
                )  # fmt: skip
                train(data, config, file)
                print(file, flush=True)
        rows.append((name, f"{beta:g}", files))
    lines = [
        f"{ABOUT[source]}\n",
        f"`{command(given)}`\n",
        f"| model | β | active | explained | {' | '.join(SCORES)} |",
        f"|---|{'---|' * (3 + len(SCORES))}",
    ]
    for name, beta, files in rows:
        found = measure(files, data)
        columns = [cell(found["active"], 1), cell(found["explained"])]
        columns += [cell(found.get(score)) for score in SCORES]
        lines.append(f"| {name} | {beta} | {' | '.join(columns)} |")
    return "\n".join(lines) + "\n"


def command(given: argparse.Namespace) -> str:
    """Write what makes this section."""
    names = ("source", "cells", "size", "steps", "batch", "seeds", "betas", "latents", "noise")
    parts = ["python benchmarks/disentanglement.py OUT"]
    for name in names:
        value = getattr(given, name)
        if value is not None:
            values = value if isinstance(value, list) else [value]
            parts += [f"--{name}", *(v if isinstance(v, str) else f"{v:g}" for v in values)]
    return " ".join(parts)


def with_section(page: Path, source: str, text: str) -> str:
    """Put the section of a source into the page, beside what stands there."""
    head, *found = page.read_text().split("\n## ") if page.exists() else [INTRODUCTION]
    sections = {each.split("\n", 1)[0]: each.split("\n", 1)[1].strip() for each in found}
    sections[source.capitalize()] = text.strip()
    parts = [f"## {name.capitalize()}\n\n{sections[name.capitalize()]}\n" for name in SOURCES
             if name.capitalize() in sections]  # fmt: skip
    return "\n".join([head, *parts])


if __name__ == "__main__":
    main()
