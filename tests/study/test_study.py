import json
import shutil
from pathlib import Path

import fake_steps as fake
import numpy as np
import pandas as pd
import pytest

from napari_parsimony.artefact import read_json
from napari_parsimony.errors import UserError
from napari_parsimony.gui.sample import demo_folder
from napari_parsimony.study import record as records
from napari_parsimony.study.lock import exclusive
from napari_parsimony.study.run import run_step
from napari_parsimony.study.study import Study

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def study(tmp_path):
    """A study in which every step has been run."""
    study = Study.create(tmp_path / "study")
    run_step(study, fake.NUMBERS, fake.NumbersConfig())
    run_step(study, fake.SUM, fake.SumConfig())
    run_step(study, fake.PLOT, fake.PlotConfig())
    return study


def states(study):
    return [study.state(name) for name in fake.STEPS]


def test_created_study_opens_again(tmp_path):
    created = Study.create(tmp_path / "a" / "study", name="Mitosis β")
    opened = Study.open(tmp_path / "a" / "study")
    assert (opened.name, opened.created, opened.path) == (
        "Mitosis β",
        created.created,
        created.path,
    )
    assert opened.state("cells") == "missing"
    assert opened.step("cells") is None
    assert opened.steps() == {}


def test_study_is_not_created_over_something(tmp_path):
    Study.create(tmp_path / "study")
    with pytest.raises(UserError, match=r"a study in .* already"):
        Study.create(tmp_path / "study")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").touch()
    with pytest.raises(UserError, match="not an empty folder"):
        Study.create(tmp_path / "thesis")
    assert [p.name for p in (tmp_path / "thesis").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("use", [Study.open, Study.create])
def test_study_that_may_not_be_read_or_written_is_one_sentence(tmp_path, monkeypatch, use):
    def refuse(self, **_):
        raise PermissionError(13, "Permission denied", str(self))

    # root may do everything, so a folder without permissions would not do
    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(UserError) as error:
        use(tmp_path)
    assert str(error.value) == (
        f"Could not use {tmp_path / 'study.json'}: Permission denied; check that you may use this "
        "folder and that its disk is there, or choose another."
    )


def test_study_is_not_created_below_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"Could not write .*Not a directory"):
        Study.create(tmp_path / "file" / "study")


@pytest.mark.parametrize("place", [".", "absent"])
def test_folder_that_is_no_study(tmp_path, place):
    with pytest.raises(UserError, match=r"is not a study: it has no file study\.json"):
        Study.open(tmp_path / place)


NONSENSE = {
    "text": "not JSON",
    "binary": b"\xff\xfe\x00",
    "list": "[]",
    "empty": "{}",
    "deep": "[" * 100_000,
    "format as text": '{"format_version": "1"}',
    "format true": '{"format_version": true}',
    "format 0": '{"format_version": 0}',
    "nothing else": '{"format_version": 1}',
    "wrong types": '{"format_version": 1, "name": ["x"], "created": "x", "version": 1}',
    "more": '{"format_version": 1, "name": "x", "created": "2026-01-01T00:00:00Z", '
    '"version": "0", "secret": 1}',
}


@pytest.mark.parametrize("content", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("file", ["study.json", "sum/step.json"])
def test_nonsense_gives_one_sentence_that_names_the_file(study, file, content):
    path = study.path / file
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError) as error:
        Study.open(study.path)
    assert str(path) in str(error.value)
    assert str(error.value).count("\n") == 0
    assert str(error.value).endswith(".")


@pytest.mark.parametrize("file", ["study.json", "sum/step.json"])
def test_newer_format_is_refused(study, file):
    content = read_json(study.path / file)
    (study.path / file).write_text(json.dumps({**content, "format_version": 2, "new": 1}))
    with pytest.raises(UserError, match=r"format 2.*update napari-parsimony"):
        Study.open(study.path)


def test_older_format_is_migrated(study, monkeypatch):
    path = study.path / "study.json"
    path.write_text(path.read_text().replace('"name"', '"title"'))
    monkeypatch.setattr(records, "FORMAT_VERSION", 2)

    def rename(content):
        content = dict(content)
        return {**content, "name": content.pop("title")} if "title" in content else content

    monkeypatch.setitem(
        records.MIGRATIONS,
        1,
        lambda content: {k: v for k, v in rename(content).items() if k != "title"},
    )
    assert Study.open(study.path).name == "study"


