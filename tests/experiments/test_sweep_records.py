"""Durable records: whole lines, written once, by one process at a time."""

import json
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor

import pytest
from small_sweeps import record

from hashnets_np.experiments.sweep import records


def test_a_record_is_written_once_and_a_failure_is_replaced(tmp_path):
    path = tmp_path / "new" / "runs.jsonl"
    assert records.append(path, record("a", "failed"))
    assert records.append(path, record("a", error=1.5))
    assert not records.append(path, record("a", error=9.0))
    assert records.read(path) == {"a": record("a", error=1.5)}
    assert len(path.read_text().splitlines()) == 2


def test_half_a_line_is_not_a_record_and_the_next_append_removes_it(tmp_path):
    path = tmp_path / "runs.jsonl"
    records.append(path, record("a"))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"key": "b", "sta')
    assert list(records.read(path)) == ["a"]
    records.append(path, record("c"))
    assert path.read_bytes() == whole + b'{"key": "c", "status": "done"}\n'


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_text("<<<<<<< HEAD\n")
    with pytest.raises(ValueError, match=r"runs.jsonl, line 1 is no record"):
        records.read(path)
    path.write_text('{"key": "a", "status": "done"}\n[]\n')
    with pytest.raises(ValueError, match=r"runs.jsonl, line 2 is no record"):
        records.append(path, record("b"))


def test_a_record_that_is_no_json_is_refused_and_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        records.append(tmp_path / "runs.jsonl", record("a", train_loss=float("nan")))
    assert records.read(tmp_path / "runs.jsonl") == {}


def test_a_record_is_on_the_disk_before_append_returns(tmp_path, monkeypatch):
    path, synced, fsync = tmp_path / "runs.jsonl", [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(path.read_bytes()) or fsync(number))
    records.append(path, record("a"))
    assert synced == [path.read_bytes()] and synced[0].endswith(b"\n")


def test_a_full_disk_leaves_the_records_as_they_were(tmp_path, monkeypatch):
    path, write = tmp_path / "runs.jsonl", os.write
    records.append(path, record("a"))
    whole = path.read_bytes()
    monkeypatch.setattr(os, "write", lambda number, line: write(number, line[:7]))
    with pytest.raises(OSError, match=r"the disk of .*runs.jsonl is full"):
        records.append(path, record("b"))
    assert path.read_bytes() == whole


def append_one(path):
    records.append(path, record("late"))


def test_an_append_waits_for_the_lock(tmp_path):
    path = tmp_path / "runs.jsonl"
    other = multiprocessing.get_context("spawn").Process(target=append_one, args=(path,))
    with records.locked(path):
        other.start()
        time.sleep(3)
        assert other.is_alive() and not path.exists()
    other.join(30)
    assert list(records.read(path)) == ["late"]


def append_many(args):
    path, worker = args
    for n in range(30):
        records.append(path, record(f"{worker % 2}-{n}", worker=worker, padding="x" * 5000))


def test_processes_that_append_at_once_lose_nothing_and_write_each_key_once(tmp_path):
    path = tmp_path / "runs.jsonl"
    with ProcessPoolExecutor(4, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(append_many, [(path, worker) for worker in range(4)]))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted(line["key"] for line in lines) == sorted(f"{w}-{n}" for w in (0, 1) for n in range(30))
