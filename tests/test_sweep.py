"""Sweeps: grids, durable records, hyper-parameters from the validation split, and kills at any moment."""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, replace

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np.__main__ import main
from hashnets_np.commands import sweep as sweep_command
from hashnets_np.sweep import drive, grid, records, tune, work
from hashnets_np.sweep.grid import Job, read_grid, search_for, with_searches
from hashnets_np.sweep.progress import Progress

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


# Grids


def test_the_tables_have_192_cells_and_three_seeds_for_three_methods():
    jobs = [*read_grid("table1"), *read_grid("table2")]
    assert len({(j.dataset, j.method, j.layers, j.compression) for j in jobs}) == 192
    assert len(jobs) == len(set(jobs)) == 192 + 2 * 96
    assert {j.seed for j in jobs if j.method == "rer"} == {0}
    assert {j.seed for j in jobs if j.method == "nn"} == {0, 1, 2}


def test_figures_have_the_papers_points():
    for name, layers in (("figure2", 3), ("figure3", 5)):
        jobs = read_grid(name)
        assert len(jobs) == 2 * 7 * 6 and {j.layers for j in jobs} == {layers}
    jobs = read_grid("figure4")
    too_small = 3  # 5 layers: RER at 64, LRD at 32 and 64 can't store even their biases
    assert len(jobs) == 2 * (1 + 3 * 7) - too_small and {j.expansion for j in jobs} == {1, 2, 4, 8, 16, 32, 64}
    whole = read_grid("all")
    assert len(whole) == len(set(whole)) and set(jobs) < set(whole)


GOOD = '\n[[grid]]\ndatasets=["digits"]\nmethods=["nn"]\ncompressions=["1/8"]'


def test_one_compression_is_one_job_however_it_is_written(tmp_path):
    (tmp_path / "grid.toml").write_text(GOOD.replace('["1/8"]', '["1/8", 0.125, "2/16"]'))
    assert [job.compression for job in read_grid(tmp_path / "grid.toml")] == ["1/8"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("x = ", "not a TOML file"), ("a = 1", r"no \[\[grid\]\] table"),
     ('[[grid]]\ndatasets=["x"]\nmethods=["nn"]\ncompressions=["1/8"]', "datasets must be among .*, got 'x'"),
     ('[[grid]]\ndatasets=["digits"]\nmethods=["mlp"]\ncompressions=["1/8"]', "methods must be among .*, got 'mlp'"),
     ('[[grid]]\ndatasets=["digits"]\nmethods=["nn"]', "needs compressions or expansions"),
     ('[[grid]]\nmethods=["nn"]\ncompressions=["1/8"]', "needs datasets"),
     ('[[grid]]\ndatasets=["digits"]\nmethods=["nn"]\ncompressions=["1/8"]\nlayers=[2]', "layers must be"),
     ('speed=1\n[[grid]]\ndatasets=["digits"]\nmethods=["nn"]\ncompressions=["1/8"]', "unknown setting 'speed'"),
     ("grid=5", r"no \[\[grid\]\] table"), ("seeds=3" + GOOD, "seeds must be a list"),
     ('seeds=["a"]' + GOOD, "seeds must be whole numbers from 0, got 'a'"),
     ("expansions=[1.5]" + GOOD, "expansions must be whole numbers"), ('hidden="x"' + GOOD, "hidden must be a whole"),
     ('tune="false"' + GOOD, "tune must be true or false"), ('compressions="1/8"\n[[grid]]', "must be a list"),
     ('compressions=["1/0"]\n[[grid]]', "above 0, at most 1"), ('compressions=[2]\n[[grid]]', "above 0, at most 1")],
)
def test_a_bad_grid_file_gets_one_clear_line(text, message, tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_grid(path)


def test_an_unknown_preset_is_refused_on_the_command_line(capsys):
    assert main(["sweep", "table9"]) == 2
    assert "neither a preset (figure2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("method", "compression", "expansion", "at"),
    [("hashnet", "1/8", None, "1/8"), ("hashnet", "1", None, "1/8"), ("hashnet", "1/32", None, "1/64"),
     ("nn", "1/2", None, "1"), ("nn", "1/4", None, "1/8"), ("rer", None, 16, "1/8"), ("hashnet", None, 64, "1/64"),
     ("nn", None, 1, "1/8")],
)
def test_a_run_takes_the_search_at_the_nearest_compression(method, compression, expansion, at):
    job = Job("run", "mnist", method, 3, compression, expansion, 2, hidden=50 if expansion else 1000)
    search = search_for(job)
    assert (search.kind, search.compression, search.seed, search.hidden) == ("search", at, 0, 1000)


