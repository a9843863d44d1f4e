"""One module per command, each with HELP and add_arguments(parser).

The latter also sets `execute`, the function that takes the parsed arguments and returns the exit code.
"""

import argparse
import tempfile
from pathlib import Path

from ..support.disk import file_path, user_path


def some_text(text: str) -> str:
    """Read a text that must not be empty; an empty one is an unset variable of a script."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; is a variable unset?")
    return text


def any_path(text: str) -> Path:
    """Read the name of a folder or of a file to be read, with ``~``; an empty one is an unset variable of a script."""
    if not text:
        raise argparse.ArgumentTypeError("its name is empty; is a variable unset?")
    try:
        return user_path(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def a_folder(text: str) -> Path:
    """Read the name of a folder that must be there: otherwise data would silently come from elsewhere."""
    path = any_path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text}")
    return path


def new_file(text: str) -> Path:
    """Read the name of a file to be written."""
    path = any_path(text)
    try:
        file_path(text)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text} {error.strerror}") from error
    return path


def writable_folder(folder: Path, option: str) -> None:
    """Make a folder and check that it is writable, before hours of work and not after.

    option: what the command line calls it. Raises ValueError with one line if it does not.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        what = f"cannot write into {folder}: {error.strerror}"
        raise ValueError(f"{what}; choose another folder with {option}") from error
