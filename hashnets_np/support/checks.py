"""Checks of arguments: everything that comes from outside is validated once, here, and trusted afterwards.

Every message says what came, what was expected and, if there is a likely fix, what it is.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..types import FloatArray

MAX_SEED = 2**32 - 1
TEXT_OR_OBJECTS = "OSU"  # kinds of dtype that tables with names or gaps have


def shown(value: object) -> str:
    """Write a value in one short line, for a message.

    >>> shown(np.zeros((2, 2)))
    'array([[0., 0.], [0., 0.]])'
    """
    text = " ".join(repr(value).split())
    return text if len(text) <= 100 else f"{text[:97]}..."


def meant(name: str, known: Iterable[str]) -> str:
    """Guess which of the known names was meant, as the end of a message; nothing if none is close.

    >>> meant("mnits", ["digits", "mnist"]), meant("cifar", ["digits", "mnist"])
    ('; did you mean mnist?', '')
    """
    spelt = {each.lower().replace("_", "-"): each for each in known}
    close = difflib.get_close_matches(name.lower().replace("_", "-"), spelt, 1, 0.75)
    return f"; did you mean {spelt[close[0]]}?" if close else ""


def check_integer(name: str, value: object, low: int, high: int) -> int:
    """Check an integer in low..high; return it as Python's int, which does not wrap.

    >>> check_integer("n_in", np.uint8(200), 1, 1000)
    200
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise ValueError(f"{name} must be an integer in {low}..{high}, got {shown(value)}")
    return int(value)


def check_count(name: str, value: object, at_least: int = 1) -> int:
    """Check a number of things: an integer, neither a truth value nor a float."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < at_least:
        raise ValueError(f"{name} must be an integer of at least {at_least}, got {shown(value)}")
    return int(value)


def check_seed(seed: object, name: str = "seed") -> int:
    """Check a seed; all seeds of the package are integers in 0..2**32-1, because they are hashed as 32 bits."""
    try:
        return check_integer(name, seed, 0, MAX_SEED)
    except ValueError:
        raise ValueError(f"{name} must be an integer in 0..2**32-1, got {shown(seed)}") from None


def check_flag(name: str, value: object) -> bool:
    """Check a truth value: True or False, Python's or NumPy's."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def check_number(name: str, value: Any, low: float, high: float = np.inf, *, above: bool = False) -> float:
    """Check a finite number that is at least `low` (with above=True: above it) and below `high`.

    Return it as Python's float: NumPy's float64 would turn float32 arithmetic into float64.
    """
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    try:
        number = float(value) if is_number else np.nan
    except OverflowError:  # an integer beyond the largest float
        number = np.inf
    if np.isfinite(number) and low <= number < high and not (above and number == low):
        return number
    least = f"above {low:g}" if above else f"at least {low:g}"
    most = "" if np.isinf(high) else f" and below {high:g}"
    raise ValueError(f"{name} must be a finite number {least}{most}, got {shown(value)}")


def check_network(net: object, needed: str = "layers") -> None:
    """Check that something is a network; a single layer is not one."""
    if isinstance(net, type) or not hasattr(net, needed):
        is_layer = hasattr(net, "backward") and not isinstance(net, type)
        fix = f"; did you mean Network([{shown(net)}])?" if is_layer else ""
        raise TypeError(f"net must be a Network, got {shown(net)}{fix}")


def check_same_shape(name: str, array: ArrayLike, shape: tuple[int, ...]) -> NDArray[Any]:
    """Check an array that belongs to another one, such as a gradient to an output; it must not broadcast."""
    array = unmasked(name, array)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}, the shape of the last input")
    return array


def is_number(value: object) -> bool:
    """Tell whether a value is one real number: Python's, NumPy's, or an array without dimensions.

    >>> is_number(np.float32(0.5)), is_number(None), is_number([0.5])
    (True, False, False)
    """
    if isinstance(value, Real):
        return True
    return isinstance(value, (np.ndarray, np.generic)) and value.ndim == 0 and value.dtype.kind in "biuf"


