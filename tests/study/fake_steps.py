"""Steps that finish, wait, crash or fill the disk as told; as a script, their command line."""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Literal

from napari_parsimony.artefact import read_json, write_json
from napari_parsimony.cli import main
from napari_parsimony.config import Config
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress
from napari_parsimony.study.step import Step


class NumbersConfig(Config):
    source: Path | None = None
    several: tuple[Path, ...] = ()
    count: int = 3
    comment: str = ""
    fold: int = 0
    seed: int = 7


class SumConfig(Config):
    behaviour: Literal[
        "finish", "wait", "ignore", "fill", "kill", "segfault", "bug", "memory", "refuse", "print"
    ] = "finish"
    factor: float = 1.0
    missing: Path | None = None


class PlotConfig(Config):
    title: str = "sum"


def numbers(study, config, out, checkpoints, report):
    extra = len(config.source.read_text()) if config.source else 0
    write_json(out / "numbers.json", [*range(config.count), extra])
    report(Progress(config.count, config.count, "counted"))


def total(study, config, out, checkpoints, report):
    part = checkpoints / "part"
    resumed = part.exists()
    checkpoints.mkdir(parents=True, exist_ok=True)
    part.write_text("half")
    (out / "half.txt").write_text("half")
    report(Progress(1, 2, "half done", {"loss": 0.5, "wrong": float("nan")}))
    BEHAVIOURS[config.behaviour]()
    if config.missing:
        config.missing.read_bytes()
    if config.behaviour == "fill":
        (out / "large.bin").write_bytes(bytes(4 << 20))
    value = sum(study.read("numbers", "numbers.json", read_json)) * config.factor
    write_json(out / "sum.json", {"value": value, "resumed": resumed})
    report(Progress(2, 2, "all done"))


def plot(study, config, out, checkpoints, report):
    (out / "plot.txt").write_text(config.title)


def wait():
    assert not threading.Event().wait(60), "nobody ended this process"
    raise TimeoutError("nobody ended this process")


def ignore():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print("deaf now", file=sys.stderr, flush=True)
    wait()


def fill():
    import resource

    # a write beyond this gives the same kind of error as a full disk, and needs no disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


def bug():
    raise ZeroDivisionError("one over none")


def refuse():
    raise UserError("The numbers are too odd: choose even ones.")


def memory():
    raise MemoryError


def noise():
    print('{"event": "progress"}', flush=True)
    print("5", flush=True)
    os.write(1, b"a library says \xff hello\n")


BEHAVIOURS = {
    "finish": lambda: None,
    "wait": wait,
    "ignore": ignore,
    "fill": fill,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "bug": bug,
    "memory": memory,
    "refuse": refuse,
    "print": noise,
}

NUMBERS = Step("numbers", "Numbers", "Count.", NumbersConfig, (), numbers)
SUM = Step("sum", "Sum", "Add up.", SumConfig, ("numbers",), total)
PLOT = Step("plot", "Plot", "Draw.", PlotConfig, ("sum", "numbers"), plot)
CHECK = Step("check", "Check", "Look.", PlotConfig, ("sum",), plot, optional=True)
PAGE = Step("page", "Page", "Write.", PlotConfig, ("sum",), plot, also_reads=("check",))
STEPS = {step.name: step for step in (NUMBERS, SUM, PLOT)}
MORE_STEPS = {step.name: step for step in (NUMBERS, SUM, CHECK, PAGE)}

if __name__ == "__main__":
    sys.exit(main(steps=STEPS))
