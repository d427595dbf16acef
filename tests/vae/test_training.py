import json

import numpy as np
import pandas as pd
import pytest
import torch

from napari_parsimony.errors import UserError
from napari_parsimony.vae.checkpoint import GUIDED, HELD_OUT, Checkpoint
from napari_parsimony.vae.config import VaeConfig
from napari_parsimony.vae.latents import decode_latents, encode_crops, latent_statistics, traverse
from napari_parsimony.vae.model import Architecture, Vae, pixel_weights, reconstruction_loss
from napari_parsimony.vae.preview import from_preview
from napari_parsimony.vae.store import check_crops, load_vae, save_vae
from napari_parsimony.vae.train import ACTIVE, train_vae

TINY = VaeConfig(steps=12, batch=16, latents=4, check_every=4, learning_rate=2e-3)


def blobs(count=64, size=16, seed=0):
    """Crops of one bright ellipse each, of random size and elongation."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    radius = random.uniform(2, 6, (count, 2, 1, 1))
    crops = np.exp(-((y / radius[:, 0]) ** 2) - (x / radius[:, 1]) ** 2)
    return crops[:, None].astype(np.float16)


def fresh(seed=0, channels=1, size=16):
    torch.manual_seed(seed)
    return Vae(Architecture(channels, size, TINY.latents))


def train(
    crops, config=TINY, checkpoint=None, report=lambda progress: None, turned=False, classes=None
):
    vae = fresh(config.seed)
    history = train_vae(
        vae,
        crops,
        np.full(len(crops), -1) if classes is None else classes,
        np.arange(0, 48),
        np.arange(48, 64),
        config,
        turned=turned,
        checkpoint=checkpoint or Checkpoint(None),
        report=report,
    )
    return vae, history


def full_history_until(step, history):
    return history[history["step"] <= step]


def same_weights(one, other):
    return all(
        torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items()
    )


def test_training_lowers_the_held_out_loss():
    _, history = train(blobs(), TINY.model_copy(update={"steps": 120, "check_every": 20}))
    assert history[HELD_OUT].iloc[-1] < history[HELD_OUT].iloc[0] - 10


def test_same_seed_gives_the_same_weights_and_another_seed_others():
    assert same_weights(train(blobs())[0], train(blobs())[0])
    other = TINY.model_copy(update={"seed": 1})
    assert not same_weights(train(blobs())[0], train(blobs(), other)[0])


@pytest.mark.parametrize("guidance", [0.0, 10.0])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("interrupted_at", [4, 8])
def test_interrupted_training_ends_in_the_weights_of_an_undisturbed_one(
    tmp_path, interrupted_at, turned, guidance
):
    checkpoint = Checkpoint(tmp_path / "training.safetensors", "this")
    config = TINY.model_copy(update={"guidance": guidance})
    setting = {"config": config, "turned": turned, "classes": np.arange(64) % 3 - 1}

    def interrupt(progress):
        if progress.done == interrupted_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(blobs(), checkpoint=checkpoint, report=interrupt, **setting)
    seen = []
    resumed, history = train(
        blobs(), checkpoint=checkpoint, report=lambda p: seen.append(p), **setting
    )
    undisturbed, full_history = train(blobs(), **setting)
    checks = [progress.done for progress in seen if progress.values]
    assert checks[0] == interrupted_at + 4, "training did not go on from its checkpoint"
    told = pd.DataFrame(seen[0].preview["history"])
    pd.testing.assert_frame_equal(told, full_history_until(seen[0].done, history))
    assert same_weights(resumed, undisturbed)
    assert history.equals(full_history)


def test_a_check_tells_its_terms_and_shows_held_out_crops_above_their_reconstructions():
    crops, seen = blobs(), []
    vae, history = train(crops, report=seen.append)
    checks = [progress for progress in seen if progress.values]
    assert [progress.done for progress in checks] == [4, 8, 12]
    for progress, (_, row) in zip(checks, history.iterrows(), strict=True):
        assert {name: progress.values[name] for name in row.index[1:]} == row[1:].to_dict()
    last = checks[-1]
    shown = from_preview(json.loads(json.dumps(last.preview)))
    np.testing.assert_allclose(shown[0], crops[48:64:2], atol=0.003)  # evenly, and none trained on
    mean, log_variance = encode_crops(vae, crops[48:64])
    np.testing.assert_allclose(shown[1], decode_latents(vae, mean[::2]), atol=0.003)
    active = latent_statistics(mean, log_variance)["active"].sum()
    assert last.values[ACTIVE] == active


@pytest.mark.parametrize("rows", [2, 5, 9])
def test_few_held_out_crops_are_all_shown(rows):
    seen = []
    train_vae(
        fresh(), blobs(), np.full(64, -1), np.arange(48), np.arange(48, 48 + rows), TINY,
        turned=False, checkpoint=Checkpoint(None), report=seen.append,
    )  # fmt: skip
    assert from_preview(seen[0].preview).shape == (2, min(rows, 8), 1, 16, 16)


@pytest.mark.parametrize(
    "preview",
    [
        {},
        {"equations": ["z1"]},
        {"shape": [2, 1, 1, 2, 2], "pixels": "AAAA"},
        {"shape": [2, 1, 1, 1, 1], "pixels": "not base 64"},
        {"shape": [2, -1, -1, 1, 1], "pixels": "AAA="},
        {"shape": [1, 1, 1, 1, 1], "pixels": "AA=="},
        {"shape": "22222", "pixels": 3},
    ],
)
def test_previews_of_something_else_are_no_crops(preview):
    assert from_preview(preview) is None


def test_without_guidance_classes_change_nothing():
    classes = np.arange(64) % 2
    assert same_weights(train(blobs())[0], train(blobs(), classes=classes)[0])


def test_guidance_lets_a_straight_line_through_the_latents_tell_classes_apart():
    # a faint spot in one corner: nothing that reconstruction has a reason to keep
    crops, classes = blobs(), np.arange(64) % 2
    crops[classes == 1, :, :3, :3] += np.float16(0.3)
    errors = {}
    setting = {"steps": 300, "check_every": 20, "augment": False}
    for guidance in (0.0, 200.0):
        config = TINY.model_copy(update=setting | {"guidance": guidance})
        vae, history = train(crops, config, classes=classes)
        assert (GUIDED in history) == bool(guidance)
        mean, _ = encode_crops(vae, crops)
        x = np.column_stack([mean, np.ones(64)])
        weights = np.linalg.lstsq(x[:48], 2.0 * classes[:48] - 1, rcond=None)[0]
        errors[guidance] = np.mean((x[48:] @ weights > 0) != classes[48:])
    assert errors[200.0] == 0
    assert errors[0.0] > 0.3


def test_training_that_has_stopped_early_is_not_taken_further(tmp_path):
    config = TINY.model_copy(update={"steps": 400, "patience": 2, "learning_rate": 0.02})
    checkpoint = Checkpoint(tmp_path / "training.safetensors")
    stopped, history = train(blobs(), config, checkpoint)
    assert history["step"].iloc[-1] < 400
    again, same_history = train(blobs(), config, checkpoint)
    assert same_weights(stopped, again)
    assert history.equals(same_history)


def test_held_out_loss_is_of_a_sample_and_not_of_the_first_rows(monkeypatch):
    monkeypatch.setattr("napari_parsimony.vae.train.LARGEST_CHECK", 8)
    crops = blobs()
    first, *_ = train(crops)[1][HELD_OUT]
    crops[48:56] = 0  # the first half of the held-out rows
    other, *_ = train(crops)[1][HELD_OUT]
    crops[56:] = 0
    assert len({first, other, train(crops)[1][HELD_OUT].iloc[0]}) == 3


def test_guidance_looks_at_classes_of_the_given_rows_only_and_needs_two():
    config = TINY.model_copy(update={"guidance": 10.0})
    classes = np.arange(64) % 2
    split = {"vae": fresh(), "crops": blobs(), "config": config, "turned": False}
    split |= {"train_rows": np.arange(32), "validation_rows": np.arange(32, 48)}
    train_vae(**split, classes=classes, checkpoint=Checkpoint(None))
    first = split["vae"]
    others = classes.copy()
    others += 2
    others[48:] = np.arange(16)  # held-out cells, some of classes that nothing else has
    split["vae"] = fresh()
    train_vae(**split, classes=others, checkpoint=Checkpoint(None))
    assert same_weights(first, split["vae"])
    others[:32] = 1
    with pytest.raises(UserError, match="two classes"):
        train_vae(**split, classes=others, checkpoint=Checkpoint(None))


def test_checkpoint_of_another_training_or_a_damaged_one_is_not_used(tmp_path):
    path = tmp_path / "training.safetensors"
    train(blobs(), checkpoint=Checkpoint(path, "this"))
    steps = []

    def note(progress):
        if progress.values:
            steps.append(progress.done)

    train(blobs(), checkpoint=Checkpoint(path, "that"), report=note)
    assert steps[0] == 4
    path.write_bytes(path.read_bytes()[:100])
    steps.clear()
    train(blobs(), checkpoint=Checkpoint(path, "that"), report=note)
    assert steps[0] == 4


def test_training_stops_early_and_keeps_the_best_weights():
    config = TINY.model_copy(
        update={"steps": 400, "warmup": 0.0, "patience": 2, "learning_rate": 0.05}
    )
    _, history = train(blobs(), config)
    assert history["step"].iloc[-1] < 400
    best = history[HELD_OUT].idxmin()
    assert best == len(history) - 1 - config.patience


def test_too_few_crops_are_refused_in_a_sentence():
    with pytest.raises(UserError, match="at least 8 crops"):
        train_vae(
            fresh(), blobs(), np.full(64, -1), np.arange(4), np.arange(4, 8), TINY,
            turned=False, checkpoint=Checkpoint(None),
        )  # fmt: skip


def test_diverged_training_is_refused_in_a_sentence():
    with pytest.raises(UserError, match="learning_rate"):
        train(blobs() * np.float16(np.nan))


def test_side_must_fit_the_network():
    with pytest.raises(UserError, match="multiple of 16"):
        Vae(Architecture(1, 60, 4))


@pytest.mark.parametrize(("channels", "size"), [(1, 16), (2, 64), (3, 96)])
def test_shapes_survive_encoding_and_decoding(channels, size):
    vae = fresh(channels=channels, size=size).eval()
    crops = np.random.default_rng(0).random((5, channels, size, size)).astype(np.float16)
    mean, log_variance = encode_crops(vae, crops, batch=2)
    assert mean.shape == log_variance.shape == (5, 4)
    decoded = decode_latents(vae, mean)
    assert decoded.shape == crops.shape
    assert decoded.min() >= 0
    assert decoded.max() <= 1
    strip = traverse(vae, mean[0], 2, np.array([-3.0, 0.0, 3.0]))
    assert strip.shape == (3, channels, size, size)
    assert not np.allclose(strip[0], strip[2])


def test_reconstruction_is_summed_over_pixels_and_weights_average_one():
    weights = pixel_weights(16, 0.75)
    assert float(weights.mean()) == pytest.approx(1)
    assert weights[8, 8] > 2 * weights[0, 0]
    assert torch.equal(pixel_weights(16, 0.0), torch.ones(16, 16))
    logits, crops = torch.zeros(2, 1, 16, 16), torch.rand(2, 1, 16, 16)
    loss = reconstruction_loss(logits, crops, torch.ones(16, 16), "bernoulli", 1.0)
    assert loss == pytest.approx([256 * np.log(2)] * 2)


def test_collapsed_latents_are_inactive_and_ranked_last():
    mean = np.zeros((100, 3), np.float32)
    mean[:, 1] = np.linspace(-2, 2, 100)
    log_variance = np.array([[0.0, -4.0, -0.2]], np.float32).repeat(100, 0)
    statistics = latent_statistics(mean, log_variance)
    assert statistics["active"].tolist() == [False, True, False]
    assert statistics["rank"].tolist() == [2, 0, 1]
    assert statistics["low"][1] == pytest.approx(-1.96, abs=0.01)


def test_saved_vae_decodes_the_same_and_refuses_other_crops(tmp_path):
    vae = fresh().eval()
    save_vae(vae, {"orientation": "imaged"}, tmp_path / "w.safetensors")
    loaded, made = load_vae(tmp_path / "w.safetensors")
    assert same_weights(vae, loaded)
    check_crops(made, {"orientation": "imaged", "window": 50.0}, tmp_path)
    with pytest.raises(UserError, match=r"orientation = 'imaged'.*'principal axis'"):
        check_crops(made, {"orientation": "principal axis"}, tmp_path)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff" * 64, None])
def test_file_that_is_no_vae_is_refused_in_a_sentence(tmp_path, content):
    path = tmp_path / "w.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"missing|is not a VAE"):
        load_vae(path)


def test_the_objective_of_a_beta_vae_weighs_the_whole_kl_divergence():
    config = TINY.model_copy(
        update={"objective": "beta-vae", "beta": 2.0, "steps": 80, "warmup": 0.0, "batch": 48}
    )
    checks = train(blobs(), config)[1].iloc[-10:].mean()
    terms = ["mutual information", "total correlation", "dimension-wise KL"]
    # those terms are Monte-Carlo estimates, the loss is in closed form
    assert checks["loss"] - checks["reconstruction"] == pytest.approx(
        2 * checks[terms].sum(), rel=0.05
    )
