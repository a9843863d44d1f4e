"""Worker processes: Ctrl-C is left to the process that hands out the work, and nobody is left behind."""

import os
import signal
import subprocess
import sys
import time

import pytest

from hashnets_np.support import processes

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")

WORKER = """
import signal
from hashnets_np.support.processes import begin_work


signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
begin_work()
print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN, signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""
FAMILY = """
import multiprocessing, time
from hashnets_np.support.processes import begin_work

def work():
    begin_work()
    print("at work", flush=True)
    time.sleep(30)

if __name__ == "__main__":
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    time.sleep(600)
"""


def interrupts_are_blocked():
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_ctrl_c_waits_while_processes_start_and_arrives_afterwards():
    reached = []
    with pytest.raises(KeyboardInterrupt):
        with processes.interrupts_held_back():
            assert interrupts_are_blocked()
            signal.raise_signal(signal.SIGINT)
            reached.append("the end of the block")
    assert reached and not interrupts_are_blocked()


def test_an_error_while_processes_start_gives_ctrl_c_back_too():
    with pytest.raises(ZeroDivisionError), processes.interrupts_held_back():
        1 / 0  # noqa: B018
    assert not interrupts_are_blocked()


def test_a_worker_ignores_ctrl_c_and_its_waiting_thread_does_not_keep_it_alive():
    done = subprocess.run([sys.executable, "-c", WORKER], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_a_worker_ends_with_the_process_that_started_it():
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout.readline() == "at work\n"
        parent.kill()
        begin = time.monotonic()
        assert parent.stdout.read() == ""  # the worker holds the other end of this pipe for as long as it lives
    assert time.monotonic() - begin < 15


class Recorded:
    """Notes what it is told."""

    def __init__(self):
        self.told = []

    def terminate(self):
        self.told.append("terminate")

    def shutdown(self, wait):
        self.told.append(("shutdown", wait))


@pytest.mark.parametrize("known", [{"_processes": 2}, {"_processes": 0}, {"_processes": None}, {}])
def test_local_workers_end_at_once_and_others_are_released(known):
    """A pool that never started a process holds None, and Dask's executor has no such attribute."""
    executor = Recorded()
    workers = []
    for name, count in known.items():
        workers = [Recorded() for _ in range(count or 0)]
        setattr(executor, name, None if count is None else dict(enumerate(workers)))
    processes.stop(executor)
    assert all(worker.told == ["terminate"] for worker in workers)
    assert executor.told == [("shutdown", False)]
