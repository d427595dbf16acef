"""The command that writes a study's cells for other programs."""

from pathlib import Path

import click

from napari_parsimony.cli.options import SectionedCommand
from napari_parsimony.study.study import Study


def export_command() -> click.Command:
    """Make the command `export`."""

    def callback(study: Path, out: Path, hall_of_fame: bool) -> None:
        if hall_of_fame:
            _write_hall_of_fame(Study.open(study), out)
            return
        from napari_parsimony.study.export import export_study

        exported = export_study(Study.open(study), out)
        for note in exported.notes:
            click.echo(note, err=True)
        table = exported.table
        click.echo(f"{len(table):,} cells, {len(table.columns)} columns: {out}")

    return SectionedCommand(
        "export",
        callback=callback,
        help="Write everything that a study knows of its cells as one table.\n\nThat is: key, "
        "position, group, split and class, score and probability by each scheme, class and terms "
        "of the equation in use, and latents. OUT ends with .csv, .parquet, or .h5ad for AnnData "
        "(latents are X, all else is obs). With --hall-of-fame it is the equations instead, "
        "as PySR writes them.",
        short_help="Write a study's cells as CSV, Parquet or AnnData.",
        params=[
            click.Argument(["study"], type=click.Path(path_type=Path)),
            click.Argument(["out"], type=click.Path(path_type=Path)),
            click.Option(
                ["--hall-of-fame"],
                is_flag=True,
                help="Write the study's equations as a hall_of_fame.csv, which PySR reads; of more "
                "than two classes one file each, named OUT-CLASS, as PySR's holds one score.",
            ),
        ],
    )


def _write_hall_of_fame(study: Study, out: Path) -> None:
    from napari_parsimony.artefact import replace_file
    from napari_parsimony.symbolic.hall_of_fame import hall_of_fame_files

    front = study.front()
    for file, text in hall_of_fame_files(front, out).items():
        replace_file(file, text.encode())
        click.echo(f"{text.count(chr(10)) - 1} equations: {file}")
