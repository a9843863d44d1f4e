"""The page on other ways to share weights: tables, a figure and an answer to each question, from the records alone.

Every sentence follows from the numbers by the rules of `data/records/ablations/README.md`; "no difference seen" is an
answer. Cells count whose seeds are all done, of the variant and of HashNet.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from ...plots import save_figure, use_style
from ...support.disk import atomic_write
from ..ablations import BASELINE, VARIANTS
from ..methods import METHODS
from ..sweep.grid import ABLATIONS, Job, read_grid, search_for
from ..sweep.paired import unpack
from ..sweep.records import read_all
from ..sweep.schema import FailureRecord, Record, RunRecord, SearchRecord
from .changes import Change
from .paired_changes import Wrong, change_in_points, relative_change
from .sources import check_data, check_seeds
from .tables import markdown_table

SETS = {"digits": "the digits", "mnist14": "MNIST at 14 x 14"}
COMPRESSIONS = ("1/2", "1/8", "1/32", "1/64")
DEPTHS = {3: "one hidden layer", 5: "three hidden layers"}
PLAIN = 0.95
OVER_ALL = 1 - 0.05 / len(VARIANTS)  # of a set's numbers over all cells
BY_COMPRESSION = 1 - 0.05 / (len(VARIANTS) * len(COMPRESSIONS))
LOST = 50.0  # percent of errors above which a network has learned next to nothing
FIGURE = "changes.png"
CHANGES = "changes.json"
ALL_CELLS = "all cells"
Changes = dict[tuple[str, str, str], Change]  # data set, variant, compression or ALL_CELLS
Cell = tuple[str, int, str]  # data set, layers, compression


@dataclass(frozen=True)
class Question:
    """A question, the variants that answer it, and the answer if they make more errors than HashNet, or fewer."""

    text: str
    variants: tuple[str, ...]
    more: str
    fewer: str
    note: str = ""  # on variants that differ from HashNet


QUESTIONS = (
    Question("Do signs help?", ("no-signs",), "Yes: without signs there are more errors",
             "No: without signs there are fewer errors"),
    Question("Do even loads help?", ("fold",), "No: with even loads there are more errors",
             "Yes: with even loads there are fewer errors"),
    Question("Does sharing across layers help?", ("one-store",), "No: with one store there are more errors",
             "Yes: with one store there are fewer errors"),
    Question("Do more hashes help?", ("hashes-2", "hashes-2-learned", "hashes-4", "hashes-4-learned"),
             "No: there are more errors", "Yes: there are fewer errors"),
    Question("Do chunks cost accuracy, and at which size?",
             ("chunk-4", "chunk-16", "chunk-64", "tile-8", "tile-32"), "Yes: there are more errors",
             "No: there are fewer errors",
             "What tiles do at 1/32 and 1/64 is due to the small output layer: see "
             "[below](#what-to-be-careful-with)."),
    Question("Does the load-scaled gradient help?", ("by-load", "by-root-load"), "No: there are more errors",
             "Yes: there are fewer errors"),
    Question("Do layers need seeds of their own?", ("one-seed",), "Yes: with one seed there are more errors",
             "No: with one seed there are fewer errors"),
)


class Study:
    """The finished runs of the study, by cell and method, and what else its records say.

    Raises ValueError as `results.results` does.
    """

    def __init__(self, folder: Path) -> None:
        self.records = read_all(folder)
        check_data(folder, self.records)
        self.planned: dict[tuple[Cell, str], list[Job]] = {}
        for name in ABLATIONS:
            for job in read_grid(name):
                self.planned.setdefault((cell_of(job), job.method), []).append(job)
        self.runs: dict[tuple[Cell, str], list[RunRecord]] = {}
        for point, jobs in self.planned.items():
            there = [self.records.get(job.key) for job in jobs]
            runs = [record for record in there if isinstance(record, RunRecord)]
            if len(runs) == len(jobs):
                check_seeds(folder, runs, self.records)
                self.runs[point] = runs

    def cells(self, method: str, dataset: str, compression: str | None = None) -> list[Cell]:
        """List the cells where a method and HashNet are complete, of one compression or of all."""
        return [cell for cell, name in self.runs
                if name == method and cell[0] == dataset and (cell, BASELINE) in self.runs
                and compression in (None, cell[2])]

    def wrong(self, cell: Cell, method: str) -> Wrong:
        """Return which seed's network got which test image wrong."""
        return np.stack([unpack(run.wrong or "", run.test_examples) for run in self.runs[cell, method]])

    def change(self, method: str, dataset: str, compression: str | None = None) -> Change | None:
        """Return how many percent more errors a method makes than HashNet; None where nothing is complete."""
        cells = self.cells(method, dataset, compression)
        if not cells:
            return None
        return relative_change([(self.wrong(cell, method), self.wrong(cell, BASELINE)) for cell in cells])

    def changes(self) -> Changes:
        """Return all changes that are known: of each variant, on each set, over all cells and at each compression."""
        found: Changes = {}
        for dataset, variant, compression in product(SETS, VARIANTS, (None, *COMPRESSIONS)):
            change = self.change(variant.name, dataset, compression)
            if change is not None:
                found[dataset, variant.name, compression or ALL_CELLS] = change
        return found

    def error(self, cell: Cell, method: str) -> tuple[float, float]:
        """Return mean and standard deviation of the test error over the seeds, percent."""
        errors = [run.test_error for run in self.runs[cell, method]]
        return float(np.mean(errors)), float(np.std(errors, ddof=1))


