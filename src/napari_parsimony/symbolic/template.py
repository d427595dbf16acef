"""A form that equations must have, with functions in it that PySR looks for.

PySR calls it a ``TemplateExpressionSpec``. What it finds are the functions, of ``#1``, ``#2``, …;
put into the form they are an equation like any other.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.expression import Expression, substituted, variable
from napari_parsimony.symbolic.parse import parse
from napari_parsimony.symbolic.render import julia

_CALL = "call_{}"
# what PySR calls so is for single numbers; a template is of whole columns
_OF_JULIA = {"neg": "(-{})", "square": "({})^2", "cube": "({})^3"}
_ARGUMENT = re.compile(r"#(\d{1,3})\b")


@dataclass(frozen=True)
class Template:
    """For instance ``f(z3, z17) - exp(g(z21))``, where f and g are looked for.

    Attributes
    ----------
    whole
        The form, with a variable ``call_0``, ``call_1``, … for each call of a function.
    calls
        Of each call the function's name and its arguments, in which earlier calls may stand.
    """

    whole: Expression
    calls: tuple[tuple[str, tuple[Expression, ...]], ...]

    @staticmethod
    def read(text: str, variables: Sequence[str]) -> "Template | None":
        """Read a form that people wrote, None where they wrote nothing.

        Parameters
        ----------
        text
            An equation with calls of functions that there are not.
        variables
            The latents that it may read.

        Raises
        ------
        UserError
            If it is none, or calls a function with different numbers of arguments.
        """
        if not text.strip():
            return None
        calls: list[tuple[str, tuple[Expression, ...]]] = []

        def unknown(function: str, arguments: list[Expression]) -> Expression:
            calls.append((function, tuple(arguments)))
            return variable(_CALL.format(len(calls) - 1))

        whole = parse(text, variables, unknown)
        template = Template(whole, tuple(calls))
        if not calls:
            raise UserError(
                f"The template '{text[:60]}' has no function to look for, such as f in "
                f"'f({', '.join(variables[:2])})': add one, or leave the setting empty."
            )
        for name, arguments in calls:
            if len(arguments) != template.functions[name] or name in variables:
                raise UserError(
                    f"In the template '{text[:60]}', {name} is not a function of always the same "
                    "number of arguments: give what differs another name."
                )
        return template

    @property
    def functions(self) -> dict[str, int]:
        """Numbers of arguments of the functions that are looked for, by their names."""
        return {name: len(arguments) for name, arguments in self.calls}

    def renamed(self, names: Mapping[str, str]) -> "Template":
        """Give other names to all latents."""
        new = {old: variable(name) for old, name in names.items()}
        return Template(
            substituted(self.whole, new),
            tuple((name, tuple(substituted(a, new) for a in args)) for name, args in self.calls),
        )

    def julia(self) -> str:
        """Write it as PySR reads it."""

        def written(expression: Expression) -> str:
            text = julia(expression, _OF_JULIA)
            return re.sub(r"\bcall_(\d+)\b", lambda match: call(int(match[1])), text)

        def call(number: int) -> str:
            name, arguments = self.calls[number]
            return f"{name}({', '.join(map(written, arguments))})"

        return written(self.whole)

    def filled(self, text: str) -> Expression:
        """Put functions that were found into the form.

        Parameters
        ----------
        text
            As PySR writes them, ``f = #1 * #2; g = exp(#1)``.

        Raises
        ------
        UserError
            If these are not the functions of this template.
        """
        found: dict[str, Expression] = {}
        for part in text.split(";"):
            name, _, body = (word.strip() for word in part.partition("="))
            if name not in self.functions or name in found:
                raise UserError(
                    f"'{part.strip()[:60]}' is none of the template's functions, "
                    f"{', '.join(self.functions)}."
                )
            known = [_argument(number) for number in range(1, self.functions[name] + 1)]
            found[name] = parse(_ARGUMENT.sub(lambda match: _argument(int(match[1])), body), known)
        if len(found) < len(self.functions):
            raise UserError(f"'{text[:60]}' lacks one of {', '.join(self.functions)}.")
        values: dict[str, Expression] = {}
        for number, (name, arguments) in enumerate(self.calls):
            given = {_argument(i): substituted(a, values) for i, a in enumerate(arguments, 1)}
            values[_CALL.format(number)] = substituted(found[name], given)
        return substituted(self.whole, values)


def _argument(number: int) -> str:
    return f"argument_{number}"
