"""The paper's claims, one by one: its evidence, ours with its test, and a verdict of three words.

A difference counts if it exceeds two standard errors. Under protocol 2 these come from pairs on the same test images
(McNemar), under protocol 1 from two separate test errors. Each function states the rule of its verdict.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from ..released import PROMISE
from .results import PAPER_METHODS, Cell, Findings, Result, difference, paper_figures, paper_tables
from .tables import DATASETS, TABLES, markdown_table

DEPTHS = (3, 5)
SURE = 2.0  # standard errors
HOLDS = "holds in ours"
SOME = "holds for some"
NOT = "does not hold"
OPEN = "not yet decided"
Pair = tuple[Cell, Cell]  # the claim: the first has the lower error


@dataclass
class Count:
    """How many pairs were lower, higher, or neither beyond two standard errors, of so many."""

    lower: int = 0
    higher: int = 0
    planned: int = 0
    run: int = 0

    def __str__(self) -> str:
        if not self.run:
            return f"none of {self.planned} pairs run"
        even = self.run - self.lower - self.higher
        return f"{self.run} of {self.planned} pairs run: {self.lower} lower, {self.higher} higher, {even} even"


def verdicts(found: Findings) -> str:
    """Lay out the verdicts as a table."""
    rows = [
        *(below_nn(found, size) for size in TABLES.values()),
        *(dark_knowledge(found, student, taught) for student, taught in (("nn", "dk"), ("hashnet", "hashnetdk"))),
        inflation(found), dense_at_1(found), rect_row(found), released_recipe(found),
    ]
    return markdown_table(["claim", "the paper", "ours", "verdict"], rows)


def below_nn(found: Findings, size: str) -> list[str]:
    """HashNet has a lower error than the network of equal size."""
    pairs = [((data, "hashnet", layers, size), (data, "nn", layers, size))
             for data, layers in product(DATASETS, DEPTHS)]
    return [f"HashNet is below NN at {size}", counted_in_paper(pairs), *ours_and_verdict(found, pairs)]


def dark_knowledge(found: Findings, student: str, taught: str) -> list[str]:
    """Dark knowledge lowers the error of a network."""
    labels = {"nn": "NN", "hashnet": "HashNet"}
    pairs = [((data, taught, layers, size), (data, student, layers, size))
             for data, layers, size in product(DATASETS, DEPTHS, TABLES.values())]
    return [f"Dark knowledge helps {labels[student]}", counted_in_paper(pairs), *ours_and_verdict(found, pairs)]


def counted_in_paper(pairs: list[Pair]) -> str:
    """Count in how many pairs the paper's first number is the lower one."""
    paper = paper_tables()
    lower = sum(paper[first] < paper[second] for first, second in pairs)
    return f"lower in {lower} of {len(pairs)} pairs, single runs"


def ours_and_verdict(found: Findings, pairs: list[Pair]) -> tuple[str, str]:
    """Count our pairs under each protocol; the verdict is from the second where it has them all, otherwise from both.

    It holds where at least half of the pairs are lower and at most one in eight higher; it does not where no more are
    lower than higher; it holds for some where more are lower than higher; it is open where nothing is decided.
    """
    second, first = (count(found.protocols[protocol], pairs) for protocol in ("2", "1"))
    second.planned = sum(pair[0][0] in ("mnist", "basic", "rect") for pair in pairs)  # on the original data
    best = Counter[str]()
    for pair in pairs:
        if together := found.together(*pair):
            best[sign(*together)] += 1
    return f"protocol 2: {second}; protocol 1: {first}", verdict(best)


def verdict(signs: Counter[str]) -> str:
    """Turn counts of lower, higher and even pairs into a verdict."""
    lower = signs["lower"]
    higher = signs["higher"]
    pairs = signs.total()
    if 2 * lower >= pairs and 8 * higher <= pairs and lower:
        return HOLDS
    if lower > higher:
        return SOME
    return NOT if higher else OPEN


def count(cells: dict[Cell, Result], pairs: Iterable[Pair]) -> Count:
    """Count the pairs of one protocol."""
    counted = Count()
    for first, second in pairs:
        counted.planned += 1
        if first in cells and second in cells:
            counted.run += 1
            what = sign(cells[first], cells[second])
            counted.lower += what == "lower"
            counted.higher += what == "higher"
    return counted


def sign(first: Result, second: Result) -> str:
    """Say whether the first error is lower or higher than the second beyond two standard errors, or even."""
    change, error = difference(first, second)
    return "even" if abs(change) <= SURE * error else "lower" if change < 0 else "higher"


