"""Processes killed at random moments: a file that has its name is whole, and the next call finds nothing to repair.

`make check-kills` kills a hundred times in each of save, train, report and cached sets; a sweep has its own tests.
"""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

import hashnets_np as hn

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")]
KILLS = int(os.environ.get("HASHNETS_KILLS", "4"))
ROOT = Path(hn.__file__).parent.parent

SAVE_FOREVER = """
import sys, hashnets_np as hn
nets = [hn.build("hashnet", [64, 2000, 10], compression="1", seed=seed) for seed in (0, 1)]
print("begun", flush=True)
while True:
    for net in nets:
        hn.save(net, sys.argv[1])
"""
CACHE = """
import hashnets_np as hn, numpy as np
from hashnets_np.experiments import larochelle
print("begun", flush=True)
for number in range(1000):
    x, y = larochelle.cached(f"set{number % 3}", lambda: (np.full((20_000, 784), number % 3, np.uint8),
                                                          np.full(20_000, number % 3)))
    assert (x == np.float32(number % 3) / 255).all() and (y == number % 3).all()
    (larochelle.cache_dir() / "larochelle" / f"set{(number + 1) % 3}.npz").unlink(missing_ok=True)
"""


def kill_at_random(command, chance, longest, **environment):
    """Start a command, wait until it says that it has begun, and kill it after a random time."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          start_new_session=True, env=os.environ | environment) as process:
        process.stdout.readline()
        time.sleep(chance.uniform(0, longest))
        os.killpg(process.pid, 9)


def contents(folder):
    """The bytes of every file below a folder, by its place there."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def partial_files(folder):
    return [path for path in folder.rglob("*") if path.name.endswith(".partial")]


def test_a_killed_save_leaves_a_whole_file(tmp_path):
    path, chance = tmp_path / "net.safetensors", random.Random(0)
    whole = set()
    for seed in (0, 1):
        hn.save(hn.build("hashnet", [64, 2000, 10], compression="1", seed=seed), path)
        whole.add(path.read_bytes())
    left_over = 0
    for _ in range(KILLS):
        kill_at_random([sys.executable, "-c", SAVE_FOREVER, str(path)], chance, 0.2)
        assert path.read_bytes() in whole
        left_over += len(partial_files(tmp_path))
        hn.save(hn.load(path), path)
        assert os.listdir(tmp_path) == ["net.safetensors"]
    print(f"{left_over} of {KILLS} kills left a partial file, which the next save removed")


def test_a_killed_training_leaves_no_file_or_a_whole_one(tmp_path):
    path, chance = tmp_path / "net.safetensors", random.Random(1)
    so_far = tmp_path / "net.safetensors.so-far"
    command = [sys.executable, "-m", "hashnets_np", "train", "--widths", "64-20-10", "--epochs", "2",
               "--output", str(path)]
    begin = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    whole, seconds = path.read_bytes(), time.monotonic() - begin
    for _ in range(KILLS):
        path.unlink(missing_ok=True)
        so_far.unlink(missing_ok=True)  # with it the next run would not begin
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              start_new_session=True) as process:
            time.sleep(chance.uniform(0.7, 1.1) * seconds)
            os.killpg(process.pid, 9)
        if path.exists():
            hn.load(path)
            assert len(path.read_bytes()) == len(whole)
        if so_far.exists():
            hn.load(so_far)
    so_far.unlink(missing_ok=True)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert path.read_bytes() == whole and os.listdir(tmp_path) == ["net.safetensors"]


def test_a_killed_report_leaves_whole_files(tmp_path):
    chance = random.Random(2)
    command = [sys.executable, "-m", "hashnets_np", "report", "--records", str(ROOT / "data" / "records"),
               "--out", str(tmp_path)]
    begin = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - begin
    right = contents(tmp_path)
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              start_new_session=True) as process:
            time.sleep(chance.uniform(0.3, 1.1) * seconds)
            os.killpg(process.pid, 9)
        found = contents(tmp_path)
        assert {place: found[place] for place in right} == right
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert not partial_files(tmp_path)


def test_killed_makers_of_cached_sets_leave_whole_sets(tmp_path):
    chance = random.Random(3)
    for _ in range(KILLS):
        kill_at_random([sys.executable, "-c", CACHE], chance, 1.5, HASHNETS_CACHE=str(tmp_path))
    few = CACHE.replace("range(1000)", "range(3)")
    done = subprocess.run([sys.executable, "-c", few], capture_output=True, text=True,
                          env=os.environ | {"HASHNETS_CACHE": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert not partial_files(tmp_path)


@pytest.mark.skipif(not os.environ.get("HASHNETS_SMALL_DISK"), reason="HASHNETS_SMALL_DISK names a tmpfs of 2 MB")
def test_on_a_full_disk_the_old_file_stays():
    folder = Path(os.environ["HASHNETS_SMALL_DISK"])
    small, large = (hn.build("nn", [64, hidden, 10], compression="1", seed=0) for hidden in (10, 20_000))
    hn.save(small, folder / "net.safetensors")
    before = (folder / "net.safetensors").read_bytes()
    with pytest.raises(OSError, match=r"No space left on device.*net\.safetensors"):
        hn.save(large, folder / "net.safetensors")
    assert (folder / "net.safetensors").read_bytes() == before and not partial_files(folder)
