"""The rules of protocol 2, each on its own: epochs, finalists, dark knowledge, restarts, wrong images; the recipe."""

import base64
import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import pytest
from small_sweeps import JOB, run_record, search_record

import hashnets_np as hn
from hashnets_np.experiments import released
from hashnets_np.experiments.sweep import grid, train, tune, work
from hashnets_np.experiments.sweep.grid import Job, needs, read_grid, search_for, step_search_from, with_searches
from hashnets_np.experiments.sweep.paired import pack, paired_difference, unpack
from hashnets_np.experiments.sweep.protocols import PROTOCOLS
from hashnets_np.experiments.sweep.schema import Final, Trial

TWO = replace(JOB, tune=True, protocol="2")
SEARCH = replace(TWO, kind="search")


def blank(train_size, valid):
    x, y = np.zeros((train_size + valid, 1), np.float32), np.zeros(train_size + valid, np.int64)
    return hn.Dataset("x", x[:train_size], y[:train_size], x[train_size:], y[train_size:], x[:0], y[:0], "")


def test_the_table_cells_of_the_original_data_have_three_seeds_for_all_six_methods():
    jobs = [job for name in ("rect", "basic", "mnist3", "mnist5") for job in read_grid(f"protocol2-{name}")]
    cells = {(j.dataset, j.method, j.layers, j.compression) for j in jobs}
    assert len(cells) == 3 * 6 * 2 * 2 and len(jobs) == len(set(jobs)) == 3 * len(cells)
    assert {j.protocol for j in jobs} == {"2"}
    everything = read_grid("protocol2")
    assert everything[: len(jobs)] == jobs and {j.dataset for j in everything} == {"rect", "basic", "mnist"}


def test_figures_have_three_seeds_for_hashnet_and_nn_and_one_for_the_others():
    jobs = read_grid("protocol2-figures") + read_grid("protocol2-figure4")
    by_cell = {}
    for job in jobs:
        cell = (job.method, job.layers, job.compression, job.expansion)
        by_cell.setdefault(cell, set()).add(job.seed)
    assert all(seeds == ({0, 1, 2} if cell[0] in ("nn", "hashnet") else {0}) for cell, seeds in by_cell.items())
    points = {(j.layers, j.compression) for j in jobs if j.compression}
    assert points == {(n, c) for n in (3, 5) for c in ("1/32", "1/16", "1/4", "1/2", "1")}  # the tables have the others
    first = {(j.method, j.layers, j.expansion) for j in read_grid("figure4")}
    assert {(j.method, j.layers, j.expansion) for j in read_grid("protocol2-figure4")} == first


def test_hashnet_and_nn_are_searched_at_each_compression_and_other_points_for_their_step_size():
    def origin(method, compression=None, expansion=None, hidden=1000):
        run = Job("run", "mnist", method, 3, compression, expansion, 2, hidden=hidden, protocol="2")
        search = search_for(run)
        assert (search.compression, search.expansion, search.seed) == (compression, expansion, 0)
        return step_search_from(search)

    assert origin("hashnet", "1/2") is None and origin("nn", "1/32") is None and origin("lrd", "1/8") is None
    assert origin("lrd", "1/2").compression == "1/8" and origin("dk", "1/32").compression == "1/64"
    assert origin("hashnet", None, 8, 50).compression == "1/8" and origin("hashnet", None, 8, 50).hidden == 1000
    assert step_search_from(replace(SEARCH, protocol="1", method="lrd", compression="1/2")) is None


@pytest.mark.parametrize("job", [replace(TWO, method="hashnetdk", compression="1/2"),
                                 replace(TWO, method="hashnetdk", compression=None, expansion=8), TWO])
def test_searches_come_before_what_needs_them(job):
    order = with_searches([job])
    for place, each in enumerate(order):
        assert all(need in order[:place] for need in needs(each))
    assert all(each.protocol == "2" for each in order)


def curve_of(errors, trained):
    def train_in_full(job, hyper, found, data, epochs):
        trained.append((hyper.get("rate"), epochs))
        error = errors[epochs]
        return Final(hyper=hyper, epochs=epochs, valid_error=error, curve=[error] * epochs)
    return train_in_full


