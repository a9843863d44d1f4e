"""One rule for every claim: what counts as sure, and a verdict of three words.

The report and lesson 8 judge by this rule alone. It was written down before the runs of protocol 2 began to come in,
and its thresholds have reasons that do not depend on any result:

* A comparison is **sure** beyond two standard errors of the difference. That is the usual threshold: if there were no
  difference, one comparison in 44 would pass it to either side. Test images and training runs are two separate sources
  of chance, so their variances add up; where both networks were tried on the same images, pairs are compared
  (`results.difference`).
* A claim about several data sets is **not supported** if so many comparisons surely contradict it that chance alone
  would produce them in fewer than one case of twenty.
* Otherwise it is **supported** if more than half of the planned comparisons surely agree, the least that "in general"
  can mean.
* Otherwise our runs **cannot tell**.
"""

from collections.abc import Iterable
from math import comb, erfc, exp, hypot, sqrt

from .results import Result, difference

SURE = 2.0  # standard errors
RARE = 1 / 20  # what happens by chance in fewer cases than this is not put down to chance
SUPPORTED = "supported"
NOT_SUPPORTED = "not supported"
CANNOT_TELL = "cannot tell"
VERDICTS = (SUPPORTED, NOT_SUPPORTED, CANNOT_TELL)


def standard_errors_below(first: Result, second: Result) -> float:
    """Say by how many standard errors of the difference the first error is below the second."""
    change, error = difference(first, second)
    return _divided(-change, error)


def standard_errors_within(first: Result, second: Result, share: float) -> float:
    """Say by how many standard errors two errors differ by less than a share of the second; negative: by more.

    "Not told apart" is not "equal": with few images nothing is told apart. So a claim of equality needs a margin, and
    it is sure only if the whole interval of the difference lies within.
    """
    change, error = difference(first, second)
    return _divided(share * second.mean - abs(change), error)


def standard_errors_under(result: Result, limit: float) -> float:
    """Say by how many standard errors an error is below a fixed number."""
    return _divided(limit - result.mean, result.standard_error)


def _divided(difference: float, error: float) -> float:
    """Divide by a standard error; without any error the smallest difference is sure."""
    if error:
        return difference / error
    return 0.0 if difference == 0 else float("inf") if difference > 0 else -float("inf")


def by_chance(comparisons: int) -> int:
    """Count how many of so many comparisons can surely contradict a claim by chance alone.

    If there were no difference anywhere, each comparison would do so with probability 0.023. The number returned is
    the largest that is reached in at least one case of twenty.

    >>> [by_chance(n) for n in (1, 2, 8, 16, 32)]
    [0, 0, 1, 2, 2]
    """
    p = erfc(SURE / sqrt(2)) / 2
    at_least = 1.0  # probability of `count` contradictions or more
    for count in range(comparisons + 1):
        at_least -= comb(comparisons, count) * p**count * (1 - p) ** (comparisons - count)
        if at_least < RARE:
            return count
    return comparisons


def verdict(apart: Iterable[float], planned: int | None = None) -> str:
    """Judge a claim by its comparisons: standard errors each, positive where they are as the claim says.

    planned: how many comparisons the claim is about, where not all have been run.

    >>> verdict([3, 4, 5, 1]), verdict([3, -3]), verdict([1.9]), verdict([3, 4], planned=8)
    ('supported', 'not supported', 'cannot tell', 'cannot tell')
    """
    values = list(apart)
    agree = sum(z > SURE for z in values)
    contradict = sum(z < -SURE for z in values)
    if contradict > by_chance(len(values)):
        return NOT_SUPPORTED
    return SUPPORTED if 2 * agree > (planned or len(values)) else CANNOT_TELL


def ratio(first: Result, second: Result) -> tuple[float, float, float]:
    """Divide the first mean by the second; with an interval of two standard errors (low, ratio, high)."""
    middle = first.mean / second.mean
    relative = hypot(first.standard_error / first.mean, second.standard_error / second.mean)
    factor = exp(SURE * relative)
    return middle / factor, middle, middle * factor
