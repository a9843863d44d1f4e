"""The committed records of the campaign: each run follows from its search, and each search from today's protocol.

A protocol that changed halfway would leave records that can't be compared; these tests name them.
"""

import pytest

from hashnets_np.datasets import package_file
from hashnets_np.experiments.methods import METHODS
from hashnets_np.experiments.sweep import tune
from hashnets_np.experiments.sweep.grid import needs, read_grid, search_for
from hashnets_np.experiments.sweep.protocols import PROTOCOLS
from hashnets_np.experiments.sweep.records import read_all
from hashnets_np.experiments.sweep.schema import FailureRecord


@pytest.fixture(scope="module")
def done():
    found = read_all(package_file("records"))
    return {key: record for key, record in found.items() if not isinstance(record, FailureRecord)}


def jobs(done, kind, protocol="1"):
    return [r.job for r in done.values() if (r.job.kind, r.job.protocol) == (kind, protocol)]


def test_each_run_is_of_a_preset_and_took_what_its_search_chose(done):
    planned = {job.key for job in read_grid("all")}
    runs = jobs(done, "run")
    assert runs and {job.key for job in runs} <= planned
    for job in runs:
        search = done[search_for(job).key]
        for name in ("hyper", "epochs", "valid_error"):
            same = getattr(done[job.key], name) == getattr(search, name)
            assert same, f"{job.label()}: {name} is not that of its search"


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
