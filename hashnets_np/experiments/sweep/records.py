"""Records on disk: one finished job is one line of JSON, written so that no crash can damage or lose a line.

A line is appended with one write and flushed to the disk (fsync) under a file lock. If a machine loses power in the
middle of a write, the unfinished line is cut off before the next append. A job that is done stays done: its first
success counts, whatever comes before or after it, both when reading and when appending. If a job only failed, its last
failure counts. `schema` says what a line holds.
"""

import errno
import json
import os
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...support.disk import locked
from .schema import FailureRecord, Record, record_from_json, record_to_json

FILES = {"run": "runs.jsonl", "search": "searches.jsonl"}
BOM = b"\xef\xbb\xbf"
STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
Notice = Callable[[str], Any]


def append(path: Path, record: Record) -> bool:
    """Append a record durably; returns False, and writes nothing, if its job is done already.

    Raises
    ------
    ValueError
        If a line of the file is not a record. The message names the line; nothing is written.
    OSError
        If the disk is full. The file stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    line = (json.dumps(record_to_json(record), allow_nan=False) + "\n").encode()
    with locked(path), open(path, "a+b") as file:
        file.seek(0)
        content = file.read()
        known = by_key(parse(content, path)).get(record.key)
        if known is not None and not isinstance(known, FailureRecord):
            return False
        size = len(content) - len(half_line(content))
        if size and content[size - 1 : size] != b"\n":
            line = b"\n" + line  # a complete last record without a newline, as some editors leave it
        write_line(file.fileno(), path, size, line)
    return True


def write_line(descriptor: int, path: Path, size: int, line: bytes) -> None:
    """Cut the file to `size`, append a line and flush it to the disk; on a full disk the file stays as it was."""
    os.ftruncate(descriptor, size)
    try:
        if os.write(descriptor, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)  # a disk that is full may say so only here
    except OSError as error:
        os.ftruncate(descriptor, size)
        what = f"nothing was written ({error.strerror}); what was recorded before is safe"
        raise OSError(error.errno, what, str(path)) from error


def half_line(content: bytes) -> bytes:
    """Return the unfinished record that a crash left at the end of a file; nothing if the last one is complete."""
    rest = content[content.rfind(b"\n") + 1 :]
    if not rest.lstrip(b"\0 \t").startswith(b"{"):
        return b""
    try:
        json.loads(rest.strip(b"\0"))
    except RecursionError:
        return b""  # nested too deeply to read, but not cut short; `parse` reports it
    except ValueError:
        return b"" if has_whole_object(rest) else rest
    return b""


def has_whole_object(line: bytes) -> bool:
    """Tell whether the object with which a line begins ends in it: then it was edited, and not cut short.

    >>> has_whole_object(b'{"a": 1},'), has_whole_object(b'{"a": "}'), has_whole_object(b'{"a": {}')
    (True, False, False)
    """
    plain = STRING.sub(b"", line)  # a brace in a string ends nothing
    depth = 0
    for mark in re.findall(rb'[{}"]', plain):
        if mark == b'"':
            return False
        depth += 1 if mark == b"{" else -1
        if depth == 0:
            return True
    return False


def parse(content: bytes, path: Path, notice: Notice | None = None) -> Iterator[Record]:
    """Read the records in the content of a file, except an unfinished one that a crash left at the end.

    Blank lines, a byte-order mark, Windows line ends and the NUL bytes left by a power cut are skipped. Anything else
    that is not a record raises a ValueError that names the file and the line.
    """
    rest = half_line(content)
    if rest and notice:
        notice(f"{path}: the last {len(rest)} bytes, half a line left by a crash, are ignored")
    lines = content[: len(content) - len(rest)].removeprefix(BOM).split(b"\n")
    for number, line in enumerate(lines, start=1):
        text = line.strip(b"\0 \t\r")
        if b"\0" in line and notice:
            notice(f"{path}, line {number}: NUL bytes, left by a power cut, are ignored")
        if text:
            yield parse_line(text, path, number)


def parse_line(text: bytes, path: Path, number: int) -> Record:
    """Read one line; whatever is wrong with it becomes a ValueError that names the line and says what to do."""
    try:
        return read_line(text)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise ValueError(f"{path}, line {number} is not a record ({reason}); was it edited or merged by hand? Correct "
                         "the line, or delete it: `sweep` then does its job again") from error


@lru_cache(maxsize=None)  # a sweep reads its files again after each job, and lines never change
def read_line(text: bytes) -> Record:
    """Make a record of a line."""
    return record_from_json(json.loads(text.decode(), parse_constant=refuse, object_pairs_hook=without_duplicates))


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dict of a JSON object; of a field that occurs twice, the second would silently replace the first."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)} occurs twice")
    return found


def refuse(constant: str) -> float:
    """Refuse NaN and Infinity, which are not JSON."""
    raise ValueError(f"{constant} is not a number")


def by_key(records: Iterator[Record]) -> dict[str, Record]:
    """Keep one record of each job: its first success or, if it never succeeded, its last failure."""
    kept: dict[str, Record] = {}
    for record in records:
        if isinstance(kept.get(record.key), FailureRecord | None):  # nothing yet, or a failure
            kept[record.key] = record
    return kept


def read(path: Path, notice: Notice | None = None) -> dict[str, Record]:
    """Read the record of each job, or none if there is no file; `notice` is called with what was skipped."""
    return by_key(parse(path.read_bytes(), path, notice)) if path.exists() else {}


def read_all(folder: Path, notice: Notice | None = None) -> dict[str, Record]:
    """Read the records of runs and searches of a folder, by key."""
    return {key: record for name in FILES.values() for key, record in read(folder / name, notice).items()}
