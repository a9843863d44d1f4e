"""Records: one finished job is one line of JSON, written so that no crash can damage or lose a line.

A line is appended with one write and flushed to the disk (fsync) under a file lock. Should a machine lose power in the
middle of a write, the piece without its newline is cut off before the next append. Later lines for the same key replace
earlier ones, so that a failed job can be tried again. Left out: several files; a sweep has one for runs and one for
searches.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Record = dict[str, Any]
FILES = {"run": "runs.jsonl", "search": "searches.jsonl"}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`.lock: the system frees it when its process ends, however that happens."""
    with open(path.with_name(path.name + ".lock"), "a+b") as file:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def append(path: Path, record: Record) -> bool:
    """Append a record durably; returns False, and writes nothing, if its key is already done.

    record: JSON-able, with "key" and "status" ("done" or "failed").
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    line = (json.dumps(record, allow_nan=False) + "\n").encode()
    with locked(path), open(path, "a+b") as file:
        file.seek(0)
        content = file.read()
        if done(parse(content, path), record["key"]):
            return False
        whole = content.rfind(b"\n") + 1
        if whole < len(content):  # half a line from a crash
            file.truncate(whole)
        written = os.write(file.fileno(), line)
        if written != len(line):
            file.truncate(whole)
            raise OSError(f"the disk of {path} is full: nothing was written")
        os.fsync(file.fileno())
    return True


def parse(content: bytes, path: Path) -> list[Record]:
    """Read whole lines; a last piece without a newline is not a record. Raises ValueError, naming a damaged line."""
    records = []
    for number, line in enumerate(content[: content.rfind(b"\n") + 1].split(b"\n")[:-1], start=1):
        try:
            record = json.loads(line)
            record["key"], record["status"]
        except (ValueError, KeyError, TypeError) as error:
            what = f"{path}, line {number} is no record ({error})"
            raise ValueError(f"{what}; was it edited or merged by hand?") from error
        records.append(record)
    return records


def done(records: list[Record], key: str) -> bool:
    """Tell whether a job has a record of success."""
    return any(r["key"] == key and r["status"] == "done" for r in records)


def read(path: Path) -> dict[str, Record]:
    """Read the last record of each key; no file is no records."""
    return {record["key"]: record for record in parse(path.read_bytes(), path)} if path.exists() else {}


def read_all(folder: Path) -> dict[str, Record]:
    """Read the records of runs and searches of a folder, by key."""
    return {key: record for name in FILES.values() for key, record in read(folder / name).items()}