def test_first_format_opens_for_ever():
    study = Study.open(GOLDEN / "format-1")
    assert study.name == "The first study"
    assert study.created.isoformat() == "2026-11-24T04:00:00+00:00"
    assert [study.state(name) for name in ("numbers", "sum", "plot")] == ["ready"] * 2 + ["missing"]
    record = study.step("numbers")
    assert record.seed == 7
    assert record.versions["numpy"] == "2.4.6"
    config = record.settings(fake.NumbersConfig, study.path)
    assert config.source == GOLDEN / "format-1" / "text.txt"
    assert study.changed_sources("sum") == []
    assert study.verify() == []


def test_step_folder_under_another_name(study):
    (study.path / "sum").rename(study.path / "product")
    with pytest.raises(UserError, match="is of the step 'sum', not 'product'"):
        Study.open(study.path)


def test_opening_changes_nothing(study):
    def look():
        files = sorted(study.path.rglob("*"))
        return [(path, path.stat().st_mtime_ns, path.stat().st_size) for path in files]

    before = look()
    states(Study.open(study.path))
    assert look() == before


def test_opening_recovers_what_was_killed_between_two_renames(study):
    (study.path / "sum").rename(study.path / ".sum.old")
    assert Study.open(study.path).state("sum") == "ready"
    assert not (study.path / ".sum.old").exists()


def test_opening_leaves_a_replacement_that_is_going_on_alone(study):
    (study.path / "sum").rename(study.path / ".sum.old")
    with exclusive(study.path, "sum"):
        assert Study.open(study.path).state("sum") == "missing"
    assert Study.open(study.path).state("sum") == "ready"


def test_same_result_again_keeps_later_steps(study):
    first = study.step("numbers")
    run_step(study, fake.NUMBERS, fake.NumbersConfig(comment="same numbers"))
    assert study.step("numbers").config != first.config
    assert study.step("numbers").fingerprint == first.fingerprint
    assert states(study) == ["ready", "ready", "ready"]


def test_other_result_makes_later_steps_stale(study):
    run_step(study, fake.NUMBERS, fake.NumbersConfig(count=4))
    assert states(study) == ["ready", "stale", "stale"]
    assert study.why_stale("sum") == (
        "The step 'numbers' has been run again and gave something else."
    )
    run_step(study, fake.SUM, fake.SumConfig())
    assert states(study) == ["ready", "ready", "stale"]


def test_later_than_stale_is_stale(study):
    record = read_json(study.path / "plot" / "step.json")
    del record["inputs"]["numbers"]
    (study.path / "plot" / "step.json").write_text(json.dumps(record))
    run_step(study, fake.NUMBERS, fake.NumbersConfig(count=4))
    assert study.why_stale("plot") == "The step 'sum', which it was made from, is stale."


def test_missing_input_makes_stale(study):
    shutil.rmtree(study.path / "numbers")
    assert states(study) == ["missing", "stale", "stale"]


def test_changed_outputs_make_stale(study):
    path = study.path / "sum" / "sum.json"
    content = path.read_text()
    path.write_text(content + " ")
    assert states(study) == ["ready", "stale", "stale"]
    assert study.why_stale("sum") == "The file sum/sum.json was changed afterwards."
    path.unlink()
    assert study.why_stale("sum") == "The file sum/sum.json is missing."
    path.write_text(content)
    assert states(study) == ["ready"] * 3


def test_verify_finds_changes_that_keep_the_size(study):
    assert study.verify() == []
    path = study.path / "sum" / "sum.json"
    path.write_text(path.read_text().replace("3", "4"))
    assert study.state("sum") == "ready"
    assert study.verify() == [path]


def test_edited_record_is_stale(study):
    path = study.path / "sum" / "step.json"
    record = read_json(path)
    record["outputs"]["sum.json"] = "0" * 64
    path.write_text(json.dumps(record))
    assert study.why_stale("sum") == "The file sum/step.json was changed afterwards."


def test_step_that_was_made_its_own_input_is_stale(study):
    path = study.path / "numbers" / "step.json"
    record = read_json(path)
    record["inputs"] = {"sum": study.step("sum").fingerprint}
    path.write_text(json.dumps(record))
    assert states(study) == ["stale"] * 3


def test_opening_and_states_hash_nothing(study, monkeypatch):
    def refuse(path):
        raise AssertionError(f"{path} is hashed")

    monkeypatch.setattr("napari_parsimony.study.stale.hash_file", refuse)
    monkeypatch.setattr("napari_parsimony.study.record.hash_file", refuse)
    assert states(Study.open(study.path)) == ["ready"] * 3


