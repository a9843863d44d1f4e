"""What a sweep is asked for: one job per training run or search, read from a small TOML file or a preset.

A grid is a product: data sets x methods x layers x (compressions or expansions) x seeds. A file has one or more
[[grid]] tables and settings above them; `presets/*.toml` are such files. Not covered here: what a job does (`work`).
"""

import itertools
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from itertools import pairwise
from math import log2
from pathlib import Path
from typing import Any

from ...datasets import LOADERS
from ...maps import bucket_count, exact_fraction
from ..methods import METHODS
from .protocols import PROTOCOLS, TABLE_POINTS

PRESETS = Path(__file__).parent / "presets"
ALL = ("table1", "table2", "figure2", "figure3", "figure4")  # the paper's campaign; `all` is these, in this order
PROTOCOL2 = ("protocol2-rect", "protocol2-basic", "protocol2-mnist3", "protocol2-mnist5", "protocol2-figure4",
             "protocol2-figures")  # the original data again, with more power; `protocol2` is these, in this order
ABLATIONS = ("ablations-digits", "ablations-mnist14")  # other ways of sharing weights; `ablations` is both
JOINED = {"all": ALL, "protocol2": PROTOCOL2, "ablations": ABLATIONS}
SEARCHED = {"nn": ("1", *TABLE_POINTS)}  # where protocol 1 searches; nn at 1 is the teacher of dark knowledge
SEARCHED_OTHERS = TABLE_POINTS

# what a grid may contain: a test of each value, and what it asks for in words
Entry = tuple[Callable[[Any], bool], str]
LISTS: dict[str, Entry] = {
    "datasets": (lambda v: v in tuple(LOADERS), f"among {', '.join(LOADERS)}"),
    "methods": (lambda v: v in METHODS, f"among {', '.join(METHODS)}"),
    "layers": (lambda v: whole(v, 3), "whole numbers from 3 (one hidden layer)"),
    "compressions": (lambda v: is_compression(v), "numbers above 0, at most 1, such as \"1/8\""),
    "expansions": (lambda v: whole(v, 1), "whole numbers from 1"),
    "seeds": (lambda v: whole(v, 0), "whole numbers from 0"),
}
SETTINGS: dict[str, Entry] = {
    "hidden": (lambda v: whole(v, 1), "a whole number from 1"),
    "tune": (lambda v: type(v) is bool, "true or false"),
    "max_epochs": (lambda v: whole(v, 1), "a whole number from 1"),
    "protocol": (lambda v: v in tuple(PROTOCOLS), f"among {', '.join(PROTOCOLS)}"),
}


@dataclass(frozen=True)
class Job:
    """One point of a grid. kind: "run" (train and test once) or "search" (choose hyper-parameters for such runs).

    layers: the paper's count, hidden layers + 2. compression ("1/8") or expansion (8), the other None. hidden: units
    per hidden layer. tune: hyper-parameters from a search, else the defaults. max_epochs: no training is longer; None
    for what the size of the data set and the protocol ask. protocol: the rules by which it is made (`protocols`).
    """

    kind: str
    dataset: str
    method: str
    layers: int
    compression: str | None
    expansion: int | None
    seed: int
    hidden: int = 1000
    tune: bool = True
    max_epochs: int | None = None
    protocol: str = "1"

    @property
    def key(self) -> str:
        """Name the job: two jobs of one name are the same job. Protocol 1 goes without saying."""
        parts = ((field.name, getattr(self, field.name)) for field in fields(self))
        parts = (part for part in parts if part != ("protocol", "1"))
        return " ".join(f"{name}={value}" for name, value in parts if value is not None)

    def widths(self, inputs: int, classes: int) -> list[int]:
        """List the widths of the network at compression 1 (or expansion 1)."""
        return [inputs, *[self.hidden] * (self.layers - 2), classes]

    def size(self) -> float:
        """Count the multiplications for an example, about, to guess how long the job takes: of 784 inputs, 10 classes.

        >>> [Job("run", "mnist", method, 3, "1/8", None, seed=0).size() for method in ("hashnet", "nn")]
        [794000.0, 99250.0]
        """
        widths = replace(self, hidden=self.hidden * (self.expansion or 1)).widths(784, 10)
        shrunk = self.compression if METHODS[self.method].network.narrow else None
        return float(sum(a * b for a, b in pairwise(widths)) * Fraction(shrunk or 1))

    def label(self) -> str:
        """Describe the job in a few words for the progress line."""
        size = f"c={self.compression}" if self.compression else f"x{self.expansion}"
        what = "search " if self.kind == "search" else ""
        return f"{what}{self.dataset} {self.method} {self.layers} layers {size} seed {self.seed}"