def test_a_search_has_the_epochs_of_its_run():
    assert search_for(replace(JOB, tune=True, max_epochs=7)).max_epochs == 7


def test_searches_come_before_what_needs_them_once_each():
    order = with_searches([replace(JOB, method=m, seed=s, tune=True) for m in ("hashnetdk", "nn") for s in (0, 1)])
    assert len(order) == len(set(order)) == 4 + 4  # hashnetdk, hashnet and nn at 1/8, and the teacher's
    for place, job in enumerate(order):
        assert all(need in order[:place] for need in grid.needs(job))


# Records


def record(key, status="done", **more):
    return {"key": key, "status": status, **more}


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


# Work


def test_a_run_trains_on_training_and_validation_examples_and_tests_once(monkeypatch):
    trained, tested = [], []
    fit, predict = work.fit, work.predict
    monkeypatch.setattr(work, "fit", lambda net, data, *rest: trained.append(data) or fit(net, data, *rest))
    monkeypatch.setattr(work, "predict", lambda net, x: tested.append(len(x)) or predict(net, x))
    made = work.do(JOB, {}, None)
    digits = hn.load_dataset("digits")
    assert [len(d.x_train) for d in trained] == [len(digits.x_train), len(digits.x_train) + len(digits.x_valid)]
    assert [len(d.x_test) for d in trained] == [0, 0] and tested == [600]
    assert made["status"] == "done" and made["examples"] == 1197 and made["test_examples"] == 600
    assert made["stored"] == 163 + 27 and made["provenance"].startswith("original")
    json.dumps(made, allow_nan=False)


def test_a_training_has_the_step_the_schedule_the_seeds_and_the_dropout_of_its_job(monkeypatch):
    seen = {}

    def fit(net, data, epochs, batch_size, optimiser, seed, loss, targets):
        seen.update(net=net, epochs=epochs, batch_size=batch_size, optimiser=optimiser, seed=seed)
        return hn.History()

    monkeypatch.setattr(work, "fit", fit)
    hyper = {"rate": 0.5, "momentum": 0.8, "input_dropout": 0.1, "dropout": 0.3}
    work.train(replace(JOB, seed=5), hyper, hn.load_dataset("digits"), 7)
    assert (seen["epochs"], seen["batch_size"], seen["seed"]) == (7, 50, 5)
    optimiser = seen["optimiser"]
    assert (optimiser.momentum, optimiser.schedule) == (0.8, "cosine")
    assert optimiser.learning_rate == pytest.approx(0.1)  # a constant gradient ends up with 0.1 / (1 - 0.8)
    layers = seen["net"].layers
    assert [layer.rate for layer in layers if isinstance(layer, hn.Dropout)] == [0.1, 0.3]
    assert [layer.map.seed for layer in layers if isinstance(layer, hn.HashedLinear)] == [
        hn.derive_seed(5, n) for n in (0, 1)]


