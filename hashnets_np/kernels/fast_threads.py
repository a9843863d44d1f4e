"""All cores, same bits: work cut into pieces that depend on the sizes only, done by a pool of threads.

Each thread takes the next piece until none is left; NumPy and the kernels let go of the interpreter's lock meanwhile.
BLAS gets one thread per piece: its results change with its number of threads, and its idle threads spin. Left out:
processes, and any kind of nested parallelism.
"""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

import numba
import numpy as np
from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_inside = 0
_limits: Any = None


def thread_count() -> int:
    """Count the threads to use: NUMBA_NUM_THREADS, or as many as there are cores that this process may run on."""
    return numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]  # made by numba from the environment


@cache
def thread_pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Make the pool, once per process: a forked child has its parent's pool, but not its threads."""
    return ThreadPoolExecutor(threads, thread_name_prefix="hashnets_np")


@cache
def blas() -> ThreadpoolController:
    """Find the BLAS library that NumPy has loaded."""
    return ThreadpoolController().select(user_api="blas")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread until the last of all callers is out: the limit is one for the whole process."""
    global _inside, _limits
    with _lock:
        if _inside == 0:
            _limits = blas().limit(limits=1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limits.restore_original_limits()


def run(piece: Callable[[int], object], pieces: int) -> None:
    """Call piece(0) to piece(pieces - 1), in any order and several at a time; they must write to different places."""
    threads = min(thread_count(), pieces)
    numbers = iter(range(pieces))
    taking = threading.Lock()

    def take() -> int | None:
        with taking:
            return next(numbers, None)

    def work() -> None:
        with np.errstate(over="ignore"):  # for NUMBA_DISABLE_JIT=1, where NumPy warns of what uint32 is to do: wrap
            while (number := take()) is not None:
                piece(number)

    with one_blas_thread():
        helpers = [thread_pool(thread_count(), os.getpid()).submit(work) for _ in range(threads - 1)]
        work()
        for helper in helpers:
            if not helper.cancel():  # not started yet: another caller keeps the pool busy, and nothing is left to do
                helper.result()
