"""Checks of exercise 8: compression versus accuracy."""

import itertools
from collections.abc import Callable, Mapping

import numpy as np

from ...experiments.methods import equal_size_widths
from ..marking import call, compare, done, number, require


def equal_size_width(function: Callable) -> None:
    """Check the hidden width of the equal-size network: function(n_in, hidden, classes, stored) -> width."""
    # the last two: without the bounds 1 and `hidden` they would be 0 and 6
    for hidden, stored in ((1000, 99_376), (1000, 12_423), (1000, 795_010), (50, 5000), (50, 100), (2, 5000)):
        found, expected = call(function, 784, hidden, 10, stored), equal_size_widths([784, hidden, 10], stored)[1]
        right = number(found, "the width") == expected
        require(right, f"{stored} stored parameters: {found} hidden units, expected {expected}")
    done("The same widths as hn.build('nn', ...).")


def wins(found: Mapping[tuple[str, int], int], rows: list[dict[str, str]]) -> None:
    """Check on how many of the eight data sets HashNet beats NN, by (compression, layers), in the paper's tables."""
    for c, layers in itertools.product(("1/8", "1/64"), (3, 5)):
        errors = {(r["dataset"], r["method"]): float(r["test_error_percent"]) for r in rows
                  if (r["compression"], int(r["layers"])) == (c, layers)}
        expected = sum(errors[d, "HashNet"] < errors[d, "NN"] for d in {d for d, _ in errors})
        require((c, layers) in found, f"the entry for ({c!r}, {layers}) is missing")
        require(found[c, layers] == expected, f"({c!r}, {layers}): {found[c, layers]} of 8, expected {expected}")
    done("HashNet does not always win; at 1/64 with 3 layers it does.")


def standard_error(function: Callable) -> None:
    """Check the standard error of an error rate in percent: function(error_percent, n) -> percent."""
    fraction = "percent were taken for a fraction: p (1 - p) needs p between 0 and 1"
    for p, n in ((1.45, 10_000), (22.93, 50_000), (50.0, 600)):
        expected = 100 * np.sqrt(p / 100 * (1 - p / 100) / n)
        compare(call(function, p, n), expected, f"the standard error of {p} % on {n}", {
            fraction: 100 * np.sqrt(abs(p * (1 - p)) / n),
            f"{fraction}; and the result should be in percent": np.sqrt(abs(p * (1 - p)) / n),
            "that is a fraction, the result should be in percent": expected / 100,
        })
    done("For MNIST at 1.5 %, about 0.12 %.")


def difference_in_errors(function: Callable) -> None:
    """Check a difference in standard errors: function(a, b, n) -> z, for two networks on n test images each."""
    for a, b, n in ((6.28, 2.79, 10_000), (1.45, 1.43, 10_000), (23.91, 27.06, 50_000)):
        variance = sum(p / 100 * (1 - p / 100) / n for p in (a, b))
        compare(call(function, a, b, n), (a - b) / 100 / np.sqrt(variance), f"z for {a} and {b}", {
            "the two variances add up, not the two standard errors": (a - b) / 100 / sum(
                np.sqrt(p / 100 * (1 - p / 100) / n) for p in (a, b)),
            "the sign should be that of a - b": (b - a) / 100 / np.sqrt(variance),
        })
    done("Differences below 2 are what chance does.")
