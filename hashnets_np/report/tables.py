"""Tables 1 and 2 with the paper's numbers beside ours, and the checks that they are held to, as Markdown."""

from pathlib import Path

from ..methods import LABELS, METHODS
from .results import PAPER_ROW, Cell, Result, coverage, paper_tables

DATASETS = ("mnist", "basic", "rot", "bg-rand", "bg-img", "bg-img-rot", "rect", "convex")
TABLES = {1: "1/8", 2: "1/64"}
CHECKED = ("mnist", "basic", "rect")  # the same data as the paper's, as far as that can be known


def markdown_table(head: list[str], rows: list[list[str]]) -> str:
    """Lay out a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def paper_table(number: int, layers: int, found: dict[Cell, Result]) -> str:
    """One table of the paper at one depth: ours and, in brackets, the paper's; "..." is not run yet."""
    paper, rows = paper_tables(), []
    for dataset in DATASETS:
        cells = [(dataset, method, layers, TABLES[number]) for method in METHODS]
        ours = [f"{found[cell].mean:.2f}" if cell in found else "..." for cell in cells]
        if "..." not in ours:
            best = min(ours, key=float)
            ours = [f"**{value}**" if value == best else value for value in ours]
        source = next((found[cell].source for cell in cells if cell in found), "")
        name = dataset.upper() + (f" ({source})" if source else "")
        rows.append([name, *(f"{value} ({paper[cell]:.2f})" for value, cell in zip(ours, cells, strict=True))])
    return markdown_table(["test error, %: ours (paper)", *(LABELS[m] for m in METHODS)], rows)


def detail_table(number: int, layers: int, found: dict[Cell, Result]) -> str:
    """All that is known of each cell that has been run."""
    paper, rows = paper_tables(), []
    for dataset in DATASETS:
        for method in METHODS:
            cell = (dataset, method, layers, TABLES[number])
            if cell not in found:
                continue
            result, run = found[cell], found[cell].runs[0]
            seeds = ", ".join(str(run["seed"]) for run in result.runs)
            difference = f"{result.mean - paper[cell]:+.2f}"
            rows.append([result.name, LABELS[method], str(result), f"{paper[cell]:.2f}", difference,
                         seeds, f"{run['stored']:,}", str(run["epochs"]), f"{run['valid_error']:.2f}", result.source])
    head = ["data set", "method", "ours, %", "paper, %", "difference", "seeds", "stored parameters", "epochs",
            "validation, %", "data"]
    return markdown_table(head, rows) if rows else "Nothing run yet."


def coverage_table(folder: Path) -> str:
    """How much of the campaign is done."""
    rows = []
    for name, (done, failed, planned) in coverage(folder).items():
        rows.append([name, str(done), str(failed), str(planned), f"{100 * done / planned:.1f} %"])
    return markdown_table(["preset", "runs done", "failed", "planned", "coverage"], rows)


def against_paper(found: dict[Cell, Result]) -> str:
    """Count HashNet's and HashNetDK's cells at or below the paper's error on the data sets that can be compared."""
    paper, at_or_below, worse, run = paper_tables(), [], [], 0
    for cell, result in found.items():
        dataset, method, layers, size = cell
        if dataset not in CHECKED or method not in ("hashnet", "hashnetdk") or size not in TABLES.values():
            continue
        run += 1
        limit = paper[cell] + 2 * result.binomial_error(paper[cell])
        if result.mean <= paper[cell]:
            at_or_below.append(cell)
        elif result.mean > limit:
            worse.append(f"{dataset.upper()} {LABELS[method]} {layers} layers {size}: {result.mean:.2f} % against "
                         f"{paper[cell]:.2f} %, limit {limit:.2f} %")
    lines = [f"HashNet and HashNetDK on MNIST, BASIC and RECT: {len(at_or_below)} of {run} cells run (of 24) are at or "
             f"below the paper's error; worse by more than two binomial standard errors: {len(worse)}.", ""]
    return "\n".join([*lines, *(f"- {line}" for line in worse)])


def against_nn(found: dict[Cell, Result]) -> str:
    """Compare HashNet with the equal-size network at 1/64, 3 layers, by the mean of the seeds."""
    rows = []
    for dataset in DATASETS:
        pair = [found.get((dataset, method, 3, "1/64")) for method in ("hashnet", "nn")]
        if pair[0] and pair[1]:
            hashnet, nn = pair[0], pair[1]
            verdict = "lower" if hashnet.mean < nn.mean else "not lower"
            rows.append([hashnet.name, str(hashnet), str(nn), f"{len(hashnet.runs)}, {len(nn.runs)}", verdict])
    return markdown_table(["data set", "HashNet, %", "NN, %", "seeds", "HashNet is"], rows) if rows else ""


def document(folder: Path, found: dict[Cell, Result], pictures: dict[str, str]) -> str:
    """Write the whole report. pictures: title -> file name beside the report."""
    swapped = " and ".join(f"{name.upper()} with the row printed {row}" for name, row in PAPER_ROW.items())
    intro = f"""Made by `python -m hashnets_np report` from the records in this folder. Test errors in percent; means
over seeds with sample standard deviations; bold: the lowest of ours in a complete row; "...": not run yet.
We compare {swapped}; why, and what else there is to say, is in [README.md](README.md) and
[ERRATA.md](../paper/ERRATA.md). A regenerated data set is not the paper's: its numbers can be compared with each
other, and with the paper's only in a general way."""
    head = "# The paper's tables and figures, run again"
    parts = [head, "", intro, "", "## Coverage", "", coverage_table(folder), ""]
    for number, compression in TABLES.items():
        for layers in (3, 5):
            parts += [f"## Table {number}: compression {compression}, {layers} layers", "",
                      paper_table(number, layers, found), "", "<details><summary>Each cell</summary>", "",
                      detail_table(number, layers, found), "", "</details>", ""]
    for title, name in pictures.items():
        parts += [f"## {title}", "", f"![{title}]({name})", ""]
    parts += ["## Checks", "", against_paper(found), "", "At compression 1/64 with 3 layers:", "", against_nn(found)]
    return "\n".join([*parts, ""])