def cell_of(job: Job) -> Cell:
    """Name the cell of a job."""
    return job.dataset, job.layers, job.compression or ""


def has_ablations(folder: Path) -> bool:
    """Tell whether a folder has records of the study."""
    return any(isinstance(record, RunRecord) and record.job.protocol == "ablations"
               for record in read_all(folder).values())


def write_page(folder: Path, out: Path) -> Path:
    """Write the figure, the changes and the page from the records in `folder`; return the path of the page."""
    study = Study(folder)
    atomic_write(out / CHANGES, changes_to_json(study.changes()).encode())
    save_figure(compose(study), out / FIGURE, dpi=110)
    path = out / "report.md"
    atomic_write(path, page(study).encode())
    return path


def changes_to_json(changes: Changes) -> str:
    """Write changes as JSON, a line for each: the lesson reads them, so that it needs no records."""
    lines = [json.dumps({"dataset": dataset, "variant": variant, "cells": cells, **rounded(change)})
             for (dataset, variant, cells), change in changes.items()]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def rounded(change: Change) -> dict[str, float]:
    """Round the numbers of a change."""
    return {name: round(value, 4) for name, value in asdict(change).items()}


def changes_from_json(text: str) -> Changes:
    """Read what `changes_to_json` wrote."""
    return {(row["dataset"], row["variant"], row["cells"]): Change(row["mean"], row["error"], row["freedom"])
            for row in json.loads(text)}


def page(study: Study) -> str:
    """Write the page."""
    head = "# Other ways to share weights: what each choice is worth"
    parts = [head, "", INTRO, "", "## The answers", "", HOW_TO_READ_ANSWERS, ""]
    for question in QUESTIONS:
        parts += [f"**{question.text}** {answer(study, question)}", ""]
    parts += ["## How much is done", "", coverage(study), "", "## Each variant against HashNet", "", HOW_TO_READ, ""]
    changes = study.changes()
    for dataset, name in SETS.items():
        parts += [f"On {name}:", "", table_of_changes(changes, dataset), ""]
    parts += [f"![Change of the errors of each variant at four compressions, on both sets]({FIGURE})", "",
              caption(), "", "## Every cell", "", HOW_TO_READ_CELLS, ""]
    for dataset, name in SETS.items():
        for layers, depth in DEPTHS.items():
            parts += [f"### {name[0].upper()}{name[1:]}, {depth}", "", table_of_cells(study, dataset, layers), ""]
    parts += ["## What to be careful with", "", cautions(study), "", "## The step sizes that were chosen", "",
              HOW_TO_READ_RATES, ""]
    for dataset, name in SETS.items():
        parts += [f"On {name}:", "", table_of_rates(study, dataset), ""]
    return "\n".join(parts)


