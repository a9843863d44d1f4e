"""The page on ways out of Python, its forty lines of C, and the example for a microcontroller are true."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np.export import quantize
from hashnets_np.export.c_program import Program

ROOT = Path(__file__).parents[2]
FORTY_LINES = (ROOT / "docs" / "ways-out-c.md").read_text()
PAGE = (ROOT / "docs" / "ways-out.md").read_text()
EXAMPLE = ROOT / "examples" / "mcu"
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsanitize=address,undefined"]


@pytest.fixture(params=["gcc", "clang"])
def compiler(request) -> str:
    if not shutil.which(request.param):
        pytest.skip(f"no {request.param} on this machine")
    return request.param


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.M | re.S)


def test_the_forty_lines_of_c_print_what_the_page_says(compiler, tmp_path):
    (program,) = blocks(FORTY_LINES, "c")
    assert len(program.splitlines()) <= 41
    (tmp_path / "layer.c").write_text(program)
    subprocess.run([compiler, *STRICT, "layer.c", "-o", "layer"], cwd=tmp_path, check=True)
    printed = subprocess.run([tmp_path / "layer"], capture_output=True, text=True, check=True).stdout
    assert [printed] == blocks(FORTY_LINES, "text")


def test_the_python_beside_it_prints_the_same(capsys):
    (code,) = blocks(FORTY_LINES, "python")
    exec(code, {})
    assert [capsys.readouterr().out] == blocks(FORTY_LINES, "text")


@pytest.mark.slow
@pytest.mark.parametrize("needed", ["", "onnx", "sklearn", "torch", "jax"])
def test_the_examples_of_the_page_run(needed, tmp_path, monkeypatch):
    """Each goes on with the first; those that need a package run where it is installed."""
    if needed:
        pytest.importorskip(needed, reason=f"{needed} is not installed")
    monkeypatch.chdir(tmp_path)
    words = {"": "export_c(net", "onnx": "export_onnx", "sklearn": "hashnets_np.sklearn", "torch": "hashnets_np.torch",
             "jax": "hashnets_np.jax"}
    first, *others = blocks(PAGE, "python")
    (example,) = [code for code in others if words[needed] in code]
    names: dict = {}
    exec(first, names)
    exec(example, names)
    assert len(list(tmp_path.iterdir())) > 1  # the model file, and what the example wrote


@pytest.mark.slow
def test_a_byte_for_each_weight_costs_what_the_page_says():
    low, high = map(float, re.search(r"by (-[\d.]+) to \+([\d.]+) points", PAGE).groups())
    data = hn.load_dataset("digits")
    changes = []
    for seed in range(10):
        net = hn.build("hashnet", [64, 100, 10], compression="1/8", seed=seed)
        hn.fit(net, data, epochs=20, optimizer=hn.SGD(0.05), seed=seed)
        exact, rounded = (hn.error_rate(hn.predict(each, data.x_test), data.y_test) for each in (net, quantize(net)))
        changes.append(rounded - exact)
    assert (round(min(changes), 1), round(max(changes), 1)) == (low, high)


@pytest.mark.parametrize("bias", ["column", "hashed", "dense"])
@pytest.mark.parametrize("kind", ["xxhash", "fold", "chunk", "tile"])
def test_an_onnx_file_is_as_small_as_the_page_says_with_as_many_layers(kind, bias, tmp_path):
    claim = r"With up to (\d+) hashed layers .* at most (\d+) KiB larger than the real\s"
    layers, kilobytes = re.search(claim, PAGE).groups()
    pytest.importorskip("onnx", reason="the package onnx is not installed; make check-exports installs it")
    net = hn.Network([hn.HashedLinear(8, 8, "1/2", seed=2**32 - 1 - n, kind=kind, bias=bias)
                      for n in range(int(layers))])
    made = hn.export_onnx(net, tmp_path / "net.onnx")
    assert made.size <= 4 * net.num_parameters() + 1024 * int(kilobytes)


def test_the_example_compiles_passes_its_self_test_and_reads_digits(compiler, tmp_path):
    shutil.copy(EXAMPLE / "digits.c", tmp_path)
    shutil.copy(EXAMPLE / "digits.h", tmp_path)
    subprocess.run([compiler, *STRICT, "-DDIGITS_MAIN", "digits.c", "-o", "digits"], cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "digits", "test"], check=True)
    data = hn.load_dataset("digits")
    text = "\n".join(" ".join(f"{v:.9g}" for v in row) for row in data.x_test)
    done = subprocess.run([tmp_path / "digits"], input=text, capture_output=True, text=True, check=True)
    classes = np.array([int(row.split()[0]) for row in done.stdout.splitlines()])
    assert 100 * np.mean(classes != data.y_test) < 10


def test_the_example_is_what_the_exporter_writes_today():
    source = (EXAMPLE / "digits.c").read_text()
    program = Program("int8", 64)
    for piece, kind in (("map_fold", ""), ("hashed_layer", "fold"), ("relu", "")):
        program.add_piece(piece, kind)
    for text in program.pieces.values():
        assert text in source
    stored = re.findall(r"static const weight_t w\d\[(\d+)\]", source)
    assert sum(map(int, stored)) == 1000  # below 4 KiB, as README.md says
