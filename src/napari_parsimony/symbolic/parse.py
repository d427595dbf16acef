"""Read equations, from people, files and engines, without ever running them."""

import re
from collections.abc import Callable, Sequence

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.expression import (
    ARITY,
    MAX_DEPTH,
    RESERVED,
    Expression,
    apply,
    constant,
    variable,
)

MAX_CHARACTERS = 20_000


class NotAnEquationError(UserError):
    """Text that cannot be read as an equation.

    Attributes
    ----------
    place
        Index of the character where reading ended; that of the end if something is missing there.
    """

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


# Julia writes 1.5f0 for single precision
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eEf][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>\*\*|[-+*/^(),]))"
)
_SYNONYMS = {"**": "^", "−": "-", "·": "*"}
_BINARY = {"+": (1, "add"), "-": (1, "sub"), "*": (2, "mul"), "/": (2, "div")}
_POWER = 4  # binds tighter than a sign before it: -x^2 is -(x^2)


Unknown = Callable[[str, list[Expression]], Expression]


def parse(
    text: str, variables: Sequence[str] | None = None, unknown: Unknown | None = None
) -> Expression:
    """Read an equation in the usual notation.

    Parameters
    ----------
    text
        For instance ``"z29*(z17^2 + z21^2) - exp(exp(z3))"``; ``^`` and ``**`` both raise to a
        power, ``min`` and ``max`` take two or more arguments, ``inv(x)`` is ``1/x``.
    variables
        The only names allowed; any, if not given.
    unknown
        What stands for a call of a function that there is not, by its name and arguments; without,
        there may be none.

    Raises
    ------
    NotAnEquationError
        If the text is nested more than 100 levels deep, or anything but such an equation.
    UserError
        If it is no text, or longer than 20,000 characters.
    """
    if not isinstance(text, str):
        raise UserError(f"An equation is text, but this is {type(text).__name__}.")
    if len(text) > MAX_CHARACTERS:
        raise UserError(
            f"The equation has {len(text):,} characters; more than {MAX_CHARACTERS:,} are not read."
        )
    return _Parser(text, None if variables is None else frozenset(variables), unknown).whole()


class _Parser:
    def __init__(
        self, text: str, variables: frozenset[str] | None, unknown: Unknown | None
    ) -> None:
        self.text = text
        self.variables = variables
        self.unknown = unknown
        self.tokens = self._tokens()
        self.at = 0
        self.level = 0

    def _tokens(self) -> list[tuple[str, str]]:
        for synonym in ("−", "·"):
            self.text = self.text.replace(synonym, _SYNONYMS[synonym])
        tokens, place, end = [], 0, len(self.text.rstrip())
        self.places: list[int] = []  # where each token begins
        while place < end:
            match = _TOKEN.match(self.text, place)
            if match is None:
                strange = end - len(self.text[place:end].lstrip())
                raise self._error(f"'{self.text[strange]}' is not understood", strange)
            kind = str(match.lastgroup)
            word = match[kind]
            tokens.append((kind, _SYNONYMS.get(word, word)))
            self.places.append(match.start(kind))
            place = match.end()
        self.places.append(end)
        return [*tokens, ("end", "")]

    def _error(self, what: str, place: int | None = None) -> NotAnEquationError:
        """Say what is wrong, by default with the token that was taken last."""
        if place is None:
            place = self.places[max(self.at - 1, 0)]
        shown = self.text if len(self.text) <= 60 else self.text[:57] + "..."
        where = f"(at character {place + 1})"
        return NotAnEquationError(f"The equation '{shown}' cannot be read: {what} {where}.", place)

    def _next(self) -> tuple[str, str]:
        self.at += 1
        return self.tokens[self.at - 1]

    def _expect(self, word: str) -> None:
        found = self._next()[1]
        if found != word:
            raise self._error(f"'{word}' is missing before '{found[:60] or 'its end'}'")

    def whole(self) -> Expression:
        try:
            expression = self.expression(0)
        except NotAnEquationError:
            raise
        except UserError as error:  # of a node: a name that functions have, too many levels
            raise NotAnEquationError(str(error), self.places[max(self.at - 1, 0)]) from error
        kind, word = self._next()
        if kind != "end":
            raise self._error(f"'{word[:60]}' comes where the equation should end")
        return expression

    def expression(self, binding: int) -> Expression:
        """Precedence climbing: everything that binds at least as tightly as `binding`."""
        self.level += 1
        if self.level > MAX_DEPTH:
            raise self._error(f"it is nested more than {MAX_DEPTH} levels deep")
        left = self.operand()
        while True:
            word = self.tokens[self.at][1]
            if word == "^" and binding <= _POWER:
                self._next()
                left = apply("pow", left, self.expression(_POWER - 1))  # from right to left
            elif word in _BINARY and _BINARY[word][0] >= binding:
                self._next()
                strength, op = _BINARY[word]
                left = apply(op, left, self.expression(strength + 1))
            else:
                self.level -= 1
                return left

    def operand(self) -> Expression:
        kind, word = self._next()
        if kind == "number":
            return self.number(word)
        if kind == "name":
            return self.call(word) if self.tokens[self.at][1] == "(" else self.name(word)
        if word == "(":
            inside = self.expression(0)
            self._expect(")")
            return inside
        if word == "-":
            (next_kind, number), after = self.tokens[self.at], self.tokens[self.at + 1 :][:1]
            if next_kind == "number" and after != [("sign", "^")]:
                self._next()
                return self.number("-" + number)
            return apply("neg", self.expression(_POWER - 1))
        if word == "+":
            return self.expression(_POWER - 1)
        raise self._error(f"a number or a name is missing before '{word or 'its end'}'")

    def number(self, word: str) -> Expression:
        value = float(word.replace("f", "e"))
        if abs(value) == float("inf"):
            raise self._error(f"the number {word[:20]}... is too large")
        return constant(value)

    def name(self, word: str) -> Expression:
        if self.variables is not None and word not in self.variables:
            raise self._error(f"'{word[:60]}' is not one of its variables")
        return variable(word)

    def call(self, function: str) -> Expression:
        place = self.places[self.at - 1]
        self._expect("(")
        arguments = [self.expression(0)]
        while self.tokens[self.at][1] == ",":
            self._next()
            arguments.append(self.expression(0))
        self._expect(")")
        if function in ("min", "max") and len(arguments) >= 2:
            result = arguments[0]
            for argument in arguments[1:]:
                result = apply(function, result, argument)
            return result
        if function == "inv" and len(arguments) == 1:
            return apply("div", constant(1.0), arguments[0])
        if self.unknown is not None and function not in RESERVED:
            return self.unknown(function, arguments)
        if ARITY.get(function, 0) != len(arguments):
            what = f"there is no function '{function[:60]}' of {len(arguments)} numbers"
            raise self._error(what, place)
        return apply(function, *arguments)
