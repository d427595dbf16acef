import json

import numpy as np
import pandas as pd
import pytest
import torch

from napari_parsimony.classify.black_box import BlackBox, augment, black_box_scores
from napari_parsimony.classify.classifier import Classifier
from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.classify.scores import decided, scores_of
from napari_parsimony.classify.train import train_classifier
from napari_parsimony.errors import UserError
from napari_parsimony.progress import silent

CONFIG = ClassifyConfig(
    hidden=(16, 16),
    density=0.1,
    seeds=3,
    steps=120,
    rewire_every=20,
    batch=64,
    black_box_seeds=2,
    black_box_epochs=6,
)
ACTIVE = ["z0", "z1", "z3", "z4"]


def study(n=240, size=16):
    """Cells of the second class are bright in the middle, and z1 + z3 says so too."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3 == 0
    crops = rng.random((n, 1, size, size)) * 0.5
    crops[y, :, 5:11, 5:11] += 0.5
    z = rng.standard_normal((n, 6)) * 3 + 1
    z[:, 1] += 6 * y - 3
    groups = np.arange(n) % 12
    return {
        "crops": crops.astype(np.float16),
        "latents": pd.DataFrame(
            {"image": "a", "frame": 0, "label": np.arange(n)}
            | {f"z{i}": z[:, i].astype(np.float32) for i in range(6)},
            index=np.arange(n) + 7,
        ),
        "classes": pd.Series(np.where(y, "meta", "inter")),
        "split": pd.Series(np.select([groups < 6, groups < 9], ["train", "validation"], "test")),
        "groups": pd.Series([f"m{g}" for g in groups]),
    }


def train(data, config=CONFIG, report=silent, active=ACTIVE, orientation="imaged"):
    return train_classifier(
        **data, active=active, orientation=orientation, config=config, report=report
    )


@pytest.fixture(scope="module")
def trained():
    reports = []
    data = study()
    return train(data, report=reports.append), data, reports


def test_all_schemes_learn_a_plain_task(trained):
    classifier, data, reports = trained
    assert classifier.names == ("inter", "meta")
    scores = classifier.scores(data["crops"], data["latents"])
    assert list(scores.columns) == [
        "black_box",
        "black_box_sd",
        "dense",
        "dense_sd",
        "sparse",
        "sparse_mean",
        "sparse_sd",
    ]
    assert scores.index.equals(data["latents"].index)
    test = (data["split"] == "test").to_numpy()
    positive = (data["classes"] == "meta").to_numpy()
    for scheme, least in {"black_box": 0.95, "dense": 0.8, "sparse": 0.8}.items():
        right = (scores[scheme].to_numpy() > 0) == positive
        assert right[test].mean() > least, scheme
    done = [report.done for report in reports]
    assert done == sorted(done)
    assert done[-1] == reports[-1].total


def test_only_active_latents_enter_and_the_budget_counts_all(trained):
    classifier, _, _ = trained
    assert classifier.inputs == ACTIVE
    assert "z1" in classifier.used
    assert set(classifier.used) <= set(ACTIVE)
    assert list(classifier.kept_before) == list(classifier.kept_after) == ACTIVE
    assert classifier.facts["dense_weights"] == 6 * 16 + 16 * 16 + 16
    assert max(classifier.facts["live_weights"]) <= 0.1 * classifier.facts["dense_weights"]
    assert len(classifier.used) == classifier.facts["used"][classifier.chosen]


def test_test_cells_are_never_looked_at(trained):
    classifier, data, _ = trained
    test = (data["split"] == "test").to_numpy()
    changed = data | {
        "crops": np.where(test[:, None, None, None], np.float16(0.3), data["crops"]),
        "classes": data["classes"].where(~test),
        "latents": data["latents"].assign(
            **{name: data["latents"][name].where(~test, 0) for name in ACTIVE}
        ),
    }
    again = train(changed)
    assert again.losses == classifier.losses
    assert again.chosen == classifier.chosen
    assert torch.equal(again.sparse.parameters, classifier.sparse.parameters)


def test_every_way_to_a_sparse_score_agrees(trained):
    classifier, data, _ = trained
    latents = data["latents"]
    expected = classifier.scores(data["crops"], latents)
    array = latents[classifier.latents].to_numpy()
    assert classifier.sparse_scores(latents)[:, 0] == pytest.approx(expected["sparse"], abs=1e-4)
    assert classifier.sparse_scores(array)[:, 0] == pytest.approx(expected["sparse"], abs=1e-4)
    h = classifier.standardise(latents)
    layers = classifier.sparse_layers()
    for i, (weight, bias, mask) in enumerate(layers):
        assert (weight[~mask] == 0).all()
        h = h @ weight + bias
        h = np.maximum(h, 0) if i < len(layers) - 1 else h
    assert h[:, 0] == pytest.approx(expected["sparse"], abs=1e-4)
    z = torch.tensor(array, requires_grad=True)
    score = classifier.module("sparse")(z)
    assert score.detach().numpy()[:, 0] == pytest.approx(expected["sparse"], abs=1e-4)
    score.sum().backward()
    unused = [name not in classifier.used for name in classifier.latents]
    assert (z.grad[:, unused] == 0).all()
    assert z.grad[:, ~np.array(unused)].any()
    dense = classifier.module("dense")(z).detach().numpy()
    assert dense[:, 0] == pytest.approx(expected["dense"], abs=1e-4)
    x = torch.from_numpy(data["crops"]).float()
    image = classifier.module("black_box")(x).detach().numpy()
    assert image[:, 0] == pytest.approx(expected["black_box"], abs=1e-4)


def test_three_classes_have_a_score_each(tmp_path):
    data = study()
    group = data["groups"].str[1:].astype(int).to_numpy()
    y = (np.arange(len(group)) + group) % 3  # every class in every group
    data["classes"] = pd.Series(np.array(["early", "late", "mid"])[y])
    noise = np.random.default_rng(1).standard_normal((2, 240))
    for name, value, here in (("z1", 1, noise[0]), ("z3", 2, noise[1])):
        data["latents"][name] = (4 * (y == value) + here).astype(np.float32)
    classifier = train(data, CONFIG.model_copy(update={"density": 0.2}))
    assert classifier.names == ("early", "late", "mid")
    assert classifier.facts["dense_weights"] == 6 * 16 + 16 * 16 + 16 * 3
    scores = classifier.scores(data["crops"], data["latents"])
    test = (data["split"] == "test").to_numpy()
    for scheme in ("dense", "sparse", "sparse_mean"):
        each = scores_of(scores, scheme, classifier.names)
        assert each.shape == (240, 3)
        assert each.mean(1) == pytest.approx(0, abs=1e-5)
        assert (decided(each) == y)[test].mean() > 0.8, scheme
    chosen = scores_of(scores, "sparse", classifier.names)
    assert classifier.sparse_scores(data["latents"]) == pytest.approx(chosen, abs=1e-4)
    classifier.save(tmp_path)
    again = Classifier.load(tmp_path).scores(data["crops"], data["latents"])
    pd.testing.assert_frame_equal(again, scores)


def test_what_is_loaded_is_what_was_saved(trained, tmp_path):
    classifier, data, _ = trained
    classifier.save(tmp_path)
    loaded = Classifier.load(tmp_path)
    a, b = (c.scores(data["crops"], data["latents"]) for c in (classifier, loaded))
    pd.testing.assert_frame_equal(a, b)
    for name in ("names", "latents", "inputs", "used", "crop_shape", "losses", "chosen"):
        assert getattr(classifier, name) == getattr(loaded, name)
    assert classifier.kept_after == loaded.kept_after
    assert json.dumps(classifier.facts) == json.dumps(loaded.facts)
    again = [m.sum() for m in loaded.sparse.masks]
    assert again == [m.sum() for m in classifier.sparse.masks]


def test_damaged_files_are_refused_in_one_sentence(trained, tmp_path):
    trained[0].save(tmp_path)
    file, summary = tmp_path / "networks.safetensors", tmp_path / "summary.json"
    good, words = file.read_bytes(), json.loads(summary.read_text())
    file.write_bytes(good[: len(good) // 2])
    with pytest.raises(UserError, match="damaged"):
        Classifier.load(tmp_path)
    file.write_bytes(good)
    for change in (
        {"hidden": [8, 8]},
        {"hidden": [10**9]},
        {"inputs": ["z0"]},
        {"inputs": 3},
        {"chosen": 99},
        {"chosen": "0"},
        {"chosen": True},
        {"chosen": 0.0},
        {"facts": {}},
        {"names": ["a", "a"]},
        {"format_version": -3},
        {"kept_after": dict.fromkeys(words["kept_after"], "often")},
        {"networks": words["networks"] | {"black_box": 0}},
        {"networks": {"black_box": 2, "dense": 5, "sparse": 3}},
        {"networks": {"black_box": 3, "dense": 3, "sparse": 3}},
        {"crop_shape": [1, 32]},
        {"crop_shape": [1, 2]},
        {"crop_shape": [1, 10**6]},
        {"kept_after": {}},
        {"losses": None},
    ):
        summary.write_text(json.dumps(words | change))
        with pytest.raises(UserError):
            Classifier.load(tmp_path)
    summary.write_text(json.dumps(words | {"format_version": 99}))
    with pytest.raises(UserError, match="newer version"):
        Classifier.load(tmp_path)
    summary.write_text("[]")
    with pytest.raises(UserError, match="does not describe"):
        Classifier.load(tmp_path)
    summary.write_text(json.dumps(words))
    file.unlink()
    with pytest.raises(UserError, match="missing"):
        Classifier.load(tmp_path)


def test_other_crops_or_latents_are_refused(trained):
    classifier, data, _ = trained
    with pytest.raises(UserError, match="needs crops of shape"):
        classifier.scores(data["crops"][:, :, :8, :8], data["latents"])
    with pytest.raises(UserError, match="reads z1"):
        classifier.scores(data["crops"], data["latents"].drop(columns="z1"))
    with pytest.raises(UserError, match="6 latents a cell"):
        classifier.sparse_scores(np.zeros((1, 4)))


@pytest.mark.parametrize(
    ("change", "active", "message"),
    [
        ({}, [], "no active latent"),
        ({}, ["z0", "z9"], "z9 is listed as active"),
        ({"split": pd.Series(["train"] * 240)}, ACTIVE, "is in the validation split"),
        ({"latents": study()["latents"].assign(z3=1.0)}, ACTIVE, "z3 .* same in all"),
        ({"latents": study()["latents"].assign(z3=np.nan)}, ACTIVE, "not finite"),
        ({"crops": study()["crops"][:, :, :8, :8]}, ACTIVE, "at least 16 pixels"),
        ({"crops": study()["crops"] * np.nan}, ACTIVE, "no finite loss"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(change, active, message):
    with pytest.raises(UserError, match=message):
        train(study() | change, active=active)


def test_augmentation_makes_all_eight_orientations_and_no_others():
    crop = torch.arange(9.0).view(1, 1, 3, 3)
    many = crop.repeat(400, 1, 1, 1)
    rng = np.random.default_rng(0)
    seen = {tuple(x.flatten().tolist()) for x in augment(many, True, rng)}
    flips = (crop, crop.flip(3))
    allowed = {tuple(f.rot90(k, (2, 3)).flatten().tolist()) for f in flips for k in range(4)}
    assert seen == allowed
    seen = {tuple(x.flatten().tolist()) for x in augment(many, False, rng)}
    assert seen == {tuple(crop.flip(d).flatten().tolist()) for d in ((), (2,), (3,), (2, 3))}


def test_only_the_rows_that_are_needed_are_read(tmp_path):
    whole = np.lib.format.open_memmap(tmp_path / "crops.npy", "w+", np.float16, (8, 1, 16, 16))
    whole[:] = np.nan
    whole[[2, 5]] = 0.5
    crops = np.load(tmp_path / "crops.npy", mmap_mode="r")
    torch.manual_seed(0)
    scores = black_box_scores([BlackBox(1, 16)], crops, np.array([5, 2]))
    assert scores.shape == (1, 2, 1)
    assert np.isfinite(scores).all()
    assert scores[0, 0, 0] == pytest.approx(scores[0, 1, 0])
