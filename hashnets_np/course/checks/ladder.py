"""The ladder of exercise 9: from an empty file to the golden vectors, one topic of the kit at a time."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any

import numpy as np

from ...conformance import Adapter, LayerSpec, NotCovered, check
from ...conformance.cases import all_cases
from ...conformance.results import FAILS, NOT_COVERED, Result
from ...conformance.runner import check_cases
from ...maps import SharingMap
from ..marking import NotYet, name_of, one_line, require

RUNGS = (
    "hash", "bucket-sign", "gather", "scatter-add", "forward", "gradients", "derived-seed", "bucket-count",  # tasks
    "large-index", "bias", "two-layers", "sgd", "sequences", "loss", "soft-targets", "dropout", "fold", "chunk", "tile",
    "storage", "text-hash", "authors2015", "pytorch2019", "keras",  # the free climb
    "large-layer",  # the last one, so that its minutes are spent once: each rung runs all below it as well
)


def rung(adapter: type[Adapter], topic: str) -> None:
    """Run the golden vectors of one topic; on the way up, those of all topics below it as well."""
    fits = isinstance(adapter, type) and issubclass(adapter, Adapter)
    require(fits, f"the check needs your class itself, a subclass of Adapter; got {one_line(repr(adapter))}")
    require(topic in RUNGS, f"there is no rung {topic!r}; the rungs are {', '.join(RUNGS)}")
    for below in RUNGS[: RUNGS.index(topic) + 1]:
        results = check(adapter, [below])
        _judge(below, results)
        if below in ("forward", "gradients"):
            _with_bias_column(adapter, below)
        if below in ("gather", "scatter-add", "forward", "gradients"):
            _twice(adapter, below)
        if below == "hash":
            _whole_numbers_only(below, adapter.hash, [([1.5], [0], 0), ([0], [1.5], 0)])
        if below == "derived-seed":
            _whole_numbers_only(below, adapter.derive_seed, [(True, 0), (0, True), (1.5, 0), (0, 1.5)])
    print(f"Right. {topic}: rung {1 + RUNGS.index(topic)} of {len(RUNGS)}.")


def _judge(topic: str, results: list[Result]) -> None:
    """Require that no vector fails, and that at most a quarter are left out."""
    failing = [result for result in results if result.status == FAILS]
    left_out = [result for result in results if result.status == NOT_COVERED]
    require(not failing or "NotImplementedError" not in failing[0].difference, f"{topic} is still empty")
    if failing:
        hint = _likely_bug([result for result in failing if result.case.valid])
        if not any(result.case.valid for result in failing):
            hint = "; what they give is not valid, and should raise an exception"
        elif not any(result.compared for result in failing):
            hint = f"; the first one stopped: {one_line(failing[0].difference)}"
        first = failing[0].case
        require(False, f"{topic}: {len(failing)} of {len(results)} golden vectors fail, the first is {first.id} "
                       f"({first.comment}){hint}")
    enough = len(left_out) <= len(results) / 4
    reason = one_line(left_out[0].difference) if left_out else ""
    require(enough, f"{topic}: {len(left_out)} of {len(results)} golden vectors are not covered ({reason})")


def _likely_bug(failing: list[Result]) -> str:
    """Name the known bugs that explain the most of the failing vectors, if they explain at least half of them."""
    explained = Counter(bug for result in failing for bug in result.bugs)
    most = max(explained.values(), default=0)
    if 2 * most < len(failing) or not most:
        return ""
    return f"; this looks like {', '.join(sorted(bug for bug, count in explained.items() if count == most))}"


def _with_bias_column(adapter: type[Adapter], topic: str) -> None:
    """Run small vectors of layers with a bias column: tasks 9.5 and 9.6 ask for it, the topic "bias" comes later."""
    operation = "forward" if topic == "forward" else "backward"
    cases = [case for case in all_cases() if case.topic == "bias" and case.operation == operation and case.valid]
    layers = [case.inputs["layer"] for case in cases]
    small = [layer["bias"] == "column" and layer["n_in"] * layer["n_out"] <= 500 for layer in layers]
    cases = list(compress(cases, small))
    covered = [result for result in check_cases(adapter, cases) if result.status != NOT_COVERED]
    _judge(f"{topic} with a bias column", covered)


def _twice(adapter: type[Adapter], topic: str) -> None:
    """Call one layer twice: it has to give the same again, and to leave its weights alone."""
    if "float64" not in adapter.dtypes or not adapter.takes_buckets:
        return
    rng = np.random.default_rng(9)
    spec = LayerSpec(n_in=3, n_out=4, kind="xxhash", buckets=5, seed=9, bias=None, bias_buckets=0, dtype="float64")
    w = rng.normal(size=5)
    a = rng.normal(size=(2, 3))
    dz = rng.normal(size=(2, 4))
    dV = rng.normal(size=(4, 3))
    try:
        layer = adapter(spec, w.copy(), None)
        ask = {
            "gather": lambda: [layer.gather()],
            "scatter-add": lambda: [layer.scatter_add(dV.copy())],
            "forward": lambda: [layer.forward(a.copy())],
            "gradients": lambda: list(layer.backward(a.copy(), dz.copy()))[::2],
        }[topic]
        V = np.array(layer.gather())
        first = [np.array(values) for values in ask()]
        second = [np.array(values) for values in ask()]
        V_after = np.array(layer.gather())
    except NotCovered:
        return
    except Exception as error:
        raise NotYet(one_line(f"{topic}: called twice, it stopped with {type(error).__name__}: {error}")) from error
    bucket, sign = SharingMap(4, 3, buckets=5, seed=9).table()
    exact = V.shape == bucket.shape and np.allclose(V, w[bucket] * sign, rtol=1e-12, atol=0)
    require(exact, f"{topic}: it passes the golden vectors, but with weights of more digits V is rounded")
    require(np.array_equal(V, V_after), f"{topic}: it passes the golden vectors, but it changes the layer's weights")
    same = all(map(np.array_equal, first, second))
    require(same, f"{topic}: it passes the golden vectors, but called a second time it gives something else")


def _whole_numbers_only(topic: str, function: Callable, wrong: Sequence[tuple[Any, ...]]) -> None:
    """Require that a function rejects arguments that are not whole numbers; a list goes in as an array."""
    for arguments in wrong:
        try:
            function(*(np.array(one) if isinstance(one, list) else one for one in arguments))
        except NotCovered:
            return
        except Exception:  # whatever it raises rejects the input
            continue
        given = ", ".join(map(str, arguments))
        require(False, f"{topic}: {name_of(function)}({given}) should be rejected: raise an exception")
