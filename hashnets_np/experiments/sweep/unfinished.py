"""Trainings of searches that are not finished: kept in the cache, so that a search that was cut off goes on from there.

They are kept under all that they depend on: the job, the searches that it needs, the data, and the version and commit
of the code. Changes that were not committed go unseen, and so would those of a method of a user's own; its trainings
are not kept. A search that ends forgets its own.
"""

import json
import shutil
import subprocess
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ... import __version__
from ...datasets import Dataset
from ...datasets.data_files import cache_dir, cached_arrays
from ..methods import METHODS, PAPER
from .grid import Job
from .schema import Hyper
from .train import Found, short_digest

ROOT = Path(__file__).parents[3]  # of a checkout


def kept_curve(
    job: Job, found: Found, data: Dataset, hyper: Hyper, epochs: int, limit: float, train: Callable[[], NDArray]
) -> NDArray:
    """Return the validation errors of a training: as they were kept, or by training now."""
    if METHODS.get(job.method) not in PAPER:
        return train()
    name = json.dumps([hyper, epochs, limit], sort_keys=True)
    path = folder_of(job, found, data) / f"{short_digest(name.encode())}.npz"
    return cached_arrays(path, lambda: {"curve": np.asarray(train(), float)})["curve"]


def forget(job: Job, found: Found, data: Dataset) -> None:
    """Delete what was kept for a search."""
    shutil.rmtree(folder_of(job, found, data), ignore_errors=True)


def folder_of(job: Job, found: Found, data: Dataset) -> Path:
    """Name the folder of a search after all that its trainings have in common."""
    needed = {key: [search.hyper, search.epochs] for key, search in found.items()}
    sums = [short_digest(array.tobytes()) for array in (data.x_train, data.y_train, data.x_valid, data.y_valid)]
    name = json.dumps([job.key, needed, sums, __version__, commit_of(ROOT)], sort_keys=True)
    return cache_dir() / "unfinished" / short_digest(name.encode())


@lru_cache(maxsize=1)
def commit_of(root: Path) -> str | None:
    """Name the commit of a git checkout; None if it is none. Changes that were not committed go unseen."""
    git = root / ".git"
    if not git.exists():  # git itself would also look above: an installed package may lie in somebody's repository
        return None
    try:
        command = ["git", f"--git-dir={git}", "rev-parse", "--verify", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
