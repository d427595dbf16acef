"""``python -m napari_parsimony``: the command line."""

import sys

from napari_parsimony.cli import main

sys.exit(main())
