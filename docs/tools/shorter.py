"""What is shorter in the browser's copies of the lessons, where Python runs several times slower and has no numba.

A lesson gets a note that says so under its title. Its changes are pairs of old and new text; an old text that is not
there any more is an error, so that a changed lesson is looked at again. Cells that need what a browser does not have are
shown, and not run.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Shorter:
    """How one lesson differs in the browser."""

    note: str
    changes: list[tuple[str, str]] = field(default_factory=list)
    only_shown: tuple[str, ...] = ()  # a cell with one of these texts, after the changes, is shown and not run
    why: str = ""
    minutes: bool = False  # it takes minutes all the same; the tests do not wait for it


LESSONS = {
    "kernels": Shorter(
        "This lesson is about numba, which browsers do not have. Here its NumPy half runs, on smaller layers; cells that need numba, "
        "threads or processes are shown without being run. The outputs that they had are on the lesson's page.",
        [
            ("import numba\nimport numpy as np", "import numpy as np"),
            ("from hashnets_np.kernels import fast, fast_lines, plain", "from hashnets_np.kernels import plain"),
            ("all_threads, numba.config.NUMBA_NUM_THREADS = numba.config.NUMBA_NUM_THREADS, 1  # and our own kernels\n", ""),
            ("    vars(fast.own_memory).clear()  # a thread keeps its tile between calls: count it, too\n", ""),
            (', "plain": plain.hashed_forward, "fast": fast.hashed_forward}', ', "plain": plain.hashed_forward}'),
            ("assert np.array_equal(plain.hash_gather(w, small), fast.hash_gather(w, small))\n", ""),
            ('print("plain and fast look up the same 1200 weights, with the same signs")', 'print("1200 weights and signs are right")'),
            ('    "fast": (seconds(lambda: fast.hashed_forward(w, a, m)), peak_bytes(lambda: fast.hashed_forward(w, a, m))),\n', ""),
            ('assert cost["fast"][1] < V.nbytes / 2  # a tile is 1 MiB, about a quarter of V\n', ""),
            ('(512, 1024, 2048, 4096), {"table": [], "plain": [], "fast": []}', '(256, 512, 1024), {"table": [], "plain": []}'),
            ('assert all(1 < peak < 1.3 for peak in peaks["fast"])  # a tile of 1 MiB and little more\n', ""),
            ('peaks["table"][-1] > 4096**2 * 4 / 2**20', 'peaks["table"][-1] > 1024**2 * 4 / 2**20'),
        ],
        ("fast.", "fast_lines", "xxhash_fast", "numba.", "Thread(", "subprocess.run", "scatter_one_thread", "nanoseconds", "multiplier, shift"),
        "This cell needs numba, threads or processes, which a browser does not have:",
    ),
    "training": Shorter(
        "In the browser this lesson trains with two learning rates and two seeds for 15 epochs, to be done in a minute or two; the lesson's page has four "
        "rates, five seeds and 30 epochs. Captions and numbers in the text are those of the page.",
        [
            ("RATES, EPOCHS, SEEDS = (0.01, 0.03, 0.1, 0.3), 30, range(5)", "RATES, EPOCHS, SEEDS = (0.03, 0.1), 15, range(2)"),
            ('print(f"hashed below equal-size in {wins} of 5 seeds")\nassert wins >= 4 and', 'print(f"hashed below equal-size in {wins} of 2 seeds")\nassert wins == 2 and'),
            ("right.plot([n] * 5,", "right.plot([n] * 2,"),
            ("for seed in range(3)]\n        print(f\"{name:>7}, dropout", "for seed in range(2)]\n        print(f\"{name:>7}, dropout"),
        ],
    ),
    "baselines_and_dark_knowledge": Shorter(
        "In the browser this lesson trains with two learning rates and two seeds for 10 epochs, to be done in a minute or two; the lesson's page has three "
        "rates, three seeds and 20 epochs. Captions and numbers in the text are those of the page.",
        [("RATES, SEEDS, EPOCHS = (0.03, 0.1, 0.3), range(3), 20", "RATES, SEEDS, EPOCHS = (0.1, 0.3), range(2), 10")],
    ),
    "why_it_works": Shorter("In the browser this lesson takes ten minutes or more: it trains many networks.", minutes=True),
    "compression_versus_accuracy": Shorter(
        "In the browser the live part of this lesson trains with two seeds for 10 epochs; the lesson's page has three seeds and 20 epochs. Captions and "
        "numbers in the text are those of the page.",
        [("rates=(0.03, 0.1), seeds=range(3), **size", "rates=(0.1,), seeds=range(2), **size"), ("data, 20, optimizer=", "data, 10, optimizer=")],
    ),
}


def topic(path: Path) -> str:
    """Name a lesson without its number: `05_training` -> `training`."""
    return path.stem.partition("_")[2]


def takes_minutes(path: Path) -> bool:
    """Say whether a lesson takes minutes in the browser all the same."""
    return topic(path) in LESSONS and LESSONS[topic(path)].minutes


def shorten(notebook: dict, path: Path) -> None:
    """Change a lesson's cells for the browser, in place."""
    if topic(path) not in LESSONS or path.parent.name in ("exercises", "solutions"):
        return
    how = LESSONS[topic(path)]
    unused = {old for old, _ in how.changes}
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        for old, new in how.changes:
            if old in source:
                source = source.replace(old, new)
                unused.discard(old)
        cell["source"] = source
        if any(text in source for text in how.only_shown):
            show_only(cell, how.why)
    if unused:
        raise SystemExit(f"{path.name} has changed: docs/tools/shorter.py looks for {json.dumps(sorted(unused)[0])} in it")
    title = notebook["cells"][0]
    head, _, rest = "".join(title["source"]).partition("\n")
    title["source"] = f"{head}\n\n> **In your browser.** {how.note}\n{rest}"


def show_only(cell: dict, why: str) -> None:
    """Turn a code cell into text that shows its code."""
    cell.update(cell_type="markdown", source=f"*{why}*\n\n```python\n{cell['source']}\n```")
    cell.pop("outputs", None)
    cell.pop("execution_count", None)
