"""Train a grid of networks and record each: data sets x methods x sizes x depths x seeds.

The grid is a preset (quick, table1, table2, figure2, figure3, figure4, all; protocol2-rect and others, protocol2;
released; ablations) or a small TOML file. What is recorded already is skipped, so that a sweep goes on where it was
stopped, however it was stopped. At its end it shows the results of the grid; `report` draws those of the paper's
presets and of the ablations.

Exit code 0: all of the grid is done. 1: some jobs failed or are left. 2: it could not begin or continue; one line says
why. 130: Ctrl-C.
"""

import argparse
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from . import any_path, some_text, writable_folder

if TYPE_CHECKING:
    from ..experiments.sweep.grid import Job

HELP = "train a grid of networks; stop and resume at any time"
RECORDS = Path("data/records")
FOLDERS = {  # of grids whose records are kept apart
    "quick": Path("data/cache/quick"),
    **dict.fromkeys(("ablations", "ablations-digits", "ablations-mnist14"), RECORDS / "ablations"),
}
SELECTIONS: "dict[str, Callable[[Job], str]]" = {
    "datasets": lambda job: job.dataset,
    "methods": lambda job: job.method,
    "layers": lambda job: str(job.layers),
    "seeds": lambda job: str(job.seed),
    "sizes": lambda job: job.compression or str(job.expansion),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.set_defaults(execute=run_sweep)
    parser.add_argument("grid", type=some_text,
                        help="a preset or a TOML file; hashnets_np/experiments/sweep/presets holds the presets")
    parser.add_argument("--records", type=any_path, help=f"folder (default: {RECORDS}; for quick: data/cache/quick; "
                        f"for ablations: {RECORDS}/ablations)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1,
                        help="processes (default: the number of cores)")
    parser.add_argument("--dask", type=some_text, metavar="ADDRESS",
                        help="work on this Dask scheduler, such as tcp://host:8786; its workers look for data in "
                             "--data-dir or in a $HASHNETS_DATA of their own")
    parser.add_argument("--data-dir", type=any_path, help="where data files are (default: $HASHNETS_DATA, data/cache)")
    parser.add_argument("--retry", action="store_true", help="try failed jobs again")
    parser.add_argument("--list", action="store_true", help="print the jobs that are left, and do nothing")
    for name in ("datasets", "methods", "layers", "seeds"):
        parser.add_argument(f"--{name}", type=some_text, help=f"only these {name}, separated by commas")
    parser.add_argument("--sizes", type=some_text,
                        help="only these compressions or expansions, separated by commas: 1/8,1/64")


def run_sweep(args: argparse.Namespace) -> int:
    """Sweep, and print the state of the grid."""
    from ..experiments.report.state import result_table, state_line
    from ..experiments.sweep.drive import dask_workers, jobs_to_do, local_workers, say_on_stderr, sweep
    from ..experiments.sweep.grid import read_grid, with_searches
    from ..experiments.sweep.records import read_all
    from ..experiments.sweep.work import data_dir_text

    if args.workers < 1:
        raise ValueError(f"--workers must be at least 1, got {args.workers}")
    if args.data_dir and not args.dask and not args.data_dir.is_dir():  # workers of Dask have folders of their own
        raise ValueError(f"argument --data-dir: there is no folder {args.data_dir}")
    records = args.records or FOLDERS.get(args.grid, RECORDS)
    runs = selected(read_grid(args.grid), args)
    recorded = read_all(records)
    to_do = jobs_to_do(runs, recorded, args.retry)
    if args.list:
        for job in to_do:
            print(job.label())
        if not to_do:
            say_on_stderr(f"nothing left to do: {state_line(with_searches(runs), recorded)[0]}; records in {records}")
        return 0
    if any(map(needs_optuna, to_do)) and not args.dask and not find_spec("optuna"):
        raise ValueError("hyper-parameters are searched with Optuna, which is not installed: pip install optuna")
    if to_do:
        writable_folder(records, "--records")
        workers = dask_workers(args.dask) if args.dask else local_workers(min(args.workers, len(to_do)))
        sweep(runs, records, workers, data_dir_text(args.data_dir), args.retry, say_on_stderr)
    written = read_all(records, say_on_stderr)
    if table := result_table(runs, written):
        print(f"{table}\n")
    line, failed, left = state_line(with_searches(runs), written)
    print(f"{'' if to_do else 'nothing left to do: '}{line}; records in {records}")
    if failed:
        print(f"{failed} failed now or earlier; --retry tries them again")
    return 1 if failed or left else 0


def needs_optuna(job: "Job") -> bool:
    """Tell whether a job searches more than a few given step sizes."""
    from ..experiments.sweep.protocols import PROTOCOLS

    return job.kind == "search" and not PROTOCOLS[job.protocol].rates


def selected(jobs: "list[Job]", args: argparse.Namespace) -> "list[Job]":
    """Choose the jobs that the command line asks for; a value that the grid does not have is an error that names those.

    Raises ValueError, too, if each value is known and yet no job has all of them.
    """
    chosen = jobs
    for name, value_of in SELECTIONS.items():
        text = getattr(args, name)
        if text is None:
            continue
        wanted = [part.strip() for part in text.split(",")]
        there = list(dict.fromkeys(map(value_of, jobs)))
        if unknown := [value for value in wanted if value not in there]:
            raise ValueError(f"--{name}: no job of the grid has {unknown[0]!r}; it has {', '.join(there)}")
        chosen = [job for job in chosen if value_of(job) in wanted]
    if not chosen:
        raise ValueError("no job of the grid has all that --datasets, --methods, --layers, --sizes and --seeds ask for")
    return chosen
