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
        return np.float64(node.value)
    if node.op == "variable":
        return cells[node.name]  # type: ignore[index]
    return _NUMPY[node.op](*[_numpy(arg, cells) for arg in node.args])


def _present(expression: Expression, values: Mapping[str, Any]) -> tuple[str, ...]:
    for name in expression.variables:
        if name not in values:
            raise UserError(f"The equation needs {name}, but there is no value for it.")
    return expression.variables


def jacobian(
    expression: Expression,
    values: Mapping[str, NDArray[np.float64]],
    cells: int,
    constants: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values of an expression and their derivatives by its constants.

    Forward differentiation in numpy: for a few constants and some thousand cells several times
    faster than the tape of torch.

    Parameters
    ----------
    expression
        What to evaluate.
    values
        Columns by name, each of shape (cells,).
    cells
        Number of cells.
    constants
        Numbers to use in the places of ``expression.constants``.

    Returns
    -------
    values, derivatives
        Shapes (cells,) and (constants, cells). What has no finite value or derivative is not
        finite here, without warnings.
    """
    numbers = np.array(expression.constants) if constants is None else constants
    count = len(numbers)
    position = iter(range(count))

    def dual(node: Expression) -> tuple[Any, Any]:
        """Value, and derivatives or 0 where no constant is involved."""
        if node.value is not None:
            unit, at = np.zeros((count, 1)), next(position)
            unit[at] = 1.0
            return numbers[at], unit
        if node.name is not None:
            return values[node.name], 0.0
        args = [dual(arg) for arg in node.args]
        value = _NUMPY[node.op](*[arg[0] for arg in args])
        derivative: Any = 0.0
        for (_, inner), slope in zip(args, _slopes(node.op, value, args), strict=True):
            if isinstance(inner, np.ndarray):
                derivative = derivative + slope * inner
        return value, derivative

    with np.errstate(all="ignore"):
        value, derivative = dual(expression)
        return (
            np.broadcast_to(value, (cells,)),
            np.broadcast_to(derivative, (count, cells)),
        )


def _slopes(op: str, value: Any, args: list[tuple[Any, Any]]) -> tuple[Any, ...]:
    """Differentiate an operator by each of its arguments."""
    x: Any = args[0][0]
    y: Any = args[-1][0]
    match op:
        case "add":
            return 1.0, 1.0
        case "sub":
            return 1.0, -1.0
        case "mul":
            return y, x
        case "div":
            return np.divide(1.0, y), np.divide(-value, y)
        case "pow":
            return y * np.power(x, np.subtract(y, 1.0)), value * np.log(x)
        case "min":
            return x <= y, x > y
        case "max":
            return x >= y, x < y
        case "neg":
            return (-1.0,)
        case "square":
            return (2.0 * x,)
        case "cube":
            return (3.0 * x * x,)
        case "exp":
            return (value,)
        case "log":
            return (np.divide(1.0, x),)
        case "sqrt":
            return (np.divide(0.5, value),)
        case "abs":
            return (np.sign(x),)
        case "sin":
            return (np.cos(x),)
        case "cos":
            return (-np.sin(x),)
        case "tanh":
            return (1.0 - value * value,)
    raise AssertionError(op)


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
