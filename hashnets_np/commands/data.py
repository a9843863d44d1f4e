"""List the data sets and where they are, fetch one, or verify that its files are the published ones.

`list` says of each set whether it is here. `fetch` downloads a set into the cache. `verify` reads a set and checks it,
and downloads nothing. Exit code 1: the files are not the published ones, or nothing tells whether they are.
"""

import argparse
from pathlib import Path

from ..datasets import LOADERS, load_dataset
from ..datasets.data_files import cache_dir, search_path
from ..datasets.dataset import check_known
from ..datasets.idx import SETS, find_set
from ..experiments import larochelle
from . import a_folder

HELP = "list, fetch and verify the data sets"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.set_defaults(execute=manage_data)
    parser.add_argument("action", nargs="?", default="list", choices=["list", "fetch", "verify"])
    parser.add_argument("name", nargs="?", help="a data set, one that `list` names")
    parser.add_argument("--data-dir", type=a_folder, help="where to look first (then $HASHNETS_DATA, then the cache)")


def manage_data(args: argparse.Namespace) -> int:
    """List all sets, or fetch or verify one."""
    if args.name is not None:
        check_known(args.name)
    if args.action == "list":
        print(listing([args.name] if args.name else list(LOADERS), args.data_dir))
        return 0
    if args.name is None:
        raise ValueError(f"which data set? {args.action} needs one of {', '.join(LOADERS)}")
    if args.action == "fetch" and args.name in larochelle.SOURCES:
        print(f"fetched {larochelle.fetch(args.name)}")
    if args.action == "verify":
        check_presence(args.name, args.data_dir)
    data = load_dataset(args.name, args.data_dir)
    sizes = f"{len(data.x_train)} training, {len(data.x_valid)} validation, {len(data.x_test)} test examples"
    print(f"{data.name}: {sizes}, {data.x_train.shape[1]} inputs, {data.classes} classes; {data.provenance}")
    if args.action == "verify" and data.provenance.startswith("unverified"):
        known = args.name == "mnist" or any(SETS[args.name].md5.values())
        print("not verified: " + ("these are not the published files, their checksums differ" if known else
                                  "no checksums of these four files are published"))
        return 1
    return 0


def listing(names: list[str], data_dir: Path | None) -> str:
    """Say of each set whether it is here, and where files are looked for."""
    lines = [f"{name:<{max(map(len, names))}}  {state(name, data_dir)}" for name in names]
    folders = [f"  {folder}{'' if folder.is_dir() else '  (does not exist)'}" for folder in search_path(data_dir)]
    return "\n".join([*lines, "\nlooked for in", *folders])


def state(name: str, data_dir: Path | None) -> str:
    """Say whether a set is here: shipped, original files, regenerated, or to be downloaded."""
    if name == "digits":
        return "here: shipped with the package"
    if name == "mnist" or name in SETS:
        return idx_state(name, data_dir)
    if name in larochelle.SOURCES:
        return larochelle_state(name, data_dir)
    if name == "mnist14":
        return f"made from mnist, which is {idx_state('mnist', data_dir)}"
    return "registered by a program"


def idx_state(name: str, data_dir: Path | None) -> str:
    """Say where the four files of a set are, or how to get them."""
    paths = find_set(name, data_dir)
    if paths:
        return f"here: files in {paths[0].parent}; `data verify {name}` checks them"
    if name == "mnist" or SETS[name].mirror:
        return f"not here; `data fetch {name}` downloads it"
    return "not here; put its four files, from gzip.zip of EMNIST, into a folder emnist"


def larochelle_state(name: str, data_dir: Path | None) -> str:
    """Say whether the published zip of a set is here, or else what it is regenerated from."""
    zip_path = larochelle.find_zip(name, data_dir)
    if zip_path:
        return f"here: the original {zip_path}; `data verify {name}` checks it"
    if name in ("rect", "convex"):
        source = "regenerated from the published recipe"
    else:
        source = f"regenerated from {'MNIST' if find_set('mnist', data_dir) else 'the shipped digits'}"
    folder = cache_dir() / "larochelle"
    kept = any(True for _ in folder.glob(f"{name}-*seed*.npz")) if is_folder(folder) else False
    return f"{source}{', kept in the cache' if kept else ''}; `data fetch {name}` downloads the original"


def is_folder(path: Path) -> bool:
    """Tell whether a path is a folder; a path that we are not allowed to look at counts as none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def check_presence(name: str, data_dir: Path | None) -> None:
    """Refuse to verify what is not here and would be downloaded or regenerated."""
    looked = ", ".join(str(folder) for folder in search_path(data_dir))
    source = "mnist" if name == "mnist14" else name
    if (source == "mnist" or source in SETS) and find_set(source, data_dir) is None:
        raise FileNotFoundError(f"{source} is {idx_state(source, data_dir)}; looked for in {looked}")
    if name in larochelle.SOURCES and larochelle.find_zip(name, data_dir) is None:
        raise FileNotFoundError(f"there is no original of {name} to verify: it is {larochelle_state(name, data_dir)}; "
                                f"looked for in {looked}")
