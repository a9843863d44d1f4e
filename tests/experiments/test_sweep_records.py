"""Durable records: whole lines, written once, by one process at a time; what is damaged is named, never guessed at."""

import json
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from small_sweeps import HYPER, JOB, failure, run_record, search_record, seeded

from hashnets_np.experiments.sweep import records
from hashnets_np.experiments.sweep.paired import pack
from hashnets_np.experiments.sweep.schema import Doubling, Final, Round, Trial, record_from_json, record_to_json, short


def line_of(record, **changed):
    return json.dumps(record_to_json(record) | changed).encode()


SEARCH = replace(JOB, kind="search", tune=True)
FOUND = search_record(SEARCH)
TAUGHT = search_record(replace(SEARCH, method="hashnetdk"))
GOOD = line_of(run_record())
SEVEN_WRONG = run_record(test_error=7.0, test_examples=100, wrong=pack(np.arange(100) < 7))
OTHER = line_of(run_record(seeded(1)))


def test_a_record_is_written_once_and_a_failure_is_replaced(tmp_path):
    path = tmp_path / "new" / "and deep" / "runs.jsonl"
    assert records.append(path, failure())
    assert records.append(path, run_record(test_error=1.5))
    assert records.append(path, run_record(test_error=9.0)) is False
    assert records.append(path, failure()) is False
    assert records.read(path) == {JOB.key: run_record(test_error=1.5)}
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (0, 2, 1)])
def test_reading_and_appending_have_one_rule_the_first_success_counts_wherever_it_stands(tmp_path, order):
    path = tmp_path / "runs.jsonl"
    lines = [line_of(failure(error="first")), line_of(run_record(test_error=3.0)), line_of(failure(error="last"))]
    path.write_bytes(b"\n".join([lines[n] for n in order] + [line_of(run_record(test_error=4.0)), b""]))
    assert records.read(path)[JOB.key].test_error == 3.0
    assert not records.append(path, run_record())
    path.write_bytes(b"\n".join([lines[0], lines[2], b""]))
    assert records.read(path)[JOB.key].error == "last"
    assert records.append(path, run_record())


def test_a_record_comes_back_as_it_was_written_with_all_its_parts(tmp_path):
    job = replace(JOB, kind="search", tune=True, protocol="2")
    final = Final(hyper={"rate": 0.1}, epochs=3, valid_error=1.5, curve=[2.0, 1.5])
    record = search_record(
        job, rounds=[Round(ranges={"rate": [0.1, 1.0]}, trials=[Trial(hyper={"rate": 0.2}, valid_error=3.0)])],
        finals=[final], seconds=1.5, machine="x",
        doublings=[Doubling(epochs=4, valid_error=1.0, had_to_fall_by=0.1, goes_on=False)])
    records.append(tmp_path / "searches.jsonl", record)
    assert records.read(tmp_path / "searches.jsonl") == {job.key: record}


def test_what_the_first_records_do_not_say_is_zero():
    """They had no such fields; a record that is made without them means the same."""
    facts = record_to_json(run_record())
    for name in ("seconds", "machine", "rate_halvings", "stuck"):
        del facts[name]
    record = record_from_json(facts)
    assert record == run_record()
    assert (record.seconds, record.machine, record.rate_halvings, record.stuck) == (0.0, "", 0, 0)


def test_only_a_validation_error_is_written_where_there_is_none():
    facts = record_to_json(run_record(valid_error=None))
    assert facts["valid_error"] is None and "wrong" not in facts
    assert "finals" not in record_to_json(search_record(SEARCH))
    assert record_from_json(facts) == run_record(valid_error=None)


def test_the_ends_of_what_is_allowed_are_allowed():
    for error in (0, 100.0):
        assert run_record(test_error=error, valid_error=error, epochs=1, stored=1, examples=1, test_examples=1)
        assert search_record(SEARCH, valid_error=error, epochs=1)
    assert record_from_json(record_to_json(run_record(train_loss=1.7e308))).train_loss == 1.7e308


@pytest.mark.parametrize(("length", "shown"), [(58, "'{}'"), (59, "'{}...")])
def test_a_value_is_cut_in_a_message_where_it_has_more_than_60_characters(length, shown):
    text = "x" * length
    assert short(text) == shown.format(text[:56] if "..." in shown else text)


