"""A difference of errors with its standard error, and an interval that knows how uncertain that standard error is.

A standard error that comes from three seeds is itself a guess: Student's t takes the place of "two standard errors",
4.5 with two degrees of freedom, 2.9 with four. Where several sources of chance add up, such as seeds and test images,
Satterthwaite's formula gives the degrees of freedom of the sum.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import inf, isinf, sqrt
from typing import NamedTuple

import numpy as np

LARGEST_FREEDOM = 10_000  # from here on Student's distribution is the normal one


class Part(NamedTuple):
    """One source of chance: its variance, and the degrees of freedom from which that is known."""

    variance: float
    freedom: float


UNKNOWN = Part(inf, 1)  # nothing can be said with it


@dataclass(frozen=True)
class Change:
    """A mean difference, its standard error, and the degrees of freedom of that; all in percent."""

    mean: float
    error: float
    freedom: float

    def interval(self, level: float) -> tuple[float, float]:
        """Return Student's interval at a level such as 0.95."""
        half = self.half_width(level)
        return self.mean - half, self.mean + half

    def half_width(self, level: float) -> float:
        """Return half the length of that interval."""
        return student(level, self.freedom) * self.error

    def direction(self, level: float) -> str:
        """Say whether the interval lies below 0, "fewer" errors, above 0, "more", or around it, ""."""
        low, high = self.interval(level)
        return "fewer" if high < 0 else "more" if low > 0 else ""


def limit_text(error: float, decimals: int = 2) -> str:
    """Write a standard error or half an interval, "unknown" where nothing limits it."""
    return "unknown" if isinf(error) else f"{error:.{decimals}f}"


def change_of(mean: float, parts: Iterable[Part]) -> Change:
    """Add up independent sources of chance, with Satterthwaite's degrees of freedom.

    >>> change_of(1.0, [Part(0.01, 2), Part(0.01, 2)])
    Change(mean=1.0, error=0.1414213562373095, freedom=4.0)
    """
    known = list(parts)
    variance = sum(part.variance for part in known)
    if isinf(variance):
        return Change(mean, inf, 1)
    spread = sum(part.variance**2 / part.freedom for part in known)
    return Change(mean, sqrt(variance), variance**2 / spread if spread > 0 else LARGEST_FREEDOM)


@lru_cache(maxsize=4096)
def student(level: float, freedom: float) -> float:
    """Return t such that Student's variable lies between -t and t with probability `level`.

    With T = sqrt(freedom) tan(angle) the density of the angle is cos(angle)^(freedom - 1), which is easy to add up.

    >>> round(student(0.95, 19), 3), round(student(0.95, 2), 3), round(student(0.95, 1e6), 2)
    (2.093, 4.303, 1.96)
    """
    freedom = min(freedom, LARGEST_FREEDOM)
    angle = np.linspace(0, np.pi / 2, 20_001)
    density = np.cos(angle) ** (freedom - 1)
    below = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return float(sqrt(freedom) * np.tan(np.interp(level, below / below[-1], angle)))
