"""Do the tests notice a mistake? `python tests/mutants.py 200 --seed 1` makes that many, one at a time, and counts.

A mutant is the package with one small change: a comparison, an operator, a number, a condition or a statement. They
are drawn from all places in the core, the kit and the records. Each is put into a copy of the checkout. There the tests
run that run its line (`which_tests.py` finds them once), the quickest first, then those that know its module best; for
numba code also with its bounds checked. A mutant that no test notices is a survivor: it shows a missing test, or a
change that makes no difference, which a person has to tell.

Tests that take more than a few seconds wait until every mutant has met the quick ones: most fall there.

The copy and the results stay in a folder, and a second call goes on where the first one stopped. Delete the folder to
begin again with newer code.
"""

import argparse
import ast
import contextlib
import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from which_tests import Covering, ignored, learn

ROOT = Path(__file__).resolve().parent.parent
CORE = ["types", "support/*", "hashing", "maps/*", "kernels/*", "layers/*", "losses", "optim", "network", "files",
        "datasets/*", "training", "fit_arguments", "gradient_check", "explanations"]
KIT = ["conformance/adapter", "conformance/another_map", "conformance/cases", "conformance/common_ground",
       "conformance/compare", "conformance/diagnosis", "conformance/findings", "conformance/judging",
       "conformance/loading", "conformance/makers", "conformance/map_checks", "conformance/operations",
       "conformance/outside", "conformance/probe", "conformance/program", "conformance/random_layers",
       "conformance/reading", "conformance/report", "conformance/results", "conformance/runner",
       "conformance/wording"]
RECORDS = ["experiments/sweep/records", "experiments/sweep/schema", "experiments/report/results"]
TESTS = {  # beginning of a module's place -> the tests that know it best; the rest come after them
    "hashing": ["test_hashing.py"], "maps": ["maps", "test_vectors.py", "kernels"], "kernels": ["kernels"],
    "layers": ["test_layers.py", "test_files.py", "test_network.py", "test_training.py", "test_same_numbers.py"],
    "losses": ["test_losses.py", "test_training.py"], "optim": ["test_optim.py", "test_training.py"],
    "network": ["test_network.py", "test_layers.py", "test_training.py"], "support/disk": ["test_disk.py"],
    "types": ["test_layers.py", "test_network.py"],
    "support/checks": ["test_checks.py", "test_layers.py", "test_own_data.py", "test_training.py"],
    "files": ["test_files.py"], "datasets/data_files": ["test_datasets.py"],
    "datasets/dataset": ["test_datasets.py", "test_own_data.py", "test_training.py"],
    "datasets/idx": ["test_datasets.py"], "training": ["test_training.py"],
    "fit_arguments": ["test_training.py", "test_own_data.py"],
    "support/threads": ["test_threads.py", "kernels"],
    "support/compiling": ["test_compiling.py"],
    "support/processes": ["test_processes.py"],
    "support/backend": ["test_backend.py", "test_threads.py", "kernels"],
    "gradient_check": ["test_gradient_check.py", "test_layers.py"],
    "explanations": ["kernels", "maps", "test_commands.py", "test_layers.py"],
    "conformance": ["test_conformance.py", "test_kit_outside.py"],
    "experiments/sweep": ["experiments/test_sweep_records.py"],
    "experiments/report": ["experiments/test_report.py"],
}
OTHER_PROCESSES = {  # the same, of tests in whose child processes a module works, which coverage does not see
    "conformance": ["test_kit_outside.py"], "support/compiling": ["test_compiling.py"],
    "support/threads": ["test_threads.py"], "support/processes": ["test_processes.py"],
    "support/disk": ["test_disk.py"], "files": ["test_files.py"], "kernels": ["test_threads.py"],
}
QUICK = 3.0  # seconds that a test may take to be among the first
SLOWEST = 900  # seconds that tests may take before a mutant counts as hanging
PROCESSOR = 60  # seconds of processor time beside three times what its tests take: for an endless loop

ASIDE = ".unchanged"  # the file as it is, while a mutant stands in its place

SWAPS: dict[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd, ast.MatMult: ast.Mult,
}


@dataclass(frozen=True)
class Mutant:
    """One change: which file, which bytes of it, and what stands there instead."""

    path: Path
    line: int
    start: int
    end: int
    old: str
    new: str
    lines: range = range(0)  # of the whole statement, or of the head of a loop or a condition
    around: range = range(0)  # of the function

    @property
    def key(self) -> str:
        """What names this change in the results."""
        return f"{self.path}:{self.start}-{self.end}: {self.new}"

    @property
    def is_compiled(self) -> bool:
        """Tell whether the change is in numba code."""
        return "fast" in self.path.name

    def source(self, whole: bytes) -> bytes:
        """The file with the change in it."""
        return whole[: self.start] + self.new.encode() + whole[self.end :]

    def __str__(self) -> str:
        old, new = (" ".join(text.split())[:60] for text in (self.old, self.new))
        return f"{self.path}:{self.line}: {old}  ->  {new}"


