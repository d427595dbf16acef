"""The quick engine finds sums of library terms, and gives others something to start from."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from napari_parsimony.progress import silent
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.engines import engine
from napari_parsimony.symbolic.engines.base import Problem
from napari_parsimony.symbolic.engines.quick_library import Library, centred
from napari_parsimony.symbolic.engines.quick_pool import Pool
from napari_parsimony.symbolic.expression import Expression, variable
from napari_parsimony.symbolic.search import search_front

NAMES = tuple(f"z{i}" for i in range(8))
NOISE = 0.1


def problem(law, noise=NOISE, cells=1000, **settings):
    generator = np.random.default_rng(0)
    values = generator.normal(size=(cells, len(NAMES)))
    target = Expression.parse(law).evaluate(dict(zip(NAMES, values.T, strict=True)))
    target = target + noise * generator.normal(size=cells)
    return Problem(values, NAMES, target, EquationsConfig(**{"threads": 1, **settings}))


def quick(task):
    return engine("quick").search(task, lambda partial: None)


@pytest.mark.parametrize(
    ("law", "size"),
    [
        ("z0 + 0.7*z1 - 0.5*z2", 13),
        ("z0*z1*z2 - 0.3", 9),  # no two of them tell anything
        ("sin(2.3*z0 + 0.4) + 0.6*z1", 14),  # neither frequency nor phase is in the library
        ("z0/(0.5 + z1^2) - z2", 14),
        ("log(abs(z0)) + z1^2", 12),
        ("z3*(z4^2 + z5^2) - exp(z0)", 19),
        ("z0*sin(3*z1) + tanh(z2)", 15),
    ],
)
def test_laws_of_library_terms_are_found(law, size):
    found = quick(problem(law))
    right = [f for f in found if f.error < 1.1 * NOISE**2]
    best = min(right, key=lambda f: f.expression.size)
    assert best.expression.size <= size
    assert set(best.expression.variables) == set(Expression.parse(law).variables)


def test_a_frequency_and_a_phase_are_fitted():
    best = min(quick(problem("sin(2.3*z0 + 0.4) + 0.6*z1")), key=lambda f: abs(f.error - NOISE**2))
    sine = next(node for node in best.expression.nodes if node.op == "sin")
    assert sine.args[0].constants == pytest.approx((2.3, 0.4), abs=0.05)


def test_noise_ends_it():
    task = problem("z0", noise=3.0)
    terms = [len(f.expression.terms) for f in quick(task)]
    # 1 term and a constant, and no more than the two that were tried in vain
    assert max(terms) <= 4
    exact = quick(problem("z0 + z1*z2", noise=0.0))
    assert min(f.error for f in exact) < 1e-20


def test_one_cell_is_no_law():
    task = problem("z0", noise=0.3)
    values, target = task.values.copy(), task.target.copy()
    values[0, 7], target[0] = 4.5, 1e3  # exp(exp(4.5)) is 1e39, of this cell only
    found = quick(replace(task, values=values, target=target))
    assert not any("exp(exp(z7))" in str(f.expression) for f in found)
    assert centred(np.eye(50)[0]) is None


def test_a_first_choice_can_be_undone():
    generator = np.random.default_rng(0)
    a, b, noise = generator.normal(size=(3, 500))
    pool = Pool(a + b)
    decoy = a + b + 0.3 * noise  # better than either alone
    columns = [("d", decoy), ("a", a), ("b", b)]
    assert pool.add((variable(name), column) for name, column in columns) == [0, 1, 2]
    assert pool.grown([()])[0] == (0,)
    assert pool.exchanged([(0, 1)])[0] == (1, 2)
    assert pool.reduced([(0, 1, 2)])[0] == (1, 2)
    np.testing.assert_allclose(pool.left_by((1, 2)), 0, atol=1e-9)


def test_the_library_compares_what_it_never_writes_down():
    task = problem("z0")
    library = Library.of(NAMES, task.values)
    term, column = library.term(3, len(library.terms) - 1)
    assert str(term) in ("z2*(z6*z7)", "z2*z6*z7")
    table = dict(zip(NAMES, task.values.T, strict=True))
    for place in library.like(column - column.mean(), 20):
        term, column_there = library.term(*place)
        np.testing.assert_allclose(term.evaluate(table), column_there, rtol=1e-9)
    assert library.like(column - column.mean(), 1) == [(3, len(library.terms) - 1)]


# What other engines make of its equations


@pytest.fixture
def _operon():
    pytest.importorskip("pyoperon", reason="pyoperon has no release for this system")


@pytest.mark.usefixtures("_operon")
def test_operon_starts_from_guesses():
    few = {"generations": 1, "population": 100, "restarts": 1}
    task = problem("z3*z4*z5 - exp(z0)", **few)
    alone = engine("operon").search(task, lambda partial: None)
    assert min(f.error for f in alone) > 10 * NOISE**2
    told = replace(task, guesses=(Expression.parse("3*z3*z4*z5 - 3*exp(z0)"),))
    best = min(engine("operon").search(told, lambda partial: None), key=lambda f: f.error)
    assert best.error < 1.1 * NOISE**2
    # of operators that it was told not to use, it takes nothing
    plain = replace(told, config=EquationsConfig(**few, operators=("add", "sub", "mul")))
    found = engine("operon").search(plain, lambda partial: None)
    assert not {node.op for f in found for node in f.expression.nodes} & {"exp", "square"}


@pytest.mark.usefixtures("_operon")
@pytest.mark.parametrize(
    "text",
    [
        "z0 - 2*z1", "z0^2 + z1^3", "-exp(z0)/z2", "sin(2*z3 + 1)", "tanh(z0)*abs(z1) - 3",
        "sqrt(z5^2 + 1)", "log(z5^2 + 1) - (z1 - z2*(z3 - z4))",
    ],
)  # fmt: skip
def test_trees_mean_what_the_expression_means(text):
    trees = pytest.importorskip("napari_parsimony.symbolic.engines.operon_trees")
    expression = Expression.parse(text)
    hashes = {name: 1000 + i for i, name in enumerate(NAMES)}
    for operators in (set(trees.OPERATORS), set(trees.OPERATORS) - {"square"}):
        tree = trees.tree(expression, hashes, operators)
        back = Expression.parse(trees.infix(tree, {h: name for name, h in hashes.items()}))
        table = dict(zip(NAMES, problem("z0").values.T, strict=True))
        np.testing.assert_allclose(back.evaluate(table), expression.evaluate(table), rtol=1e-5)
    assert trees.tree(Expression.parse("cos(z0)"), hashes, set(trees.OPERATORS)) is None


@pytest.mark.usefixtures("_operon")
@pytest.mark.parametrize("engines", [("quick", "operon"), ("operon",)])
def test_the_same_seed_gives_the_same_front_with_any_number_of_threads(engines):
    generator = np.random.default_rng(0)
    latents = pd.DataFrame(generator.normal(size=(600, 4)), columns=["z3", "z17", "z21", "z29"])
    scores = Expression.parse("z29*(z17^2 + z21^2) - exp(exp(z3))").evaluate(latents)
    target = (scores > 0) * 1.0
    split = np.where(np.arange(600) % 3 == 0, "validation", "train")
    fronts = []
    for threads in (1, 2, 1):
        config = EquationsConfig(
            engines=engines, generations=5, population=60, max_size=16, threads=threads
        )
        with threadpool_limits(threads):
            fronts.append(
                search_front(
                    latents, np.clip(scores, -20, 20), target, split, np.arange(600) % 12,
                    config, silent,
                )
            )  # fmt: skip
    assert {search.engine for search in fronts[0].searches} == {*engines}
    if len(engines) == 1:
        assert any(candidate.engine == "operon" for candidate in fronts[0].candidates)
    assert fronts[0] == fronts[1] == fronts[2]
