"""Train a grid of networks and record each: data sets x methods x sizes x depths x seeds.

The grid is a preset (quick, table1, table2, figure2, figure3, figure4, all) or a small TOML file. What is recorded
already is skipped, so that a sweep goes on where it was stopped, however it was stopped. `report` draws the results of
the paper's presets (all but quick).
"""

import argparse
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..experiments.sweep.grid import Job

HELP = "train a grid of networks, stop and go on at will"
RECORDS = Path("data/records")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("grid", help="a preset or a TOML file; hashnets_np/experiments/sweep/presets holds the presets")
    parser.add_argument("--records", type=Path, help=f"folder (default: {RECORDS}; for quick: data/cache/quick)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: %(default)s)")
    parser.add_argument("--dask", metavar="ADDRESS", help="work on this Dask scheduler, such as tcp://host:8786; its "
                        "workers look for data in --data-dir or in a $HASHNETS_DATA of their own")
    parser.add_argument("--data-dir", type=Path, help="where data files are (default: $HASHNETS_DATA, data/cache)")
    parser.add_argument("--retry", action="store_true", help="try failed jobs again")
    parser.add_argument("--list", action="store_true", help="print the jobs that are left, and do nothing")
    for name in ("datasets", "methods", "layers", "seeds"):
        parser.add_argument(f"--{name}", help=f"only these {name}, with commas between")
    parser.add_argument("--sizes", help="only these compressions or expansions, with commas between: 1/8,1/64")


def run(args: argparse.Namespace) -> int:
    """Sweep."""
    from ..experiments.sweep.drive import dask_workers, local_workers, plan, say_on_stderr, sweep
    from ..experiments.sweep.grid import read_grid, with_searches
    from ..experiments.sweep.records import read_all
    from ..experiments.sweep.work import data_dir_text

    if args.workers < 1:
        raise ValueError(f"--workers must be at least 1, got {args.workers}")
    records = args.records or (Path("data/cache/quick") if args.grid == "quick" else RECORDS)
    runs = [job for job in read_grid(args.grid) if selected(job, args)]
    if not runs:
        raise ValueError("no job of the grid fits --datasets, --methods, --layers, --sizes and --seeds")
    to_do = plan(runs, read_all(records), args.retry)
    if args.list:
        for job in to_do:
            print(job.label())
        return 0
    if any(job.kind == "search" for job in to_do) and not args.dask and not find_spec("optuna"):
        raise ValueError("hyper-parameters are searched with Optuna, which is not installed: pip install optuna")
    workers = dask_workers(args.dask) if args.dask else local_workers(args.workers)
    counts = sweep(runs, records, workers, data_dir_text(args.data_dir), args.retry, say_on_stderr)
    before = "" if to_do else "nothing new to do: "
    print(f"{before}{counts['done']} done, {counts['failed']} failed, {counts['left']} left; records in {records}")
    written = read_all(records)
    failed = sum(written.get(job.key, {}).get("status") == "failed" for job in with_searches(runs))
    if failed:
        print(f"{failed} failed now or earlier; --retry tries them again")
    return 1 if failed or counts["left"] else 0


def selected(job: "Job", args: argparse.Namespace) -> bool:
    """Tell whether a job fits the selection of the command line."""
    values = {"datasets": job.dataset, "methods": job.method, "layers": str(job.layers), "seeds": str(job.seed)}
    values["sizes"] = job.compression or str(job.expansion)
    return all(not getattr(args, name) or value in getattr(args, name).split(",") for name, value in values.items())
