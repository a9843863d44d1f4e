"""Show how one virtual weight finds its real weight: what its kind of map computes, bucket, sign and bucket-mates."""

import argparse

from ..explanations import explain
from ..maps import KINDS, SharingMap

HELP = "show how one virtual weight finds its bucket and its sign"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.set_defaults(execute=show_hash)
    parser.add_argument("i", type=int, help="output unit, from 0")
    parser.add_argument("j", type=int, help="input unit, from 0 (with a bias column, 0 is the bias)")
    parser.add_argument("--seed", type=int, help="seed of the map (default: that of the kind)")
    parser.add_argument("--buckets", type=int, default=98, help="number of real weights K (default: %(default)s)")
    parser.add_argument("--n-out", type=int, default=28, help="rows of V (default: %(default)s)")
    parser.add_argument("--n-cols", type=int, default=28, help="columns of V (default: %(default)s)")
    parser.add_argument("--kind", default="xxhash", choices=list(KINDS), help="kind of map (default: %(default)s)")
    parser.add_argument("--size", type=int, help="size of the pieces of chunk and tile (default: that of the kind)")
    parser.add_argument("--unsigned", action="store_true", help="a map without signs")


def show_hash(args: argparse.Namespace) -> int:
    """Print the explanation."""
    m = SharingMap(args.n_out, args.n_cols, buckets=args.buckets, seed=args.seed, kind=args.kind, size=args.size,
                   signed=not args.unsigned)
    print(explain(m, args.i, args.j))
    return 0
