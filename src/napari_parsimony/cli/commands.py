"""The commands: one for each step, and a few over the whole study."""

import os
import shutil
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from napari_parsimony import __version__
from napari_parsimony.artefact import replace_file
from napari_parsimony.cli import display
from napari_parsimony.cli.engines import engines_command
from napari_parsimony.cli.export import export_command
from napari_parsimony.cli.judge import judge_command
from napari_parsimony.cli.options import (
    SectionedCommand,
    given_config,
    json_option,
    progress_option,
    settings_of,
)
from napari_parsimony.cli.segment import segment_command
from napari_parsimony.cli.simulate import simulate_command
from napari_parsimony.cli.traversal import traversal_command
from napari_parsimony.config import Config, parse_config
from napari_parsimony.errors import UserError
from napari_parsimony.study.lock import LOCK_FILE
from napari_parsimony.study.record import StepRecord
from napari_parsimony.study.run import CHECKPOINTS, run_step
from napari_parsimony.study.settings import to_toml, with_absolute_paths
from napari_parsimony.study.step import Step
from napari_parsimony.study.study import STUDY_FILE, Study

Use = Callable[[display.Display], None]

HELP = """From cell images to an equation on the cells.

A study is a folder. Its steps, in order, are the first commands below; each reads what earlier
steps left in the study. 'run' does all that are missing or out of date.
"""


