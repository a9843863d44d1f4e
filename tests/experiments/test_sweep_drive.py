"""Driving jobs through workers: each once and in order, however workers end; and what is reported."""

import json
import os
import signal
from collections import Counter
from concurrent.futures import Future
from dataclasses import replace

import pytest
from small_sweeps import JOB, Here, failure, here, run_record, search_record, seeded

from hashnets_np.experiments.sweep import drive, records, train, work
from hashnets_np.experiments.sweep.grid import Job, with_searches
from hashnets_np.experiments.sweep.progress import Progress
from hashnets_np.experiments.sweep.schema import record_to_json


def test_a_sweep_does_each_job_once_and_skips_what_is_there(tmp_path):
    jobs = [replace(JOB, seed=s) for s in (0, 1, 2)]
    assert drive.sweep(jobs[:2], tmp_path, here()) == {"done": 2, "failed": 0, "left": 0}
    before = (tmp_path / "runs.jsonl").read_bytes()
    said = []
    assert drive.sweep(jobs, tmp_path, here(), say=said.append) == {"done": 1, "failed": 0, "left": 0}
    assert (tmp_path / "runs.jsonl").read_bytes().startswith(before)
    assert len(said) == 1 and said[0].startswith("[1/1] digits hashnet 3 layers c=1/8 seed 2: test ")


def test_two_sweeps_on_one_folder_share_the_work(tmp_path):
    jobs = [replace(JOB, seed=s) for s in range(4)]
    done = []

    def other_sweep_meanwhile(line):
        done.append(line)
        if len(done) == 1:
            drive.sweep(jobs[::-1][:2], tmp_path, here(), say=done.append)

    assert drive.sweep(jobs, tmp_path, here(), say=other_sweep_meanwhile) == {"done": 2, "failed": 0, "left": 0}
    assert len(done) == 4 and len((tmp_path / "runs.jsonl").read_text().splitlines()) == 4


def test_where_another_sweep_was_first_its_record_counts(tmp_path, monkeypatch):
    job, taken = replace(JOB, tune=True), []

    def fake(job, found, *_):
        if job.kind == "search":
            records.append(tmp_path / "searches.jsonl", search_record(job, epochs=2))
            return search_record(job, epochs=1)
        taken.extend(search.epochs for search in found.values())
        return run_record(job)

    monkeypatch.setattr(drive, "run_job", fake)
    assert drive.sweep([job], tmp_path, here()) == {"done": 1, "failed": 0, "left": 0}
    assert taken == [2]


def test_a_sweep_goes_on_with_the_same_data_only(tmp_path):
    records.append(tmp_path / "runs.jsonl", run_record(provenance="original: another"))
    with pytest.raises(OSError, match="the records were made with digits 'original: another', but the data here are"):
        drive.sweep([JOB, seeded(1)], tmp_path, here())
    assert list(records.read_all(tmp_path)) == [JOB.key]


def test_a_failed_job_is_recorded_left_alone_and_tried_again_when_asked(tmp_path, monkeypatch):
    monkeypatch.setitem(train.DEFAULTS, "rate", 1e20)
    assert drive.sweep([JOB], tmp_path, here())["failed"] == 1
    monkeypatch.setitem(train.DEFAULTS, "rate", 0.5)
    assert drive.sweep([JOB], tmp_path, here()) == {"done": 0, "failed": 0, "left": 0}
    assert drive.sweep([JOB], tmp_path, here(), retry=True)["done"] == 1
    assert [type(r).__name__ for r in records.read_all(tmp_path).values()] == ["RunRecord"]


def test_a_run_is_not_handed_out_before_its_search_is_done():
    search, run = with_searches([replace(JOB, tune=True)])
    submitted = []

    class Slow(Here):
        def submit(self, function, *args):
            submitted.append(args[0])
            return Future()

    waiting, running = [search, run], {}
    drive.hand_out(waiting, running, {}, drive.Workers(Slow, 4), None, Counter())
    assert submitted == [search] and waiting == [run]
    drive.hand_out(waiting, running, {search.key: search_record(search)}, drive.Workers(Slow, 4), None, Counter())
    assert submitted == [search, run] and waiting == []


def test_no_more_jobs_are_in_flight_than_there_are_workers():
    class Slow(Here):
        def submit(self, function, *args):
            return Future()

    jobs = [replace(JOB, seed=s) for s in range(5)]
    waiting, running = list(jobs), {}
    drive.hand_out(waiting, running, {}, drive.Workers(Slow, 2), None, Counter())
    assert list(running.values()) == jobs[:2] and waiting == jobs[2:]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_waits_for_its_search_and_is_left_when_that_fails(tmp_path, monkeypatch, workers):
    order = []

    def fake(job, found, *_):
        order.append(job.kind)
        assert job.kind == "search" or all(found.values())
        if job.kind == "run":
            return run_record(job)
        return failure(job) if status == "failed" else search_record(job)

    monkeypatch.setattr(drive, "run_job", fake)
    job = replace(JOB, tune=True)
    status = "failed"
    assert drive.sweep([job], tmp_path, here(workers)) == {"done": 0, "failed": 1, "left": 1} and order == ["search"]
    status = "done"
    assert drive.sweep([job], tmp_path, here(workers), retry=True)["done"] == 2 and order == ["search", "search", "run"]


