"""The demo's workers: their turns, one thread each, no trace in this process; and a training that comes to nothing."""

import os
from concurrent.futures import Future

import pytest

from hashnets_np.commands import demo
from hashnets_np.experiments.sweep.drive import ONE_THREAD


class Pool:
    """A pool that does nothing, and notes the plans, and the threads that a process would be told of."""

    plans = []  # noqa: RUF012
    told = []  # noqa: RUF012

    def __init__(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, function, plan):
        self.plans.append(plan)
        self.told.append({name: os.environ.get(name) for name in ONE_THREAD})
        future = Future()
        future.set_result(plan)
        return future


@pytest.fixture(autouse=True)
def pool(monkeypatch):
    """Put it in the place of the processes, with nothing noted yet."""
    monkeypatch.setattr(demo, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(Pool, "plans", [])
    monkeypatch.setattr(Pool, "told", [])


def test_the_methods_of_the_demo_take_turns():
    demo.train_all(seeds=2, epochs=1, workers=1)
    plans = Pool.plans
    assert [run.method for run in plans[:4]] == ["nn", "hashnet"] * 2 and len(set(plans)) == len(plans) == 112


def test_the_workers_of_the_demo_are_told_of_one_thread_and_this_process_is_left_alone(monkeypatch):
    for name in ONE_THREAD:
        monkeypatch.setenv(name, "3")
    demo.train_all(seeds=1, epochs=1, workers=1)
    assert Pool.told and all(each == ONE_THREAD for each in Pool.told)
    assert {os.environ[name] for name in ONE_THREAD} == {"3"}


def test_a_training_that_diverges_at_once_is_one_clear_line():
    with pytest.raises(ValueError, match=r"hashnet at compression 1/8 with learning rate .* diverged in its first ep"):
        demo.train_one(demo.Run("hashnet", "1/8", 1e20, 0, 2))
