"""One job: what is trained on which examples, with which seeds and teacher, and what becomes its record."""

import json
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from small_sweeps import JOB, search_record

import hashnets_np as hn
from hashnets_np.experiments.sweep import grid, train, unfinished, work
from hashnets_np.experiments.sweep.paired import unpack
from hashnets_np.experiments.sweep.schema import FailureRecord, RunRecord, record_to_json


def test_a_run_trains_on_training_and_validation_examples_and_tests_once(monkeypatch):
    trained, tested = [], []
    fit, predict = train.fit, work.predict
    monkeypatch.setattr(train, "fit", lambda net, data, *rest, **more: trained.append(data) or fit(
        net, data, *rest, **more))
    monkeypatch.setattr(work, "predict", lambda net, x: tested.append(len(x)) or predict(net, x))
    made = work.run_job(JOB, {}, None)
    digits = hn.load_dataset("digits")
    assert [len(d.x_train) for d in trained] == [len(digits.x_train), len(digits.x_train) + len(digits.x_valid)]
    assert [len(d.x_test) for d in trained] == [0, 0] and tested == [600]
    assert isinstance(made, RunRecord) and made.examples == 1197 and made.test_examples == 600
    assert made.stored == 163 + 27 and made.provenance.startswith("original")
    json.dumps(record_to_json(made), allow_nan=False)


def test_a_training_has_the_step_the_schedule_the_seeds_and_the_dropout_of_its_job(monkeypatch):
    seen = {}

    def fit(net, data, epochs, batch_size, optimizer, seed, loss, targets):
        seen.update(net=net, epochs=epochs, batch_size=batch_size, optimizer=optimizer, seed=seed)
        return hn.History()

    monkeypatch.setattr(train, "fit", fit)
    hyper = {"rate": 0.5, "momentum": 0.8, "input_dropout": 0.1, "dropout": 0.3}
    train.train_once(replace(JOB, seed=5), hyper, hn.load_dataset("digits"), 7)
    assert (seen["epochs"], seen["batch_size"], seen["seed"]) == (7, 50, 5)
    optimizer = seen["optimizer"]
    assert (optimizer.momentum, optimizer.schedule) == (0.8, "cosine")
    assert optimizer.learning_rate == pytest.approx(0.1)  # a constant gradient ends up with 0.1 / (1 - 0.8)
    layers = seen["net"].layers
    assert [layer.rate for layer in layers if isinstance(layer, hn.Dropout)] == [0.1, 0.3]
    assert [layer.map.seed for layer in layers if isinstance(layer, hn.HashedLinear)] == [
        hn.derive_seed(5, n) for n in (0, 1)]


