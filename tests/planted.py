"""Studies on disk whose latents are drawn, and whose classes a law decides."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from drawn import make_field

import napari_parsimony
from napari_parsimony.artefact import read_json, write_json
from napari_parsimony.cells.annotations import Annotations
from napari_parsimony.cells.table import KEY
from napari_parsimony.report import STEPS
from napari_parsimony.study.run import run_step
from napari_parsimony.study.study import Study
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.vae.store import load_vae, save_vae

LATENTS = 6


def planted_study(folder: Path, law: dict[str, str], images: int = 12, side: int = 11) -> Study:
    """Make a study of drawn fields with latents from N(0, 1); the largest of the law is the class.

    Parameters
    ----------
    folder
        Where; new.
    law
        Expression of each class, of ``z0`` … ``z5``.
    images, side
        How many fields, of ``side × side`` cells each.
    """
    files: dict[str, list[Path]] = {"image": [], "labels": []}
    for seed in range(images):
        for kind, picture in zip(files, make_field(seed, side, 24), strict=True):
            file = folder / kind / f"f{seed:02d}.tif"
            file.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(file, picture)
            files[kind].append(file)
    study = Study.create(folder / "study")
    cells = {**files, "size": 16, "window": 24}
    run_step(study, STEPS["cells"], STEPS["cells"].config.model_validate(cells))
    run_step(study, replace(STEPS["vae"], run=_drawn), STEPS["vae"].config(
        latents=LATENTS, steps=20, batch=64, check_every=20, warmup=0, focus=0, augment=False,
    ))  # fmt: skip
    latents, keys = study.latents(), study.cells()[KEY]
    scores = np.stack(
        [
            np.broadcast_to(Expression.parse(text).evaluate(latents), len(latents))
            for text in law.values()
        ]
    )
    names = np.array(list(law))[scores.argmax(axis=0)]
    given = {tuple(key): str(name) for key, name in zip(keys.to_numpy(), names, strict=True)}
    study.annotate(Annotations({}, given))
    return study


def demo_with_unlike_cells(folder: Path) -> Study:
    """Make the demo study with a VAE that allows less, so that some cells are out of its range."""
    shutil.copytree(Path(napari_parsimony.__file__).parent / "sample_data/demo_study", folder)
    study = Study.open(folder)
    vae, made = load_vae(folder / "vae" / "weights.safetensors")
    known = vae.training_range
    assert known is not None
    vae.training_range = replace(known, distance=known.distance * 0.65)
    weights = folder.with_name("strict.safetensors")
    save_vae(vae, made, weights)
    for name in ("vae", "classify", "equations", "trust"):
        config = study.step(name).settings(STEPS[name].config, folder)
        if name == "vae":
            config = config.model_copy(update={"start_from": weights})
        study.run(name, config)
    return study


def _drawn(study, config, out, checkpoints, report):
    """Train a VAE, and put latents in the places of its own."""
    STEPS["vae"].run(study, config, out, checkpoints, report)
    table = pd.read_parquet(out / "latents.parquet")
    names = [f"z{i}" for i in range(LATENTS)]
    drawn = np.random.default_rng(0).standard_normal((len(table), LATENTS)).astype(np.float32)
    table[names] = drawn
    table.to_parquet(out / "latents.parquet", index=False)
    statistics = [
        {**entry, "active": True, "mean": 0.0, "sd": 1.0, "low": -2.3, "high": 2.3}
        for entry in read_json(out / "latents.json")
    ]
    write_json(out / "latents.json", statistics)
