"""The conformance runner: every golden vector against an adapter.

`judging` compares an answer with the right one, and `diagnosis` finds the bug that explains many failures.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from .adapter import KINDS, NEWER_KINDS, Adapter, NotCovered
from .cases import Case, all_cases, make_spec
from .compare import UNREADABLE
from .judging import judge, judge_error, settle_refusals
from .loading import check_claims
from .operations import (
    LAYOUTS,
    MOST_ENTRIES,
    Overwritten,
    answer_of,
    by_name,
    methods_of,
    missing_methods,
    variables,
)
from .results import FAILS, NOT_COVERED, PASSES, Result
from .wording import describe_error, shown, words


def select(topics: Iterable[str] | None = None, ids: Iterable[str] | None = None) -> list[Case]:
    """List the cases of some topics, those of some ids, or both; all, if neither is given.

    ValueError for an unknown one, and for ids of which none is of these topics.
    """
    cases = all_cases()
    known = list(dict.fromkeys(case.topic for case in cases))
    wanted = known if topics is None else list(topics)
    if unknown := set(wanted) - set(known):
        raise ValueError(f"unknown topic {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    chosen = {case.id for case in cases} if ids is None else set(ids)
    if missing := chosen - {case.id for case in cases}:
        raise ValueError(f"unknown case {', '.join(sorted(missing))}; ids look like {cases[0].id}")
    found = [case for case in cases if case.topic in wanted and case.id in chosen]
    if wanted and chosen and not found:
        first = next(case for case in cases if case.id in chosen)
        raise ValueError(f"case {first.id} is of topic {first.topic}, not {' or '.join(wanted)}")
    return found


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
    >>> from hashnets_np.conformance import passed
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
        why = f"{UNREADABLE}: {describe_error(error)}"
        return Result(case, FAILS, why, compared=False, error=describe_error(error))
    return try_layouts(adapter, result) if result.status == PASSES else result


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


def try_layouts(adapter: type[Adapter], right: Result) -> Result:
    """Give a layer that is right the same numbers in other layouts; an error refuses them, and that is right too."""
    case = right.case
    arrays = arrays_in(variables(case)) if case.operation in ("forward", "backward") else []
    if not arrays or sum(x.size for x in arrays) > MOST_ENTRIES:
        return right
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
    return right


def arrays_in(value: Any) -> list[np.ndarray]:
    """Find all arrays in nested lists and dicts."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [x for part in value for x in arrays_in(part)] if isinstance(value, (list, tuple)) else []
