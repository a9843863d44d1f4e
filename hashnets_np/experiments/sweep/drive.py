"""Driving a sweep: hand out the jobs that are ready and record what comes back, whoever does the work.

Jobs run in any `concurrent.futures.Executor`: spawned processes of one thread each, or a Dask cluster. Only this
process writes records. About as many jobs are in flight as there are workers, so a kill loses no more than those. A job
waits for the searches that it needs. A fault of the machine (no memory, a full disk, missing data, workers that cannot
start) stops the sweep with one line and is never recorded as a job's result.
"""

import multiprocessing
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...support.processes import begin_work, interrupts_held_back, stop
from ..methods import METHODS
from .grid import Job, needs, with_searches
from .progress import Counts, Progress, Say
from .records import FILES, append, read_all
from .schema import FailureRecord, Record
from .work import Unable, run_job

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
CONNECT_SECONDS = 10
DEATHS = 2  # a job whose worker died so often, the last time alone, is left undone
NO_WORKERS = """worker processes could not be started; in a script of your own, the call must be below
`if __name__ == "__main__":`, and it cannot come from stdin"""


class SweepStoppedError(OSError):
    """The sweep cannot continue because of the machine; every finished job is recorded."""


@dataclass
class Workers:
    """Who does the work: an executor, how many jobs it takes at a time, and how to get a new one if it breaks.

    count: how many work now. ahead: how many jobs wait with them. check_seconds: after how long to look for new
    workers while nothing happens, None if there never are any.
    """

    make: Callable[[], Executor]
    count: int
    executor: Executor = field(init=False)
    check_seconds: float | None = None

    def __post_init__(self) -> None:
        self.executor = self.make()

    @property
    def in_flight(self) -> int:
        """How many jobs may be handed out at a time."""
        return self.count

    def submit(self, *what: Any) -> Future:
        """Hand a job out, with all that `run_job` takes, to a new executor if a dead worker has broken the old one."""
        # a process may start here, and must have these before it imports NumPy
        with environment(ONE_THREAD), interrupts_held_back():
            try:
                return self.executor.submit(run_job, *what)
            except BrokenExecutor:
                self.executor.shutdown(wait=True)  # see local_workers
                self.executor = self.make()
                return self.executor.submit(run_job, *what)

    def stop(self) -> None:
        """Release all workers; local processes end at once, in the middle of their job."""
        stop(self.executor)


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
    """Spawn processes, one thread each, which end with this one, however it ends.

    The first is started at once, to see that it can be: otherwise each job would look like one that kills its worker.
    """
    spawn = multiprocessing.get_context("spawn")

    def make() -> Executor:
        pool = ProcessPoolExecutor(count, spawn, initializer=begin_work)
        try:
            with environment(ONE_THREAD), interrupts_held_back():
                first = pool.submit(os.getpid)
            first.result()
        except BrokenExecutor as error:
            # Python 3.13 deadlocks if a broken pool is collected while its own thread still cleans up
            pool.shutdown(wait=True)
            raise SweepStoppedError(" ".join(NO_WORKERS.split())) from error
        return pool

    return Workers(make, count)


