"""Someone with only SPEC.md and vectors.json can write a layer in another language: hashed_layer.c is one."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "hashed_layer.c"
VECTORS = Path(__file__).parent.parent / "data" / "vectors" / "vectors.json"
COMPILER = shutil.which("cc")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler `cc` on this machine")


def compile_and_run(source: str, folder: Path, vectors: Path = VECTORS) -> subprocess.CompletedProcess:
    (folder / "layer.c").write_text(source)
    flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    subprocess.run([str(COMPILER), *flags, "-o", "layer", "layer.c", "-lm"], cwd=folder, check=True)
    return subprocess.run([folder / "layer", vectors], capture_output=True, text=True)


def test_it_passes_all_topics_but_the_training_loop(tmp_path):
    run = compile_and_run(SOURCE.read_text(), tmp_path)
    assert run.returncode == 0, run.stdout
    counts = re.findall(r"(\S+) +\S+ +(\d+) hold, 0 fail, (\d+) not covered", run.stdout)
    assert {topic for topic, _, left in counts if left != "0"} == {"sgd"}
    groups = json.loads(VECTORS.read_text())["groups"]
    assert len(counts) == len(groups) and {"fold", "chunk", "tile", "sequences"} <= {topic for topic, *_ in counts}


def test_it_includes_nothing_but_the_standard_library():
    headers = re.findall(r"#include (.*)", SOURCE.read_text())
    standard = {"<math.h>", "<setjmp.h>", "<stdint.h>", "<stdio.h>", "<stdlib.h>", "<string.h>"}
    assert set(headers) == standard


@pytest.mark.parametrize(("right", "wrong", "topic"), [
    ("return (x >> 1) % m->buckets;", "return x % m->buckets;", "bucket-sign"),
    ("dw.x[k] += g * sign;", "dw.x[k] = g * sign;", "scatter-add"),
    ("rotate(v[2], 12)", "rotate(v[2], 13)", "text-hash"),
    ("wide K = (top * n + bottom - 1) / bottom;", "wide K = top * n / bottom;", "bucket-count"),
    ("hash((uint32_t)(q >> 32), (uint32_t)q, m->seed) >> 1", "hash((uint32_t)(q >> 32), (uint32_t)q, m->seed)", "fold"),
    ("j % m->size) % K", "0 * j) % K", "chunk"),
    ("(uint64_t)(i % height) * m->size + j % m->size", "(uint64_t)(i % height) + j % m->size * m->size", "tile"),
    ("*v = make(1, 1, w->cols);", "*v = copy(*w);", "sequences"),
    ("derive(seed, (uint32_t)size)", "derive(seed, 0)", "two-layers"),
])
def test_the_vectors_catch_a_slip_in_it(right, wrong, topic, tmp_path):
    source = SOURCE.read_text()
    assert source.count(right) == 1
    vectors = json.loads(VECTORS.read_text())
    vectors["groups"] = [group for group in vectors["groups"] if group["topic"] == topic]
    (tmp_path / "one_topic.json").write_text(json.dumps(vectors))
    run = compile_and_run(source.replace(right, wrong), tmp_path, tmp_path / "one_topic.json")
    assert run.returncode == 1 and f"FAIL {topic}-" in run.stdout
