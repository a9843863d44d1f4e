"""Asking a program in any language: a line of JSON for each case, through its standard input and output.

The protocol is section 11 of SPEC.md. A program that breaks it (it ends, hangs, writes something else or more than it
was asked for) fails the case that it was given, and is started again for the next one, so that no answer is taken for
that to another case.
"""

import json
import queue
import shlex
import subprocess
import tempfile
import threading
from typing import Any

import numpy as np

from .adapter import Adapter
from .cases import Case, dense
from .compare import UNREADABLE, empty_shape
from .judging import judge
from .outside import MOST_ENDS, how_it_ended, is_lost, lost
from .results import FAILS, NOT_COVERED, PASSES, Result

FLUSH = "flush the output after each answer"


class Command:
    """A program that answers cases, a line of JSON each, on its standard output; see SPEC.md, section 11."""

    def __init__(
        self, command: str, time_limit: float = 120.0, gradients: tuple[str, ...] = Adapter.gradients
    ) -> None:
        try:
            self.command = shlex.split(command)
        except ValueError as error:  # a quotation that is not closed
            raise ValueError(f"the command {command!r} cannot be read: {error}") from error
        self.time_limit = time_limit
        self.gradients = gradients
        self.answered = False  # whether any line has come so far
        self.silent = 0  # how many cases got no answer in time
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
        if self.silent >= MOST_ENDS and not self.answered:
            return lost(case, f"not tried: none of the first {MOST_ENDS} cases was answered in time; {FLUSH}")
        if self.process is None:
            self.start()
        early = self.waiting_line()
        result = lost(case, early) if early else self.exchange(case)
        if is_lost(result):
            self.stop()  # a line that is still to come would be taken for the answer to the next case
        return result

    def waiting_line(self) -> str:
        """Say what the program has written without being asked, if anything."""
        if self.lines.empty():
            return ""
        line = self.lines.get()
        if line is None:  # it has ended, which `exchange` reports
            self.lines.put(None)
            return ""
        return f"the program wrote a line before it was asked: {line.strip()[:100]!r}; expected one line for each case"

    def exchange(self, case: Case) -> Result:
        """Send a case and judge the answer. The time limit covers both, as a program may not even read."""
        assert self.process is not None
        request = {"id": case.id, "operation": case.operation, "dtype": case.dtype, "input": expand(case.inputs)}
        text = json.dumps(request) + "\n"
        threading.Thread(target=send, args=(self.process.stdin, text, self.lines), daemon=True).start()
        try:
            line = self.lines.get(timeout=self.time_limit)
        except queue.Empty:
            self.silent += 1
            return lost(case, f"no answer within {self.time_limit:g} s" + f"; {FLUSH}" * (not self.answered))
        if line is None:
            return self.lost_program(case)
        self.answered = True
        return judge_line(case, line, self.gradients)

    def lost_program(self, case: Case) -> Result:
        """Say how the program ended, with the last line that it wrote to its standard error."""
        assert self.process is not None
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            code = None
        self.errors.seek(0)
        last = self.errors.read().strip().splitlines()[-1:]
        advice = "; answer until the input ends" if code == 0 else ""
        return lost(case, how_it_ended(code) + advice + "".join(f": {line[:200]}" for line in last))

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


def send(stream: Any, text: str, lines: "queue.Queue[str | None]") -> None:
    """Write a request; if the program has closed its input, there is no answer to come."""
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):  # ValueError: it was closed at this end
        lines.put(None)


def expand(x: Any) -> Any:
    """Write out the arrays that are given by formulas, so that a program need not know the formula."""
    if isinstance(x, dict) and "formula" in x:
        return dense(x, "float64").tolist()
    if isinstance(x, dict):
        return {name: expand(value) for name, value in x.items()}
    return [expand(value) for value in x] if isinstance(x, list) else x


def judge_line(case: Case, line: str, gradients: tuple[str, ...] = Adapter.gradients) -> Result:
    """Judge a line of JSON that a program answered."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        answer = None
    kinds = [kind for kind in ("output", "error", "not_covered") if isinstance(answer, dict) and kind in answer]
    if not kinds:
        expected = 'expected {"output": ...}, {"error": ...} or {"not_covered": ...}'
        return lost(case, f"{expected}, got {line.strip()[:100]!r}")
    kind = kinds[0]
    if kind == "not_covered":
        return Result(case, NOT_COVERED, " ".join(str(answer[kind]).split())[:200] or "no reason is given")
    if kind == "error":
        text = f"refused: {str(answer[kind])[:200]}"
        return Result(case, FAILS, text, compared=False, error=text) if case.valid else Result(case, PASSES)
    if not case.valid:
        return Result(case, FAILS, f"accepted, expected an error; gave {str(answer[kind])[:80]}", set(case.flags))
    try:
        found = judge(case, {name: as_array(name, x, case) for name, x in answer[kind].items()}, gradients)
    except Exception as error:  # a missing output, an array of unequal rows
        missing = [name for name in case.expected if name not in answer[kind]] if isinstance(answer[kind], dict) else []
        why = f"it lacks {', '.join(missing)}" if missing else f"{type(error).__name__}: {error}"
        return Result(case, FAILS, f"{UNREADABLE}: {why}", compared=False, error=why)
    if found.status == FAILS and any(answer[kind].get(name) is None and case.expected[name] for name in ("da", "dx")
                                     if name in case.expected):
        found.difference += "; for a layer without an input gradient, check with --gradients w,b"
    return found


def as_array(name: str, x: Any, case: Case) -> Any:
    """Make an array of an output: nested lists, {"shape", "data"} or {"shape", "at", "rest"}; null stays None.

    JSON knows no dtypes, so an array gets that of its case. An empty batch may be written as [], without its width.
    """
    dtype = "float64" if case.dtype == "int" else case.dtype
    if isinstance(x, dict) and "data" in x:
        return np.array(x["data"], np.float64).reshape(x["shape"]).astype(dtype)
    if isinstance(x, dict):
        return dense(x, "float64").astype(dtype)
    shape = empty_shape(name, case)
    if x == [] and shape is not None:
        return np.zeros(shape, case.dtype)
    if case.dtype == "int" or not isinstance(x, list):
        return x
    return np.array(x, np.float64).astype(case.dtype)  # null within an array is NaN
