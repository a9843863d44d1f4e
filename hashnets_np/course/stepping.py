"""Stepping through a kernel with Python's own debugger, and showing in a lesson what one sees.

`step_through` plays a session of pdb: it types the commands that the lesson lists and prints what pdb answers. A reader
who types the same commands sees the same. Not covered here: the fast kernels, which a debugger can only enter
when numba is switched off with NUMBA_DISABLE_JIT=1.
"""

import io
import pdb
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent.parent


class Typist(io.StringIO):
    """What is typed, one command a line; each is shown after the prompt when the debugger reads it."""

    def __init__(self, commands: Sequence[str], screen: io.StringIO) -> None:
        super().__init__("".join(f"{command}\n" for command in [*commands, "c"]))
        self.screen = screen
        self.left = len(commands)

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
        """Type the next command."""
        line = super().readline(-1 if size is None else size)
        self.screen.write(line if self.left > 0 else "c\n")
        self.left -= 1
        return line


def plain_pdb() -> type[pdb.Pdb]:
    """Find Python's own debugger: in a notebook, `pdb.Pdb` is IPython's, a subclass that prints in color."""
    return next(one for one in pdb.Pdb.__mro__ if one.__module__ == "pdb" and one.__name__ == "Pdb")


def step_through(function: Callable, *args: Any, commands: Sequence[str]) -> Any:
    """Call a function under pdb, type the commands, let it finish, and return what it returns.

    >>> def double(x):
    ...     y = 2 * x
    ...     return y
    >>> step_through(double, 21, commands=["n", "p y"])  # doctest: +SKIP
    -> y = 2 * x
    (Pdb) n
    -> return y
    (Pdb) p y
    42
    (Pdb) c
    42
    """
    screen = io.StringIO()
    debugger = plain_pdb()(stdin=Typist(commands, screen), stdout=screen, nosigint=True, readrc=False)
    debugger.use_rawinput = False
    tracer = sys.gettrace()  # of a debugger or of coverage, which pdb would switch off
    try:
        result = debugger.runcall(function, *args)
    finally:
        sys.settrace(tracer)
        print(shown(screen.getvalue()), end="")
    return result


def shown(text: str) -> str:
    """Shorten what pdb printed: a place is one line, with its path in the package, its function and its code.

    Without the number of the line, so that what a lesson shows stays right when a file changes above it.
    """
    places = re.compile(r"^> (.*?)\(\d+\)(.*?\(\))(?:->.*)?\n(?:-> (.*)\n)?", re.MULTILINE)

    def place(match: re.Match) -> str:
        file, name, code = match.groups()
        path = Path(file)
        here = path.relative_to(PACKAGE.parent).as_posix() if path.is_relative_to(PACKAGE) else "this notebook"
        return f"{here}, {name}:  {(code or '').strip()}".rstrip() + "\n"

    return places.sub(place, text)
