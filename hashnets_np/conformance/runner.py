"""The conformance runner: every golden vector against an adapter, and the name of the bug behind a failure.

A case passes, fails or isn't covered. A failure whose outputs are exactly the wrong answer of a known bug gets that
bug's name; `diagnosis` finds the bug that explains many failures.
"""

import errno
import importlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .adapter import KINDS, NEWER_KINDS, Adapter, NotCovered
from .cases import Case, all_cases, make_spec
from .compare import differs, manner, wrong_dtype, wrong_width
from .operations import (
    LAYOUTS,
    MOST_ENTRIES,
    OPERATIONS,
    Overwritten,
    answer_of,
    by_name,
    methods_of,
    missing_methods,
    script_outputs,
    variables,
)

PASSES = "passes"
FAILS = "fails"
NOT_COVERED = "not covered"
NO_REFUSAL = (NameError, ImportError, SyntaxError, MemoryError)  # mistakes of the adapter's own code
MACHINE_ERRNO = {errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
MACHINE_WORDS = ("cuda", "cudnn", "out of memory", "no locator available", "unable to allocate",
                 "can't allocate memory", "resource_exhausted", "no space left",
                 "read-only file system", "hip error", "nvidia")
BIAS_MAPS = ("authors2015_bias", "pytorch2019_bias")  # kinds that an adapter may list, but need not
OWN_FAULTS = ("device-side assert triggered", "illegal memory access")  # of CUDA, from a wrong index in the layer


@dataclass
class Result:
    """What came out of one case.

    Attributes
    ----------
    case : Case
        The golden vector.
    status : {"passes", "fails", "not covered"}
        What came out.
    difference : str
        Where and how the answer differs from the right one, or why the case was not covered.
    bugs : set of str
        The known bugs that give exactly this answer.
    compared : bool
        Whether there was an answer to look at; a crash says nothing about the map.
    outputs : dict of str to str
        The outputs that are wrong, each with what is wrong about it, if that can be said.
    error : str
        What was raised.
    machine : bool
        Whether the fault is this machine's: memory, a folder, a GPU or an import.
    layout : str
        How the arrays lay in memory, if the answer is wrong only for arrays that aren't C-contiguous.

    Examples
    --------
    >>> from hashnets_np.conformance.numpy_layer import NumpyLayer
    >>> result = check(NumpyLayer, topics=["hash"])[0]
    >>> result.case.id, result.status
    ('hash-001', 'passes')
    """

    case: Case
    status: str
    difference: str = ""
    bugs: set[str] = field(default_factory=set)
    compared: bool = True
    outputs: dict[str, str] = field(default_factory=dict)
    error: str = ""
    machine: bool = False
    layout: str = ""


def load_adapter(implementation: str) -> type[Adapter]:
    """Import an adapter by the names of its module and class.

    Parameters
    ----------
    implementation : str
        "module:Class".

    Returns
    -------
    class
        A subclass of `Adapter`.

    Raises
    ------
    ValueError
        If it cannot be imported, is not an adapter, says of itself what cannot be, or has no method that the kit could
        check.

    Examples
    --------
    >>> load_adapter("hashnets_np.conformance.numpy_layer:NumpyLayer").__name__
    'NumpyLayer'
    """
    adapter = load_class(implementation)
    if not (isinstance(adapter, type) and issubclass(adapter, Adapter)):
        raise ValueError(
            f"{implementation} is not an adapter; write a subclass of hashnets_np.conformance.Adapter for it")
    if all(missing_methods(adapter, needs) for needs, *_ in OPERATIONS.values() if needs):
        raise ValueError(f"{implementation} implements no method of Adapter that the kit could check")
    check_claims(adapter)
    return adapter


def check_claims(adapter: type[Adapter]) -> None:
    """Check what the class attributes say of a layer; ValueError for what is not a tuple of known names."""
    known = {"dtypes": Adapter.dtypes, "kinds": KINDS + NEWER_KINDS, "biases": Adapter.biases,
             "gradients": Adapter.gradients}
    for attribute, names in known.items():
        given = getattr(adapter, attribute)
        if not isinstance(given, tuple | list | set | frozenset):
            raise ValueError(f"{adapter.__name__}.{attribute} must be a tuple, got {given!r}; with one entry it is "
                             f"({given!r},), with a comma")
        if unknown := [name for name in given if name not in names and name not in BIAS_MAPS]:
            raise ValueError(f"{adapter.__name__}.{attribute} has an unknown {unknown[0]!r}; known: "
                             f"{', '.join(map(repr, names))}")


def load_class(implementation: str) -> Any:
    """Import what "module:Class" names; a ValueError says why it cannot."""
    module_name, _, class_name = implementation.partition(":")
    if not module_name or not class_name:
        raise ValueError(f"give the adapter as module:Class, got {implementation!r}")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever a foreign module does (test_a_module_that_cannot_be_imported)
        not_there = isinstance(error, ModuleNotFoundError) and error.name == module_name.partition(".")[0]
        fix = "; are you in its folder?" if not_there else ""
        raise ValueError(f"cannot import {module_name!r} ({describe_error(error)}){fix}") from error
    found = getattr(module, class_name, None)
    if found is None:
        raise ValueError(f"module {module_name!r} has no {class_name!r}")
    return found


def select(topics: Iterable[str] | None = None, ids: Iterable[str] | None = None) -> list[Case]:
    """List the cases of some topics, or those of some ids; all, if neither is given. ValueError for an unknown one."""
    cases = all_cases()
    known = list(dict.fromkeys(case.topic for case in cases))
    wanted = known if topics is None else list(topics)
    if unknown := set(wanted) - set(known):
        raise ValueError(f"unknown topic {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    chosen = {case.id for case in cases} if ids is None else set(ids)
    if missing := chosen - {case.id for case in cases}:
        raise ValueError(f"unknown case {', '.join(sorted(missing))}; ids look like {cases[0].id}")
    return [case for case in cases if case.topic in wanted and case.id in chosen]


def check(
    adapter: type[Adapter], topics: Iterable[str] | None = None, progress: Callable[[Result], None] = lambda r: None
) -> list[Result]:
    """Run all cases, or those of some topics.

    Parameters
    ----------
    adapter : class
        A subclass of `Adapter`.
    topics : iterable of str, optional
        Only these topics.
    progress : function
        Called with every `Result` as soon as it is there.

    Returns
    -------
    list of Result
        One for each case.

    Raises
    ------
    ValueError
        For an unknown topic, or class attributes that cannot be.

    Examples
    --------
    >>> from hashnets_np.conformance.numpy_layer import NumpyLayer
    >>> passed(check(NumpyLayer, topics=["hash"]))
    True
    """
    check_claims(adapter)
    return check_cases(adapter, select(topics), progress)


def check_cases(
    adapter: type[Adapter], cases: list[Case], progress: Callable[[Result], None] = lambda r: None
) -> list[Result]:
    """Run some cases, in this process."""
    results = []
    for case in cases:
        results.append(run_case(adapter, case))
        progress(results[-1])
    return settle_refusals(results)


def settle_refusals(results: list[Result]) -> list[Result]:
    """Count a refusal only if some valid case of its operation gave an answer: what always raises refuses nothing."""
    answered = {r.case.operation for r in results if r.case.valid and r.compared and r.status != NOT_COVERED}
    asked = {r.case.operation for r in results if r.case.valid and r.status != NOT_COVERED}
    unable = {r.case.operation for r in results if r.case.valid and r.machine}
    reason = "raised, but valid cases of this operation raise as well, so this is not a refusal"
    return [
        replace(r, status=FAILS, difference=reason, compared=False, machine=r.case.operation in unable)
        if not r.case.valid and r.status == PASSES and r.case.operation in asked - answered else r
        for r in results
    ]


def left_out(adapter: type[Adapter], case: Case) -> str:
    """Say why an adapter isn't asked about a case, or nothing."""
    if missing := missing_methods(adapter, methods_of(case)):
        return f"no {', '.join(missing)}"
    x = case.inputs
    if case.dtype != "int" and case.dtype not in adapter.dtypes:
        return f"{case.dtype} is not in its dtypes"
    layers = [x["layer"]] if "layer" in x else x.get("layers", [x] if case.operation == "bucket_sign" else [])
    for layer in layers:
        kind = layer["kind"].removesuffix("_bias")
        if is_left_out(kind, adapter.kinds, KINDS + NEWER_KINDS, case.valid):
            return f"kind {kind} is not in its kinds"
        if is_left_out(layer.get("bias"), adapter.biases, Adapter.biases, case.valid):
            return f"bias {layer.get('bias')} is not in its biases"
        if not adapter.takes_buckets and "bias" in layer and make_spec(layer, case.dtype).compression is None:
            return "no compression yields these numbers of buckets"
    return ""


def is_left_out(name: str | None, claimed: tuple, known: tuple, valid: bool) -> bool:
    """Whether an adapter does not claim a kind or bias; one that claims them all must refuse those that nobody knows.

    >>> is_left_out("row", ("column", None), ("column", "hashed", None), False)
    True
    """
    if name in claimed:
        return False
    all_of_them = set(known) - set(NEWER_KINDS)
    return valid or name in known or not all_of_them <= set(claimed)


def run_case(adapter: type[Adapter], case: Case) -> Result:
    """Run one case."""
    if reason := left_out(adapter, case):
        return Result(case, NOT_COVERED, reason)
    values = variables(case)
    before = [x.copy() for x in arrays_in(values)]
    streams = sys.stdout, sys.stderr
    try:
        with np.errstate(all="ignore"):
            found = answer_of(adapter, case, values)
    except NotCovered as error:
        return Result(case, NOT_COVERED, words(error) or "NotCovered")
    except Overwritten as error:
        return Result(case, FAILS, words(error), {"ResultOverwritten"})
    except KeyboardInterrupt:
        raise
    except Exception as error:
        return judge_error(case, error)
    except BaseException as error:  # SystemExit, CancelledError: no refusal (test_an_adapter_that_exits_fails)
        return Result(case, FAILS, f"raised {describe_error(error)}", compared=False, error=describe_error(error))
    finally:
        sys.stdout, sys.stderr = streams
    if not case.valid:
        return Result(case, FAILS, f"accepted, expected an error; gave {shown(found)}", set(case.flags))
    after = arrays_in(values)
    if not case.inputs.get("reused") and not all(map(np.array_equal, before, after)):
        return Result(case, FAILS, "the adapter wrote into an array that it was given", {"InputOverwritten"})
    try:
        result = judge(case, by_name(case, found), adapter.gradients)
    except Exception as error:  # such as a tensor without .detach() (test_an_answer_that_cannot_be_read)
        why = f"gave an answer that cannot be read: {describe_error(error)}"
        return Result(case, FAILS, why, compared=False, error=describe_error(error))
    return try_layouts(adapter, case) if result.status == PASSES else result


def try_layouts(adapter: type[Adapter], case: Case) -> Result:
    """Give a layer that is right the same numbers in other layouts; an error refuses them, and that is right too."""
    arrays = arrays_in(variables(case)) if case.operation in ("forward", "backward") else []
    if not arrays or sum(x.size for x in arrays) > MOST_ENTRIES:
        return Result(case, PASSES)
    for layout in LAYOUTS:
        try:
            with np.errstate(all="ignore"):
                found = by_name(case, answer_of(adapter, case, variables(case), layout))
            result = judge(case, found, adapter.gradients)
        except Exception:  # as PyTorch does for negative strides (test_a_layer_may_refuse_a_layout)
            continue
        if result.status == FAILS:
            why = f"wrong for arrays {layout}: {result.difference}"
            return replace(result, difference=why, bugs={"StridesIgnored"}, layout=layout)
    return Result(case, PASSES)


def words(error: BaseException) -> str:
    """Write the message of an error in one line, if it has one that can be written; a long one loses its middle.

    >>> words(ValueError("first line", ))
    'first line'
    """
    try:
        lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    except Exception as second:
        return f"(its message cannot be written: {type(second).__name__})"
    text = " ".join(lines)
    if len(text) <= 200:
        return text
    first = lines[0]
    last = lines[-1]
    return f"{first[:140]} ... {last[-140:]}" if len(lines) > 1 else f"{text[:120]} ... {text[-80:]}"


def describe_error(error: BaseException) -> str:
    """Write an error in one line."""
    return f"{type(error).__name__}: {words(error)}"


def shown(found: Any) -> str:
    """Show the beginning of an answer, if it can be shown (test_an_answer_that_cannot_be_read)."""
    try:
        return " ".join(str(found).split())[:80]
    except Exception as error:
        return f"what cannot be shown: {describe_error(error)}"


def arrays_in(value: Any) -> list[np.ndarray]:
    """Find all arrays in nested lists and dicts."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [x for part in value for x in arrays_in(part)] if isinstance(value, (list, tuple)) else []


def is_of_the_machine(error: BaseException) -> bool:
    """Tell a fault of this machine (memory, a folder, a GPU, an import) from one of the layer."""
    if isinstance(error, MemoryError | ImportError):
        return True
    if isinstance(error, OSError) and error.errno in MACHINE_ERRNO:
        return True
    text = words(error).lower()
    if any(fault in text for fault in OWN_FAULTS):
        return False
    return not isinstance(error, ValueError | TypeError) and any(word in text for word in MACHINE_WORDS)


def judge_error(case: Case, error: Exception) -> Result:
    """An error refuses an invalid case, unless the adapter's own code is at fault; elsewhere it is a failure."""
    machine = is_of_the_machine(error)
    if not case.valid and not machine and not isinstance(error, NO_REFUSAL):
        return Result(case, PASSES)
    fix = ""
    if isinstance(error, NotImplementedError):
        fix = "; for what your layer doesn't do raise NotCovered"
    if not case.valid:
        fix = "; that looks like a mistake or a fault of the machine, and is not taken for a refusal"
    text = describe_error(error)
    return Result(case, FAILS, f"raised {text}{fix}", compared=False, error=text, machine=machine)


def judge(case: Case, found: dict[str, Any], gradients: tuple[str, ...] = ("w", "b", "a")) -> Result:
    """Compare outputs with the expected ones, and with the wrong ones if they differ."""
    if case.operation == "stored_bytes":
        return judge_size(case, int(found["bytes"]))
    asked = {name: x for name, x in case.expected.items() if is_asked(name, case, gradients)}
    different = {name: difference for name, x in asked.items() if (difference := differs(name, x, found[name], case))}
    if different:
        bugs = {wrong["flag"] for wrong in case.wrong if is_exactly(wrong, found, case, gradients)}
        manners = {name: manner(name, case.expected[name], found[name], case) for name in different}
        return Result(case, FAILS, next(iter(different.values())), bugs, outputs=manners)
    for name in asked:
        if difference := wrong_dtype(name, found[name], case):
            return Result(case, FAILS, difference, {"OutputDtype"}, outputs={name: "of another dtype"})
        if asked[name] == [] and (difference := wrong_width(name, found[name], case)):
            return Result(case, FAILS, difference, {"EmptyBatchShape"}, outputs={name: "of another shape"})
    return Result(case, PASSES)


def is_asked(name: str, case: Case, gradients: tuple[str, ...]) -> bool:
    """Say whether an output is one that the adapter claims to compute."""
    if case.operation == "script" and name not in script_outputs(case):
        return False
    short = name.rstrip("0123456789")
    of = {"dw": "w", "db": "b", "da": "a", "dx": "a"}.get(short)
    return of is None or of in gradients


def is_exactly(wrong: dict[str, Any], found: dict[str, Any], case: Case, gradients: tuple[str, ...]) -> bool:
    """Say whether the outputs are the wrong answer of a known bug."""
    return all(not differs(name, x, found[name], case)
               for name, x in wrong.items() if name != "flag" and is_asked(name, case, gradients))


def judge_size(case: Case, size: int) -> Result:
    """Check that a saved layer holds its real weights and little else."""
    low = case.expected["min_bytes"]
    high = case.expected["max_bytes"]
    if low <= size <= high:
        return Result(case, PASSES)
    bugs = {"CheckpointHoldsMap"} if size > high else set()
    return Result(case, FAILS, f"{size} bytes, expected {low} to {high}", bugs)


def passed(results: list[Result]) -> bool:
    """Tell whether an adapter passed: no case fails, and at least one valid case passes.

    Parameters
    ----------
    results : list of Result
        What `check` returned.

    Returns
    -------
    bool
        False as well if nothing was covered.

    Examples
    --------
    >>> from hashnets_np.conformance import Adapter
    >>> passed(check(Adapter))  # the base class answers nothing
    False
    """
    return not any(r.status == FAILS for r in results) and any(r.status == PASSES and r.case.valid for r in results)


def find_in_current_folder() -> None:
    """Let modules in the current folder be imported, as `python -m` does for its own."""
    if "" not in sys.path:
        sys.path.insert(0, "")
