"""The command line: every step of a study, headless, with the settings of its configuration."""

from napari_parsimony.cli.entry import main

__all__ = ["main"]
