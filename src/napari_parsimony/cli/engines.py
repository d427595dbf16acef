"""The command 'engines': which can run here, and installing the one in Julia."""

import click

from napari_parsimony.cli.options import SectionedCommand


def engines_command() -> click.Command:
    """Make the command `engines`."""

    def callback(install_julia: bool) -> None:
        from napari_parsimony.symbolic.engines import pysr_install
        from napari_parsimony.symbolic.engines.states import engine_states

        if install_julia:
            click.echo(pysr_install.ABOUT)
            pysr_install.install_julia(click.echo)
        for found in engine_states():
            click.echo(f"{found.name:<8}{found.state:<15}{found.text} {found.remedy}".rstrip())

    return SectionedCommand(
        "engines",
        callback=callback,
        help="Say which engines can look for equations here, and what the others lack.\n\n"
        "Nothing is downloaded without --install-julia. How that is done, environment variables "
        "say: HTTPS_PROXY; PYTHON_JULIAPKG_EXE, the program of a Julia that is there already; "
        "JULIA_DEPOT_PATH and PYTHON_JULIAPKG_PROJECT, folders for Julia's packages and for "
        "Julia; JULIA_PKG_SERVER.",
        short_help="Say which engines can look for equations here; install the one in Julia.",
        params=[
            click.Option(
                ["--install-julia"],
                is_flag=True,
                help="Download Julia and its packages for the engine 'pysr', and compile them. "
                "Ctrl-C ends it.",
            )
        ],
    )
