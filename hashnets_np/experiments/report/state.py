"""The state of a grid after a sweep, from the records alone: a table of its results, and counts of its jobs."""

from ..methods import METHODS
from ..sweep.grid import Job
from ..sweep.schema import FailureRecord, Record
from .results import Result, by_cell, cell_of


def result_table(runs: list[Job], records: dict[str, Record]) -> str:
    """Lay out the test errors of a grid: a row for each data set, depth and size, a column for each method.

    A mean has its standard deviation over the seeds, and the number of seeds where that is not the same everywhere.
    Returns an empty text as long as no run is done.
    """
    cells = by_cell(runs, records)
    if not cells:
        return ""
    methods = [method for method in METHODS.values() if any(job.method == method.name for job in runs)]
    rows = [["test error, %", *(method.label for method in methods)]]
    for dataset, layers, size in dict.fromkeys((job.dataset, job.layers, cell_of(job)[3]) for job in runs):
        there = [cells.get((dataset, method.name, layers, size)) for method in methods]
        if any(there):
            rows.append([f"{dataset}, {layers} layers, {size}", *(entry(of, runs) for of in there)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    return "\n".join(["", *lines])


def entry(result: Result | None, planned: list[Job]) -> str:
    """Write one entry of the table; fewer seeds than planned are counted."""
    if result is None:
        return "..."
    cell = cell_of(result.runs[0].job)
    wanted = sum(cell_of(job) == cell for job in planned)
    done = len(result.runs)
    return f"{result}" + (f" ({done} of {wanted} seeds)" if done < wanted else "")


def state_line(jobs: list[Job], records: dict[str, Record]) -> tuple[str, int, int]:
    """Count the jobs of a grid, searches included: a line that says so, how many failed, and how many are left."""
    there = [records[job.key] for job in jobs if job.key in records]
    failed = sum(isinstance(record, FailureRecord) for record in there)
    done = len(there) - failed
    left = len(jobs) - len(there)
    return f"{done} of {len(jobs)} jobs of the grid done, {failed} failed, {left} left", failed, left
