"""Tools to mark an answer: say in one line what came and why it is wrong, without a traceback and without the answer.

Used by `checks`, which has one module for each exercise and one function for each task. They all keep these rules. What
is expected is computed before the reader's code runs. The reader's code gets copies, so that it may work in place.
Every answer is tried on several examples of different shapes, and a reason is given only if it explains all of them.
The examples are random but the same on each run, so that a reader can come back to a failure.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from operator import index
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..maps import SharingMap

MAP = SharingMap(6, 5, buckets=4, seed=7)  # the first example of many checks: every bucket many times, with both signs
MAPS = (
    MAP,
    SharingMap(5, 5, buckets=3, seed=1),  # square: a forgotten transpose raises no error here
    SharingMap(3, 8, buckets=5, seed=4),
    SharingMap(4, 3, buckets=30, seed=2),  # more buckets than places: some stay empty, the last ones too
)


class NotYet(AssertionError):
    """An exercise that is not solved yet; the message says what came and, where the check knows it, why it is wrong."""

    def __init__(self, message: str, empty: bool = False) -> None:
        super().__init__(message)
        self.empty = empty  # the reader has not started yet

    def _render_traceback_(self) -> list[str]:
        """Show one line in notebooks: IPython asks for this."""
        return [f"Not yet: {self}"]


def require(condition: object, message: str) -> None:
    """Raise NotYet with a message unless the condition holds."""
    if not condition:
        raise NotYet(message)


def one_line(text: object) -> str:
    """Shorten a text to one line that fits below a cell."""
    line = " ".join(str(text).split())
    return line if len(line) <= 200 else line[:200] + " ..."


def name_of(function: object) -> str:
    """Return the name that the reader gave the function."""
    name = getattr(function, "__name__", "")
    return "your function" if name in ("", "<lambda>") else name


def copy_of(value: Any) -> Any:
    """Copy what the reader's code could write to; maps and functions are handed on as they are."""
    return deepcopy(value) if isinstance(value, np.ndarray | list | dict | tuple) else value


def _given(function: Callable, args: Sequence[Any]) -> str:
    """List the shapes of the arrays that a function was called with: "dz (3, 6), w (4,)"."""
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        names = []
    names += [f"argument {n + 1}" for n in range(len(names), len(args))]
    arrays = [(name, arg) for name, arg in zip(names, args, strict=False) if isinstance(arg, np.ndarray)]
    return ", ".join(f"{name} {arg.shape}" for name, arg in arrays)


SHAPE_WORDS = ("matmul", "gufunc", "broadcast", "not aligned", "boolean index did not match", "same length")


def explain_error(function: Callable, error: BaseException, args: Sequence[Any]) -> NotYet:
    """Say in plain words why the reader's code stopped."""
    name = name_of(function)
    given = _given(function, args)
    if isinstance(error, NotImplementedError):
        return NotYet(f"{name} is still empty; write it in place of the line that raises NotImplementedError", True)
    if isinstance(error, ValueError) and given and any(word in str(error) for word in SHAPE_WORDS):
        return NotYet(f"{name} stopped because shapes don't fit together; it was given {given}: is something "
                      "transposed, or one step missing?")
    if "object too deep" in str(error):
        return NotYet(f"{name} stopped because np.bincount takes flat arrays only; use .ravel()")
    return NotYet(one_line(f"{name} stopped with {type(error).__name__}: {error}"))


def call(function: Callable, *args: Any) -> Any:
    """Call the reader's function on copies; whatever goes wrong in it becomes a NotYet."""
    return call_with(function, *map(copy_of, args))


def call_with(function: Callable, *args: Any) -> Any:
    """Call the reader's function on these very arguments, where the check wants to see what it does to them."""
    require(callable(function), f"the check needs your function itself, got {one_line(repr(function))}; "
            "pass its name, without parentheses")
    try:
        result = function(*args)
        if isinstance(result, Iterator):
            result = list(result)
    except NotYet:
        raise
    except (Exception, SystemExit) as error:
        raise explain_error(function, error, args) from error
    require(result is not None, f"{name_of(function)} returned None; is there a `return` in every branch?")
    return result


def call_pair(function: Callable, *args: Any) -> tuple[Any, Any]:
    """Call the reader's function, which has to return two values: a tuple, a list or an array of length 2."""
    result = call(function, *args)
    several = isinstance(result, tuple | list) or (isinstance(result, np.ndarray) and result.ndim > 0)
    came = len(result) if isinstance(result, tuple | list) else f"one ({type(result).__name__})"
    require(several and len(result) == 2, f"{name_of(function)} should return two values, got {came}")
    first, second = result
    return first, second


def _real(found: Any, what: str) -> NDArray:
    """Take what the reader wrote as an array of real numbers, in the precision in which it was computed."""
    require(found is not None and found is not Ellipsis, f"{what} is still missing")
    kind = f"{what}: expected numbers, got a {type(found).__name__}"
    try:
        array = np.asarray(found)
        require(array.dtype.kind not in "USV", kind)
        if array.dtype.kind == "c":
            require(not np.any(array.imag), f"{what} is complex")
            array = array.real
        return array if array.dtype.kind == "f" else np.array(array, dtype=float)
    except OverflowError as error:  # a whole number of Python may be larger than any float
        raise NotYet(f"{what} holds a number that is too large, above 1e308") from error
    except (TypeError, ValueError) as error:
        raise NotYet(kind) from error


def numbers(found: Any, what: str) -> NDArray[np.float64]:
    """Take what the reader wrote as an array of numbers."""
    return np.array(_real(found, what), dtype=float)