class DaskWorkers(Workers):
    """The workers of a Dask scheduler, as many as there are at the moment.

    An adaptive cluster has no workers until there is something to do, and adds some while jobs are waiting. So jobs are
    always kept waiting, about as many as are running.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        super().__init__(lambda: client.get_executor(pure=False, retries=2), 0, check_seconds=5.0)

    @property
    def in_flight(self) -> int:
        """How many jobs may be handed out at a time: some of them wait at the scheduler."""
        self.count = sum(self.client.nthreads().values())
        return 2 * self.count + 1


def dask_workers(address: str) -> Workers:
    """Use the workers of a running Dask scheduler, such as "tcp://host:8786", those that come later, too."""
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError("--dask needs Dask: pip install distributed") from error
    if not re.fullmatch(r"([a-z]+://)?[^/\s]+:[0-9]+", address):  # Dask's own error leaves a client that cannot end
        raise ValueError(f"--dask needs the address of a scheduler, such as tcp://host:8786, got {address!r}")
    workers = DaskWorkers(Client(address, timeout=CONNECT_SECONDS, set_as_default=False))
    if workers.in_flight == 1:
        say_on_stderr(f"the Dask scheduler at {address} has no workers yet; the sweep begins with the first, "
                      f"which an adaptive cluster starts by itself (otherwise: `dask worker {address}`)")
    return workers


def jobs_to_do(runs: list[Job], records: dict[str, Record], retry: bool) -> list[Job]:
    """List what is left to do: searches before the runs that need them; without `retry` failed jobs are left alone.

    A search without a record is done again even if all its runs have theirs: a reader must be able to see where their
    hyper-parameters come from. The runs keep their records; if the search now chooses otherwise, `report` refuses them.
    """
    skip = {key for key, record in records.items() if not (retry and isinstance(record, FailureRecord))}
    return [job for job in with_searches(runs) if job.key not in skip]


def sweep(
    runs: list[Job], folder: Path, workers: Workers, data_dir: str | None = None, retry: bool = False,
    say: Say | None = None,
) -> Counts:
    """Do every job of `runs`, searches included, that has no record in `folder`; count what was done, failed and left.

    workers: who works. retry: also jobs whose last record says failed. say: is told one line per finished job.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C; finished jobs are recorded, those under way are not.
    OSError
        For a fault of the machine, with one line; again, finished jobs are recorded.
    ValueError
        If a line of the records is damaged, or was edited during the sweep; the message names the line.
    """
    say = say or (lambda line: None)
    records = read_all(folder, say)
    progress = Progress(jobs_to_do(runs, records, retry), workers.count, say, records.values())
    to_do = {job.key for job in progress.jobs}
    records = {key: record for key, record in records.items() if key not in to_do}
    waiting = list(progress.jobs)
    running = dict[Future, Job]()
    deaths = Counter[Job]()
    try:
        while True:
            there = done_elsewhere(folder, waiting)
            records = records | there
            progress.elsewhere = progress.elsewhere + len(there)
            hand_out(waiting, running, records, workers, data_dir, deaths)
            if not running:
                break
            for future in wait(running, timeout=workers.check_seconds, return_when=FIRST_COMPLETED).done:
                job = running[future]
                record = result(future)
                if record is None:
                    del running[future]
                    deaths[job] += 1
                    if deaths[job] < DEATHS:
                        waiting.insert(0, job)  # perhaps another worker died and broke the pool: once more, alone
                    else:
                        say(f"{job.label()}: its worker was killed twice (not enough memory?); the job was not done")
                    continue
                is_first = append(folder / FILES[job.kind], record)
                del running[future]  # not before: `record_finished` records what is in it
                if is_first:
                    progress.workers = workers.count
                    progress.update(job, record, waiting, list(running.values()))
                else:  # another sweep was first: its record counts, also for the runs that need this search
                    progress.elsewhere = progress.elsewhere + 1
                    record = read_all(folder)[job.key]
                records[job.key] = record
    except BaseException as error:
        try:
            record_finished(running, folder)
            if isinstance(error, KeyboardInterrupt):
                say("stopping; every finished job is recorded")
        finally:
            workers.stop()
        raise
    workers.executor.shutdown(wait=False)
    return progress.counts()


def record_finished(running: dict[Future, Job], folder: Path) -> None:
    """Record what finished before a sweep was stopped; an error here must not hide the one that stopped it."""
    for future, job in running.items():
        if not future.done() or future.cancelled() or future.exception():
            continue
        record = future.result()
        if not isinstance(record, Unable):
            with suppress(OSError, ValueError):
                append(folder / FILES[job.kind], record)


def done_elsewhere(folder: Path, waiting: list[Job]) -> dict[str, Record]:
    """Take off the list what another sweep on the same folder has done by now, and return those records."""
    found = {key: record for key, record in read_all(folder).items() if not isinstance(record, FailureRecord)}
    there: dict[str, Record] = {job.key: found[job.key] for job in waiting if job.key in found}
    waiting[:] = [job for job in waiting if job.key not in there]
    return there


def hand_out(
    waiting: list[Job], running: dict[Future, Job], records: dict[str, Record], workers: Workers, data_dir: str | None,
    deaths: Counter[Job],
) -> None:
    """Submit the first jobs whose searches are done, until every worker has one.

    A job whose worker died works alone, so that it can't take others along again.
    """
    most = workers.in_flight
    if any(deaths[job] for job in running.values()):
        return
    for job in list(waiting):
        if len(running) >= most or (deaths[job] and running):
            return
        found = {search.key: records.get(search.key) for search in needs(job)}
        if any(isinstance(record, FailureRecord) for record in found.values()):
            waiting.remove(job)  # its search failed: it is left for a later sweep
        elif all(found.values()):
            waiting.remove(job)
            method = METHODS.get(job.method)  # a user's own is not known in a process of its own
            running[workers.submit(job, found, data_dir, provenance(job.dataset, records), method)] = job
            if deaths[job]:
                return


def provenance(dataset: str, records: dict[str, Record]) -> str | None:
    """Say what earlier records have to say of a data set: a sweep that goes on must go on with the same."""
    return next((r.provenance for r in records.values()
                 if not isinstance(r, FailureRecord) and r.job.dataset == dataset), None)


def result(future: Future) -> Record | None:
    """Take a record from a future; None if the worker died. A fault of the machine is a SweepStoppedError."""
    try:
        record = future.result()
    except BrokenExecutor:
        return None
    except Exception as error:  # Dask's own error for a worker that died
        if type(error).__name__ == "KilledWorker":
            return None
        raise SweepStoppedError(f"a worker failed: {type(error).__name__}: {error}") from error
    if isinstance(record, Unable):
        raise SweepStoppedError(f"stopped at {record.reason}; every finished job is recorded, "
                                "and the same command resumes")
    return record


def say_on_stderr(line: str) -> None:
    """Print a progress line."""
    print(line, file=sys.stderr, flush=True)
