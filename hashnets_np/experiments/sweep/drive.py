"""Driving a sweep: hand out what is ready, write down what comes back, whatever does the work.

Works are done by any `concurrent.futures.Executor`: spawned processes of one thread each, or a Dask cluster. Only this
process writes records. Jobs in flight are as many as there are workers, so a kill loses no more than those. A job waits
for the searches that it needs. Left out: what a job is (`grid`) and does (`work`).
"""

import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from .grid import Job, needs, with_searches
from .progress import Progress, Say
from .records import FILES, Record, append, read_all
from .work import do

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
CONNECT_SECONDS = 10


@dataclass
class Workers:
    """Somebody who works: an executor, how many jobs at a time, and how to get a new one if it breaks."""

    make: Callable[[], Executor]
    count: int
    executor: Executor = field(init=False)

    def __post_init__(self) -> None:
        self.executor = self.make()

    def submit(self, *what: Any) -> Future:
        """Hand a job out, with all that `do` takes, to a new executor if a dead worker has broken the old one."""
        with environment(ONE_THREAD):  # a process is born here, and must know before it imports NumPy
            try:
                return self.executor.submit(do, *what)
            except BrokenExecutor:
                self.executor.shutdown(wait=False)
                self.executor = self.make()
                return self.executor.submit(do, *what)


@contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    """Set environment variables for as long as it takes: numba refuses to go on where they change for good."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def local_workers(count: int) -> Workers:
    """Spawn processes, one thread each, which end with this one, however it ends."""
    spawn = multiprocessing.get_context("spawn")
    return Workers(lambda: ProcessPoolExecutor(count, spawn, initializer=end_with_parent), count)


def end_with_parent() -> None:
    """Let a thread of a worker wait for the end of the sweep's process: killed, that can't tell its workers."""
    def wait_for_end() -> None:
        if parent := multiprocessing.parent_process():
            parent.join()
            os._exit(1)

    Thread(target=wait_for_end, daemon=True).start()


def dask_workers(address: str) -> Workers:
    """Use the workers of a running Dask scheduler, such as "tcp://host:8786"."""
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError("--dask needs Dask: pip install distributed") from error
    client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    count = sum(client.nthreads().values())
    if not count:
        raise ValueError(f"the Dask scheduler at {address} has no workers; start some with `dask worker {address}`")
    return Workers(lambda: client.get_executor(pure=False, retries=2), count)


def plan(runs: list[Job], records: dict[str, Record], retry: bool) -> list[Job]:
    """List what is left to do: searches before the runs that need them; without `retry` failed jobs are left alone."""
    skip = {key for key, record in records.items() if record["status"] == "done" or not retry}
    wanted = [job for job in runs if job.key not in skip]
    return [job for job in with_searches(wanted) if job.key not in skip]


def sweep(
    runs: list[Job], folder: Path, workers: Workers, data_dir: str | None = None, retry: bool = False,
    say: Say | None = None,
) -> dict[str, int]:
    """Do every job of `runs` that has no record in `folder`, and return how many were done, failed and left.

    workers: who works. retry: also jobs whose last record says failed. say: is told one line per finished job. Ctrl-C
    stops handing out and keeps what is done.
    """
    say = say or (lambda line: None)
    records = read_all(folder)
    progress = Progress(plan(runs, records, retry), workers.count, say, records.values())
    records = {key: record for key, record in records.items() if key not in {job.key for job in progress.jobs}}
    waiting, running, deaths = list(progress.jobs), dict[Future, Job](), Counter[Job]()
    try:
        while True:
            there = done_elsewhere(folder, waiting)
            records, progress.elsewhere = records | there, progress.elsewhere + len(there)
            hand_out(waiting, running, records, workers, data_dir)
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                record = result(future, job)
                if record.get("worker_died") and not deaths[job]:
                    deaths[job] += 1
                    waiting.insert(0, job)  # perhaps its neighbour died, and took the pool along: once more
                    continue
                if append(folder / FILES[job.kind], record):
                    progress.tell(job, record, waiting, list(running.values()))
                else:  # another sweep was first: what is recorded counts, for the runs of a search, too
                    progress.elsewhere, record = progress.elsewhere + 1, read_all(folder)[job.key]
                records[job.key] = record
    except KeyboardInterrupt:
        say("stopping; what is done is recorded")
    finally:
        for future in running:
            future.cancel()
        workers.executor.shutdown(wait=False)
    return progress.counts()


def done_elsewhere(folder: Path, waiting: list[Job]) -> dict[str, Record]:
    """Take off the list what another sweep on the same folder has done by now, and return those records."""
    found = read_all(folder)
    there = {job.key: found[job.key] for job in waiting if found.get(job.key, {}).get("status") == "done"}
    waiting[:] = [job for job in waiting if job.key not in there]
    return there


def hand_out(
    waiting: list[Job], running: dict[Future, Job], records: dict[str, Record], workers: Workers, data_dir: str | None
) -> None:
    """Submit the first jobs whose searches are done, until every worker has one."""
    for job in list(waiting):
        if len(running) >= workers.count:
            return
        found = {search.key: records.get(search.key, {}) for search in needs(job)}
        if any(record.get("status") == "failed" for record in found.values()):
            waiting.remove(job)  # its search failed: it is left for a later sweep
        elif all(found.values()):
            waiting.remove(job)
            running[workers.submit(job, found, data_dir, provenance(job.dataset, records))] = job


def provenance(dataset: str, records: dict[str, Record]) -> str | None:
    """Say what earlier records have to say of a data set: a sweep that goes on must go on with the same."""
    return next((r["provenance"] for r in records.values() if r.get("dataset") == dataset and "provenance" in r), None)


def result(future: Future, job: Job) -> Record:
    """Take a record from a future; a job's own errors come as records, a worker's become one here."""
    try:
        return future.result()
    except Exception as error:
        record = {"key": job.key, "status": "failed", **asdict(job), "error": f"{type(error).__name__}: {error}"}
        return record | {"seconds": 0.0, "worker_died": isinstance(error, BrokenExecutor)}


def say_on_stderr(line: str) -> None:
    """Print a progress line."""
    print(line, file=sys.stderr, flush=True)
