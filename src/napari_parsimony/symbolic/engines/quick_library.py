"""The terms that the quick engine may add up, and which of them look like what is missing.

Tens of thousands of terms are compared with a residual without ever being written down: those of
the form x·f are all at once one product of two small matrices.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from napari_parsimony.symbolic.expression import Expression, apply, constant, variable

Floats = NDArray[np.float64]
FREQUENCIES = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0)  # a start for fitting, close enough for latents
# A column of which one cell carries more than this part would fit that cell and nothing else.
_MOST_OF_ONE_CELL = 0.5


def factors(name: str) -> list[Expression]:
    """All functions of one variable."""
    x = variable(name)
    square = apply("square", x)
    found = [
        x,
        square,
        apply("cube", x),
        apply("abs", x),
        apply("exp", x),
        apply("exp", -x),
        apply("exp", apply("exp", x)),
        apply("exp", -square),
        apply("log", apply("abs", x)),
        apply("log", constant(1.0) + square),
        apply("tanh", x),
        constant(1.0) / x,
        constant(1.0) / (constant(1.0) + square),
    ]
    for frequency in FREQUENCIES:
        angle = x if frequency == 1.0 else constant(frequency) * x
        found += [apply("sin", angle), apply("cos", angle)]
    return found


def centred(column: Floats) -> Floats | None:
    """Make a column of mean 0 and length 1; None if it says nothing that can be trusted."""
    with np.errstate(all="ignore"):
        result = column - column.mean()
        length = np.sqrt((result**2).sum())
        if not (np.isfinite(length) and length > 1e-9 * (1 + np.abs(column).max())):
            return None
        result /= length
        return result if (result**2).max() <= _MOST_OF_ONE_CELL else None


@dataclass(frozen=True)
class Library:
    """Functions f of one variable, products of two, and every variable times any of them.

    Attributes
    ----------
    terms
        The functions and the products of two.
    columns
        Their values, shape (cells, terms).
    variables
        Values of the variables, shape (cells, variables).
    names
        Of the variables.
    means, lengths
        Of the columns of 1·f and of x·f for each variable x, shape (1 + variables, terms), before
        and after taking the mean away; the length of a column that cannot be used is infinite.
    """

    terms: tuple[Expression, ...]
    columns: Floats
    variables: Floats
    names: tuple[str, ...]
    means: Floats
    lengths: Floats

    @classmethod
    def of(cls, names: tuple[str, ...], values: Floats) -> "Library":
        """Make the library of some variables, values of shape (cells, variables)."""
        table = dict(zip(names, values.T, strict=True))
        terms, columns = [], []
        for term in (term for name in names for term in factors(name)):
            column = term.evaluate(table)
            if centred(column) is not None:
                terms.append(term)
                columns.append(column)
        for (i, one), (j, other) in combinations(enumerate(names), 2):
            terms.append(variable(one) * variable(other))
            columns.append(values[:, i] * values[:, j])
        matrix = np.stack(columns, axis=1) if columns else np.empty((len(values), 0))
        left = np.column_stack([np.ones(len(values)), values])
        with np.errstate(all="ignore"):
            means = left.T @ matrix / len(values)
            variance = (left**2).T @ matrix**2 / len(values) - means**2
            usable = variance > 1e-12 * (1 + means**2)
            lengths = np.sqrt(np.where(usable, variance, np.inf) * len(values))
        return cls(tuple(terms), matrix, values, names, means, lengths)

    @property
    def size(self) -> int:
        """How many terms there are to choose from."""
        return int(self.means.size)

    def like(self, residual: Floats, most: int) -> list[tuple[int, int]]:
        """Find the terms that correlate most with a residual of mean 0, the best first.

        Returns
        -------
        list of (int, int)
            Row (0: f alone, i: variable i - 1 times f) and column of `means`; see `term`.
        """
        left = np.column_stack([residual, self.variables * residual[:, None]])
        alike = np.abs(left.T @ self.columns) / self.lengths
        # rounded, so that ties do not fall by the last bit of a matrix product
        alike = np.round(alike / max(np.sqrt((residual**2).sum()), 1e-300), 9).reshape(-1)
        order = np.argsort(-alike, kind="stable")[:most]
        return [divmod(int(index), len(self.terms)) for index in order]

    def term(self, row: int, column: int) -> tuple[Expression, Floats]:
        """Write down a term, and its values."""
        term, values = self.terms[column], self.columns[:, column]
        if row == 0:
            return term, values
        x = variable(self.names[row - 1])
        values = values * self.variables[:, row - 1]
        if term.op == "div":
            return (x / term.args[1]).simplified(), values
        return (x * term).simplified(), values