INTRO = """Made by `python -m hashnets_np report` from the records in this folder. [README.md](README.md) has the
rules, which were fixed before the first run: what is compared, how the step size is chosen, and how differences are
judged. A variant changes one thing about HashNet and stores as many numbers."""

HOW_TO_READ_ANSWERS = """In brackets: how many percent more errors than HashNet (+) or fewer (-), over all cells, with
an interval corrected for 15 comparisons; after it the compressions at which the variant differs beyond an interval
corrected for 60. "No difference seen" means that the interval contains 0. It does not mean that there is none: a
difference as large as the interval's ends would not have been seen."""

HOW_TO_READ = """How many percent more errors than HashNet (+) or fewer (-), averaged over cells: +10 % is 5.5 % of the
images wrong where HashNet has 5 %. In brackets the interval, corrected for the number of comparisons: 15 for "all
cells", 60 for the single compressions. A number is bold where its interval does not contain 0; only those count."""

HOW_TO_READ_RATES = """Learning rate / (1 - momentum) by the lowest validation error, with one / with three hidden
layers. For gradients divided by loads it is multiplied by the mean load, or its root, when it is used."""

HOW_TO_READ_CELLS = """Mean test error in percent over the seeds; in the first row with the standard deviation, in the
others with the difference to HashNet in percentage points and its plain 95 % interval. There are 120 differences on
each set, and about 6 of them miss 0 by chance. No conclusion rests on one of them."""


def answer(study: Study, question: Question) -> str:
    """Answer a question on each set: first in a sentence, then variant by variant."""
    sentences = []
    differs = False
    for dataset, name in SETS.items():
        changes = {v: study.change(v, dataset) for v in question.variants}
        known = {variant: change for variant, change in changes.items() if change is not None}
        if not known:
            sentences.append(f"On {name} nothing is complete yet.")
            continue
        sentences.append(f"*On {name}*: {verdict(question, known)}. {details(study, dataset, known)}")
        differs = differs or any(change.direction(OVER_ALL) for change in known.values())
    if differs and question.note:
        sentences.append(question.note)
    return " ".join(sentences)


def verdict(question: Question, changes: dict[str, Change]) -> str:
    """Say in a few words what the variants of a question show on one set."""
    directions = {variant: change.direction(OVER_ALL) for variant, change in changes.items()}
    words = []
    for direction, text in (("more", question.more), ("fewer", question.fewer)):
        found = [variant for variant in directions if directions[variant] == direction]
        if found and len(changes) > 1:
            words.append(f"{text} with {listed(found)}")
        elif found:
            words.append(text)
    even = [variant for variant in directions if not directions[variant]]
    if even:
        words.append("no difference seen" + (f" with {listed(even)}" if len(changes) > 1 else ""))
    return "; ".join(words)


def listed(variants: Sequence[str]) -> str:
    """List variants by their labels: "a, b and c"."""
    labels = [METHODS[variant].label for variant in variants]
    return " and ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)


def details(study: Study, dataset: str, changes: dict[str, Change]) -> str:
    """Give the numbers over all cells, and the compressions at which a variant differs."""
    sentences = []
    for variant, change in changes.items():
        low, high = change.interval(OVER_ALL)
        cells = len(study.cells(variant, dataset))
        text = f"{METHODS[variant].label}: {percent(change.mean)} % ({percent(low)} to {percent(high)}"
        text += f", {cells} of 8 cells)" if cells < 8 else ")"
        apart = []
        for c in COMPRESSIONS:
            at = study.change(variant, dataset, c)
            if at is not None and at.direction(BY_COMPRESSION):
                apart.append(f"{percent(at.mean)} % at {c}")
        sentences.append(text + (f", with {', '.join(apart)}" if apart else ""))
    return "; ".join(sentences) + "."


