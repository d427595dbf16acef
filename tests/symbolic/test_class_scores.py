"""Equations of more than two classes: what they say, how they are fitted, found and written."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from napari_parsimony.classify.scores import UNDECIDED, decided, named, probabilities
from napari_parsimony.errors import UserError
from napari_parsimony.progress import silent
from napari_parsimony.symbolic.class_scores import ClassScores
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.export import front_table, python_function, sympy_code
from napari_parsimony.symbolic.expression import Expression, constant
from napari_parsimony.symbolic.front import Front
from napari_parsimony.symbolic.hall_of_fame import hall_of_fame, hall_of_fame_files
from napari_parsimony.symbolic.joint import joint_variants
from napari_parsimony.symbolic.laws import Grouping, terms_of
from napari_parsimony.symbolic.losses import class_weights, digits_that_hold, logistic, scores_on
from napari_parsimony.symbolic.refit import refit
from napari_parsimony.symbolic.search import search_front
from napari_parsimony.symbolic.tidy import change, tidied

NAMES = ("z3", "z17", "z21", "z29")
CLASSES = ("A", "B", "C")
LAW = ("2*z3 - z17**2", "z17*z21", "0")
VALUES = np.random.default_rng(0).normal(size=(1200, 4))
TABLE = dict(zip(NAMES, VALUES.T, strict=True))
QUICK = EquationsConfig(engines=("quick",), max_size=10)


def scores(*texts, classes=None):
    each = tuple(Expression.parse(text) for text in texts)
    return ClassScores(classes or tuple("ABCDEFG"[: len(each)]), each)


def drawn(noise=0.02, law=LAW):
    """Latents, scores of a network, classes, splits and groups."""
    rng = np.random.default_rng(1)
    true = scores(*law).evaluate(pd.DataFrame(TABLE))
    target = true.argmax(axis=1).astype(float)
    wrong = rng.random(len(target)) < noise
    target[wrong] = rng.integers(0, len(law), wrong.sum())
    logits = np.clip(3 * true, -15, 15) + 0.3 * rng.normal(size=true.shape)
    logits -= logits.mean(axis=1, keepdims=True)
    movies = rng.integers(0, 30, len(target))
    split = np.where(movies < 18, "train", np.where(movies < 24, "validation", "test"))
    return pd.DataFrame(TABLE), logits, target, split, movies


@pytest.fixture(scope="module")
def front():
    return search_front(*drawn(), QUICK, silent, classes=CLASSES)


def test_softmax_of_all_scores_is_the_probability():
    equation = scores("z3 - 1", "0", "exp(z17)")
    found = equation.evaluate(TABLE)
    assert found.shape == (1200, 3)
    likely = probabilities(found)
    np.testing.assert_allclose(likely.sum(axis=1), 1)
    odds = np.exp(found)
    np.testing.assert_allclose(likely, odds / odds.sum(axis=1, keepdims=True))
    # of two classes it is what it always was
    np.testing.assert_allclose(probabilities(np.array([[0.0], [2.0]])).sum(axis=1), 1)


def test_a_cell_with_a_score_that_is_not_finite_is_not_decided():
    found = scores("log(z3)", "1/z17", "0").evaluate({"z3": [-1, 2, 3.0], "z17": [1, 0, 2.0]})
    assert np.isnan(found[:2]).all()
    assert np.isfinite(found[2]).all()
    assert decided(found).tolist() == [UNDECIDED, UNDECIDED, 0]
    assert np.isnan(probabilities(found)[:2]).all()
    assert logistic(found, np.array([0.0, 1.0, 0.0]))[:2] == pytest.approx(np.log1p(np.exp(4)))
    # nor is a draw between two named, though it counts as the first
    assert named(np.array([[1.0, 1.0, 0.0], [2.0, 1.0, 1.0]])).tolist() == [UNDECIDED, 0]


def test_sizes_add_up_and_nothing_counts_nothing():
    equation = scores("2*z3 - z17**2", "z17*z21", "0")
    assert equation.size == 6 + 3
    assert equation.constants == (2.0,)
    assert equation.variables == ("z3", "z17", "z21")
    assert equation.with_constants([5.0]).constants == (5.0,)
    assert equation.rounded(1) == equation
    assert str(equation) == "A: 2*z3 - z17**2; B: z17*z21; C: 0"
    assert equation.unicode() == "A: 2·z3 − z17²; B: z17·z21; C: 0"
    assert r"s_{\mathrm{A}} &= 2 \, z_{3} - z_{17}^{2} \\" in equation.latex()


def test_class_scores_need_an_expression_for_each_of_three_classes():
    with pytest.raises(UserError, match="2 expressions for the 3 classes"):
        scores("z3", "z17", classes=CLASSES)
    with pytest.raises(UserError, match="Three or more classes"):
        scores("z3", "z17")
    with pytest.raises(UserError, match="different names"):
        scores("z3", "z17", "z21", classes=("A", "A", "B"))


def test_the_loss_of_two_classes_is_the_same_written_with_two_scores():
    target = (VALUES[:, 1] > 0) * 1.0
    one = 3 * VALUES[:, 0]
    both = np.stack([np.zeros(1200), one], axis=1)
    np.testing.assert_allclose(logistic(both, target), logistic(one, target))
    np.testing.assert_allclose(class_weights(target + 1, True), class_weights(target, True))


def test_refit_is_multinomial_regression():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(3)
    likely = probabilities(scores("z3 - 0.5", "z17", "0").evaluate(TABLE))
    target = (rng.random(1200)[:, None] > likely.cumsum(axis=1)).sum(axis=1).astype(float)
    reference = LogisticRegression(C=np.inf, tol=1e-8).fit(VALUES[:, :2], target)
    start = scores("0.1*z3 + 0.1*z17 + 0.1", "0.1*z3 + 0.1*z17 + 0.1", "0")
    fitted, loss = refit(start, VALUES, NAMES, target, np.ones(1200))
    slopes = reference.coef_ - reference.coef_[2]
    numbers = np.reshape(fitted.constants, (2, 3))
    np.testing.assert_allclose(numbers[:, :2], slopes[:2], atol=0.08)
    assert fitted.expressions[2] == constant(0)
    assert loss == pytest.approx(logistic(fitted.evaluate(TABLE), target).mean())
    assert loss < logistic(start.evaluate(TABLE), target).mean()


def test_the_law_is_found(front):
    equation = front.choice.expression
    assert front.classes == equation.classes == CLASSES
    said = decided(equation.evaluate(TABLE))
    true = scores(*LAW).evaluate(TABLE).argmax(axis=1)
    assert (said == true).mean() > 0.98
    assert [c.size for c in front.candidates] == sorted({c.size for c in front.candidates})
    law = front.laws[front.law_of(front.chosen)]
    assert [search.engine for search in law.searches] == ["quick"]
    good = next(c for c in front.candidates if c.balanced_accuracy > 0.98)
    assert good.size == scores("2*z3 - 3*z17**2", "4*z17*z21", "0").size
    terms = [terms_of(each) for each in good.expression.expressions]
    assert terms == [terms_of(each) for each in scores(*LAW).expressions]


def test_other_names_and_orders_of_classes_give_the_same(front):
    latents, logits, target, split, movies = drawn()
    order = [2, 0, 1]
    renumbered = np.argsort(order)[target.astype(int)].astype(float)
    swapped = search_front(
        latents, logits[:, order], renumbered, split, movies, QUICK, silent, classes=("C", "A", "B")
    )
    one, other = front.choice, swapped.choice
    assert one.size == other.size
    assert one.balanced_accuracy == pytest.approx(other.balanced_accuracy, abs=0.005)
    said = decided(one.expression.evaluate(TABLE))
    again = np.array(order)[decided(other.expression.evaluate(TABLE))]
    assert (said == again).mean() > 0.99


def test_a_reference_stays_at_zero():
    config = QUICK.model_copy(update={"reference": "C"})
    messages = []
    front = search_front(*drawn(), config, lambda p: messages.append(p.message), classes=CLASSES)
    assert all(c.expression.expressions[2] == constant(0) for c in front.candidates)
    assert front.choice.balanced_accuracy > 0.95
    assert not any(message.startswith("quick, C") for message in messages)
    config = QUICK.model_copy(update={"reference": "D"})
    with pytest.raises(UserError, match="'D' is none of the classes A, B, C"):
        search_front(*drawn(), config, silent, classes=CLASSES)


def test_equations_by_hand_say_whose_they_are():
    text = "A: z3 - z17^2; B: z17*z21; z29"
    config = EquationsConfig(engines=(), by_hand=text)
    front = search_front(*drawn(), config, silent, classes=CLASSES)
    assert front.choice.engine == "by hand"
    assert front.searches == ()
    assert str(front.choice.expression).startswith("A: ")
    with pytest.raises(UserError, match="for 'D', which is none of the classes A, B, C"):
        search_front(
            *drawn(), EquationsConfig(engines=(), by_hand="D: z3"), silent, classes=CLASSES
        )


def test_what_is_common_to_all_classes_is_dropped():
    equation = scores("z3 + z17*z21 - 50", "z17*z21 - 50", "2*z29 + z17*z21")
    forms = joint_variants(equation)
    assert all(form.size < equation.size for form in forms)
    same = [f for f in forms if change(equation, f, VALUES, NAMES).unseen]
    assert min(form.size for form in same) == scores("z3", "0", "2*z29 + 50").size
    longer = scores("z3 + 0*z21", "exp(z17) + 1e-9*z3", "0")
    assert tidied(longer, VALUES, NAMES) == scores("z3", "exp(z17)", "0")


def test_rounding_counts_cells_that_change_their_class():
    equation = scores("1.23456789*z3", "1.2345*z17", "0.4")
    digits, flips = digits_that_hold(equation, VALUES, NAMES)
    exact, rounded = (
        decided(scores_on(form, VALUES, NAMES)) for form in (equation, equation.rounded(digits))
    )
    assert flips == (exact != rounded).sum() <= 1


def test_the_same_for_all_classes_is_the_same_law():
    grouping = Grouping(VALUES, NAMES)
    first = grouping.add(scores("z3", "z17", "0"), 0.5)
    assert grouping.find(scores("z3 + z21", "z17 + z21", "z21"), 0.5) == first
    assert grouping.find(scores("z17", "z3", "0"), 0.4) is None
    assert grouping.find(scores("z3", "z17", "z21"), 0.4) is None


def test_fronts_are_written_and_read(front, tmp_path):
    front.save(tmp_path / "front.json")
    assert json.loads((tmp_path / "front.json").read_text())["format_version"] == 3
    assert Front.load(tmp_path / "front.json") == front


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda c: c["classes"].pop(), "3 expressions for the 2|Three or more"),
        (lambda c: c["classes"].append("D"), "3 expressions for the 4 classes"),
        (lambda c: c.update(classes=[]), "text"),
        (lambda c: c.update(classes=["A", "A", "A"]), "different names"),
        (lambda c: c.update(classes=[1, 2, 3]), "str belongs"),
        (lambda c: c.pop("classes"), "classes"),
        (lambda c: c["candidates"][0]["expression"].pop(), "2 expressions for the 3"),
        (lambda c: c["candidates"][0].update(expression="z3"), "list belongs"),
        (lambda c: c["candidates"][0]["expression"].__setitem__(0, "z99"), "z99"),
        (lambda c: c["laws"][0]["expression"].append("z3"), "4 expressions for the 3"),
        (lambda c: c.update(format_version=2), "text"),
        (lambda c: c.update(format_version=4), "newer"),
    ],
)
def test_damaged_fronts_are_one_sentence(front, tmp_path, damage, says):
    front.save(tmp_path / "front.json")
    content = json.loads((tmp_path / "front.json").read_text())
    damage(content)
    (tmp_path / "front.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=says) as error:
        Front.load(tmp_path / "front.json")
    assert "\n" not in str(error.value)


def test_equations_of_other_classes_are_no_front(front):
    other = dataclasses.replace(front.choice, expression=Expression.parse("z3"))
    with pytest.raises(UserError, match="not of the classes A, B, C"):
        dataclasses.replace(front, candidates=(other,), chosen=0)


def test_code_gives_the_same_numbers(front):
    equation = front.choice.expression
    code = {}
    exec(python_function(equation, CLASSES), code)
    values = {name: TABLE[name] for name in equation.variables}
    np.testing.assert_allclose(code["scores"](**values), equation.evaluate(values))
    np.testing.assert_allclose(
        code["probabilities"](**values), probabilities(equation.evaluate(values))
    )
    assert code["CLASSES"] == CLASSES
    algebra = {}
    exec(sympy_code(equation), algebra)
    one = {algebra[name]: 0.25 for name in equation.variables}
    expected = probabilities(equation.evaluate(dict.fromkeys(equation.variables, 0.25)))
    found = [float(algebra["probabilities"][name].subs(one)) for name in CLASSES]
    np.testing.assert_allclose(found, expected)


def test_tables_and_files_of_pysr_are_by_class(front, tmp_path):
    table = front_table(front)
    assert list(table["equation"]) == [str(c.expression) for c in front.candidates]
    assert (table[["size A", "size B", "size C"]].sum(axis=1) == table["size"]).all()
    files = hall_of_fame_files(front, tmp_path / "hall_of_fame.csv")
    assert [file.name for file in files] == [f"hall_of_fame-{name}.csv" for name in CLASSES]
    lines = files[tmp_path / "hall_of_fame-A.csv"].splitlines()
    losses = [float(line.split(",")[1]) for line in lines[1:]]
    assert losses == sorted(losses, reverse=True)
    with pytest.raises(UserError, match="one file for each class"):
        hall_of_fame(front)