class _Group(click.Group):
    """Lists commands in the order in which they are used, not by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


def build(steps: Mapping[str, Step] | None, use: Use) -> click.Group:
    """Make the command line.

    Parameters
    ----------
    steps
        The steps by name, in order; None: all.
    use
        Is told how a command wants to show its progress and errors.
    """
    if steps is None:
        from napari_parsimony.report import STEPS

        steps = STEPS
    group = _Group(help=HELP)
    click.version_option(__version__, package_name="napari-parsimony")(group)
    for step in steps.values():
        group.add_command(_step_command(step, first=not step.inputs, use=use))
    group.add_command(_run_command(steps, use))
    group.add_command(_status_command(steps))
    group.add_command(_settings_command(steps))
    if "equations" in steps:
        group.add_command(judge_command(use))
        group.add_command(_choose_command())
        group.add_command(traversal_command())
        group.add_command(export_command())
        group.add_command(engines_command())
    group.add_command(segment_command(use))
    group.add_command(simulate_command(use))
    return group


def _study_argument() -> click.Argument:
    return click.Argument(["study"], type=click.Path(path_type=Path))


def _step_command(step: Step, first: bool, use: Use) -> click.Command:
    def callback(study: Path, config_json: str | None, progress: str, **given: Any) -> None:
        show = display.make(progress)
        use(show)
        config = given_config(step.config, command, config_json, given)
        config = with_absolute_paths(config, Path.cwd())
        with _study_at(study, begin=first) as opened:
            _run(opened, step, config, show)

    begins = " Begins the study if the folder is new." if first else ""
    command = SectionedCommand(
        step.name,
        callback=callback,
        help=f"{step.summary}{begins}\n\nSettings that are not given have their defaults.",
        short_help=step.summary,
        params=[
            _study_argument(),
            *settings_of(step.config),
            json_option(),
            progress_option(),
        ],
    )
    return command


def _run_command(steps: Mapping[str, Step], use: Use) -> click.Command:
    def callback(config: Path, study: Path | None, fold: int | None, progress: str) -> None:
        show = display.make(progress)
        use(show)
        tables = _read_toml(config, steps)
        if fold is not None:
            first = next(iter(steps))
            tables[first] = {**tables.get(first, {}), "fold": fold}
        written = {
            name: with_absolute_paths(_parse(config, steps[name], table), config.parent)
            for name, table in tables.items()
        }
        suffix = "" if fold is None else f"-fold-{fold}"
        folder = study or config.with_name(config.stem + suffix)
        with _study_at(folder, begin=True) as opened:
            if "choice" not in tables.get("equations", {}):
                _keep_choice(opened, steps, written)
            _run_all(opened, steps, written, show)

    return SectionedCommand(
        "run",
        callback=callback,
        help="Do all steps of a study that are missing, stale, or whose settings changed.\n\n"
        "CONFIG is a TOML file with one table a step, for instance [vae] with beta = 4. Paths in "
        "it are relative to it. A step without a table keeps the settings it had in the study, "
        "or gets the defaults. An equation that was chosen with 'choose' stays in use unless "
        "[equations] has a 'choice'. The command 'settings' writes such a file.",
        short_help="Do all steps that are missing, stale, or whose settings changed.",
        params=[
            click.Argument(["config"], type=click.Path(path_type=Path)),
            click.Option(
                ["--study"],
                type=click.Path(path_type=Path),
                help="The study's folder; by default beside CONFIG, with its name.",
            ),
            click.Option(
                ["--fold"],
                type=int,
                help="Hold out this fold; by default in a study of its own, CONFIG-fold-K.",
            ),
            progress_option(),
        ],
    )


def _status_command(steps: Mapping[str, Step]) -> click.Command:
    def callback(study: Path, verify: bool) -> None:
        opened = Study.open(study)
        click.echo(f"{opened.name} ({opened.path})")
        for name in steps:
            record = opened.step(name)
            line = f"  {name:<10} {opened.state(name):<8}"
            if record is not None:
                line += f" {record.finished:%Y-%m-%d %H:%M} {record.seconds:8.1f} s"
            reasons = [opened.why_stale(name) or ""]
            reasons += [f"{path} changed since." for path in opened.changed_sources(name)]
            click.echo("  ".join([line, *filter(None, reasons)]).rstrip())
        damaged = opened.verify() if verify else []
        if damaged:
            raise UserError(f"Damaged: {', '.join(map(str, damaged))}; run these steps again.")

    return SectionedCommand(
        "status",
        callback=callback,
        help="List the steps of a study: which are ready, stale or missing, and why.",
        params=[
            _study_argument(),
            click.Option(
                ["--verify"], is_flag=True, help="Also read all files and compare their hashes."
            ),
        ],
    )


def _settings_command(steps: Mapping[str, Step]) -> click.Command:
    def callback(study: Path) -> None:
        opened = Study.open(study)
        records = {name: opened.step(name) for name in steps}
        tables = {}
        for name, record in records.items():
            if record is not None:
                config = record.settings(steps[name].config, opened.path)
                tables[name] = config.model_dump(mode="json")
        click.echo(f"# {opened.name}: napari-parsimony run THIS_FILE does the same again")
        click.echo(to_toml(tables), nl=False)

    return SectionedCommand(
        "settings",
        callback=callback,
        help="Print all settings of a study as TOML, for 'run': however they were made.",
        short_help="Print all settings of a study as TOML, for 'run'.",
        params=[_study_argument()],
    )


def _choose_command() -> click.Command:
    def callback(study: Path, size: int | None, csv: Path | None) -> None:
        from napari_parsimony.cli.front_text import lines_of
        from napari_parsimony.study.steps import group_word
        from napari_parsimony.symbolic.export import front_table

        opened = Study.open(study)
        if size is not None:
            opened.choose_equation(size)
        front = opened.front()
        if csv is not None:
            replace_file(csv, front_table(front).to_csv(index=False))
        word = group_word(opened) if opened.step("cells") is not None else "group"
        for line in lines_of(front, word):
            click.echo(line)

    return SectionedCommand(
        "choose",
        callback=callback,
        help="List a study's equations and laws, or use the equation of SIZE from now on.\n\nA "
        "star marks the one in use. After a choice, evaluate and report are stale: 'run' or run "
        "them again.",
        short_help="List a study's equations, or use another one.",
        params=[
            _study_argument(),
            click.Argument(["size"], type=int, required=False),
            click.Option(
                ["--csv"],
                type=click.Path(path_type=Path, dir_okay=False),
                help="Write the table to this file too, with all that is known of each equation.",
            ),
        ],
    )


def _run_all(
    study: Study, steps: Mapping[str, Step], written: Mapping[str, Config], show: display.Display
) -> None:
    for name, step in steps.items():
        record = study.step(name)
        if step.optional and record is None and name not in written:
            continue
        before = _recorded(study, step, record)
        config = written.get(name) or before or parse_config(step.config, {})
        ready = study.state(name) == "ready" and not study.changed_sources(name)
        if ready and config == before:
            show.say(f"{name}: up to date")
        else:
            _run(study, step, config, show)


def _keep_choice(study: Study, steps: Mapping[str, Step], written: dict[str, Config]) -> None:
    """Let what `choose` chose stay: it was decided on the result, after the tables were written."""
    if "equations" in written:
        before = _recorded(study, steps["equations"], study.step("equations"))
        choice = getattr(before, "choice", None)
        written["equations"] = written["equations"].model_copy(update={"choice": choice})


@contextmanager
def _study_at(folder: Path, *, begin: bool) -> Iterator[Study]:
    """Open a study, or begin it; one that is begun in vain, by a wrong path say, is not left."""
    if not begin or _is_study(folder):
        yield Study.open(folder)
        return
    was_there = os.path.exists(folder)
    study = Study.create(folder)
    try:
        yield study
    except UserError:
        if not study.steps():
            for name in (STUDY_FILE, LOCK_FILE):
                (folder / name).unlink(missing_ok=True)
            shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
            if not was_there:
                with suppress(OSError):  # somebody has put something there meanwhile
                    folder.rmdir()
        raise


def _is_study(folder: Path) -> bool:
    # not the path's own `exists`: what may not be looked into is for `Study.create` to refuse
    return os.path.exists(folder / STUDY_FILE)


def _run(study: Study, step: Step, config: Config, show: display.Display) -> None:
    with show.step(step.name, step.title) as report:
        run_step(study, step, config, report)


def _recorded(study: Study, step: Step, record: StepRecord | None) -> Config | None:
    """Return the settings a step was last run with; None if this version has other settings."""
    try:
        return None if record is None else record.settings(step.config, study.path)
    except UserError:
        return None


def _parse(source: Path, step: Step, table: dict[str, Any]) -> Config:
    try:
        return parse_config(step.config, table)
    except UserError as error:
        raise UserError(f"In [{step.name}] of {source}: {error}") from error


def _read_toml(path: Path, steps: Mapping[str, Step]) -> dict[str, dict[str, Any]]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"The settings {path} cannot be read as TOML: {error}.") from error
    for name, table in content.items():
        if name not in steps or not isinstance(table, dict):
            raise UserError(
                f"The settings {path} have '{name}', which is no step: use the tables "
                f"{', '.join(f'[{step}]' for step in steps)}."
            )
    return content
