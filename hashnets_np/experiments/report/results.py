"""What has been measured, cell by cell, and what the paper printed there.

A cell is (data set, method, layers, compression or expansion); its runs differ in the seed, and in nothing else
(`sources`). Only runs of the paper's presets count, and those of registered methods of a user's own at the same points.
RECT is compared with the row printed CONVEX and the other way round (`data/paper/ERRATA.md`).

An error has two sources of chance: the test images and the training runs. A cell of one seed shows no spread of its
own, and has none printed; to be compared it borrows the relative spread of cells of the paper's methods like it
(`with_borrowed_spread`). Where no cell has several seeds its spread is unknown, and no comparison with it can be sure.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...datasets.data_files import package_file
from ..methods import METHODS, PAPER, Method
from ..sweep.grid import ALL, PROTOCOL2, Job, read_grid
from ..sweep.paired import paired_difference, unpack
from ..sweep.records import read_all
from ..sweep.schema import FailureRecord, Record, RunRecord
from .changes import UNKNOWN, Change, Part, change_of
from .sources import check_data, check_seeds

PAPER_ROW = {"rect": "CONVEX", "convex": "RECT"}  # as printed; the two rows look swapped
PAPER_METHODS = tuple(method.name for method in PAPER)
Cell = tuple[str, str, int, str]  # data set, method, layers, compression ("1/8") or expansion ("x8")


def cell_of(job: Job) -> Cell:
    """Name the cell of a run."""
    return job.dataset, job.method, job.layers, job.compression or f"x{job.expansion}"


@dataclass(frozen=True)
class Result:
    """The finished runs of one cell.

    borrowed: the variance of test errors over seeds divided by their squared mean, in cells like it; a cell of one seed
    needs it. None where no cell has several seeds.
    """

    runs: tuple[RunRecord, ...]
    borrowed: Part | None = None

    @property
    def errors(self) -> list[float]:
        """Test errors in percent, one per seed."""
        return [run.test_error for run in self.runs]

    @property
    def mean(self) -> float:
        """Mean test error, percent."""
        return float(np.mean(self.errors))

    @property
    def spread(self) -> float:
        """Sample standard deviation over the seeds; 0 for one seed."""
        return float(np.std(self.errors, ddof=1)) if len(self.runs) > 1 else 0.0

    def __str__(self) -> str:
        return f"{self.mean:.2f}" + (f" +- {self.spread:.2f}" if len(self.runs) > 1 else "")

    @property
    def name(self) -> str:
        """Name the data set as the paper does, and say so if it is not the paper's."""
        return self.runs[0].job.dataset.upper() + ("" if self.source == "original" else f" ({self.source})")

    @property
    def source(self) -> str:
        """What the data are: original, reconstructed or regenerated."""
        return self.runs[0].provenance.split(":")[0]

    @property
    def protocol(self) -> str:
        """The protocol by which the runs were made."""
        return self.runs[0].job.protocol

    @property
    def wrong(self) -> list[NDArray[np.bool_]] | None:
        """The test images that each seed's network got wrong; None where records don't say."""
        known = [(run.wrong, run.test_examples) for run in self.runs]
        return [unpack(wrong, images) for wrong, images in known if wrong] if all(w for w, _ in known) else None

    @property
    def training(self) -> list[Part]:
        """What training runs add to the variance of the mean: their own spread, or the borrowed one for one seed."""
        seeds = len(self.runs)
        if seeds > 1:
            return [Part(self.spread**2 / seeds, seeds - 1)]
        return [self.luck(self.mean)]

    def luck(self, error: float) -> Part:
        """What one training like these adds to the variance of a test error, by the borrowed spread."""
        return Part(self.borrowed.variance * error**2, self.borrowed.freedom) if self.borrowed else UNKNOWN

    @property
    def images(self) -> Part:
        """What the choice of test images adds to the variance of the mean; one image says nothing of others."""
        if self.runs[0].test_examples == 1:
            return UNKNOWN
        return Part(self.binomial_error(self.mean) ** 2, self.runs[0].test_examples - 1)

    @property
    def estimate(self) -> Change:
        """Mean test error with its standard error, of the test images and of training."""
        return change_of(self.mean, [self.images, *self.training])

    def binomial_error(self, error: float) -> float:
        """Standard error, in percent, of an error rate of `error` percent on this test set."""
        p = error / 100
        return 100 * sqrt(p * (1 - p) / self.runs[0].test_examples)


