"""Asking a layer from outside: in a child process of Python, or through any program's standard input and output.

Whatever a layer does to its process (it ends, hangs, crashes, closes its output), the kit survives, and the case that
was asked fails. A new process is started for the next one.
"""

import contextlib
import json
import multiprocessing
import os
import queue
import shlex
import signal
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from .cases import Case, dense
from .probe import find_another_map
from .runner import (
    FAILS,
    NOT_COVERED,
    PASSES,
    Result,
    describe_error,
    find_in_current_folder,
    judge,
    load_adapter,
    run_case,
    settle_refusals,
)

START_LIMIT = 300.0  # seconds for a process to import its layer
MOST_ENDS = 3  # of processes in one operation; its other cases are then not tried


class Asked(Protocol):
    """A process of some kind that answers cases."""

    def ask(self, case: Case) -> Result:
        """Answer one case."""

    def stop(self) -> None:
        """End the process."""


def check_outside(asked: Asked, cases: list[Case], progress: Callable[[Result], None] = lambda r: None) -> list[Result]:
    """Run cases; `asked` answers them."""
    results = []
    ends = Counter[str]()
    try:
        for case in cases:
            if ends[case.operation] >= MOST_ENDS:
                result = Result(
                    case,
                    FAILS,
                    f"not tried: {MOST_ENDS} cases of this operation ended the process",
                    compared=False,
                    error="the process ended",
                )
            else:
                result = asked.ask(case)
                ends[case.operation] += result.error.startswith("the process")
            results.append(result)
            progress(result)
    finally:
        asked.stop()
    return settle_refusals(results)


def lost(case: Case, why: str) -> Result:
    """Make the result of a case that a process did not survive."""
    return Result(case, FAILS, why, compared=False, error=f"the process: {why}")


def how_it_ended(code: int | None) -> str:
    """Say how a process ended."""
    if code is None:
        return "its process no longer answers"
    if code < 0:
        name = signal.Signals(-code).name if -code in {s.value for s in signal.Signals} else f"signal {-code}"
        return f"its process was ended by {name}"
    return f"its process ended with exit code {code} before it answered"


# ---- a child process of Python


def serve(implementation: str, connection: Any) -> None:
    """Answer cases in a child process, until there is no more to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    find_in_current_folder()
    with contextlib.suppress(OSError):
        os.dup2(2, 1)  # what an adapter prints must not mix with the report
    try:
        adapter = load_adapter(implementation)
    except ValueError as error:
        connection.send(str(error))
        return
    except BaseException as error:  # a module may raise anything; a KeyboardInterrupt here is its own
        connection.send(f"cannot import {implementation!r} ({describe_error(error)})")
        return
    connection.send(None)
    while (case := connection.recv()) is not None:
        if case == "another map":
            connection.send(find_another_map(adapter))
            continue
        connection.send(run_case(adapter, case))


class Child:
    """An adapter in a child process. ValueError if it cannot be loaded."""

    def __init__(self, implementation: str, time_limit: float = 120.0) -> None:
        self.implementation = implementation
        self.time_limit = time_limit
        self.process: Any = None
        self.start()

    def start(self) -> None:
        """Start a process and wait until it has loaded the adapter."""
        context = multiprocessing.get_context("spawn")  # a fork would share threads of numba, JAX or PyTorch
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(self.implementation, theirs))
        self.process.start()
        theirs.close()
        try:
            problem = self.receive(START_LIMIT)
        except TimeoutError:  # first, as it is an OSError too
            problem = f"cannot import {self.implementation!r}: the import took more than {START_LIMIT:.0f} s"
        except (EOFError, OSError):
            self.process.join(5)
            problem = f"cannot import {self.implementation!r}: {how_it_ended(self.process.exitcode)}"
        if problem:
            self.stop()
            raise ValueError(problem)

    def receive(self, limit: float) -> Any:
        """Wait for an answer."""
        if not self.connection.poll(limit):
            raise TimeoutError
        return self.connection.recv()

    def exchange(self, message: Any) -> Any:
        """Send a message and wait for the answer."""
        if self.process is None:
            self.start()
        self.connection.send(message)
        return self.receive(self.time_limit)

    def ask(self, case: Case) -> Result:
        """Answer one case; what the process does not survive is a failure of that case."""
        try:
            return self.exchange(case)
        except TimeoutError:
            self.stop()
            return lost(case, f"no answer within {self.time_limit:g} s")
        except (EOFError, OSError):
            self.process.join(5)
            code = self.process.exitcode
            self.stop()
            return lost(case, how_it_ended(code))

    def find_another_map(self) -> str:
        """Probe the layer; see `probe.find_another_map`."""
        try:
            return self.exchange("another map")
        except (TimeoutError, EOFError, OSError):
            self.stop()
            return ""

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.connection.close()
        self.process = None


# ---- a program in any language


class Command:
    """A program that answers cases, a line of JSON each, on its standard output; see SPEC.md, section 11."""

    def __init__(self, command: str, time_limit: float = 120.0) -> None:
        try:
            self.command = shlex.split(command)
        except ValueError as error:  # a quotation that is not closed
            raise ValueError(f"the command {command!r} cannot be read: {error}") from error
        self.time_limit = time_limit
        self.process: subprocess.Popen | None = None
        self.start()

    def start(self) -> None:
        """Start the program. ValueError if there is none."""
        self.errors = tempfile.TemporaryFile("w+")
        try:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise ValueError(f"cannot start {shlex.join(self.command)!r}: {error.strerror or error}") from error
        self.lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=read_lines, args=(self.process.stdout, self.lines), daemon=True).start()

    def ask(self, case: Case) -> Result:
        """Answer one case."""
        if self.process is None:
            self.start()
        assert self.process is not None and self.process.stdin is not None
        request = {"id": case.id, "operation": case.operation, "dtype": case.dtype, "input": expand(case.inputs)}
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.lines.get(timeout=self.time_limit)
        except queue.Empty:
            self.stop()
            return lost(case, f"no answer within {self.time_limit:g} s")
        except OSError:
            line = None
        if line is None:
            return self.lost_program(case)
        return judge_line(case, line)

    def lost_program(self, case: Case) -> Result:
        """Say how the program ended, with the last line that it wrote to its standard error."""
        assert self.process is not None
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            code = None
        self.errors.seek(0)
        last = self.errors.read().strip().splitlines()[-1:]
        self.stop()
        return lost(case, how_it_ended(code) + "".join(f": {line[:200]}" for line in last))

    def find_another_map(self) -> str:
        """A program is not probed."""
        return ""

    def stop(self) -> None:
        """End the program."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.errors.close()
        self.process = None


