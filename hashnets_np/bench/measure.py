"""Let the contenders take turns, each in a process of its own, and collect the answers.

A shared machine is noisy, so only times of one round are compared: every contender is timed in every round, one after
the other, and what counts is the median over the rounds of the ratio within a round.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

from .contenders import Cell

PAUSE = 0.05  # seconds before a turn, in which the idle threads of the previous contender go to sleep
THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class Process:
    """A contender's process, to which requests are sent."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads))
        command = [sys.executable, "-m", "hashnets_np.bench.worker", name]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def ask(self, do: str, **request: Any) -> Any:
        """Send a request and wait for the answer."""
        assert self.process.stdin and self.process.stdout and self.process.stderr
        try:
            self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline()
        if not line:
            complaint = (self.process.stderr.read().strip().splitlines() or ["no reason given; out of memory?"])[-1]
            raise OSError(f"the process of {self.name!r} ended: {complaint}")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def processes(names: Iterable[str], threads: int) -> Iterator[dict[str, Process]]:
    """Start the processes of some contenders; end them afterwards."""
    started: dict[str, Process] = {}
    try:
        for name in names:
            started[name] = Process(name, threads)
        yield started
    finally:
        for process in started.values():
            process.close()


def time_cell(
    running: dict[str, Process], cell: Cell, rounds: int, seconds: float, what: str
) -> dict[str, list[float]]:
    """Time one cell: contender -> the median seconds of a call in each round."""
    for process in running.values():
        process.ask("prepare", cell=cell)
    times: dict[str, list[float]] = {name: [] for name in running}
    for _ in range(rounds):
        for name, process in running.items():
            time.sleep(PAUSE)
            times[name].append(median(process.ask("time", what=what, seconds=seconds)))
    return times


def summary(times: list[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, _, high = quantiles(times, n=4) if len(times) > 1 else times * 3
    return {"median": median(times), "low": low, "high": high, "min": min(times)}


def compare(times: dict[str, list[float]], base: str) -> dict[str, dict[str, float]]:
    """Ratio of each contender's time to the base's, round by round."""
    return {
        name: summary([t / b for t, b in zip(own, times[base], strict=True)])
        for name, own in times.items() if name != base
    }  # fmt: skip


def ask_once(name: str, threads: int, do: str, cell: Cell) -> Any:
    """Ask a fresh process one thing."""
    with processes([name], threads) as running:
        return running[name].ask(do, cell=cell)


def installed(name: str) -> bool:
    """Say whether torch is there."""
    import importlib.util

    return importlib.util.find_spec(name) is not None


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def total_memory() -> int | None:
    """Return the memory of the machine in bytes, where the system says."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None
