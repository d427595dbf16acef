"""What a search has found so far, on disk: it may be cancelled, or the computer may."""

from collections.abc import Callable
from pathlib import Path

from napari_parsimony.artefact import replace_file
from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.engines.base import Partial
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.hall_of_fame import read_hall_of_fame, written


class Kept:
    """One file for each engine, as PySR writes them.

    Parameters
    ----------
    folder
        Where; None: nothing is kept.
    names
        The latents.
    suffix
        Of the files' names: what is searched for, where that is more than one score.
    """

    def __init__(self, folder: Path | None, names: tuple[str, ...], suffix: str = "") -> None:
        self._folder, self._names, self._suffix = folder, names, suffix

    def found(self, engine: str) -> list[Expression]:
        """Equations that an interrupted search of this engine had found."""
        file = self._file(engine)
        if file is None or not file.exists():
            return []
        try:
            return [member.expression for member in read_hall_of_fame(file, self._names)]
        except UserError:
            return []  # damaged: the search begins anew, as it would without the file

    def keeping(
        self, engine: str, report_front: Callable[[Partial], None]
    ) -> Callable[[Partial], None]:
        """Report, and keep what is reported."""
        file = self._file(engine)

        def keep(partial: Partial) -> None:
            if file is not None and partial.front:
                replace_file(file, written((m.expression, m.error) for m in partial.front))
            report_front(partial)

        return keep

    def _file(self, engine: str) -> Path | None:
        return None if self._folder is None else self._folder / f"{engine}{self._suffix}.csv"
