"""Tables 1 and 2 with the paper's numbers beside ours, and how much of the campaign is done, as Markdown."""

from itertools import product
from pathlib import Path

from ..sweep.grid import read_grid
from .results import PAPER_METHODS, Findings, columns, coverage, paper_tables

DATASETS = ("mnist", "basic", "rot", "bg-rand", "bg-img", "bg-img-rot", "rect", "convex")
TABLES = {1: "1/8", 2: "1/64"}


def markdown_table(head: list[str], rows: list[list[str]]) -> str:
    """Lay out a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def paper_table(number: int, layers: int, found: Findings) -> str:
    """One table of the paper at one depth: ours and, in brackets, the paper's; "..." is not run yet.

    Each row has one protocol: the second where all of the paper's methods are done under it. These alone decide that,
    and which number is bold.
    """
    paper = paper_tables()
    rows = []
    methods = columns(found)
    for dataset in DATASETS:
        cells = [(dataset, method.name, layers, TABLES[number]) for method in methods]
        of_paper = [cell for cell in cells if cell[1] in PAPER_METHODS]
        known = found.under_one(of_paper)
        there = {cell: known[cell] for cell in cells if cell in known}
        ours = [f"{there[cell].mean:.2f}" if cell in there else "..." for cell in cells]
        if all(cell in there for cell in of_paper):
            best = min((f"{there[cell].mean:.2f}" for cell in of_paper), key=float)
            ours = [f"**{value}**" if value == best and cell in of_paper else value
                    for cell, value in zip(cells, ours, strict=True)]
        first = next(iter(there.values()), None)
        name = dataset.upper() + (f" ({first.source})" if first else "")
        theirs = [f" ({paper[cell]:.2f})" if cell in paper else "" for cell in cells]
        rows.append([name, first.protocol if first else "1",
                     *(value + printed for value, printed in zip(ours, theirs, strict=True))])
    return markdown_table(["test error, %: ours (paper)", "protocol", *(method.label for method in methods)], rows)


def detail_table(number: int, layers: int, found: Findings) -> str:
    """All that is known of each cell that has been run, under each protocol."""
    paper = paper_tables()
    rows = []
    for dataset, method, protocol in product(DATASETS, columns(found), ("1", "2")):
        cell = (dataset, method.name, layers, TABLES[number])
        if cell not in found.protocols[protocol]:
            continue
        result = found.protocols[protocol][cell]
        run = result.runs[0]
        seeds = ", ".join(str(run.job.seed) for run in result.runs)
        printed = f"{paper[cell]:.2f}" if cell in paper else ""
        difference = f"{result.mean - paper[cell]:+.2f}" if cell in paper else ""
        valid = "" if run.valid_error is None else f"{run.valid_error:.2f}"
        rows.append([result.name, method.label, protocol, str(result), printed, difference, seeds, f"{run.stored:,}",
                     str(run.epochs), valid, result.source])
    head = ["data set", "method", "protocol", "ours, %", "paper, %", "difference", "seeds", "stored parameters",
            "epochs", "validation, %", "data"]
    return markdown_table(head, rows) if rows else "Nothing run yet."


def coverage_table(folder: Path) -> str:
    """How much of the campaign is done, by protocol."""
    rows = []
    for name, (done, failed, planned) in coverage(folder).items():
        protocol = read_grid(name)[0].protocol
        rows.append([protocol, name, str(done), str(failed), str(planned), f"{100 * done / planned:.1f} %"])
    return markdown_table(["protocol", "preset", "runs done", "failed", "planned", "coverage"], rows)
