"""The paper's claims, one by one: what the paper printed, what our runs found, and a verdict by a rule.

The rule is the same for every claim that compares methods on several data sets. A difference counts as sure beyond two
standard errors of the difference. The standard error of one mean is the larger of two, that of the test set and that of
the seeds; where the records know which test images each network got wrong, the test is that of pairs (McNemar). Methods
are compared under one protocol (`data/records/README.md`). A claim is *supported* if at least three quarters of the
comparisons surely agree with it and none surely contradicts it. It is *not supported* if at most a quarter surely agree
or if as many surely contradict it. Otherwise it is supported *in part*.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp, hypot, sqrt

from ..experiments.report.results import Cell, Findings, Result, difference, paper_figures, paper_tables
from ..experiments.report.tables import DATASETS, markdown_table

SURE = 2.0  # standard errors
NEARLY_HALF = 0.4
Errors = Mapping[Cell, float]


@dataclass(frozen=True)
class Claim:
    """One row of the table: the claim in words, the paper's numbers, ours, and the verdict that ours give."""

    claim: str
    paper: str
    ours: str
    verdict: str


def standard_error(result: Result) -> float:
    """Take the larger of the two standard errors of a mean: of the test set, and of the seeds if there are several."""
    seeds = result.spread / sqrt(len(result.runs))
    return max(result.binomial_error(result.mean), seeds)


def standard_errors_below(first: Result, second: Result) -> float:
    """Say by how many standard errors of the difference the first mean is below the second."""
    if first.wrong and second.wrong:
        change, error = difference(first, second)
        return -change / error if error else 0.0
    return (second.mean - first.mean) / hypot(standard_error(first), standard_error(second))


def ratio(first: Result, second: Result) -> tuple[float, float, float]:
    """Divide the first mean by the second; with an interval of two standard errors (low, ratio, high)."""
    middle = first.mean / second.mean
    relative = hypot(standard_error(first) / first.mean, standard_error(second) / second.mean)
    factor = exp(SURE * relative)
    return middle / factor, middle, middle * factor


def verdict(apart: Iterable[float]) -> str:
    """Judge a claim by the comparisons made for it: standard errors, positive where they are as the claim says."""
    values = list(apart)
    as_claimed = sum(z > SURE for z in values)
    other_way = sum(z < -SURE for z in values)
    if not values:
        return "not run"
    if as_claimed >= 0.75 * len(values) and not other_way:
        return "supported"
    if as_claimed <= 0.25 * len(values) or other_way >= as_claimed:
        return "not supported"
    return "in part"


def _counts(apart: list[float]) -> str:
    """Write how many comparisons are as claimed, and how many surely so or surely not."""
    sure = sum(z > SURE for z in apart)
    other_way = sum(z < -SURE for z in apart)
    return f"{sum(z > 0 for z in apart)} of {len(apart)}; {sure} surely, {other_way} surely the other way"


def _apart(found: Findings, first: Cell, second: Cell) -> list[float]:
    """Compare two cells under one protocol, if both have been run under one."""
    both = found.together(first, second)
    return [standard_errors_below(*both)] if both else []


def _below(first: str, second: str, found: Findings, layers: int, size: str) -> list[float]:
    """Compare two methods on all data sets at one depth and compression."""
    return [z for d in DATASETS for z in _apart(found, (d, first, layers, size), (d, second, layers, size))]


def _paper_below(first: str, second: str, layers: int, size: str) -> tuple[int, int]:
    """Count, in the paper's tables, on how many data sets one method is below another."""
    paper = paper_tables()
    wins = [paper[d, first, layers, size] < paper[d, second, layers, size] for d in DATASETS]
    return sum(wins), len(wins)


def _against_nn(found: Findings, layers: int, size: str) -> Claim:
    """At one compression and depth: HashNet makes fewer errors than the dense network of the same stored size."""
    apart = _below("hashnet", "nn", found, layers, size)
    wins, sets = _paper_below("hashnet", "nn", layers, size)
    return Claim(f"At {size}, {layers} layers: HashNet below the equal-size NN", f"{wins} of {sets} data sets",
                 _counts(apart), verdict(apart))


def _against_all(found: Findings) -> Claim:
    """At 1/64 with 3 layers, HashNet is below all four rivals."""
    rivals = ("rer", "lrd", "nn", "dk")
    paper = paper_tables()
    wins = [paper[d, "hashnet", 3, "1/64"] < min(paper[d, m, 3, "1/64"] for m in rivals) for d in DATASETS]
    apart = []
    for d in DATASETS:
        each = [z for m in rivals for z in _apart(found, (d, "hashnet", 3, "1/64"), (d, m, 3, "1/64"))]
        apart += [min(each)] if each else []
    return Claim("At 1/64, 3 layers: HashNet below RER, LRD, NN and DK", f"{sum(wins)} of {len(wins)} data sets",
                 _counts(apart), verdict(apart))


