"""List the data sets, fetch one, or verify that its files are what they should be."""

import argparse

from ..datasets import LOADERS, load_dataset, search_path
from ..experiments import larochelle

HELP = "list, fetch and verify the data sets"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("action", nargs="?", default="list", choices=["list", "fetch", "verify"])
    parser.add_argument("name", nargs="?", help=f"a data set: {', '.join(LOADERS)}")
    parser.add_argument("--data-dir", help="where to look first (then $HASHNETS_DATA, then data/cache)")


def run(args: argparse.Namespace) -> int:
    """List all sets, or load one, which verifies its files and fetches what is missing and can be fetched."""
    if args.action == "list":
        print("data sets: " + ", ".join(LOADERS))
        print("looked for in: " + ", ".join(str(d) for d in search_path(args.data_dir)))
        return 0
    if args.name is None:
        raise ValueError(f"which data set? {args.action} needs one of {', '.join(LOADERS)}")
    if args.action == "fetch" and args.name in larochelle.SOURCES:
        print(f"fetched {larochelle.fetch(args.name)}")
    data = load_dataset(args.name, args.data_dir)
    sizes = f"{len(data.x_train)} training, {len(data.x_valid)} validation, {len(data.x_test)} test examples"
    print(f"{data.name}: {sizes}, {data.x_train.shape[1]} inputs, {data.classes} classes; {data.provenance}")
    return 0