def changes(node: ast.AST) -> Iterator[ast.AST | None]:
    """All small changes of one node; None deletes a statement."""
    if isinstance(node, ast.Compare):
        for n, op in enumerate(node.ops):
            ops = [SWAPS[type(op)]() if k == n else other for k, other in enumerate(node.ops)]
            yield ast.Compare(node.left, ops, node.comparators)
    elif isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
        yield ast.BinOp(node.left, SWAPS[type(node.op)](), node.right)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(SWAPS[type(node.op)](), node.values)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.AugAssign) and type(node.op) in SWAPS:
        yield ast.AugAssign(node.target, SWAPS[type(node.op)](), node.value)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield None
    elif isinstance(node, ast.Raise):
        yield None
    elif isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "None":
        yield ast.Return(ast.Constant(None))


def skipped(node: ast.AST) -> bool:
    """Tell whether nothing below a node is changed: texts, types, and what only a type checker runs."""
    return isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom) or (
        isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING")


def children(node: ast.AST) -> Iterator[ast.AST]:
    """Go through what a node holds, without annotations, and without the text of errors."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list") or (isinstance(node, ast.Raise) and name == "exc"):
            continue
        if isinstance(node, ast.AnnAssign) and node.value is None:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child


def lines_of(node: ast.AST) -> range:
    """List the lines of a node."""
    return range(node.lineno, node.end_lineno + 1)


def mutants_of(path: Path, copy: Path) -> list[Mutant]:
    """List all mutants of a file."""
    text = (copy / path).read_bytes()
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []

    def walk(node: ast.AST, lines: range, around: range) -> None:
        if skipped(node):
            return
        if isinstance(node, ast.FunctionDef):
            around = lines_of(node)
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            lines = lines_of(node)
        if hasattr(node, "lineno"):
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            old = text[start:end].decode()
            for change in changes(node):
                new = "pass" if change is None else ast.unparse(change)
                new = f"({new})" if isinstance(change, ast.expr) else new
                found.append(Mutant(path, node.lineno, start, end, old, new, lines or lines_of(node), around))
        for child in children(node):
            walk(child, range(0) if isinstance(child, ast.stmt) else lines, around)

    walk(ast.parse(text), range(0), range(0))
    return found


def modules(copy: Path) -> list[Path]:
    """List the files that are mutated, as far as they exist."""
    paths = []
    for name in [*CORE, *KIT, *RECORDS]:
        found = sorted((copy / "hashnets_np").glob(f"{name}.py" if "*" not in name else name))
        paths += [path.relative_to(copy) for path in found if path.suffix == ".py" and path.stat().st_size]
    return paths


def tests_for(path: Path, known: dict[str, list[str]]) -> list[str]:
    """List the tests of a module, from a table by the beginnings of their places."""
    place = path.relative_to("hashnets_np").with_suffix("").as_posix()
    best = max((name for name in known if place.startswith(name)), key=len, default="")
    return [f"tests/{name}" for name in known.get(best, []) if (ROOT / "tests" / name).exists()]


def copy_of_checkout(copy: Path) -> None:
    """Copy what the tests need; large folders that nothing changes are linked."""
    unfinished = copy.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    ignore = shutil.ignore_patterns("__pycache__", "cache", ".hypothesis")
    for name in ("hashnets_np", "tests", "data"):
        shutil.copytree(ROOT / name, unfinished / name, ignore=ignore)
    for path in ROOT.iterdir():
        if path.name not in ("hashnets_np", "tests", "data", ".git", ".venv", "build"):
            (unfinished / path.name).symlink_to(path)
    unfinished.rename(copy)


def limit_processor(seconds: int) -> None:
    """Let the system end a process that computes for longer: an endless loop, however busy the machine is."""
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def run(copy: Path, tests: list[str], seconds: float, compiled: bool, **more: str) -> bool | None:
    """Run tests in the copy, with numba code compiled anew or not; whether they pass, None if they take too long."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests, *ignored()]
    environment = os.environ | {"PYTHONPATH": str(copy), "CI": "1"} | more
    if compiled:  # numba looks only at a function's own file for changes, not at those of the functions it calls
        shutil.rmtree(copy / "compiled", ignore_errors=True)
        environment["NUMBA_CACHE_DIR"] = str(copy / "compiled")
    with subprocess.Popen(command, cwd=copy, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          start_new_session=True,
                          preexec_fn=lambda: limit_processor(int(PROCESSOR + 3 * seconds))) as process:
        try:
            status = process.wait(timeout=SLOWEST + 10 * seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            return None
    if status in (4, 5):
        raise SystemExit(f"pytest ran no test: {' '.join(command)}")
    return None if status == -24 else status == 0  # 24: SIGXCPU


def rounds(mutant: Mutant, covering: Covering | None, long: bool) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """List what is run for a mutant, in turn: a name, the tests, and the environment; first the quick, then the long.

    Coverage does not see what numba compiles: for that, the tests of its module come first.
    """
    if not long and mutant.is_compiled and covering is not None:
        yield "the loops as ordinary Python", ["tests/kernels", "tests/maps"], {"NUMBA_DISABLE_JIT": "1"}
    if not long and (covering is None or mutant.is_compiled):
        yield "its own tests", tests_for(mutant.path, TESTS) or ["tests"], {}
    if covering is None:
        return
    near = (covering.of(mutant.path, mutant.lines) or covering.of(mutant.path, mutant.around)
            or covering.of_file(mutant.path))
    if chosen := [test for test in near if (covering.seconds[test] > QUICK) == long]:
        yield "tests of its line", chosen, {}
    if long and (children := tests_for(mutant.path, OTHER_PROCESSES)):
        yield "tests with processes", children, {}
    if long and mutant.is_compiled:
        yield "bounds", ["tests/kernels", "tests/maps"], {"NUMBA_BOUNDSCHECK": "1"}


def is_killed(copy: Path, mutant: Mutant, covering: Covering | None, long: bool) -> str:
    """Put a mutant into the copy and run tests until one notices it; returns which did, "" if none."""
    place = copy / mutant.path
    aside = place.with_suffix(ASIDE)
    shutil.copy2(place, aside)
    place.write_bytes(mutant.source(place.read_bytes()))
    try:
        for name, tests, more in rounds(mutant, covering, long):
            known = {} if covering is None else covering.seconds
            seconds = sum(took for test, took in known.items()
                          if any(test.startswith((name, f"{name}::", f"{name}/")) for name in tests))
            passed = run(copy, tests, seconds or 300, mutant.is_compiled, **more)
            if not passed:
                return name if passed is False else f"{name}, too slow"
        return ""
    finally:
        aside.replace(place)


class Results:
    """What came of each mutant so far, on disk: a line of JSON for each time that its tests have run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.known = {(key, long): killer for key, long, killer in map(json.loads, lines)}

    def add(self, mutant: Mutant, long: bool, killer: str) -> None:
        """Keep a result."""
        self.known[mutant.key, long] = killer
        with self.path.open("a") as file:
            file.write(json.dumps([mutant.key, long, killer]) + "\n")

    def settled(self, mutant: Mutant, long: bool) -> bool:
        """Tell whether the tests need not run: they did, or quicker ones have noticed the mutant."""
        return (mutant.key, long) in self.known or bool(self.killers(mutant))

    def killers(self, mutant: Mutant) -> list[str]:
        """List which tests noticed a mutant."""
        return [killer for long in (False, True) if (killer := self.known.get((mutant.key, long), ""))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("number", type=int, help="how many mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="only modules with this in their place")
    parser.add_argument("--quick", action="store_true", help="run each module's own tests only")
    parser.add_argument("--list", action="store_true", help="print the mutants and run nothing")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "mutants", help="for the copy and the results")
    args = parser.parse_args()
    folder = args.folder.resolve()
    copy = folder / "checkout"
    if not copy.exists():
        copy_of_checkout(copy)  # from here on nobody's edits reach the mutants
    for aside in copy.rglob(f"*{ASIDE}"):  # of a run that was killed
        aside.replace(aside.with_suffix(".py"))
    every = [mutant for path in modules(copy) if args.only in str(path) for mutant in mutants_of(path, copy)]
    drawn = random.Random(args.seed).sample(every, min(args.number, len(every)))
    print(f"{len(drawn)} of {len(every)} mutants, seed {args.seed}", flush=True)
    if args.list:
        print(*drawn, sep="\n")
        return 0
    if not args.quick and not (folder / "covering.json").exists():
        if importlib.util.find_spec("coverage") is None:
            parser.error("this needs coverage (pip install coverage), or --quick")
        learn(copy, folder)
    covering = None if args.quick else Covering.read(folder)
    results = Results(folder / f"results-{'quick' if args.quick else 'all'}.jsonl")
    in_turn = sorted(enumerate(drawn, start=1), key=lambda each: each[1].is_compiled)  # these take long
    for long in (False, True):
        for number, mutant in in_turn:
            if results.settled(mutant, long):
                continue
            begin = time.monotonic()
            killer = is_killed(copy, mutant, covering, long)
            results.add(mutant, long, killer)
            said = killer or ("SURVIVES" if long else "not noticed by quick tests")
            print(f"[{number}/{len(drawn)}] {said} ({time.monotonic() - begin:.0f} s)  {mutant}", flush=True)
    survivors = [mutant for mutant in drawn if not results.killers(mutant)]
    killed = len(drawn) - len(survivors)
    print(f"\n{killed} of {len(drawn)} mutants were noticed ({100 * killed / max(1, len(drawn)):.1f} %)")
    print(*survivors, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