def coverage(study: Study) -> str:
    """Count what is done on each set."""
    rows = []
    for dataset, name in SETS.items():
        jobs = [job for (cell, _), of_point in study.planned.items() if cell[0] == dataset for job in of_point]
        runs = [study.records.get(job.key) for job in jobs]
        searches = list(dict.fromkeys(search_for(job) for job in jobs))
        found = [study.records.get(search.key) for search in searches]
        methods = {method for _, method in study.planned}
        cells = {cell for cell, _ in study.planned if cell[0] == dataset}
        complete = [cell for cell in cells if all((cell, method) in study.runs for method in methods)]
        rows.append([name, f"{len(complete)} of {len(cells)}", f"{done(runs)} of {len(jobs)}",
                     f"{done(found)} of {len(searches)}",
                     str(sum(isinstance(record, FailureRecord) for record in [*runs, *found]))])
    return markdown_table(["set", "cells complete", "runs", "searches", "failed"], rows)


def done(records: Sequence[Record | None]) -> int:
    """Count the records of jobs that are done."""
    return sum(isinstance(record, RunRecord | SearchRecord) for record in records)


def table_of_changes(changes: Changes, dataset: str) -> str:
    """One row for each variant: the change over all cells and at each compression."""
    rows = []
    for variant in VARIANTS:
        over_all = shown(changes.get((dataset, variant.name, ALL_CELLS)), OVER_ALL)
        at = [shown(changes.get((dataset, variant.name, c)), BY_COMPRESSION) for c in COMPRESSIONS]
        rows.append([variant.label, over_all, *at])
    return markdown_table(["errors against HashNet's", ALL_CELLS, *COMPRESSIONS], rows)


def shown(change: Change | None, level: float) -> str:
    """Write a change with its interval, bold where that does not contain 0."""
    if change is None:
        return "..."
    low, high = change.interval(level)
    text = f"{percent(change.mean)} %"
    return (f"**{text}**" if change.direction(level) else text) + f" ({percent(low)} to {percent(high)})"


def table_of_cells(study: Study, dataset: str, layers: int) -> str:
    """One row for each method, HashNet first: errors at each compression, and the difference to HashNet."""
    rows = []
    for method in (BASELINE, *(variant.name for variant in VARIANTS)):
        entries = []
        for c in COMPRESSIONS:
            cell = (dataset, layers, c)
            if (cell, method) not in study.runs or (cell, BASELINE) not in study.runs:
                entries.append("...")
                continue
            mean, spread = study.error(cell, method)
            if method == BASELINE:
                entries.append(f"{mean:.2f} +- {spread:.2f}")
                continue
            change = change_in_points(study.wrong(cell, method), study.wrong(cell, BASELINE))
            low, high = change.interval(PLAIN)
            entries.append(f"{mean:.2f}: {change.mean:+.2f} ({low:+.2f} to {high:+.2f})")
        rows.append([METHODS[method].label, *entries])
    return markdown_table(["test error, %", *COMPRESSIONS], rows)


def table_of_rates(study: Study, dataset: str) -> str:
    """One row for each method: the step sizes that its searches chose."""
    chosen = {(cell_of(record.job), record.job.method): f"{record.hyper['rate']:g}"
              for record in study.records.values() if isinstance(record, SearchRecord)}
    rows = []
    for method in (BASELINE, *(variant.name for variant in VARIANTS)):
        entries = [" / ".join(chosen.get(((dataset, layers, c), method), "...") for layers in DEPTHS)
                   for c in COMPRESSIONS]
        rows.append([METHODS[method].label, *entries])
    return markdown_table(["step size", *COMPRESSIONS], rows)


