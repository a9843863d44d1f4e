"""The bench: every contender makes the same step, and the command says what it measured."""

import contextlib
import importlib.util
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from hashnets_np import __main__ as cli
from hashnets_np.bench import measure, sums, worker
from hashnets_np.bench.contenders import ALL_CONTENDERS, KINDS, TORCH_HASHED, Cell, Dense, Hashed
from hashnets_np.bench.report import sum_table
from hashnets_np.commands import bench
from hashnets_np.kernels import hash_gather, hash_scatter_add

CELL = Cell(n_in=70, n_out=90, buckets=300, batch=6)
RECORDS = Path(__file__).parent.parent / "data" / "records" / "bench"
HERE = [n for n in ALL_CONTENDERS if importlib.util.find_spec("torch") or not n.startswith("torch")]


def as_numpy(x):
    return x.detach().numpy() if hasattr(x, "detach") else x


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("name", HERE)
def test_every_contender_makes_the_same_step(name, momentum):
    cell = CELL._replace(momentum=momentum)
    ours = ALL_CONTENDERS[name if name in KINDS else "hashed"](cell)
    other = ALL_CONTENDERS[name](cell)
    other.tables()
    a, dz, w = (as_numpy(x).copy() for x in (other.a, other.dz, other.w))
    V = w if w.ndim == 2 else hash_gather(w, ours.map)
    dV = dz.T @ a
    expected = a @ V.T, dV if w.ndim == 2 else hash_scatter_add(dV, ours.map), dz @ V
    results = [as_numpy(x).copy() for x in other.step()]
    for result, wanted in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(w - as_numpy(other.w), other.lr * expected[1], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(as_numpy(other.forward()), expected[0], rtol=0.01, atol=0.1)
    other.step()  # v = g, then v = momentum g + g
    np.testing.assert_allclose(w - as_numpy(other.w), (2 + momentum) * other.lr * expected[1], rtol=1e-3, atol=1e-6)


def test_contenders_have_the_virtual_shape_that_is_asked_for():
    assert Dense(CELL).w.shape == (90, 70)
    assert Hashed(CELL).w.shape == (300,)
    assert {"torch by hand", "torch w[idx]"} <= set(TORCH_HASHED)


def test_ratios_are_taken_within_a_round():
    times = {"hashed": [1.0, 10.0, 3.0], "dense": [2.0, 20.0, 3.0]}
    assert measure.compare(times, "dense")["hashed"]["median"] == 0.5


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_a_step_counts_what_is_allocated_and_freed():
    layer = measure.ask_once("dense", 1, "memory", Cell(1024, 1024, 10, 4))  # a fresh process, as the command has it
    assert layer["parameters"] == 2**22
    assert 0.9 * 2**22 <= layer["extra"] <= 6 * 2**22  # lr dw is a matrix


def test_parts_are_positive_nanoseconds():
    pytest.importorskip("numba")
    found = worker.Worker("hashed").parts(list(Cell(512, 512, 1000, 16)))
    assert set(found) >= {"hash and bucket", "gather", "scatter-add", "matmul z", "matmul dV", "matmul da"}
    assert found["hash and bucket"] > 0 and found["matmul z"] > 0


def test_the_page_of_the_bench_has_the_recorded_errors_of_the_sums():
    cells = json.loads((RECORDS / "sums.json").read_text())["sums"]
    text = (RECORDS / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\d,]+) \| (\d\.\de-\d\d, .*) \| (.*) \|$", text, re.M)
    assert [list(row) for row in rows] == [re.split("  +", line.strip()) for line in sum_table(cells).splitlines()[1:]]


@pytest.mark.parametrize("one_sign", [False, True])
def test_our_sums_keep_more_digits_than_a_running_sum(one_sign):
    found = sums.sum_errors(2**17, one_sign)
    assert 0 < found["ours"] < 1e-6 < found["running"]


@pytest.mark.slow
def test_the_command_prints_tables_and_writes_json_and_a_figure(tmp_path, capsys):
    pytest.importorskip("numba")
    arguments = "bench steps parts sizes sums --layers 30x20 --batches 1 4 --compressions 1/8 --threads 1 --rounds 2"
    more = ["--seconds", "0.001", "--largest", "20", "--no-torch", "--json", tmp_path / "b.json", "--figures", tmp_path]
    assert cli.main([*arguments.split(), *map(str, more)]) == 0
    out = capsys.readouterr().out
    assert "30->20" in out and "hash and bucket" in out and "2**20" in out and "addends per bucket" in out
    results = json.loads((tmp_path / "b.json").read_text())
    assert [cell["batch"] for cell in results["steps"]] == [1, 4]
    for cell in results["steps"]:
        assert set(cell["step"]) == {"hashed", "dense", "dense in place"}
        assert all(len(times) == 2 and min(times) > 0 for times in cell["step"].values())
    assert {cell["contender"] for cell in results["sizes"]} == {"hashed", "dense"}
    assert (tmp_path / "bench.png").stat().st_size > 10_000


@pytest.mark.parametrize("parts", [[], ["sizes"], ["steps", "sizes"]])
def test_a_folder_of_figures_that_is_not_writable_is_rejected_first(tmp_path, capsys, monkeypatch, parts):
    begun = []
    monkeypatch.setattr(bench, "machine", lambda: begun.append("bench"))
    (tmp_path / "file").write_text("of mine")
    assert cli.main(["bench", *parts, "--figures", str(tmp_path / "file")]) == 2
    error = capsys.readouterr().err
    assert begun == [] and f"cannot write into {tmp_path / 'file'}" in error and error.count("\n") == 1
    assert (tmp_path / "file").read_text() == "of mine"


def test_no_folder_is_made_where_no_figure_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "MEASUREMENTS", {"steps": lambda args: iter(())})
    monkeypatch.setattr(bench, "TABLES", {"steps": lambda args, cells: ""})
    assert cli.main(["bench", "steps", "--figures", str(tmp_path / "figures")]) == 0
    assert not list(tmp_path.iterdir())


def test_an_interrupted_write_leaves_the_measurements_of_before(tmp_path, monkeypatch):
    pytest.importorskip("numba")
    path = tmp_path / "b.json"
    path.write_text("of before")
    monkeypatch.setattr("os.replace", lambda *paths: (_ for _ in ()).throw(KeyboardInterrupt))
    arguments = "bench parts --layers 30x20 --batches 4 --compressions 1/8 --threads 1 --no-torch --json"
    with contextlib.suppress(KeyboardInterrupt):
        cli.main([*arguments.split(), str(path)])
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("b.json", "of before")]


@pytest.mark.parametrize(
    "argv",
    [["speed"], ["--layers", "30"], ["--layers", "0x5"], ["--batches", 0], ["--compressions", "2"], ["--rounds", 0],
     ["--threads", 0], ["--seconds", 0], ["--largest", 5], ["--momentum", 1], ["--json", "/nowhere/b.json"]],
)  # fmt: skip
def test_bad_arguments_get_one_line(capsys, argv):
    try:
        code = cli.main(["bench", *map(str, argv)])
    except SystemExit as stop:
        code = stop.code
    output = capsys.readouterr()
    assert code == 2
    assert (output.out + output.err).count("\n") == 1


def test_a_contender_that_dies_is_one_clear_error(monkeypatch):
    with measure.processes(["dense"], 1) as running, pytest.raises(OSError, match="'dense' ended"):
        running["dense"].ask("no-such-request")
