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
from small_sweeps import JOB, failure, here, run_record

from hashnets_np.__main__ import main
from hashnets_np.commands import sweep as sweep_command
from hashnets_np.experiments.report.state import result_table, state_line
from hashnets_np.experiments.sweep import drive, records, work
from hashnets_np.experiments.sweep.grid import read_grid

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


@pytest.mark.slow
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
    assert capsys.readouterr() == ("digits nn 3 layers c=1/8 seed 0\n", "")
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "1 of 1 jobs of the grid done, 0 failed, 0 left" in out
    assert re.search(r"test error, % +NN\ndigits, 3 layers, 1/8 +\d+\.\d\d\n", out)
    assert main(command) == 0
    again = capsys.readouterr().out
    assert again == out.replace("1 of 1 jobs", "nothing left to do: 1 of 1 jobs")
    assert main([*command, "--list"]) == 0
    listed = capsys.readouterr()
    assert (listed.out, listed.err) == ("", again.splitlines()[-1] + "\n")
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


def test_dask_without_a_scheduler_is_one_clear_line(tmp_path, capsys, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(drive, "CONNECT_SECONDS", 1)
    assert main(["sweep", "quick", "--dask", "tcp://127.0.0.1:9", "--records", str(tmp_path)]) == 2
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


def test_a_sweep_from_stdin_says_why_it_cannot_work_and_records_nothing(tmp_path):
    code = f"""
from pathlib import Path
from hashnets_np.experiments.sweep import drive
from hashnets_np.experiments.sweep.grid import read_grid
try:
    drive.sweep(read_grid("quick")[:2], Path({str(tmp_path / "r")!r}), drive.local_workers(1))
except OSError as error:
    print("stopped:", error)
"""
    done = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("stopped: worker processes could not be started; in a script of your own, the call")
    assert done.stdout.count("\n") == 1 and not (tmp_path / "r").exists()


def test_a_script_without_a_main_guard_records_nothing(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(f"""
from pathlib import Path
from hashnets_np.experiments.sweep import drive
from hashnets_np.experiments.sweep.grid import read_grid
drive.sweep(read_grid("quick")[:2], Path({str(tmp_path / "r")!r}), drive.local_workers(1))
""")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "must be below `if __name__ ==" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "r").exists()


def cannot(reason):
    def do(job, *_):
        return work.Unable(f"{job.label()}: {reason}")
    return do


def test_a_fault_of_the_machine_stops_the_sweep_with_one_line_and_is_not_recorded(tmp_path, capsys, monkeypatch):
    grid_file, folder = tmp_path / "grid.toml", tmp_path / "r"
    grid_file.write_text(GRID)
    monkeypatch.setattr(drive, "local_workers", lambda count: here(count))
    monkeypatch.setattr(drive, "run_job", cannot("MemoryError: Unable to allocate 7.45 GiB"))
    command = ["sweep", str(grid_file), "--records", str(folder), "--methods", "nn"]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "MemoryError: Unable to allocate 7.45 GiB; every finished job is recorded, and the" in error
    assert records.read_all(folder) == {}
    monkeypatch.setattr(drive, "run_job", work.run_job)
    assert main(command) == 0 and "4 of 4 jobs of the grid done, 0 failed, 0 left" in capsys.readouterr().out


@pytest.mark.parametrize("error", [MemoryError(), OSError(28, "No space left on device"), ImportError("optuna"),
                                   EOFError("x"), RuntimeError("can't start new thread")])
def test_what_the_machine_lacks_is_not_the_jobs_fault(monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(work, "do_run", fail)
    made = work.run_job(JOB, {}, None)
    assert isinstance(made, work.Unable) and type(error).__name__ in made.reason


def test_missing_or_damaged_data_stop_the_sweep(tmp_path, capsys, monkeypatch):
    grid_file, data = tmp_path / "grid.toml", tmp_path / "data"
    data.mkdir()
    (data / "rectangles.zip").write_text("hello")
    grid_file.write_text(GRID.replace('"digits"', '"rect"'))
    monkeypatch.setattr(drive, "local_workers", lambda count: here(count))
    monkeypatch.delenv("HASHNETS_DATA", raising=False)
    work.load.cache_clear()
    arguments = ["--records", str(tmp_path / "r"), "--data-dir", str(data)]
    assert main(["sweep", str(grid_file), *arguments]) == 2
    work.load.cache_clear()
    error = capsys.readouterr().err
    assert "rectangles.zip" in error and error.count("\n") == 1 and records.read_all(tmp_path / "r") == {}


def test_a_folder_of_data_may_exist_on_the_workers_of_dask_only(tmp_path, capsys, monkeypatch):
    grid_file, asked = tmp_path / "grid.toml", []
    grid_file.write_text(GRID)
    monkeypatch.setattr(drive, "dask_workers", lambda address: asked.append(address))
    monkeypatch.setattr(drive, "sweep", lambda runs, records, workers, data_dir, *_: asked.append(data_dir))
    command = ["sweep", str(grid_file), "--records", str(tmp_path / "r"), "--data-dir", "/there"]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert "argument --data-dir: there is no folder /there" in error and error.count("\n") == 1
    assert not (tmp_path / "r").exists() and asked == []
    main([*command, "--dask", "tcp://scheduler:8786"])
    assert asked == ["tcp://scheduler:8786", os.path.realpath("/there")]


def test_a_disk_that_fills_up_stops_the_sweep_and_keeps_what_is_there(tmp_path, capsys, monkeypatch):
    grid_file, folder = tmp_path / "grid.toml", tmp_path / "r"
    grid_file.write_text(GRID)
    monkeypatch.setattr(drive, "local_workers", lambda count: here(count))
    real, calls = records.write_line, []

    def write_line(*arguments):
        calls.append(arguments)
        if len(calls) >= 3:
            raise OSError(28, "No space left on device")
        real(*arguments)

    monkeypatch.setattr(records, "write_line", write_line)
    assert main(["sweep", str(grid_file), "--records", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "No space left on device" in error.splitlines()[-1] and len(records.read_all(folder)) == 2


def test_a_folder_that_is_not_writable_is_refused_first(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["sweep", "quick", "--records", str(tmp_path / "file" / "r")]) == 2
    error = capsys.readouterr().err
    assert "cannot write into" in error and "choose another folder with --records" in error
    for command, option in (("report", "--out"), ("demo", "--figures")):
        assert main([command, option, str(tmp_path / "file" / "r")]) == 2
        error = capsys.readouterr().err
        assert f"choose another folder with {option}" in error and error.count("\n") == 1


def test_unknown_values_of_a_selection_are_named_with_those_there_are(capsys):
    assert main(["sweep", "quick", "--methods", "foo"]) == 2
    error = capsys.readouterr().err
    assert "--methods: no job of the grid has 'foo'; it has rer, lrd, nn, dk, hashnet, hashnetdk\n" in error


def test_quick_ends_with_its_results_and_says_where_there_is_no_report(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(drive, "local_workers", lambda count: here(count))
    monkeypatch.setattr(drive, "run_job", lambda job, *_: run_record(job, test_error=10.0 + job.seed))
    command = ["sweep", "quick", "--records", str(tmp_path / "r")]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert re.search(r"test error, % +RER +LRD +NN +DK +HashNet +HashNetDK\n", out)
    assert re.search(r"digits, 5 layers, 1/32 +(10.50 \+- 0.71 *){6}\n", out)
    assert main(command) == 0
    again = capsys.readouterr().out
    assert again == out.replace("48 of 48 jobs", "nothing left to do: 48 of 48 jobs")
    assert main(["report", "--records", str(tmp_path / "r")]) == 2
    assert "but 48 of other grids; `sweep GRID --records" in capsys.readouterr().err


def test_a_table_of_half_a_grid_counts_its_seeds(tmp_path):
    jobs = read_grid("quick")[:4]  # RER and LRD with 3 layers at 1/8, two seeds each
    there = {job.key: run_record(job, test_error=10.0 + job.seed) for job in jobs[:1]}
    assert result_table(jobs, there).splitlines()[-1].endswith("10.00 (1 of 2 seeds)  ...")
    assert result_table(jobs, {}) == ""
    line, failed, left = state_line(jobs, there | {jobs[1].key: failure(jobs[1])})
    assert (line, failed, left) == ("1 of 4 jobs of the grid done, 1 failed, 2 left", 1, 2)
