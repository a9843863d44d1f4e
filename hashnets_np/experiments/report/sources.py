"""What is checked before records are joined: one kind of data for each data set, and seeds that differ in nothing else.

Records come from several machines and moments, and may have been merged or edited by hand. A mean over seeds that were
trained in different ways says nothing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..methods import METHODS
from ..sweep.grid import Job, search_for
from ..sweep.schema import FailureRecord, Record, RunRecord, SearchRecord

OF_A_CELL = ("hyper", "epochs", "stored", "virtual")  # what the seeds of one cell have in common
OF_A_SEARCH = ("hyper", "epochs")  # what a run takes from its search


def check_data(folder: Path, records: dict[str, Record]) -> None:
    """Check that all runs and searches of a data set were made with the same data."""
    first: dict[tuple[str, str], Any] = {}
    for record in records.values():
        if isinstance(record, FailureRecord):
            continue
        said: dict[str, Any] = {"provenance": record.provenance}
        if isinstance(record, RunRecord):
            said |= {"examples": record.examples, "test_examples": record.test_examples}
        for name, here in said.items():
            there = first.setdefault((record.job.dataset, name), here)
            if here != there:
                raise ValueError(f"runs or searches of {record.job.dataset} in {folder} used different data: {name} is "
                                 f"{there!r} and, for {record.job.label()}, {here!r}; move those of one kind to "
                                 "another folder")


def check_seeds(folder: Path, runs: Sequence[RunRecord], records: dict[str, Record]) -> None:
    """Check that the runs of a cell took what their search chose, if it is recorded, and differ in the seed alone."""
    for run in runs:
        search = search_of(run.job, records)
        if search is not None:
            for name in OF_A_SEARCH:
                compare(folder, name, run, search, "its search")
        for name in OF_A_CELL:
            compare(folder, name, run, runs[0], f"seed {runs[0].job.seed}")


def search_of(job: Job, records: dict[str, Record]) -> SearchRecord | None:
    """Find the record of the search whose choice a run took; None if it has none."""
    if not job.tune or job.method not in METHODS:
        return None
    search = records.get(search_for(job).key)
    return search if isinstance(search, SearchRecord) else None


def compare(folder: Path, name: str, run: RunRecord, other: RunRecord | SearchRecord, whose: str) -> None:
    """Check that one field of a run is that of its search, or of another seed of its cell."""
    here = getattr(run, name)
    there = getattr(other, name)
    if here != there:
        raise ValueError(f"{run.job.label()} (protocol {run.job.protocol}) in {folder} does not belong to its cell: "
                         f"its {name} is {here!r}, that of {whose} is {there!r}; were they searched in different "
                         "folders, or was a line edited? Delete the lines of the runs that are wrong: `sweep` then "
                         "does them again")