def test_moved_study_opens_and_finds_its_own_files(study, tmp_path):
    inside, outside = study.path / "images" / "a.txt", tmp_path / "b.txt"
    inside.parent.mkdir()
    inside.write_text("inside")
    outside.write_text("outside")
    config = fake.NumbersConfig(source=inside, several=(outside,))
    before = run_step(study, fake.NUMBERS, config)
    assert before.config["source"] == "images/a.txt"
    assert before.config["several"] == [str(outside)]

    moved = Path(shutil.move(study.path, tmp_path / "elsewhere"))
    study = Study.open(moved)
    assert study.state("numbers") == "ready"
    config = study.step("numbers").settings(fake.NumbersConfig, moved)
    assert config.source == moved / "images" / "a.txt"
    assert config.several == (outside,)
    assert study.changed_sources("numbers") == []


def test_readers_read_once_until_the_step_is_run_again(study):
    read = []

    def load(path):
        read.append(path)
        return read_json(path)

    for _ in range(3):
        assert study.read("sum", "sum.json", load)["value"] == 3
    assert read == [study.path / "sum" / "sum.json"]
    # by another process, as far as this object can tell
    run_step(Study.open(study.path), fake.SUM, fake.SumConfig(factor=2))
    assert study.read("sum", "sum.json", load)["value"] == 6
    study.release("sum")
    study.read("sum", "sum.json", load)
    assert len(read) == 3


def test_reading_before_the_step_was_run(study):
    with pytest.raises(UserError, match="has no 'vae' yet: run that step first"):
        study.latents()


@pytest.fixture
def with_artefacts(study):
    """A study with files that the real steps would write, under a record of a fake one."""

    def write(step, **files):
        def run(study, config, out, checkpoints, report):
            for name, content in files.items():
                (out / name.replace("__", ".")).write_bytes(content)

        run_step(study, fake.Step(step, "", "", fake.PlotConfig, (), run), fake.PlotConfig())

    return write


@pytest.mark.parametrize(
    ("step", "file", "reader"),
    [
        ("cells", "cells__parquet", Study.cells),
        ("cells", "crops__npy", Study.crops),
        ("vae", "latents__parquet", Study.latents),
        ("vae", "latents__json", Study.latent_statistics),
        ("vae", "weights__safetensors", Study.vae),
        ("equations", "front__json", Study.front),
        ("evaluate", "scores__parquet", Study.scores),
        ("evaluate", "schemes__json", Study.schemes),
    ],
)
@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x93NUMPY\x01\x00\xff\xff{}", b"PAR1PAR1"])
def test_damaged_artefacts_give_one_sentence(study, with_artefacts, step, file, reader, content):
    with_artefacts(step, **{file: content})
    with pytest.raises(UserError) as error:
        reader(study)
    assert str(study.path / step / file.replace("__", ".")) in str(error.value)


def test_pickled_crops_are_not_loaded(study, with_artefacts, tmp_path):
    np.save(tmp_path / "evil.npy", np.array([print], dtype=object), allow_pickle=True)
    with_artefacts("cells", crops__npy=(tmp_path / "evil.npy").read_bytes())
    with pytest.raises(UserError, match="cannot be read"):
        study.crops()


def test_crops_stay_on_disk_and_cannot_be_changed(study, with_artefacts, tmp_path):
    np.save(tmp_path / "crops.npy", np.zeros((5, 1, 8, 8), np.float16))
    with_artefacts("cells", crops__npy=(tmp_path / "crops.npy").read_bytes())
    crops = study.crops()
    assert isinstance(crops, np.memmap)
    assert crops is study.crops()
    with pytest.raises(ValueError, match="read-only"):
        crops[0] = 1


def test_columns_that_a_caller_adds_stay_the_callers(study, with_artefacts, tmp_path):
    pd.DataFrame({"image": ["a"], "z0": [1.0]}).to_parquet(tmp_path / "t.parquet")
    with_artefacts("vae", latents__parquet=(tmp_path / "t.parquet").read_bytes())
    table = study.latents()
    table["score"] = 1.0
    table["z0"] = 2.0
    assert study.latents().to_dict("list") == {"image": ["a"], "z0": [1.0]}


@pytest.mark.parametrize(
    "change",
    [
        lambda latents: [dict(one, active="false") for one in latents],
        lambda latents: [dict(one, kl=None) for one in latents],
        lambda latents: [{k: v for k, v in one.items() if k != "low"} for one in latents],
        lambda latents: latents[3:],
        lambda latents: {"z0": 1},
        lambda latents: "nonsense",
    ],
)
def test_statistics_that_are_none_are_refused_in_a_sentence(tmp_path, change):
    shutil.copytree(demo_folder(), tmp_path / "study")
    file = tmp_path / "study" / "vae" / "latents.json"
    file.write_text(json.dumps(change(read_json(file))))
    with pytest.raises(UserError, match=r"latents\.json cannot be read"):
        Study.open(tmp_path / "study").latent_statistics()