class Findings(dict[Cell, Result]):
    """What has been measured, by cell: under protocol 2 where all of its seeds are done, otherwise under protocol 1.

    protocols: the same apart, by the name of the protocol, and "released" for the recipe of that name.
    """

    def __init__(self, protocols: dict[str, dict[Cell, Result]]) -> None:
        self.protocols = protocols
        super().__init__(protocols["1"] | protocols["2"])

    def under_one(self, cells: Sequence[Cell]) -> dict[Cell, Result]:
        """Return all that is known under one protocol: the second where it has each of these cells, else the first."""
        return self.protocols["2" if all(cell in self.protocols["2"] for cell in cells) else "1"]

    def of_row(self, cells: Sequence[Cell]) -> dict[Cell, Result]:
        """Return what is known of the cells of a row, all of them under one protocol."""
        known = self.under_one(cells)
        return {cell: known[cell] for cell in cells if cell in known}

    def together(self, *cells: Cell) -> list[Result] | None:
        """Return the results of some cells under one protocol, the second where it has them all; None if none has."""
        known = self.under_one(cells)
        return [known[cell] for cell in cells] if all(cell in known for cell in cells) else None


def results(folder: Path) -> Findings:
    """Group the finished runs of the paper's presets by cell, seeds in order.

    Of protocol 2 only cells count whose seeds are all done. Runs of a registered method that is not the paper's count
    at the points of the paper's, with the seeds that are there.

    Raises ValueError if records of one data set were made with different data, for example original and regenerated, or
    if the seeds of a cell differ in more than the seed.
    """
    records = read_all(folder)
    check_data(folder, records)
    first = read_grid("all")
    second = read_grid("protocol2")
    complete = {cell: result for cell, result in by_cell(second, records).items()
                if len(result.runs) == sum(cell_of(job) == cell for job in second)}
    protocols = {
        "1": by_cell([*first, *own_jobs(first, records)], records),
        "2": complete | by_cell(own_jobs(second, records), records),
        "released": by_cell(read_grid("released"), records),
    }
    for cells in protocols.values():
        for result in cells.values():
            check_seeds(folder, result.runs, records)
    return Findings({name: with_borrowed_spread(cells) for name, cells in protocols.items()})


def own_jobs(planned: list[Job], records: dict[str, Record]) -> list[Job]:
    """List the recorded jobs of a user's own methods, as far as they are registered, at the points that are planned."""
    points = {point(job) for job in planned}
    methods = {*METHODS} - {*PAPER_METHODS}
    return [record.job for record in records.values() if record.job.method in methods and point(record.job) in points]


def by_cell(jobs: list[Job], records: dict[str, Record]) -> dict[Cell, Result]:
    """Group the finished runs among some jobs by cell."""
    cells: dict[Cell, list[RunRecord]] = {}
    for job in jobs:
        record = records.get(job.key)
        if isinstance(record, RunRecord):
            cells.setdefault(cell_of(job), []).append(record)
    return {cell: Result(tuple(sorted(runs, key=lambda run: run.job.seed))) for cell, runs in cells.items()}


def with_borrowed_spread(cells: dict[Cell, Result]) -> dict[Cell, Result]:
    """Tell each cell the relative spread of the cells of a protocol that have several seeds.

    Squares of standard deviation / mean are averaged over the cells of the same data set and depth; without any, of the
    same data set; without any, over all. The degrees of freedom add up. Only the paper's methods lend theirs: a user's
    own must not change what is said of the paper's.
    """
    known: dict[tuple[str | int, ...], list[Part]] = {}
    for cell, result in cells.items():
        if cell[1] in PAPER_METHODS and len(result.runs) > 1 and result.mean:
            part = Part((result.spread / result.mean) ** 2, len(result.runs) - 1)
            for pool in pools(cell):
                known.setdefault(pool, []).append(part)
    pooled = {}
    for pool, parts in known.items():
        freedom = sum(part.freedom for part in parts)
        pooled[pool] = Part(sum(part.variance * part.freedom for part in parts) / freedom, freedom)
    found = {}
    for cell, result in cells.items():
        nearest = next((pooled[pool] for pool in pools(cell) if pool in pooled), None)
        found[cell] = replace(result, borrowed=nearest)
    return found