def cautions(study: Study) -> str:
    """List what a reader should know before believing the tables."""
    searches = [record for record in study.records.values() if isinstance(record, SearchRecord)]
    runs = [run for runs in study.runs.values() for run in runs]
    at_edge = sum(record.at_edge for record in searches)
    halved = sum(run.rate_halvings > 0 for run in runs)
    lost = [run for run in runs if run.test_error > LOST]
    lines = [
        "One step size is chosen for all seeds of a cell. The luck of that choice is in no interval, and it is not "
        "small: neighbouring step sizes differ by a factor of 2. A table below says which were chosen.",
        f"{len(lost)} of {len(runs)} runs end with more than half of the images wrong{by_method(lost)}. A few of them "
        "make a mean large and its interval wide.",
        f"In {at_edge} of {len(searches)} searches the best step size was the last one tried. {halved} of {len(runs)} "
        "runs blew up and began again with half the step size.",
        "Short trainings of small networks: 100 hidden units, 10 epochs on the digits, 5 on MNIST. An output layer of "
        "1,010 virtual weights stores 32 numbers at 1/32 and 16 at 1/64. Wide layers are another matter, and were not "
        "run.",
        "What tiles show at 1/32 and 1/64 is about that output layer. A tile there is longer than all that is stored, "
        "and wraps around in it, so that rows of one tile are copies of each other: at 1/32, tiles of 8 give outputs 0 "
        "and 4, 1 and 5, 2 and 6, 3 and 7 the same weights, and tiles of 32 give all ten outputs the same. No training "
        "can tell such classes apart. The study does not say what tiles cost in a layer that is large beside them.",
        "All seeds share one test set for each data set. The images' part of an interval allows for that, but not for "
        "digits by other writers.",
        "A variant that makes many more errors in one cell has a large mean over all cells. Look at the compressions.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def by_method(runs: Sequence[RunRecord]) -> str:
    """Count runs by method: " (3 of tile of 8, 1 of no signs)"."""
    counts = Counter(METHODS[run.job.method].label for run in runs)
    return f" ({', '.join(f'{count} of {label}' for label, count in counts.most_common())})" if counts else ""


def percent(value: float) -> str:
    """Write a change with its sign, and with a decimal where it would round to 0 without.

    >>> percent(3.4), percent(-0.2), percent(0.01)
    ('+3', '-0.2', '0')
    """
    text = f"{value:+.0f}" if round(value) else f"{value:+.1f}"
    return text if float(text) else "0"


def caption() -> str:
    """Say what the figure shows."""
    return (f"*Errors against HashNet's, in percent of them; mean over both depths. Lines: intervals corrected for "
            f"{len(VARIANTS) * len(COMPRESSIONS)} comparisons on a set. A triangle and a number stand for what lies "
            "beyond the axis. Digits: 20 seeds, 600 test images; MNIST at 14 x 14: 3 seeds, 10,000 test images.*")


MARKS = dict(zip(COMPRESSIONS, (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "D")), strict=True))
LEFT, RIGHT = -60.0, 120.0  # percent


def compose(study: Study) -> Any:
    """Draw the changes of all variants at each compression, a panel for each set."""
    plt = use_style()
    fig, axes = plt.subplots(1, len(SETS), figsize=(11, 8.5), layout="constrained", sharey=True)
    for ax, (dataset, name) in zip(axes, SETS.items(), strict=True):
        draw_panel(ax, study, dataset)
        ax.set(title=name[0].upper() + name[1:], xlabel="change of errors (%)", xlim=(LEFT, RIGHT))
    axes[0].set_yticks(range(len(VARIANTS)), [variant.label for variant in VARIANTS])
    axes[0].invert_yaxis()
    axes[1].legend(loc="lower right")
    return fig


def draw_panel(ax: Any, study: Study, dataset: str) -> None:
    """Draw one set: four marks for each variant, the strongest compression below."""
    ax.axvline(0, color="black", linewidth=1)
    for row, variant in enumerate(VARIANTS):
        for number, (c, (colour, marker)) in enumerate(MARKS.items()):
            change = study.change(variant.name, dataset, c)
            if change is None:
                continue
            y = row + 0.18 * (number - 1.5)
            low, high = change.interval(BY_COMPRESSION)
            ax.plot([max(low, LEFT), min(high, RIGHT)], [y, y], color=colour, linewidth=1.4, marker="", linestyle="-")
            if change.mean <= RIGHT - 5:
                ax.plot(change.mean, y, color=colour, marker=marker, markersize=5, linestyle="")
            else:
                ax.plot(RIGHT - 3, y, color=colour, marker=">", markersize=6, linestyle="", clip_on=False)
                ax.text(RIGHT - 7, y, percent(change.mean), color=colour, fontsize=8, ha="right", va="center")
    for c, (colour, marker) in MARKS.items():
        ax.plot([], [], color=colour, marker=marker, markersize=5, linestyle="-", label=c)
