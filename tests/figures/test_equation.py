import pytest

from napari_parsimony.figures.equation import break_lines, equation, outline, stacked
from napari_parsimony.figures.palette import DARK
from napari_parsimony.figures.style import to_png, to_svg
from napari_parsimony.symbolic.expression import ARITY, Expression, apply, constant, variable

WIDTH, SIZE = 6.5 * 72, 14


def lines(text, width=WIDTH, size=SIZE):
    return break_lines(Expression.parse(text).latex(), r"\mathrm{score}", width, size)


def bracketed(latex):
    return latex.count(r"\left") == latex.count(r"\right")


def test_a_short_equation_is_one_line():
    found, _ = lines("z29*(z17**2+z21**2)-exp(exp(z3))")
    assert [line.latex for line in found] == [
        r"\mathrm{score} = z_{29} \, (z_{17}^{2} + z_{21}^{2}) - \exp(\exp(z_{3}))"
    ]


def test_long_sums_are_broken_before_a_term_and_nothing_is_lost():
    text = "+".join(f"{0.137 * i:.3f}*z{i}**2" for i in range(1, 25))
    found, indent = lines(text)
    assert len(found) > 1
    assert all(line.width + indent <= WIDTH for line in found[1:])
    assert all(line.latex.startswith("{} +") for line in found[1:])
    whole = "".join(line.latex.replace("{} ", " ") for line in found)
    assert whole == r"\mathrm{score} = " + Expression.parse(text).latex()


def test_a_magnitude_has_bars_as_tall_as_brackets_and_is_kept_together():
    (line,), _ = lines("z9-abs(-z23+z1)")
    assert line.latex.endswith("|-z_{23} + z_{1}|") or line.latex.endswith("|z_{1} - z_{23}|")
    found, _ = lines("abs(z1+z2)+abs(z3+z4)+abs(z5+z6)", width=160)
    assert len(found) > 1
    assert all(line.latex.count("|") % 2 == 0 for line in found)


def test_equations_below_one_another_are_all_in_the_picture():
    each = [outline(f"z_{{{i}}} - 2", name, 300, 12) for i, name in enumerate("ABCDEFG")]
    whole = stacked(each)
    assert (whole.vertices[:, 1] >= 0).all()
    assert (whole.vertices[:, 1] <= whole.height).all()
    assert whole.vertices[:, 1].min() < 10, "no empty room either"


def test_a_long_bracket_is_broken_inside_with_brackets_that_need_no_partner():
    inside = "+".join(f"z{i}*exp(z{i + 1})/z3" for i in range(1, 20))
    found, _ = lines(f"z1*({inside})")
    assert len(found) > 1
    assert all(bracketed(line.latex) for line in found)


@pytest.mark.parametrize(
    "text",
    [
        f"({'+'.join(f'{i}.5*z{i}' for i in range(1, 20))})/(1+exp(z4-z5))",
        f"sqrt({'+'.join(f'{i}.5*z{i}' for i in range(1, 12))})",
        f"exp({'+'.join(f'{i}.5*z{i}**2' for i in range(1, 20))})-abs(z1-z2)/z3",
    ],
)
def test_nothing_is_wider_than_the_page(text):
    figure = equation(Expression.parse(text).latex(), width=6.5)
    assert figure.get_figwidth() <= 6.5 + 1e-6


@pytest.mark.parametrize("op", sorted(set(ARITY) - {"variable", "constant"}))
def test_every_operator_is_drawn(op):
    arguments = [apply("sub", variable("z3"), constant(-1.5e-7)), variable("size_of_it")]
    expression = apply(op, *arguments[: ARITY[op]])
    assert to_png(equation(expression.latex(), theme=DARK), dpi=50).startswith(b"\x89PNG")


def test_the_same_equation_gives_the_same_picture():
    latex = Expression.parse("z1/z2").latex()
    first, again = (to_svg(equation(latex)) for _ in range(2))
    assert first == again
