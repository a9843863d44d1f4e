"""What has been measured, cell by cell, and what the paper printed there.

A cell is (data set, method, layers, compression or expansion); its runs differ in the seed. Only runs of the paper's
presets count. RECT is compared with the row printed CONVEX and the other way round (`data/paper/ERRATA.md`).
"""

import csv
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path

import numpy as np

from ...datasets import package_file
from ..methods import METHODS, PAPER, Method
from ..sweep.grid import ALL, Job, read_grid
from ..sweep.records import read_all
from ..sweep.schema import FailureRecord, RunRecord

PAPER_ROW = {"rect": "CONVEX", "convex": "RECT"}  # as printed; the two rows look swapped
PAPER_METHODS = tuple(method.name for method in PAPER)
Cell = tuple[str, str, int, str]  # data set, method, layers, compression ("1/8") or expansion ("x8")


def cell_of(job: Job) -> Cell:
    """Name the cell of a run."""
    return job.dataset, job.method, job.layers, job.compression or f"x{job.expansion}"


@dataclass(frozen=True)
class Result:
    """The finished runs of one cell."""

    runs: tuple[RunRecord, ...]

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
    def standard_error(self) -> float:
        """Standard error of the mean, percent: of the test set and, where there are several seeds, of training."""
        return float(np.hypot(self.binomial_error(self.mean), self.spread / sqrt(len(self.runs))))

    def binomial_error(self, error: float) -> float:
        """Standard error, in percent, of an error rate of `error` percent on this test set."""
        p = error / 100
        return 100 * sqrt(p * (1 - p) / self.runs[0].test_examples)


def results(folder: Path) -> dict[Cell, Result]:
    """Group the finished runs of the paper's presets by cell, seeds in order.

    Runs of a method that is not the paper's count at the points of the paper's.

    Raises ValueError if runs of one data set are of different data, original and regenerated, say.
    """
    records = read_all(folder)
    planned = read_grid("all")
    points = {point(job) for job in planned}
    own = [record.job for record in records.values()
           if record.job.method not in PAPER_METHODS and point(record.job) in points]
    cells: dict[Cell, list[RunRecord]] = {}
    sources: dict[str, str] = {}
    for job in [*planned, *own]:
        record = records.get(job.key)
        if isinstance(record, RunRecord):
            cells.setdefault(cell_of(job), []).append(record)
            here, first = record.provenance, sources.setdefault(job.dataset, record.provenance)
            if here != first:
                raise ValueError(f"runs of {job.dataset} in {folder} are of different data, {first!r} and {here!r}; "
                                 "move those of one kind to another folder")
    return {cell: Result(tuple(sorted(runs, key=lambda run: run.job.seed))) for cell, runs in cells.items()}


def point(job: Job) -> Job:
    """Name what runs of different methods and seeds are compared at."""
    return replace(job, method="nn", seed=0)


def columns(found: dict[Cell, Result]) -> list[Method]:
    """List the methods that tables show: the paper's, and a user's own that have been run."""
    run = {cell[1] for cell in found}
    return [method for method in METHODS.values() if method.name in PAPER_METHODS or method.name in run]


def coverage(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Count runs by preset: done, failed, planned."""
    records = read_all(folder)
    counts = {}
    for name in (*ALL, "all"):
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