def real_numbers(name: str, values: ArrayLike) -> NDArray[Any]:
    """Make an array of real numbers, as it is, or say what came instead.

    >>> real_numbers("z", [[1j]])
    Traceback (most recent call last):
    ValueError: z has dtype complex128, expected real numbers, such as float32
    """
    array = unmasked(name, values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} has dtype {array.dtype}, expected real numbers, such as float32")
    return array


def check_input(x: ArrayLike, n_in: int) -> FloatArray:
    """Check a mini-batch that enters a layer: real numbers, (batch, n_in)."""
    given = x
    x = real_numbers("x", x)
    if x.ndim != 2 or x.shape[1] != n_in:
        one_example = f"; for one example, {method_call('x', given, 'reshape(1, -1)')}"
        fix = one_example if x.size == n_in else flatten_hint("x", given, x.ndim)
        raise ValueError(f"x has shape {x.shape}, expected (batch, n_in={n_in}){fix}")
    if x.dtype.itemsize > 8:
        raise ValueError(f"x has dtype {x.dtype}, expected float32 or float64; pass x.astype(np.float64)")
    return x


def flatten_hint(name: str, given: object, ndim: int) -> str:
    """Say how examples such as images become rows, as the end of a message; nothing if there is one row for each."""
    return f"; did you forget {method_call(name, given, f'reshape(len({name}), -1)')}?" if ndim > 2 else ""


def method_call(name: str, given: object, call: str) -> str:
    """Write the call of an array's method, for a hint; a list or a DataFrame has to become an array first.

    >>> method_call("y", np.ones(3), "ravel()"), method_call("y", [1, 2, 3], "ravel()")
    ('y.ravel()', 'np.asarray(y).ravel()')
    """
    method = call.split("(")[0]
    return f"{name}.{call}" if hasattr(given, method) else f"np.asarray({name}).{call}"


def as_examples(name: str, x: ArrayLike) -> FloatArray:
    """Turn examples into a matrix of finite floats, one example per row.

    Rows are taken by position: what the index of a DataFrame says does not matter. float32 and float64 stay as they
    are and are not copied; whole numbers become floats that hold them.

    >>> as_examples("x", [[0, 1], [2, 3]]).dtype
    dtype('float64')
    """
    if hasattr(x, "toarray"):
        raise ValueError(f"{name} is a sparse matrix, expected rows of numbers; use {name}.toarray()")
    given = x
    x = as_array(name, x)
    if x.dtype.kind not in "biuf":
        fix = "; are there columns of text, or missing values?" if x.dtype.kind in TEXT_OR_OBJECTS else ""
        raise ValueError(f"{name} has dtype {x.dtype}, expected real numbers{fix}")
    if x.ndim == 1 and not x.size:
        raise ValueError(f"{name} has shape {x.shape}, expected (n, n_in), one example per row; an empty set is x[:0], "
                         "y[:0]")
    if x.ndim == 1:
        one_example = method_call(name, given, "reshape(1, -1)")
        one_number = method_call(name, given, "reshape(-1, 1)")
        raise ValueError(f"{name} has shape {x.shape}, expected (n, n_in), one example per row; for one example, "
                         f"{one_example}; for examples of one number each, {one_number}")
    if x.ndim != 2:
        raise ValueError(f"{name} has shape {x.shape}, expected (n, n_in), one example per row"
                         f"{flatten_hint(name, given, x.ndim)}")
    x = x.astype(float_dtype(x.dtype), copy=False)
    check_finite(name, x)
    return x


