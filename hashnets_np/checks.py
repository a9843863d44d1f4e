"""Checks of arguments: everything that comes from outside is looked at once, here, and trusted afterwards.

Every message says what came, what was expected and, where one is likely, the fix.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .types import FloatArray

MAX_SEED = 2**32 - 1


def check_integer(name: str, value: object, low: int, high: int) -> int:
    """Check an integer in low..high; return it as Python's int, which does not wrap.

    >>> check_integer("n_in", np.uint8(200), 1, 1000)
    200
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise ValueError(f"{name} must be an integer in {low}..{high}, got {value!r}")
    return int(value)


def check_count(name: str, value: object, at_least: int = 1) -> int:
    """Check a number of things: an integer, neither a truth value nor a float."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < at_least:
        raise ValueError(f"{name} must be an integer of at least {at_least}, got {value!r}")
    return int(value)


def check_seed(seed: object, name: str = "seed") -> int:
    """Check a seed; all seeds of the package are integers in 0..2**32-1, for they are hashed as 32 bits."""
    return check_integer(name, seed, 0, MAX_SEED)


def check_flag(name: str, value: object) -> bool:
    """Check a truth value: True or False, Python's or NumPy's."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_number(name: str, value: Any, low: float, high: float = np.inf, *, above: bool = False) -> None:
    """Check a finite number that is at least `low` (with above=True: above it) and below `high`."""
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if is_number and np.isfinite(value) and low <= value < high and not (above and value == low):
        return
    least = f"above {low:g}" if above else f"at least {low:g}"
    most = "" if np.isinf(high) else f" and below {high:g}"
    raise ValueError(f"{name} must be a finite number {least}{most}, got {value!r}")


def check_same_shape(name: str, array: ArrayLike, shape: tuple[int, ...]) -> NDArray[Any]:
    """Check an array that belongs to another one, such as a gradient to an output; it must not broadcast."""
    array = np.asarray(array)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}, the shape of the last input")
    return array


def check_input(x: ArrayLike, n_in: int) -> FloatArray:
    """Check a mini-batch that enters a layer: real numbers, (batch, n_in)."""
    x = np.asarray(x)
    if x.dtype.kind not in "biuf":
        raise ValueError(f"x has dtype {x.dtype}, expected real numbers, such as float32")
    if x.ndim != 2 or x.shape[1] != n_in:
        raise ValueError(f"x has shape {x.shape}, expected (batch, n_in={n_in}); did you forget x.reshape(len(x), -1)?")
    return x
