"""What the runs say about the claims: checks against the paper and between methods, as Markdown.

Each function answers one question from the finished runs alone; what may be concluded from the answers is said in
`data/records/README.md`.
"""

from collections import Counter
from fractions import Fraction
from itertools import product

from ..methods import METHODS
from ..released import PROMISE
from ..sweep.tune import DARK_RANGES, MIDDLE
from .results import PAPER_METHODS, PAPER_ROW, Findings, difference, paper_tables
from .tables import DATASETS, TABLES, markdown_table

CHECKED = ("mnist", "basic", "rect")  # the same data as the paper's, as far as that can be known
DEPTHS = (3, 5)
DARK_START = {name: MIDDLE[name] for name in DARK_RANGES}  # where searches of temperature and mix begin
NO_SEARCH_LUCK = """A standard error here is that of the test set and, where there are several seeds, of training. The
luck of the search for hyper-parameters, one for all seeds of a cell, is not in it."""


def against_paper(found: Findings) -> str:
    """Count HashNet's and HashNetDK's cells at or below the paper's error on the data sets that can be compared."""
    paper = paper_tables()
    run = Counter[str]()
    at_or_below = Counter[str]()
    worse = []
    for cell, result in found.items():
        dataset, method, layers, size = cell
        if dataset not in CHECKED or method not in ("hashnet", "hashnetdk") or size not in TABLES.values():
            continue
        run[dataset] += 1
        limit = paper[cell] + 2 * result.binomial_error(paper[cell])
        if result.mean <= paper[cell]:
            at_or_below[dataset] += 1
        elif result.mean > limit:
            worse.append(f"{dataset.upper()} {METHODS[method].label} {layers} layers {size}: {result.mean:.2f} % "
                         f"against {paper[cell]:.2f} %, limit {limit:.2f} %")
    if not run:
        return "HashNet and HashNetDK on MNIST, BASIC and RECT: none of the 24 cells of the tables is run yet."
    by_set = ", ".join(f"{dataset.upper()} {at_or_below[dataset]} of {run[dataset]}" for dataset in run)
    lines = [f"HashNet and HashNetDK on MNIST, BASIC and RECT: {at_or_below.total()} of {run.total()} cells run (of "
             f"24) are at or below the paper's error ({by_set}); worse by more than two binomial standard errors: "
             f"{len(worse)}.", ""]
    return "\n".join([*lines, *(f"- {line}" for line in worse)])


def against_nn(found: Findings) -> str:
    """Compare HashNet with the equal-size network at 1/64, 3 layers, by the mean of the seeds."""
    rows = []
    for dataset in DATASETS:
        pair = found.together((dataset, "hashnet", 3, "1/64"), (dataset, "nn", 3, "1/64"))
        if pair:
            hashnet, nn = pair
            verdict = "lower" if hashnet.mean < nn.mean else "not lower"
            rows.append([hashnet.name, hashnet.protocol, str(hashnet), str(nn),
                         f"{len(hashnet.runs)}, {len(nn.runs)}", verdict])
    head = ["data set", "protocol", "HashNet, %", "NN, %", "seeds", "HashNet is"]
    return markdown_table(head, rows) if rows else ""


def rect_table(found: Findings) -> str:
    """Compare our runs on the original RECT with both rows that the paper could mean."""
    paper = paper_tables()
    rows = []
    for layers in DEPTHS:
        for size in TABLES.values():
            cells = {data: [(data, method, layers, size) for method in PAPER_METHODS] for data in PAPER_ROW}
            there = found.of_row(cells["rect"])
            ours = [str(there[cell]) if cell in there else "..." for cell in cells["rect"]]
            protocol = next((f", protocol {result.protocol}" for result in there.values()), "")
            rows.append([f"{layers} layers, {size}", f"**ours on RECT{protocol}**", *ours])
            for data, printed in PAPER_ROW.items():
                rows.append(["", f"printed {printed}", *(f"{paper[cell]:.2f}" for cell in cells[data])])
    return markdown_table(["", "test error, %", *(METHODS[name].label for name in PAPER_METHODS)], rows)


