"""Operon's genetic programming (Burlacu, Kronberger & Kommenda 2020), in its own process.

Operon's objects keep bare pointers to each other: every one is held in a local variable until the
search is over, or the process crashes.
"""

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np
import pyoperon as op
from numpy.typing import NDArray

from napari_parsimony.symbolic.engines.operon_trees import OPERATORS, infix, tree
from napari_parsimony.symbolic.expression import Expression

MAX_DEPTH = 10
PATIENCE = 20  # generations without a better front that end a search
SEEDED = 0.2  # of the first population, at most: the rest must bring other ideas
EXACT = 1e-9  # part of the target's variance that single precision cannot explain


class _StopError(Exception):
    """Raised in Operon's callback, which ends the run and keeps the front."""


def _cores() -> int:
    """Processor cores that this process may use; fewer than there are, on a shared cluster."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    values: NDArray[np.float64],
    target: NDArray[np.float64],
    names: list[str],
    config: dict[str, Any],
    guesses: list[str],
    emit: Callable[..., None],
) -> int:
    """Search with every seed in turn; SIGINT and the time limit end it, with what was found."""
    known = [Expression.parse(guess, names) for guess in guesses]
    stop = threading.Event()
    if config["time_limit"] is not None:
        limit = threading.Timer(60 * config["time_limit"], stop.set)
        limit.daemon = True
        limit.start()
    for number in {signal.SIGINT, getattr(signal, "SIGBREAK", signal.SIGINT)}:
        signal.signal(number, lambda *_: stop.set())

    def searches() -> None:
        for restart in range(config["restarts"]):
            # every other search starts from chance alone: what is known can lead astray
            start = known if restart % 2 == 0 else []
            exact = _search(values, target, names, config, start, restart, emit, stop)
            if exact or stop.is_set():
                break

    # Python handles signals in the main thread only, which must therefore not be inside Operon
    with ThreadPoolExecutor(1) as pool:
        search = pool.submit(searches)
        while not wait([search], timeout=0.1).done:
            pass
    search.result()
    emit("done", interrupted=stop.is_set())
    return 0


def _search(
    values: NDArray[np.float64],
    target: NDArray[np.float64],
    names: list[str],
    config: dict[str, Any],
    guesses: list[Expression],
    restart: int,
    emit: Callable[..., None],
    stop: threading.Event,
) -> bool:
    """Search once; true if an equation is as exact as single precision allows."""
    data = np.asfortranarray(np.column_stack([values, target]))
    dataset = op.Dataset(data)
    columns = sorted(dataset.Variables, key=lambda column: column.Index)
    inputs = [column.Hash for column in columns[:-1]]
    by_hash = dict(zip(inputs, names, strict=True))
    cells = op.Range(0, dataset.Rows)
    problem = op.Problem(dataset)
    problem.TrainingRange = cells
    problem.TestRange = op.Range(dataset.Rows - 1, dataset.Rows)
    problem.Target = columns[-1]
    problem.InputHashes = inputs
    chosen = int(op.NodeType.Constant) | int(op.NodeType.Variable)
    for name in config["operators"]:
        chosen |= int(OPERATORS[name])
    problem.ConfigurePrimitiveSet(chosen)
    primitives = problem.PrimitiveSet

    length = config["max_size"]
    creator = op.BalancedTreeCreator(primitives, inputs, 0.0)
    initializer = op.UniformLengthTreeInitializer(creator)
    initializer.ParameterizeDistribution(
        primitives.FunctionArityLimits()[0] + 1, max(3, min(10, length))
    )
    initializer.MinDepth = 1
    initializer.MaxDepth = 1000
    coefficients = op.NormalCoefficientInitializer()
    coefficients.ParameterizeDistribution(0, 1)

    one, several = op.NormalOnePointMutation(), op.NormalMultiPointMutation()
    one.ParameterizeDistribution(0, 1)
    several.ParameterizeDistribution(0, 1)
    mutations = [
        one,
        several,
        op.ChangeVariableMutation(inputs),
        op.ChangeFunctionMutation(primitives),
        op.ReplaceSubtreeMutation(creator, coefficients, MAX_DEPTH, length),
        op.InsertSubtreeMutation(creator, coefficients, MAX_DEPTH, length),
        op.RemoveSubtreeMutation(primitives),
    ]
    mutation = op.MultiMutation()
    for part in mutations:
        mutation.Add(part, 1.0)
    crossover = op.SubtreeCrossover(0.9, MAX_DEPTH, length)

    table = op.DispatchTable()
    metric = op.R2()
    fit = op.Evaluator(problem, table, metric, True)
    size = op.LengthEvaluator(problem)
    evaluator = op.MultiEvaluator(problem)
    budget = 2**62  # generations end a search, never evaluations or seconds: reproducible
    for part in (fit, size):
        part.Budget = budget
        evaluator.Add(part)
    evaluator.Budget = budget
    least_squares = op.LMOptimizer(table, problem, 3, 0)
    optimizer = op.CoefficientOptimizer(least_squares)
    comparison = op.CrowdedComparison()
    female, male = op.TournamentSelector(comparison), op.TournamentSelector(comparison)
    female.TournamentSize = male.TournamentSize = 5
    generator = op.BasicOffspringGenerator(evaluator, crossover, mutation, female, male, optimizer)
    reinserter = op.KeepBestReinserter(comparison)
    sorter = op.RankSorter()
    settings = op.GeneticAlgorithmConfig(
        generations=config["generations"],
        max_evaluations=budget,
        local_iterations=3,
        population_size=config["population"],
        pool_size=config["population"],
        p_crossover=1.0,
        p_mutation=0.25,
        p_local=1.0,
        p_lamarck=1.0,
        epsilon=1e-5,
        seed=config["seed"] + restart,
    )
    algorithm = op.NSGA2Algorithm(
        settings, problem, initializer, coefficients, generator, reinserter, sorter
    )
    total = float(np.var(target)) or 1.0

    def members() -> list[tuple[str, float, int]]:
        front = []
        for individual in algorithm.BestFront:
            tree = individual.Genotype
            found = op.Evaluate(table, tree, dataset, cells).reshape(-1).astype(np.float64)
            slope, offset, error = _scaled(found, target)
            if error <= 1.01 * total:  # not where it is NaN
                text = f"{slope!r} * {infix(tree, by_hash)} + {offset!r}"
                front.append((text, error, tree.Length))
        return front

    best = area = np.inf
    improved = 0
    failures: list[BaseException] = []

    def each_generation() -> None:
        try:
            look()
        except _StopError:
            raise
        except BaseException as error:  # Operon takes any exception for a wish to stop
            failures.append(error)
            raise

    def look() -> None:
        nonlocal best, area, improved
        generation, front = algorithm.Generation, members()
        shown = [(text, error) for text, error, _ in front]
        emit("front", restart=restart, generation=generation, members=shown)
        best = min((error for _, error in shown), default=np.inf)
        # over all lengths, the error of the best that is no longer: falls with any improvement
        steps = np.full(length + 1, total)
        for _, error, size in front:
            steps[min(size, length)] = min(steps[min(size, length)], error)
        now = np.minimum.accumulate(steps).sum()
        if now < 0.999 * area:
            area, improved = now, generation
        if stop.is_set() or best <= EXACT * total or generation - improved >= PATIENCE:
            raise _StopError

    def plant(trees: list[Any]) -> None:
        """Put trees in the places of random ones in the first population."""
        people = list(algorithm.Individuals)
        for place, one in enumerate(trees):
            found = op.Evaluate(table, one, dataset, cells).reshape(-1).astype(np.float64)
            error = _scaled(found, target)[2]
            individual = op.Individual(2)
            individual.Genotype = one
            individual.SetFitness(error / total - 1 if np.isfinite(error) else 0.0, 0)
            individual.SetFitness(float(one.Length), 1)
            people[place] = individual
        algorithm.RestoreIndividuals(op.IndividualCollection(people))

    random = op.RandomGenerator(np.uint64(settings.Seed))
    threads = config["threads"] or _cores()
    hashes = {name: number for number, name in by_hash.items()}
    seeds = _seeds(guesses, hashes, config)
    if seeds:
        # only a run that ended by itself can be gone on with: this one ends at once
        evaluator.Budget = 0
        algorithm.Run(random, None, threads, False)
        evaluator.Budget = budget
        plant(seeds)
    algorithm.Run(random, each_generation, threads, bool(seeds))
    if failures:
        raise failures[0]
    return bool(best <= EXACT * total)


def _seeds(guesses: list[Expression], hashes: dict[str, int], config: dict[str, Any]) -> list[Any]:
    """Trees of what is known, and of its terms, which are good parts for something else."""
    parts = dict.fromkeys(guesses)
    for guess in guesses:
        for term in guess.terms:
            while term.op == "mul" and term.args[0].value is not None:
                term = term.args[1]
            parts[term] = None
    trees = [tree(part, hashes, config["operators"]) for part in parts if part.variables]
    fitting = [one for one in trees if one is not None and one.Length <= config["max_size"]]
    return fitting[: int(SEEDED * config["population"])]


def _scaled(found: NDArray[np.float64], target: NDArray[np.float64]) -> tuple[float, float, float]:
    """Find slope, offset and squared error of the best line; Operon's R² leaves them out."""
    with np.errstate(all="ignore"):
        spread = found.var()
        slope = ((found - found.mean()) * target).mean() / spread if spread > 0 else 0.0
        offset = target.mean() - slope * found.mean()
        error = ((slope * found + offset - target) ** 2).mean()
    return float(slope), float(offset), float(error)
