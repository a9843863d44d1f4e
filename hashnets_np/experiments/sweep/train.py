"""Training networks for a sweep: what a run, a teacher and a trial of a search have in common.

A training that blows up begins again with half the step size and, where the protocol says so, one that never gets off
the ground, too. Only the training loss decides that.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ...datasets import Dataset
from ...datasets.data_files import cache_dir, cached_arrays
from ...losses import softmax_cross_entropy
from ...network import Network
from ...optim import SGD
from ...training import History, Loss, fit, predict
from .. import released
from ..baselines import dark_knowledge, dark_targets
from ..methods import METHODS, build
from .code_version import code_digest, short_digest
from .grid import Job, teacher_search
from .protocols import PROTOCOLS
from .schema import Hyper, SearchRecord

BATCH_SIZE = 50  # section 6
HALVINGS = 5
MOST_EPOCHS = ((2000, 150), (20_000, 40), (np.inf, 30))  # up to so many examples
MORE_EPOCHS = {"basic": 120}  # 40 are too few; the other sets of its size are regenerated and not worth the time
STUCK_LOSS = 0.9  # of the loss of a network whose logits are all 0; of the steps
STUCK_AFTER = 0.1

# rate: learning rate / (1 - momentum), the step that a constant gradient ends up with; so the two can be chosen apart
DEFAULTS: Hyper = {"rate": 0.5, "momentum": 0.9, "input_dropout": 0.1, "dropout": 0.2}
DARK_DEFAULTS: Hyper = {"temperature": 4.0, "mix": 0.7}
Found = Mapping[str, SearchRecord]  # the searches that a job needs, by key


class StuckError(Exception):
    """A training has not got off the ground after a tenth of its steps."""


@dataclass
class Trained:
    """A network, its history, and how often its training was begun again: in all, and for being stuck."""

    net: Network
    history: History
    halvings: int = 0
    stuck: int = 0


def epochs_for(job: Job, data: Dataset) -> int:
    """Set the epochs to begin with: fewer where there are more examples, more where the paper's numbers compare."""
    n = len(data.x_train) + len(data.x_valid)
    by_size = next(epochs for limit, epochs in MOST_EPOCHS if n <= limit)
    return job.max_epochs or MORE_EPOCHS.get(job.dataset, by_size)


def choose_epochs(valid_errors: Sequence[float], examples: int) -> int:
    """Choose the last epoch whose validation error is within one binomial standard error of the lowest.

    The very lowest is often a lucky early one: with a step size that falls to zero, late epochs differ by noise.

    >>> choose_epochs([30.0, 10.0, 10.5, 20.0], examples=1000)
    3
    """
    lowest = min(valid_errors)
    limit = lowest + binomial_error(lowest, examples)
    return max(n for n, error in enumerate(valid_errors, start=1) if error <= limit)


def binomial_error(percent: float, examples: int) -> float:
    """Return the standard error of an error rate, in percent.

    >>> round(binomial_error(2.0, 10_000), 2)
    0.14
    """
    p = percent / 100
    return 100 * (p * (1 - p) / max(examples, 1)) ** 0.5


def without_test(data: Dataset) -> Dataset:
    """Hide the test set."""
    return replace(data, x_test=data.x_test[:0], y_test=data.y_test[:0])


def train_once(
    job: Job, hyper: Hyper, data: Dataset, epochs: int, teacher: NDArray | None = None, watched: bool = False
) -> tuple[Network, History]:
    """Train one network with given hyper-parameters.

    teacher: its logits on x_train, for dark knowledge. watched: raise StuckError if it does not get off the ground.
    """
    net, optimizer = network_and_optimizer(job, hyper, data)
    loss, targets = loss_and_targets(hyper, data, teacher)
    if watched:
        loss = watch(loss, *loss_range(loss, targets, data, hyper), steps_to_watch(len(data.x_train), epochs))
    history = fit(net, data, epochs, batch_size=BATCH_SIZE, optimizer=optimizer, seed=job.seed, loss=loss,
                  targets=targets)
    if history.interrupted:
        raise KeyboardInterrupt("an unfinished training is not a result")
    return net, history


def network_and_optimizer(job: Job, hyper: Hyper, data: Dataset) -> tuple[Network, SGD]:
    """Make the network of a job and its optimizer, by the rules of its protocol."""
    widths = job.widths(data.x_train.shape[1], data.classes)
    if PROTOCOLS[job.protocol].recipe == "released":
        net = released.network(widths, job.compression, job.seed)
        released.keep_maps(net)
        return net, released.optimizer()
    net = build(job.method, widths, compression=job.compression, expansion=job.expansion, seed=job.seed,
                dropout=hyper["dropout"], input_dropout=hyper["input_dropout"])
    momentum = hyper["momentum"]
    exponent = METHODS[job.method].load_exponent
    rate = hyper["rate"] * mean_load(job) ** exponent  # a weight of average load takes the same steps at every exponent
    return net, SGD(rate * (1 - momentum), momentum, schedule="cosine", load_exponent=exponent)


def mean_load(job: Job) -> float:
    """Say how many virtual weights share a real one on average: 1 / compression, or the expansion."""
    return float(1 / Fraction(job.compression)) if job.compression else float(job.expansion or 1)


def loss_and_targets(hyper: Hyper, data: Dataset, teacher: NDArray | None) -> tuple[Loss, NDArray]:
    """Return cross-entropy and the labels or, with a teacher, dark knowledge and its targets."""
    if teacher is None:
        return softmax_cross_entropy, data.y_train
    targets = dark_targets(teacher, data.y_train, hyper["temperature"])
    return dark_knowledge(hyper["temperature"], hyper["mix"]), targets


