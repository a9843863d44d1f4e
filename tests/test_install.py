"""What an installation brings, and what importing the package costs."""

import json
import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LAZY = ("numba", "matplotlib", "tqdm", "safetensors", "threadpoolctl", "multiprocessing")


def loaded_after(code: str) -> set[str]:
    """The lazily imported modules that are there after running some code in a fresh interpreter."""
    ask = f"{code}\nimport sys\nprint(*[name for name in {LAZY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True, cwd=ROOT,
                          env=os.environ | {"HASHNETS_KERNELS": "numpy"})
    return set(done.stdout.split())


def test_importing_the_package_imports_numpy_only():
    assert not loaded_after("import hashnets_np")


def test_training_without_a_progress_bar_imports_numpy_only():
    train = """import hashnets_np as hn
net = hn.build("hashnet", [64, 8, 10], compression="1/8", seed=0)
hn.fit(net, hn.load_dataset("digits"), epochs=1)"""
    assert not loaded_after(train) & {"tqdm", "matplotlib", "safetensors"}


def test_what_has_no_wheel_for_the_browser_is_left_out_there():
    marked = {re.split("[<>=]", line)[0] for line in PROJECT["dependencies"] if "emscripten" in line}
    assert marked == {"numba"}


def test_the_console_script_is_the_module(capsys):
    module, function = PROJECT["scripts"]["hashnets"].split(":")
    assert getattr(__import__(module, fromlist=[function]), function)(["--version"]) == 0
    assert capsys.readouterr().out.strip() == PROJECT["version"]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    """A fresh environment with nothing but the wheel and what it requires; its folder of programs."""
    folder = tmp_path_factory.mktemp("fresh")
    pip = ["-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([sys.executable, *pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT], check=True)
    venv.create(folder / "env", with_pip=True)
    programs = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
    (wheel,) = folder.glob("*.whl")
    subprocess.run([programs / "python", *pip, "install", wheel], check=True)
    return programs


@pytest.mark.slow
def test_a_fresh_environment_gets_at_most_16_packages_beside_ours(fresh):
    listed = subprocess.run([fresh / "python", "-m", "pip", "list", "--format=json", "--disable-pip-version-check"],
                            capture_output=True, text=True, check=True).stdout
    names = {package["name"].lower() for package in json.loads(listed)} - {"pip", "setuptools", "hashnets_np"}
    assert len(names) <= 16, sorted(names)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [
    ["demo", "--seeds", "1", "--epochs", "1"],
    ["course", "lessons"],
    ["check", "hashnets_np.conformance.numpy_layer:NumpyLayer", "--topic", "forward"],
    ["train", "--data", "digits", "--widths", "64-32-10", "--epochs", "2"],
], ids=lambda arguments: arguments[0])
def test_the_console_script_works_in_an_empty_folder(fresh, tmp_path, arguments):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([fresh / "hashnets", *arguments], cwd=tmp_path, env=environment, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
