"""A sweep on a real Dask scheduler: two worker processes, one of them killed midway. `make check-cluster` runs it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from hashnets_np.experiments.sweep import drive, records
from hashnets_np.experiments.sweep.grid import Job

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")]
JOBS = [
    Job("run", "digits", method, 3, "1/8", None, seed, hidden=64, tune=False, max_epochs=15)
    for method in ("nn", "hashnet", "rer") for seed in range(4)
]


@pytest.fixture
def cluster(tmp_path):
    """Start a scheduler and two workers without nannies; yield its address and the workers."""
    pytest.importorskip("distributed")
    file, processes = tmp_path / "scheduler.json", []

    def start(*arguments):
        command = [sys.executable, "-m", "dask", *arguments, "--scheduler-file", str(file)]
        log = open(tmp_path / f"{len(processes)}.log", "wb")
        processes.append(subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **drive.ONE_THREAD}))
        return processes[-1]

    start("scheduler", "--port", "0", "--dashboard-address", ":0")
    workers = [start("worker", "--nthreads", "1", "--no-nanny", "--no-dashboard") for _ in range(2)]
    wait_for(file.exists, "the scheduler's file")
    address = json.loads(file.read_text())["address"]
    try:
        wait_for(lambda: number_of_workers(address) == 2, "two workers")
        yield address, workers
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def wait_for(ready, what, seconds=60):
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.2)


def number_of_workers(address):
    from distributed import Client

    with Client(address, timeout=20, set_as_default=False) as client:
        return len(client.scheduler_info()["workers"])


def test_a_sweep_on_a_cluster_gives_every_record_once_although_a_worker_is_killed(cluster, tmp_path):
    address, dask = cluster
    killed = []

    def kill_one(line):
        if line.startswith("[3/") and not killed:
            os.kill(dask[0].pid, signal.SIGKILL)
            killed.append(line)

    workers = drive.dask_workers(address)
    assert workers.count == 2
    counts = drive.sweep(JOBS, tmp_path / "r", workers, say=kill_one)
    assert killed and counts == {"done": len(JOBS), "failed": 0, "left": 0}
    lines = [json.loads(line) for line in (tmp_path / "r" / "runs.jsonl").read_text().splitlines()]
    assert sorted(line["key"] for line in lines) == sorted(job.key for job in JOBS)
    local = tmp_path / "local"
    drive.sweep(JOBS[:2], local, drive.local_workers(1))
    here, there = (records.read(folder / "runs.jsonl") for folder in (local, tmp_path / "r"))
    assert all(there[key].test_error == record.test_error for key, record in here.items())


def test_a_cluster_that_adapts_starts_without_workers_and_ends_with_every_record(tmp_path):
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 0, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with drive.environment(drive.ONE_THREAD), distributed.LocalCluster(**options) as cluster:
        cluster.adapt(minimum=0, maximum=2)
        workers = drive.dask_workers(cluster.scheduler_address)
        assert workers.count == 0
        counts = drive.sweep(JOBS[:6], tmp_path / "r", workers)
        assert counts == {"done": 6, "failed": 0, "left": 0} and 1 <= workers.count <= 2
        workers.client.close()


def test_a_sweep_waits_for_the_first_worker_and_uses_those_that_come_later(tmp_path, capsys):
    distributed = pytest.importorskip("distributed")
    from distributed.diagnostics.plugin import SchedulerPlugin

    used = set()

    class Seen(SchedulerPlugin):
        """Notes the workers that have finished a job."""

        def transition(self, key, start, finish, *args, worker=None, **kwargs):
            if start == "processing" and finish == "memory":
                used.add(worker)

    options = {"n_workers": 0, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with drive.environment(drive.ONE_THREAD), distributed.LocalCluster(**options) as cluster:
        cluster.scheduler.add_plugin(Seen())
        workers = drive.dask_workers(cluster.scheduler_address)
        assert workers.count == 0 and "has no workers yet" in capsys.readouterr().err
        first = threading.Timer(2, cluster.scale, [1])
        first.start()
        said = []

        def add_one(line):
            said.append((line, len(workers.client.nthreads())))
            if len(said) == 2:
                cluster.scale(2)
                workers.client.wait_for_workers(2, timeout=60)

        counts = drive.sweep(JOBS, tmp_path / "r", workers, say=add_one)
        assert counts == {"done": len(JOBS), "failed": 0, "left": 0}
        assert [count for _, count in said[:2]] == [1, 1]
        assert len(used) == 2 and workers.count == 2
        workers.client.close()


SHARED = [  # all threads want the regenerated set and its teacher at the same moment
    Job("run", "rect", "dk", 3, "1/8", None, seed, hidden=20, tune=False, max_epochs=1) for seed in range(8)
]


@pytest.mark.parametrize("threads", [4, 8])
def test_the_threads_of_one_worker_share_an_empty_cache(threads, tmp_path):
    distributed = pytest.importorskip("distributed")
    results = {}
    options = {"n_workers": 1, "threads_per_worker": threads, "processes": True, "dashboard_address": ":0"}
    with drive.environment({**drive.ONE_THREAD, "HASHNETS_CACHE": str(tmp_path / "of the worker")}):
        with distributed.LocalCluster(**options) as cluster:
            workers = drive.dask_workers(cluster.scheduler_address)
            assert workers.in_flight == 2 * threads + 1
            counts = drive.sweep(SHARED, tmp_path / "worker", workers)
            workers.client.close()
    assert counts == {"done": len(SHARED), "failed": 0, "left": 0}
    with drive.environment({"HASHNETS_CACHE": str(tmp_path / "of one process")}):
        drive.sweep(SHARED, tmp_path / "process", drive.local_workers(1))
    for folder in ("worker", "process"):
        found = records.read(tmp_path / folder / "runs.jsonl")
        results[folder] = {key: (record.test_error, record.train_loss) for key, record in found.items()}
    assert results["worker"] == results["process"] and len(results["worker"]) == len(SHARED)
    assert not list(tmp_path.rglob("*.partial"))
