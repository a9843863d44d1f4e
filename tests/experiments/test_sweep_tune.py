"""Hyper-parameters come from the validation split alone, by as many trials for every method."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from small_sweeps import JOB, search_record

import hashnets_np as hn
from hashnets_np.experiments.sweep import grid, tune, unfinished
from hashnets_np.experiments.sweep import train as training
from hashnets_np.experiments.sweep.protocols import PROTOCOLS
from hashnets_np.experiments.sweep.schema import Final, Trial


@pytest.fixture(autouse=True)
def nothing_kept_by_other_tests(monkeypatch, tmp_path):
    monkeypatch.setattr(unfinished, "cache_dir", lambda: tmp_path)


def final_of(hyper, error, epochs=1):
    return Final(hyper=hyper, epochs=epochs, valid_error=error, curve=[error])


def test_the_best_trial_of_a_search_is_the_lowest(monkeypatch):
    pytest.importorskip("optuna")
    monkeypatch.setitem(PROTOCOLS, "1", replace(PROTOCOLS["1"], trials=5))
    monkeypatch.setattr(tune, "ROUNDS", 1)
    job = replace(JOB, kind="search", tune=True)
    made = tune.do_search(job, {}, hn.load_dataset("digits"))
    trials = made["rounds"][0].trials
    best = min(trials, key=lambda t: t.valid_error)
    assert len(trials) == 5 and made["hyper"] == best.hyper
    assert [t.hyper["rate"] for t in trials[:3]] == list(tune.FIRST_RATES)
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
    found = {plain.key: search_record(plain, hyper=chosen)}
    trials = tune.search(job, ranges, found, hn.load_dataset("digits"), 1, seed=0)
    assert trials[0].hyper == pytest.approx(chosen | {"rate": 0.02, "temperature": 4.0, "mix": 0.7})  # in its range
    assert [t.hyper["rate"] for t in trials[1:4]] == list(tune.FIRST_RATES) and len(trials) == 12

    x = np.zeros((12_000, 1), np.float32)
    data = hn.Dataset("x", x[:10_000], x[:10_000, 0], x[10_000:], x[10_000:, 0], x[:0], x[:0, 0], "")
    monkeypatch.setattr(tune, "train_in_full", lambda job, hyper, *_: final_of(hyper, 1.0))
    finals = [final.hyper for final in tune.train_finalists(job, trials, {}, data, 1)]
    assert trials[3].hyper in finals and trials[0].hyper in finals and trials[1].hyper not in finals
    deep = [final.hyper for final in tune.train_finalists(replace(job, layers=5), trials, {}, data, 1)]
    assert trials[3].hyper in deep and trials[0].hyper not in deep


def test_a_search_repeats_itself_and_only_its_first_round_begins_in_the_middle(monkeypatch):
    pytest.importorskip("optuna")
    monkeypatch.setattr(tune, "valid_curve", lambda job, hyper, *_, **__: [hyper["rate"]])
    data = hn.load_dataset("digits")
    first, again, second = (tune.search(JOB, tune.RANGES, {}, data, 1, seed) for seed in (0, 0, 1))
    assert first == again
    assert [t.hyper["rate"] for t in first[:3]] == list(tune.FIRST_RATES)
    assert not {t.hyper["rate"] for t in second} & set(tune.FIRST_RATES)


def test_the_trials_of_all_rounds_compete_and_ranges_grow_from_round_to_round(monkeypatch):
    rounds, compared = [], []

    def search(job, ranges, found, data, epochs, seed):
        rounds.append((seed, ranges["rate"]))
        rate = ranges["rate"].high if len(rounds) < 3 else 1.0  # twice at the edge, then inside
        return [Trial(hyper=tune.MIDDLE | {"rate": rate}, valid_error=5.0 + len(rounds))]

    monkeypatch.setattr(tune, "search", search)
    monkeypatch.setattr(tune, "train_finalists", lambda job, trials, *_: compared.extend(trials) or [
        final_of({}, 1.0)])
    made = tune.do_search(replace(JOB, kind="search", tune=True), {}, hn.load_dataset("digits"))
    assert [seed for seed, _ in rounds] == [0, 1, 2]
    assert rounds[0][1].high < rounds[1][1].high < rounds[2][1].high
    assert [t.valid_error for t in compared] == [6.0, 7.0, 8.0] and len(made["rounds"]) == 3
    assert made["at_edge"] is False


def test_a_best_value_at_an_edge_after_the_last_round_is_reported(monkeypatch):
    def search(job, ranges, found, data, epochs, seed):
        return [Trial(hyper=tune.MIDDLE | {"rate": ranges["rate"].high}, valid_error=5.0)]

    monkeypatch.setattr(tune, "search", search)
    monkeypatch.setattr(tune, "train_finalists", lambda *_: [final_of({}, 1.0)])
    made = tune.do_search(replace(JOB, kind="search", tune=True), {}, hn.load_dataset("digits"))
    assert len(made["rounds"]) == tune.ROUNDS and made["at_edge"] is True


def test_the_epochs_of_a_final_are_chosen_with_all_validation_examples(monkeypatch):
    x = np.zeros((60_000, 1), np.float32)
    data = hn.Dataset("x", x[:48_000], x[:48_000, 0], x[48_000:], x[48_000:, 0], x[:0], x[:0, 0], "")
    asked = []
    monkeypatch.setattr(tune, "valid_curve", lambda *_, **__: np.array([3.0, 2.0]))
    monkeypatch.setattr(tune, "choose_epochs", lambda curve, examples: asked.append(examples) or 2)
    assert tune.train_in_full(JOB, {}, {}, data, 2).valid_error == 2.0 and asked == [12_000]


def test_there_are_more_epochs_for_fewer_examples_and_for_basic():
    def data(n):
        return hn.Dataset("x", np.zeros((n, 1)), np.zeros(n), *[np.zeros((0, 1)), np.zeros(0)] * 2, "")

    free = replace(JOB, max_epochs=None)
    assert [training.epochs_for(free, data(n)) for n in (1_200, 12_000, 60_000)] == [150, 40, 30]
    assert training.epochs_for(free, replace(data(1_500), x_valid=np.zeros((501, 1)), y_valid=np.zeros(501))) == 40
    assert training.epochs_for(replace(free, dataset="basic"), data(12_000)) == 120
    assert training.epochs_for(replace(JOB, dataset="basic"), data(12_000)) == 2


def test_a_trial_that_diverges_counts_as_all_wrong_from_there(monkeypatch):
    histories = iter([hn.History(valid_error=[60.0, 30.0, 20.0]), hn.History(valid_error=[90.0], diverged=True),
                      hn.History(valid_error=[30.0, 20.0, 0.0])])
    monkeypatch.setattr(tune, "train_once", lambda *_: (None, next(histories)))
    curve = tune.valid_curve(JOB, training.DEFAULTS, {}, hn.load_dataset("digits"), epochs=3)
    np.testing.assert_allclose(curve, [60.0, 50.0, 40.0])


def test_the_best_trials_train_again_in_full_with_smaller_steps_while_that_helps(monkeypatch):
    errors, seen = {9.0: 8.0, 3.0: 5.0, 1.0: 6.0, 0.9: 4.0, 0.3: 4.5}, []

    def curve(job, hyper, found, data, epochs, limit):
        seen.append((hyper["rate"], limit))
        return [errors[hyper["rate"]]] * epochs

    monkeypatch.setattr(tune, "valid_curve", curve)
    x = np.zeros((60_000, 1), np.float32)
    data = hn.Dataset("x", x[:48_000], x[:48_000, 0], x[48_000:], x[48_000:, 0], x[:0], x[:0, 0], "")
    trials = [Trial(hyper={"rate": rate}, valid_error=e) for rate, e in ((7.0, 9.0), (9.0, 1.0), (0.9, 2.0))]
    finals = tune.train_finalists(JOB, trials, {}, data, epochs=2)
    assert seen == [(rate, np.inf) for rate in (9.0, 3.0, 1.0, 0.9, 0.3)]  # a third each, until it no longer helps
    assert min(finals, key=lambda f: f.valid_error).hyper == {"rate": 0.9}
    deep = tune.train_finalists(replace(JOB, layers=5), trials, {}, data, epochs=2)
    assert [f.hyper["rate"] for f in deep] == [9.0, 3.0, 1.0]
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
        return hn.Dataset("x", x[:train], y[:train], x[train:], y[train:], x[:0], y[:0], "")

    (only,) = tune.folds(data(48_000, 12_000))
    assert (len(only.x_train), len(only.x_valid)) == (9_600, 2_400)
    parts = list(tune.folds(data(1_000, 200)))
    assert [(len(p.x_train), len(p.x_valid)) for p in parts] == [(800, 400)] * 3
    assert tune.trial_epochs(data(48_000, 12_000), 30) == 10
    assert tune.trial_epochs(data(1_000, 200), 150) == 50  # 3 x 800 examples, as many steps as 10 epochs of 12,000
    assert tune.trial_epochs(data(6_000, 2_000), 40) == 20
    assert tune.trial_epochs(data(10_000, 2_000), 40) == 10


def test_the_number_of_epochs_is_the_last_within_a_standard_error_of_the_lowest():
    assert training.choose_epochs([50, 9.9, 10.4, 10.8, 12.0], 1000) == 4
    assert training.choose_epochs([50, 9.9, 10.4, 10.8, 12.0], 10**9) == 2
    assert training.choose_epochs([3.0, 0.0, 0.0, 1.0], 1000) == 3


def test_a_search_that_was_cut_off_goes_on_with_what_it_has_trained(monkeypatch, tmp_path):
    pytest.importorskip("optuna", reason="optuna is not installed: it is in the extra [tune]")
    monkeypatch.setitem(PROTOCOLS, "1", replace(PROTOCOLS["1"], trials=5))
    monkeypatch.setattr(tune, "ROUNDS", 1)
    job, data, trained = replace(JOB, kind="search", tune=True), hn.load_dataset("digits"), []
    train_once, cut_off_at = tune.train_once, 10

    def counted(*arguments):
        trained.append(arguments)
        if len(trained) == cut_off_at:
            raise KeyboardInterrupt
        return train_once(*arguments)

    monkeypatch.setattr(tune, "train_once", counted)
    with pytest.raises(KeyboardInterrupt):
        tune.do_search(job, {}, data)
    results = tune.do_search(job, {}, data)
    resumed = len(trained)
    trained.clear()
    cut_off_at = None
    assert tune.do_search(job, {}, data) == results
    assert trained == []  # as long as the record is not on the disk, nothing is forgotten
    unfinished.forget(job, data)
    assert list((tmp_path / "unfinished").iterdir()) == []
    assert tune.do_search(job, {}, data) == results
    # the folds of the training that was cut off are trained again
    assert len(trained) + tune.FOLDS >= resumed > len(trained)


@pytest.mark.parametrize(
    "change", ["nothing", "job", "found", "hyper", "epochs", "limit", "x_train", "y_valid", "code"]
)
def test_trainings_are_kept_under_all_that_they_depend_on(monkeypatch, change):
    data = hn.load_dataset("digits")
    trained = []
    what = {"job": JOB, "found": {}, "data": data, "hyper": {"rate": 0.5}, "epochs": 3, "limit": 9.0,
            "train": lambda: trained.append(1) or np.zeros(3)}
    unfinished.kept_curve(**what)
    others = {"job": replace(JOB, hidden=9), "found": {"a search": SimpleNamespace(hyper={"rate": 0.5}, epochs=3)},
              "hyper": {"rate": 0.6}, "epochs": 4, "limit": 8.0}
    if change in others:
        what[change] = others[change]
    elif change == "code":
        monkeypatch.setattr(unfinished, "code_digest", lambda: "another")
    elif change != "nothing":
        what["data"] = replace(data, **{change: getattr(data, change)[::-1].copy()})
    unfinished.kept_curve(**what)
    assert len(trained) == (1 if change == "nothing" else 2)


def test_trainings_of_somebody_elses_method_are_not_kept(monkeypatch, tmp_path):
    data = hn.load_dataset("digits")
    job = replace(JOB, method="load-scaled")
    curves = [unfinished.kept_curve(job, {}, data, {}, 1, 1.0, lambda n=n: np.array([float(n)])) for n in (1, 2)]
    assert [curve[0] for curve in curves] == [1.0, 2.0] and list(tmp_path.iterdir()) == []
