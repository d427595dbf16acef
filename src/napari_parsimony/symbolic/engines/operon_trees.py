"""Expressions as Operon's trees, and back."""

from collections.abc import Collection, Mapping
from typing import Any

import pyoperon as op

from napari_parsimony.symbolic.expression import Expression, constant

OPERATORS = {
    "add": op.NodeType.Add,
    "sub": op.NodeType.Sub,
    "mul": op.NodeType.Mul,
    "div": op.NodeType.Div,
    "square": op.NodeType.Square,
    "exp": op.NodeType.Exp,
    "log": op.NodeType.Log,
    "sqrt": op.NodeType.Sqrt,
    "abs": op.NodeType.Abs,
    "tanh": op.NodeType.Tanh,
    "sin": op.NodeType.Sin,
}
_TEXT = {
    op.NodeType.Add: "({} + {})",
    op.NodeType.Sub: "({} - {})",
    op.NodeType.Mul: "({} * {})",
    op.NodeType.Div: "({} / {})",
    op.NodeType.Square: "({})**2",
    **{OPERATORS[name]: name + "({})" for name in ("exp", "log", "sqrt", "abs", "tanh", "sin")},
}


def infix(tree: Any, names: dict[int, str]) -> str:
    """Write a tree with all digits.

    Not Operon's own formatter: it has a fixed number of decimals (so a weight of 1e-10 becomes 0),
    and writes minimum and maximum the wrong way round.
    """
    stack: list[str] = []
    for node in tree.Nodes:
        if node.IsVariable:
            stack.append(f"({node.Value!r} * {names[node.HashValue]})")
        elif node.IsConstant:
            stack.append(f"({node.Value!r})")
        else:
            # postfix, the first argument nearest to the operator
            args = [stack.pop() for _ in range(node.Arity)]
            stack.append(_TEXT[node.Type].format(*args))
    return stack.pop()


def tree(
    expression: Expression, hashes: Mapping[str, int], operators: Collection[str]
) -> Any | None:
    """Make a tree of an expression; None if it takes other operators than these.

    Parameters
    ----------
    expression
        What to write.
    hashes
        By which Operon knows the variables, by name.
    operators
        Keys of `OPERATORS`.
    """
    nodes = _postfix(expression, hashes, operators)
    return None if nodes is None else op.Tree(nodes).UpdateNodes()


def _postfix(
    node: Expression, hashes: Mapping[str, int], operators: Collection[str]
) -> list[Any] | None:
    if node.value is not None:
        return [_leaf(op.Node(op.NodeType.Constant), node.value)]
    if node.name is not None:
        return [_leaf(op.Node(op.NodeType.Variable, hashes[node.name]), 1.0)]
    args = node.args
    match node.op:
        case "mul" if args[0].value is not None and args[1].name is not None:
            # a variable has a weight of its own
            weighted = op.Node(op.NodeType.Variable, hashes[args[1].name])
            return [_leaf(weighted, args[0].value)]
        case "neg":
            return _postfix(constant(-1.0) * args[0], hashes, operators)
        case "cube":
            return _postfix(args[0] ** 2 * args[0], hashes, operators)
        case "square" if "square" not in operators:
            return _postfix(args[0] * args[0], hashes, operators)
    if node.op not in operators:
        return None
    nodes = []
    for arg in reversed(args):  # the first argument nearest to the operator
        part = _postfix(arg, hashes, operators)
        if part is None:
            return None
        nodes += part
    return [*nodes, op.Node(OPERATORS[node.op])]


def _leaf(node: Any, value: float) -> Any:
    node.Value = value
    return node
