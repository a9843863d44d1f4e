"""Train dense, equal-size and hashed networks on the shipped digits and draw their error against compression.

The three networks have virtual widths 64-256-10. At each compression the equal-size network (NN) and the HashNet
store the same number of weights, to within 3 % (NN has whole units). Both get the same tuning: the learning rate with
the lowest mean validation error over all seeds.
"""

import argparse
import itertools
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..datasets import load_dataset
from ..experiments.methods import METHODS as KNOWN
from ..experiments.methods import build
from ..optim import SGD
from ..support.checks import check_count
from ..support.processes import begin_work, interrupts_held_back, stop
from ..training import fit
from . import any_path, writable_folder

HELP = "see a HashedNet beat an equally small network on real digits"
WIDTHS = (64, 256, 10)
COMPRESSIONS = ("1", "1/2", "1/4", "1/8", "1/16", "1/32", "1/64")
METHODS = ("nn", "hashnet")
LEARNING_RATES = (0.01, 0.03, 0.1, 0.3)


class Run(NamedTuple):
    """One training run, and what came out of it (errors in percent)."""

    method: str
    compression: str
    learning_rate: float
    seed: int
    epochs: int
    stored: int = 0
    valid_error: float = np.nan
    test_error: float = np.nan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.set_defaults(execute=train_demo)
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds, from 0 (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=20, help="(default: %(default)s)")
    parser.add_argument("--figures", type=any_path, default=Path("figures"), help="folder (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1,
                        help="processes (default: the number of cores)")


def train_demo(args: argparse.Namespace) -> int:
    """Train everything, print the table, draw the figure."""
    for name in ("seeds", "epochs", "workers"):
        check_count(f"--{name}", getattr(args, name))
    writable_folder(args.figures, "--figures")
    results = train_all(args.seeds, args.epochs, args.workers)
    chosen = {(m, c): choose(results, m, c) for m in METHODS for c in COMPRESSIONS}
    print(table(chosen))
    path = draw(chosen, args.figures, args.epochs)
    print(f"\nThe same as a picture: {path}")
    print("Next: `python -m hashnets_np hash 3 5` (with .venv activated) shows how one weight is found; see README.md.")
    return 0


def train_all(seeds: int, epochs: int, workers: int) -> list[Run]:
    """Train every combination, in processes of one thread each."""
    from tqdm import tqdm

    from ..experiments.sweep.drive import ONE_THREAD, environment

    # the methods in turn, so that the bar moves evenly: a HashedNet takes several times as long as the narrower network
    points = itertools.product(COMPRESSIONS, LEARNING_RATES, range(seeds), METHODS)
    plan = [Run(method, compression, rate, seed, epochs) for compression, rate, seed, method in points]
    print(f"Training {len(plan)} networks on {workers} cores, after about 10 s of compiling.", file=sys.stderr)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=begin_work) as pool:
        try:
            with environment(ONE_THREAD), interrupts_held_back():
                futures = [pool.submit(train_one, run) for run in plan]
            # disable=None: a bar on terminals only
            return [future.result() for future in tqdm(futures, unit="run", leave=False, disable=None)]
        except BaseException:
            stop(pool)  # or it would wait for all of the plan
            raise


def train_one(plan: Run) -> Run:
    """Train one network on the digits."""
    net = build(plan.method, WIDTHS, compression=plan.compression, seed=plan.seed)
    optimizer = SGD(plan.learning_rate, momentum=0.9, schedule="cosine")
    history = fit(net, load_dataset("digits"), plan.epochs, optimizer=optimizer, seed=plan.seed)
    if history.test_error is None:
        raise ValueError(f"{plan.method} at compression {plan.compression} with learning rate {plan.learning_rate} and "
                         f"seed {plan.seed} diverged in its first epoch, expected at least one whole epoch; choose "
                         "smaller LEARNING_RATES in hashnets_np/commands/demo.py")
    valid = min(history.valid_error)
    test = history.test_error
    return plan._replace(stored=net.num_parameters(), valid_error=valid, test_error=test)


def choose(results: list[Run], method: str, compression: str) -> list[Run]:
    """Pick the runs with the learning rate that is best on the validation split, on average over the seeds."""
    here = [r for r in results if (r.method, r.compression) == (method, compression)]
    by_rate = [[r for r in here if r.learning_rate == rate] for rate in sorted({r.learning_rate for r in here})]
    return min(by_rate, key=lambda runs: np.mean([r.valid_error for r in runs]))


def mean_and_spread(runs: list[Run]) -> tuple[float, float]:
    """Mean and sample standard deviation of the test error; 0 for one seed, whose spread is not known."""
    errors = [r.test_error for r in runs]
    return float(np.mean(errors)), float(np.std(errors, ddof=1)) if len(errors) > 1 else 0.0


def table(chosen: dict[tuple[str, str], list[Run]]) -> str:
    """Write the table of test errors."""
    several = len(chosen["nn", "1"]) > 1
    of = "mean +- standard deviation over the seeds" if several else "one seed, so that its spread is not known"
    lines = [f"test error on the shipped digits, % ({of})\n",
             f"{'compression':>11}  {'stored: NN':>10}  {'HashNet':>8}  {'error: NN':>14}  {'HashNet':>14}"]
    for c in COMPRESSIONS:
        nn = chosen["nn", c]
        hashed = chosen["hashnet", c]
        errors = [f"{mean:6.2f} +- {spread:4.2f}" if several else f"{mean:.2f}"
                  for mean, spread in map(mean_and_spread, (nn, hashed))]
        lines.append(f"{c:>11}  {nn[0].stored:>10}  {hashed[0].stored:>8}  {errors[0]:>14}  {errors[1]:>14}")
    return "\n".join([*lines, "\nNN at compression 1 is the dense network, 64-256-10."])


def draw(chosen: dict[tuple[str, str], list[Run]], folder: Path, epochs: int) -> Path:
    """Draw error against compression."""
    from ..plots import plot_error_curves, save_figure, use_style

    plt = use_style()
    figure, ax = plt.subplots()
    curves = {}
    for method in METHODS:
        means, spreads = zip(*(mean_and_spread(chosen[method, c]) for c in COMPRESSIONS), strict=True)
        curves[method] = (COMPRESSIONS, means, spreads)
    labelled = {KNOWN[method].label: curve for method, curve in curves.items()}
    plot_error_curves(ax, labelled, "compression: stored weights / weights of the dense network")
    dense = curves["nn"][1][0]
    ax.axhline(dense, color="0.35", linewidth=1.2, linestyle=":", marker="")
    ax.annotate("dense network", (1 / 64, dense), (0, -14), textcoords="offset points", color="0.35")
    ax.set_ylim(bottom=0)
    ax.set_title("Test error at equal storage: hashed weights or fewer units")
    seeds = len(chosen["nn", "1"])
    what = f"mean and standard deviation of {seeds} seeds" if seeds > 1 else "one seed"
    caption = f"UCI digits, 600 test images; virtual widths 64-256-10; {epochs} epochs; {what}"
    figure.text(0.01, -0.04, caption, fontsize=9, color="0.35")
    path = folder / "demo.png"
    save_figure(figure, path)
    return path
