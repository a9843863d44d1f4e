"""Asking a layer from outside: in a child process of Python, or, with `program`, as a program in any language.

Whatever a layer does to its process (it ends, hangs, crashes, closes its output), the kit survives, and the case that
was asked fails. A new process is started for the next one. After three such cases of one operation, its other cases
fail without being tried.
"""

import contextlib
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from .adapter import Adapter
from .another_map import find_another_map
from .cases import Case
from .findings import Finding
from .judging import OWN_FAULTS, settle_refusals
from .loading import find_in_current_folder, load_adapter, load_class
from .probe import probe_layer
from .results import FAILS, Result
from .runner import run_case
from .wording import describe_error, shown

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
                result = lost(case, f"not tried: {MOST_ENDS} cases of this operation cost the process")
            else:
                result = asked.ask(case)
                ends[case.operation] += is_lost(result)
            results.append(result)
            progress(result)
    finally:
        asked.stop()
    return settle_refusals(results)


def lost(case: Case, why: str) -> Result:
    """Make the result of a case that a process did not survive."""
    return Result(case, FAILS, why, compared=False, error=f"the process: {why}")


def is_lost(result: Result) -> bool:
    """Whether a case cost the process."""
    return result.error.startswith("the process")


def how_it_ended(code: int | None) -> str:
    """Say how a process ended."""
    if code is None:
        return "its process no longer answers"
    if code < 0:
        name = signal.Signals(-code).name if -code in {s.value for s in signal.Signals} else f"signal {-code}"
        return f"its process was ended by {name}"
    return f"its process ended with exit code {code} before it answered"


# ---- a child process of Python


def load_in_child(load: Callable[[str], Any], implementation: str, connection: Any) -> Any:
    """Import a layer in a child process, and tell the parent None, or why it cannot be imported."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    find_in_current_folder()
    with contextlib.suppress(OSError):
        os.dup2(2, 1)  # what an adapter prints must not mix with the report
    found = None
    problem = None
    try:
        found = load(implementation)
    except ValueError as error:
        problem = str(error)
    except BaseException as error:  # a module may raise anything; a KeyboardInterrupt here is its own
        problem = f"cannot import {implementation!r} ({describe_error(error)})"
    connection.send(problem)
    return found


def serve(implementation: str, connection: Any) -> None:
    """Answer cases in a child process, until there is no more to answer."""
    adapter = load_in_child(load_adapter, implementation, connection)
    if adapter is None:
        return
    while (case := connection.recv()) is not None:
        if case == "another map":
            connection.send(find_another_map(adapter))
            continue
        connection.send(run_case(adapter, case))


def load_layer(implementation: str) -> Any:
    """Import a layer to be probed; of an adapter, its class attributes are checked too."""
    found = load_class(implementation)
    if not callable(getattr(found, "make", found)):
        raise ValueError(f"{implementation} is {shown(found)}; give a class, or a function (n_in, n_out, K) that makes "
                         "a layer")
    return load_adapter(implementation) if isinstance(found, type) and issubclass(found, Adapter) else found


def serve_findings(implementation: str, connection: Any) -> None:
    """Probe a layer in a child process; each finding is sent as it is made, and None at the end."""
    layer = load_in_child(load_layer, implementation, connection)
    if layer is not None:
        probe_layer(layer, tell=connection.send)
        connection.send(None)


def probe_outside(implementation: str, time_limit: float = 120.0) -> list[Finding]:
    """Probe a layer in a child process; what ends that process is the last finding."""
    child = Child(implementation, time_limit, serve_findings)
    findings: list[Finding] = []
    try:
        while (finding := child.receive(time_limit)) is not None:
            findings.append(finding)
    except TimeoutError:
        findings.append(Finding(False, f"the layer gave no answer within {time_limit:g} s"))
    except (EOFError, OSError):
        child.process.join(5)
        findings.append(Finding(False, f"the layer did not survive: {how_it_ended(child.process.exitcode)}"))
    finally:
        child.stop()
    return findings


class Child:
    """An adapter in a child process. ValueError if it cannot be loaded."""

    def __init__(
        self, implementation: str, time_limit: float = 120.0, target: Callable[[str, Any], None] = serve
    ) -> None:
        self.implementation = implementation
        self.target = target
        self.time_limit = time_limit
        self.process: Any = None
        self.start()

    def start(self) -> None:
        """Start a process and wait until it has loaded the adapter."""
        context = multiprocessing.get_context("spawn")  # a fork would share threads of numba, JAX or PyTorch
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=self.target, args=(self.implementation, theirs))
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
            result = self.exchange(case)
        except TimeoutError:
            self.stop()
            return lost(case, f"no answer within {self.time_limit:g} s")
        except (EOFError, OSError):
            self.process.join(5)
            code = self.process.exitcode
            self.stop()
            return lost(case, how_it_ended(code))
        if any(fault in result.error for fault in OWN_FAULTS):
            self.stop()  # every later call of CUDA in this process would raise the same
        return result

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