def loss_range(loss: Loss, targets: NDArray, data: Dataset, hyper: Hyper) -> tuple[float, float]:
    """Return the least loss there can be, and that of a network whose logits are all 0.

    The least is 0 for labels; with soft targets it is their entropy, as far as they count.
    """
    all_zero_loss = loss(np.zeros((len(targets), data.classes), np.float32), targets)[0]
    if targets.ndim == 1:
        return 0.0, all_zero_loss
    soft = targets[:, 1:]
    entropy = -float(np.mean(np.sum(soft * np.log(np.maximum(soft, 1e-30)), axis=1)))
    return hyper["mix"] * hyper["temperature"] ** 2 * entropy, all_zero_loss


def steps_to_watch(examples: int, epochs: int) -> tuple[int, int]:
    """Return after how many steps a training must be off the ground, and over how many its loss is averaged: an epoch.

    No steps are watched where a tenth of the training is less than an epoch.

    >>> steps_to_watch(1000, 150), steps_to_watch(1000, 5)
    ((300, 20), (0, 20))
    """
    per_epoch = -(-examples // BATCH_SIZE)
    after = round(STUCK_AFTER * epochs * per_epoch)
    return (after if after >= per_epoch else 0), per_epoch


def watch(loss: Loss, least: float, all_zero_loss: float, steps: tuple[int, int]) -> Loss:
    """Wrap a loss: after so many steps it raises StuckError if its mean is still near that of all-zero logits."""
    after, average_over = steps
    values: list[float] = []

    @functools.wraps(loss)  # it is judged as the loss is
    def watched(z: NDArray, targets: NDArray) -> tuple[float, NDArray]:
        value, dz = loss(z, targets)
        if len(values) < after:
            values.append(value)
            mean = float(np.mean(values[-average_over:])) if len(values) == after else 0.0
            if mean - least > STUCK_LOSS * (all_zero_loss - least):
                raise StuckError(f"mean training loss {mean:.4f} after {after} steps, near the "
                                 f"{all_zero_loss:.4f} of a network whose logits are all 0")
        return value, dz

    return watched


def train_to_the_end(
    job: Job, hyper: Hyper, data: Dataset, epochs: int, teacher: NDArray | None = None
) -> Trained:
    """Train; where the loss blows up, begin again with half the step size.

    A search finds the largest step size that is stable on fewer examples, and a teacher changes the scale of the loss,
    so the final training may be unstable. Only the training loss decides: training blew up if the loss ends above twice
    that of a network whose logits are all 0. Under protocol 2, a training that is stuck also begins again.
    If every attempt is stuck, the first one is trained to its end: then it is slow, not stuck.
    """
    loss, targets = loss_and_targets(hyper, data, teacher)
    all_zero_loss = loss_range(loss, targets, data, hyper)[1]
    watched = PROTOCOLS[job.protocol].restart_stuck
    stuck = 0
    for halvings in range(HALVINGS + 1):
        slower = hyper | {"rate": hyper["rate"] / 2**halvings} if halvings else hyper
        try:
            net, history = train_once(job, slower, data, epochs, teacher, watched)
        except StuckError:
            stuck += 1
            continue
        if not blew_up(history, all_zero_loss):
            return Trained(net, history, halvings, stuck)
    if stuck > HALVINGS:
        net, history = train_once(job, hyper, data, epochs, teacher)
        if not blew_up(history, all_zero_loss):
            return Trained(net, history, 0, stuck)
    raise FloatingPointError(f"no step size works: of {HALVINGS + 1}, each half of the one before, "
                             f"{HALVINGS + 1 - stuck} blew up and {stuck} never got off the ground")


def blew_up(history: History, all_zero_loss: float) -> bool:
    """Tell whether a training blew up: not finite, or ending above twice the loss of all-zero logits."""
    return history.diverged or not history.train_loss[-1] < 2 * all_zero_loss


def teacher_logits(job: Job, hyper: Hyper, data: Dataset, epochs: int) -> NDArray:
    """Compute the full dense network's logits on x_train, trained on those examples; kept in the cache.

    Section 5: soft targets come from "the corresponding full neural network (compression factor 1)". One teacher, of
    seed 0, for all students of a data set and depth.
    """
    teacher = replace(job, method="nn", compression="1", expansion=None, seed=0)
    sums = [short_digest(array.tobytes()) for array in (data.x_train, data.y_train)]
    name = json.dumps([teacher.key, hyper, epochs, *sums, code_digest()], sort_keys=True)
    path = cache_dir() / "teachers" / f"{short_digest(name.encode())}.npz"

    def train_teacher() -> dict[str, NDArray]:
        alone = replace(without_test(data), x_valid=data.x_valid[:0], y_valid=data.y_valid[:0])
        return {"logits": predict(train_to_the_end(teacher, hyper, alone, epochs).net, data.x_train)}

    return cached_arrays(path, train_teacher)["logits"]  # one process trains it, the others wait


def teacher_for(job: Job, hyper: Hyper, found: Found, data: Dataset) -> NDArray | None:
    """Return the teacher's logits on the training examples; None if the method has no teacher, or its mix is 0."""
    if not METHODS[job.method].student or hyper["mix"] == 0:
        return None
    if not job.tune:
        return teacher_logits(job, DEFAULTS, data, epochs_for(job, data))
    search = teacher_search(job)  # at an expansion too the teacher is the full network
    record = found[search.key]
    return teacher_logits(replace(job, hidden=search.hidden), record.hyper, data, record.epochs)