def search_for(job: Job, method: str | None = None, at: str | None = None) -> Job:
    """Find the search whose hyper-parameters a run takes: of its own point, or of the nearest where its rules say so.

    method: of another method, at the compression `at`.
    """
    method = method or job.method
    if not PROTOCOLS[job.protocol].own_searches:
        return nearest_search(job, method, at or nearest_point(job, method, SEARCHED.get(method, SEARCHED_OTHERS)))
    if at is not None:
        return nearest_search(job, method, at)
    return replace(job, kind="search", method=method, seed=PROTOCOLS[job.protocol].search_seed, tune=True)


def nearest_search(job: Job, method: str, at: str) -> Job:
    """Name the search of a method at a compression, of networks with the full number of hidden units."""
    hidden = 1000 if job.expansion else job.hidden
    seed = PROTOCOLS[job.protocol].search_seed
    return Job("search", job.dataset, method, job.layers, at, None, seed, hidden, True, job.max_epochs, job.protocol)


def nearest_point(job: Job, method: str, points: tuple[str, ...]) -> str:
    """Find the nearest of some compressions.

    At an expansion the compression is stored / virtual weights, 1 / expansion; a dense network of 50 of 1000 units
    counts as 1/20 of its own.
    """
    c = Fraction(job.compression) if job.compression else Fraction(1, job.expansion or 1)
    if job.expansion and METHODS[method].network.narrow:
        c = Fraction(job.hidden, 1000)
    return min(points, key=lambda p: abs(log2(Fraction(p)) - log2(c)))


def step_search_from(job: Job) -> Job | None:
    """Name the search from which a search for the step size alone takes all else; None if `job` searches everything.

    This happens only under protocol 2, away from the compressions of the tables. HashNet and NN are searched in full at
    each compression. Other methods, and all methods at an expansion, take all but the step size from the nearest point
    of the tables.
    """
    protocol = PROTOCOLS[job.protocol]
    if job.kind != "search" or not protocol.own_searches or protocol.rates:
        return None
    if job.compression and (job.compression in TABLE_POINTS or job.method in ("hashnet", "nn")):
        return None
    return nearest_search(job, job.method, nearest_point(job, job.method, TABLE_POINTS))


def needs(job: Job) -> list[Job]:
    """List the searches that must be done before a job: its own, the teacher's, and that of its network without one.

    The last two are for dark knowledge. The last one is needed by searches only, which begin with what it found.
    """
    found = [search_for(job)] if job.kind == "run" and job.tune else []
    if origin := step_search_from(job):
        found.append(origin)
    if METHODS[job.method].student and job.tune:
        found.append(teacher_search(job))
        if job.kind == "search":
            found.append(without_teacher(job))
    return list(dict.fromkeys(found))


def teacher_search(job: Job) -> Job:
    """Find the search for the teacher of dark knowledge: the full dense network."""
    return search_for(job, "nn", "1")


def without_teacher(job: Job) -> Job:
    """Find the search for the network of a dark-knowledge method without its teacher."""
    student = METHODS[job.method].student
    if PROTOCOLS[job.protocol].own_searches:
        return search_for(job, student)
    return search_for(job, student, job.compression)


def with_searches(runs: list[Job]) -> list[Job]:
    """Put each search before the first job that needs it, once."""
    order: dict[Job, None] = {}

    def add(job: Job) -> None:
        if job not in order:
            for search in needs(job):
                add(search)
            order[job] = None

    for job in runs:
        add(job)
    return list(order)


