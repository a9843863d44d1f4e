"""Whole sweeps: the command, and processes that are killed or interrupted at any moment."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from small_sweeps import failure, here

from hashnets_np.__main__ import main
from hashnets_np.commands import sweep as sweep_command
from hashnets_np.experiments.sweep import drive, records

GRID = """
datasets = ["digits"]
methods = ["nn", "hashnet", "hashnetdk"]
seeds = [0, 1]
hidden = 16
tune = false
max_epochs = 2

[[grid]]
compressions = ["1/2", "1/8"]
"""


def reset_sigint():
    """Make a child heed Ctrl-C even where this process, a shell's background job, ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(grid_file, folder):
    command = [sys.executable, "-m", "hashnets_np", "sweep", str(grid_file), "--records", str(folder), "--workers", "2"]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=None if os.name == "nt" else reset_sigint,
    )


def results_of(folder):
    return {key: (r.test_error, r.stored) for key, r in records.read(folder / "runs.jsonl").items()}


def kill_many_times(tmp_path, moments, seed=0):
    """Kill a sweep with SIGKILL at random moments and let it end; return its folder, and an undisturbed one's."""
    grid_file = tmp_path / "grid.toml"
    grid_file.write_text(GRID)
    begin = time.monotonic()
    assert start(grid_file, tmp_path / "calm").wait() == 0
    whole = time.monotonic() - begin
    chance, kills = random.Random(seed), 0
    folder = tmp_path / "disturbed"
    while kills < moments:
        process = start(grid_file, folder)
        try:
            process.wait(timeout=chance.uniform(0, 1.2 * whole))
            for path in folder.glob("*"):  # it ended before the kill: begin again
                path.unlink()
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
        if (folder / "runs.jsonl").exists():
            assert all(json.loads(line) for line in (folder / "runs.jsonl").read_bytes().splitlines())
    assert start(grid_file, folder).wait() == 0
    return folder, tmp_path / "calm"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_ten_kills_at_random_moments_change_no_record(tmp_path):
    disturbed, calm = kill_many_times(tmp_path, int(os.environ.get("HASHNETS_KILLS", "10")))
    assert results_of(disturbed) == results_of(calm)
    assert len(results_of(disturbed)) == len((disturbed / "runs.jsonl").read_bytes().splitlines()) == 12


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_workers_end_with_a_sweep_that_is_killed_alone(tmp_path):
    grid_file, folder = tmp_path / "grid.toml", tmp_path / "r"
    grid_file.write_text(GRID.replace("max_epochs = 2", "max_epochs = 100000").replace('"nn", ', ""))
    process = start(grid_file, folder)
    time.sleep(4)  # by now the workers train, for hours
    process.kill()
    process.wait()
    for _ in range(100):
        try:
            os.killpg(process.pid, 0)  # nothing but a look whether anybody of its group is there
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    pytest.fail("workers are still there 10 s after their sweep was killed")


def test_the_command_lists_selects_sweeps_and_reports_what_is_left(tmp_path, capsys, monkeypatch):
    grid_file = tmp_path / "grid.toml"
    grid_file.write_text(GRID)
    monkeypatch.setattr(drive, "local_workers", lambda count: here(count))
    chosen = ["--methods", "nn", "--seeds", "0", "--sizes", "1/8"]
    command = ["sweep", str(grid_file), "--records", str(tmp_path / "r"), *chosen]
    assert main([*command, "--list"]) == 0
    assert capsys.readouterr().out == "digits nn 3 layers c=1/8 seed 0\n"
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "1 of 1 jobs of the grid done, 0 failed, 0 left" in out
    assert re.search(r"test error, % +NN\ndigits, 3 layers, 1/8 +\d+\.\d\d\n", out)
    assert main(command) == 0
    again = capsys.readouterr().out
    assert again == out.replace("1 of 1 jobs", "nothing left to do: 1 of 1 jobs")
    (done,) = records.read_all(tmp_path / "r").values()
    records.append(tmp_path / "r" / "runs.jsonl", failure(replace(done.job, seed=1)))
    assert main([*command[:-4], "--seeds", "0,1", *command[-2:]]) == 1
    assert "1 failed now or earlier; --retry tries them again" in capsys.readouterr().out
    assert main([*command, "--datasets", "mnist"]) == 2
    assert "--datasets: no job of the grid has 'mnist'; it has digits" in capsys.readouterr().err
    assert main([*command, "--workers", "0"]) == 2


def test_a_search_without_optuna_is_one_line_and_no_record(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sweep_command, "find_spec", lambda name: None)
    assert main(["sweep", "table2", "--records", str(tmp_path / "r")]) == 2
    assert "pip install optuna" in capsys.readouterr().err and not (tmp_path / "r").exists()


def test_dask_without_a_scheduler_is_one_clear_line(capsys, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(drive, "CONNECT_SECONDS", 1)
    assert main(["sweep", "quick", "--dask", "tcp://127.0.0.1:9", "--records", "nowhere"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGINT to a group")
def test_ctrl_c_ends_a_sweep_soon_and_it_goes_on_later(tmp_path):
    grid_file, folder = tmp_path / "grid.toml", tmp_path / "r"
    grid_file.write_text(GRID.replace("max_epochs = 2", "max_epochs = 30"))
    process = start(grid_file, folder)
    while not (folder / "runs.jsonl").exists():
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=30) == 130
    there = results_of(folder)
    assert 1 <= len(there) < 12
    assert start(grid_file, folder).wait() == 0
    assert len(results_of(folder)) == 12 and results_of(folder).items() >= there.items()
