import json
import os

import fake_steps as fake
import pytest

from napari_parsimony.artefact import read_json
from napari_parsimony.study import record as records
from napari_parsimony.study.run import run_step
from napari_parsimony.study.study import Study


@pytest.fixture
def study(tmp_path):
    return Study.create(tmp_path / "study")


def test_changed_sources_are_noticed(study, tmp_path):
    folder, file, other = tmp_path / "folder", tmp_path / "b.txt", tmp_path / "c.txt"
    (folder / "deep").mkdir(parents=True)
    for path in (folder / "deep" / "a.txt", file, other):
        path.write_text("first")
    config = fake.NumbersConfig(source=file, several=(folder, other))
    run_step(study, fake.NUMBERS, config)
    assert study.changed_sources("numbers") == []
    file.write_text("second")
    (folder / "deep" / "new.txt").touch()
    other.unlink()
    assert study.changed_sources("numbers") == [file, folder]


@pytest.fixture
def sources(study, tmp_path):
    """A file and a folder that a step has read."""
    folder, file = tmp_path / "folder", tmp_path / "b.txt"
    (folder / "deep").mkdir(parents=True)
    for path in (folder / "deep" / "a.txt", file):
        path.write_text("first")
    run_step(study, fake.NUMBERS, fake.NumbersConfig(source=file, several=(folder,)))
    return file, folder


def give_other_dates(sources):
    file, folder = sources
    for path in (file, folder / "deep" / "a.txt"):
        os.utime(path, ns=(5, 5))


def test_copied_sources_did_not_change(study, sources):
    file, folder = sources
    give_other_dates(sources)
    assert study.changed_sources("numbers") == []
    # as long as before
    file.write_text("FIRST")
    (folder / "deep" / "a.txt").write_text("FIRST")
    give_other_dates(sources)
    assert study.changed_sources("numbers") == [file, folder]


def test_sources_are_read_only_where_dates_alone_differ(study, sources, monkeypatch):
    read = []
    monkeypatch.setattr(records, "hash_file", lambda path: read.append(path) or "other")
    assert study.changed_sources("numbers") == []
    sources[0].write_text("longer than first")
    assert study.changed_sources("numbers") == [sources[0]]
    assert read == []
    give_other_dates(sources)
    assert study.changed_sources("numbers") == list(sources)
    assert read == [sources[1] / "deep" / "a.txt"]


def test_large_sources_are_told_by_their_dates_alone(study, sources, monkeypatch):
    monkeypatch.setattr(records, "HASHED", 2 * (records.OPENING + len("first")) - 1)
    run_step(study, fake.NUMBERS, study.step("numbers").settings(fake.NumbersConfig, study.path))
    assert study.changed_sources("numbers") == []
    give_other_dates(sources)
    assert study.changed_sources("numbers") == [sources[1]], "only the first fits"


def test_records_without_a_hash_go_by_the_date(study, sources):
    path = study.path / "numbers" / "step.json"
    record = read_json(path)
    record["sources"] = {k: v.split(", content ")[0] for k, v in record["sources"].items()}
    path.write_text(json.dumps(record))
    assert study.changed_sources("numbers") == []
    give_other_dates(sources)
    assert study.changed_sources("numbers") == list(sources)


def test_source_that_cannot_be_hashed_is_no_error(study, sources, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(records, "hash_file", refuse)
    stamps = records.source_stamps(fake.NumbersConfig(source=sources[0]), study.path)
    assert stamps[str(sources[0])].startswith("1 files, 5 bytes, changed ")
    give_other_dates(sources)
    assert study.changed_sources("numbers") == list(sources)
