"""Records on disk: one finished job is one line of JSON, written so that no crash can damage or lose a line.

A line is appended with one write and flushed to the disk (fsync) under a file lock. If a machine loses power in the
middle of a write, the unfinished line is cut off before the next append. A job that is done stays done: its first
record of success counts, in reading as in appending, whatever comes before or after it. If a job only failed, its last
failure counts. `schema` says what a line holds.
"""

import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...support.disk import locked
from .schema import FailureRecord, Record, record_from_json, record_to_json

FILES = {"run": "runs.jsonl", "search": "searches.jsonl"}
BOM = b"\xef\xbb\xbf"
Notice = Callable[[str], Any]


def append(path: Path, record: Record) -> bool:
    """Append a record durably; returns False, and writes nothing, if its job is done already.

    Raises
    ------
    ValueError
        If a line of the file is not a record; it is named, and nothing is written.
    OSError
        If the disk is full; the file is as it was.
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
    """Return the beginning of a record at the end of a file, which a crash left; a complete record is none."""
    rest = content[content.rfind(b"\n") + 1 :]
    if not rest.lstrip(b"\0 \t").startswith(b"{"):
        return b""
    try:
        json.loads(rest.strip(b"\0"))
    except RecursionError:
        return b""  # nested too deeply to read, but not cut short; `parse` reports it
    except ValueError:
        return rest
    return b""


def parse(content: bytes, path: Path, notice: Notice | None = None) -> Iterator[Record]:
    """Read the records of a file's content; the beginning of a line at its end, which a crash left, is none.

    Blank lines, a byte-order mark, line ends of Windows and the NUL bytes of a power cut are passed over. Raises
    ValueError, naming file and line, for anything else that is not a record.
    """
    rest = half_line(content)
    if rest and notice:
        notice(f"{path}: half a line at the end, {len(rest)} bytes that a crash left, is ignored")
    lines = content[: len(content) - len(rest)].removeprefix(BOM).split(b"\n")
    for number, line in enumerate(lines, start=1):
        text = line.strip(b"\0 \t\r")
        if b"\0" in line and notice:
            notice(f"{path}, line {number}: NUL bytes, as a power cut leaves them, are ignored")
        if text:
            yield parse_line(text, path, number)


def parse_line(text: bytes, path: Path, number: int) -> Record:
    """Read one line; what is wrong with it becomes one ValueError that names it and says what to do."""
    try:
        return record_from_json(json.loads(text.decode(), parse_constant=refuse))
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise ValueError(f"{path}, line {number} is not a record ({reason}); was it edited or merged by hand? Correct "
                         "the line, or delete it: `sweep` then does its job again") from error


def refuse(constant: str) -> float:
    """Refuse NaN and Infinity, which are not JSON."""
    raise ValueError(f"{constant} is not a number")


def by_key(records: Iterator[Record]) -> dict[str, Record]:
    """Keep one record of each job: the first of success or, without one, the last failure."""
    kept: dict[str, Record] = {}
    for record in records:
        if isinstance(kept.get(record.key), FailureRecord | None):  # nothing yet, or a failure
            kept[record.key] = record
    return kept


def read(path: Path, notice: Notice | None = None) -> dict[str, Record]:
    """Read the record of each job; no file is no records. notice: is told what was passed over."""
    return by_key(parse(path.read_bytes(), path, notice)) if path.exists() else {}


def read_all(folder: Path, notice: Notice | None = None) -> dict[str, Record]:
    """Read the records of runs and searches of a folder, by key."""
    return {key: record for name in FILES.values() for key, record in read(folder / name, notice).items()}
