"""The command line, `python -m hashnets_np COMMAND`: one module of `commands` each, imported only when it is used.

A command that cannot do what it is asked says so in one line on stderr and exits with 2; 130 after Ctrl-C.
"""

import argparse
import importlib
import os
import pkgutil
import sys
from typing import NoReturn

from . import __version__, commands

NAMES = sorted(module.name for module in pkgutil.iter_modules(commands.__path__))
PROGRAM = "python -m hashnets_np"


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is, and exit with 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def overview() -> str:
    """List the commands with their one line of help."""
    helps = [f"  {name:<8}{importlib.import_module(f'.commands.{name}', __package__).HELP}" for name in NAMES]
    return "\n".join([f"usage: {PROGRAM} COMMAND [...]\n", *helps, "\nEach has --help. Start with `demo`."])


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ("-h", "--help"):
        print(overview())
        return 0 if argv else 2
    if argv[0] == "--version":
        print(__version__)
        return 0
    if argv[0] not in NAMES:
        print(f"hashnets_np: unknown command {argv[0]!r}; known: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    return run(argv[0], argv[1:])


def run(name: str, argv: list[str]) -> int:
    """Parse the arguments of one command and run it."""
    command = importlib.import_module(f".commands.{name}", __package__)
    parser = OneLineParser(prog=f"{PROGRAM} {name}", description=command.__doc__,
                           formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_arguments(parser)
    args = parser.parse_args(argv)
    try:
        return command.run(args)
    except BrokenPipeError:  # `| head` has seen enough; what is still buffered must go somewhere when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError) as error:
        print(f"{PROGRAM} {name}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{PROGRAM} {name}: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
