"""The whole report as one Markdown page: coverage, tables, figures, checks, and verdicts."""

from pathlib import Path

from .claims import claims_table
from .evidence import (
    against_nn,
    against_paper,
    dark_knowledge_table,
    inflation_table,
    payoff_table,
    rect_table,
    released_table,
)
from .results import PAPER_METHODS, PAPER_ROW, Findings, columns
from .tables import TABLES, coverage_table, detail_table, paper_table

EVIDENCE = {
    "Which printed row is RECT": rect_table,
    "Does dark knowledge help": dark_knowledge_table,
    "At which compression does HashNet stop paying": payoff_table,
    "Which inflation helps most": inflation_table,
    "What the recipe of the released code gives": released_table,
}

VERDICT_RULES = """A comparison is sure if the interval of the difference does not contain 0. The difference is that of
pairs on the same test images where the records say which images each network got wrong (protocol 2), of two test errors
otherwise, with the spread over seeds added. The interval is Student's, at the level of two standard errors of a normal
variable: without any difference at most one comparison in 22 would pass, one in 44 in a given direction. Fewer do:
under protocol 1 the records do not pair the images, on which both networks were tested; under protocol 2 pairs are
compared by shares of three seeds, so that a part of their luck is counted twice. A cell of one seed has no
spread of its own; it borrows the relative spread of the cells of the same data set, depth and protocol that have
several seeds (of the same data set, or of the protocol, where there are none; where no cell has several seeds nothing
is sure). The released recipe is judged by the spread of its seeds alone: its read-me speaks of the same test images. A
claim is *not supported* if so many of its comparisons are surely the other way that chance alone, were they
independent, would bring them about in fewer than one case of twenty, else *supported* if more than half of those
planned are surely so; otherwise our runs *cannot tell*.

The rule was not fixed before all results: it replaced an earlier set of verdicts when the 545 runs of protocol 1 were
known, and 6 runs and 2 searches of protocol 2. On 28 November 2026 it was made stricter for few seeds (Student's t, the
borrowed spread) and less strict for the released recipe; [how_sure.md](how_sure.md#the-rule-and-how-it-changed) lists
what that changed. Its reasons are in `hashnets_np/experiments/report/verdicts.py`, and lesson 8 judges by it, too. The
luck of a search, one for all seeds of a cell, is in no standard error."""


OWN_METHODS = """These methods are not the paper's, but were registered by the user: {labels}. Their columns have the
protocol of their row, or "..."; that protocol, the bold numbers and the verdicts do not depend on them."""


def document(folder: Path, found: Findings, pictures: dict[str, str]) -> str:
    """Write the whole report. pictures: title -> file name beside the report."""
    swapped = " and ".join(f"{name.upper()} with the row printed {row}" for name, row in PAPER_ROW.items())
    intro = f"""Made by `python -m hashnets_np report` from the records in this folder. Test errors in percent; means
over seeds with sample standard deviations; bold: the lowest of ours in a complete row; "...": not run yet.
We compare {swapped}; why, and what else there is to say, is in [README.md](README.md) and
[ERRATA.md](../paper/ERRATA.md). A regenerated data set is not the paper's: its numbers can be compared with each
other, and with the paper's only in a general way.

Every number has a protocol: 1 for the first campaign, 2 for the runs on the original data with longer training,
larger searches and three seeds for all methods; their rules are in [protocol1.md](protocol1.md) and
[protocol2.md](protocol2.md). A row of a table, a panel of a figure and a comparison have one protocol throughout: 2
where all that they need is done under it."""
    head = "# The paper's tables and figures, run again"
    if own := [method.label for method in columns(found) if method.name not in PAPER_METHODS]:
        intro += "\n\n" + OWN_METHODS.format(labels=", ".join(own))
    parts = [head, "", intro, "", "## Verdicts", "", VERDICT_RULES, "", claims_table(found), "", "## Coverage", "",
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
