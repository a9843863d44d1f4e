"""The conformance runner: every golden vector against an adapter, and the name of the bug behind a failure.

A case holds, fails or isn't covered. A failure whose outputs are exactly the wrong answer of a known bug bears that
bug's name; the bug that explains most failures is the likely one.
"""

import importlib
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .adapter import Adapter, NotCovered
from .cases import Case, all_cases
from .operations import OPERATIONS, by_name, missing_methods, run, variables

HOLDS, FAILS, NOT_COVERED = "holds", "fails", "not covered"
NO_REFUSAL = (NameError, AttributeError, ImportError, SyntaxError, MemoryError)  # mistakes of the adapter's own code


@dataclass
class Result:
    """What came out of one case.

    difference: where and how it differs. bugs: whose wrong answer it is, exactly. compared: there was an answer to look
    at; a crash says nothing about the map.
    """

    case: Case
    status: str
    difference: str = ""
    bugs: set[str] = field(default_factory=set)
    compared: bool = True


def load_adapter(implementation: str) -> type[Adapter]:
    """Import "module:Class"; a ValueError says why it is no adapter."""
    module_name, _, class_name = implementation.partition(":")
    if not module_name or not class_name:
        raise ValueError(f"give the adapter as module:Class, got {implementation!r}")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever a foreign module does (test_a_module_that_cannot_be_imported)
        not_there = isinstance(error, ModuleNotFoundError) and error.name == module_name.partition(".")[0]
        mend = "; are you in its folder?" if not_there else ""
        raise ValueError(f"cannot import {module_name!r} ({say(error)}){mend}") from error
    adapter = getattr(module, class_name, None)
    if adapter is None:
        raise ValueError(f"module {module_name!r} has no {class_name!r}")
    if not (isinstance(adapter, type) and issubclass(adapter, Adapter)):
        raise ValueError(f"{implementation} is no adapter; write a subclass of hashnets_np.conformance.Adapter for it")
    if all(missing_methods(adapter, operation) for operation in OPERATIONS):
        raise ValueError(f"{implementation} implements no method of Adapter that the kit could check")
    return adapter


