"""Hold a HashedNet layer of any framework against the golden vectors, through an adapter: module:Class.

Write the adapter as a subclass of hashnets_np.conformance.Adapter. Exit code 0: something was covered and all of it
holds; 1: it doesn't; 2: there is no such adapter. Try: check hashnets_np.conformance.numpy_layer:NumpyLayer
"""

import argparse
import sys

from ..conformance.report import write_report
from ..conformance.runner import FAILS, Result, check, find_in_current_folder, load_adapter, passed

HELP = "hold your own HashedNet layer against the golden vectors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.set_defaults(execute=check_layer)
    parser.add_argument("implementation", metavar="module:Class", help="an adapter, importable from the current folder")
    parser.add_argument("--topic", action="append", help="check this topic only; may be given several times")
    parser.add_argument("--all", action="store_true", help="show every failure, not only the first of each topic")


def show_progress(result: Result) -> None:
    """Draw a dot a case, on a terminal."""
    if sys.stderr.isatty():
        print("F" if result.status == FAILS else ".", end="", file=sys.stderr, flush=True)


def check_layer(args: argparse.Namespace) -> int:
    """Run the cases and print the report."""
    find_in_current_folder()
    results = check(load_adapter(args.implementation), args.topic, show_progress)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(write_report(args.implementation, results, args.all))
    return 0 if passed(results) else 1