def dark_knowledge_table(found: Findings) -> str:
    """Compare each network with and without a teacher, where both were run; the paper's difference beside ours."""
    paper = paper_tables()
    rows = []
    counts = Counter[str]()
    pairs = [(METHODS[name].student or "", name) for name in PAPER_METHODS if METHODS[name].student]
    for dataset, layers, size, pair in product(DATASETS, DEPTHS, TABLES.values(), pairs):
        cells = [(dataset, method, layers, size) for method in pair]
        both = found.together(*cells)
        if both is None:
            continue
        (alone, taught) = both
        (paper_alone, paper_taught) = (paper[c] for c in cells)
        change, error = difference(taught, alone)
        facts = {"better": change < 0, "surely better": change < -2 * error, "surely worse": change > 2 * error,
                 "as begun": DARK_START.items() <= taught.runs[0].hyper.items(),
                 "worse choice": (taught.runs[0].valid_error or 0) > (alone.runs[0].valid_error or 0)}
        counts.update(fact for fact, holds in facts.items() if holds)
        rows.append([alone.name, alone.protocol, str(layers), size, METHODS[pair[0]].label, str(alone), str(taught),
                     f"{change:+.2f}", f"{error:.2f}", f"{paper_taught - paper_alone:+.2f}"])
    head = ["data set", "protocol", "layers", "compression", "network", "alone, %", "taught, %", "difference",
            "its standard error", "the paper's"]
    summary = (f"Of {len(rows)} differences {counts['better']} are below zero (dark knowledge helps); by more than\n"
               f"two standard errors: {counts['surely better']} below, {counts['surely worse']} above. In "
               f"{counts['as begun']} cells the search left temperature and\nmix where it began; in "
               f"{counts['worse choice']} the validation error is above that of the network alone, the case mix = 0.")
    return f"{NO_SEARCH_LUCK}\n{summary}\n\n{markdown_table(head, rows)}" if rows else "Nothing run yet."


def payoff_table(found: Findings) -> str:
    """Compare HashNet with the equal-size network at every compression, with the standard error of the difference."""
    rows = []
    for dataset, layers in product(DATASETS, DEPTHS):
        sizes = [cell[3] for cell in found if cell[:3] == (dataset, "hashnet", layers) and not cell[3].startswith("x")]
        for size in sorted(sizes, key=Fraction):
            pair = found.together((dataset, "hashnet", layers, size), (dataset, "nn", layers, size))
            if pair:
                hashnet, nn = pair
                change, error = difference(hashnet, nn)
                rows.append([hashnet.name, hashnet.protocol, str(layers), size, str(hashnet), str(nn), f"{change:+.2f}",
                             f"{error:.2f}"])
    head = ["data set", "protocol", "layers", "compression", "HashNet, %", "NN, %", "difference", "its standard error"]
    return f"{NO_SEARCH_LUCK}\n\n{markdown_table(head, rows)}" if rows else "Nothing run yet."


def inflation_table(found: Findings) -> str:
    """List the errors by expansion at a fixed stored size, and the dense network of that size."""
    rows = []
    for layers in DEPTHS:
        for protocol in ("1", "2"):
            cells = {c: r for c, r in found.protocols[protocol].items()
                     if c[0] == "mnist" and c[2] == layers and c[3].startswith("x")}
            for size in sorted({cell[3] for cell in cells}, key=lambda x: int(x[1:])):
                by_method = [cells.get(("mnist", method, layers, size)) for method in ("hashnet", "rer", "lrd", "nn")]
                rows.append([protocol, str(layers), size[1:], *(str(r) if r else "" for r in by_method)])
    head = ["protocol", "layers", "expansion", "HashNet, %", "RER, %", "LRD, %", "NN of that size, %"]
    return markdown_table(head, rows) if rows else "Nothing run yet."


def released_table(found: Findings) -> str:
    """Set the recipe of the released code beside what its read-me promises, the paper's numbers and our tables'."""
    paper = paper_tables()
    rows = []
    for cell, result in found.protocols["released"].items():
        seeds = ", ".join(f"{error:.2f}" for error in result.errors)
        searched = f"{found[cell]} (protocol {found[cell].protocol})" if cell in found else "..."
        rows.append([cell[3], str(result), seeds, PROMISE.get(cell[3], "none"), f"{paper[cell]:.2f}", searched])
    head = ["compression", "the recipe, %", "each seed, %", "its read-me", "the paper, %", "HashNet with a search, %"]
    intro = "MNIST, 3 layers, 1000 hidden units, trained for 200 epochs on all 60,000 images, without a search."
    return f"{intro}\n\n{markdown_table(head, rows)}" if rows else "Nothing run yet."
