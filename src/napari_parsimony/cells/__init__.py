"""Cells: from images and labels, or folders of crops, to a table of cells and their crops."""
