"""Which cells of a study are unlike those that its VAE was trained on."""

from typing import TYPE_CHECKING

from napari_parsimony.study.study import Study
from napari_parsimony.trust.flags import FAMILIARITY_FILE

if TYPE_CHECKING:
    import pandas as pd


def read_familiarity(study: Study) -> "pd.DataFrame | None":
    """Read how unlike training cells each cell is, see `trust.familiarity.familiarity_table`.

    None if that is not known: the step trust was not run, or with other cells or another VAE, or
    the VAE does not say what it was trained on. A law that was chosen since changes nothing of it.
    """
    import pandas as pd

    record = study.step("trust")
    if record is None or FAMILIARITY_FILE not in record.outputs:
        return None
    for name in ("cells", "vae"):
        made_from = study.step(name)
        if made_from is None or made_from.fingerprint != record.inputs.get(name):
            return None
    return study.read("trust", FAMILIARITY_FILE, pd.read_parquet)