def test_a_commit_comes_back_and_the_first_records_have_none():
    for record in (run_record(), search_record(SEARCH)):
        assert "commit" not in record_to_json(record) and record_from_json(record_to_json(record)).commit is None
        named = replace(record, commit="5afa99d")
        assert record_from_json(record_to_json(named)) == named
        assert record_from_json(record_to_json(record) | {"commit": None}) == record


def test_protocol_1_goes_without_saying_in_keys_and_in_lines():
    assert "protocol" not in JOB.key and "protocol" not in record_to_json(run_record())
    other = replace(JOB, protocol="2")
    assert other.key == f"{JOB.key} protocol=2" and record_to_json(run_record(other))["protocol"] == "2"


def test_half_a_line_is_not_a_record_and_the_next_append_removes_it(tmp_path):
    path, notices = tmp_path / "runs.jsonl", []
    path.write_bytes(GOOD + b"\n" + OTHER[:30])
    assert list(records.read(path, notices.append)) == [JOB.key]
    assert notices == [f"{path}: the last 30 bytes, half a line left by a crash, are ignored"]
    records.append(path, run_record(seeded(2)))
    assert path.read_bytes() == GOOD + b"\n" + line_of(run_record(seeded(2))) + b"\n"


def test_a_complete_last_record_without_a_newline_is_kept(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_bytes(GOOD + b"\n" + OTHER)
    assert len(records.read(path)) == 2
    records.append(path, run_record(seeded(2)))
    assert path.read_bytes() == b"\n".join([GOOD, OTHER, line_of(run_record(seeded(2))), b""])
    assert [record.job.seed for record in records.read(path).values()] == [0, 1, 2]


@pytest.mark.parametrize("content", [
    GOOD + b"\r\n" + OTHER + b"\r\n", b"\xef\xbb\xbf" + GOOD + b"\n" + OTHER + b"\n",
    GOOD + b"\n\n  \n" + OTHER + b"\n\n",
    GOOD + b"\n" + OTHER + b"\n" + bytes(512), GOOD + b"\n" + bytes(100) + OTHER + b"\n", b"\n" + GOOD + b"\n" + OTHER,
])
def test_what_editors_and_power_cuts_leave_between_records_is_passed_over(tmp_path, content):
    path = tmp_path / "runs.jsonl"
    path.write_bytes(content)
    assert [record.job.seed for record in records.read(path).values()] == [0, 1]
    records.append(path, run_record(seeded(2)))
    assert [record.job.seed for record in records.read(path).values()] == [0, 1, 2]


def test_nul_bytes_are_passed_over_but_not_without_a_word(tmp_path):
    path, notices = tmp_path / "runs.jsonl", []
    path.write_bytes(GOOD + b"\n" + bytes(512))
    assert len(records.read(path, notices.append)) == 1
    assert notices == [f"{path}, line 2: NUL bytes, left by a power cut, are ignored"]


def without(name):
    return json.dumps({key: value for key, value in record_to_json(run_record()).items() if key != name}).encode()


@pytest.mark.parametrize(("line", "reason"), [
    (b"<<<<<<< HEAD", "Expecting value"), (b"[]", "expected an object"), (b"7", "expected an object"),
    (b"{}", 'status must be "done" or "failed", got None'), (without("test_error"), "test_error is missing"),
    (without("hyper"), "hyper is missing"), (without("seed"), "seed is missing"), (without("key"), "the key should be"),
    (GOOD.replace(b'"test_error": 1.0', b'"test_error": NaN'), "NaN is not a number"),
    (GOOD.replace(b'"test_error": 1.0', b'"test_error": 1e999'), "test_error must be a finite number, got inf"),
    (GOOD.replace(b'"test_error": 1.0', b'"test_error": 1' + b"0" * 400), "test_error must be a finite number"),
    (GOOD.replace(b'"rate": 0.5', b'"rate": -Infinity'), "-Infinity is not a number"),
    (line_of(run_record(), test_error="1.0"), "test_error must be a finite number, got '1.0'"),
    (line_of(run_record(), test_error=None), "test_error must be a finite number, got None"),
    (line_of(run_record(), test_error=True), "test_error must be a finite number, got True"),
    (line_of(run_record(), test_error=101), "test_error must be a percentage from 0 to 100, got 101"),
    (line_of(run_record(), test_examples=0), "test_examples must be at least 1"),
    (line_of(SEVEN_WRONG, test_error=8.0), "wrong lists 7 of 100 test images, 7 %, but test_error is 8.0)"),
    (line_of(SEVEN_WRONG, test_error=7.001), "but test_error is 7.001)"),
    (line_of(SEVEN_WRONG, test_examples=200), "wrong cannot be read: this lists the wrong ones among 104 images"),
    (line_of(SEVEN_WRONG, wrong=SEVEN_WRONG.wrong[:9]), "wrong cannot be read: this does not list the wrong images"),
    (line_of(SEVEN_WRONG, wrong=""), "wrong cannot be read: this does not list the wrong images"),
    (line_of(run_record(), epochs=1.5), "epochs must be int, got 1.5"),
    (line_of(run_record(), commit=7), "commit must be str, got 7"),
    (line_of(FOUND, commit=["5afa99d"]), "commit must be str, got ['5afa99d']"),
    (line_of(run_record(), hyper=[1]), "hyper must be"),
    (line_of(run_record(), test_error=[1.0]), "test_error must be a finite number, got [1.0]"),
    (line_of(run_record(), epochs={"n": 1}), "epochs must be int, got {'n': 1}"),
    (line_of(FOUND, curve=7), "curve must be list"), (line_of(FOUND, curve={"0": 1.0}), "curve must be list"),
    (line_of(FOUND, rounds=[7]), "rounds must be Round, got 7"), (line_of(FOUND, epochs=0), "epochs must be at least"),
    (line_of(FOUND, valid_error=-0.1), "valid_error must be a percentage"),
    (line_of(run_record(), hyper={"rate": "x"}), "hyper.rate must be"),
    (line_of(FOUND, hyper={}), "have rate, momentum, input_dropout, dropout for hashnet, but rate is missing"),
    (line_of(FOUND, hyper=HYPER | {"dropout": None}), "hyper.dropout must be a finite number, got None"),
    (line_of(TAUGHT, hyper=HYPER), "temperature, mix for hashnetdk, but temperature is missing"),
    (line_of(run_record(), key=["a"]), "the key should be"), (line_of(run_record(), key=7), "the key should be"),
    (GOOD.replace(b"kind=run", b"kind=walk").replace(b'"kind": "run"', b'"kind": "walk"'), "kind must be"),
    (line_of(run_record(), status="ok"), 'status must be "done" or "failed", got \'ok\''),
    (GOOD[:-1] + b', "test_error": 3.0}', "test_error occurs twice"),
    (line_of(run_record(), seed="0"), "seed must be int"), (b"[" * 100_000, "nested too deeply"),
    (b'{"a": ' * 100_000, "nested too deeply"), (GOOD + OTHER, "Extra data"), (b"\xff\xfe", "can't decode"),
])
def test_a_damaged_line_is_named_with_its_file_and_number_in_one_line(tmp_path, line, reason):
    path = tmp_path / "runs.jsonl"
    path.write_bytes(GOOD + b"\n" + line + b"\n" + OTHER + b"\n")
    before = path.read_bytes()
    for act in (records.read, lambda path: records.append(path, run_record(seeded(2)))):
        with pytest.raises(ValueError) as caught:
            act(path)
        message = str(caught.value)
        assert message.startswith(f"{path}, line 2 is not a record (") and reason in message and "\n" not in message
        assert "Correct the line, or delete it" in message and len(message) < 600
    assert path.read_bytes() == before


def test_of_a_search_with_a_method_that_is_not_registered_the_hyper_parameters_of_all_methods_are_asked():
    job = replace(SEARCH, method="my-method")
    facts = json.loads(line_of(FOUND, key=job.key, method="my-method"))
    assert record_from_json(facts).job == job
    with pytest.raises(ValueError, match="for my-method, but momentum is missing"):
        record_from_json(facts | {"hyper": {"rate": 1.0}})


def test_fields_of_a_later_version_are_passed_over(tmp_path):
    assert record_from_json(json.loads(line_of(run_record(), colour="red"))) == run_record()


def test_a_record_that_is_not_json_is_refused_and_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        records.append(tmp_path / "runs.jsonl", run_record(train_loss=float("nan")))
    assert records.read(tmp_path / "runs.jsonl") == {}


def test_a_record_is_on_the_disk_before_append_returns(tmp_path, monkeypatch):
    path, synced, fsync = tmp_path / "runs.jsonl", [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(path.read_bytes()) or fsync(number))
    records.append(path, run_record())
    assert synced == [path.read_bytes()] and synced[0].endswith(b"\n")


def test_a_full_disk_leaves_the_records_as_they_were(tmp_path, monkeypatch):
    path, write = tmp_path / "runs.jsonl", os.write
    records.append(path, run_record())
    whole = path.read_bytes()
    monkeypatch.setattr(os, "write", lambda number, line: write(number, line[:7]))
    with pytest.raises(OSError, match=r"nothing was written \(No space left on device\); .*runs.jsonl"):
        records.append(path, run_record(seeded(1)))
    assert path.read_bytes() == whole


def test_a_disk_that_says_only_at_the_end_that_it_is_full_leaves_the_records_as_they_were(tmp_path, monkeypatch):
    path = tmp_path / "runs.jsonl"
    records.append(path, run_record())
    whole = path.read_bytes()

    def fail(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=r"nothing was written .*runs.jsonl"):
        records.append(path, run_record(seeded(1)))
    assert path.read_bytes() == whole


def append_one(path, begins):
    begins.set()
    records.append(path, run_record())


def test_an_append_waits_for_the_lock(tmp_path):
    path = tmp_path / "runs.jsonl"
    context = multiprocessing.get_context("spawn")
    begins = context.Event()
    other = context.Process(target=append_one, args=(path, begins))
    with records.locked(path):
        other.start()
        assert begins.wait(60)
        time.sleep(0.2)
        assert other.is_alive() and not path.exists()
    other.join(30)
    assert list(records.read(path)) == [JOB.key]


def append_many(args):
    path, worker = args
    for n in range(30):
        records.append(path, run_record(seeded(n, layers=3 + worker % 2), machine="x" * 5000))


def test_processes_that_append_at_once_lose_nothing_and_write_each_key_once(tmp_path):
    path = tmp_path / "runs.jsonl"
    with ProcessPoolExecutor(4, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(append_many, [(path, worker) for worker in range(4)]))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted((line["layers"], line["seed"]) for line in lines) == [(w, n) for w in (3, 4) for n in range(30)]


def test_a_last_line_that_is_nested_too_deeply_is_named_and_not_taken_for_half_a_line(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_bytes(GOOD + b"\n" + b'{"a": ' * 100_000)
    before = path.read_bytes()
    for act in (records.read, lambda path: records.append(path, run_record(seeded(2)))):
        with pytest.raises(ValueError, match=r"line 2 is not a record \(it is nested too deeply"):
            act(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [
    GOOD + OTHER, GOOD + b",", GOOD + b"\r" + OTHER + b"\r", GOOD + b" }",
    GOOD.replace(b'"stored": 9', b'"stored": ' + b"9" * 5000),
])
def test_a_complete_record_that_was_edited_is_named_and_never_taken_for_half_a_line(tmp_path, content):
    path = tmp_path / "runs.jsonl"  # old line ends of Apple's, two records on one line, a comma as in a list
    path.write_bytes(content)
    for act in (records.read, lambda path: records.append(path, run_record(seeded(2)))):
        with pytest.raises(ValueError, match="line 1 is not a record") as error:
            act(path)
        assert "\n" not in str(error.value)
    assert path.read_bytes() == content


@pytest.mark.parametrize(("field", "value", "message"), [
    ("stored", 10**400, "stored must be at most 2..63"), ("virtual", 0, "virtual must be at least 1"),
])
def test_numbers_that_no_report_can_compute_with_are_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        record_from_json(json.loads(line_of(run_record(), **{field: value})))