def _dark(found: Findings) -> Claim:
    """Dark knowledge makes HashNets better."""
    cells = [(layers, size) for layers in (3, 5) for size in ("1/8", "1/64")]
    apart = [z for layers, size in cells for z in _below("hashnetdk", "hashnet", found, layers, size)]
    paper = [_paper_below("hashnetdk", "hashnet", layers, size) for layers, size in cells]
    return Claim("Dark knowledge makes HashNets better", f"{sum(w for w, _ in paper)} of {sum(n for _, n in paper)}",
                 _counts(apart), verdict(apart))


def _one_pair(
    claim: str, first: Cell, second: Cell, printed: Errors, found: Findings, equal: bool = False
) -> list[Claim]:
    """Compare two cells: the first is below the second, or, with `equal`, no different."""
    both = found.together(first, second)
    if not both:
        return []
    z = standard_errors_below(*both)
    says = ("supported" if abs(z) < SURE else "not supported") if equal else verdict([z])
    ours = f"{both[0].mean:.2f} against {both[1].mean:.2f} % ({abs(z):.1f} standard errors)"
    return [Claim(claim, f"{printed[first]:.2f} against {printed[second]:.2f} %", ours, says)]


def _drop(found: Findings, layers: int, best: str, printed: Errors) -> list[Claim]:
    """Inflation lowers HashNet's error by nearly a half: from expansion 1 to the paper's best."""
    cells = [("mnist", "hashnet", layers, x) for x in ("x1", best)]
    both = found.together(*cells)
    if not both:
        return []
    theirs = 1 - printed[cells[1]] / printed[cells[0]]
    before, after = both
    ours = 1 - after.mean / before.mean
    error = (1 - ours) * hypot(standard_error(after) / after.mean, standard_error(before) / before.mean)
    smaller = "in part: smaller" if ours > SURE * error else "not supported"
    return [Claim(f"Inflating {best[1:]} times lowers HashNet's error by nearly 50 %, {layers} layers",
                  f"{100 * theirs:.0f} %", f"{100 * ours:.0f} ± {100 * SURE * error:.0f} %",
                  "supported" if ours >= NEARLY_HALF else smaller)]


def _rows(found: Findings) -> list[Claim]:
    """The rows RECT and CONVEX are exchanged: our runs on RECT lie nearer to the row printed CONVEX."""
    paper = paper_tables()  # each data set's numbers from the row that is its own
    cells = [(m, layers, size) for m in ("rer", "lrd", "nn", "dk", "hashnet", "hashnetdk") for layers in (3, 5)
             for size in ("1/8", "1/64") if ("rect", m, layers, size) in found]
    nearer = [abs(found["rect", *c].mean - paper["rect", *c]) < abs(found["rect", *c].mean - paper["convex", *c])
              for c in cells]
    says = "supported" if nearer and sum(nearer) >= 0.75 * len(nearer) else "not supported"
    return [Claim("(Ours:) the rows RECT and CONVEX are exchanged", "RECT 22 to 40 %, CONVEX 2 to 24 %",
                  f"on RECT, {sum(nearer)} of {len(nearer)} cells lie nearer to the row printed CONVEX", says)]


def claims(found: Findings) -> list[Claim]:
    """Judge all claims by the finished runs."""
    figures = {cell: error for (_, cell), error in paper_figures().items()}
    printed = paper_tables() | figures
    table = [_against_nn(found, layers, size) for size in ("1/64", "1/8") for layers in (3, 5)]
    table.append(_against_all(found))
    for layers in (3, 5):
        table += _one_pair(f"MNIST at 1/64, {layers} layers: HashNet below NN", ("mnist", "hashnet", layers, "1/64"),
                           ("mnist", "nn", layers, "1/64"), printed, found)
    table += _one_pair("MNIST at c = 1, 3 layers: HashNet as good as dense", ("mnist", "hashnet", 3, "1"),
                       ("mnist", "nn", 3, "1"), printed, found, equal=True)
    for layers, best in ((3, "x8"), (5, "x16")):
        table += _one_pair(f"Inflating {best[1:]} times beats the dense network of the same storage, {layers} layers",
                           ("mnist", "hashnet", layers, best), ("mnist", "nn", layers, "x1"), printed, found)
        table += _drop(found, layers, best, printed)
    table.append(_dark(found))
    return table + _rows(found)


def claims_table(found: Findings) -> str:
    """Write the claims as a Markdown table."""
    rows = [[row.claim, row.paper, row.ours, f"**{row.verdict}**"] for row in claims(found)]
    return markdown_table(["claim", "the paper", "our runs", "verdict by our runs"], rows)