def pools(cell: Cell) -> list[tuple[str | int, ...]]:
    """Name the groups of cells that a cell can borrow a spread from, the nearest first."""
    dataset, _, layers, _ = cell
    return [(dataset, layers), (dataset,), ()]


def same_networks(first: Result, second: Result) -> bool:
    """Say whether both got the same test images wrong, seed by seed: dark knowledge with mix 0 is its student."""
    if not first.wrong or not second.wrong:
        return False
    return np.array_equal(first.wrong, second.wrong)


def difference(first: Result, second: Result, times: float = 1.0) -> Change:
    """Return how much larger the error of the first is than `times` that of the second, in percent.

    Where both know which test images they got wrong they are compared image by image (`paired`); otherwise each has
    the standard error of the test set. The spread between the seeds of each is added. The same networks have the same
    error for certain.
    """
    if times == 1 and same_networks(first, second):
        return change_of(0.0, [])
    training = [*first.training, *(Part(times**2 * part.variance, part.freedom) for part in second.training)]
    if len(first.runs) == len(second.runs) == 1 and first.borrowed and first.borrowed == second.borrowed:
        # one borrowed spread is known no better for being used twice
        training = [Part(sum(part.variance for part in training), first.borrowed.freedom)]
    if first.wrong and second.wrong:
        change, error = paired_difference(first.wrong, second.wrong, times)
        return change_of(change, [Part(error**2, first.images.freedom), *training])
    images = [first.images, Part(times**2 * second.images.variance, second.images.freedom)]
    return change_of(first.mean - times * second.mean, [*images, *training])


def relative_difference(first: Result, second: Result) -> Change:
    """Return how many percent larger the error of the first is, of the second's; both are uncertain."""
    ratio = first.mean / second.mean
    scale = 100 / second.mean
    change = difference(first, second, ratio)
    return Change(100 * (ratio - 1), scale * change.error, change.freedom)


def point(job: Job) -> Job:
    """Name what runs of different methods and seeds are compared at."""
    return replace(job, method="nn", seed=0)


def columns(found: dict[Cell, Result]) -> list[Method]:
    """List the methods that tables show: the paper's, and a user's own that have been run."""
    run = {cell[1] for cell in found}
    return [method for method in METHODS.values() if method.name in PAPER_METHODS or method.name in run]


def coverage(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Count runs by preset: done, failed, planned; "all" is all of protocol 1, "protocol2" all of protocol 2."""
    records = read_all(folder)
    counts = {}
    for name in (*ALL, "all", *PROTOCOL2, "protocol2", "released"):
        there = [records[job.key] for job in read_grid(name) if job.key in records]
        failed = sum(isinstance(record, FailureRecord) for record in there)
        counts[name] = len(there) - failed, failed, len(read_grid(name))
    return counts


def paper_tables() -> dict[Cell, float]:
    """Read Tables 1 and 2 as cells, each data set's numbers from the row that is its own."""
    own = {row: dataset for dataset, row in PAPER_ROW.items()}
    cells: dict[Cell, float] = {}
    for row in read_csv("tables_1_2.csv"):
        dataset = own.get(row["dataset"], row["dataset"].lower())
        cells[dataset, row["method"].lower(), int(row["layers"]), row["compression"]] = float(row["test_error_percent"])
    return cells


def paper_figures() -> dict[tuple[int, Cell], float]:
    """Read Figures 2 to 4: (figure, cell) -> test error in percent."""
    found = {}
    for row in read_csv("figures_2_3_4.csv"):
        x = row["x"] if row["x_kind"] == "compression" else f"x{row['x']}"
        cell = row["dataset"].lower(), row["method"].lower(), int(row["layers"]), x
        found[int(row["figure"]), cell] = float(row["test_error_percent"])
    return found


def read_csv(name: str) -> list[dict[str, str]]:
    """Read one of the files of `data/paper`."""
    with open(package_file(f"paper/{name}"), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
