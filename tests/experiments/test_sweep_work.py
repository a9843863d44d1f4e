"""One job: what is trained on which examples, with which seeds and teacher, and what becomes its record."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_sweeps import HYPER, JOB, here, search_record

import hashnets_np as hn
from hashnets_np.datasets.data_files import package_file
from hashnets_np.experiments.sweep import code_version, drive, grid, records, train, tune, unfinished, work
from hashnets_np.experiments.sweep.paired import unpack
from hashnets_np.experiments.sweep.protocols import PROTOCOLS
from hashnets_np.experiments.sweep.schema import FailureRecord, RunRecord, record_to_json

RESULTS_OF_A_SEARCH = {"hyper": HYPER, "epochs": 1, "valid_error": 1.0, "curve": [1.0], "at_edge": False,
                       "trial_epochs": 1, "rounds": []}


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
    found = {search.key: search_record(search, epochs=3) for search in grid.needs(job)}
    its_own = found[grid.teacher_search(job).key].hyper
    asked = []
    monkeypatch.setattr(train, "teacher_logits", lambda *arguments: asked.append(arguments))
    train.teacher_for(job, train.DARK_DEFAULTS, found, hn.load_dataset("digits"))
    ((teacher, hyper, _, epochs),) = asked
    assert (teacher.hidden, epochs) == (1000, 3) and hyper is its_own


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


@pytest.mark.parametrize("protocol", ["1", "2", "ablations"])
def test_a_search_is_given_no_test_set_and_all_other_examples(monkeypatch, protocol):
    given = []

    def do_search(job, found, data):
        given.append(data)
        raise MemoryError

    monkeypatch.setattr(work, "do_search", do_search)
    work.run_job(replace(JOB, kind="search", tune=True, protocol=protocol), {}, None)
    (data,) = given
    digits = hn.load_dataset("digits")
    assert (len(data.x_test), len(data.y_test)) == (0, 0)
    assert (len(data.x_train), len(data.x_valid)) == (len(digits.x_train), len(digits.x_valid))


def kept_by(folder):
    return list((folder / "unfinished").rglob("*.npz"))


def test_a_search_keeps_its_trainings_until_a_later_job_has_its_record(monkeypatch, tmp_path):
    monkeypatch.setattr(unfinished, "cache_dir", lambda: tmp_path)
    run = replace(JOB, tune=True)
    search = grid.search_for(run)
    data = hn.load_dataset("digits")

    def do_search(job, found, data):
        tune.train_in_full(job, train.DEFAULTS, found, data, 1)
        return RESULTS_OF_A_SEARCH

    monkeypatch.setattr(work, "do_search", do_search)
    made = work.run_job(search, {}, None)
    other = replace(search, method="nn")
    work.run_job(other, {}, None)
    assert len(kept_by(tmp_path)) == 2  # a full disk may still prevent that it is recorded
    assert isinstance(work.run_job(run, {search.key: made}, None), RunRecord)
    (left,) = kept_by(tmp_path)  # that of the other search, which has no record yet
    assert left.parent == unfinished.folder_of(other, data)


def test_a_disk_that_is_full_when_a_search_ends_loses_none_of_its_trainings(monkeypatch, tmp_path):
    pytest.importorskip("optuna", reason="optuna is not installed: it is in the extra [tune]")
    monkeypatch.setenv("HASHNETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(PROTOCOLS, "1", replace(PROTOCOLS["1"], trials=3))
    monkeypatch.setattr(tune, "ROUNDS", 1)
    trained, train_once = [], tune.train_once
    monkeypatch.setattr(tune, "train_once", lambda *arguments: trained.append(1) or train_once(*arguments))
    write_line, job = records.write_line, replace(JOB, tune=True)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records, "write_line", full)
    with pytest.raises(OSError, match="No space left"):
        drive.sweep([job], tmp_path, here())
    assert trained
    trained.clear()
    monkeypatch.setattr(records, "write_line", write_line)
    assert drive.sweep([job], tmp_path, here())["done"] == 2 and trained == []
    assert kept_by(tmp_path / "cache") == []


ASK = """
from dataclasses import replace
import hashnets_np as hn
from hashnets_np.experiments.sweep import train, unfinished
from hashnets_np.experiments.sweep.grid import Job
job = Job("run", "digits", "hashnet", 3, "1/8", None, 0, hidden=20, tune=False, max_epochs=2)
data = hn.load_dataset("digits")
print(train.teacher_logits(replace(job, method="dk"), train.DEFAULTS, data, 1).sum())
curve = unfinished.kept_curve(job, {}, data, {}, 1, 1.0, lambda: print("trained") or [1.0])
"""


@pytest.fixture
def answers_of_a_copy(tmp_path):
    """Copy the package, and ask what the copy's caches answer now."""
    package = Path(hn.__file__).parent
    copy = tmp_path / "checkout" / "hashnets_np"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__", "data"))
    (copy.parent / "data").mkdir()
    shutil.copy(package_file("digits.csv.gz"), copy.parent / "data")
    environment = os.environ | {"HASHNETS_CACHE": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}

    def answers():
        done = subprocess.run([sys.executable, "-c", ASK], cwd=copy.parent, env=environment, capture_output=True,
                              text=True, check=True)
        return done.stdout.split()

    return copy, answers


def test_with_other_training_code_nothing_is_taken_from_the_cache(answers_of_a_copy):
    copy, answers = answers_of_a_copy
    logits, trained = answers()
    assert trained == "trained" and answers() == [logits]
    path = copy / "experiments" / "sweep" / "train.py"
    path.write_text(path.read_text().replace("BATCH_SIZE = 50", "BATCH_SIZE = 25"))  # nothing is committed
    changed, trained = answers()
    assert trained == "trained" and changed != logits


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_commit_that_leaves_the_code_alone_throws_nothing_away(answers_of_a_copy):
    copy, answers = answers_of_a_copy
    git(copy.parent, "init")
    git(copy.parent, "commit", "--allow-empty", "-m", "first")
    logits, trained = answers()
    (copy.parent / "records.jsonl").write_text("{}")
    git(copy.parent, "add", "records.jsonl")
    git(copy.parent, "commit", "-m", "records")
    assert trained == "trained" and answers() == [logits]


def git(folder, *arguments):
    me = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    return subprocess.run(["git", "-C", folder, *me, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_commit_is_that_of_the_checkout_itself_and_of_no_repository_around_it(tmp_path, monkeypatch):
    code_version.commit_of.cache_clear()
    assert code_version.commit_of(tmp_path) is None
    git(tmp_path, "init")
    code_version.commit_of.cache_clear()
    assert code_version.commit_of(tmp_path) is None  # no commit yet
    git(tmp_path, "commit", "--allow-empty", "-m", "first")
    code_version.commit_of.cache_clear()
    commit = code_version.commit_of(tmp_path)
    assert commit == git(tmp_path, "rev-parse", "HEAD").strip() and len(commit) == 40
    (tmp_path / "site-packages").mkdir()
    assert code_version.commit_of(tmp_path / "site-packages") is None
    code_version.commit_of.cache_clear()
    monkeypatch.setenv("PATH", "")  # without git
    assert code_version.commit_of(tmp_path) is None
    code_version.commit_of.cache_clear()


def test_a_record_names_the_commit_it_was_made_with_if_there_is_one(monkeypatch):
    monkeypatch.setattr(work, "do_search", lambda *_: RESULTS_OF_A_SEARCH)
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
