import shutil
import signal
from pathlib import Path

import fake_steps as fake
import pytest

from napari_parsimony.cli import main
from napari_parsimony.gui.sample import demo_folder
from napari_parsimony.study.step import Step
from napari_parsimony.study.steps import STEPS
from napari_parsimony.study.study import Study


@pytest.fixture(autouse=True)
def _keep_signal_handlers(monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)


def test_run_keeps_the_equation_that_was_chosen(tmp_path, capsys):
    def search(study, config, out, checkpoints, report):
        shutil.copyfile(demo_folder() / "equations" / "front.json", out / "front.json")

    kind = STEPS["equations"].config
    steps = {"equations": Step("equations", "Equations", "Search.", kind, (), search)}
    recipe = tmp_path / "recipe.toml"

    def run(text):
        recipe.write_text(f"[equations]\n{text}\n")
        capsys.readouterr()
        assert main(["run", str(recipe)], steps) == 0
        searched = "up to date" not in capsys.readouterr().out
        return searched, study.step("equations").config["choice"]

    study = Study.create(recipe.with_suffix(""))
    assert run("max_size = 20") == (True, None)
    smallest = study.front().candidates[0].size
    assert main(["choose", str(study.path), str(smallest)], steps) == 0
    assert run("max_size = 20") == (False, smallest)
    assert run("max_size = 21") == (True, smallest)
    assert run(f"choice = {smallest + 1}") == (True, smallest + 1)


def test_run_does_an_optional_step_only_if_asked_or_done_before(tmp_path, capsys):
    recipe = tmp_path / "recipe.toml"

    def run(text):
        recipe.write_text(text)
        assert main(["run", str(recipe)], fake.MORE_STEPS) == 0
        return set(Study.open(recipe.with_suffix("")).steps())

    assert run("[numbers]") == {"numbers", "sum", "page"}
    assert run("[check]") == {"numbers", "sum", "check", "page"}
    assert run("[sum]\nfactor = 2") == {"numbers", "sum", "check", "page"}
    study = Study.open(recipe.with_suffix(""))
    assert [study.state(name) for name in ("sum", "check", "page")] == ["ready"] * 3
    capsys.readouterr()
    run("[sum]\nfactor = 2")
    assert capsys.readouterr().out.count("up to date") == 4


def test_study_that_may_not_be_read_is_one_sentence(tmp_path, capsys, monkeypatch):
    stat = Path.stat

    def refuse(self, **options):
        if self.name == "study.json":
            raise PermissionError(13, "Permission denied", str(self))
        return stat(self, **options)

    # root may do everything, so a folder without permissions would not do
    monkeypatch.setattr(Path, "stat", refuse)
    (tmp_path / "recipe.toml").write_text("[numbers]\ncount = 4\n")
    for command in (["run", str(tmp_path / "recipe.toml"), "--study"], ["numbers"], ["status"]):
        assert main([*command, str(tmp_path / "study")], fake.STEPS) == 1
        said = capsys.readouterr().err
        assert said.startswith("Error: Could not use ")
        assert said.count("\n") == 1


@pytest.mark.parametrize("there", [False, True])
def test_study_that_is_begun_in_vain_is_not_left(tmp_path, capsys, there):
    (tmp_path / "empty").mkdir()
    if there:
        (tmp_path / "study").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert main(["cells", str(tmp_path / "study"), "--folder", str(tmp_path / "empty")]) == 1
    assert "has no sub-folder with crops" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before
