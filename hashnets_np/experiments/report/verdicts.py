"""One rule for every claim: what counts as sure, and a verdict of three words.

The report and lesson 8 judge by this rule alone. Its thresholds have reasons that do not depend on any result, but it
was not written before all results: it replaced an earlier set of verdicts when the 545 runs of protocol 1 were known
and 6 runs and 2 searches of protocol 2 were in. On 28 November 2026 it was made stricter for few seeds (Student's t,
and a borrowed spread for single seeds), which can only turn "sure" into "not told apart", and less strict for the
released recipe; what that changed is in `data/records/how_sure.md`.

* A comparison is **sure** if the interval of the difference does not contain 0. The interval has the level of two
  standard errors of a normal variable, 95.45 %, and is Student's, because the spread of three seeds is a guess itself:
  if there were no difference, at most one comparison in 22 would pass, one in 44 in a given direction. Test images and
  training runs are two separate sources of chance, so their variances add up. Both networks were tried on the same
  images: where the records say which each got wrong, pairs are compared; elsewhere (protocol 1) the images are taken as
  independent. Either way fewer comparisons pass than one in 22: pairs are compared by shares of a few seeds, whose luck
  is then counted a second time. A cell of one seed borrows its spread (`results`).
* A claim about several data sets is **not supported** if so many comparisons surely contradict it that chance alone
  would produce them in fewer than one case of twenty.
* Otherwise it is **supported** if more than half of the planned comparisons surely agree, the least that "in general"
  can mean.
* Otherwise our runs **cannot tell**.
"""

from collections.abc import Iterable
from math import comb, erf, erfc, inf, sqrt

from .changes import Change
from .results import Result, difference, relative_difference

SURE = 2.0  # standard errors of a normal variable
LEVEL = erf(SURE / sqrt(2))  # of the interval that reaches so far: 0.9545
RARE = 1 / 20  # what happens by chance in fewer cases than this is not put down to chance
SUPPORTED = "supported"
NOT_SUPPORTED = "not supported"
CANNOT_TELL = "cannot tell"
VERDICTS = (SUPPORTED, NOT_SUPPORTED, CANNOT_TELL)


def standard_errors(change: Change) -> float:
    """Say how many standard errors a difference is from 0; with few degrees of freedom more of them count as two.

    So the difference is sure, its interval does not contain 0, if more than 2 or less than -2 is returned. Without any
    error the smallest difference is sure.

    >>> [round(standard_errors(Change(3.0, 1.0, freedom)), 2) for freedom in (2, 4, 1e6)]
    [1.33, 2.09, 3.0]
    """
    if change.error:
        return SURE * change.mean / change.half_width(LEVEL)
    return 0.0 if change.mean == 0 else inf if change.mean > 0 else -inf


def standard_errors_below(first: Result, second: Result) -> float:
    """Say by how many standard errors of the difference the first error is below the second."""
    return -standard_errors(difference(first, second))


def standard_errors_within(first: Result, second: Result, share: float) -> float:
    """Say by how many standard errors two errors differ by less than a share of the second; negative: by more.

    "Not told apart" is not "equal": with few images nothing is told apart. So a claim of equality needs a margin, and
    it is sure only if the whole interval of the difference lies within.
    """
    below_the_upper_end = -standard_errors(difference(first, second, 1 + share))
    above_the_lower_end = standard_errors(difference(first, second, 1 - share))
    return min(below_the_upper_end, above_the_lower_end)


def standard_errors_under(estimate: Change, limit: float) -> float:
    """Say by how many standard errors an error is below a fixed number."""
    return standard_errors(Change(limit - estimate.mean, estimate.error, estimate.freedom))


def ratio(first: Result, second: Result) -> tuple[float, float, float]:
    """Divide the first mean by the second; with an interval (low, ratio, high) of the level of the rule."""
    low, high = relative_difference(first, second).interval(LEVEL)
    return max(0.0, 1 + low / 100), first.mean / second.mean, 1 + high / 100


def by_chance(comparisons: int) -> int:
    """Count how many of so many comparisons can surely contradict a claim by chance alone.

    If there were no difference anywhere, each comparison would do so with probability 0.023, or less (see above). The
    number returned is the largest that is reached in at least one case of twenty. Comparisons are taken as independent,
    although those that share a network are not quite.

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
