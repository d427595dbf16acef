import numpy as np
import pandas as pd
import pytest

from napari_parsimony.cells.table import KEY
from napari_parsimony.trust.config import EvaluateConfig
from napari_parsimony.trust.schemes import Complexity, Schemes
from napari_parsimony.trust.step import run_evaluate

N = 240


def study():
    """Round and long cells, of which every eighth has no class."""
    rng = np.random.default_rng(0)
    long = rng.random(N) < 0.5
    y, x = np.mgrid[:32, :32] - 15.5
    ratio = np.where(long, rng.uniform(1.5, 2.0, N), rng.uniform(1.0, 1.2, N))[:, None, None]
    crops = 0.9 * ((x / ratio) ** 2 + (y * ratio) ** 2 < 49) + rng.normal(0, 0.02, (N, 32, 32))
    movie = rng.integers(15, size=N)
    cells = pd.DataFrame(
        {
            "image": "a.tif",
            "frame": 0,
            "label": np.arange(N),
            "group": [f"movie{m}" for m in movie],
            "split": np.array(["train", "validation", "test"])[np.minimum(movie // 5, 2)],
        }
    )
    target = np.where(np.arange(N) % 8 == 0, np.nan, long)
    signal = 2 * long - 1 + rng.normal(size=N)
    scores = pd.DataFrame(dict.fromkeys(("black_box", "dense", "sparse", "symbolic"), signal))
    return scores, target, cells, crops[:, None].astype(np.float16)


def test_the_step_scores_every_cell_and_adds_the_baseline(tmp_path):
    scores, target, cells, crops = study()
    seen = []
    result = run_evaluate(
        scores, target, cells, crops, {"symbolic": Complexity(parameters=1, expression_size=5)},
        EvaluateConfig(resamples=100), tmp_path, ("round", "long"), "image", ["A note."],
        seen.append,
    )  # fmt: skip
    assert Schemes.load(tmp_path / "schemes.json") == result
    assert [scheme.name for scheme in result.schemes] == [*scores.columns, "shape"]
    assert result.get("shape").balanced_accuracy.value > 0.95
    assert result.notes[-1] == "A note."
    held_out = (cells["split"] == "test") & np.isfinite(target)
    assert sum(result.cells) == held_out.sum()
    table = pd.read_parquet(tmp_path / "scores.parquet")
    assert list(table.columns) == [*KEY, *scores.columns, "shape"]
    np.testing.assert_array_equal(table["dense"], scores["dense"])
    np.testing.assert_array_equal(table["shape"].isna(), np.isnan(target))
    assert seen[-1].done == seen[-1].total


def test_without_the_baseline(tmp_path):
    scores, target, cells, crops = study()
    config = EvaluateConfig(resamples=100, baseline=False)
    result = run_evaluate(scores, target, cells, crops, {}, config, tmp_path, ("round", "long"))
    assert result.get("shape") is None
    assert "shape" not in pd.read_parquet(tmp_path / "scores.parquet")


def test_scores_of_other_cells_are_refused(tmp_path):
    scores, target, cells, crops = study()
    with pytest.raises(ValueError, match="same cells"):
        run_evaluate(
            scores[1:], target, cells, crops, {}, EvaluateConfig(), tmp_path, ("round", "long")
        )