def read_lines(stream: Any, lines: "queue.Queue[str | None]") -> None:
    """Put the lines of a stream into a queue, and None at its end."""
    for line in stream:
        lines.put(line)
    lines.put(None)


def expand(x: Any) -> Any:
    """Write out the arrays that are given by formulas, so that a program need not know the formula."""
    if isinstance(x, dict) and "formula" in x:
        return dense(x, "float64").tolist()
    if isinstance(x, dict):
        return {name: expand(value) for name, value in x.items()}
    return [expand(value) for value in x] if isinstance(x, list) else x


def judge_line(case: Case, line: str) -> Result:
    """Judge a line of JSON that a program answered."""
    try:
        answer = json.loads(line)
        kind = next(key for key in ("output", "error", "not_covered") if key in answer)
    except (ValueError, TypeError, StopIteration):
        text = line.strip()[:100]
        return Result(
            case,
            FAILS,
            f'expected {{"output": ...}}, {{"error": ...}} or {{"not_covered": ...}}, got {text!r}',
            compared=False,
            error="an answer that does not follow the protocol",
        )
    if kind == "not_covered":
        return Result(case, NOT_COVERED, str(answer[kind])[:200])
    if kind == "error":
        text = f"refused: {str(answer[kind])[:200]}"
        return Result(case, FAILS, text, compared=False, error=text) if case.valid else Result(case, PASSES)
    if not case.valid:
        return Result(case, FAILS, f"accepted, expected an error; gave {str(answer[kind])[:80]}", set(case.flags))
    try:
        return judge(case, {name: as_array(name, x, case) for name, x in answer[kind].items()})
    except Exception as error:  # a missing output, an array of unequal rows
        missing = [name for name in case.expected if name not in answer[kind]] if isinstance(answer[kind], dict) else []
        why = f"it lacks {', '.join(missing)}" if missing else f"{type(error).__name__}: {error}"
        return Result(case, FAILS, f"gave an answer that cannot be read: {why}", compared=False, error=why)


def as_array(name: str, x: Any, case: Case) -> Any:
    """Make an array of an output: nested lists, {"shape", "data"} or {"shape", "at", "rest"}; null stays None.

    JSON knows no dtypes, so an array gets that of its case. An empty batch may be written as [], without its width.
    """
    dtype = "float64" if case.dtype == "int" else case.dtype
    if isinstance(x, dict) and "data" in x:
        return np.array(x["data"], np.float64).reshape(x["shape"]).astype(dtype)
    if isinstance(x, dict):
        return dense(x, "float64").astype(dtype)
    width = {"z": "n_out", "da": "n_in"}.get(name)
    if x == [] and width and "layer" in case.inputs:
        return np.zeros((0, case.inputs["layer"][width]), case.dtype)
    if case.dtype == "int" or not isinstance(x, list):
        return x
    return np.array(x, np.float64).astype(case.dtype)  # null within an array is NaN
