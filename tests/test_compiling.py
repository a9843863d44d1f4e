"""Compiled code is kept on disk, found again, and never run for another signature than its own."""

import os
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("numba")

FUNCTION = """
import sys
import numpy as np
from hashnets_np.support.compiling import njit

@njit(cache=True, nogil=True)
def weighted(x):
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            total += x[i, j] * (10 * i + j)
    return total

x = np.arange(12, dtype=np.float32).reshape(3, 4)
layouts = {"rows": x, "columns": np.asfortranarray(x), "wide": x.astype(np.float64)}
for name in sys.argv[1:]:
    print(name, weighted(layouts[name]), sum(weighted.stats.cache_hits.values()))
"""


@pytest.fixture
def call(tmp_path):
    """Call the function in a process of its own, for some layouts; returns what it gave, and the hits in the cache."""
    (tmp_path / "weights.py").write_text(FUNCTION)

    def act(*names, **more):
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")} | more
        done = subprocess.run([sys.executable, "weights.py", *names], cwd=tmp_path, env=environment, check=True,
                              capture_output=True, text=True)
        return [(float(value), int(hits)) for _, value, hits in map(str.split, done.stdout.splitlines())]

    return act


def test_what_was_compiled_is_found_again(call, tmp_path):
    assert call("rows") == [(1094.0, 0)]
    assert len(list((tmp_path / "cache").rglob("*.nbi.lock"))) == 1  # held even where there was no folder yet
    assert call("columns", "wide") == [(1094.0, 0)] * 2
    assert call("rows", "columns", "wide") == [(1094.0, 1), (1094.0, 2), (1094.0, 3)]


def test_code_of_another_signature_is_not_run(call, tmp_path):
    """As two processes may leave it that choose the name of a file at the same moment."""
    call("rows", "columns")
    first, second = sorted((tmp_path / "cache").rglob("*.nbc"))
    shutil.copy(first, tmp_path / "kept")
    shutil.copy(second, first)
    shutil.copy(tmp_path / "kept", second)
    assert call("rows", "columns") == [(1094.0, 0)] * 2  # numba itself finds 1094 and something else
    assert call("rows", "columns") == [(1094.0, 1), (1094.0, 2)]  # and the cache is as it should be again


@pytest.mark.slow
def test_many_processes_that_compile_at_once_leave_a_right_cache(call, tmp_path):
    (tmp_path / "weights.py").write_text(FUNCTION)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    names = ["rows", "columns", "wide"]
    running = [subprocess.Popen([sys.executable, "weights.py", name], cwd=tmp_path, env=environment) for name in names]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert call(*names) == [(1094.0, 1), (1094.0, 2), (1094.0, 3)]


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_on_a_full_disk_the_code_is_compiled_and_used_all_the_same(call, tmp_path):
    full = ("import numba.core.caching as caching\nreal = caching.open if hasattr(caching, 'open') else open\n"
            "caching.open = lambda path, mode='r': real('/dev/full' if 'w' in mode else path, mode)\n"
            "import sys\nsys.argv = ['', 'rows']\nimport weights")
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-c", full], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("rows 1094.0 0\n", "")
    assert call("rows") == [(1094.0, 0)] and call("rows") == [(1094.0, 1)]


def test_without_a_compiler_the_function_itself_is_called(call):
    command = "from hashnets_np.support.compiling import njit\nprint(njit(cache=True)(lambda x: -x)(-3))"
    done = subprocess.run([sys.executable, "-c", command], env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
                          capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"


def test_every_compiled_function_of_the_package_has_the_checked_cache():
    from hashnets_np.kernels import fast_lines
    from hashnets_np.maps import fold_fast, text_fast, xxhash_fast
    from hashnets_np.support.compiling import CheckedCache

    if os.environ.get("NUMBA_DISABLE_JIT") == "1":
        pytest.skip("nothing is compiled")
    for module in (fast_lines, fold_fast, text_fast, xxhash_fast):
        dispatchers = [value for value in vars(module).values() if hasattr(value, "_cache")]
        assert dispatchers and all(type(each._cache) is CheckedCache for each in dispatchers)
