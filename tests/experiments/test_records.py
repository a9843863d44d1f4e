"""The committed records of the campaign: each run follows from its search, and each search from its protocol.

A protocol that changed halfway would leave records that can't be compared; these tests name them.
"""

from dataclasses import replace

import pytest

from hashnets_np.datasets.data_files import package_file
from hashnets_np.experiments.methods import METHODS
from hashnets_np.experiments.sweep import tune
from hashnets_np.experiments.sweep.grid import needs, read_grid, search_for, step_search_from, without_teacher
from hashnets_np.experiments.sweep.paired import unpack
from hashnets_np.experiments.sweep.protocols import PROTOCOLS
from hashnets_np.experiments.sweep.records import read_all
from hashnets_np.experiments.sweep.schema import FailureRecord


@pytest.fixture(scope="module")
def done():
    found = read_all(package_file("records"))
    return {key: record for key, record in found.items() if not isinstance(record, FailureRecord)}


def jobs(done, kind, protocol="1"):
    return [r.job for r in done.values() if (r.job.kind, r.job.protocol) == (kind, protocol)]


@pytest.mark.parametrize(("protocol", "preset"), [("1", "all"), ("2", "protocol2"), ("released", "released")])
def test_each_run_is_of_a_preset_and_took_what_its_search_chose(done, protocol, preset):
    planned = {job.key for job in read_grid(preset)}
    runs = jobs(done, "run", protocol)
    assert (runs or protocol != "1") and {job.key for job in runs} <= planned
    for job in runs if protocol != "released" else ():
        search = done[search_for(job).key]
        for name in ("hyper", "epochs", "valid_error"):
            same = getattr(done[job.key], name) == getattr(search, name)
            assert same, f"{job.label()}: {name} is not that of its search"


def test_searches_of_protocol_2_keep_its_rules(done):
    for job in jobs(done, "search", "2"):
        record = done[job.key]
        assert set(done) >= {search.key for search in needs(job)}, job.label()
        assert {len(made.trials) for made in record.rounds} == ({24} if step_search_from(job) is None else set())
        assert record.doublings is not None and record.finals, job.label()
        assert all(d.goes_on for d in record.doublings[:-1]), job.label()
        if METHODS[job.method].student:  # dark knowledge is never worse on validation than its student
            assert record.valid_error <= done[without_teacher(job).key].valid_error, job.label()


def test_runs_of_protocol_2_know_which_images_they_got_wrong(done):
    for job in jobs(done, "run", "2"):
        record = done[job.key]
        assert 100 * unpack(record.wrong, record.test_examples).mean() == pytest.approx(record.test_error), job.label()


def test_runs_of_protocol_2_that_chose_mix_0_have_the_networks_of_the_student_alone(done):
    alone = [job for job in jobs(done, "run", "2") if done[job.key].hyper.get("mix") == 0]
    assert alone
    for job in alone:
        student = done[replace(job, method=METHODS[job.method].student).key]
        assert done[job.key].wrong == student.wrong, job.label()
        assert done[job.key].train_loss == student.train_loss, job.label()


def test_each_search_made_twelve_trials_a_round_and_ended_inside_its_ranges(done):
    searches = jobs(done, "search")
    for job in searches:
        record = done[job.key]
        assert {len(made.trials) for made in record.rounds} == {PROTOCOLS["1"].trials}, job.label()
        assert not record.at_edge, job.label()
        assert set(done) >= {search.key for search in needs(job)}, job.label()


def test_each_search_began_with_the_trials_of_the_protocol(done):
    for job in jobs(done, "search"):
        first = done[job.key].rounds[0].trials
        ranges = tune.RANGES | (tune.DARK_RANGES if METHODS[job.method].student else {})
        for trial, wanted in zip(first, tune.first_trials(job, ranges, done), strict=False):
            assert trial.hyper == pytest.approx({name: wanted[name] for name in ranges}), job.label()


@pytest.mark.slow
def test_each_search_can_be_replayed_from_the_errors_that_it_recorded(done, monkeypatch):
    """Optuna asks for the same trials again: none was left out, repeated or put in by hand."""
    pytest.importorskip("optuna")
    everything = tune.RANGES | tune.DARK_RANGES
    for job in jobs(done, "search") + jobs(done, "search", "2"):
        for seed, made in enumerate(done[job.key].rounds):
            ranges = {name: replace(everything[name], low=low, high=high) for name, (low, high) in made.ranges.items()}
            errors = ([trial.valid_error] for trial in made.trials)
            monkeypatch.setattr(tune, "valid_curve", lambda *args, errors=errors: next(errors))
            again = tune.search(job, ranges, done, None, epochs=1, seed=seed)
            for trial, recorded in zip(again, made.trials, strict=True):
                assert trial.hyper == pytest.approx(recorded.hyper), job.label()
