"""README and CONTRIBUTING are true: what they show is run, and what they promise is there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def run(code, folder, typed="", **environment):
    """Run Python code in a process of its own, in a folder, with this checkout's package."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run([sys.executable, "-c", code], input=typed, cwd=folder, env=environment, capture_output=True,
                          text=True)


def section(page, heading):
    """The text below a heading, up to the next of its level."""
    level, _ = heading.split(" ", 1)
    return page.split(f"{heading}\n")[1].split(f"\n{level} ")[0]


def code_of(page, heading):
    return re.findall(r"```python\n(.*?)```", section(page, heading), re.S)


def test_the_lines_for_your_own_data_run(tmp_path):
    (code,) = code_of(README, "## Your own data")
    data = "import hashnets_np as hn\nd = hn.load_dataset('digits')\nx, y = d.x_train, d.y_train\n"
    done = run(data + code + "print(history.valid_error[-1] < 30, (labels == y).mean() > 0.8)", tmp_path)
    assert done.stdout == "True True\n", done.stderr
    assert (tmp_path / "mine.safetensors").exists()


@pytest.mark.parametrize("equation", range(1, 13))
def test_the_five_files_have_the_line_of_each_equation(equation):
    text = section(README, "## Read the source: five files, thirty minutes")
    files = re.findall(r"^\d\. \[`.*?`\]\((.*?)\)", text, re.M)
    assert len(files) == 5
    lines = [line for file in files for line in (ROOT / file).read_text().splitlines()]
    marked = [line for line in lines if re.search(rf"#.*\bEq\. {equation}\b", line)]
    assert marked, f"no line of code is marked Eq. {equation}"


def test_stepping_through_the_kernels_shows_what_the_readme_says(tmp_path):
    code = code_of(README, "## Read the source: five files, thirty minutes")[0]
    typed = "b plain.hashed_forward\nc\n" + 4 * "n\n" + "p V\npp m.derivation(2, 1)\nq\n"
    done = run(code, tmp_path, typed, HASHNETS_KERNELS="numpy")
    assert "# Eq. 8" in done.stdout and "-0.5,  3.2, -3.2,  1.1" in done.stdout and "hash    0xf14bd5d5" in done.stdout
    pytest.importorskip("numba")
    done = run(code, tmp_path, "b xxhash_fast.xxhash_line\nc\nargs\nq\n", NUMBA_DISABLE_JIT="1")
    assert "outer = array(" in done.stdout and "numbers = XxhashNumbers(" in done.stdout, done.stdout


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 200


def test_the_recipe_for_a_kind_of_map_works(tmp_path):
    pytest.importorskip("xxhash", reason="the specification in plain Python needs it")
    code, specification = code_of(CONTRIBUTING, "### A new kind of sharing map")
    code = code.replace("from ..hashing", "from hashnets_np.hashing").replace("from .", "from hashnets_np.maps.")
    method = specification[specification.index("    def diagonal") :]
    use = f"""
import doctest, sys
import hashnets_np as hn
print(doctest.testmod().attempted, hn.HashedLinear(4, 3, '1/2', kind='diagonal', seed=1).map.loads())
sys.path.insert(0, {str(ROOT / "data" / "vectors")!r})
from specification import Right
class Specification(Right):
{method}
m = hn.SharingMap(5, 4, buckets=3, seed=7, kind="diagonal")
expected = [[Specification().diagonal({{"buckets": 3, "seed": 7}}, i, j) for j in range(4)] for i in range(5)]
bucket, sign = m.table()
print(expected == [[(int(bucket[i, j]), int(sign[i, j])) for j in range(4)] for i in range(5)])
"""
    # the loads: entries of a 3 x 5 matrix with i + j = 0, 1, ...
    assert run(code + use, tmp_path).stdout == "2 [1 2 3 3 3 2 1 0]\nTrue\n"


def test_the_recipe_for_a_layer_of_ones_own_works(tmp_path):
    (code,) = code_of(CONTRIBUTING, "### A layer of your own that can be built, swept and saved")
    head = ("import numpy as np\nimport hashnets_np as hn\n"
            "from hashnets_np.experiments.methods import Method, register_method\n")
    use = ("net = hn.build('load-scaled', [64, 10, 10], compression='1/4')\nhn.save(net, 'net.safetensors')\n"
           "print(type(hn.load('net.safetensors').layers[0]).__name__)")
    done = run(head + code + use, tmp_path)
    assert done.stdout == "LoadScaledLinear\n", done.stderr
