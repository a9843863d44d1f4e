"""Threads that the system refuses, and a cache of compiled code that is damaged."""

import os
import re
import shutil
import subprocess
import sys
import threading

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
