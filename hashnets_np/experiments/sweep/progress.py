"""How a sweep stands: what is done and what failed, and a guess of the time left from what earlier jobs took."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import InitVar, dataclass, field, fields
from typing import Any

from .grid import Job
from .records import Record

Say = Callable[[str], Any]


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
        names = {f.name for f in fields(Job)}
        for record in past:
            if names <= record.keys():
                self.learn(Job(**{name: record[name] for name in names}), record)

    def learn(self, job: Job, record: Record) -> None:
        """Remember what a job took, by kind and data set, by kind, and at all."""
        if record["status"] == "done":
            for what in ((job.kind, job.dataset), (job.kind,), ()):
                self.seconds[what] += record["seconds"]
                self.sizes[what] += job.size()

    def guess(self, job: Job) -> float:
        """Guess the seconds of a job: in proportion to its size, from the jobs most like it."""
        like = next((w for w in ((job.kind, job.dataset), (job.kind,), ()) if self.sizes[w]), None)
        return 0.0 if like is None else job.size() * self.seconds[like] / self.sizes[like]

    def tell(self, job: Job, record: Record, waiting: list[Job], running: list[Job]) -> None:
        """Say what just finished and how things stand."""
        good = record["status"] == "done"
        self.done, self.failed = self.done + good, self.failed + (not good)
        self.learn(job, record)
        left = sum(map(self.guess, waiting + running)) / self.workers
        error = f"test {record['test_error']:.2f} %" if "test_error" in record else record.get("error", "")
        if good and job.kind == "search":
            error = f"validation {record['valid_error']:.2f} %, {record['epochs']} epochs"
        self.say(f"[{self.done + self.failed}/{len(self.jobs)}] {job.label()}: {error} ({record['seconds']:.0f} s); "
                 f"running {len(running)}, failed {self.failed}, about {duration(left)} left")

    def counts(self) -> dict[str, int]:
        """Return how many jobs were done, failed and left."""
        left = len(self.jobs) - self.done - self.failed - self.elsewhere
        return {"done": self.done, "failed": self.failed, "left": left}


def duration(seconds: float) -> str:
    """Write a time in two units.

    >>> duration(4000), duration(70)
    ('1 h 6 min', '1 min 10 s')
    """
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours} h {m} min" if hours else f"{m} min {s} s"
