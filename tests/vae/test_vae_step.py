import numpy as np
import pandas as pd
import pytest

from napari_parsimony.vae.config import VaeConfig
from napari_parsimony.vae.step import run_vae
from napari_parsimony.vae.store import load_vae

MADE = {"size": 16, "orientation": "imaged"}
TINY = VaeConfig(steps=4, batch=16, latents=4, check_every=2)


@pytest.fixture
def cells():
    count = 48
    return pd.DataFrame(
        {
            "image": "a.tif",
            "frame": 0,
            "label": np.arange(count),
            "class": np.where(np.arange(count) % 3, "round", "long"),
            "split": np.repeat(["train", "validation", "test"], count // 3),
            **dict.fromkeys(["low", "high", "angle", "scale"], 0.0),
        }
    )


def run(cells, out, config, report=lambda progress: None):
    crops = np.random.default_rng(0).random((len(cells), 1, 16, 16)).astype(np.float16)
    out.mkdir(exist_ok=True)
    run_vae(crops, cells, MADE, config, out, out, report)
    return load_vae(out / "weights.safetensors")[0]


def guided(config, weight):
    return config.model_copy(update={"guidance": weight})


def test_weights_remember_that_classes_had_a_say(cells, tmp_path):
    assert run(cells, tmp_path / "free", TINY).guidance == 0
    assert run(cells, tmp_path / "told", guided(TINY, 5.0)).guidance == 5
    from_told = TINY.model_copy(update={"start_from": tmp_path / "told" / "weights.safetensors"})
    assert run(cells, tmp_path / "tuned", from_told).guidance == 5
    taken_over = from_told.model_copy(update={"steps": 0})
    assert run(cells, tmp_path / "taken over", taken_over).guidance == 5


@pytest.mark.parametrize(("weight", "first_check"), [(0.0, 4), (5.0, 2)])
def test_interrupted_training_begins_anew_if_classes_that_it_uses_have_changed(
    cells, tmp_path, weight, first_check
):
    def interrupt(progress):
        raise KeyboardInterrupt

    config = guided(TINY, weight)
    with pytest.raises(KeyboardInterrupt):
        run(cells, tmp_path, config, interrupt)
    cells["class"] = cells["class"].to_numpy()[::-1]
    seen = []
    run(cells, tmp_path, config, seen.append)
    assert next(progress.done for progress in seen if progress.values) == first_check
