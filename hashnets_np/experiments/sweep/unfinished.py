"""Trainings of searches that are not finished: kept in the cache, so that a search that was cut off goes on from there.

They are kept under all that they depend on: the job, the searches that it needs, the data, and the code of the package
(`code_version`). Only those of the paper's six methods are kept: a method of a user's own may change without the
package, and trainings of the ablations take seconds. A search's trainings stay until its record is on the disk: the
first later job that has the record forgets them.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...datasets import Dataset
from ...datasets.data_files import cache_dir, cached_arrays
from ..methods import METHODS, PAPER
from .code_version import code_digest, short_digest
from .grid import Job
from .schema import Hyper
from .train import Found


def kept_curve(
    job: Job, found: Found, data: Dataset, hyper: Hyper, epochs: int, limit: float, train: Callable[[], NDArray]
) -> NDArray:
    """Return the validation errors of a training: as they were kept, or by training now."""
    if METHODS.get(job.method) not in PAPER:
        return train()
    needed = {key: [search.hyper, search.epochs] for key, search in found.items()}
    name = json.dumps([code_digest(), needed, hyper, epochs, limit], sort_keys=True)
    path = folder_of(job, data) / f"{short_digest(name.encode())}.npz"
    return cached_arrays(path, lambda: {"curve": np.asarray(train(), float)})["curve"]


def forget(job: Job, data: Dataset) -> None:
    """Delete what was kept for a search, by whatever code and searches that it needed."""
    shutil.rmtree(folder_of(job, data), ignore_errors=True)


def folder_of(job: Job, data: Dataset) -> Path:
    """Name the folder of a search after the job and the data."""
    sums = [short_digest(array.tobytes()) for array in (data.x_train, data.y_train, data.x_valid, data.y_valid)]
    name = json.dumps([job.key, sums], sort_keys=True)
    return cache_dir() / "unfinished" / short_digest(name.encode())
