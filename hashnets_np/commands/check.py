"""Check your own HashedNet layer against the golden vectors: an adapter, a program, or, without its hash, by probing.

  check mylayer:MyAdapter             an adapter, a subclass of hashnets_np.conformance.Adapter
  check --command "./my_layer"        a program in any language, by lines of JSON (data/vectors/SPEC.md, section 11)
  check --probe mylayer:MyLayer       any layer with make(n_in, n_out, K), set_w(w), forward(a) and, if there is one,
                                      backward(a, dz), which returns (dw, da) or (dw, db, da)
  check --export FOLDER               write the cases as files

Exit code 0: something was covered and all of it passes; 1: something fails; 2: there is no such adapter, or it cannot
run here. Try: check hashnets_np.conformance.numpy_layer:NumpyLayer
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ..conformance.adapter import Adapter
from ..conformance.diagnosis import diagnose
from ..conformance.findings import all_right, write_probe_report
from ..conformance.loading import find_in_current_folder
from ..conformance.outside import Child, check_outside, probe_outside
from ..conformance.program import Command
from ..conformance.program import expand as expand_arrays
from ..conformance.random_layers import random_cases
from ..conformance.report import as_json, write_report
from ..conformance.results import FAILS, PASSES, Result, passed
from ..conformance.runner import select
from ..conformance.xfail import apply_expected_failures, read_expected_failures, unexpected_lines
from ..support.checks import check_count, check_seed
from ..support.disk import atomic_write, check_place
from . import any_path, new_file

LONGEST_LIMIT = 1e6  # seconds
NOT_USED: dict[str, dict[str, Any]] = {  # by what is not a check of cases
    "probe": {"topic": None, "case": None, "all": False, "json": None, "xfail": None, "examples": 0, "seed": 0},
    "export": {"all": False, "json": None, "xfail": None, "examples": 0, "seed": 0, "time_limit": 120.0},
}
HELP = "check your own HashedNet layer against the golden vectors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.set_defaults(execute=check_layer)
    parser.add_argument("implementation", metavar="module:Class", nargs="?",
                        help="an adapter, importable from the current folder")
    parser.add_argument("--command", dest="program", metavar="PROGRAM",
                        help="check a program that answers lines of JSON on its standard input")
    parser.add_argument("--probe", action="store_true",
                        help="check a layer against its own map, whatever its hash is")
    parser.add_argument("--export", type=any_path, metavar="FOLDER",
                        help="write the cases as JSON files and stop")
    parser.add_argument("--gradients", metavar="LIST",
                        help='the gradients that the program returns, of w, b and a, such as "w,b" (default: all)')
    parser.add_argument("--topic", action="append", help="check this topic only; may be given several times")
    parser.add_argument("--case", action="append", metavar="ID", help="check this case only; may be repeated")
    parser.add_argument("--all", action="store_true", help="show every failure, not only the first of each topic")
    parser.add_argument("--json", type=new_file, metavar="FILE", help="write the results to this file as well")
    parser.add_argument("--xfail", type=any_path, metavar="FILE",
                        help="expected failures: a case and the reason on each line")
    parser.add_argument("--examples", type=int, default=0, metavar="M",
                        help="check M random layers too, against the specification in plain Python (needs xxhash)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the random layers (default 0)")
    parser.add_argument("--time-limit", type=float, default=120.0, metavar="SECONDS",
                        help="seconds that a case, or a finding of a probe, may take (default 120)")


def show_progress(result: Result) -> None:
    """Draw a dot for each case, on a terminal."""
    if sys.stderr and sys.stderr.isatty():
        print("F" if result.status == FAILS else ".", end="", file=sys.stderr, flush=True)


def export(folder: Path, topics: list[str] | None, ids: list[str] | None) -> int:
    """Write each case to FOLDER/topic/id.json, with the arrays that formulas give written out."""
    cases = select(topics, ids)
    for case in cases:
        path = folder / case.topic / f"{case.id}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        fields = {"id": case.id, "operation": case.operation, "comment": case.comment,
                  "result": "valid" if case.valid else "invalid", "dtype": case.dtype, "tolerance": case.tolerance,
                  "input": expand_arrays(case.inputs)}
        text = json.dumps(fields | ({"expected": case.expected} if case.valid else {})) + "\n"
        atomic_write(path, text.encode())
    print(f"{len(cases)} cases written to {folder}")
    return 0


def probe(implementation: str, time_limit: float) -> int:
    """Probe a layer and print the findings."""
    findings = probe_outside(implementation, time_limit)
    print(write_probe_report(implementation, findings))
    return 0 if all_right(findings) else 1


def gradients_of(args: argparse.Namespace) -> tuple[str, ...]:
    """List the gradients that a program returns."""
    return Adapter.gradients if args.gradients is None else tuple(args.gradients.split(","))


def check_arguments(args: argparse.Namespace) -> None:
    """Check what argparse cannot; ValueError otherwise."""
    given = [args.implementation, args.program, args.export]
    if sum(x is not None for x in given) != 1:
        raise ValueError('give one of: an adapter as module:Class, --command "PROGRAM", --export FOLDER')
    if args.probe and not args.implementation:
        raise ValueError("--probe needs a layer as module:Class")
    for way in ("probe", "export"):
        unused = [name for name, default in NOT_USED[way].items() if getattr(args, name) != default]
        if getattr(args, way) and unused:
            raise ValueError(f"--{way} does not use --{unused[0].replace('_', '-')}; leave it out")
    if args.program is not None and not args.program.strip():
        raise ValueError("--command is empty; is a variable unset?")
    if args.gradients is not None and not args.program:
        raise ValueError("--gradients is for a --command; an adapter has the class attribute gradients")
    if unknown := set(gradients_of(args)) - set(Adapter.gradients):
        raise ValueError(f"--gradients lists some of w,b,a, got {', '.join(map(repr, sorted(unknown)))}")
    if not 0 < args.time_limit <= LONGEST_LIMIT:
        raise ValueError(f"--time-limit must be above 0 and at most {LONGEST_LIMIT:.0f}, got {args.time_limit:g}")
    check_count("--examples", args.examples, at_least=0)
    check_seed(args.seed, "--seed")


def check_layer(args: argparse.Namespace) -> int:
    """Run the cases and print the report."""
    find_in_current_folder()
    check_arguments(args)
    if args.export is not None:
        return export(args.export, args.topic, args.case)
    if args.probe:
        return probe(args.implementation, args.time_limit)
    if args.json:
        check_place(args.json)
    cases = select(args.topic, args.case) + random_cases(args.seed, args.examples)
    expected = read_expected_failures(args.xfail) if args.xfail else {}
    name = args.program or args.implementation
    asked = Command(name, args.time_limit, gradients_of(args)) if args.program else Child(name, args.time_limit)
    results = check_outside(asked, cases, show_progress)
    if sys.stderr and sys.stderr.isatty():
        print(file=sys.stderr)
    another_map = asked.find_another_map() if is_another_map_possible(results) else ""
    asked.stop()
    results, notes = apply_expected_failures(results, expected)
    if args.json:  # before the report, whose pipe may be closed
        atomic_write(args.json, (json.dumps(as_json(name, results, another_map), indent=1) + "\n").encode())
    print(write_report(name, results, args.all, another_map))
    print("".join(f"\n{line}" for line in unexpected_lines(notes)), end="\n" if notes else "")
    if diagnose(results).verdict == "cannot run":
        return 2
    return 0 if passed(results) and not notes else 1


def is_another_map_possible(results: list[Result]) -> bool:
    """Whether most forward passes give a wrong answer that is no known bug's.

    Those of kind xxhash and those without a bias are asked if there are any, as they are by the probe that follows.
    """
    forward = [r for r in results if r.case.operation == "forward" and r.case.valid and r.compared
               and r.case.inputs["layer"]["buckets"] > 1 and r.status in (PASSES, FAILS)]
    for name, preferred in (("kind", "xxhash"), ("bias", None)):
        forward = [r for r in forward if r.case.inputs["layer"][name] == preferred] or forward
    wrong = [r for r in forward if r.status == FAILS]
    return 3 * len(wrong) > 2 * len(forward) > 0 and not any(
        n > 1 and not flag.endswith("Unchecked") for flag, n, _ in diagnose(results).bugs)
