"""Tables 1 and 2 with the paper's numbers beside ours, and how much of the campaign is done, as Markdown."""

from pathlib import Path

from .results import Cell, Result, columns, coverage, paper_tables

DATASETS = ("mnist", "basic", "rot", "bg-rand", "bg-img", "bg-img-rot", "rect", "convex")
TABLES = {1: "1/8", 2: "1/64"}


def markdown_table(head: list[str], rows: list[list[str]]) -> str:
    """Lay out a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def paper_table(number: int, layers: int, found: dict[Cell, Result]) -> str:
    """One table of the paper at one depth: ours and, in brackets, the paper's; "..." is not run yet."""
    paper, rows, methods = paper_tables(), [], columns(found)
    for dataset in DATASETS:
        cells = [(dataset, method.name, layers, TABLES[number]) for method in methods]
        ours = [f"{found[cell].mean:.2f}" if cell in found else "..." for cell in cells]
        if "..." not in ours:
            best = min(ours, key=float)
            ours = [f"**{value}**" if value == best else value for value in ours]
        source = next((found[cell].source for cell in cells if cell in found), "")
        name = dataset.upper() + (f" ({source})" if source else "")
        theirs = [f" ({paper[cell]:.2f})" if cell in paper else "" for cell in cells]
        rows.append([name, *(value + number for value, number in zip(ours, theirs, strict=True))])
    return markdown_table(["test error, %: ours (paper)", *(method.label for method in methods)], rows)


def detail_table(number: int, layers: int, found: dict[Cell, Result]) -> str:
    """All that is known of each cell that has been run."""
    paper, rows = paper_tables(), []
    for dataset in DATASETS:
        for method in columns(found):
            cell = (dataset, method.name, layers, TABLES[number])
            if cell not in found:
                continue
            result, run = found[cell], found[cell].runs[0]
            seeds = ", ".join(str(run.job.seed) for run in result.runs)
            printed = f"{paper[cell]:.2f}" if cell in paper else ""
            difference = f"{result.mean - paper[cell]:+.2f}" if cell in paper else ""
            valid = "" if run.valid_error is None else f"{run.valid_error:.2f}"
            rows.append([result.name, method.label, str(result), printed, difference, seeds, f"{run.stored:,}",
                         str(run.epochs), valid, result.source])
    head = ["data set", "method", "ours, %", "paper, %", "difference", "seeds", "stored parameters", "epochs",
            "validation, %", "data"]
    return markdown_table(head, rows) if rows else "Nothing run yet."


def coverage_table(folder: Path) -> str:
    """How much of the campaign is done."""
    rows = []
    for name, (done, failed, planned) in coverage(folder).items():
        rows.append([name, str(done), str(failed), str(planned), f"{100 * done / planned:.1f} %"])
    return markdown_table(["preset", "runs done", "failed", "planned", "coverage"], rows)
