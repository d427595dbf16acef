"""Templates of PySR: what people write, what PySR is told, and what it writes back."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.hall_of_fame import read_hall_of_fame
from napari_parsimony.symbolic.template import Template

NAMES = ("z3", "z17", "z21")


def test_nothing_written_is_no_template():
    assert Template.read(" ", NAMES) is None


@pytest.mark.parametrize(
    ("form", "found", "whole"),
    [
        ("f(z3, z17) - exp(g(z21))", "f = #1 * #2; g = exp(#1)", "z3*z17 - exp(exp(z21))"),
        ("f(z3) + f(z17)", "f = (#1 * #1) + 1.5f0", "z3^2 + 1.5 + (z17^2 + 1.5)"),
        ("f(g(z3), z17 + 1)", "g = -#1; f = #1 / #2", "-z3 / (z17 + 1)"),
        ("z21*f(f(z3))", "f = exp(#1)", "z21*exp(exp(z3))"),
        ("f(z3, z17)", "f = 2.0", "2"),
    ],
)
def test_what_is_found_is_put_into_the_form(form, found, whole):
    filled = Template.read(form, NAMES).filled(found)
    generator = np.random.default_rng(0)
    values = dict(zip(NAMES, generator.normal(size=(3, 50)), strict=True))
    expected = Expression.parse(whole).evaluate(values)
    assert np.broadcast_to(filled.evaluate(values), 50) == pytest.approx(
        np.broadcast_to(expected, 50), rel=1e-12
    )


def test_what_pysr_is_told():
    template = Template.read("f(z3, z17)^2 - exp(g(f(z21, z3)) + z17)", NAMES)
    template = template.renamed({"z3": "x0", "z17": "x1", "z21": "x2"})
    assert template.functions == {"f": 2, "g": 1}
    assert template.julia() == "((f(x0, x1))^2 - exp((g(f(x2, x0)) + x1)))"


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("z3 + z17", "no function to look for, such as f in 'f\\(z3, z17\\)'"),
        ("f(z3) + f(z3, z17)", "f is not a function of always the same number"),
        ("z3(z17)", "z3 is not a function"),
        ("f(z4)", "'z4' is not one of its variables"),
        ("f(z3", "is missing before 'its end'"),
        ("f()", "is missing before '\\)'"),
        ("exp(z3, f(z17))", "no function 'exp' of 2 numbers"),
        ("f(" * 2000 + "z3", "nested more than 100 levels"),
    ],
)
def test_no_templates(form, why):
    with pytest.raises(UserError, match=why):
        Template.read(form, NAMES)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ("f = #1", "lacks one of g, f"),
        ("f = #1; g = #1; h = #1", "'h = #1' is none of the template's functions, g, f"),
        ("f = #1; f = #1", "none of the template's functions"),
        ("f = #3; g = #1", "'argument_3' is not one of its variables"),
        ("f = z3; g = #1", "'z3' is not one of its variables"),
        ("f = #1; g = #1; p = [1.0, 2.0]", "none of the template's functions"),
        ("f = __import__('os'); g = #1", "cannot be read"),
        ("f = #1; g = " + "#1 * " * 10_000, "more than 20,000"),
        ("f = " + "exp(" * 98 + "#1" + ")" * 98 + "; g = exp(exp(#1))", "nested more than 100"),
    ],
)
def test_what_does_not_fit_is_one_sentence(found, why):
    template = Template.read("f(g(z3), z17)", NAMES)
    with pytest.raises(UserError, match=why) as caught:
        template.filled(found)
    assert len(str(caught.value)) < 300


@given(st.text(alphabet="fgz3 17(),+-*/^#;=[].", max_size=40))
def test_any_text_is_read_or_refused(text):
    template = Template.read("f(z3, z17) + g(z21)", NAMES)
    for read in (lambda: Template.read(text, NAMES), lambda: template.filled(text)):
        with suppress(UserError):
            read()


def test_a_file_of_a_template_is_read_with_it(tmp_path):
    file = tmp_path / "hall_of_fame.csv"
    file.write_text(
        'Complexity,Loss,Equation\n2,1.0,"f = #1; g = #1"\n5,0.5,"f = #1 * #2; g = 2.0 + #1"\n'
    )
    template = Template.read("f(z3, z17) - exp(g(z21))", NAMES)
    found = [str(member.expression) for member in read_hall_of_fame(file, NAMES, template)]
    assert found == ["z3 - exp(z21)", "z3*z17 - exp(2 + z21)"]
