"""What the tests of sweeps share: a small job, records, and workers that work at once in this process."""

from concurrent.futures import Future

from hashnets_np.experiments.sweep import drive
from hashnets_np.experiments.sweep.grid import Job

JOB = Job("run", "digits", "hashnet", 3, "1/8", None, 0, hidden=20, tune=False, max_epochs=2)


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


def record(key, status="done", **more):
    return {"key": key, "status": status, **more}
