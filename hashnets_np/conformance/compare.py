"""Comparing an answer with a golden vector: whether it differs, where, and how.

Two kinds of expected arrays: nested lists, compared entry by entry, and sums of the rows and columns of arrays that are
too large to write down. What differs is described by its pattern (every 128th column, rows from 16 on) and by its
relation to what was expected (the negative, twice as much), so that a report can say more than "wrong".
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cases import Case, sums

# what the rows and the columns of an output are
AXES = {"z": ("example", "output unit"), "da": ("example", "input unit"), "dx": ("example", "input unit"),
        "dz": ("example", "class"), "V": ("output unit", "column")}
NO_NUMBERS = ("None", "not numbers", "of another shape", "of another dtype")  # how no map makes an answer wrong
UNREADABLE = "gave an answer that cannot be read"


def differs(name: str, expected: Any, found: Any, case: Case) -> str:
    """Say where an output first differs from what was expected, or nothing."""
    if expected is None:
        return "" if found is None or np.size(found) == 0 else f"{name}: expected none, found {str(found)[:60]}"
    if found is None:
        return f"{name}: expected an array, found None"
    if np.ma.is_masked(found):
        return f"{name}: expected numbers, found {np.ma.count_masked(found)} masked"
    found = np.asarray(found)
    if expected == "not finite":
        return "" if not np.isfinite(found).all() else f"{name} is finite"
    if isinstance(expected, dict):
        compare = sums_differ if "row_sums" in expected else sparse_differs
        return compare(name, expected, found, case.tolerance)
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
        far = is_far(found, wanted, case.tolerance)
    return describe(name, wanted, found, far)


def is_far(found: NDArray, wanted: NDArray, tolerance: float) -> NDArray:
    """Mark the entries that differ by more than the tolerance allows; nan is far from everything."""
    return ~(np.abs(found - wanted) <= tolerance * np.abs(wanted).max(initial=0))


def describe(name: str, wanted: NDArray, found: NDArray, far: NDArray) -> str:
    """Say where the first of the differences is, and how many there are."""
    if not far.any():
        return ""
    index = tuple(int(x) for x in np.unravel_index(far.argmax(), far.shape))
    place = f"{name}[{', '.join(map(str, index))}]" if index else name
    others = np.count_nonzero(far) - 1
    more = f" (and {others} more of {far.size} differ)" if others else ""
    return f"{place}: expected {wanted[index]}, found {found[index]}{more}"


def sparse_differs(name: str, expected: dict[str, Any], found: NDArray, tolerance: float) -> str:
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


def far_sums(expected: dict[str, Any], found: NDArray, tolerance: float) -> tuple[NDArray, NDArray]:
    """Mark the rows and the columns whose sums differ."""
    rows, columns = sums(found.astype(np.float64))
    return (is_far(rows, np.array(expected["row_sums"], np.float64), tolerance),
            is_far(columns, np.array(expected["column_sums"], np.float64), tolerance))


def sums_differ(name: str, expected: dict[str, Any], found: NDArray, tolerance: float) -> str:
    """Compare with an array that is given by the sums of its rows and columns."""
    if list(found.shape) != expected["shape"]:
        return f"{name}: expected shape {tuple(expected['shape'])}, found {found.shape}"
    if found.dtype.kind not in "iufb":
        return f"{name}: expected numbers, found {found.dtype}"
    rows, columns = far_sums(expected, found, tolerance)
    if not rows.any() and not columns.any():
        return ""
    if found.ndim == 1:
        return f"{name}: {rows.sum()} of {rows.size} sums of 64 entries differ, first that of {64 * rows.argmax()} on"
    return (f"{name}: the sums of {rows.sum()} of {rows.size} rows and {columns.sum()} of {columns.size} columns differ"
            f", first row {rows.argmax()}, column {columns.argmax()}")


# ---- how an answer is wrong


def manner(name: str, expected: Any, found: Any, case: Case) -> str:
    """Describe how an output is wrong: its type or shape, which rows and columns, or its relation to the right one."""
    if expected is None or isinstance(expected, str):
        return ""
    if found is None:
        return "None"
    found = np.asarray(found)
    if found.dtype.kind not in "iufbO":
        return "not numbers"
    if found.ndim == 2 and found.size and not differs(name, expected, found.T, case):
        return "transposed"
    shape = tuple(expected["shape"]) if isinstance(expected, dict) else np.shape(expected)
    if found.shape != shape:
        return f"of another shape: found {found.shape}, expected {shape}"
    if case.dtype == "int" or not found.size:
        return ""
    found = found.astype(np.float64)
    if isinstance(expected, dict):
        if "row_sums" not in expected:
            return ""
        rows, columns = far_sums(expected, found, case.tolerance)
        wanted = np.concatenate([expected["row_sums"], expected["column_sums"]])
        compared = np.concatenate(sums(found))
    else:
        wanted = np.array(expected, np.float64)
        compared = found
        far = is_far(found, wanted, case.tolerance)
        rows = np.asarray(far.any(axis=1)) if far.ndim == 2 else np.zeros(0, bool)
        columns = np.asarray(far.any(axis=0)) if far.ndim == 2 else far.ravel()
    words = [relation(wanted.ravel(), compared.ravel(), has_step(case))]
    axes = AXES.get(name.rstrip("0123456789"))
    if axes and found.ndim == 2:
        words += [pattern(set(np.flatnonzero(bad).tolist()), bad.size, axis)
                  for bad, axis in zip((rows, columns), axes, strict=True)]
    return "; ".join(word for word in words if word)


def has_step(case: Case) -> bool:
    """Whether a case takes steps of SGD."""
    return case.operation == "sgd" or any(step.get("call") == "step" for step in case.inputs.get("steps", ()))


def relation(wanted: NDArray, found: NDArray, trained: bool = False) -> str:
    """Say how a wrong answer relates to the right one, if in a simple way; after training a small error says less."""
    if not np.isfinite(found).all():
        return "not finite"
    if not found.any():
        return "0 everywhere"
    size = float(np.abs(wanted).max(initial=0))
    if size == 0:
        return ""
    error = float(np.abs(found - wanted).max())
    if error < 1e-3 * size and (np.abs(found - wanted) > 0).mean() > 0.3:
        if trained:
            return (f"nearly right (relative error {error / size:.0e}): too little precision, or a small term such as "
                    "the weight decay")
        return f"right except for the last digits (relative error {error / size:.0e}): too little precision"
    factor = float(found @ wanted / (wanted @ wanted))
    if len(wanted) > 2 and abs(factor - 1) > 1e-3 and np.abs(found - factor * wanted).max() < 1e-5 * max(
            size, abs(factor) * size):
        return "the negative of the right one" if abs(factor + 1) < 1e-5 else f"{factor:.6g} times the right one"
    if len(wanted) > 3 and np.allclose(np.sort(found), np.sort(wanted), atol=1e-6 * size):
        return "the right numbers in another order"
    return ""


def pattern(bad: set[int], n: int, axis: str) -> str:
    """Describe which of n rows or columns are wrong; nothing if all or none are.

    >>> pattern({16, 17, 18, 19}, 20, "example"), pattern({3, 7, 11}, 12, "output unit")
    ('example 16 and all after it', 'every 4th output unit, beginning with 3')
    """
    if not bad or len(bad) == n:
        return ""
    low = min(bad)
    high = max(bad)
    if len(bad) == 1:
        return f"{axis} {low} only" if low < n - 1 else f"the last {axis} only"
    if bad == set(range(low, n)):
        return f"{axis} {low} and all after it"
    if bad == set(range(high + 1)):
        return f"the first {len(bad)} {axis}s"
    if bad == set(range(low, high + 1)):
        return f"{axis}s {low} to {high}"
    step = sorted(bad)[1] - low
    if bad == set(range(low, n, step)):
        return f"every {ordinal(step)} {axis}, beginning with {low}"
    return f"{len(bad)} of {n} {axis}s"


def ordinal(n: int) -> str:
    """Write an ordinal number."""
    return f"{n}{'th' if n // 10 % 10 == 1 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def dtype_of(found: Any) -> str:
    """Name the dtype of an array of any framework, as NumPy spells it; nothing for lists of Python's numbers."""
    return str(np.asarray(found).dtype) if hasattr(found, "dtype") else ""


