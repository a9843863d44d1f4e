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
from .changes import change_of, limit_text
from .results import PAPER_METHODS, PAPER_ROW, Findings, Result, difference, paper_tables, same_networks
from .tables import DATASETS, TABLES, markdown_table
from .verdicts import SURE, standard_errors, standard_errors_below

CHECKED = ("mnist", "basic", "rect")  # the same data as the paper's, as far as that can be known
DEPTHS = (3, 5)
DARK_START = {name: MIDDLE[name] for name in DARK_RANGES}  # where searches of temperature and mix begin
NO_SEARCH_LUCK = """A standard error here is that of the test set and of training; a cell of one seed borrows the
spread of training from cells like it. The luck of the search for hyper-parameters, one for all seeds of a cell, is not
in it. With few seeds more than two standard errors are needed for a difference to be sure (Student's t), so that the
last column cannot be read off the one with the standard errors."""
FEW_WEIGHTS_LEFT = """With 5 layers this comparison is not fair to RER and LRD at large expansions. Their biases are
dense, one for each hidden unit, and count as stored. A layer between two hidden layers may store 2,550 numbers. At 32
RER spends 1,600 of them on biases, so that 950 weights are left; at 64 not even its biases fit. LRD spends 800 on
biases at 16, and at 32 a factor of rank 1 does not fit beside them. HashNet's bias is a column of its hashed matrix and
shares its real weights. How the paper's RER and LRD store their biases is not stated; its RER has 3.14 % at 32."""


def against_paper(found: Findings) -> str:
    """Count HashNet's and HashNetDK's cells at or below the paper's error on the data sets that can be compared."""
    paper = paper_tables()
    cells = {cell: result for cell, result in found.items()
             if cell[0] in CHECKED and cell[1] in ("hashnet", "hashnetdk") and cell[3] in TABLES.values()}
    if not cells:
        return "HashNet and HashNetDK on MNIST, BASIC and RECT: none of the 24 cells of the tables is run yet."
    reached = Counter(cell[0] for cell, result in cells.items() if result.mean <= paper[cell])
    run = Counter(cell[0] for cell in cells)
    by_set = ", ".join(f"{dataset.upper()} {reached[dataset]} of {run[dataset]}" for dataset in run)
    certain = sum(reached[dataset] for dataset in run if dataset != "rect")
    of_certain = sum(run[dataset] for dataset in run if dataset != "rect")
    worse = []
    sure = 0
    sure_with_luck = 0
    for cell, result in cells.items():
        theirs = paper[cell]
        limit = theirs + 2 * result.binomial_error(theirs)
        surely = standard_errors_above_paper(result, theirs) > SURE
        sure += surely
        sure_with_luck += standard_errors_above_paper(result, theirs, lucky=True) > SURE
        if result.mean > limit or surely:
            worse.append(f"{cell[0].upper()} {METHODS[cell[1]].label} {cell[2]} layers {cell[3]}: {result.mean:.2f} % "
                         f"against {theirs:.2f} %, limit {limit:.2f} %{'' if surely else '; not sure'}")
    beyond = sum(result.mean > paper[cell] + 2 * result.binomial_error(paper[cell]) for cell, result in cells.items())
    lines = [f"HashNet and HashNetDK on MNIST, BASIC and RECT: of the 24 cells {run.total()} are run, of which "
             f"{reached.total()} are at or below the paper's error ({by_set}; without RECT {certain} of {of_certain}); "
             f"worse by more than two binomial standard errors of the paper's number: {beyond}; surely worse, when our "
             f"own standard error is added: {sure}; when the paper's trainings are given the spread of ours, too: "
             f"{sure_with_luck}. Each cell counts by itself, under protocol 2 where all its seeds are done, even if "
             "its row of the tables waits for others.", ""]
    return "\n".join([*lines, *(f"- {line}" for line in worse)])


def standard_errors_above_paper(result: Result, printed: float, lucky: bool = False) -> float:
    """Say by how many standard errors ours is above a printed error: those of ours, seeds included, and of the paper's.

    Both are from the same test images where the data are the same. As it is not known which the paper got wrong, they
    are taken as independent, which makes the error of the difference larger. What makes it smaller: the paper prints no
    spread of its trainings. With `lucky` they are given the relative spread of ours of the same data set and depth.
    """
    theirs = [result.images._replace(variance=result.binomial_error(printed) ** 2)]
    if lucky:
        theirs.append(result.luck(printed))
    return standard_errors(change_of(result.mean - printed, [result.images, *result.training, *theirs]))


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
        change = difference(taught, alone)
        apart = standard_errors_below(taught, alone)
        same = same_networks(taught, alone)
        facts = {"better": change.mean < 0, "surely better": apart > SURE, "surely worse": apart < -SURE,
                 "same": same, "as begun": DARK_START.items() <= taught.runs[0].hyper.items(),
                 "worse choice": (taught.runs[0].valid_error or 0) > (alone.runs[0].valid_error or 0)}
        counts.update(fact for fact, holds in facts.items() if holds)
        surely = "the same networks" if same else "better" if apart > SURE else "worse" if apart < -SURE else ""
        rows.append([alone.name, alone.protocol, str(layers), size, METHODS[pair[0]].label, str(alone), str(taught),
                     f"{change.mean:+.2f}", limit_text(change.error), f"{paper_taught - paper_alone:+.2f}", surely])
    head = ["data set", "protocol", "layers", "compression", "network", "alone, %", "taught, %", "difference",
            "its standard error", "the paper's", "surely"]
    summary = (f"Of {len(rows)} differences {counts['better']} are below zero (dark knowledge helps); surely:\n"
               f"{counts['surely better']} below, {counts['surely worse']} above. In {counts['same']} cells both are "
               f"the same networks, because mix 0 was\nchosen. In {counts['as begun']} cells the search left "
               f"temperature and mix where it began; in {counts['worse choice']} the validation\nerror is above that "
               "of the network alone, which is the case mix = 0.")
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
                change = difference(hashnet, nn)
                apart = standard_errors_below(hashnet, nn)
                rows.append([hashnet.name, hashnet.protocol, str(layers), size, str(hashnet), str(nn),
                             f"{change.mean:+.2f}", limit_text(change.error),
                             "lower" if apart > SURE else "higher" if apart < -SURE else ""])
    head = ["data set", "protocol", "layers", "compression", "HashNet, %", "NN, %", "difference", "its standard error",
            "HashNet is surely"]
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
    return f"{FEW_WEIGHTS_LEFT}\n\n{markdown_table(head, rows)}" if rows else "Nothing run yet."


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
