"""Unpack the course, its exercises and their solutions into a folder of your own, to run and change them there.

A file that you have changed is never overwritten: unpacking again into the same folder writes only what is missing.
"""

import argparse
import importlib.util
import shlex
from pathlib import Path

from ..datasets.data_files import package_file
from ..support.disk import atomic_write
from . import any_path

HELP = "unpack the lessons and exercises into a folder"
LEFT_BEHIND = ("__pycache__", ".ipynb_checkpoints")  # what running the lessons leaves beside them


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.set_defaults(execute=unpack_course)
    parser.add_argument("folder", type=any_path, help="a new folder, or one that was unpacked before")


def unpack_course(args: argparse.Namespace) -> int:
    """Copy the notebooks and say how to open them."""
    new, kept = unpack(course_folder(), args.folder)
    lessons = len(list(args.folder.glob("[0-9][0-9]_*.ipynb")))
    written = f"{new} files written, {kept} left as they were"
    print(f"{lessons} lessons and their exercises are in {args.folder} ({written}).")
    if importlib.util.find_spec("jupyterlab") is None:
        print("To open them, install Jupyter:  python -m pip install jupyter")
    print(f"Start with:  jupyter lab {shlex.quote(str(args.folder))}")
    return 0


def course_folder() -> Path:
    """Find the notebooks: inside an installed package, or in a checkout."""
    inside = package_file("notebooks")
    folder = inside if inside.is_dir() else Path(__file__).parent.parent.parent / "notebooks"
    if not folder.is_dir():
        raise FileNotFoundError(f"the notebooks are neither in {inside} nor in {folder}; reinstall the package")
    return folder


def unpack(source: Path, target: Path) -> tuple[int, int]:
    """Copy the files that are not there yet; return how many were written and how many were there.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     first = unpack(course_folder(), Path(folder))
    ...     again = unpack(course_folder(), Path(folder))
    >>> first[1], again[0], first[0] == again[1]
    (0, 0, True)
    """
    new = 0
    kept = 0
    for path in sorted(source.rglob("*")):
        there = target / path.relative_to(source)
        if path.is_dir() or set(path.parts) & set(LEFT_BEHIND):
            continue
        if there.exists():
            kept += 1
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(there, path.read_bytes())  # half a file would never be completed
        new += 1
    return new, kept