def test_a_search_whose_record_was_lost_is_done_again_and_its_run_stays(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(drive, "run_job", lambda job, *_: done.append(job.kind) or (
        search_record(job) if job.kind == "search" else run_record(job)))
    job = replace(JOB, tune=True)
    drive.sweep([job], tmp_path, here())
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.jsonl")}
    (tmp_path / "searches.jsonl").write_bytes(b"")  # as the message about a damaged line says
    assert [left.kind for left in drive.jobs_to_do([job], records.read_all(tmp_path), retry=False)] == ["search"]
    assert drive.sweep([job], tmp_path, here()) == {"done": 1, "failed": 0, "left": 0}
    assert done == ["search", "run", "search"]
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.jsonl")} == before


def test_a_lost_search_that_only_another_search_needs_is_done_again():
    job = replace(JOB, method="hashnetdk", tune=True)
    jobs = with_searches([job])
    there = {j.key: search_record(j) if j.kind == "search" else run_record(j) for j in jobs}
    for search in jobs[:-1]:
        without = {key: record for key, record in there.items() if key != search.key}
        assert drive.jobs_to_do([job], without, retry=False) == [search]
    assert len(jobs) == 4 and drive.jobs_to_do([job], there, retry=False) == []


def test_a_sweep_goes_on_beside_records_of_a_method_that_is_not_registered(tmp_path, monkeypatch):
    monkeypatch.setattr(drive, "run_job", lambda job, *_: run_record(job, seconds=10.0))
    records.append(tmp_path / "runs.jsonl", run_record(replace(JOB, method="my-method"), seconds=1000.0))
    said = []
    assert drive.sweep([JOB, seeded(1)], tmp_path, here(), say=said.append)["done"] == 2
    assert len(records.read_all(tmp_path)) == 3 and "about 0 min 10 s left" in said[0]


class SomeTime(Here):
    """An executor whose jobs are done all together, when the last has been handed out."""

    def __init__(self, count):
        self.waiting, self.count = [], count

    def submit(self, function, *args):
        future = Future()
        self.waiting.append((future, args))
        if len(self.waiting) == self.count:
            for each, arguments in self.waiting:
                each.set_result(function(*arguments))
        return future


def unable_at_seed_3(job, *_):
    return work.Unable("a full disk") if job.seed == 3 else run_record(job)


def test_what_is_done_when_a_sweep_is_stopped_is_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(drive, "run_job", unable_at_seed_3)
    with pytest.raises(OSError, match="stopped at a full disk; every finished job is recorded"):
        drive.sweep([seeded(n) for n in range(20)], tmp_path, drive.Workers(lambda: SomeTime(20), 20))
    assert {record.job.seed for record in records.read_all(tmp_path).values()} == {*range(20)} - {3}


def test_what_is_done_when_a_sweep_is_interrupted_is_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(drive, "run_job", unable_at_seed_3)
    said = []

    def interrupt(line):
        said.append(line)
        if len(said) == 1:
            raise KeyboardInterrupt

    jobs = [seeded(n) for n in range(3)]
    with pytest.raises(KeyboardInterrupt):
        drive.sweep(jobs, tmp_path, drive.Workers(lambda: SomeTime(3), 3), say=interrupt)
    assert len(records.read_all(tmp_path)) == 3 and said[1:] == ["stopping; every finished job is recorded"]


def test_a_disk_that_is_full_is_the_error_that_is_shown_and_the_workers_are_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(drive, "run_job", lambda job, *_: run_record(job))
    stopped = []
    workers = drive.Workers(lambda: SomeTime(3), 3)
    monkeypatch.setattr(workers, "stop", lambda: stopped.append(1))

    def full(*_):
        raise OSError(28, f"No space left on device for record {len(stopped)}")

    monkeypatch.setattr(records, "write_line", full)
    with pytest.raises(OSError, match="No space left on device"):
        drive.sweep([seeded(n) for n in range(3)], tmp_path, workers)
    assert stopped == [1]


def test_a_half_done_grid_is_begun_without_comparing_each_record_with_each_job(tmp_path, monkeypatch):
    count = 300
    (tmp_path / "runs.jsonl").write_text("".join(
        json.dumps(record_to_json(run_record(seeded(n)))) + "\n" for n in range(count)))
    jobs = [seeded(n) for n in range(2 * count)]
    asked, key = [], Job.key
    monkeypatch.setattr(Job, "key", property(lambda job: asked.append(job) or key.fget(job)))
    monkeypatch.setattr(drive, "run_job", lambda job, *_: work.Unable("that is enough"))
    with pytest.raises(OSError, match="that is enough"):
        drive.sweep(jobs, tmp_path, here())
    assert len(asked) < 20 * count


def tell_threads(job, *_):
    return run_record(job, name=" ".join(str(os.environ.get(name)) for name in drive.ONE_THREAD))


def test_workers_are_told_of_one_thread_and_this_process_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(drive, "run_job", tell_threads)
    before = dict(os.environ)
    drive.sweep([JOB], tmp_path, drive.local_workers(1))
    (told,) = records.read_all(tmp_path).values()
    assert set(told.name.split()) == {"1"} and dict(os.environ) == before


def test_variables_are_set_for_a_while_only(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)  # sweeps in other tests may have left it
    before = dict(os.environ)
    with drive.environment(drive.ONE_THREAD):
        assert {os.environ[name] for name in drive.ONE_THREAD} == {"1"}
    assert dict(os.environ) == before and "MKL_NUM_THREADS" not in os.environ


def die_once(job, found, data_dir, *_):
    if job.seed == 1 and not os.path.exists(data_dir):
        open(data_dir, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return work.run_job(job, found, None)


def die_always(job, found, *_):
    if job.seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return work.run_job(job, found, None)


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_the_job_of_a_killed_worker_is_done_by_another(tmp_path, monkeypatch):
    monkeypatch.setattr(drive, "run_job", die_once)
    jobs = [replace(JOB, seed=s) for s in range(4)]
    assert drive.sweep(jobs, tmp_path, drive.local_workers(2), str(tmp_path / "died"))["done"] == 4
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 4


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_that_kills_its_worker_again_is_left_unrecorded_and_the_others_are_done(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(drive, "run_job", die_always)
    jobs, said = [seeded(s) for s in (1, 2, 3)], []
    counts = drive.sweep(jobs, tmp_path, drive.local_workers(workers), say=said.append)
    assert counts == {"done": 2, "failed": 0, "left": 1}
    assert {record.job.seed for record in records.read_all(tmp_path).values()} == {2, 3}
    assert "seed 1: its worker was killed twice (not enough memory?); the job was not done" in "".join(said)


def test_a_job_is_as_large_as_its_network():
    large, small = Job("run", "mnist", "hashnetdk", 3, "1/8", None, 0), Job("run", "mnist", "dk", 3, "1/8", None, 0)
    assert large.size() == 8 * small.size() == (784 + 10) * 1000
    assert Job("run", "mnist", "rer", 5, None, 2, 0, hidden=50).size() == (784 + 10) * 100 + 2 * 100**2


def test_the_time_left_is_guessed_from_the_jobs_most_alike():
    small, large = Job("run", "basic", "nn", 3, "1/8", None, 0), Job("run", "basic", "hashnet", 3, "1/8", None, 0)
    search = replace(large, kind="search")
    past = run_record(small, seconds=10.0)
    progress = Progress([small, large], workers=2, say=print, past=[past])
    assert progress.guess(large) == pytest.approx(80)  # eight times the size
    assert progress.guess(search) == pytest.approx(80)  # of searches nothing is known
    progress.learn(search_record(search, seconds=999.0))
    progress.learn(search_record(replace(search, dataset="mnist"), seconds=3.0))
    progress.learn(replace(failure(large), seconds=0.1))
    assert progress.guess(search) == pytest.approx(999) and progress.guess(large) == pytest.approx(80)


def test_the_progress_line_adds_up_what_waits_and_what_runs(capsys):
    job = Job("run", "basic", "hashnet", 3, "1/8", None, 0)
    progress = Progress([job] * 4, workers=2, say=print)
    progress.update(job, run_record(job, seconds=40.0, test_error=3.0), [job, job], [job])
    line = "[1/4] basic hashnet 3 layers c=1/8 seed 0: test 3.00 % (40 s); running 1, failed 0, about 1 min 0 s left\n"
    assert capsys.readouterr().out == line


class SlowCluster:
    """A Dask client whose workers come when there is work: none at the start, then one more for each job submitted."""

    def __init__(self):
        self.submitted, self.threads = [], 0

    def nthreads(self):
        return {str(n): 1 for n in range(self.threads)}

    def get_executor(self, **_):
        return self

    def submit(self, function, *args):
        self.submitted.append((args[0].seed, self.threads))
        self.threads = min(self.threads + 1, 3)
        future = Future()
        future.set_result(function(*args))
        return future

    def shutdown(self, **_):
        pass


def test_a_cluster_that_adapts_gets_work_before_it_has_workers_and_more_as_they_come(tmp_path):
    client = SlowCluster()
    workers = drive.DaskWorkers(client)
    assert workers.in_flight == 1 and workers.check_seconds
    assert drive.sweep([seeded(n) for n in range(5)], tmp_path, workers)["done"] == 5
    assert client.submitted[0] == (0, 0) and workers.count == 3 and workers.in_flight == 7


def test_a_dask_worker_that_was_killed_is_a_death_and_not_a_result():
    future = Future()
    future.set_exception(type("KilledWorker", (Exception,), {})("x"))
    assert drive.result(future) is None
    other = Future()
    other.set_exception(TypeError("cannot pickle"))
    with pytest.raises(OSError, match="a worker failed: TypeError: cannot pickle"):
        drive.result(other)
