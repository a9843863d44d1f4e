"""The whole report as one Markdown page: coverage, tables, figures, checks, and the evidence for what we claim."""

from pathlib import Path

from .evidence import against_nn, against_paper, dark_knowledge_table, inflation_table, payoff_table, rect_table
from .results import PAPER_ROW, Findings
from .tables import TABLES, coverage_table, detail_table, paper_table
from .verdicts import verdicts

EVIDENCE = {
    "Which printed row is RECT": rect_table,
    "Does dark knowledge help": dark_knowledge_table,
    "At which compression does HashNet stop paying": payoff_table,
    "Which inflation helps most": inflation_table,
}

VERDICT_RULES = """"Lower" and "higher" are beyond two standard errors, under protocol 2 of pairs on the same test
images (McNemar's test), under protocol 1 of two test errors apart; "even" is neither. With many pairs a few are beyond
two standard errors by chance, and the luck of a search, one for all seeds of a cell, is in no standard error. The
verdict takes each pair under the second protocol where it has it, otherwise under the first: "holds in ours" if at
least half of the pairs are lower and at most one in eight is higher, "holds for some" if otherwise more are lower than
higher, "does not hold" if not, "not yet decided" if all are even."""


def document(folder: Path, found: Findings, pictures: dict[str, str]) -> str:
    """Write the whole report. pictures: title -> file name beside the report."""
    swapped = " and ".join(f"{name.upper()} with the row printed {row}" for name, row in PAPER_ROW.items())
    intro = f"""Made by `python -m hashnets_np report` from the records in this folder. Test errors in percent; means
over seeds with sample standard deviations; bold: the lowest of ours in a complete row; "...": not run yet.
We compare {swapped}; why, and what else there is to say, is in [README.md](README.md) and
[ERRATA.md](../paper/ERRATA.md). A regenerated data set is not the paper's: its numbers can be compared with each
other, and with the paper's only in a general way.

Every number has a protocol: 1 for the first campaign, 2 for the runs on the original data with longer training, larger
searches and three seeds for all methods; the rules of both are in [README.md](README.md). A row of a table, a panel of
a figure and a comparison have one protocol throughout: 2 where all that they need is done under it."""
    head = "# The paper's tables and figures, run again"
    parts = [head, "", intro, "", "## Verdicts", "", VERDICT_RULES, "", verdicts(found), "", "## Coverage", "",
             coverage_table(folder), ""]
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
