"""The rule for verdicts on made-up numbers: what is sure, what chance can do, and three words."""

from math import comb

import numpy as np
import pytest
from small_sweeps import JOB, run_record

from hashnets_np.experiments.report.changes import Change, Part
from hashnets_np.experiments.report.results import Result
from hashnets_np.experiments.report.verdicts import (
    LEVEL,
    VERDICTS,
    by_chance,
    ratio,
    standard_errors,
    standard_errors_below,
    standard_errors_under,
    standard_errors_within,
    verdict,
)


def cell(*errors, images=10_000):
    """A cell with these test errors, one per seed; a single seed borrows a spread of 0."""
    runs = tuple(run_record(JOB, test_error=error, test_examples=images) for error in errors)
    return Result(runs, Part(0.0, 2))


def test_a_lower_error_counts_as_below():
    apart = 100 * ((0.05 * 0.95 + 0.06 * 0.94) / 10_000) ** 0.5
    assert standard_errors_below(cell(5.0), cell(6.0)) == pytest.approx(1.0 / apart, rel=1e-3)
    assert standard_errors_below(cell(6.0), cell(5.0)) < 0
    assert standard_errors_below(cell(0.0), cell(100.0)) == float("inf")  # no test image is uncertain
    assert standard_errors_below(cell(0.0), cell(0.0)) == 0.0


@pytest.mark.parametrize(("freedom", "needed"), [(2, 4.53), (4, 2.87), (12, 2.23), (1e9, 2.0)])
def test_with_few_degrees_of_freedom_more_standard_errors_are_needed(freedom, needed):
    assert standard_errors(Change(needed + 0.01, 1.0, freedom)) > 2
    assert standard_errors(Change(needed - 0.01, 1.0, freedom)) < 2
    assert standard_errors(Change(-needed - 0.01, 1.0, freedom)) < -2


def test_a_comparison_is_sure_where_its_interval_does_not_contain_0():
    for change in (Change(mean, 1.0, freedom) for mean in (-5.0, -2.5, 1.0, 3.0) for freedom in (2, 5, 100)):
        low, high = change.interval(LEVEL)
        assert (abs(standard_errors(change)) > 2) == (low > 0 or high < 0)


def test_three_seeds_pass_in_a_given_direction_once_in_44_where_there_is_no_difference():
    rng = np.random.default_rng(0)
    errors = 20 + 2 * rng.standard_normal((4000, 2, 3))  # far more luck of training than of a million test images
    sure = sum(standard_errors_below(cell(*a, images=10**6), cell(*b, images=10**6)) > 2 for a, b in errors)
    assert 0.5 * 4000 / 44 < sure < 1.35 * 4000 / 44  # with two standard errors it is one in 17


def test_equal_means_within_a_share_and_not_merely_not_told_apart():
    tenth = 0.1
    assert standard_errors_within(cell(10.1), cell(10.0), tenth) > 2
    assert standard_errors_within(cell(12.0), cell(10.0), tenth) < -2
    few = cell(10.1, images=100), cell(10.0, images=100)
    assert abs(standard_errors_within(*few, tenth)) < 2  # told apart from nothing


def test_an_error_is_compared_with_a_fixed_number():
    assert standard_errors_under(Change(1.35, 0.1, 1e9), 1.55) == pytest.approx(2.0, abs=1e-3)
    assert standard_errors_under(Change(1.35, 0.1, 2), 1.55) < 2


def test_a_ratio_has_an_interval_around_it():
    low, middle, high = ratio(cell(4.0), cell(8.0))
    assert low < middle == 0.5 < high and high - middle == pytest.approx(middle - low)
    relative = (0.96 / 0.04 + 0.92 / 0.08) ** 0.5 / 100  # hypot of both relative standard errors
    assert high == pytest.approx(0.5 * (1 + 2 * relative), rel=1e-3)
    assert ratio(cell(0.0), cell(8.0)) == (0.0, 0.0, 0.0)


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