def number(found: Any, what: str) -> float:
    """Take what the reader wrote as one number."""
    array = numbers(found, what)
    require(array.shape == (), f"{what} should be a number, got a {type(found).__name__} of shape {array.shape}")
    require(np.isfinite(array), f"{what} is {array}")
    return float(array)


def whole(found: Any, what: str) -> int:
    """Take what the reader wrote as one whole number."""
    value = number(found, what)
    require(value == round(value), f"{what} should be a whole number, got {value:g}")
    try:
        return index(found)  # exact, however many digits
    except TypeError:
        return round(value)


def close(found: NDArray, expected: NDArray, tolerance: float = 1e-6) -> bool:
    """Compare arrays of one shape, relative to the largest number in them; nan equals nan."""
    finite = np.abs(expected[np.isfinite(expected)])
    scale = finite.max() if finite.size else 0.0
    return bool(np.allclose(found, expected, rtol=tolerance, atol=tolerance * scale + 1e-12, equal_nan=True))


@dataclass(frozen=True)
class Example:
    """One question put to the reader's function.

    expected: the right answer. mistakes: a reason each, and what that mistake would give. where: the example in words.
    """

    arguments: tuple
    expected: Any
    mistakes: Sequence[tuple[str, Any]] = field(default=())
    where: str = ""


Answer = tuple[NDArray, float]  # the numbers that came, and how exact they can be


def ask(function: Callable, example: Example, what: str, tolerance: float = 1e-6) -> Answer | NotYet:
    """Ask one question: the numbers that came and how exact they can be, or how the function stopped."""
    try:
        found = _real(call(function, *example.arguments), what)
    except NotYet as problem:
        if problem.empty:
            raise
        return problem
    return np.array(found, dtype=float), tolerance if found.dtype.itemsize >= 8 else max(tolerance, 2e-5)


def same(answer: Answer, value: Any) -> bool:
    """Say whether an answer is this value, shape included."""
    value = np.asarray(value, dtype=float)
    return answer[0].shape == value.shape and close(answer[0], value, answer[1])


def mark(function: Callable, examples: Sequence[Example], what: str, tolerance: float = 1e-6,
         tables: Sequence[str] = ()) -> None:
    """Put all questions to the reader's function; if an answer is wrong, raise NotYet with what explains them all.

    what: the name of the result in messages, "dw". tables: the names of the tables, if a result holds more than one.
    """
    answers = [ask(function, example, what, tolerance) for example in examples]
    came = [(a, e) for a, e in zip(answers, examples, strict=True) if not isinstance(a, NotYet)]
    wrong = [(a, e) for a, e in came if not same(a, e.expected)]
    stopped = [a for a in answers if isinstance(a, NotYet)]
    if not wrong and not stopped:
        return
    place = f" ({wrong[0][1].where})" if wrong and wrong[0][1].where else ""
    for n, (reason, _) in enumerate(wrong[0][1].mistakes if wrong else ()):
        if all(same(a, e.mistakes[n][1]) for a, e in came):
            raise NotYet(f"{what}{place}: {reason}")
    if stopped:
        raise stopped[0]
    (found, _), example = wrong[0]
    expected = np.asarray(example.expected, dtype=float)
    raise NotYet(_difference(found, expected, what, place, len(wrong) < len(came), tables))


def _difference(found: NDArray, expected: NDArray, what: str, place: str, sometimes: bool,
                tables: Sequence[str]) -> str:
    """Describe a wrong answer without giving the right one away."""
    if found.shape != expected.shape:
        return f"{what} has shape {found.shape}, expected {expected.shape}{place}"
    if np.isnan(found).any():
        return f"{what} has entries that are nan{place}"
    if found.ndim == 0:
        return f"{what} is {float(found):.6g}{place}, which is too {'large' if found > expected else 'small'}"
    different = ~np.isclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max(initial=0) + 1e-12)
    at = tuple(int(n) for n in np.argwhere(different)[0])
    name = f"{tables[at[0]]}{list(at[1:])}" if tables else f"{what}{list(at)}"
    message = f"{name} is {found[at]:.6g}{place}, which is not right"
    factors = found[expected != 0] / expected[expected != 0]
    if not found.any():
        return message + ": all entries are 0"
    if factors.size > 1 and np.allclose(factors, factors[0]) and not np.any(found[expected == 0]):
        return message + f": every entry is {factors[0]:.4g} times what it should be"
    message += f"; {different.sum()} of {found.size} entries are wrong"
    return message + (", and other examples are right" if sometimes else "")


def mark_number(found: Any, expected: float, what: str, mistakes: Sequence[tuple[str, float]] = (),
                tolerance: float = 1e-9) -> None:
    """Mark a number that the reader worked out on paper; the right one is never shown."""
    value = number(found, what)
    if abs(value - expected) <= tolerance * max(1.0, abs(expected)):
        return
    for reason, wrong in mistakes:
        require(abs(value - wrong) > tolerance * max(1.0, abs(wrong)), f"{what}: {reason}")
    raise NotYet(f"{what} is not {value:g}")


def compare_constants(found: Any, expected: NDArray, what: str, mistakes: Sequence[tuple[str, Any]] = ()) -> None:
    """Mark numbers that the reader worked out on paper; the right ones are never shown."""
    values = numbers(found, what)
    require(values.shape == expected.shape, f"{what} has shape {values.shape}, expected {expected.shape}")
    if close(values, expected):
        return
    for reason, wrong in mistakes:
        require(not close(values, np.asarray(wrong)), f"{what}: {reason}")
    at = int(np.argmax(~np.isclose(values, expected, atol=1e-6)))
    raise NotYet(f"{what}[{at}] is not right")


def done(message: str) -> None:
    """Say that it is right, and what was shown."""
    print(f"Right. {message}")