def read_grid(source: str | Path) -> list[Job]:
    """Read the runs of a preset ("table1", ..., "all", "protocol2", "quick") or of a TOML file, in order, each once.

    Raises ValueError, naming the file, for anything that is not understood.
    """
    if names := JOINED.get(str(source)):
        return list(dict.fromkeys(itertools.chain.from_iterable(map(read_grid, names))))
    path = PRESETS / f"{source}.toml"
    path = path if path.exists() else Path(source)
    if not path.exists():
        known = ", ".join([*sorted(p.stem for p in PRESETS.glob("*.toml")), *JOINED])
        raise ValueError(f"{source!r} is neither a preset ({known}) nor a grid file")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not a TOML file: {error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a TOML file, which is text in UTF-8; name a grid file or a preset, "
                         "such as quick") from error
    grids = content.pop("grid", [])
    if not grids or not isinstance(grids, list):
        raise ValueError(f"{path} has no [[grid]] table; see {PRESETS / 'quick.toml'} for an example")
    return list(dict.fromkeys(itertools.chain.from_iterable(expand(path, content | grid) for grid in grids)))


def expand(path: Path, grid: dict[str, Any]) -> list[Job]:
    """Multiply one grid out."""
    for name, value in grid.items():
        check_entry(path, name, value)
    compressions = [str(exact_fraction(c)) for c in grid.get("compressions", [])]
    sizes = [*((c, None) for c in compressions), *((None, e) for e in grid.get("expansions", []))]
    if not sizes:
        raise ValueError(f"{path}: a grid needs compressions or expansions")
    if missing := [name for name in ("datasets", "methods") if not grid.get(name)]:
        raise ValueError(f"{path}: a grid needs {missing[0]}")
    check_protocol(path, grid)
    settings = {name: grid[name] for name in SETTINGS if name in grid}
    lists_in_order = grid["datasets"], grid.get("layers", [3]), sizes, grid["methods"], grid.get("seeds", [0])
    product = itertools.product(*lists_in_order)
    return [Job("run", data, method, layers, c, e, seed, **settings) for data, layers, (c, e), method, seed in product]


def check_entry(path: Path, name: str, value: Any) -> None:
    """Check one line of a grid: a list for LISTS, one value for SETTINGS."""
    if name not in LISTS | SETTINGS:
        raise ValueError(f"{path}: unknown setting {name!r}; known: {', '.join(LISTS | SETTINGS)}")
    if name in LISTS and not isinstance(value, list):
        raise ValueError(f"{path}: {name} must be a list, such as [{value!r}], got {value!r}")
    good, what = (LISTS | SETTINGS)[name]
    for each in value if name in LISTS else [value]:
        if not good(each):
            raise ValueError(f"{path}: {name} must be {what}, got {each!r}")


def check_protocol(path: Path, grid: dict[str, Any]) -> None:
    """Check that the protocol of a grid can do what the grid asks for."""
    name = grid.get("protocol", "1")
    protocol = PROTOCOLS[name]
    searched = grid.get("tune", True)
    if protocol.recipe == "released":
        others = [method for method in grid["methods"] if method != "hashnet"]
        if others:
            raise ValueError(f"{path}: protocol {name!r} is the authors' recipe for hashnet, got the method "
                             f"{others[0]!r}; remove it, or choose another protocol")
        if grid.get("expansions"):
            raise ValueError(f"{path}: protocol {name!r} has compressions only, got expansions; remove them, or choose "
                             "another protocol")
        if searched:
            raise ValueError(f"{path}: protocol {name!r} searches nothing, expected tune = false; add this line")
    taught = [method for method in grid["methods"] if METHODS[method].student]
    if protocol.rates and searched and taught:
        raise ValueError(f"{path}: protocol {name!r} searches the step size alone, and dark knowledge needs a "
                         f"temperature and a mix, too, got the method {taught[0]!r}; remove it, or choose another "
                         "protocol")


def whole(value: Any, least: int) -> bool:
    """Tell whether a value is a whole number from `least` on; true and false are not."""
    return type(value) is int and value >= least


def is_compression(value: Any) -> bool:
    """Tell whether a value is a compression, such as "1/8" or 0.125."""
    try:
        return bucket_count(value, 1) == 1
    except ValueError:
        return False
