"""What a record holds, for those who write it and those who read it: a run, a search, or a job that failed.

A record is one line of JSON: the key and the status, the job, and what came out of it. The dataclasses here are the
schema; `record_from_json` checks a line against them, so that no later code meets a missing or mistyped field.
"""

import functools
import sys
import types
import typing
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from math import isclose
from typing import Any

from ..methods import METHODS
from .grid import Job
from .paired import unpack

Hyper = dict[str, float]
LARGEST = 2**63  # of a whole number: what a report computes with must fit into a float
NEEDED = ("rate", "momentum", "input_dropout", "dropout")  # hyper-parameters that a run takes from its search
NEEDED_WITH_TEACHER = ("temperature", "mix")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One trial of a search: hyper-parameters and the validation error after them, in percent."""

    hyper: Hyper
    valid_error: float


@dataclass(frozen=True, kw_only=True)
class Round:
    """The trials of a search in one set of ranges, (low, high) by hyper-parameter."""

    ranges: dict[str, list[float]]
    trials: list[Trial]


@dataclass(frozen=True, kw_only=True)
class Final:
    """One training in full: the number of epochs that it chose, its error there, and the whole curve, in percent."""

    hyper: Hyper
    epochs: int
    valid_error: float
    curve: list[float]


@dataclass(frozen=True, kw_only=True)
class Doubling:
    """One decision on the number of epochs: the error with twice as many, and how much it had to fall, in percent."""

    epochs: int
    valid_error: float
    had_to_fall_by: float
    goes_on: bool


@dataclass(frozen=True, kw_only=True)
class Base:
    """What every record has: its job, and how long it took where."""

    job: Job
    seconds: float = 0.0
    machine: str = ""

    @property
    def key(self) -> str:
        """The name of the job."""
        return self.job.key


@dataclass(frozen=True, kw_only=True)
class RunRecord(Base):
    """A finished run: what it was trained on, with what, and the error on the test set; errors in percent."""

    name: str
    provenance: str
    version: str
    test_error: float
    valid_error: float | None
    epochs: int
    hyper: Hyper
    rate_halvings: int = 0
    stuck: int = 0  # how many of the restarts were trainings that never got off the ground
    stored: int
    virtual: int
    examples: int
    test_examples: int
    train_loss: float
    wrong: str | None = None  # the test images it got wrong, packed by `paired.pack`
    commit: str | None = None  # of the code in git, where it ran from a checkout; the first records don't say

    def __post_init__(self) -> None:
        check_percent(test_error=self.test_error, valid_error=self.valid_error)
        check_least(1, epochs=self.epochs, stored=self.stored, virtual=self.virtual,
                    examples=self.examples, test_examples=self.test_examples)
        if self.wrong is not None:
            check_wrong(self.wrong, self.test_examples, self.test_error)


@dataclass(frozen=True, kw_only=True)
class SearchRecord(Base):
    """A finished search: the chosen hyper-parameters and epochs, and the way there; errors in percent."""

    name: str
    provenance: str
    version: str
    hyper: Hyper
    epochs: int
    valid_error: float
    curve: list[float]
    at_edge: bool
    trial_epochs: int
    rounds: list[Round]
    finals: list[Final] | None = None  # the first searches had none
    doublings: list[Doubling] | None = None  # only where epochs are doubled (protocol 2)
    commit: str | None = None  # as in a run

    def __post_init__(self) -> None:
        check_percent(valid_error=self.valid_error)
        check_least(1, epochs=self.epochs)
        check_hyper(self.hyper, self.job)


@dataclass(frozen=True, kw_only=True)
class FailureRecord(Base):
    """A job that failed for a reason of its own, and would fail again."""

    error: str


Record = RunRecord | SearchRecord | FailureRecord
KINDS: dict[str, type[RunRecord] | type[SearchRecord]] = {"run": RunRecord, "search": SearchRecord}


def check_percent(**values: float | None) -> None:
    """Check that errors are percentages."""
    for name, value in values.items():
        if value is not None and not 0 <= value <= 100:
            raise ValueError(f"{name} must be a percentage from 0 to 100, got {value}")


def check_least(least: int, **values: int) -> None:
    """Check that counts are large enough."""
    for name, value in values.items():
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")


def check_hyper(hyper: Hyper, job: Job) -> None:
    """Check that a search chose all that its runs are trained with; of a method not registered here less is known."""
    method = METHODS.get(job.method)
    needed = NEEDED + (NEEDED_WITH_TEACHER if method and method.student else ())
    if missing := [name for name in needed if name not in hyper]:
        raise ValueError(f"hyper must have {', '.join(needed)} for {job.method}, but {missing[0]} is missing")


def check_wrong(wrong: str, images: int, test_error: float) -> None:
    """Check that the list of wrong test images is complete, and as long as the test error says."""
    try:
        count = int(unpack(wrong, images).sum())
    except ValueError as error:
        raise ValueError(f"wrong cannot be read: {error}") from error
    if not isclose(100 * count / images, test_error, abs_tol=1e-6):  # a single image makes more
        raise ValueError(f"wrong lists {count} of {images} test images, {100 * count / images:g} %, but test_error "
                         f"is {test_error}")


def record_to_json(record: Record) -> dict[str, Any]:
    """Turn a record into what its line says: key and status, the job, the results; fields of None are left out."""
    own = {name: value for name, value in asdict(record).items() if name not in ("job", "seconds", "machine")}
    results = {name: value for name, value in own.items() if value is not None or name == "valid_error"}
    status = "failed" if isinstance(record, FailureRecord) else "done"
    job = asdict(record.job)
    if record.job.protocol == "1":
        del job["protocol"]  # as in the records before there was another
    return {"key": record.key, "status": status, **job, **results, "seconds": record.seconds,
            "machine": record.machine}


def record_from_json(content: Any) -> Record:
    """Make a record of the content of a line.

    Raises
    ------
    ValueError
        With the name of the field, if one is missing or is not what it should be, or if the key is not that of the job.
    """
    if not isinstance(content, dict):
        raise ValueError(f"expected an object, got {short(content)}")
    status = content.get("status")
    if status not in ("done", "failed"):
        raise ValueError(f"status must be \"done\" or \"failed\", got {short(status)}")
    job = read_fields(Job, content)
    if content.get("key") != job.key:
        raise ValueError(f"the key should be {job.key!r} for this job, got {short(content.get('key'))}")
    if status == "failed":
        return read_fields(FailureRecord, content | {"job": job})
    if job.kind not in KINDS:
        raise ValueError(f"kind must be \"run\" or \"search\", got {short(job.kind)}")
    return read_fields(KINDS[job.kind], content | {"job": job})


def read_fields(kind: Any, content: dict[str, Any]) -> Any:
    """Make a dataclass of a JSON object, each field checked by its type; fields that it does not know are ignored."""
    hints = types_of_fields(kind)
    values = {}
    for field in fields(kind):
        if field.name in content:
            values[field.name] = read_value(content[field.name], hints[field.name], field.name)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{field.name} is missing")
    return kind(**values)


@functools.cache  # for each record anew it would be about half of the time that reading takes
def types_of_fields(kind: Any) -> dict[str, Any]:
    """Find the types of a dataclass's fields."""
    return typing.get_type_hints(kind)


def read_value(value: Any, hint: Any, name: str) -> Any:
    """Check one value by its type: numbers are finite; true and false are not numbers."""
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin is types.UnionType:
        return None if value is None else read_value(value, arguments[0], name)
    if origin is list and isinstance(value, list):
        return [read_value(each, arguments[0], name) for each in value]
    if origin is dict and isinstance(value, dict):
        return {key: read_value(each, arguments[1], f"{name}.{key}") for key, each in value.items()}
    if isinstance(value, Job):  # never of JSON: `record_from_json` has read it
        return value
    if is_dataclass(hint) and isinstance(value, dict):
        return read_fields(hint, value)
    if hint is float and is_finite(value):
        return value
    if hint in (int, str, bool) and type(value) is hint and not (hint is int and abs(value) > LARGEST):
        return value
    wanted = "a finite number" if hint is float else getattr(hint, "__name__", str(hint))
    if type(value) is hint is int:
        wanted = "at most 2**63 in size"
    raise ValueError(f"{name} must be {wanted}, got {short(value)}")


def is_finite(value: Any) -> bool:
    """Tell whether a value is a number that a float can hold."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max  # not so of NaN


def short(value: Any) -> str:
    """Show a value in a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
