"""All that imports napari or Qt."""
