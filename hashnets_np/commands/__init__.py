"""One module per command, each with HELP, add_arguments(parser) and run(args) -> exit code."""

import tempfile
from pathlib import Path


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
