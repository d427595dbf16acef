"""Matplotlib figures that napari and the report share."""
