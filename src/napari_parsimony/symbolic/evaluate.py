"""Values of an expression, with numpy for many cells and with torch for gradients."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.expression import Expression

if TYPE_CHECKING:
    import torch

CHUNK = 8192  # cells at a time: the temporaries stay in the processor's cache

_NUMPY: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "min": np.minimum,
    "max": np.maximum,
    "neg": np.negative,
    "square": np.square,
    "cube": lambda x: x * x * x,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
}


def evaluate(expression: Expression, values: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
    """Evaluate an expression.

    Parameters
    ----------
    expression
        What to evaluate.
    values
        Numbers or arrays by name, for instance a table of latents; shapes are broadcast. Names
        that the expression does not use are ignored, except for the shape of a table: a constant
        expression has one value a row.

    Returns
    -------
    ndarray, float64
        Of the broadcast shape; NaN and infinity by IEEE, without warnings.

    Raises
    ------
    UserError
        If a variable has no value.
    """
    arrays = {name: np.asarray(values[name]) for name in _present(expression, values)}
    shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    if not arrays and hasattr(values, "index"):
        shape = (len(values.index),)
    flat = {
        name: np.broadcast_to(array, shape).reshape(-1) if array.shape != () else array
        for name, array in arrays.items()
    }
    result = np.empty(shape, np.float64)
    out = result.reshape(-1)
    with np.errstate(all="ignore"):
        for start in range(0, out.size, CHUNK):
            part = slice(start, start + CHUNK)
            cells = {
                name: np.asarray(array[part] if array.ndim else array, np.float64)
                for name, array in flat.items()
            }
            out[part] = _numpy(expression, cells)
    return result


def _numpy(node: Expression, cells: Mapping[str, NDArray[np.float64]]) -> Any:
    if node.op == "constant":
        return np.float64(node.value)  # type: ignore[arg-type]
    if node.op == "variable":
        return cells[node.name]  # type: ignore[index]
    return _NUMPY[node.op](*[_numpy(arg, cells) for arg in node.args])


def _present(expression: Expression, values: Mapping[str, Any]) -> tuple[str, ...]:
    for name in expression.variables:
        if name not in values:
            raise UserError(f"The equation needs {name}, but there is no value for it.")
    return expression.variables


def evaluate_torch(
    expression: Expression,
    values: "Mapping[str, torch.Tensor]",
    constants: "Sequence[torch.Tensor] | None" = None,
) -> "torch.Tensor":
    """Evaluate an expression so that torch can differentiate it.

    Parameters
    ----------
    expression
        What to evaluate.
    values
        Tensors by name, broadcast against each other; the result has their type and device.
    constants
        Scalars to use in the places of ``expression.constants``, for gradients by them.

    Raises
    ------
    UserError
        If a variable has no value.
    """
    import torch

    names = _present(expression, values)
    like = values[names[0]] if names else torch.zeros((), dtype=torch.float64)
    if constants is None:
        constants = [like.new_tensor(value) for value in expression.constants]
    functions: dict[str, Callable[..., torch.Tensor]] = {
        "add": torch.add,
        "sub": torch.sub,
        "mul": torch.mul,
        "div": torch.div,
        "pow": torch.pow,
        "min": torch.minimum,
        "max": torch.maximum,
        "neg": torch.neg,
        "square": torch.square,
        "cube": lambda x: x * x * x,
        "exp": torch.exp,
        "log": torch.log,
        "sqrt": torch.sqrt,
        "abs": torch.abs,
        "sin": torch.sin,
        "cos": torch.cos,
        "tanh": torch.tanh,
    }

    def value(node: Expression, numbers: "Iterator[torch.Tensor]") -> "torch.Tensor":
        if node.op == "constant":
            return next(numbers)
        if node.op == "variable":
            return values[node.name]  # type: ignore[index]
        return functions[node.op](*[value(arg, numbers) for arg in node.args])

    return value(expression, iter(constants))
