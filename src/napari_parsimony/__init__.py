"""Discover interpretable models of cell images: from crops to an equation on the cells."""

from importlib.metadata import version

__version__ = version("napari-parsimony")
