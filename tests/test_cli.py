import importlib
import io
import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from napari_parsimony.cli import main
from napari_parsimony.cli.options import given_settings, settings_of
from napari_parsimony.config import parse_config
from napari_parsimony.errors import UserError
from napari_parsimony.study.settings import to_toml
from napari_parsimony.study.steps import STEPS
from napari_parsimony.study.study import Study

FAKE = Path(__file__).parent / "study" / "fake_steps.py"

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def cli(capsys, monkeypatch):
    """Run the command line in this process, which is quick."""
    monkeypatch.syspath_prepend(FAKE.parent)
    steps = importlib.import_module("fake_steps").STEPS
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments, input=""):
        capsys.readouterr()
        monkeypatch.setattr("sys.stdin", io.StringIO(input))
        return Done(main([str(a) for a in arguments], steps), *capsys.readouterr())

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


def process(*arguments):
    """Run Python with these arguments."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture
def study(tmp_path, cli):
    done = cli("numbers", tmp_path / "study", "--count", 4)
    assert done.returncode == 0, done.stderr
    return tmp_path / "study"


def config_of(step, *arguments):
    """Parse options as the command line does."""
    seen = {}
    command = click.Command("x", params=settings_of(STEPS[step].config))
    command.callback = lambda **given: seen.update(given_settings(command, given))
    command.main([str(a) for a in arguments], standalone_mode=False)
    return parse_config(STEPS[step].config, seen)


# --- options -----------------------------------------------------------------------------


def test_every_setting_of_every_step_has_an_option_with_a_help_text():
    for step in STEPS.values():
        for option, (name, field) in zip(
            settings_of(step.config), step.config.model_fields.items(), strict=True
        ):
            assert option.name == name
            assert field.description, f"{step.name}.{name}"
            assert len(option.help) > 10


def test_nothing_given_means_defaults():
    assert config_of("vae") == STEPS["vae"].config()


def test_options_become_settings():
    config = config_of("vae", "--beta", "2.5", "--steps", "10", "--no-augment", "--focus", "0")
    assert (config.beta, config.steps, config.augment, config.focus) == (2.5, 10, False, 0)
    config = config_of(
        "cells", "--image", "a.tif", "--image", "b.tif", "--labels", "c.tif", "--labels", "d.tif",
        "--orientation", "principal axis", "--window", "40",
    )  # fmt: skip
    assert config.image == (Path("a.tif"), Path("b.tif"))
    assert (config.orientation, config.window) == ("principal axis", 40)


def test_classes_and_lists_from_options():
    config = config_of(
        "classify", "--classes", "interphase=Interphase",
        "--classes", "metaphase=Metaphase, MetaphaseAlignment", "--hidden", 8, "--hidden", 4,
    )  # fmt: skip
    assert config.classes == {
        "interphase": ("Interphase",),
        "metaphase": ("Metaphase", "MetaphaseAlignment"),
    }
    assert config.hidden == (8, 4)
    with pytest.raises(UserError, match=r"--classes needs NAME=VALUE, not 'Interphase'"):
        config_of("classify", "--classes", "Interphase")


@pytest.mark.parametrize("value", ["many", "-1", "nan", "inf", ""])
def test_values_are_checked_by_the_configuration(value):
    with pytest.raises(UserError, match="The setting 'beta' is not usable"):
        config_of("vae", "--beta", value)


def test_choices_are_offered():
    with pytest.raises(click.UsageError, match="bernoulli"):
        config_of("vae", "--likelihood", "poisson")
    with pytest.raises(click.UsageError, match="operon"):
        config_of("equations", "--engines", "oracle")


EXAMPLES = {
    "cells": {"folder": '/data/β "quoted" \\ cells\x7f', "pattern": r"(?P<movie>m\d+)_.*"},
    "vae": {"beta": 1e-05, "augment": False},
    "classify": {"classes": {"in ter": ["a", "b"], "meta": ["c"]}, "hidden": [3]},
}


@pytest.mark.parametrize("name", STEPS)
def test_settings_survive_toml(name):
    config = parse_config(STEPS[name].config, EXAMPLES.get(name, {}))
    text = to_toml({name: config.model_dump(mode="json")})
    assert parse_config(type(config), tomllib.loads(text)[name]) == config


@pytest.mark.parametrize("name", STEPS)
def test_settings_that_may_be_null_are_null_by_default(name):
    # or leaving null out of the TOML would mean something else
    kind = STEPS[name].config
    for field, about in kind.model_fields.items():
        if type(None) in getattr(about.annotation, "__args__", ()):
            assert about.default is None, field


# --- help --------------------------------------------------------------------------------

HEAVY = (
    "torch",
    "pandas",
    "pyarrow",
    "sklearn",
    "skimage",
    "matplotlib",
    "sympy",
    "napari",
    "rich",
)


def test_help_is_quick_because_it_imports_nothing_heavy():
    code = (
        "import sys; from napari_parsimony.cli import main; print(main(['--help']));"
        f"print([main([step, '--help']) for step in {list(STEPS)}]);"
        f"print('heavy:', sorted(set({HEAVY}) & set(sys.modules)))"
    )
    done = process("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"\n{[0] * len(STEPS)}\nheavy: []\n")


def test_help_is_in_sections(capsys):
    assert main(["vae", "--help"]) == 0
    text = capsys.readouterr().out
    places = [text.index(f"\n{title}:") for title in ("Settings", "Advanced settings", "Options")]
    assert places == sorted(places)
    assert places[0] < text.index("--start-from PATH") < places[1] < text.index("--patience")
    assert "[default: 4.0; at least 0; at most 100]" in " ".join(text.split())


def test_steps_are_listed_in_order():
    out = process("-m", "napari_parsimony", "--help").stdout
    lines = out.split("Commands:\n")[1].splitlines()
    commands = [line.split()[0] for line in lines if not line.startswith("   ")]
    assert commands == [
        *STEPS,
        "report",
        "run",
        "status",
        "settings",
        "judge",
        "choose",
        "traversal",
        "export",
        "engines",
        "segment",
        "simulate",
    ]


def test_output_is_utf8_where_the_locale_is_not():
    command = [sys.executable, "-m", "napari_parsimony", "vae", "--help"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, env=environment, timeout=60)
    assert done.returncode == 0
    assert "β-TCVAE" in done.stdout.decode("utf-8")


# --- what comes out ----------------------------------------------------------------------


def test_first_step_begins_a_study_and_others_need_one(tmp_path, cli):
    done = cli("numbers", tmp_path / "new")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("numbers: done in ")
    assert Study.open(tmp_path / "new").state("numbers") == "ready"
    done = cli("sum", tmp_path / "absent")
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: {tmp_path / 'absent'} is not a study: it has no file study.json.\n"
    )
    assert not (tmp_path / "absent").exists()


def test_json_lines(study, cli):
    done = cli("sum", study, "--progress", "json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events] == ["progress", "progress", "done"]
    assert events[0] == {
        "event": "progress",
        "step": "sum",
        "done": 1,
        "total": 2,
        "message": "half done",
        "values": {"loss": 0.5, "wrong": None},
        "preview": {},
    }
    assert events[2].keys() == {"event", "step", "seconds"}
    assert done.stderr == ""


def test_errors_are_one_sentence_on_stderr_and_an_event(study, cli):
    done = cli("sum", study, "--behaviour", "refuse", "--progress", "json")
    assert done.returncode == 1
    assert done.stderr == "Error: The numbers are too odd: choose even ones.\n"
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "event": "error",
        "message": "The numbers are too odd: choose even ones.",
    }


def test_bugs_show_a_traceback(study, cli):
    done = cli("sum", study, "--behaviour", "bug")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "This is a bug in napari-parsimony" in done.stderr.splitlines()[-1]


def test_misuse(study, cli):
    for arguments in (["sum"], ["sum", study, "--wrong"], ["dance"]):
        done = cli(*arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("Usage: napari-parsimony")


@pytest.mark.parametrize(
    ("kind", "out", "err"),
    [("none", "", ""), ("bar", "", "100 %"), ("lines", "sum: half done (1 of 2), loss 0.5", "")],
)
def test_other_displays(study, kind, out, err, cli):
    done = cli("sum", study, "--progress", kind)
    assert done.returncode == 0
    assert out in done.stdout
    assert err in done.stderr
    if kind == "none":
        assert done.stdout + done.stderr == ""


@pytest.mark.parametrize(
    ("text", "stdin"),
    [('{"factor": 2, "behaviour": "refuse"}', ""), ("-", '{"factor": 2, "behaviour": "refuse"}')],
)
def test_settings_as_json(study, text, stdin, cli):
    done = cli("sum", study, "--config-json", text, "--behaviour", "finish", input=stdin)
    assert done.returncode == 0, done.stderr
    assert Study.open(study).step("sum").config["factor"] == 2


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000, '{"unknown": 1}'])
def test_settings_that_are_no_json(study, text, cli):
    done = cli("sum", study, "--config-json", "-", input=text)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


# --- interruption ------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("display", ["json", "lines", "bar"])
def test_interruption_is_one_line_and_keeps_what_was_there(study, number, display, cli):
    cli("sum", study)
    before = (study / "sum" / "step.json").read_bytes()
    process = subprocess.Popen(
        [sys.executable, FAKE, "sum", study, "--behaviour", "wait", "--progress", display],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # as a script's background processes inherit it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    if display == "bar":
        # draws nothing where there is no terminal, until it ends
        while not (study / ".checkpoints" / "sum" / "part").exists():
            assert process.poll() is None
    else:
        while "half done" not in process.stdout.readline():
            assert process.poll() is None
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    said = (
        "Interrupted: finished steps are kept; if you run the same command again, a training goes "
        "on from its last checkpoint, a search for equations from what it had found, and any other "
        "step starts anew.\n"
    )
    assert err.endswith(said)
    assert "Traceback" not in err
    if display != "bar":
        assert err == said
    assert (study / "sum" / "step.json").read_bytes() == before
    assert (study / ".checkpoints" / "sum" / "part").exists()
    assert not list(study.glob(".*.partial"))


@posix
@pytest.mark.parametrize("command", [["sum", "--progress", "json"], ["status"], ["settings"]])
def test_nobody_listens_any_more(study, command):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, FAKE, *command, study],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(write)
    assert done.returncode == 130
    assert done.stderr.startswith("Interrupted: ")
    assert done.stderr.count("\n") == 1
    assert Study.open(study).state("sum") == "missing"


# --- the whole study ---------------------------------------------------------------------


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "recipes" / "data").mkdir(parents=True)
    (tmp_path / "recipes" / "data" / "words.txt").write_text("twelve chars")
    path = tmp_path / "recipes" / "first.toml"
    path.write_text('[numbers]\nsource = "data/words.txt"\n[sum]\nfactor = 2\n')
    return path


def ran(done):
    assert done.returncode == 0, done.stderr
    return [line.split(":")[0] for line in done.stdout.splitlines() if ": done in" in line]


def test_run_does_what_is_missing_stale_or_changed(recipe, cli):
    assert ran(cli("run", recipe)) == ["numbers", "sum", "plot"]
    study = Study.open(recipe.with_suffix(""))
    assert study.step("numbers").config["source"] == str(recipe.parent / "data" / "words.txt")
    assert study.step("sum").config["factor"] == 2

    done = cli("run", recipe)
    assert ran(done) == []
    assert done.stdout.splitlines() == [
        f"{name}: up to date" for name in ("numbers", "sum", "plot")
    ]

    # a step without a table keeps the settings that somebody gave it
    cli("plot", study.path, "--title", "mine")
    assert ran(cli("run", recipe)) == []

    recipe.write_text(recipe.read_text().replace("factor = 2", "factor = 3"))
    assert ran(cli("run", recipe)) == ["sum", "plot"]
    assert study.step("plot").config["title"] == "mine"

    # a changed source: the numbers differ, so all that follows does
    (recipe.parent / "data" / "words.txt").write_text("fourteen chars")
    assert ran(cli("run", recipe)) == ["numbers", "sum", "plot"]


def test_folds_get_studies_of_their_own(recipe, tmp_path, cli):
    for fold in (0, 1):
        ran(cli("run", recipe, "--fold", fold))
        study = Study.open(recipe.with_name(f"first-fold-{fold}"))
        assert study.step("numbers").config["fold"] == fold
    ran(cli("run", recipe, "--fold", 2, "--study", tmp_path / "mine"))
    assert Study.open(tmp_path / "mine").step("numbers").config["fold"] == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[numbers", "cannot be read as TOML"),
        ("[dance]\n", "have 'dance', which is no step: use the tables [numbers], [sum], [plot]."),
        ("numbers = 3\n", "have 'numbers', which is no step"),
        ("[sum]\nfactor = 'x'\n", "In [sum] of"),
        ("[sum]\nfactr = 2\n", "The setting 'factr' is not usable"),
    ],
)
def test_wrong_recipes_are_refused_before_anything_runs(recipe, text, sentence, cli):
    recipe.write_text(text)
    done = cli("run", recipe)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not recipe.with_suffix("").exists()


def test_settings_of_a_study_replay_it(study, tmp_path, cli):
    cli("sum", study, "--factor", 4)
    cli("plot", study, "--title", 'a "title"')
    recipe = tmp_path / "replay.toml"
    recipe.write_text(cli("settings", study).stdout)
    assert ran(cli("run", recipe, "--study", study)) == []
    assert ran(cli("run", recipe)) == ["numbers", "sum", "plot"]
    again = Study.open(tmp_path / "replay")
    for name, record in Study.open(study).steps().items():
        assert again.step(name).fingerprint == record.fingerprint


def test_status(study, cli):
    cli("sum", study)
    cli("numbers", study, "--count", 9)
    lines = cli("status", study).stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["numbers", "ready"],
        ["sum", "stale"],
        ["plot", "missing"],
    ]
    assert lines[2].endswith("The step 'numbers' has been run again and gave something else.")
    path = study / "numbers" / "numbers.json"
    path.write_text(path.read_text().replace("8", "7"))
    done = cli("status", study, "--verify")
    assert done.returncode == 1
    assert done.stderr == f"Error: Damaged: {path}; run these steps again.\n"
