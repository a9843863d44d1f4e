"""Run a target on many drawn inputs and count what came of each, by class.

Four classes: the input was right and was handled; one clear line of ValueError or OSError (MemoryError, where NumPy
says how much was asked for); TypeError; anything else, a surprise, which is kept with the input that caused it.
"""

import signal
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

RIGHT, CLEAR, TYPE, OTHER = "right", "one clear line", "TypeError", "anything else"
CLASSES = (RIGHT, CLEAR, TYPE, OTHER)
SECONDS = 60  # that one input may take


@dataclass
class Target:
    """What is fuzzed: a strategy for inputs, and what is done with one of them; it raises AssertionError if wrong."""

    name: str
    inputs: SearchStrategy
    act: Callable[[Any], object]


@dataclass
class Outcome:
    """How many inputs fell into each class, and the surprises: what was raised and where -> an input that does it."""

    counts: Counter = field(default_factory=Counter)
    surprises: dict[str, str] = field(default_factory=dict)


class TookTooLong(BaseException):
    """An input that took more than `SECONDS`."""


def too_long(*_: object) -> None:
    raise TookTooLong(f"more than {SECONDS} s")


def class_of(act: Callable[[Any], object], value: Any) -> tuple[str, str]:
    """Run it; return its class and, for a surprise, what was raised and where."""
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            act(value)
    except (ValueError, OSError) as error:
        text = str(error)
        is_clear = bool(text.strip()) and "\n" not in text and len(text) < 2000
        return (CLEAR, "") if is_clear else (OTHER, where(error))
    except MemoryError as error:
        return (CLEAR, "") if "Unable to allocate" in str(error) else (OTHER, where(error))
    except TypeError:
        return TYPE, ""
    except (Exception, TookTooLong) as error:
        return OTHER, where(error)
    finally:
        signal.alarm(0)
    return RIGHT, ""


def where(error: BaseException) -> str:
    """Name an error and the line that raised it, so that the same surprise is kept once."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{last.filename.rsplit('hashnets_np/', 1)[-1]}:{last.lineno}"
    return f"{type(error).__name__} at {place}: {' '.join(str(error).split())[:150]}"


def fuzz(target: Target, examples: int, start: int = 0) -> Outcome:
    """Draw inputs for a target, from a seed, and count their classes."""
    outcome = Outcome()

    @seed(start)
    @settings(max_examples=examples, database=None, deadline=None, phases=[Phase.generate], derandomize=False,
              suppress_health_check=list(HealthCheck), report_multiple_bugs=False)
    @given(target.inputs)
    def draw(value: Any) -> None:
        name, surprise = class_of(target.act, value)
        outcome.counts[name] += 1
        if surprise:
            outcome.surprises.setdefault(surprise, repr(value)[:1500])

    draw()
    return outcome
