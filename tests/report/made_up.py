"""A report's content without a study."""

import dataclasses

import numpy as np
import pandas as pd

from napari_parsimony.classify.scores import columns_of, scores_of
from napari_parsimony.figures.decision import AlongLatent
from napari_parsimony.report.content import Content, Decision
from napari_parsimony.symbolic.class_scores import ClassScores
from napari_parsimony.symbolic.expression import Expression, constant
from napari_parsimony.symbolic.front import Candidate, Front
from napari_parsimony.trust.config import EvaluateConfig
from napari_parsimony.trust.evaluate import compare
from napari_parsimony.trust.findings import Finding as Found
from napari_parsimony.trust.metrics import calibration, confusion
from napari_parsimony.trust.per_class import per_class
from napari_parsimony.trust.schemes import Complexity
from napari_parsimony.vae.verdict import Finding, Verdict

RANGE = {
    "symbolic wrong, inside": 0.08, "symbolic wrong, inside, low": 0.05,
    "symbolic wrong, inside, high": 0.12, "symbolic wrong, outside": 0.5,
    "cells with a class, inside": 168.0, "cells with a class, outside": 12.0,
}  # fmt: skip
LAW = "z29*(z17**2+z21**2)-exp(exp(z3))"
FRONT = ("0.31", "z29-0.4", "z29*z17**2-1.05", LAW, f"{LAW}+0.00123*tanh(z1*z2)-0.2/(1+z5**2)")


def blobs(n: int, size: int = 32) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    wide = np.linspace(4, 10, n)[:, None, None]
    return (1 / (1 + np.exp((x / wide) ** 2 * 8 + (y / 5) ** 2 * 8 - 8)))[:, None].astype("float32")


def front(texts=FRONT, chosen: int = 3) -> Front:
    candidates = [
        Candidate(
            expression=Expression.parse(text), engine="operon", seed=0, train_loss=0.6 / (1 + i),
            validation_loss=0.62 / (1 + i) + 0.01 * i, validation_error=0.02, excess_error=0.01 * i,
            balanced_accuracy=0.5 + 0.1 * i, agreement=0.6 + 0.09 * i, digits=3, flips=i,
        )
        for i, text in enumerate(texts)
    ]  # fmt: skip
    variables = sorted({name for each in candidates for name in each.expression.variables})
    return Front(tuple(candidates), chosen, tuple(variables))


def class_front(classes: tuple[str, ...], two: bool = True) -> Front:
    """Equations of more than two classes: each has one latent, the last stays at 0."""
    texts = [f"{i + 1}.5*z{17 + 12 * (two and i % 2)} - 0.{i}" for i in range(len(classes))]
    each = [Expression.parse(text) for text in texts]
    each[-1] = constant(0)
    equations = [each[:n] + [constant(0)] * (len(classes) - n) for n in range(len(classes))]
    plain = front().candidates
    candidates = [
        dataclasses.replace(plain[i], expression=ClassScores(classes, tuple(expressions)))
        for i, expressions in enumerate(equations)
    ]
    return Front(tuple(candidates), len(classes) - 1, ("z17", "z29"), classes=classes)


