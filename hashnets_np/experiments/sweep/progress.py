"""The state of a sweep: what is done, what failed, and a guess of the time left from what earlier jobs took."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import InitVar, dataclass, field
from typing import Any

from ..methods import METHODS
from .grid import Job
from .schema import FailureRecord, Record, RunRecord

Say = Callable[[str], Any]
Counts = dict[str, int]


@dataclass
class Progress:
    """Counts, and a guess of the time left.

    jobs: all there is to do. workers: how many at a time. say: is told a line per job. past: earlier records, which may
    be of another machine; a guess is a guess.
    """

    jobs: list[Job]
    workers: int
    say: Say
    past: InitVar[Iterable[Record]] = ()
    done: int = 0
    failed: int = 0
    elsewhere: int = 0
    seconds: dict[tuple[str, ...], float] = field(default_factory=lambda: defaultdict(float), init=False)
    sizes: dict[tuple[str, ...], float] = field(default_factory=lambda: defaultdict(float), init=False)

    def __post_init__(self, past: Iterable[Record]) -> None:
        for record in past:
            self.learn(record)

    def learn(self, record: Record) -> None:
        """Remember what a job took, by protocol, kind and data set, by kind, and at all.

        A method that is not registered here teaches nothing: how large its networks are is not known.
        """
        if isinstance(record, FailureRecord) or record.job.method not in METHODS:
            return
        for what in likeness(record.job):
            self.seconds[what] += record.seconds
            self.sizes[what] += record.job.size()

    def guess(self, job: Job) -> float:
        """Guess the seconds of a job: in proportion to its size, from the jobs most like it."""
        like = next((what for what in likeness(job) if self.sizes[what]), None)
        return 0.0 if like is None else job.size() * self.seconds[like] / self.sizes[like]

    def update(self, job: Job, record: Record, waiting: list[Job], running: list[Job]) -> None:
        """Report what just finished and how much is left."""
        good = not isinstance(record, FailureRecord)
        self.done = self.done + good
        self.failed = self.failed + (not good)
        self.learn(record)
        left = sum(map(self.guess, waiting + running)) / max(self.workers, 1)
        self.say(f"[{self.done + self.failed}/{len(self.jobs)}] {job.label()}: {outcome(record)} ({record.seconds:.0f} "
                 f"s); running {len(running)}, failed {self.failed}, about {duration(left)} left")

    def counts(self) -> Counts:
        """Return how many jobs were done, failed and left."""
        left = len(self.jobs) - self.done - self.failed - self.elsewhere
        return {"done": self.done, "failed": self.failed, "left": left}


def likeness(job: Job) -> tuple[tuple[str, ...], ...]:
    """Name the groups of jobs that take their time as this one does, the most alike first."""
    return (job.protocol, job.kind, job.dataset), (job.kind, job.dataset), (job.kind,), ()


def outcome(record: Record) -> str:
    """Say in a few words what came out of a job."""
    if isinstance(record, FailureRecord):
        return record.error
    if isinstance(record, RunRecord):
        return f"test {record.test_error:.2f} %"
    return f"validation {record.valid_error:.2f} %, {record.epochs} epochs"


def duration(seconds: float) -> str:
    """Write a time in two units.

    >>> duration(4000), duration(70)
    ('1 h 6 min', '1 min 10 s')
    """
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours} h {m} min" if hours else f"{m} min {s} s"