def test_there_is_one_teacher_of_seed_0_for_the_students_of_a_depth_and_another_for_other_hyper_parameters(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(train, "cache_dir", lambda: tmp_path)
    taught, train_to_the_end = [], train.train_to_the_end
    monkeypatch.setattr(train, "train_to_the_end", lambda job, hyper, *rest: taught.append((job, hyper)) or
                        train_to_the_end(job, hyper, *rest))
    data, job = hn.load_dataset("digits"), replace(JOB, method="dk", seed=3)
    first = train.teacher_logits(job, train.DEFAULTS, data, 1)
    again = train.teacher_logits(replace(job, seed=4, method="hashnetdk"), train.DEFAULTS, data, 1)
    np.testing.assert_array_equal(again, first)
    other = train.teacher_logits(job, train.DEFAULTS | {"rate": 0.1}, data, 1)
    assert not np.array_equal(other, first)
    assert [(t.method, t.compression, t.expansion, t.seed, h["rate"]) for t, h in taught] == [
        ("nn", "1", None, 0, 0.5), ("nn", "1", None, 0, 0.1)]


@pytest.mark.parametrize("name", ["x_train", "y_train"])
def test_a_data_set_with_other_images_or_other_labels_has_a_teacher_of_its_own(name, monkeypatch, tmp_path):
    monkeypatch.setattr(train, "cache_dir", lambda: tmp_path)
    digits, job = hn.load_dataset("digits"), replace(JOB, method="dk")
    first = train.teacher_logits(job, train.DEFAULTS, digits, 1)
    changed = getattr(digits, name)[::-1].copy()
    second = train.teacher_logits(job, train.DEFAULTS, replace(digits, **{name: changed}), 1)
    assert not np.array_equal(first, second)


def test_at_an_expansion_the_teacher_is_the_full_network(monkeypatch):
    job = replace(JOB, method="hashnetdk", compression=None, expansion=8, hidden=50, tune=True)
    found = {search.key: search_record(search, hyper={search.method: 1.0}, epochs=3) for search in grid.needs(job)}
    asked = []
    monkeypatch.setattr(train, "teacher_logits", lambda *arguments: asked.append(arguments))
    train.teacher_for(job, train.DARK_DEFAULTS, found, hn.load_dataset("digits"))
    ((teacher, hyper, _, epochs),) = asked
    assert (teacher.hidden, hyper, epochs) == (1000, {"nn": 1.0}, 3)


def test_a_run_without_a_search_has_the_validation_error_of_the_epoch_it_chose(monkeypatch):
    asked, net = [], hn.build("nn", [64, 4, 10], compression=1)

    def train_to_the_end(job, hyper, data, epochs, teacher):
        asked.append(epochs)
        return train.Trained(net, hn.History(train_loss=[1.0], valid_error=[50.0, 10.0, 11.0, 11.5, 30.0]))

    monkeypatch.setattr(work, "train_to_the_end", train_to_the_end)
    made = work.do_run(replace(JOB, max_epochs=5), {}, hn.load_dataset("digits"))
    assert asked == [5, 4] and (made["epochs"], made["valid_error"]) == (4, 11.5)


def test_a_training_that_blows_up_begins_again_with_half_the_step_size(monkeypatch):
    rates = []

    def train_once(job, hyper, *_):
        rates.append(hyper["rate"])
        return None, hn.History(train_loss=[2.0, 4.7 if hyper["rate"] > 0.2 else 4.5], diverged=hyper["rate"] > 0.4)

    monkeypatch.setattr(train, "train_once", train_once)
    data = hn.load_dataset("digits")  # 4.61 is twice the loss of ten equal logits
    assert train.train_to_the_end(JOB, {"rate": 0.5}, data, 2).halvings == 2 and rates == [0.5, 0.25, 0.125]
    with pytest.raises(FloatingPointError, match=r"of 6, each .*, 6 blew up and 0 never got off the ground"):
        train.train_to_the_end(JOB, {"rate": 100.0}, data, 2)


def test_the_same_job_gives_the_same_record():
    first, again = (replace(work.run_job(JOB, {}, None), seconds=0.0) for _ in range(2))
    assert first == again
    assert work.run_job(replace(JOB, seed=1), {}, None).test_error != first.test_error


@pytest.mark.parametrize("method", ["dk", "hashnetdk"])
def test_dark_knowledge_uses_a_teacher_trained_on_the_same_examples_and_keeps_it(method, monkeypatch, tmp_path):
    monkeypatch.setattr(train, "cache_dir", lambda: tmp_path)
    job = replace(JOB, method=method)
    made = work.run_job(job, {}, None)
    assert isinstance(made, RunRecord) and made.hyper["temperature"] == train.DARK_DEFAULTS["temperature"]
    sizes = sorted(len(np.load(path)["logits"]) for path in tmp_path.rglob("*.npz"))
    assert sizes == [958, 1197]
    fits, fit = [], train.fit
    monkeypatch.setattr(train, "fit", lambda *args, **more: fits.append(args) or fit(*args, **more))
    assert work.run_job(job, {}, None).test_error == made.test_error
    assert len(fits) == 2  # the second time the teachers come from the cache


def test_what_goes_wrong_in_a_job_becomes_a_record():
    made = work.run_job(replace(JOB, compression="7"), {}, None)
    assert isinstance(made, FailureRecord) and "compression must be in (0, 1]" in made.error


def test_an_image_without_an_answer_is_wrong_in_the_error_and_in_the_list(monkeypatch):
    logits = np.full((600, 10), np.nan, np.float32)
    logits[:300] = np.eye(10)[hn.load_dataset("digits").y_test[:300]]
    monkeypatch.setattr(work, "predict", lambda net, x: logits)
    made = work.run_job(replace(JOB, protocol="2"), {}, None)
    assert made.test_error == 50.0 and unpack(made.wrong, 600).sum() == 300


def git(folder, *arguments):
    me = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    return subprocess.run(["git", "-C", folder, *me, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_commit_is_that_of_the_checkout_itself_and_of_no_repository_around_it(tmp_path, monkeypatch):
    unfinished.commit_of.cache_clear()
    assert unfinished.commit_of(tmp_path) is None
    git(tmp_path, "init")
    unfinished.commit_of.cache_clear()
    assert unfinished.commit_of(tmp_path) is None  # no commit yet
    git(tmp_path, "commit", "--allow-empty", "-m", "first")
    unfinished.commit_of.cache_clear()
    commit = unfinished.commit_of(tmp_path)
    assert commit == git(tmp_path, "rev-parse", "HEAD").strip() and len(commit) == 40
    (tmp_path / "site-packages").mkdir()
    assert unfinished.commit_of(tmp_path / "site-packages") is None
    unfinished.commit_of.cache_clear()
    monkeypatch.setenv("PATH", "")  # without git
    assert unfinished.commit_of(tmp_path) is None
    unfinished.commit_of.cache_clear()


def test_a_record_names_the_commit_it_was_made_with_if_there_is_one(monkeypatch):
    monkeypatch.setattr(work, "do_search", lambda *_: {
        "hyper": {}, "epochs": 1, "valid_error": 1.0, "curve": [1.0], "at_edge": False, "trial_epochs": 1,
        "rounds": []})
    for commit in ("5afa99d", None):
        monkeypatch.setattr(work, "commit_of", lambda root, commit=commit: commit)
        for job in (JOB, replace(JOB, kind="search")):
            made = work.run_job(job, {}, None)
            assert made.commit == commit
            assert record_to_json(made).get("commit", "left out") == (commit or "left out")


def test_an_interrupted_training_is_not_a_result(monkeypatch):
    monkeypatch.setattr(train, "fit", lambda *_, **__: hn.History(valid_error=[50.0], interrupted=True))
    made = work.run_job(JOB, {}, None)
    assert isinstance(made, work.Unable) and "an unfinished training" in made.reason


def test_a_diverging_run_is_a_failure(monkeypatch):
    monkeypatch.setitem(train.DEFAULTS, "rate", 1e20)
    made = work.run_job(JOB, {}, None)
    assert isinstance(made, FailureRecord) and "blew up" in made.error


def test_a_damaged_teacher_in_the_cache_is_trained_again(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "cache_dir", lambda: tmp_path)
    job, data = replace(JOB, method="dk"), hn.load_dataset("digits")
    first = train.teacher_logits(job, train.DEFAULTS, data, 1)
    (path,) = (tmp_path / "teachers").glob("*.npz")
    for content in (b"", path.read_bytes()[:-100], b"\x93NUMPY"):
        path.write_bytes(content)
        np.testing.assert_array_equal(train.teacher_logits(job, train.DEFAULTS, data, 1), first)
