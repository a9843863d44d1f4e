"""The table of claims: its rule on made-up numbers, and that it says of the records what they say."""

from dataclasses import dataclass

import pytest

from hashnets_np.course.claims import claims, claims_table, ratio, standard_error, standard_errors_below, verdict
from hashnets_np.datasets.data_files import package_file
from hashnets_np.experiments.report.results import Findings, results


@dataclass
class Cell:
    """As much of a `Result` as the claims look at."""

    mean: float
    spread: float = 0.0
    runs: tuple = (0,)
    binomial: float = 0.1
    wrong: tuple = ()

    def binomial_error(self, error):
        return self.binomial


def test_the_standard_error_is_the_larger_of_test_set_and_seeds():
    assert standard_error(Cell(5.0, spread=0.8, runs=(0, 1, 2, 3))) == pytest.approx(0.4)
    assert standard_error(Cell(5.0, spread=0.1, runs=(0, 1, 2, 3))) == pytest.approx(0.1)


def test_a_lower_error_counts_as_below():
    assert standard_errors_below(Cell(5.0, binomial=0.3), Cell(6.0, binomial=0.4)) == pytest.approx(2.0)
    assert standard_errors_below(Cell(6.0), Cell(5.0)) < 0


def test_a_ratio_has_an_interval_around_it():
    low, middle, high = ratio(Cell(4.0), Cell(8.0))
    assert low < middle == 0.5 < high and low * high == pytest.approx(0.25)


@pytest.mark.parametrize(("apart", "says"), [
    ([3, 4, 5, 1], "supported"), ([3, 4, 5, -3], "in part"), ([3, 3, 1, 1], "in part"), ([3, 1, 1, 1], "not supported"),
    ([3, -3], "not supported"), ([1.9], "not supported"), ([2.1], "supported"), ([], "not run"),
    ([-3] * 8, "not supported"),
])
def test_the_verdict_follows_the_rule(apart, says):
    assert verdict(apart) == says


def test_nothing_run_gives_a_table_all_the_same():
    nothing = Findings({"1": {}, "2": {}, "released": {}})
    assert all(row.verdict in ("not run", "not supported") for row in claims(nothing))


def test_what_our_runs_do_not_support_stands_in_the_table_like_the_rest():
    found = results(package_file("records"))
    verdicts = {row.verdict for row in claims(found)}
    assert {"supported", "in part", "not supported"} <= verdicts
    table = claims_table(found)
    assert table.count("\n") == len(claims(found)) + 1 and "**not supported**" in table
