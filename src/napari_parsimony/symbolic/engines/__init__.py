"""Engines that look for equations; each is imported only when it is asked for."""

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.engines.base import Engine


def engine(name: str) -> Engine:
    """Get an engine by its name.

    Raises
    ------
    UserError
        If there is none of that name, or it is known that it cannot run here.
    """
    if name == "quick":
        from napari_parsimony.symbolic.engines.quick import Quick

        return Quick()
    if name == "operon":
        from napari_parsimony.symbolic.engines.operon import Operon

        return Operon()
    if name == "pysr":
        from napari_parsimony.symbolic.engines.pysr import Pysr
        from napari_parsimony.symbolic.engines.pysr_state import require_pysr

        require_pysr()
        return Pysr()
    raise UserError(f"There is no engine '{name}'; use 'quick', 'operon' or 'pysr'.")
