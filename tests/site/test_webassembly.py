"""The package on WebAssembly: its own tests and all golden vectors, in Pyodide under node.

There, platform integers have 32 bits, and there is no numba, no thread and no process.
"""

import importlib.util
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PURE_WHEELS = ("pytest==9.2.0", "iniconfig==2.3.1", "pluggy==1.7.0", "hypothesis==6.155.7", "sortedcontainers==2.4.0",
               "tqdm==4.70.1")
TESTS = ("tests/test_hashing.py", "tests/maps", "tests/kernels", "tests/test_layers.py", "tests/test_vectors.py",
         "tests/test_training.py", "tests/test_optim.py", "tests/test_network.py", "tests/test_files.py",
         "tests/site/test_in_a_browser.py", "hashnets_np/conformance/test_adapter.py")
STACK = 6000  # KiB: pytest's calls are deep, and each takes more room in WebAssembly than node gives by itself


@pytest.fixture(scope="module")
def runtime() -> Path:
    """The folder with Pyodide."""
    folder = Path(os.environ.get("HASHNETS_PYODIDE", ROOT.parent / "shared" / "pyodide"))
    if not (folder / "pyodide.mjs").exists():
        pytest.skip(f"Pyodide is not in {folder}; name its folder in HASHNETS_PYODIDE")
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    return folder


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> Path:
    """Pytest and what it needs, for Pyodide."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download", "--no-deps"]
    options = ["--only-binary", ":all:", "--platform", "any", "--python-version", "3.12", "--dest", folder]
    done = subprocess.run([*pip, *options, *PURE_WHEELS], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"the wheels for Pyodide cannot be downloaded: {done.stderr.strip().splitlines()[-1]}")
    return folder


def test_the_stand_in_for_xxhash_is_xxhash():
    real = pytest.importorskip("xxhash")
    spec = importlib.util.spec_from_file_location("stand_in", HERE / "stand_ins" / "xxhash.py")
    stand_in = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stand_in)
    draw = random.Random(0)
    for length in range(70):
        data = draw.randbytes(length)
        seed = draw.getrandbits(32)
        assert stand_in.xxh32(data, seed=seed).intdigest() == real.xxh32(data, seed=seed).intdigest(), length


@pytest.mark.slow
def test_the_package_passes_its_tests_and_the_golden_vectors_in_pyodide(runtime, wheels):
    command = ["node", f"--stack-size={STACK}", HERE / "pyodide_tests.mjs", runtime, wheels, ROOT, *TESTS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    last = done.stdout.rstrip().splitlines()[-1:] or ["nothing was printed"]
    print(last[0])
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = int(re.search(r"(\d+) passed", last[0])[1])
    assert passed >= 800 and "failed" not in last[0]  # 350 golden vectors and about 570 tests
