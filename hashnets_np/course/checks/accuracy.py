"""Checks of exercise 8: compression versus accuracy."""

import csv
import itertools
from collections.abc import Callable, Mapping

import numpy as np

from ...datasets.data_files import package_file
from ...experiments.report.verdicts import NOT_SUPPORTED, SUPPORTED, SURE, VERDICTS, verdict
from ...experiments.sizes import equal_size_widths
from ..marking import Example, call, done, mark, number, one_line, require


def _width_mistakes(n_in: int, hidden: int, classes: int, stored: int) -> list[tuple[str, float]]:
    """Say what well-known mistakes would give for the width."""
    exact = (stored - classes) / (n_in + classes + 1)

    def bounded(h: float) -> float:
        return min(hidden, max(1, round(h)))

    return [
        ("the biases are missing: each hidden unit has one, and each class", bounded(stored / (n_in + classes))),
        ("the biases of the hidden units are missing", bounded((stored - classes) / (n_in + classes))),
        ("the biases of the classes are missing", bounded(stored / (n_in + classes + 1))),
        ("the nearest width can lie above: round, don't cut off", min(hidden, max(1, int(exact)))),
        ("the nearest width can lie below: round to the nearest, not up", min(hidden, max(1, int(np.ceil(exact))))),
        ("it must be at least 1 and at most `hidden`", round(exact)),
        ("it must be at least 1", min(hidden, round(exact))),
        ("it must be at most `hidden`", max(1, round(exact))),
        ("the weights of the output layer are missing", bounded(stored / (n_in + 1))),
    ]


def equal_size_width(function: Callable) -> None:
    """Check the hidden width of the equal-size network: function(n_in, hidden, classes, stored) -> width."""
    questions = [(784, 1000, 10, 99_376), (784, 1000, 10, 12_423), (784, 1000, 10, 795_010), (784, 50, 10, 5000)]
    questions += [(784, 50, 10, 100), (784, 2, 10, 5000)]  # without the bounds 1 and `hidden` they would be 0 and 6
    questions += [(8, 100, 10, 601), (3, 500, 2, 900), (20, 40, 30, 777), (4, 90, 5, 333), (64, 256, 10, 310)]
    questions += [(4, 50, 40, 1000)]  # many classes: storage is not in proportion to the width
    examples = []
    for n_in, hidden, classes, stored in questions:
        expected = equal_size_widths([n_in, hidden, classes], stored)[1]
        where = f"{n_in} inputs, {classes} classes, {stored} stored parameters"
        mistakes = _width_mistakes(n_in, hidden, classes, stored)
        examples.append(Example((n_in, hidden, classes, stored), expected, mistakes, where))
    mark(function, examples, "the width")
    done("The same widths as hn.build('nn', ...).")


def _count_wins(first: str, second: str) -> dict[tuple[str, int], int]:
    """Count, in the paper's tables, on how many data sets one method is below another."""
    rows = list(csv.DictReader(package_file("paper/tables_1_2.csv").read_text().splitlines()))
    counts = {}
    for c, layers in itertools.product(("1/8", "1/64"), (3, 5)):
        errors = {(r["dataset"], r["method"]): float(r["test_error_percent"]) for r in rows
                  if (r["compression"], int(r["layers"])) == (c, layers)}
        counts[c, layers] = sum(errors[d, first] < errors[d, second] for d in {d for d, _ in errors})
    return counts


def wins(found: Mapping[tuple[str, int], int], rows: object = None) -> None:
    """Check on how many of the eight data sets HashNet beats NN, by (compression, layers), in the paper's tables.

    rows: what the reader counted in; the check reads the tables itself.
    """
    require(isinstance(found, Mapping), f"the counts should be a dictionary, got a {type(found).__name__}")
    expected = _count_wins("HashNet", "NN")
    counts = {}
    for c, layers in expected:
        require((c, layers) in found, f"the entry for ({c!r}, {layers}) is missing")
        counts[c, layers] = number(found[c, layers], f"the entry for ({c!r}, {layers})")
    if counts != expected:
        reasons = {
            "these are the data sets on which NN is below HashNet": _count_wins("NN", "HashNet"),
            "this is HashNetDK against NN; the question leaves dark knowledge out": _count_wins("HashNetDK", "NN"),
            "this is HashNetDK against DK": _count_wins("HashNetDK", "DK"),
            "this is HashNet against DK": _count_wins("HashNet", "DK"),
            "this is HashNetDK against HashNet": _count_wins("HashNetDK", "HashNet"),
        }
        for reason, wrong in reasons.items():
            require(counts != wrong, reason)
        key = next(key for key in expected if counts[key] != expected[key])
        require(False, f"({key[0]!r}, {key[1]}): the tables don't say {counts[key]:g} of 8")
    done("HashNet does not always win; at 1/64 with 3 layers it does.")


