"""The rule for verdicts on made-up numbers: what is sure, what chance can do, and three words."""

from dataclasses import dataclass
from math import comb

import pytest

from hashnets_np.experiments.report.verdicts import (
    VERDICTS,
    by_chance,
    ratio,
    standard_errors_below,
    standard_errors_under,
    standard_errors_within,
    verdict,
)


@dataclass
class Cell:
    """As much of a `Result` as the rule looks at."""

    mean: float
    standard_error: float = 0.1
    wrong: tuple = ()


def test_a_lower_error_counts_as_below():
    assert standard_errors_below(Cell(5.0, 0.3), Cell(6.0, 0.4)) == pytest.approx(2.0)
    assert standard_errors_below(Cell(6.0), Cell(5.0)) < 0
    assert standard_errors_below(Cell(5.0, 0.0), Cell(6.0, 0.0)) == float("inf")
    assert standard_errors_below(Cell(5.0, 0.0), Cell(5.0, 0.0)) == 0.0


def test_equal_means_within_a_share_and_not_merely_not_told_apart():
    tenth = 0.1
    assert standard_errors_within(Cell(10.1, 0.1), Cell(10.0, 0.1), tenth) > 2
    assert standard_errors_within(Cell(12.0, 0.1), Cell(10.0, 0.1), tenth) < -2
    assert abs(standard_errors_within(Cell(10.1, 3.0), Cell(10.0, 3.0), tenth)) < 2  # told apart from nothing


def test_an_error_is_held_against_a_fixed_number():
    assert standard_errors_under(Cell(1.35, 0.1), 1.55) == pytest.approx(2.0)


def test_a_ratio_has_an_interval_around_it():
    low, middle, high = ratio(Cell(4.0), Cell(8.0))
    assert low < middle == 0.5 < high and low * high == pytest.approx(0.25)


@pytest.mark.parametrize("comparisons", [1, 2, 3, 8, 16, 32, 60])
def test_chance_alone_contradicts_more_often_than_allowed_in_less_than_one_case_of_twenty(comparisons):
    p = 0.0227501
    allowed = by_chance(comparisons)

    def more_than(count):
        counts = range(count + 1, comparisons + 1)
        return sum(comb(comparisons, k) * p**k * (1 - p) ** (comparisons - k) for k in counts)

    assert more_than(allowed) < 0.05
    assert allowed == 0 or more_than(allowed - 1) >= 0.05


@pytest.mark.parametrize(("apart", "says"), [
    ([2.1], "supported"), ([1.9], "cannot tell"), ([-1.9], "cannot tell"), ([-2.1], "not supported"),
    ([], "cannot tell"), ([3, 4, 1], "supported"), ([3, 3, 1, 1], "cannot tell"), ([3, -3], "not supported"),
    ([3] * 5 + [1, 1, -3], "supported"), ([3] * 4 + [1, 1, 1, -3], "cannot tell"),
    ([3] * 6 + [-3, -3], "not supported"),
    ([0.0] * 32, "cannot tell"), ([3] * 29 + [-3] * 3, "not supported"),
])
def test_the_verdict_follows_the_rule(apart, says):
    assert verdict(apart) == says in VERDICTS


def test_what_has_not_been_run_counts_against_a_majority():
    assert verdict([3] * 4, planned=8) == "cannot tell"
    assert verdict([3] * 5, planned=8) == "supported"
    assert verdict([-3], planned=8) == "not supported"