def inflation(found: Findings) -> list[str]:
    """Making a network of one stored size wider helps, and most by a factor of 8 to 16.

    For each depth: it holds where the lowest error of all expansions is at 8 or 16 and surely below that at 1.
    """
    theirs = []
    ours = []
    holds = []
    for layers in DEPTHS:
        printed = {cell[3]: error for (figure, cell), error in paper_figures().items()
                   if figure == 4 and cell[1:3] == ("hashnet", layers)}
        theirs.append(f"{layers} layers: lowest at {min(printed, key=printed.__getitem__)[1:]}")
        curve, protocol = inflation_curve(found, layers)
        if "x1" not in curve or len(curve) < len(printed):
            ours.append(f"{layers} layers: not all run")
            continue
        best = min(curve, key=lambda x: curve[x].mean)
        as_low = [x[1:] for x in sorted(curve, key=lambda x: int(x[1:])) if sign(curve[x], curve[best]) != "higher"]
        helps = sign(curve[best], curve["x1"]) == "lower"
        holds.append(helps and best in ("x8", "x16"))
        below = "surely below" if helps else "not surely below"
        ours.append(f"{layers} layers (protocol {protocol}): lowest at {best[1:]}, {below} expansion 1; not told "
                    f"apart: {', '.join(as_low)}")
    done = HOLDS if holds and all(holds) else SOME if any(holds) else NOT
    return ["Inflation helps most by 8 to 16", "; ".join(theirs), "; ".join(ours), done if holds else OPEN]


def inflation_curve(found: Findings, layers: int) -> tuple[dict[str, Result], str]:
    """Return HashNet's results by expansion, of the second protocol if it has as many as the first."""
    first, second = ({cell[3]: result for cell, result in found.protocols[protocol].items()
                      if cell[:3] == ("mnist", "hashnet", layers) and cell[3].startswith("x")}
                     for protocol in ("1", "2"))
    return (second, "2") if len(second) >= len(first) and second else (first, "1")


def dense_at_1(found: Findings) -> list[str]:
    """HashNet at compression 1 has the error of the dense network. It holds where no pair is told apart."""
    theirs = []
    ours = []
    signs = Counter[str]()
    figures = paper_figures()
    for layers, data in product(DEPTHS, ("mnist", "rot")):
        cells = [(data, method, layers, "1") for method in ("hashnet", "nn")]
        printed = [figures[2 if layers == 3 else 3, cell] for cell in cells]
        theirs.append(f"{printed[0] - printed[1]:+.2f}")
        if both := found.together(*cells):
            change, error = difference(*both)
            ours.append(f"{both[0].name}, {layers} layers: {change:+.2f} +- {error:.2f} (protocol {both[0].protocol})")
            signs[sign(*both)] += 1
    done = OPEN if not signs else HOLDS if signs.total() == signs["even"] else SOME if signs["even"] else NOT
    return ["HashNet at compression 1 equals the dense network", f"differences {', '.join(theirs)}",
            "; ".join(ours) or "not run", done]


def rect_row(found: Findings) -> list[str]:
    """The rows RECT and CONVEX of the tables are swapped: our runs on RECT are nearer to the row printed CONVEX.

    They are where at least seven of eight cells say so.
    """
    paper = paper_tables()  # RECT has the row printed CONVEX here
    nearer = Counter[bool]()
    for method, layers, size in product(PAPER_METHODS, DEPTHS, TABLES.values()):
        cell = ("rect", method, layers, size)
        if cell in found:
            off = [abs(found[cell].mean - paper[data, method, layers, size]) for data in ("rect", "convex")]
            nearer[off[0] < off[1]] += 1
    run = nearer.total()
    fits = nearer[True]
    done = OPEN if not run else "rows are swapped" if 8 * fits >= 7 * run else NOT
    return ["The printed rows RECT and CONVEX are swapped (our claim)", "as printed",
            f"{fits} of {run} cells on the original RECT are nearer to the row printed CONVEX", done]


def released_recipe(found: Findings) -> list[str]:
    """The recipe of the released code gives what its read-me promised, as far as two standard errors tell."""
    results = [(cell[3], result) for cell, result in found.protocols["released"].items()]
    ours = "; ".join(f"{size}: {result} %, {len(result.runs)} of 3 seeds" for size, result in results)
    promise = ", ".join(f"{text} at {size}" for size, text in PROMISE.items())
    return ["The released recipe gives what its read-me says", promise, ours or "not run", promise_verdict(results)]


def promise_verdict(results: list[tuple[str, Result]]) -> str:
    """Compare the result at 1/8 with 1.5 %, to which the read-me rounds."""
    for size, result in results:
        if size == "1/8" and len(result.runs) == 3:
            return HOLDS if result.mean - SURE * result.standard_error <= 1.55 else NOT
    return OPEN