def test_there_is_one_teacher_of_seed_0_for_the_students_of_a_depth_and_another_for_other_hyper_parameters(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(work, "cache_dir", lambda: tmp_path)
    taught, train = [], work.train_to_the_end
    monkeypatch.setattr(work, "train_to_the_end", lambda job, hyper, *rest: taught.append((job, hyper)) or train(
        job, hyper, *rest))
    data, job = hn.load_dataset("digits"), replace(JOB, method="dk", seed=3)
    first = work.teacher_logits(job, work.DEFAULTS, data, 1)
    again = work.teacher_logits(replace(job, seed=4, method="hashnetdk"), work.DEFAULTS, data, 1)
    np.testing.assert_array_equal(again, first)
    other = work.teacher_logits(job, work.DEFAULTS | {"rate": 0.1}, data, 1)
    assert not np.array_equal(other, first)
    assert [(t.method, t.compression, t.expansion, t.seed, h["rate"]) for t, h in taught] == [
        ("nn", "1", None, 0, 0.5), ("nn", "1", None, 0, 0.1)]


def test_at_an_expansion_the_teacher_is_the_full_network(monkeypatch):
    job = replace(JOB, method="hashnetdk", compression=None, expansion=8, hidden=50, tune=True)
    found = {search.key: {"hyper": {"of": search.method}, "epochs": 3} for search in grid.needs(job)}
    asked = []
    monkeypatch.setattr(work, "teacher_logits", lambda *arguments: asked.append(arguments))
    work.teacher_for(job, found, hn.load_dataset("digits"))
    ((teacher, hyper, _, epochs),) = asked
    assert (teacher.hidden, hyper, epochs) == (1000, {"of": "nn"}, 3)


def test_a_run_without_a_search_has_the_validation_error_of_the_epoch_it_chose(monkeypatch):
    asked, net = [], hn.build("nn", [64, 4, 10], compression=1)

    def train_to_the_end(job, hyper, data, epochs, teacher):
        asked.append(epochs)
        return net, hn.History(train_loss=[1.0], valid_error=[50.0, 10.0, 11.0, 11.5, 30.0]), 0

    monkeypatch.setattr(work, "train_to_the_end", train_to_the_end)
    made = work.do_run(replace(JOB, max_epochs=5), {}, hn.load_dataset("digits"))
    assert asked == [5, 4] and (made["epochs"], made["valid_error"]) == (4, 11.5)


def test_a_training_that_blows_up_begins_again_with_half_the_step_size(monkeypatch):
    rates = []

    def train(job, hyper, *_):
        rates.append(hyper["rate"])
        return None, hn.History(train_loss=[2.0, 4.7 if hyper["rate"] > 0.2 else 4.5], diverged=hyper["rate"] > 0.4)

    monkeypatch.setattr(work, "train", train)
    data = hn.load_dataset("digits")  # 4.61 is twice the loss of ten equal logits
    assert work.train_to_the_end(JOB, {"rate": 0.5}, data, 2)[2] == 2 and rates == [0.5, 0.25, 0.125]
    with pytest.raises(FloatingPointError, match="still blew up after 5 halvings"):
        work.train_to_the_end(JOB, {"rate": 100.0}, data, 2)


def test_the_same_job_gives_the_same_record():
    first, again = (work.do(JOB, {}, None) | {"seconds": 0} for _ in range(2))
    assert first == again
    assert work.do(replace(JOB, seed=1), {}, None)["test_error"] != first["test_error"]


@pytest.mark.parametrize("method", ["dk", "hashnetdk"])
def test_dark_knowledge_uses_a_teacher_trained_on_the_same_examples_and_keeps_it(method, monkeypatch, tmp_path):
    monkeypatch.setattr(work, "cache_dir", lambda: tmp_path)
    job = replace(JOB, method=method)
    made = work.do(job, {}, None)
    assert made["status"] == "done" and made["hyper"]["temperature"] == work.DARK_DEFAULTS["temperature"]
    sizes = sorted(len(np.load(path)) for path in tmp_path.rglob("*.npy"))
    assert sizes == [958, 1197]
    fits, fit = [], work.fit
    monkeypatch.setattr(work, "fit", lambda *args: fits.append(args) or fit(*args))
    assert work.do(job, {}, None)["test_error"] == made["test_error"]
    assert len(fits) == 2  # the second time the teachers come from the cache


def test_what_goes_wrong_in_a_job_becomes_a_record():
    made = work.do(replace(JOB, compression="7"), {}, None)
    assert made["status"] == "failed" and "compression must be in (0, 1]" in made["error"]


def test_an_interrupted_training_is_no_result(monkeypatch):
    monkeypatch.setattr(work, "fit", lambda *_: hn.History(valid_error=[50.0], interrupted=True))
    made = work.do(JOB, {}, None)
    assert made["status"] == "failed" and "half a training" in made["error"]


def test_a_diverging_run_is_a_failure(monkeypatch):
    monkeypatch.setitem(work.DEFAULTS, "rate", 1e20)
    made = work.do(JOB, {}, None)
    assert made["status"] == "failed" and "blew up" in made["error"]


# Searching


def test_a_search_never_sees_the_test_set_and_its_best_trial_is_the_lowest(monkeypatch):
    pytest.importorskip("optuna")
    monkeypatch.setattr(tune, "TRIALS", 5)
    monkeypatch.setattr(tune, "ROUNDS", 1)
    digits = hn.load_dataset("digits")
    poisoned = replace(digits, x_test=np.full_like(digits.x_test, np.nan))
    job = replace(JOB, kind="search", tune=True)
    made = tune.do_search(job, {}, poisoned)
    trials = made["rounds"][0]["trials"]
    best = min(trials, key=lambda t: t["valid_error"])
    assert len(trials) == 5 and made["hyper"] == best["hyper"]
    assert [t["hyper"]["rate"] for t in trials[:3]] == list(tune.FIRST_RATES)
    assert 1 <= made["epochs"] <= 2 and len(made["curve"]) == 2


def test_a_search_with_dark_knowledge_begins_with_what_was_chosen_without_and_takes_it_to_the_final(monkeypatch):
    pytest.importorskip("optuna")
    job = replace(JOB, method="hashnetdk", kind="search", tune=True, seed=0)
    teacher, plain = grid.needs(job)
    assert (teacher.method, teacher.compression, plain.method, plain.compression) == ("nn", "1", "hashnet", "1/8")
    chosen = {"rate": 0.001, "momentum": 0.4, "input_dropout": 0.05, "dropout": 0.1}
    errors = iter([50.0, 20.0, 30.0, 10.0, 40.0, *[60.0] * 7])
    monkeypatch.setattr(tune, "valid_curve", lambda *_, **__: [next(errors)])
    ranges = tune.RANGES | tune.DARK_RANGES
    trials = tune.search(job, ranges, {plain.key: {"hyper": chosen}}, hn.load_dataset("digits"), 1, seed=0)
    assert trials[0]["hyper"] == pytest.approx(chosen | {"rate": 0.02, "temperature": 4.0, "mix": 0.7})  # in its range
    assert [t["hyper"]["rate"] for t in trials[1:4]] == list(tune.FIRST_RATES) and len(trials) == 12

    x = np.zeros((12_000, 1), np.float32)
    data = hn.Dataset("x", x[:10_000], x[:10_000, 0], x[10_000:], x[10_000:, 0], x[:0], x[:0, 0], "")
    monkeypatch.setattr(tune, "train_in_full", lambda job, hyper, *_: {"hyper": hyper, "valid_error": 1.0})
    finals = [final["hyper"] for final in tune.train_finalists(job, trials, {}, data, 1)]
    assert trials[3]["hyper"] in finals and trials[0]["hyper"] in finals and trials[1]["hyper"] not in finals
    deep = [final["hyper"] for final in tune.train_finalists(replace(job, layers=5), trials, {}, data, 1)]
    assert trials[3]["hyper"] in deep and trials[0]["hyper"] not in deep


def test_a_search_repeats_itself_and_only_its_first_round_begins_in_the_middle(monkeypatch):
    pytest.importorskip("optuna")
    monkeypatch.setattr(tune, "valid_curve", lambda job, hyper, *_, **__: [hyper["rate"]])
    data = hn.load_dataset("digits")
    first, again, second = (tune.search(JOB, tune.RANGES, {}, data, 1, seed) for seed in (0, 0, 1))
    assert first == again
    assert [t["hyper"]["rate"] for t in first[:3]] == list(tune.FIRST_RATES)
    assert not {t["hyper"]["rate"] for t in second} & set(tune.FIRST_RATES)


def test_the_trials_of_all_rounds_compete_and_ranges_grow_from_round_to_round(monkeypatch):
    rounds, compared = [], []

    def search(job, ranges, found, data, epochs, seed):
        rounds.append((seed, ranges["rate"]))
        rate = ranges["rate"].high if len(rounds) < 3 else 1.0  # twice at the edge, then inside
        return [{"hyper": tune.MIDDLE | {"rate": rate}, "valid_error": 5.0 + len(rounds)}]

    monkeypatch.setattr(tune, "search", search)
    monkeypatch.setattr(tune, "train_finalists", lambda job, trials, *_: compared.extend(trials) or [
        {"hyper": {}, "valid_error": 1.0}])
    made = tune.do_search(replace(JOB, kind="search", tune=True), {}, hn.load_dataset("digits"))
    assert [seed for seed, _ in rounds] == [0, 1, 2]
    assert rounds[0][1].high < rounds[1][1].high < rounds[2][1].high
    assert [t["valid_error"] for t in compared] == [6.0, 7.0, 8.0] and len(made["rounds"]) == 3
    assert made["at_edge"] is False


def test_a_best_value_at_an_edge_after_the_last_round_is_said(monkeypatch):
    def search(job, ranges, found, data, epochs, seed):
        return [{"hyper": tune.MIDDLE | {"rate": ranges["rate"].high}, "valid_error": 5.0}]

    monkeypatch.setattr(tune, "search", search)
    monkeypatch.setattr(tune, "train_finalists", lambda *_: [{"hyper": {}, "valid_error": 1.0}])
    made = tune.do_search(replace(JOB, kind="search", tune=True), {}, hn.load_dataset("digits"))
    assert len(made["rounds"]) == tune.ROUNDS and made["at_edge"] is True


def test_the_epochs_of_a_final_are_chosen_with_all_validation_examples(monkeypatch):
    x = np.zeros((60_000, 1), np.float32)
    data = hn.Dataset("x", x[:48_000], x[:48_000, 0], x[48_000:], x[48_000:, 0], x[:0], x[:0, 0], "")
    asked = []
    monkeypatch.setattr(tune, "valid_curve", lambda *_, **__: np.array([3.0, 2.0]))
    monkeypatch.setattr(tune, "choose_epochs", lambda curve, examples: asked.append(examples) or 2)
    assert tune.train_in_full(JOB, {}, {}, data, 2)["valid_error"] == 2.0 and asked == [12_000]


def test_there_are_more_epochs_for_fewer_examples_and_for_basic():
    def data(n):
        return hn.Dataset("x", np.zeros((n, 1)), np.zeros(n), *[np.zeros((0, 1)), np.zeros(0)] * 2, "")

    free = replace(JOB, max_epochs=None)
    assert [work.epochs_for(free, data(n)) for n in (1_200, 12_000, 60_000)] == [150, 40, 30]
    assert work.epochs_for(free, replace(data(1_500), x_valid=np.zeros((501, 1)), y_valid=np.zeros(501))) == 40
    assert work.epochs_for(replace(free, dataset="basic"), data(12_000)) == 120
    assert work.epochs_for(replace(JOB, dataset="basic"), data(12_000)) == 2


def test_a_trial_that_diverges_counts_as_all_wrong_from_there(monkeypatch):
    histories = iter([hn.History(valid_error=[60.0, 30.0, 20.0]), hn.History(valid_error=[90.0], diverged=True),
                      hn.History(valid_error=[30.0, 20.0, 0.0])])
    monkeypatch.setattr(tune, "train", lambda *_: (None, next(histories)))
    curve = tune.valid_curve(JOB, work.DEFAULTS, {}, hn.load_dataset("digits"), epochs=3)
    np.testing.assert_allclose(curve, [60.0, 50.0, 40.0])


def test_the_best_trials_train_again_in_full_with_smaller_steps_while_that_helps(monkeypatch):
    errors, seen = {9.0: 8.0, 3.0: 5.0, 1.0: 6.0, 0.9: 4.0, 0.3: 4.5}, []

    def curve(job, hyper, found, data, epochs, limit):
        seen.append((hyper["rate"], limit))
        return [errors[hyper["rate"]]] * epochs

    monkeypatch.setattr(tune, "valid_curve", curve)
    x = np.zeros((60_000, 1), np.float32)
    data = hn.Dataset("x", x[:48_000], x[:48_000, 0], x[48_000:], x[48_000:, 0], x[:0], x[:0, 0], "")
    trials = [{"hyper": {"rate": rate}, "valid_error": e} for rate, e in ((7.0, 9.0), (9.0, 1.0), (0.9, 2.0))]
    finals = tune.train_finalists(JOB, trials, {}, data, epochs=2)
    assert seen == [(rate, np.inf) for rate in (9.0, 3.0, 1.0, 0.9, 0.3)]  # a third each, until it no longer helps
    assert min(finals, key=lambda f: f["valid_error"])["hyper"] == {"rate": 0.9}
    deep = tune.train_finalists(replace(JOB, layers=5), trials, {}, data, epochs=2)
    assert [f["hyper"]["rate"] for f in deep] == [9.0, 3.0, 1.0]
    small = replace(data, x_valid=data.x_valid[:100], y_valid=data.y_valid[:100])
    assert len(tune.train_finalists(JOB, trials, {}, small, epochs=2)) == 1


def test_a_best_value_at_the_end_of_its_range_widens_it_unless_the_end_means_something():
    rate = tune.RANGES["rate"]
    assert rate.widened(0.5) == rate
    assert rate.widened(9.9).high > 100 and rate.widened(9.9).low == rate.low
    assert rate.widened(0.0201).low < 0.002
    assert tune.RANGES["dropout"].widened(0.0) == tune.RANGES["dropout"]
    assert tune.RANGES["dropout"].widened(0.7).high > 0.9
    assert tune.RANGES["momentum"].widened(0.98).high == 0.999
    assert tune.RANGES["momentum"].widened(0.3).low == 0.0


def test_large_sets_are_searched_on_12000_examples_and_small_ones_by_folds():
    def data(train, valid):
        x, y = np.zeros((train + valid, 2), np.float32), np.arange(train + valid) % 2
        return hn.Dataset("x", x[:train], y[:train], x[train:], y[train:], x[:5], y[:5], "")

    (only,) = tune.folds(data(48_000, 12_000))
    assert (len(only.x_train), len(only.x_valid), len(only.x_test)) == (9_600, 2_400, 0)
    parts = list(tune.folds(data(1_000, 200)))
    assert [(len(p.x_train), len(p.x_valid)) for p in parts] == [(800, 400)] * 3
    assert tune.trial_epochs(data(48_000, 12_000), 30) == 10
    assert tune.trial_epochs(data(1_000, 200), 150) * 2400 <= 120_000


def test_the_number_of_epochs_is_the_last_within_a_standard_error_of_the_lowest():
    assert work.choose_epochs([50, 9.9, 10.4, 10.8, 12.0], 1000) == 4
    assert work.choose_epochs([50, 9.9, 10.4, 10.8, 12.0], 10**9) == 2
    assert work.choose_epochs([3.0, 0.0, 0.0, 1.0], 1000) == 3


# Driving


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

    def fake(job, found, data_dir, provenance):
        made = {"key": job.key, "status": "done", "test_error": 1.0, "valid_error": 1.0, "epochs": 1, "seconds": 0.0}
        if job.kind == "search":
            records.append(tmp_path / "searches.jsonl", made | {"epochs": 2})
        taken.extend(search["epochs"] for search in found.values())
        return made

    monkeypatch.setattr(drive, "do", fake)
    assert drive.sweep([job], tmp_path, here()) == {"done": 1, "failed": 0, "left": 0}
    assert taken == [2]


def test_a_sweep_goes_on_with_the_same_data_only(tmp_path):
    made = work.do(JOB, {}, None) | {"provenance": "original: another"}
    records.append(tmp_path / "runs.jsonl", made)
    other = replace(JOB, seed=1)
    assert drive.sweep([JOB, other], tmp_path, here())["failed"] == 1
    assert "the records are of digits 'original: another', found was" in records.read_all(tmp_path)[other.key]["error"]


def test_a_failed_job_is_recorded_left_alone_and_tried_again_when_asked(tmp_path, monkeypatch):
    monkeypatch.setitem(work.DEFAULTS, "rate", 1e20)
    assert drive.sweep([JOB], tmp_path, here())["failed"] == 1
    monkeypatch.setitem(work.DEFAULTS, "rate", 0.5)
    assert drive.sweep([JOB], tmp_path, here()) == {"done": 0, "failed": 0, "left": 0}
    assert drive.sweep([JOB], tmp_path, here(), retry=True)["done"] == 1
    assert [r["status"] for r in records.read_all(tmp_path).values()] == ["done"]


def test_a_run_is_not_handed_out_before_its_search_is_done():
    search, run = with_searches([replace(JOB, tune=True)])
    submitted = []

    class Slow(Here):
        def submit(self, function, *args):
            submitted.append(args[0])
            return Future()

    waiting, running = [search, run], {}
    drive.hand_out(waiting, running, {}, drive.Workers(Slow, 4), None)
    assert submitted == [search] and waiting == [run]
    drive.hand_out(waiting, running, {search.key: record(search.key)}, drive.Workers(Slow, 4), None)
    assert submitted == [search, run] and waiting == []


def test_no_more_jobs_are_in_flight_than_there_are_workers():
    class Slow(Here):
        def submit(self, function, *args):
            return Future()

    jobs = [replace(JOB, seed=s) for s in range(5)]
    waiting, running = list(jobs), {}
    drive.hand_out(waiting, running, {}, drive.Workers(Slow, 2), None)
    assert list(running.values()) == jobs[:2] and waiting == jobs[2:]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_waits_for_its_search_and_is_left_when_that_fails(tmp_path, monkeypatch, workers):
    order = []

    def fake(job, found, data_dir, provenance):
        order.append(job.kind)
        assert job.kind == "search" or all(found.values())
        made = {"key": job.key, "status": "done", "test_error": 1.0, "valid_error": 1.0, "epochs": 1, "seconds": 0.0}
        return made if job.kind == "run" else made | {"status": status}

    monkeypatch.setattr(drive, "do", fake)
    job = replace(JOB, tune=True)
    status = "failed"
    assert drive.sweep([job], tmp_path, here(workers)) == {"done": 0, "failed": 1, "left": 1} and order == ["search"]
    status = "done"
    assert drive.sweep([job], tmp_path, here(workers), retry=True)["done"] == 2 and order == ["search", "search", "run"]


def tell_threads(job, found, data_dir, provenance):
    return {"key": job.key, "status": "done", "test_error": 0.0, "seconds": 0.0,
            "threads": {name: os.environ.get(name) for name in drive.ONE_THREAD}}


def test_workers_are_told_of_one_thread_and_this_process_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(drive, "do", tell_threads)
    before = dict(os.environ)
    drive.sweep([JOB], tmp_path, drive.local_workers(1))
    (told,) = records.read_all(tmp_path).values()
    assert set(told["threads"].values()) == {"1"} and dict(os.environ) == before


def test_variables_are_set_for_a_while_only(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)  # sweeps in other tests may have left it
    before = dict(os.environ)
    with drive.environment(drive.ONE_THREAD):
        assert {os.environ[name] for name in drive.ONE_THREAD} == {"1"}
    assert dict(os.environ) == before and "MKL_NUM_THREADS" not in os.environ


def die_once(job, found, data_dir, provenance):
    if job.seed == 1 and not os.path.exists(data_dir):
        open(data_dir, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return work.do(job, found, None)


def die_always(job, found, data_dir, provenance):
    if job.seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return work.do(job, found, None)


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_the_job_of_a_killed_worker_is_done_by_another(tmp_path, monkeypatch):
    monkeypatch.setattr(drive, "do", die_once)
    jobs = [replace(JOB, seed=s) for s in range(4)]
    assert drive.sweep(jobs, tmp_path, drive.local_workers(2), str(tmp_path / "died"))["done"] == 4
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 4


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_job_that_kills_its_worker_again_is_a_failure_and_the_others_are_done(tmp_path, monkeypatch):
    monkeypatch.setattr(drive, "do", die_always)
    jobs = [replace(JOB, seed=s) for s in (1, 2, 3)]
    counts = drive.sweep(jobs, tmp_path, drive.local_workers(1))
    assert counts == {"done": 2, "failed": 1, "left": 0}
    assert [r["seed"] for r in records.read_all(tmp_path).values() if r.get("worker_died")] == [1]


# Kills

GRID = """
datasets = ["digits"]
methods = ["nn", "hashnet", "hashnetdk"]
seeds = [0, 1]
hidden = 16
tune = false
max_epochs = 2

[[grid]]
compressions = ["1/2", "1/8"]
"""


def reset_sigint():
    """Make a child heed Ctrl-C even where this process, a shell's background job, ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(grid_file, folder):
    command = [sys.executable, "-m", "hashnets_np", "sweep", str(grid_file), "--records", str(folder), "--workers", "2"]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=None if os.name == "nt" else reset_sigint,
    )


def results_of(folder):
    return {key: (r["status"], r["test_error"], r["stored"]) for key, r in records.read(folder / "runs.jsonl").items()}


def kill_many_times(tmp_path, moments, seed=0):
    """Kill a sweep with SIGKILL at random moments and let it end; return its folder, and an undisturbed one's."""
    grid_file = tmp_path / "grid.toml"
    grid_file.write_text(GRID)
    begin = time.monotonic()
    assert start(grid_file, tmp_path / "calm").wait() == 0
    whole = time.monotonic() - begin
    chance, kills = random.Random(seed), 0
    folder = tmp_path / "disturbed"
    while kills < moments:
        process = start(grid_file, folder)
        try:
            process.wait(timeout=chance.uniform(0, 1.2 * whole))
            for path in folder.glob("*"):  # it ended before the kill: begin again
                path.unlink()
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
        if (folder / "runs.jsonl").exists():
            assert all(json.loads(line) for line in (folder / "runs.jsonl").read_bytes().splitlines())
    assert start(grid_file, folder).wait() == 0
    return folder, tmp_path / "calm"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_ten_kills_at_random_moments_change_no_record(tmp_path):
    disturbed, calm = kill_many_times(tmp_path, int(os.environ.get("HASHNETS_KILLS", "10")))
    assert results_of(disturbed) == results_of(calm)
    assert len(results_of(disturbed)) == len((disturbed / "runs.jsonl").read_bytes().splitlines()) == 12


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_workers_end_with_a_sweep_that_is_killed_alone(tmp_path):
    grid_file, folder = tmp_path / "grid.toml", tmp_path / "r"
    grid_file.write_text(GRID.replace("max_epochs = 2", "max_epochs = 100000").replace('"nn", ', ""))
    process = start(grid_file, folder)
    time.sleep(4)  # by now the workers train, for hours
    process.kill()
    process.wait()
    for _ in range(100):
        try:
            os.killpg(process.pid, 0)  # nothing but a look whether anybody of its group is there
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    pytest.fail("workers are still there 10 s after their sweep was killed")


# How it stands


def test_a_job_is_as_large_as_its_network():
    large, small = Job("run", "mnist", "hashnetdk", 3, "1/8", None, 0), Job("run", "mnist", "dk", 3, "1/8", None, 0)
    assert large.size() == 8 * small.size() == (784 + 10) * 1000
    assert Job("run", "mnist", "rer", 5, None, 2, 0, hidden=50).size() == (784 + 10) * 100 + 2 * 100**2


def test_the_time_left_is_guessed_from_the_jobs_most_alike():
    small, large = Job("run", "basic", "nn", 3, "1/8", None, 0), Job("run", "basic", "hashnet", 3, "1/8", None, 0)
    search = replace(large, kind="search")
    past = {"status": "done", "seconds": 10.0, **asdict(small)}
    progress = Progress([small, large], workers=2, say=print, past=[past])
    assert progress.guess(large) == pytest.approx(80)  # eight times the size
    assert progress.guess(search) == pytest.approx(80)  # of searches nothing is known
    progress.learn(search, past | {"seconds": 999.0})
    progress.learn(replace(search, dataset="mnist"), past | {"seconds": 3.0})
    progress.learn(large, past | {"status": "failed", "seconds": 0.1})
    assert progress.guess(search) == pytest.approx(999) and progress.guess(large) == pytest.approx(80)


def test_the_progress_line_adds_up_what_waits_and_what_runs(capsys):
    job = Job("run", "basic", "hashnet", 3, "1/8", None, 0)
    progress = Progress([job] * 4, workers=2, say=print)
    record = {"status": "done", "seconds": 40.0, "test_error": 3.0}
    progress.tell(job, record, [job, job], [job])
    line = "[1/4] basic hashnet 3 layers c=1/8 seed 0: test 3.00 % (40 s); running 1, failed 0, about 1 min 0 s left\n"
    assert capsys.readouterr().out == line


# The command


def test_the_command_lists_selects_sweeps_and_reports_what_is_left(tmp_path, capsys, monkeypatch):
    grid_file = tmp_path / "grid.toml"
    grid_file.write_text(GRID)
    monkeypatch.setattr(drive, "local_workers", lambda count: here(count))
    chosen = ["--methods", "nn", "--seeds", "0", "--sizes", "1/8"]
    command = ["sweep", str(grid_file), "--records", str(tmp_path / "r"), *chosen]
    assert main([*command, "--list"]) == 0
    assert capsys.readouterr().out == "digits nn 3 layers c=1/8 seed 0\n"
    assert main(command) == 0
    assert "1 done, 0 failed, 0 left" in capsys.readouterr().out
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("nothing new to do: 0 done, 0 failed, 0 left")
    (done,) = records.read_all(tmp_path / "r").values()
    failed = done | {"key": done["key"].replace("seed=0", "seed=1"), "status": "failed"}
    records.append(tmp_path / "r" / "runs.jsonl", failed)
    assert main([*command[:-4], "--seeds", "0,1", *command[-2:]]) == 1
    assert "1 failed now or earlier; --retry tries them again" in capsys.readouterr().out
    assert main([*command, "--datasets", "mnist"]) == 2
    assert "no job of the grid fits" in capsys.readouterr().err
    assert main([*command, "--workers", "0"]) == 2


def test_a_search_without_optuna_is_one_line_and_no_record(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sweep_command, "find_spec", lambda name: None)
    assert main(["sweep", "table2", "--records", str(tmp_path / "r")]) == 2
    assert "pip install optuna" in capsys.readouterr().err and not (tmp_path / "r").exists()


def test_dask_without_a_scheduler_is_one_clear_line(capsys, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(drive, "CONNECT_SECONDS", 1)
    assert main(["sweep", "quick", "--dask", "tcp://127.0.0.1:9", "--records", "nowhere"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGINT to a group")
def test_ctrl_c_ends_a_sweep_soon_and_it_goes_on_later(tmp_path):
    grid_file, folder = tmp_path / "grid.toml", tmp_path / "r"
    grid_file.write_text(GRID.replace("max_epochs = 2", "max_epochs = 30"))
    process = start(grid_file, folder)
    while not (folder / "runs.jsonl").exists():
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=30) == 1
    there = results_of(folder)
    assert 1 <= len(there) < 12 and all(status == "done" for status, *_ in there.values())
    assert start(grid_file, folder).wait() == 0
    assert len(results_of(folder)) == 12 and results_of(folder).items() >= there.items()