def standard_error(function: Callable) -> None:
    """Check the standard error of an error rate in percent: function(error_percent, n) -> percent."""
    fraction = "the error is in percent, and you took it for a fraction: p (1 - p) needs p between 0 and 1"
    examples = []
    for percent, n in ((1.45, 10_000), (22.93, 50_000), (50.0, 600), (0.4, 1000), (96.5, 40)):
        p = percent / 100
        expected = 100 * np.sqrt(p * (1 - p) / n)
        planted = 100 * np.sqrt(abs(percent * (1 - percent)) / n)
        examples.append(Example((percent, n), expected, [
            (fraction, planted),
            (f"{fraction}; and the result should be in percent", planted / 100),
            ("that is a fraction, the result should be in percent", expected / 100),
            ("the root is missing: p (1 - p) / n is the variance", 100 * p * (1 - p) / n),
            ("n belongs under the root", 100 * np.sqrt(p * (1 - p)) / n),
            ("the variance is p (1 - p), not p", 100 * np.sqrt(p / n)),
            ("this is the spread of one image; the mean of n has a smaller one", 100 * np.sqrt(p * (1 - p))),
            ("divide by n, not n - 1: p itself is given", 100 * np.sqrt(p * (1 - p) / (n - 1))),
            ("this is 1.96 standard errors, half a confidence interval", 1.96 * expected),
            ("this is two standard errors", 2 * expected),
        ], f"{percent} % on {n}"))
    mark(function, examples, "the standard error")
    done("For MNIST at 1.5 %, about 0.12 %.")


def paired_errors(function: Callable) -> None:
    """Check McNemar's test: function(wrong_first, wrong_second), two arrays of True and False -> standard errors."""
    rng = np.random.default_rng(3)
    cases = [(rng.random(n) < p, rng.random(n) < q) for n, p, q in ((60, 0.5, 0.2), (200, 0.1, 0.3), (9, 0.6, 0.5))]
    cases += [(np.array([True, False, True]), np.array([True, False, True])),
              (np.array([True, True, True, True]), np.array([False, False, False, True]))]
    examples = []
    for first, second in cases:
        b = int(np.sum(first & ~second))
        c = int(np.sum(second & ~first))
        both = max(b + c, 1)
        a, n = int(np.sum(first & second)), len(first)
        p, q = first.mean(), second.mean()
        apart = np.sqrt((p * (1 - p) + q * (1 - q)) / n)
        examples.append(Example((first, second), (b - c) / np.sqrt(both), [
            ("the sign should be positive where the first makes more errors", (c - b) / np.sqrt(both)),
            ("the sign is missing", abs(b - c) / np.sqrt(both)),
            ("this is the square, as chi-square has it; its root, with a sign, is asked for", (b - c) ** 2 / both),
            ("the standard deviation of B - C is the root of B + C", (b - c) / both),
            ("this is the difference of the counts, not in units of its standard deviation", b - c),
            ("each image is a fair coin: its variance is 1, not 1/4, for a result of +1 or -1",
             (b - c) / np.sqrt(both / 4)),
            ("images that both got wrong say nothing about a difference", (b - c) / np.sqrt(max(a + b + c, 1))),
            ("images that both got right say nothing about a difference", (b - c) / np.sqrt(n)),
            ("this takes the two error rates as independent", (p - q) / apart if apart else 0.0),
            ("that is the difference of the error rates", p - q),
        ], f"{n} images, {b} wrong for the first only, {c} for the second only"))
    mark(function, examples, "the difference")
    done("Sharper than two standard errors apart, because both stumble over the same images.")


