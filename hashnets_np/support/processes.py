"""Worker processes and Ctrl-C: it belongs to the process that hands out the work, which stops its workers itself.

A terminal sends Ctrl-C to all processes at once. A worker that took it as its own would show a traceback, or die with a
lock of the pool in its hands, and then the pool would wait for ever.
"""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from threading import Thread

HOLDS_BACK = hasattr(signal, "pthread_sigmask")  # not on Windows


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Hold back Ctrl-C while processes start: they inherit this, until `begin_work` makes them ignore it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if HOLDS_BACK else set()
    try:
        yield
    finally:
        if HOLDS_BACK:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin_work() -> None:
    """Begin as a worker: end with the process that hands out the work, and leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if HOLDS_BACK:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    end_with_parent()


def end_with_parent() -> None:
    """Let a thread of a worker wait for the end of its parent process: killed, that can't tell its workers."""
    def wait_for_end() -> None:
        if parent := multiprocessing.parent_process():
            parent.join()
            os._exit(1)

    Thread(target=wait_for_end, daemon=True).start()


def stop(executor: Executor) -> None:
    """Release all workers; local processes end at once, in the middle of their job.

    Their jobs are not cancelled before: an executor whose processes have ended fails them itself, and stumbles over
    those that are cancelled. Dask's executor cancels them itself.
    """
    for process in list((getattr(executor, "_processes", None) or {}).values()):
        process.terminate()
    executor.shutdown(wait=False)
