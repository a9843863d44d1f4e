"""The command line, `hashnets COMMAND` or `python -m hashnets_np COMMAND`: one module of `commands` for each command.

A command that cannot do what it is asked says so in one line on stderr and exits with 2; Ctrl-C exits with 130.
"""

import argparse
import contextlib
import errno
import importlib
import io
import os
import pkgutil
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from . import __version__, commands
from .support.checks import meant

NAMES = sorted(module.name for module in pkgutil.iter_modules(commands.__path__))
PROGRAM = "hashnets" if Path(sys.argv[0]).stem == "hashnets" else "python -m hashnets_np"


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Print what is buffered, such as the help, and exit."""
        flush()
        super().exit(status, message)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to find help, and exit with 2."""
        if wrong := re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message):
            message += meant(wrong[1], wrong[2].replace("'", "").split(", "))
        self.exit(2, f"{self.prog}: {' '.join(message.split())}; see {self.prog} --help\n")


def overview() -> str:
    """List the commands, each with its one line of help."""
    helps = [f"  {name:<8}{importlib.import_module(f'.commands.{name}', __package__).HELP}" for name in NAMES]
    hint = "\nEach has --help, also as `help COMMAND`. Start with `demo`."
    return "\n".join([f"usage: {PROGRAM} COMMAND [...]\n", *helps, hint])


def flush() -> None:
    """Print what is buffered: stdout may be a broken pipe or a full disk (test_output_that_nobody_reads)."""
    print(end="", flush=True)  # not sys.stdout.flush(): a closed stdout is None


def main(argv: list[str] | None = None) -> int:
    """Run the command that was asked for; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name may have letters that the encoding lacks
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with warnings_in_one_line():
            code = dispatch(argv)
        message = ""
        flush()
    except BrokenPipeError:  # `| head` has seen enough
        code = 1
        message = ""
    except (ValueError, OSError, MemoryError) as error:
        code = 2
        message = describe(error)
    except ModuleNotFoundError as error:  # numba, Optuna, ONNX and others are not needed by every command
        if not error.name or error.name.startswith(__package__):
            raise
        code = 2
        message = f"{error.name} is needed for this and is not installed; pip install {error.name.partition('.')[0]}"
    except KeyboardInterrupt:
        code = 130
        message = "interrupted"
    drop_output()
    if message:
        command = " ".join([PROGRAM, *[name for name in argv[:1] if name in NAMES]])
        with contextlib.suppress(OSError):  # stderr on a full disk: the exit code says it all the same
            print(f"{command}: {message}", file=sys.stderr, flush=True)
    return code


@contextlib.contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Print warnings without the line of code that they came from, which is not the user's."""
    before = warnings.formatwarning
    warnings.formatwarning = lambda message, *_, **__: f"{PROGRAM}: warning: {message}\n"
    try:
        yield
    finally:
        warnings.formatwarning = before


def describe(error: Exception) -> str:
    """Say in one line what went wrong; for a file also which one, and what may help."""
    if not isinstance(error, OSError) or not error.strerror or error.filename is None:
        return " ".join(str(error).split()) or type(error).__name__
    helps = {
        errno.EACCES: "check its permissions, or choose another folder",
        errno.EROFS: "choose a writable folder",
        errno.ENOSPC: "free some space, or choose another folder",
    }
    text = f"{error.filename}: {error.strerror}"
    return f"{text}; {helps[error.errno]}" if error.errno in helps else text


def drop_output() -> None:
    """Drop what stdout does not accept: Python would fail at it when it ends, and exit with 120."""
    try:
        flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def dispatch(argv: list[str]) -> int:
    """Run a command, or list the commands that exist."""
    if argv[:1] == ["help"]:
        argv = [*argv[1:2], "--help"]
    if not argv or argv[0] in ("-h", "--help"):
        print(overview())
        return 0 if argv else 2
    if argv[0] == "--version":
        print(__version__)
        return 0
    if argv[0] not in NAMES:
        raise ValueError(f"unknown command {argv[0]!r}; known: {', '.join(NAMES)}{meant(argv[0], NAMES)}")
    return run_command(argv[0], argv[1:])


def run_command(name: str, argv: list[str]) -> int:
    """Parse the arguments of one command and run it."""
    command = importlib.import_module(f".commands.{name}", __package__)
    parser = OneLineParser(prog=f"{PROGRAM} {name}", description=command.__doc__,
                           formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_arguments(parser)
    args = parser.parse_args(argv)
    return args.execute(args)


if __name__ == "__main__":
    sys.exit(main())
