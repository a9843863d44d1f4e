"""What one job of a sweep does, in whatever process or machine it finds itself: choose, train, test, report.

The test set is used once, after the last training; searches never see it (their data sets have none). A run trains on
training + validation examples for the number of epochs chosen on validation. Source: section 6 of the paper, as far as
it says; what it leaves open is in `data/records/README.md`.
"""

import hashlib
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import __version__
from ...datasets import Dataset, cache_dir, load_dataset
from ...disk import atomic_write
from ...losses import error_rate, softmax_cross_entropy
from ...network import Network
from ...optim import SGD
from ...training import History, Loss, fit, predict
from ..baselines import dark_knowledge, dark_targets
from ..methods import DARK, build
from .grid import Job, search_for
from .records import Record

BATCH_SIZE = 50  # section 6
HALVINGS = 5
MOST_EPOCHS = ((2000, 150), (20_000, 40), (np.inf, 30))  # up to so many examples
MORE_EPOCHS = {"basic": 120}  # 40 are too few; the other sets of its size, which are regenerated, are spared the time
Hyper = dict[str, float]

# rate: learning rate / (1 - momentum), the step that a constant gradient ends up with; so the two can be chosen apart
DEFAULTS: Hyper = {"rate": 0.5, "momentum": 0.9, "input_dropout": 0.1, "dropout": 0.2}
DARK_DEFAULTS: Hyper = {"temperature": 4.0, "mix": 0.7}


def limit_threads() -> None:
    """Keep this process to one thread: a sweep fills the machine with processes."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    try:
        import numba

        numba.set_num_threads(1)
    except ImportError:
        pass


@lru_cache(maxsize=1)
def load(name: str, data_dir: str | None) -> Dataset:
    """Load a data set once per process."""
    return load_dataset(name, data_dir)


def epochs_for(job: Job, data: Dataset) -> int:
    """Set the most epochs: fewer where there are more examples, more where we compare ourselves with the paper."""
    n = len(data.x_train) + len(data.x_valid)
    by_size = next(epochs for limit, epochs in MOST_EPOCHS if n <= limit)
    return job.max_epochs or MORE_EPOCHS.get(job.dataset, by_size)


def choose_epochs(valid_errors: Sequence[float], examples: int) -> int:
    """Choose the last epoch whose validation error is within one binomial standard error of the lowest.

    The very lowest is often a lucky early one: with a step size that falls to zero, late epochs differ by noise.

    >>> choose_epochs([30.0, 10.0, 10.5, 20.0], examples=1000)
    3
    """
    p = min(valid_errors) / 100
    limit = 100 * (p + (p * (1 - p) / max(examples, 1)) ** 0.5)
    return max(n for n, error in enumerate(valid_errors, start=1) if error <= limit)


def without_test(data: Dataset) -> Dataset:
    """Hide the test set."""
    return replace(data, x_test=data.x_test[:0], y_test=data.y_test[:0])


def train(
    job: Job, hyper: Hyper, data: Dataset, epochs: int, teacher: NDArray | None = None
) -> tuple[Network, History]:
    """Train one network with given hyper-parameters; teacher: its logits on x_train, for dark knowledge."""
    inputs, classes = data.x_train.shape[1], data.classes
    net = build(job.method, job.widths(inputs, classes), compression=job.compression, expansion=job.expansion,
                seed=job.seed, dropout=hyper["dropout"], input_dropout=hyper["input_dropout"])
    momentum = hyper["momentum"]
    optimizer = SGD(hyper["rate"] * (1 - momentum), momentum, schedule="cosine")
    history = fit(net, data, epochs, BATCH_SIZE, optimizer, job.seed, *loss_and_targets(hyper, data, teacher))
    if history.interrupted:
        raise KeyboardInterrupt("half a training is no result")
    return net, history


def loss_and_targets(hyper: Hyper, data: Dataset, teacher: NDArray | None) -> tuple[Loss, NDArray]:
    """Return cross-entropy and the labels or, with a teacher, dark knowledge and its targets."""
    if teacher is None:
        return softmax_cross_entropy, data.y_train
    targets = dark_targets(teacher, data.y_train, hyper["temperature"])
    return dark_knowledge(hyper["temperature"], hyper["mix"]), targets


def train_to_the_end(
    job: Job, hyper: Hyper, data: Dataset, epochs: int, teacher: NDArray | None = None
) -> tuple[Network, History, int]:
    """Train; where the loss blows up, begin again with half the step size. Returns also how often that was.

    A search finds the largest step size that is stable on fewer examples, and dark knowledge changes the scale of the
    loss with its teacher, so that the final training may not be. Only the training loss tells: it blew up if it ends
    above twice what a network without an opinion (all logits 0) has.
    """
    loss, targets = loss_and_targets(hyper, data, teacher)
    no_opinion = loss(np.zeros((len(targets), data.classes), np.float32), targets)[0]
    for halvings in range(HALVINGS + 1):
        slower = hyper | {"rate": hyper["rate"] / 2**halvings}
        net, history = train(job, slower, data, epochs, teacher)
        if not history.diverged and history.train_loss[-1] < 2 * no_opinion:
            return net, history, halvings
    raise FloatingPointError(f"the loss still blew up after {HALVINGS} halvings of the step size")


def teacher_logits(job: Job, hyper: Hyper, data: Dataset, epochs: int) -> NDArray:
    """Compute the full dense network's logits on x_train, trained on those examples; kept in the cache.

    Section 5: soft targets come from "the corresponding full neural network (compression factor 1)". One teacher, of
    seed 0, for all students of a data set and depth.
    """
    teacher = replace(job, method="nn", compression="1", expansion=None, seed=0)
    x_sum = hashlib.sha256(data.x_train.tobytes()).hexdigest()[:16]
    name = json.dumps([teacher.key, hyper, epochs, x_sum, __version__], sort_keys=True)
    path = cache_dir() / "teachers" / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.npy"
    if path.exists():
        return np.load(path)
    alone = replace(without_test(data), x_valid=data.x_valid[:0], y_valid=data.y_valid[:0])
    net, *_ = train_to_the_end(teacher, hyper, alone, epochs)
    logits = predict(net, data.x_train)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, lambda file: np.save(file, logits))
    return logits


def chosen(job: Job, found: dict[str, Record], data: Dataset) -> dict[str, Any]:
    """Return hyper-parameters, epochs and validation error for a job: from its search, or the defaults."""
    if not job.tune:
        hyper = DEFAULTS | (DARK_DEFAULTS if job.method in DARK else {})
        return {"hyper": hyper, "epochs": epochs_for(job, data), "valid_error": None}
    return found[search_for(job).key]


def teacher_for(job: Job, found: dict[str, Record], data: Dataset) -> NDArray | None:
    """Return the teacher's logits on the training examples, if the method has a teacher."""
    if job.method not in DARK:
        return None
    if not job.tune:
        return teacher_logits(job, DEFAULTS, data, epochs_for(job, data))
    record = found[search_for(job, "nn", "1").key]
    hidden = search_for(job).hidden  # at an expansion too the teacher is the full network
    return teacher_logits(replace(job, hidden=hidden), record["hyper"], data, record["epochs"])


