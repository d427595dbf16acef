"""The command 'judge': what the latents of a study are worth, in words."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_parsimony.cli import display
from napari_parsimony.cli.options import (
    SectionedCommand,
    given_config,
    json_option,
    progress_option,
    settings_of,
)
from napari_parsimony.progress import Progress
from napari_parsimony.study.judge_config import JudgeConfig
from napari_parsimony.study.study import Study

if TYPE_CHECKING:
    from napari_parsimony.study.learned import Judged

MARKS = {"good": "+", "note": "!", "bad": "x"}


def judge_command(use: Callable[[display.Display], None]) -> click.Command:
    """Make the command `judge`.

    Parameters
    ----------
    use
        Is told how to show progress and errors.
    """

    def callback(study: Path, config_json: str | None, progress: str, **given: Any) -> None:
        from napari_parsimony.study.learned import judge_vae

        show = display.make(progress)
        use(show)
        config = given_config(JudgeConfig, command, config_json, given)
        with show.step("judge", "Judge the latents") as report:
            judged = judge_vae(Study.open(study), config, report)
            report(Progress(2, 2, "Judged", preview=judged.to_dict()))
        if progress != "json":
            click.echo(_text(judged))

    command = SectionedCommand(
        "judge",
        callback=callback,
        help="Say in words what the latents of a study are worth.\n\nThat is: how many are active, "
        "how well cells are redrawn, whether latents depend on each other, how training went, "
        "what each latent follows, and what to do about what is not as it should be. A line that "
        "begins with + is as it should be, ! is worth knowing, x is to be mended first.",
        short_help="Say in words what the latents of a study are worth.",
        params=[
            click.Argument(["study"], type=click.Path(path_type=Path)),
            *settings_of(JudgeConfig),
            json_option(),
            progress_option(),
        ],
    )
    return command


def _text(judged: "Judged") -> str:
    lines = [judged.verdict.headline]
    for finding in judged.verdict.findings:
        lines.append(f"{MARKS[finding.severity]} {finding.text}")
        if finding.advice:
            lines.append(f"  {finding.advice}")
    columns = (judged.names[name] for name in ("latent", "name", "r"))
    follows = [f"{z} {name} (r = {r:.2f})" for z, name, r in zip(*columns, strict=True)]
    lines.append(f"Latents follow: {', '.join(follows) or 'nothing simple that is measured'}")
    return "\n".join(lines)
