"""Tools to mark an answer: say what came, what was expected and why, in one line, without a traceback.

Used by `checks`, which has one module for each exercise and one function for each task. Left out: points and grades.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..maps import SharingMap

MAP = SharingMap(6, 5, buckets=4, seed=7)  # the example of many checks: every bucket many times, with both signs


class NotYet(AssertionError):
    """An exercise that is not solved yet; the message says what came, what was expected, and often why."""

    def _render_traceback_(self) -> list[str]:
        """Show one line in notebooks: IPython asks for this."""
        return [f"Not yet: {self}"]


def require(condition: object, message: str) -> None:
    """Raise NotYet with a message unless the condition holds."""
    if not condition:
        raise NotYet(message)


def call(function: Callable, *args: Any) -> Any:
    """Call the reader's function; whatever goes wrong in it becomes a NotYet."""
    name = getattr(function, "__name__", "this")
    try:
        result = function(*args)
    except NotImplementedError as error:
        raise NotYet(f"{name} is still empty; write it in place of the line that raises NotImplementedError") from error
    except Exception as error:
        raise NotYet(f"{name} stopped with {type(error).__name__}: {error}") from error
    require(result is not None, f"{name} returned None; is there a `return` in every branch?")
    return result


def call_pair(function: Callable, *args: Any) -> Any:
    """Call the reader's function, which has to return two values."""
    result = call(function, *args)
    came = len(result) if isinstance(result, tuple | list) else f"one ({type(result).__name__})"
    require(came == 2, f"{getattr(function, '__name__', 'this')} should return two values, got {came}")
    return result


def numbers(found: Any, what: str) -> NDArray[np.float64]:
    """Take what the reader wrote as an array of numbers."""
    require(found is not None and found is not Ellipsis, f"{what} is still missing")
    try:
        return np.asarray(found, dtype=float)
    except (TypeError, ValueError) as error:
        raise NotYet(f"{what} should be numbers, got a {type(found).__name__}") from error


def number(found: Any, what: str) -> float:
    """Take what the reader wrote as one number."""
    array = numbers(found, what)
    require(array.shape == (), f"{what} should be a number, got a {type(found).__name__} of shape {array.shape}")
    require(np.isfinite(array), f"{what} is {array}")
    return float(array)


def compare(found: Any, expected: Any, what: str, mistakes: Mapping[str, Any] | None = None) -> None:
    """Compare numbers; if they differ, name a known mistake that explains them, or the first difference."""
    found, expected = numbers(found, what), np.asarray(expected, dtype=float)
    require(found.shape == expected.shape, f"{what} has shape {found.shape}, expected {expected.shape}")
    if np.allclose(found, expected, rtol=1e-6, atol=1e-9):
        return
    for reason, wrong in (mistakes or {}).items():
        if np.shape(wrong) == found.shape and np.allclose(found, wrong, rtol=1e-6, atol=1e-9):
            raise NotYet(f"{what}: {reason}")
    different = ~np.isclose(found, expected, rtol=1e-6, atol=1e-9)
    at = tuple(int(n) for n in np.argwhere(different)[0])
    place = f"{what}[{', '.join(map(str, at))}]" if at else what
    raise NotYet(f"{place} is {found[at]:.6g}, expected {expected[at]:.6g}")


def done(message: str) -> None:
    """Say that it is right, and what was shown."""
    print(f"Right. {message}")
