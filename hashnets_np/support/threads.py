"""All cores, same bits: work cut into pieces that depend on the sizes only, done by a pool of threads.

Each thread takes the next piece until none is left; NumPy and the kernels release the interpreter's lock meanwhile.
BLAS gets one thread per piece: its results change with its number of threads, and its idle threads spin. That limit
holds for the whole process, so calls from several Python threads take turns; each has all cores.
"""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache

import numba
import numpy as np
from threadpoolctl import ThreadpoolController

from .backend import naming_a_damaged_cache


def thread_count() -> int:
    """Count the threads to use: NUMBA_NUM_THREADS, or as many as there are cores that this process may run on."""
    return numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]  # made by numba from the environment


def new_turn() -> None:
    """Make the lock of this process: a forked child must not wait for its parent's (test_a_fork_amid_a_call).

    The lock is re-entrant: maps of text take their turn inside the kernels' turn.
    """
    global turn
    turn = threading.RLock()


turn = threading.RLock()  # now: at a first call, two callers would make two (test_first_callers_take_turns)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=new_turn)


@cache
def pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Make the pool of a process: a forked child has a copy of its parent's, but not the threads."""
    return ThreadPoolExecutor(threads, thread_name_prefix="hashnets_np")


@cache
def blas() -> ThreadpoolController:
    """Find the BLAS library that NumPy has loaded."""
    return ThreadpoolController().select(user_api="blas")


@cache
def openmp_blas() -> ThreadpoolController:
    """Find the BLAS library if it uses OpenMP: there a limit holds only for the thread that sets it, not for all."""
    return blas().select(threading_layer="openmp")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Wait for this caller's turn and limit BLAS to one thread; the thread that sets the limit also takes it back."""
    with turn, blas().limit(limits=1):
        yield


def run_pieces(piece: Callable[[int], object], pieces: int) -> None:
    """Call piece(0) to piece(pieces - 1), in any order and several at a time; they must write to different places.

    The caller's thread works too, so it does not matter if the system refuses to start helpers.
    """
    numbers = iter(range(pieces))
    taking = threading.Lock()

    def take() -> int | None:
        with taking:
            return next(numbers, None)

    def work() -> None:
        with np.errstate(over="ignore"):  # for NUMBA_DISABLE_JIT=1, where NumPy warns of what uint32 is to do: wrap
            while (number := take()) is not None:
                piece(number)

    def help_out() -> None:
        with openmp_blas().limit(limits=1):  # usually nothing to do: a needless limit costs 0.1 ms for each helper
            work()

    threads = min(thread_count(), pieces)
    with one_blas_thread(), naming_a_damaged_cache():
        helpers = []
        try:
            with suppress(RuntimeError):  # "can't start new thread", in a container that allows few
                for _ in range(threads - 1):
                    helpers.append(pool(thread_count(), os.getpid()).submit(help_out))
            work()
        finally:
            for helper in helpers:
                helper.result()
