"""The whole report as one Markdown page: coverage, tables, figures, checks, and the evidence for what we claim."""

from pathlib import Path

from .evidence import against_nn, against_paper, dark_knowledge_table, inflation_table, payoff_table, rect_table
from .results import PAPER_ROW, Cell, Result
from .tables import TABLES, coverage_table, detail_table, paper_table

EVIDENCE = {
    "Which printed row is RECT": rect_table,
    "Does dark knowledge help": dark_knowledge_table,
    "At which compression does HashNet stop paying": payoff_table,
    "Which inflation helps most": inflation_table,
}


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
    for title, table in EVIDENCE.items():
        parts += ["", f"## {title}", "", table(found)]
    return "\n".join([*parts, ""])
