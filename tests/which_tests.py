"""Which tests run a line, and how long each takes: found by running all tests once with coverage.

`learn` writes what it found into a file; `Covering.of` answers from there. Two kinds of code are not seen this way:
what numba compiles, and what a test runs in another process. For these, `mutants.py` has a list of tests by module.
"""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

LEFT_OUT = ["test_notebooks.py", "test_exercises.py", "test_package.py", "test_install.py", "test_english.py",
            "test_docstrings.py", "fuzz", "site"]
SCRIPTS = {  # minutes, for scripts and a file, and nothing of the package
    f"tests/test_vectors.py::{name}" for name in ("test_the_script_regenerates_the_same_file",
                                                  "test_the_file_fits_its_schema",
                                                  "test_the_schema_refuses_a_damaged_file")
}
SETTINGS = """
[run]
dynamic_context = test_function
data_file = {folder}/coverage
source = hashnets_np
"""


def ignored() -> list[str]:
    """List pytest's options that leave out what no small change of the package concerns, or what takes very long."""
    return [*(f"--ignore=tests/{name}" for name in LEFT_OUT), *(f"--deselect={test}" for test in sorted(SCRIPTS))]


def learn(copy: Path, folder: Path) -> None:
    """Run all tests of a checkout and write which of them ran which line into `folder`."""
    (folder / "coverage.ini").write_text(SETTINGS.format(folder=folder))
    command = [sys.executable, "-m", "coverage", "run", f"--rcfile={folder}/coverage.ini", "-m", "pytest", "tests",
               "-p", "no:cacheprovider", f"--junitxml={folder}/times.xml", *ignored()]
    done = subprocess.run(command, cwd=copy, env=os.environ | {"PYTHONPATH": str(copy), "CI": "1"})
    if done.returncode != 0:
        raise SystemExit("the tests do not pass on the unchanged code, so there is nothing to learn from them")
    from coverage import CoverageData

    data = CoverageData(str(folder / "coverage"))
    data.read()
    seconds, places = times(folder / "times.xml", copy)
    lines: dict[str, dict[int, list[str]]] = {}
    for name in data.measured_files():
        place = Path(name).relative_to(copy.resolve()).as_posix()
        found = data.contexts_by_lineno(name)
        lines[place] = {line: [places[test] for test in tests if test in places] for line, tests in found.items()}
    (folder / "covering.json").write_text(json.dumps({"seconds": seconds, "lines": lines}))


def times(report: Path, copy: Path) -> tuple[dict[str, float], dict[str, str]]:
    """Read how long each test function takes, and its place in pytest's words, from pytest's report."""
    seconds: dict[str, float] = defaultdict(float)
    places = {}
    for case in ElementTree.parse(report).iter("testcase"):
        module = case.get("classname", "")
        name = case.get("name", "").partition("[")[0]
        path = f"{module.replace('.', '/')}.py"
        if not (copy / path).is_file() or not name.startswith("test"):
            continue  # a doctest
        seconds[f"{path}::{name}"] += float(case.get("time", 0))
        places[f"{module.rpartition('.')[2]}.{name}"] = f"{path}::{name}"
    return seconds, places


@dataclass
class Covering:
    """What `learn` found: file -> line -> tests, and how long each test takes."""

    seconds: dict[str, float]
    lines: dict[str, dict[str, list[str]]]

    @classmethod
    def read(cls, folder: Path) -> "Covering":
        """Read it from the folder in which `learn` wrote it."""
        return cls(**json.loads((folder / "covering.json").read_text()))

    def of(self, path: Path, lines: Iterable[int]) -> list[str]:
        """List the tests that run any of these lines, the quickest first."""
        known = self.lines.get(path.as_posix(), {})
        found = {test for line in lines for test in known.get(str(line), [])} - SCRIPTS
        return sorted(found, key=lambda test: self.seconds[test])

    def of_file(self, path: Path) -> list[str]:
        """List the tests that run any line of a file inside a function, the quickest first."""
        return self.of(path, map(int, self.lines.get(path.as_posix(), {})))
