"""What one job of a sweep does, in whatever process or machine it finds itself: choose, train, test, report.

The test set is used once, after the last training; a search never sees it, because `run_job` hides it. A run trains on
training + validation examples for the number of epochs chosen on validation. Source: section 6 of the paper, as far as
it says; what it leaves open is in `data/records/protocol1.md`.
"""

import pickle
import platform
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...datasets import Dataset, load_dataset
from ...losses import error_rate
from ...training import predict
from .. import released
from ..methods import METHODS, Method, register_method
from .code_version import ROOT, code_digest, commit_of
from .grid import Job, search_for
from .paired import pack
from .protocols import PROTOCOLS
from .schema import KINDS, FailureRecord, Hyper, Record
from .train import (
    DARK_DEFAULTS,
    DEFAULTS,
    Found,
    choose_epochs,
    epochs_for,
    teacher_for,
    train_to_the_end,
    without_test,
)
from .tune import do_search
from .unfinished import forget

# errors that are the machine's fault, not the job's: no memory, no disk, no data, no library, a damaged cache
ENVIRONMENT = (OSError, MemoryError, ImportError, EOFError, pickle.UnpicklingError, KeyboardInterrupt)


@dataclass(frozen=True)
class Unable:
    """A job was not done because of the machine: nothing is recorded, and the sweep stops."""

    reason: str


def limit_threads() -> None:
    """Keep this process to one thread: a sweep fills the machine with processes."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    try:
        import numba

        numba.set_num_threads(1)
    except ImportError:
        pass


@lru_cache(maxsize=1)
def load(name: str, data_dir: str | None) -> Dataset:
    """Load a data set once per process."""
    return load_dataset(name, data_dir)


def choice_without_search(job: Job, data: Dataset) -> tuple[Hyper, int, float | None]:
    """Choose hyper-parameters, epochs and their validation error for a run without a search; the error is measured."""
    if PROTOCOLS[job.protocol].recipe == "released":
        return released.SETTINGS, job.max_epochs or released.EPOCHS, None  # nothing is chosen, so nothing is measured
    hyper = DEFAULTS | (DARK_DEFAULTS if METHODS[job.method].student else {})
    part = without_test(data)
    epochs = epochs_for(job, data)
    history = train_to_the_end(job, hyper, part, epochs, teacher_for(job, hyper, {}, part)).history
    epochs = choose_epochs(history.valid_error, len(part.x_valid))
    return hyper, epochs, history.valid_error[epochs - 1]


def do_run(job: Job, found: Found, data: Dataset) -> dict[str, Any]:
    """Train on training + validation examples, then test once; without a search, measure the validation error first."""
    valid_error: float | None
    if job.tune:
        search = found[search_for(job).key]
        hyper = search.hyper
        epochs = search.epochs
        valid_error = search.valid_error
    else:
        hyper, epochs, valid_error = choice_without_search(job, data)
    whole = without_test(data).refit()
    trained = train_to_the_end(job, hyper, whole, epochs, teacher_for(job, hyper, found, whole))
    net = trained.net
    logits = predict(trained.net, data.x_test)
    results: dict[str, Any] = {
        "test_error": error_rate(logits, data.y_test), "valid_error": valid_error, "epochs": epochs,
        "hyper": hyper, "rate_halvings": trained.halvings, "stuck": trained.stuck, "stored": net.num_parameters(),
        "virtual": net.num_virtual_parameters(), "examples": len(whole.x_train), "test_examples": len(data.x_test),
        "train_loss": trained.history.train_loss[-1],
    }
    if PROTOCOLS[job.protocol].keep_wrong:
        unknown = np.isnan(logits).any(axis=1)  # wrong, as `error_rate` counts them
        results["wrong"] = pack((logits.argmax(axis=1) != data.y_test) | unknown)
    return results


def run_job(
    job: Job, found: Found, data_dir: str | None, provenance: str | None = None, method: Method | None = None
) -> Record | Unable:
    """Do a job and return its record; a job that goes wrong becomes a record, too, a machine that does not.

    found: the records of the searches it needs. provenance: what its data must be, None for anything. method: its
    method, which a process of its own may not know yet.
    """
    start = time.perf_counter()
    try:
        limit_threads()
        # asked for before the first job, as near as can be to when this process imported the code; later calls return
        # the same
        commit = commit_of(ROOT)
        code_digest()
        if method is not None and method.name not in METHODS:
            register_method(method)
        data = load_for(job, data_dir, provenance)
        for search in found.values():  # they are recorded, so that nobody needs their trainings any more
            forget(search.job, data)
        results = do_search(job, found, without_test(data)) if job.kind == "search" else do_run(job, found, data)
    except ENVIRONMENT as error:
        return Unable(f"{job.label()}: {type(error).__name__}: {error}")
    except Exception as error:
        if "can't start new thread" in str(error):
            return Unable(f"{job.label()}: {type(error).__name__}: {error}")
        took = time_and_place(start)
        return FailureRecord(job=job, error=f"{type(error).__name__}: {error}", **took)
    took = time_and_place(start)
    kind = KINDS[job.kind]
    return kind(job=job, name=data.name, provenance=data.provenance, version=__version__, commit=commit, **results,
                **took)


def time_and_place(start: float) -> dict[str, Any]:
    """Say how long a job took, and on what kind of machine."""
    return {"seconds": round(time.perf_counter() - start, 1), "machine": platform.machine()}


def load_for(job: Job, data_dir: str | None, provenance: str | None) -> Dataset:
    """Load a job's data; anything wrong with them is an OSError, for the next job would meet it, too."""
    try:
        data = load(job.dataset, data_dir)
    except ValueError as error:
        raise OSError(str(error)) from error
    if provenance not in (None, data.provenance):
        raise OSError(f"the records were made with {job.dataset} {provenance!r}, but the data here are "
                      f"{data.provenance!r}; set --data-dir or HASHNETS_DATA, or use another folder with --records")
    return data


def data_dir_text(path: Path | None) -> str | None:
    """Name a data directory so that another process finds it: the absolute path, or None."""
    return str(path.resolve()) if path else None