def as_targets(name: str, y: ArrayLike, n: int) -> NDArray[Any]:
    """Turn labels or targets into an array with one row for each of n examples.

    Integers are class labels, 0..classes-1, and become int64. Floats are targets for a loss such as `squared_error`.
    """
    given = y
    y = as_array(name, y)
    if y.dtype.kind not in "biuf":
        names = f"turn names into numbers with classes, y = np.unique({name}, return_inverse=True)"
        fix = f"; {names}" if y.dtype.kind in TEXT_OR_OBJECTS else ""
        raise ValueError(f"{name} has dtype {y.dtype}, expected integers 0..classes-1 (or floats, for a regression)"
                         f"{fix}")
    dimensions = (1, 2) if y.dtype.kind == "f" else (1,)
    if y.ndim not in dimensions:
        shapes = "(n,) or (n, n_out)" if y.dtype.kind == "f" else "(n,)"
        several = y.ndim == 2 and y.shape[1] > 1
        labels = f"are the rows one-hot? {method_call(name, given, 'argmax(axis=1)')}"
        targets = f"are they targets of a regression? {method_call(name, given, 'astype(float)')}"
        fix = f"{labels}; {targets}" if several else f"did you forget {method_call(name, given, 'ravel()')}?"
        raise ValueError(f"{name} must be {shapes}, got {y.shape}; {fix}")
    if len(y) != n:
        raise ValueError(f"{name} has {len(y)} rows for {n} examples; expected one for each")
    if y.dtype.kind == "f":
        check_finite(name, y)
        return y.astype(float_dtype(y.dtype), copy=False)
    if y.size and (y.min() < 0 or y.max() > np.iinfo(np.int64).max):
        raise ValueError(f"{name} has integers from {y.min()} to {y.max()}, expected class labels 0..classes-1; "
                         "targets of a regression are floats")
    return y.astype(np.int64, copy=False)


def float_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Choose the dtype, float32 or float64, that holds the numbers of another one.

    >>> float_dtype(np.dtype(np.uint8)), float_dtype(np.dtype(np.int64)), float_dtype(np.dtype(">f4"))
    (dtype('float32'), dtype('float64'), dtype('float32'))
    """
    wide = np.result_type(dtype, np.float32)
    return np.dtype(np.float64) if wide == np.longdouble else wide


def as_array(name: str, values: ArrayLike) -> NDArray[Any]:
    """Make an array of what a caller gave: an array, a list, a DataFrame, a Series; by position."""
    try:
        array = unmasked(name, values)
    except (ValueError, RuntimeError) as error:  # rows of different lengths; a tensor that still requires a gradient
        raise ValueError(f"{name} cannot be turned into an array: {' '.join(str(error).split())}") from error
    if array.ndim == 0 and array.dtype.kind not in "biuf" and not isinstance(values, np.ndarray):
        fix = "; pass one of its arrays, such as x_test" if hasattr(values, "x_test") else ""  # a Dataset
        fix = f"; pass list({name})" if hasattr(values, "__next__") else fix  # a generator
        raise ValueError(f"{name} is of type {type(values).__name__}, expected an array of numbers{fix}")
    return unboxed(array) if array.dtype.kind == "O" and not isinstance(values, np.ndarray) else array


def unmasked(name: str, values: ArrayLike) -> NDArray[Any]:
    """Make an array, but not of masked entries: np.asarray would take the numbers under the mask.

    >>> unmasked("y", [np.ma.array([1, 2], mask=[False, True])])
    Traceback (most recent call last):
    ValueError: y has masked entries; fill them first, as with y.filled(0), or leave those rows out
    """
    rows = values if isinstance(values, (list, tuple)) else [values]
    if any(isinstance(row, np.ma.MaskedArray) and np.ma.is_masked(row) for row in rows):
        raise ValueError(f"{name} has masked entries; fill them first, as with {name}.filled(0), or leave those rows "
                         "out")
    return np.asarray(values)


def unboxed(array: NDArray[Any]) -> NDArray[Any]:
    """Turn objects into numbers if each is one, as in pandas' columns that could also hold missing values.

    >>> unboxed(np.array([1, np.int8(2)], object)), unboxed(np.array([1, 2.5], object)).dtype
    (array([1, 2]), dtype('float64'))
    """
    kinds = {type(value) for value in array.ravel()} - {bool}
    wanted: type = np.int64 if all(issubclass(kind, (int, np.integer)) for kind in kinds) else np.float64
    if not all(issubclass(kind, (int, float, np.integer, np.floating)) for kind in kinds):
        return array
    try:
        return array.astype(wanted)
    except OverflowError:
        return array


def check_finite(name: str, array: NDArray[Any]) -> None:
    """Check that an array has neither NaN nor infinity, and say where the first one is."""
    if array.size and not (np.isfinite(array.min()) and np.isfinite(array.max())):
        place = tuple(int(index) for index in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{name} has {array[place]} in row {place[0]}, expected finite numbers; "
                         "fill or drop missing values")
