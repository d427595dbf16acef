"""Engines that look for equations; each is imported only when it is asked for."""

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.engines.base import Engine


def engine(name: str) -> Engine:
    """Get an engine by its name.

    Raises
    ------
    UserError
        If there is none of that name.
    """
    if name == "quick":
        from napari_parsimony.symbolic.engines.quick import Quick

        return Quick()
    if name == "operon":
        from napari_parsimony.symbolic.engines.operon import Operon

        return Operon()
    raise UserError(f"There is no engine '{name}'; use 'quick' or 'operon'.")
