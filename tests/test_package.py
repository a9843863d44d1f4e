"""The package as a whole: requirements agree, the README is true, and a wheel works somewhere else."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import hashnets_np as hn

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_every_public_name_exists_and_has_a_docstring():
    for name in hn.__all__:
        assert getattr(hn, name).__doc__, name


def test_requirements_and_metadata_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = set((ROOT / "requirements.txt").read_text().splitlines())
    assert set(project["dependencies"]) <= required
    assert {re.split("[<>=]", r)[0] for r in required - set(project["dependencies"])} == {"jupyter"}
    assert hn.__version__ == project["version"]


def test_the_example_of_the_readme_prints_what_the_readme_says():
    code, printed = re.search(r"```python\n(.*?)```\n\nIt prints\n\n```text\n(.*?)```", README, re.S).groups()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    error = r"(?<=test error )[\d.]+"  # the last digit depends on the processor's rounding
    assert re.sub(error, "x", done.stdout) == re.sub(error, "x", printed)
    assert abs(float(re.search(error, done.stdout)[0]) - float(re.search(error, printed)[0])) < 3


def anchors(page):
    """What GitHub makes of the headings of a page: small letters, hyphens for spaces, no other punctuation."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ["README.md", "data/README.md", "data/records/README.md", "data/records/report.md",
                                  "data/records/how_sure.md",
                                  "data/paper/ERRATA.md", "docs/ways-out.md", "docs/ways-out-c.md",
                                  "examples/mcu/README.md"])
def test_every_place_that_a_page_links_to_exists(page):
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", (ROOT / page).read_text())
    assert links
    for link in links:
        path, _, anchor = link.partition("#")
        there = (ROOT / page).parent / path if path else ROOT / page
        assert there.exists() and (not anchor or anchor in anchors(there)), link


@pytest.mark.slow
def test_the_wheel_carries_its_data_and_runs_the_demo_elsewhere(tmp_path):
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, ROOT], check=True)
    (wheel,) = tmp_path.glob("hashnets_np-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", tmp_path / "site", wheel], check=True)
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    arguments = ["demo", "--seeds", "1", "--epochs", "1"]
    done = subprocess.run([sys.executable, "-m", "hashnets_np", *arguments], cwd=tmp_path, env=environment,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "figures" / "demo.png").exists()
    arguments = ["check", "hashnets_np.conformance.numpy_layer:NumpyLayer", "--topic", "gather"]
    subprocess.run([sys.executable, "-m", "hashnets_np", *arguments], cwd=tmp_path, env=environment, check=True)
    arguments = ["course", "lessons"]
    subprocess.run([sys.executable, "-m", "hashnets_np", *arguments], cwd=tmp_path, env=environment, check=True)
    ours = {path.relative_to(ROOT / "notebooks") for path in (ROOT / "notebooks").rglob("*.ipynb")}
    assert {path.relative_to(tmp_path / "lessons") for path in (tmp_path / "lessons").rglob("*.ipynb")} >= ours
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if "__pycache__" in name]
    assert (tmp_path / "site/hashnets_np/data/records/runs.jsonl").exists()  # lesson 7 reads the records
    where = subprocess.run([sys.executable, "-c", "import hashnets_np; print(hashnets_np.__file__)"], cwd=tmp_path,
                           env=environment, capture_output=True, text=True, check=True).stdout
    assert where.startswith(str(tmp_path))


def make(tmp_path, *arguments, pythons=()):
    """Run make in an empty folder, with only these commands named python beside what make itself needs."""
    for name, works in pythons:
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {0 if works else 1}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "pyproject.toml").write_text("")
    outer = {"MAKEFLAGS", "PYTHON"}  # what `make test PYTHON=...` hands on to every make below it
    here = {name: value for name, value in os.environ.items() if name not in outer}
    return subprocess.run(["make", "-n", "-f", ROOT / "Makefile", *arguments], cwd=tmp_path, capture_output=True,
                          text=True, env=here | {"PATH": f"{tmp_path}:{here['PATH']}"})


@pytest.mark.skipif(os.name != "posix" or not shutil.which("make"), reason="needs make and a POSIX shell")
def test_make_finds_a_python_that_is_new_enough(tmp_path):
    pythons = [("python3", False), ("python3.14", False), ("python3.13", True)]
    assert "python3.13 -m venv --clear .venv" in make(tmp_path, "demo", pythons=pythons).stdout


@pytest.mark.skipif(os.name != "posix" or not shutil.which("make"), reason="needs make and a POSIX shell")
def test_make_says_in_one_line_that_a_python_is_too_old(tmp_path):
    make(tmp_path, pythons=[("old", False)])
    done = subprocess.run(["make", "-f", ROOT / "Makefile", "demo", "PYTHON=./old"], cwd=tmp_path, capture_output=True,
                          text=True)
    said = done.stderr.splitlines()[0]
    assert done.returncode == 2 and not (tmp_path / ".venv").exists()
    assert said == ("This needs Python 3.11 or newer; ./old is older or not there. "
                    "Install one and name it: make demo PYTHON=python3.12")