def wrong_dtype(name: str, found: Any, case: Case) -> str:
    """Say that an output has another dtype than its layer. Lists of Python's numbers have none, and pass."""
    dtype = dtype_of(found)
    if not dtype or case.dtype == "int" or case.operation == "stored_bytes" or dtype == case.dtype:
        return ""
    return f"{name}: expected {case.dtype}, found {dtype}"


def empty_shape(name: str, case: Case) -> tuple[int, int] | None:
    """Return the shape of an output of an empty batch, of a layer or of a network; None if it has no rows."""
    layers = [case.inputs["layer"]] if "layer" in case.inputs else case.inputs.get("layers")
    if name not in ("z", "da", "dx") or not layers:
        return None
    return 0, layers[-1]["n_out"] if name == "z" else layers[0]["n_in"]


def wrong_width(name: str, found: Any, case: Case) -> str:
    """Say that the output of an empty batch has lost its width. An empty list has none, and passes."""
    shape = empty_shape(name, case)
    if shape is None or (isinstance(found, list) and not found):
        return ""
    return "" if np.shape(found) == shape else f"{name}: expected shape {shape}, found {np.shape(found)}"


def numbers_in(x: Any) -> Iterable[float]:
    """Go through the numbers of nested lists and dicts."""
    if isinstance(x, dict):
        x = [v for k, v in x.items() if k not in ("flag", "shape", "rest")]
    if isinstance(x, list):
        for part in x:
            yield from numbers_in(part)
    elif isinstance(x, int | float):
        yield x