def check(
    adapter: type[Adapter], topics: Iterable[str] | None = None, progress: Callable[[Result], None] = lambda r: None
) -> list[Result]:
    """Run all cases, or those of some topics. progress: called with every Result. ValueError for an unknown topic."""
    cases = all_cases()
    known = list(dict.fromkeys(case.topic for case in cases))
    wanted = known if topics is None else list(topics)
    if unknown := set(wanted) - set(known):
        raise ValueError(f"unknown topic {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    results = []
    for case in cases:
        if case.topic in wanted:
            results.append(run_case(adapter, case))
            progress(results[-1])
    return results


def run_case(adapter: type[Adapter], case: Case) -> Result:
    """Run one case."""
    if missing := missing_methods(adapter, case.operation):
        return Result(case, NOT_COVERED, f"no {', '.join(missing)}")
    values = variables(case)
    before = [x.copy() for x in arrays_in(values)]
    try:
        with np.errstate(all="ignore"):
            found = run(adapter, case, values)
    except NotCovered as error:
        return Result(case, NOT_COVERED, words(error) or "NotCovered")
    except SystemExit as error:  # no way to refuse an input (test_an_adapter_that_exits_fails)
        return Result(case, FAILS, f"raised {say(error)}", compared=False)
    except Exception as error:
        return judge_error(case, error)
    if not case.valid:
        return Result(case, FAILS, f"accepted, expected an error; gave {shown(found)}", set(case.flags))
    if not all(np.array_equal(x, y) for x, y in zip(before, arrays_in(values), strict=True)):
        return Result(case, FAILS, "the adapter wrote into an array that it was given", {"InputOverwritten"})
    try:
        return judge(case, by_name(case, found))
    except Exception as error:  # such as a tensor without .detach() (test_an_answer_that_cannot_be_read)
        return Result(case, FAILS, f"gave an answer that cannot be read: {say(error)}", compared=False)


def words(error: BaseException) -> str:
    """Write the message of an error in one line, if it has one that can be written."""
    try:
        return " ".join(str(error).split())[:200]
    except Exception as second:
        return f"(its message cannot be written: {type(second).__name__})"


def say(error: BaseException) -> str:
    """Write an error in one line."""
    return f"{type(error).__name__}: {words(error)}"


def shown(found: Any) -> str:
    """Show the beginning of an answer, if it can be shown (test_an_answer_that_cannot_be_read)."""
    try:
        return " ".join(str(found).split())[:80]
    except Exception as error:
        return f"what cannot be shown: {say(error)}"


def arrays_in(value: Any) -> list[np.ndarray]:
    """Find all arrays in nested lists and dicts."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [x for part in value for x in arrays_in(part)] if isinstance(value, (list, tuple)) else []


def judge_error(case: Case, error: Exception) -> Result:
    """An error refuses an invalid case, unless it is a slip in the adapter; elsewhere it is a failure."""
    if not case.valid and not isinstance(error, NO_REFUSAL):
        return Result(case, HOLDS)
    mend = "; for what your layer doesn't do raise NotCovered" if isinstance(error, NotImplementedError) else ""
    return Result(case, FAILS, f"raised {say(error)}{mend}", compared=False)


def judge(case: Case, found: dict[str, Any]) -> Result:
    """Compare outputs with the expected ones, and with the wrong ones if they differ."""
    if case.operation == "stored_bytes":
        return judge_size(case, int(found["bytes"]))
    difference = next(filter(None, (differs(name, x, found[name], case) for name, x in case.expected.items())), "")
    if not difference:
        return Result(case, HOLDS)
    return Result(case, FAILS, difference, {wrong["flag"] for wrong in case.wrong if is_exactly(wrong, found, case)})


def is_exactly(wrong: dict[str, Any], found: dict[str, Any], case: Case) -> bool:
    """Say whether the outputs are the wrong answer of a known bug."""
    return all(name == "flag" or not differs(name, x, found[name], case) for name, x in wrong.items())


def judge_size(case: Case, size: int) -> Result:
    """A saved layer holds its real weights and little else."""
    low, high = case.expected["min_bytes"], case.expected["max_bytes"]
    if low <= size <= high:
        return Result(case, HOLDS)
    bugs = {"CheckpointHoldsMap"} if size > high else set()
    return Result(case, FAILS, f"{size} bytes, expected {low} to {high}", bugs)


def differs(name: str, expected: Any, found: Any, case: Case) -> str:
    """Say where an output first differs from what was expected, or nothing."""
    if expected is None:
        return "" if found is None or np.size(found) == 0 else f"{name}: expected none, found {str(found)[:60]}"
    if found is None:
        return f"{name}: expected an array, found None"
    found = np.asarray(found)
    if expected == "not finite":
        return "" if not np.isfinite(found).all() else f"{name} is finite"
    if isinstance(expected, dict):
        return sparse_differs(name, expected, found, case.tolerance)
    exact = object if case.dtype == "int" else np.float64
    wanted = np.array(expected, exact)
    if wanted.size == 0 and found.size == 0:
        return ""
    if found.shape != wanted.shape:
        return f"{name}: expected shape {wanted.shape}, found {found.shape}"
    if found.size and found.dtype.kind not in "iufbO":
        return f"{name}: expected numbers, found {found.dtype}"
    if case.dtype == "int":
        far = found.astype(object) != wanted
    else:
        found = found.astype(np.float64)
        far = ~(np.abs(found - wanted) <= case.tolerance * np.abs(wanted).max(initial=0))
    return describe(name, wanted, found, far)


def describe(name: str, wanted: np.ndarray, found: np.ndarray, far: np.ndarray) -> str:
    """Say where the first of the differences is, and how many there are."""
    if not far.any():
        return ""
    index = tuple(int(x) for x in np.argwhere(far)[0])
    place = f"{name}[{', '.join(map(str, index))}]" if index else name
    more = f" (and {far.sum() - 1} more of {far.size} differ)" if far.sum() > 1 else ""
    return f"{place}: expected {wanted[index]}, found {found[index]}{more}"


def sparse_differs(name: str, expected: dict[str, Any], found: np.ndarray, tolerance: float) -> str:
    """Compare with an array that is given by few entries."""
    if list(found.shape) != expected["shape"]:
        return f"{name}: expected shape {tuple(expected['shape'])}, found {found.shape}"
    bound = tolerance * max((abs(value) for *_, value in expected["at"]), default=0)
    for *index, value in expected["at"]:
        if not abs(float(found[tuple(index)]) - value) <= bound:
            return f"{name}[{', '.join(map(str, index))}]: expected {value}, found {found[tuple(index)]}"
    if expected["rest"] != "any":
        rest = np.ones(found.shape, bool)
        rest[tuple(np.array([index for *index, _ in expected["at"]]).T)] = False
        wrong = np.argwhere(rest & (found != expected["rest"]))
        if len(wrong):
            index = tuple(wrong[0].tolist())
            return f"{name}[{', '.join(map(str, index))}]: expected {expected['rest']}, found {found[index]}"
    return ""


def likely_bugs(results: list[Result]) -> list[tuple[str, int]]:
    """Name the bugs behind the failures, most telling first, each with the number of failures that are exactly it.

    The bug that explains most failures comes first; of equals, the one that would have shown in fewest of the cases
    that hold. What it explains is set aside, and the next is looked for among the rest.
    """
    open_, out = [r for r in results if r.status == FAILS], []
    held = Counter(flag for r in results if r.status == HOLDS for flag in {w["flag"] for w in r.case.wrong})
    while votes := Counter(flag for r in open_ for flag in r.bugs):
        best = max(votes, key=lambda flag: (votes[flag], -held[flag], flag))
        out.append((best, votes[best]))
        open_ = [r for r in open_ if best not in r.bugs]
    return out


def made_to_catch(results: list[Result]) -> list[str]:
    """List what the failing cases were made to catch, for wrong answers that are no known bug's."""
    votes = Counter(flag for r in results if r.status == FAILS and r.compared and not r.bugs for flag in r.case.flags)
    return [flag for flag, _ in votes.most_common(5)]


def passed(results: list[Result]) -> bool:
    """Say whether something was covered, a valid case among it, and all that was covered holds."""
    return not any(r.status == FAILS for r in results) and any(r.status == HOLDS and r.case.valid for r in results)


def find_in_current_folder() -> None:
    """Let modules in the current folder be imported, as `python -m` does for its own."""
    if "" not in sys.path:
        sys.path.insert(0, "")