def content(
    title: str = "Demo", classes: tuple[str, ...] = ("interphase", "metaphase"), two: bool = True
) -> Content:
    rng = np.random.default_rng(0)
    n = 300
    names = ["black_box", "dense", "sparse", "symbolic", "shape"]
    if len(classes) == 2:
        target = (rng.random(n) < 0.4).astype(float)
        signal = (2 * target - 1 + rng.normal(size=n))[:, None]
    else:
        target = rng.integers(len(classes), size=n).astype(float)
        signal = 2.0 * (target[:, None] == np.arange(len(classes)))
        signal = signal + rng.normal(size=signal.shape)
    columns = [columns_of(name, classes) for name in names]
    scores = pd.concat(
        [pd.DataFrame(signal + rng.normal(0, 0.5, signal.shape), columns=c) for c in columns],
        axis=1,
    )
    scores.loc[:2, columns_of("symbolic", classes)] = np.nan
    sizes = [(251_000, 900_000), (6_337, 25_000), (61, 250), (0, 11), (28, 145)]
    complexity = {
        name: Complexity(parameters=p, expression_size=s)
        for name, (p, s) in zip(names, sizes, strict=True)
    }
    movies = np.char.add("movie", rng.integers(8, size=n).astype(str))
    schemes = compare(
        scores, target, movies, complexity, EvaluateConfig(resamples=200), classes=classes
    )
    x = AlongLatent("z17", -3, 3, blobs(7), rng.normal(size=n) * (1 + target), "")
    y = AlongLatent("z29", -2.5, 3.1, blobs(7), rng.normal(size=n) + target)
    weights = [rng.normal(size=s) * (rng.random(s) < 0.2) for s in ((32, 8), (8, 8))]
    weights.append(np.ones((8, signal.shape[1])))
    said, numbers = scores_of(scores, "symbolic", classes), target.astype(int)
    rest = {name: [90 - 9 * i, 30, 60] for i, name in enumerate(classes[2:])}
    before = {f"z{i}": float(rng.random()) for i in range(32)}
    made = {"size": 64, "normalisation": "percentile", "orientation": "principal axis"}
    versions = {"napari-parsimony": "0.1.0"}
    record = {"seed": 0, "fingerprint": "f" * 64, "config": made, "versions": versions}
    steps = np.arange(0, 1000, 50)
    history = pd.DataFrame({"step": steps, "loss": 300 + 900 * np.exp(-steps / 99)})
    history["validation loss"] = history["loss"] + 10
    return Content(
        title=title,
        cells=pd.DataFrame(
            {"split": ["train", "validation", "test"], classes[0]: [250, 90, 180],
             classes[1]: [150, 60, 120], **rest, "groups": [30, 9, 8]}
        ),
        unlabelled=1_700,
        schemes=schemes,
        confusion=confusion(said, numbers),
        per_class=per_class(said, numbers, movies, EvaluateConfig(resamples=200)),
        calibration=calibration(said, numbers)[0],
        crops=blobs(12),
        decoded=blobs(12) * 0.8,
        traversals=np.stack([blobs(7), blobs(7)[::-1]]),
        traversal_values=np.stack([np.linspace(-3, 3, 7), np.linspace(-2, 2.5, 7)]),
        traversal_names=["z17", "z29"],
        weights=weights,
        inputs=list(before),
        usage_before=before,
        usage_after={name: share * (share > 0.6) for name, share in before.items()},
        networks=16,
        active=18,
        latents=32,
        guidance=0.0,
        latent_names={"z17": "size <of nucleus>"},
        verdict=Verdict(
            "note",
            "These latents can be used; know one thing about them.",
            (Finding("note", "Texture is lost: 10 % < 20 %.", "Raise 'capacity'."),
             Finding("good", "18 of 32 latents are active.")),
        ),
        front=front() if len(classes) == 2 else class_front(classes, two),
        decision=Decision(x, y if two else None, {"z3": -3.0, "z21": 0.0}, target),
        findings={"trust": [
            Found("short-cut: neighbourhood", "alarm", "It rests on <neighbours>.", (("a", 0, 1),)),
            Found("law in words", "fine", "metaphase: small & elongated."),
            Found("training range", "note", "12 of 180 are <unlike>.", (("a", 0, 1),), RANGE),
            Found("calibration", "fine", "It is 90 % sure."),
        ]},
        meanings=pd.DataFrame(
            {"latent": ["z17", "z29"], "group": ["central cell", "unclear"], "r2": [0.8, 0.1],
             "trait": ["size", ""], "r": [-0.7, np.nan], "change": [2.5, np.nan],
             "monotone": [True, False], "equation": [True, True], "sparse network": [True, False]}
        ),
        groups=pd.DataFrame(
            {"group": ["movie <1>", "movie2"], "cells": [9, 30], "black_box": [1.0, 0.9],
             "dense": [0.8, 0.9], "sparse": [0.7, 0.9], "symbolic": [0.3, 0.9],
             "wrong": [6, 3], "expected": [1.2, 4.1], "p": [0.004, 1.0]}
        ),
        history=history,
        provenance=dict.fromkeys(("cells", "vae", "classify", "equations", "evaluate"), record),
    )  # fmt: skip
