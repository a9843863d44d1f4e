"""Threads that the system refuses, and a cache of compiled code that is damaged."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from types import SimpleNamespace

import numpy as np
import pytest

import hashnets_np as hn

pytest.importorskip("numba")


def big_backward():
    m = hn.SharingMap(1024, 1024, buckets=1000, seed=3)
    rng = np.random.default_rng(0)
    arrays = (rng.normal(size=n).astype(np.float32) for n in (1000, (30, 1024), (30, 1024)))
    return hn.hashed_backward(*arrays, m)


@pytest.mark.parametrize("allowed", [0, 1])
def test_a_call_needs_no_more_threads_than_its_own(monkeypatch, allowed):
    from hashnets_np.support import threads

    right = big_backward()
    threads.pool.cache_clear()
    monkeypatch.setattr(threads, "thread_count", lambda: 4)
    real_start, started = threading.Thread.start, []

    def start(thread):
        if len(started) == allowed:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        real_start(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    try:
        for ours, expected in zip(big_backward(), right, strict=True):
            np.testing.assert_array_equal(ours, expected)
        assert len(started) == allowed
    finally:
        threads.pool.cache_clear()


def test_an_error_in_a_piece_reaches_the_caller_and_the_next_call_works():
    from hashnets_np.support.threads import run_pieces

    def piece(number):
        raise ValueError(f"piece {number}")

    with pytest.raises(ValueError, match="piece"):
        run_pieces(piece, 8)
    done = []
    run_pieces(done.append, 8)
    assert sorted(done) == list(range(8))


def in_a_process_of_its_own(program):
    done = subprocess.run([sys.executable, "-c", program], env=os.environ | {"NUMBA_NUM_THREADS": "4"}, text=True,
                          capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_makes_a_pool_of_its_own():
    program = """
import os, signal
import numpy as np, hashnets_np as hn
m = hn.SharingMap(600, 600, buckets=100, seed=1)
w, a = np.ones(100, np.float32), np.ones((20, 600), np.float32)
z = hn.hashed_forward(w, a, m)
child = os.fork()
if child == 0:
    signal.alarm(20)  # a map of text takes its turn inside the kernels' turn, in a child too
    text = hn.SharingMap(600, 600, buckets=100, kind="authors2015")
    hn.hashed_forward(w, a, text)
    os._exit(0 if np.array_equal(hn.hashed_forward(w, a, m), z) else 1)
assert os.waitpid(child, 0)[1] == 0
"""
    in_a_process_of_its_own(program)


def test_first_callers_take_turns():
    program = """
import threading, time
from hashnets_np.support import threads as fast_threads
make, inside, most = threading.RLock, [], []

def slow_to_make():
    time.sleep(0.05)
    return make()

def call():
    with fast_threads.one_blas_thread():
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.02)
        inside.pop()

callers = [threading.Thread(target=call) for _ in range(4)]
threading.RLock = slow_to_make
for caller in callers:
    caller.start()
for caller in callers:
    caller.join()
print(max(most))
"""
    assert in_a_process_of_its_own(program) == "1\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_amid_a_call():
    program = """
import os, signal, threading
import numpy as np, hashnets_np as hn
from hashnets_np.support import threads as fast_threads
m, w, a = hn.SharingMap(600, 600, buckets=100, seed=1), np.ones(100, np.float32), np.ones((20, 600), np.float32)
z = hn.hashed_forward(w, a, m)
entered, leave = threading.Event(), threading.Event()

def stay():
    with fast_threads.one_blas_thread():
        entered.set()
        leave.wait()

other = threading.Thread(target=stay)
other.start()
entered.wait()
child = os.fork()
if child == 0:
    signal.alarm(20)  # a child that waits for the other thread's turn would wait for ever
    os._exit(0 if np.array_equal(hn.hashed_forward(w, a, m), z) else 1)
status = os.waitpid(child, 0)[1]
leave.set()
other.join()
assert status == 0, status
"""
    in_a_process_of_its_own(program)


@pytest.mark.parametrize(("cores", "pieces", "helpers"), [(4, 8, 3), (4, 4, 3), (4, 2, 1), (4, 1, 0), (4, 0, 0),
                                                          (1, 8, 0)])
def test_there_are_as_many_helpers_as_can_help_beside_the_caller(monkeypatch, cores, pieces, helpers):
    from hashnets_np.support import threads

    asked = []

    def submit(work):
        asked.append(work)
        done = Future()
        done.set_result(None)
        return done

    monkeypatch.setattr(threads, "thread_count", lambda: cores)
    monkeypatch.setattr(threads, "pool", lambda *_: SimpleNamespace(submit=submit))
    done = []
    threads.run_pieces(done.append, pieces)
    assert len(asked) == helpers and done == list(range(pieces))


def test_a_call_ends_when_its_helpers_have_ended_and_passes_on_their_errors(monkeypatch):
    from hashnets_np.support import threads

    monkeypatch.setattr(threads, "thread_count", lambda: 2)
    caller = threading.current_thread()
    helper_has_a_piece = threading.Event()
    ended = []

    def piece(number):
        if threading.current_thread() is caller:
            assert helper_has_a_piece.wait(60)
            return
        helper_has_a_piece.set()
        time.sleep(0.05)
        ended.append(number)
        raise ValueError("in a helper")

    with pytest.raises(ValueError, match="in a helper"):
        threads.run_pieces(piece, 2)
    assert len(ended) == 1


STEP = ("import hashnets_np as hn, numpy as np\n"
        "print(hn.hash_gather(np.ones(3, np.float32), hn.SharingMap(4, 5, buckets=3, seed=1)).shape)")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A cache of numba with what STEP compiles."""
    folder = tmp_path_factory.mktemp("compiled")
    subprocess.run([sys.executable, "-c", STEP], check=True, env=os.environ | {"NUMBA_CACHE_DIR": str(folder)})
    return folder


@pytest.mark.parametrize(("suffix", "damage"), [
    (".nbi", lambda raw: b""), (".nbi", lambda raw: raw[:100]), (".nbi", lambda raw: b"\0" * len(raw)),
    (".nbc", lambda raw: b""), (".nbc", lambda raw: raw[: len(raw) // 2]), (".nbc", lambda raw: b"\0" * len(raw)),
])
def test_a_damaged_cache_of_compiled_code_is_one_line_that_names_it(compiled, tmp_path, suffix, damage):
    shutil.copytree(compiled, tmp_path / "cache")
    for path in (tmp_path / "cache").rglob(f"*{suffix}"):
        path.write_bytes(damage(path.read_bytes()))
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-c", STEP], capture_output=True, text=True, env=environment)
    last = done.stderr.strip().splitlines()[-1:] or [""]
    assert done.returncode == 1 and last[0].startswith("OSError: the cache of numba is damaged"), done.stderr
    named = re.search(r"delete (\S+)", last[0])[1]
    assert named.startswith(str(tmp_path / "cache")) and "NUMBA_CACHE_DIR" in last[0]