VERDICT_EXAMPLES: tuple[list[float], ...] = (
    [2.1], [1.9], [-1.9], [-2.1], [], [3, 4, 1], [3, 3, 1, 1], [3, -3], [3, 3, 3, 3, 3, 1, 1, -3],
    [3, 3, 3, 3, 1, 1, 1, -3], [3, 3, 3, 3, 3, 3, -3, -3], [0.0] * 32, [3.0] * 29 + [-3.0] * 3, [3.0] * 30 + [-3.0] * 2,
    [3.0] * 16 + [1.0] * 16, [3.0] * 17 + [1.0] * 15, [2.5, 2.5, 1.5], [3.0] * 12 + [-3.0] * 2 + [0.5] * 2,
    [2.0, 2.0, 3.0], [-2.0, -2.0],  # exactly 2 is not beyond 2
)


def claim_verdict(function: Callable) -> None:
    """Check lesson 8's rule: function(apart) -> "supported", "not supported" or "cannot tell"."""
    for apart in VERDICT_EXAMPLES:
        found = call(function, list(apart))
        expected = verdict(apart)
        require(isinstance(found, str), f"the verdict should be a text, got a {type(found).__name__}")
        require(found in VERDICTS, f"the verdict should be one of {', '.join(VERDICTS)}, got {found!r}")
        agree = sum(z > SURE for z in apart)
        contradict = sum(z < -SURE for z in apart)
        case = f"{agree} of {len(apart)} surely agree, {contradict} surely contradict"
        hint = _verdict_hint(found, expected, agree, contradict, len(apart))
        if any(abs(z) == SURE for z in apart):
            hint = ": exactly 2 is not beyond 2"
        require(found == expected, f"for {one_line(apart)} ({case}) {found!r} is not right{hint}")
    done("One rule for all claims, those that one likes and those that one doesn't.")


def _verdict_hint(found: str, expected: str, agree: int, contradict: int, n: int) -> str:
    """Say what a wrong verdict probably overlooks."""
    if expected == NOT_SUPPORTED:
        return ": chance alone would hardly bring about so many contradictions"
    if found == NOT_SUPPORTED:
        return ": chance can bring about so many" if contradict else ": nothing surely contradicts"
    if found == SUPPORTED:
        return ": exactly half is not more than half" if n and 2 * agree == n else ": is that more than half?"
    return ": more than half surely agree"


def difference_in_errors(function: Callable) -> None:
    """Check a difference in standard errors: function(a, b, n) -> z, for two networks on n test images each."""
    examples = []
    for a, b, n in ((6.28, 2.79, 10_000), (1.45, 1.43, 10_000), (23.91, 27.06, 50_000), (10.0, 40.0, 100)):
        p = a / 100
        q = b / 100
        one = p * (1 - p) / n
        two = q * (1 - q) / n
        z = (p - q) / np.sqrt(one + two)
        mean = (p + q) / 2
        examples.append(Example((a, b, n), z, [
            ("the two variances add up, not the two standard errors", (p - q) / (np.sqrt(one) + np.sqrt(two))),
            ("the sign should be that of a - b", -z),
            ("the sign should be that of a - b", abs(z)),
            ("the variances of both errors count, not only that of a", (p - q) / np.sqrt(one)),
            ("the variances of both errors count, not only that of b", (p - q) / np.sqrt(two)),
            ("variances add up, even for a difference", (p - q) / np.sqrt(abs(one - two))),
            ("this divides by the variance, not by its root", (p - q) / (one + two)),
            ("a and b are in percent, and so must be their standard error", 100 * z),
            ("a and b are in percent, and so must be their standard error", z / 100),
            ("this is the difference itself, not in units of its standard error", a - b),
            ("each error has its own variance; this takes that of their mean for both",
             (p - q) / np.sqrt(2 * mean * (1 - mean) / n)),
        ], f"{a} % and {b} % on {n}"))
    mark(function, examples, "z")
    done("Differences below 2 are what chance does.")