def do_run(job: Job, found: dict[str, Record], data: Dataset) -> Record:
    """Train on training + validation examples, then test once; without a search, measure the validation error first."""
    choice = chosen(job, found, data)
    epochs, valid_error = choice["epochs"], choice["valid_error"]
    if valid_error is None:
        part = without_test(data)
        _, history, _ = train_to_the_end(job, choice["hyper"], part, epochs, teacher_for(job, found, part))
        epochs = choose_epochs(history.valid_error, len(part.x_valid))
        valid_error = history.valid_error[epochs - 1]
    whole = without_test(data).refit()
    net, history, halvings = train_to_the_end(job, choice["hyper"], whole, epochs, teacher_for(job, found, whole))
    test_error = error_rate(predict(net, data.x_test), data.y_test)
    return {"test_error": test_error, "valid_error": valid_error, "epochs": epochs, "hyper": choice["hyper"],
            "rate_halvings": halvings,
            "stored": net.num_parameters(), "virtual": net.num_virtual_parameters(), "examples": len(whole.x_train),
            "test_examples": len(data.x_test), "train_loss": history.train_loss[-1]}


def do(job: Job, found: dict[str, Record], data_dir: str | None, provenance: str | None = None) -> Record:
    """Do a job and return its record; what goes wrong becomes a record too.

    found: the records of the searches it needs. provenance: what its data must be, None for anything.
    """
    start = time.perf_counter()
    record = {"key": job.key, "status": "done", **asdict(job)}
    try:
        limit_threads()
        data = load(job.dataset, data_dir)
        if provenance not in (None, data.provenance):
            raise ValueError(f"the records are of {job.dataset} {provenance!r}, found was {data.provenance!r}; "
                             "set --data-dir or HASHNETS_DATA, or use another folder of --records")
        record |= {"name": data.name, "provenance": data.provenance, "version": __version__}
        if job.kind == "search":
            from .tune import do_search

            record |= do_search(job, found, data)
        else:
            record |= do_run(job, found, data)
    except (Exception, KeyboardInterrupt) as error:  # Ctrl-C reaches the workers too: the sweep itself stops by its own
        record = {"key": job.key, "status": "failed", **asdict(job), "error": f"{type(error).__name__}: {error}"}
    return record | {"seconds": round(time.perf_counter() - start, 1), "machine": platform.machine()}


def data_dir_text(path: Path | None) -> str | None:
    """Name a data directory so that another process finds it: the absolute path, or None."""
    return str(path.resolve()) if path else None
