"""What the tests of sweeps share: a small job, records, and workers that work at once in this process."""

from concurrent.futures import Future
from dataclasses import replace

from hashnets_np.experiments.methods import METHODS
from hashnets_np.experiments.sweep import drive
from hashnets_np.experiments.sweep.grid import Job
from hashnets_np.experiments.sweep.schema import FailureRecord, RunRecord, SearchRecord

JOB = Job("run", "digits", "hashnet", 3, "1/8", None, 0, hidden=20, tune=False, max_epochs=2)
HYPER = {"rate": 0.5, "momentum": 0.9, "input_dropout": 0.0, "dropout": 0.0}
DARK_HYPER = {"temperature": 4.0, "mix": 0.7}


class Here:
    """An executor that works at once, in this process."""

    def submit(self, function, *args):
        future = Future()
        future.set_result(function(*args))
        return future

    def shutdown(self, **_):
        pass


def here(count=1):
    return drive.Workers(Here, count)


def run_record(job=JOB, **more):
    """A finished run; `more` replaces what it says."""
    facts = {"name": "digits", "provenance": "original: x", "version": "0", "test_error": 1.0, "valid_error": 2.0,
             "epochs": 40, "hyper": HYPER, "stored": 9, "virtual": 90, "examples": 100, "test_examples": 50_000,
             "train_loss": 0.1}
    return RunRecord(job=job, **facts | more)


def search_record(job, hyper=None, **more):
    """A finished search, which `run_record` agrees with; `hyper` and `more` replace what it says."""
    whole = HYPER | (DARK_HYPER if METHODS[job.method].student else {}) | (hyper or {})
    facts = {"name": "digits", "provenance": "original: x", "version": "0", "epochs": 40, "valid_error": 2.0,
             "curve": [3.0, 2.0], "at_edge": False, "trial_epochs": 2, "rounds": []}
    return SearchRecord(job=job, hyper=whole, **facts | more)


def failure(job=JOB, error="ValueError: x"):
    return FailureRecord(job=job, error=error)


def seeded(seed, **more):
    """The small job with another seed."""
    return replace(JOB, seed=seed, **more)