@pytest.mark.parametrize(("errors", "chosen", "goes_on"), [
    ({30: 2.0, 60: 1.7, 120: 1.3}, 120, [True, True]),  # the standard error is 0.128 at 2.0 and 0.118 at 1.7
    ({30: 2.0, 60: 1.7, 120: 1.65}, 120, [True, False]), ({30: 2.0, 60: 1.9}, 60, [False]),
    ({30: 2.0, 60: 2.0}, 30, [False]), ({30: 2.0, 60: 2.5}, 30, [False]),
])
def test_epochs_double_while_that_helps_by_a_standard_error_and_the_decisions_are_recorded(
    monkeypatch, errors, chosen, goes_on
):
    trained = []
    monkeypatch.setattr(tune, "train_in_full", curve_of(errors, trained))
    first = Final(hyper={"rate": 0.5}, epochs=30, valid_error=errors[30], curve=[])
    job = replace(SEARCH, dataset="mnist", max_epochs=None)
    best, decisions = tune.double_epochs(job, first, {}, blank(48_000, 12_000), 30)
    assert best.epochs == chosen and [d.goes_on for d in decisions] == goes_on
    assert trained == [(0.5, 30 * 2**n) for n in range(1, len(goes_on) + 1)]
    assert decisions[0].had_to_fall_by == pytest.approx(100 * (0.02 * 0.98 / 12_000) ** 0.5)


@pytest.mark.parametrize(("dataset", "begin", "most"), [("mnist", 30, 120), ("basic", 120, 480), ("rect", 150, 600),
                                                        ("digits", 40, 160)])
def test_epochs_are_never_doubled_beyond_the_limit_of_the_set(monkeypatch, dataset, begin, most):
    errors, trained = {begin * 2**n: 50.0 / 2**n for n in range(9)}, []
    monkeypatch.setattr(tune, "train_in_full", curve_of(errors, trained))
    first = Final(hyper={}, epochs=begin, valid_error=50.0, curve=[])
    job = replace(SEARCH, dataset=dataset, max_epochs=None)
    tune.double_epochs(job, first, {}, blank(10_000, 2_000), begin)
    assert max(epochs for _, epochs in trained) == most


@pytest.mark.parametrize(("dataset", "most"), [("digits", 2), ("mnist", 1)])
def test_epochs_are_never_doubled_beyond_those_that_a_grid_asks_for(monkeypatch, dataset, most):
    errors, trained = {n: 50.0 / n for n in range(1, 500)}, []
    monkeypatch.setattr(tune, "train_in_full", curve_of(errors, trained))
    first = Final(hyper={}, epochs=most, valid_error=50.0, curve=[])
    job = replace(SEARCH, dataset=dataset, max_epochs=most)
    assert tune.double_epochs(job, first, {}, blank(10_000, 2_000), most) == (first, []) and trained == []


def test_two_finalists_train_in_full_with_five_layers_and_on_small_sets_too(monkeypatch):
    trained = []
    monkeypatch.setattr(tune, "train_in_full", curve_of({2: 1.0}, trained))
    trials = [Trial(hyper={"rate": rate}, valid_error=rate) for rate in (3.0, 1.0, 2.0)]
    for job, data in ((replace(SEARCH, layers=5), blank(10_000, 2_000)), (SEARCH, blank(1_000, 200))):
        trained.clear()
        tune.train_finalists(job, trials, {}, data, epochs=2)
        assert [rate for rate, _ in trained] == pytest.approx([1.0, 1 / 3, 2.0, 2 / 3])


OWN = {"rate": 20.0, "momentum": 0.4, "input_dropout": 0.05, "dropout": 0.1}


def dark_search(monkeypatch, taught_error, own_error, own_epochs=200):
    """Search with dark knowledge where each training in full has one error; return the result and what was trained."""
    job = replace(SEARCH, method="hashnetdk", max_epochs=None)
    plain = tune.without_teacher(job)
    own = search_record(plain, hyper=OWN, epochs=own_epochs, valid_error=own_error, curve=[own_error] * own_epochs)
    trials, trained = [], []

    def valid_curve(job, hyper, found, data, epochs, limit=tune.EXAMPLES):
        (trained if limit == np.inf else trials).append((hyper, epochs))
        return np.full(epochs, taught_error if limit == np.inf else 10.0 + len(trials))

    monkeypatch.setattr(tune, "valid_curve", valid_curve)
    return tune.do_search(job, {plain.key: own}, hn.load_dataset("digits")), trials, trained


def test_dark_knowledge_has_the_students_own_best_with_mix_0_among_its_trials_and_finals(monkeypatch):
    pytest.importorskip("optuna")
    made, trials, trained = dark_search(monkeypatch, taught_error=3.0, own_error=2.0)
    assert trials[0][0] == pytest.approx(OWN | {"temperature": 4.0, "mix": 0.0})  # though 20 is outside the first range
    assert trials[1][0] == pytest.approx(OWN | {"temperature": 4.0, "mix": 0.7})
    assert made["hyper"] == OWN | {"temperature": 4.0, "mix": 0.0}
    assert (made["valid_error"], made["epochs"]) == (2.0, 200)
    assert all(hyper["mix"] > 0 for hyper, _ in trained)  # mix 0 was trained by the student's own search
    assert {epochs for _, epochs in trained} == {200, 400}  # at least as long as the student, and doubled once


