"""Do the tests notice a mistake? `python tests/mutants.py 200 --seed 1` makes that many, one at a time, and counts.

A mutant is the package with one small change: a comparison, an operator, a number, a condition or a statement. They
are drawn from all places in the core, the kit and the records. Each is put into a copy of the checkout, and the tests
of its module run there, then the quick tests of the whole project; for numba code also with its bounds checked. A
mutant that no test notices is a survivor: it shows a missing test, or a change that makes no difference, which a person
has to tell.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = ["types", "support/*", "hashing", "maps/*", "kernels/*", "layers/*", "losses", "optim", "network", "files",
        "datasets/*", "training", "gradient_check", "explanations"]
KIT = ["conformance/adapter", "conformance/cases", "conformance/compare", "conformance/diagnosis",
       "conformance/operations", "conformance/report", "conformance/runner"]
RECORDS = ["experiments/sweep/records", "experiments/sweep/schema", "experiments/report/results"]
TESTS = {  # beginning of a module's place -> the tests that know it best; the rest come after them
    "hashing": ["test_hashing.py"], "maps": ["maps", "test_vectors.py", "kernels"], "kernels": ["kernels"],
    "layers": ["test_layers.py", "test_files.py", "test_network.py", "test_training.py", "test_same_numbers.py"],
    "losses": ["test_losses.py", "test_training.py"], "optim": ["test_optim.py", "test_training.py"],
    "network": ["test_network.py", "test_layers.py", "test_training.py"], "support/disk": ["test_disk.py"],
    "types": ["test_layers.py", "test_network.py"],
    "support/checks": ["test_layers.py", "test_own_data.py", "test_training.py"],
    "files": ["test_files.py"], "datasets/data_files": ["test_datasets.py"],
    "datasets/dataset": ["test_datasets.py", "test_own_data.py", "test_training.py"],
    "datasets/idx": ["test_datasets.py"], "training": ["test_training.py"],
    "support/threads": ["test_threads.py", "kernels"],
    "support/compiling": ["test_compiling.py"],
    "support/backend": ["test_threads.py", "kernels"], "gradient_check": ["test_gradient_check.py", "test_layers.py"],
    "explanations": ["test_commands.py", "test_layers.py"],
    "conformance": ["test_conformance.py"], "experiments/sweep": ["experiments/test_sweep_records.py"],
    "experiments/report": ["experiments/test_report.py"],
}
SLOWEST = 900  # seconds that tests may take before a mutant counts as hanging

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
    elif isinstance(node, ast.Return) and node.value is not None:
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


def mutants_of(path: Path, copy: Path) -> list[Mutant]:
    """List all mutants of a file."""
    text = (copy / path).read_bytes()
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []

    def walk(node: ast.AST) -> None:
        if skipped(node):
            return
        if hasattr(node, "lineno"):
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            old = text[start:end].decode()
            for change in changes(node):
                new = "pass" if change is None else ast.unparse(change)
                new = f"({new})" if isinstance(change, ast.expr) else new
                found.append(Mutant(path, node.lineno, start, end, old, new))
        for child in children(node):
            walk(child)

    walk(ast.parse(text))
    return found


def modules() -> list[Path]:
    """List the files that are mutated, as far as they exist."""
    paths = []
    for name in [*CORE, *KIT, *RECORDS]:
        found = sorted((ROOT / "hashnets_np").glob(f"{name}.py" if "*" not in name else name))
        paths += [path.relative_to(ROOT) for path in found if path.suffix == ".py" and path.stat().st_size]
    return paths


def tests_for(path: Path) -> list[str]:
    """List the tests that know a module best."""
    place = path.relative_to("hashnets_np").with_suffix("").as_posix()
    best = max((name for name in TESTS if place.startswith(name)), key=len, default="")
    return [f"tests/{name}" for name in TESTS.get(best, []) if (ROOT / "tests" / name).exists()]


def copy_of_checkout(folder: Path) -> Path:
    """Copy what the tests need; large folders that nothing changes are linked."""
    copy = folder / "checkout"
    copy.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", "cache", ".hypothesis")
    for name in ("hashnets_np", "tests", "data"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignore)
    for path in ROOT.iterdir():
        if path.name not in ("hashnets_np", "tests", "data", ".git", ".venv"):
            (copy / path.name).symlink_to(path)
    return copy


def run(copy: Path, tests: list[str], seconds: float, **more: str) -> bool | None:
    """Run tests in the copy; whether they pass, None if they take too long."""
    left_out = ["test_notebooks.py", "test_exercises.py", "test_package.py", "test_install.py", "fuzz"]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests,
               *(f"--ignore=tests/{name}" for name in left_out)]
    environment = os.environ | {"PYTHONPATH": str(copy), "CI": "1"} | more
    with subprocess.Popen(command, cwd=copy, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          start_new_session=True) as process:
        try:
            return process.wait(timeout=seconds) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            return None


def is_killed(copy: Path, mutant: Mutant, quick: bool) -> str:
    """Put a mutant into the copy and run tests until one notices it; returns which did, "" if none."""
    place = copy / mutant.path
    original = place.read_bytes()
    place.write_bytes(mutant.source(original))
    try:
        best = tests_for(mutant.path)
        rounds = [("its own tests", best, {})] if best else []
        if not quick:
            rounds.append(("the other tests", ["tests"], {}))
        if "fast" in mutant.path.name and not quick:
            rounds.append(("bounds", ["tests/kernels", "tests/maps"], {"NUMBA_BOUNDSCHECK": "1"}))
        for name, tests, more in rounds:
            passed = run(copy, tests, SLOWEST, **more)
            if not passed:
                return name if passed is False else f"{name}, too slow"
        return ""
    finally:
        place.write_bytes(original)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("number", type=int, help="how many mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="only modules with this in their place")
    parser.add_argument("--quick", action="store_true", help="run each module's own tests only")
    parser.add_argument("--list", action="store_true", help="print the mutants and run nothing")
    args = parser.parse_args()
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of_checkout(Path(folder))  # from here on nobody's edits reach the mutants
        every = [mutant for path in modules() if args.only in str(path) for mutant in mutants_of(path, copy)]
        drawn = random.Random(args.seed).sample(every, min(args.number, len(every)))
        print(f"{len(drawn)} of {len(every)} mutants, seed {args.seed}", flush=True)
        if args.list:
            print(*drawn, sep="\n")
            return 0
        for number, mutant in enumerate(drawn, start=1):
            begin = time.monotonic()
            killer = is_killed(copy, mutant, args.quick)
            survivors += [] if killer else [mutant]
            seconds = time.monotonic() - begin
            print(f"[{number}/{len(drawn)}] {killer or 'SURVIVES'} ({seconds:.0f} s)  {mutant}", flush=True)
    killed = len(drawn) - len(survivors)
    print(f"\n{killed} of {len(drawn)} mutants were noticed ({100 * killed / max(1, len(drawn)):.1f} %)")
    print(*survivors, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