def test_the_taught_network_wins_ties_and_better_errors(monkeypatch):
    pytest.importorskip("optuna")
    for error in (2.0, 1.5):
        made, *_ = dark_search(monkeypatch, taught_error=error, own_error=2.0)
        assert made["valid_error"] == error and made["hyper"]["mix"] == 0.7


def test_mix_0_is_the_network_without_a_teacher_to_the_last_bit():
    data, hyper = hn.load_dataset("digits"), train.DEFAULTS
    teacher = np.random.default_rng(0).normal(size=(len(data.x_train), 10)).astype(np.float32)
    plain, _ = train.train_once(TWO, hyper, data, 2)
    taught, _ = train.train_once(TWO, hyper | {"temperature": 4.0, "mix": 0.0}, data, 2, teacher)
    for (_, a), (_, b) in zip(plain.parameters(), taught.parameters(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_no_teacher_is_trained_where_the_mix_is_0(monkeypatch):
    asked = []
    monkeypatch.setattr(train, "teacher_logits", lambda *arguments: asked.append(arguments))
    job, data = replace(TWO, method="dk", tune=False), hn.load_dataset("digits")
    assert train.teacher_for(job, {"mix": 0.0}, {}, data) is None and not asked
    train.teacher_for(job, {"mix": 0.1}, {}, data)
    assert len(asked) == 1


def test_a_search_for_the_step_size_walks_both_ways_from_the_neighbours_choice(monkeypatch):
    errors, trained = {0.1: 5.0, 0.3: 4.0, 0.9: 3.0, 2.7: 3.5, 0.1 / 3: 6.0}, []

    def train_in_full(job, hyper, found, data, epochs):
        trained.append(hyper["rate"])
        error = next(e for rate, e in errors.items() if rate == pytest.approx(hyper["rate"]))
        return Final(hyper=hyper, epochs=epochs, valid_error=error, curve=[error])

    monkeypatch.setattr(tune, "train_in_full", train_in_full)
    job = replace(SEARCH, method="lrd", compression="1/2")
    origin = step_search_from(job)
    made = tune.do_search(job, {origin.key: search_record(origin, hyper={"rate": 0.1})}, hn.load_dataset("digits"))
    assert made["hyper"]["rate"] == pytest.approx(0.9) and made["rounds"] == [] and made["valid_error"] == 3.0
    assert trained[:5] == pytest.approx([0.1, 0.1 / 3, 0.3, 0.9, 2.7])


def test_a_training_that_never_gets_off_the_ground_begins_again_and_is_counted():
    data = hn.load_dataset("digits")
    stuck = train.DEFAULTS | {"rate": 2.0, "momentum": 0.0, "dropout": 0.0, "input_dropout": 0.0}
    made = train.train_to_the_end(TWO, stuck, data, 12)
    assert (made.halvings, made.stuck) == (1, 1) and made.history.train_loss[-1] < 1.0
    assert train.train_to_the_end(replace(TWO, protocol="1"), stuck, data, 12).stuck == 0


def test_attempts_that_blow_up_and_attempts_that_are_stuck_are_both_named(monkeypatch):
    def train_once(job, hyper, *_):
        if hyper["rate"] < 0.5:
            raise train.StuckError
        return None, hn.History(train_loss=[9.0], diverged=True)

    monkeypatch.setattr(train, "train_once", train_once)
    with pytest.raises(FloatingPointError, match=r"of 6, each .*, 2 blew up and 4 never got off the ground"):
        train.train_to_the_end(TWO, {"rate": 1.0}, hn.load_dataset("digits"), 12)


def test_all_stuck_is_slow_and_is_done_to_its_end():
    data = hn.load_dataset("digits")
    slow = train.DEFAULTS | {"rate": 1e-5}
    made = train.train_to_the_end(TWO, slow, data, 12)
    assert (made.halvings, made.stuck) == (0, train.HALVINGS + 1) and len(made.history.train_loss) == 12
    assert train.train_to_the_end(replace(TWO, protocol="1"), slow, data, 12).stuck == 0


def test_what_no_network_can_get_below_with_soft_targets_is_not_held_against_it():
    teacher, hyper = np.zeros((50, 10), np.float32), {"temperature": 20.0, "mix": 1.0}
    data = replace(hn.load_dataset("digits"), x_train=np.zeros((50, 64), np.float32), y_train=np.arange(50) % 10)
    loss, targets = train.loss_and_targets(hyper, data, teacher)
    least, no_opinion = train.loss_range(loss, targets, data, hyper)
    assert least == pytest.approx(no_opinion, rel=1e-6)  # targets without an opinion: nothing can be learned
    labels, plain = train.loss_and_targets(hyper, data, None)
    assert train.loss_range(labels, plain, data, hyper) == (0.0, pytest.approx(np.log(10)))


def test_a_run_keeps_the_test_images_that_it_got_wrong_and_protocol_1_does_not():
    made = work.run_job(replace(JOB, protocol="2"), {}, None)
    wrong = unpack(made.wrong, 600)
    assert 100 * wrong.mean() == pytest.approx(made.test_error) and 0 < wrong.sum() < 600
    assert work.run_job(JOB, {}, None).wrong is None
    with pytest.raises(ValueError, match="expected 9"):
        unpack(made.wrong, 9)
    with pytest.raises(ValueError, match="not list the wrong images of a run"):
        unpack("###", 600)


def test_a_list_of_wrong_images_fills_no_memory_and_has_its_end():
    much = base64.b85encode(zlib.compress(bytes(10**7))).decode()
    assert len(much) < 20_000
    tracemalloc.start()
    with pytest.raises(ValueError, match="among more than 600 images, expected 600"):
        unpack(much, 600)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10**6
    wrong = np.random.default_rng(0).random(600) < 0.1
    np.testing.assert_array_equal(unpack(pack(wrong), 600), wrong)
    with pytest.raises(ValueError, match="among 600 images, expected 700"):
        unpack(pack(wrong), 700)
    without_its_end = base64.b85encode(base64.b85decode(pack(wrong))[:-1]).decode()
    with pytest.raises(ValueError, match="not list the wrong images of a run"):
        unpack(without_its_end, 600)


def test_pairs_are_compared_by_the_images_that_only_one_got_wrong():
    a, b = np.zeros((2, 1000), bool)
    a[:40] = True
    b[10:60] = True  # 10 only a, 20 only b
    difference, error = paired_difference([a], [b])
    assert difference == pytest.approx(-1.0) and error == pytest.approx(100 * 30**0.5 / 1000)
    same = paired_difference([a, a], [a, a])
    assert same == (0.0, 0.0)
    assert paired_difference([a], [b], times=0.8)[0] == pytest.approx(0.0)  # 40 against 50 images


def test_the_released_recipe_is_a_preset_without_a_search():
    jobs = read_grid("released")
    assert [(j.compression, j.seed) for j in jobs] == [(c, s) for c in ("1/8", "1/64") for s in (0, 1, 2)]
    assert with_searches(jobs) == jobs and all(grid.needs(job) == [] for job in jobs)
    net, optimizer = train.network_and_optimizer(replace(jobs[0], hidden=30), {}, hn.load_dataset("digits"))
    names = [type(layer).__name__ for layer in net.layers]
    assert names == ["Dropout", "HashedLinear", "ReLU", "Dropout", "HashedLinear"]
    assert {layer.rate for layer in net.layers if isinstance(layer, hn.Dropout)} == {0.25}
    config = released.network([64, 30, 10], "1/8", seed=0).layers[1].config()
    assert (config["kind"], config["bias"], config["init"]) == ("authors2015", "hashed", "uniform")
    # dampened momentum: v = 0.9 v + 0.1 g, w -= 0.1 v, is ours with a tenth of the step
    assert (optimizer.learning_rate, optimizer.momentum) == (pytest.approx(0.01), 0.9)
    assert (optimizer.weight_decay, optimizer.schedule) == (0, "released")  # 1e-4 is the decay of the learning rate


def test_kept_maps_change_no_number():
    data = hn.load_dataset("digits")
    nets = [released.network([64, 30, 10], "1/8", seed=0) for _ in range(2)]
    released.keep_maps(nets[1])
    assert [nets[1].layers[n].map.definition.name for n in (1, 4)] == ["table", "table"]
    for net in nets:
        hn.fit(net, data, epochs=1, optimizer=released.optimizer())
    for (name, p), (_, kept) in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        np.testing.assert_array_equal(p, kept, err_msg=name)


def test_the_released_recipe_trains_on_everything_for_its_epochs_and_measures_no_validation_error(monkeypatch):
    trained, train_once = [], train.train_once
    monkeypatch.setattr(train, "train_once", lambda job, hyper, data, epochs, *rest: trained.append(
        (len(data.x_train), epochs)) or train_once(job, hyper, data, 2, *rest))
    made = work.run_job(replace(JOB, protocol="released", max_epochs=None), {}, None)
    assert trained == [(1197, released.EPOCHS)] and made.valid_error is None and made.epochs == 200
    assert made.hyper == {"rate": 0.1, "momentum": 0.9, "dropout": 0.25, "input_dropout": 0.25}
    assert run_record(valid_error=None).valid_error is None and PROTOCOLS["released"].recipe == "released"
