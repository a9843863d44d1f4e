"""Training: mini-batches in shuffled order, the best epoch by validation error, the test set once at the end."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .datasets import Dataset, Validation
from .fit_arguments import (
    Examples,
    check_callback,
    check_fit,
    check_returned,
    check_takes_weights,
    choose_criterion,
    dataset_and_epochs,
    fresh_optimizer,
    given_rows,
    hint_at_bytes,
)
from .losses import log_softmax, softmax_cross_entropy
from .network import Network
from .optim import SGD
from .support.checks import as_examples, check_count, check_flag, check_network, check_seed, is_number, shown
from .types import Criterion, FloatArray, IntArray, Loss


@dataclass
class History:
    """What happened in training, epoch by epoch; `fit` returns it.

    Parameters
    ----------
    train_loss : list of float
        The mean of the losses of an epoch's steps, each before its update; for `softmax_cross_entropy` in nats.
    valid_error : list of float
        The criterion on the validation set, for classifiers the error rate in percent; nan where there is nothing to
        judge by.
    best_epoch : int
        Counted from 1: the one whose weights were kept; 0 if no epoch finished.
    test_error : float or None
        The criterion on the test set. None without a test set, and if no epoch finished.
    interrupted : bool
        Ctrl-C ended the training.
    diverged : bool
        A loss or weight became infinite or NaN, which ended the training; take a smaller learning rate.
    stopped : bool
        The callback ended it.
    criterion : str
        What `valid_error` and `test_error` are: "error_rate" in percent, or the name of another function.

    Examples
    --------
    >>> History(train_loss=[0.9, 0.5], valid_error=[20.0, 12.5], best_epoch=2).best_epoch
    2
    """

    train_loss: list[float] = field(default_factory=list)
    valid_error: list[float] = field(default_factory=list)
    best_epoch: int = 0
    test_error: float | None = None
    interrupted: bool = False
    diverged: bool = False
    stopped: bool = False
    criterion: str = "error_rate"


NOTHING_TO_JUDGE_BY = ("early stopping needs a validation set, and a loss that has a criterion for it; give fit a "
                       "validation=(x, y) or a fraction")
Callback = Callable[[Network, History], object]  # called after each epoch; a true answer ends the training


@dataclass
class EarlyStopping:
    """A callback for `fit` that ends training when the best epoch was too long ago.

    Parameters
    ----------
    patience : int
        How many epochs in a row may be no better than the best one.

    Raises
    ------
    ValueError
        If patience is not at least 1, and in `fit` if there is no validation set to judge by.

    Examples
    --------
    >>> stop = EarlyStopping(patience=2)
    >>> history = History(train_loss=[3, 2, 1], valid_error=[50.0, 60.0, 70.0], best_epoch=1)
    >>> stop(None, history)
    True
    """

    patience: int = 10

    def __post_init__(self) -> None:
        check_count("patience", self.patience)

    def __call__(self, net: Network | None, history: History) -> bool:
        """Say whether it is time to stop."""
        if all(map(math.isnan, history.valid_error)):
            raise ValueError(NOTHING_TO_JUDGE_BY)
        return len(history.valid_error) - history.best_epoch >= self.patience


def minibatches(n: int, batch_size: int, rng: np.random.Generator) -> Iterator[IntArray]:
    """Cut a shuffled 0..n-1 into index arrays of batch_size; the last may be shorter."""
    order = rng.permutation(n)
    return (order[start : start + batch_size] for start in range(0, n, batch_size))


def predict(net: Network, x: ArrayLike, *, batch_size: int = 1000) -> FloatArray:
    """Compute the outputs of a network in evaluation mode, a block of rows at a time.

    Parameters
    ----------
    net : Network
        The network; it keeps its last input, and nothing else changes.
    x : (n, n_in) numbers
        Examples, one per row: an array, a list or a DataFrame.
    batch_size : int
        How many rows are computed at a time.

    Returns
    -------
    (n, n_out) floats
        For a classifier: logits.

    Raises
    ------
    ValueError
        For anything but a matrix of finite numbers, and for a batch_size below 1.

    Warns
    -----
    UserWarning
        For bytes (uint8) above 10, which are taken as they are, though most networks are trained on x / 255.

    Examples
    --------
    >>> from hashnets_np import build
    >>> net = build("hashnet", [4, 8, 3], compression="1/2")
    >>> predict(net, [[0, 1, 0, 1], [1, 0, 1, 0]]).shape
    (2, 3)
    """
    check_network(net, "forward")
    rows = as_examples("x", x)
    hint_at_bytes(x, rows)
    batch_size = check_count("batch_size", batch_size)
    blocks = [net.forward(rows[start : start + batch_size]) for start in range(0, max(len(rows), 1), batch_size)]
    return np.concatenate(blocks)


def predict_proba(net: Network, x: ArrayLike, *, batch_size: int = 1000) -> FloatArray:
    """Compute the probabilities that a classifier gives to the classes: the softmax of its logits.

    Parameters
    ----------
    net : Network
        The network; it keeps its last input, and nothing else changes.
    x : (n, n_in) numbers
        Examples, one per row: an array, a list or a DataFrame.
    batch_size : int
        How many rows are computed at a time.

    Returns
    -------
    (n, classes) floats
        Each row sums to 1.

    Raises
    ------
    ValueError
        As `predict`, and for a network with a single output, whose softmax would always be 1.

    Examples
    --------
    >>> from hashnets_np import build
    >>> net = build("hashnet", [4, 8, 3], compression="1/2")
    >>> predict_proba(net, [[0, 1, 0, 1]]).sum(axis=1).round(6)
    array([1.])
    """
    z = predict(net, x, batch_size=batch_size)
    if z.shape[1] < 2:
        raise ValueError(f"a classifier has at least 2 outputs, this network has {z.shape[1]}; use predict")
    return np.exp(log_softmax(z))


def train_step(
    net: Network, x: FloatArray, y: NDArray[Any], optimizer: SGD, loss: Loss, sample_weight: FloatArray | None = None
) -> float:
    """Do one step: forward, loss, backward, update.

    Parameters
    ----------
    net : Network
        The network; its weights change.
    x, y : arrays
        A mini-batch, and what the loss compares the outputs with.
    optimizer : SGD
        Takes the step.
    loss : function
        (outputs, targets) -> (mean loss, gradient), see `losses`.
    sample_weight : (batch,) floats, optional
        The weight of each example, where 1 is that of an ordinary one; handed to the loss as a third argument, if
        given. The step is in proportion to their mean.

    Returns
    -------
    float
        The loss of the mini-batch before the update, in proportion to the mean weight.
    """
    z = net.forward(x, train=True)
    if sample_weight is None:
        value, dz = check_returned(loss(z, y))
    else:
        value, dz = check_returned(loss(z, y, sample_weight))  # a mean: within a batch only the ratios count
        share = float(np.mean(sample_weight))  # and between batches this
        value = share * value
        dz = share * dz
    net.backward(dz, input_grad=False)
    optimizer.step(net.layers)
    return value


@overload
def fit(
    net: Network, x: Dataset, y: int | None = None, *, epochs: int | None = None, batch_size: int = 50,
    optimizer: SGD | None = None, seed: int = 0, loss: Loss = softmax_cross_entropy, targets: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None, callback: Callback | None = None, progress: bool = False,
) -> History: ...


@overload
def fit(
    net: Network, x: ArrayLike, y: ArrayLike, *, epochs: int, batch_size: int = 50, validation: Validation = None,
    optimizer: SGD | None = None, seed: int = 0, loss: Loss = softmax_cross_entropy, targets: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None, callback: Callback | None = None, progress: bool = False,
) -> History: ...


def fit(
    net: Network, x: Dataset | ArrayLike, y: ArrayLike | None = None, *, epochs: int | None = None,
    batch_size: int = 50, validation: Validation = None, optimizer: SGD | None = None, seed: int = 0,
    loss: Loss = softmax_cross_entropy, targets: ArrayLike | None = None, sample_weight: ArrayLike | None = None,
    callback: Callback | None = None, progress: bool = False,
) -> History:
    """Train a network in place and leave it with the weights of its best epoch.

    Call it as fit(net, dataset, epochs=20) or as fit(net, x, y, epochs=20, validation=0.2). Ctrl-C stops at once, also
    within a step. Only whole, finite epochs are kept: if there was none, the network has the weights it came with. So
    it is where a callback or a loss raises. The test set of a `Dataset` is evaluated once, at the end.

    Parameters
    ----------
    net : Network
        The network; its weights change.
    x : Dataset, or (n, n_in) numbers
        The training examples, one per row: an array, a list or a DataFrame, taken by position.
    y : (n,) integers, or (n,) or (n, n_out) floats
        Class labels 0..classes-1, or the targets of a regression. After a `Dataset`, the number of epochs may come
        here: fit(net, dataset, 20).
    epochs : int
        How often to go through the training examples.
    batch_size : int
        How many examples make up a step.
    validation : (x, y) or float, optional
        With arrays: the validation set, or the fraction of the examples that is drawn at random for it.
    optimizer : SGD, optional
        One that has not taken a step yet; `fit` sets its `total_steps`. Without it, SGD().
    seed : int
        Seed for the order of the examples, and for drawing the validation set.
    loss : function
        (outputs, targets) -> (mean loss, gradient), such as `softmax_cross_entropy` and `squared_error`. It must not
        write into the outputs, which a layer may keep for `backward`. The best epoch is the one with the lowest
        criterion on the validation set, the earliest of equals: the criterion that the loss names (see `judged_by`),
        or the loss itself. Without a validation set it is the last epoch.
    targets : array, optional
        One row for each training example, for a loss that compares the outputs with something else than y, as dark
        knowledge does. A loss that names no criterion then can't judge the validation set, and the last epoch is kept.
    sample_weight : (n,) floats, optional
        The weight of each training example in the mean loss, at least 0. Only the ratios count.
    callback : function, optional
        Called as callback(net, history) after each epoch; a true answer ends the training. See `EarlyStopping`.
    progress : bool
        Show a bar.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        For data, labels or numbers that do not fit together; the message says what came, what was expected and a fix.

    Examples
    --------
    >>> from hashnets_np import SGD, build, load_dataset
    >>> data = load_dataset("digits")
    >>> net = build("hashnet", [64, 50, 10], compression="1/4", seed=1)
    >>> history = fit(net, data, epochs=5, optimizer=SGD(0.03))
    >>> len(history.train_loss), history.valid_error[-1] < 20, history.test_error < 25
    (5, True, True)
    >>> more = fit(net, data.x_train, data.y_train, epochs=2, validation=0.2, optimizer=SGD(0.01))
    >>> more.train_loss[-1] < history.train_loss[0]
    True
    """
    # check what came
    check_network(net)
    dataset, epochs = dataset_and_epochs(x, y, epochs, validation, seed)
    batch_size = check_count("batch_size", batch_size)
    optimizer = fresh_optimizer(optimizer)
    criterion = choose_criterion(loss, targets)
    if sample_weight is not None:
        check_takes_weights(loss)
    check_fit(net, dataset, criterion)
    check_callback(callback)
    if isinstance(callback, EarlyStopping) and (criterion is None or not len(dataset.x_valid)):
        raise ValueError(NOTHING_TO_JUDGE_BY)
    examples = Examples(dataset, targets, sample_weight, given_rows(x, dataset, validation, seed))

    history = History(criterion=getattr(criterion, "__name__", "loss"))
    rng = np.random.default_rng(check_seed(seed))
    steps = epochs * math.ceil(len(dataset.x_train) / batch_size)
    bar = progress_bar(steps, progress)
    optimizer.total_steps = steps
    best = copy_weights(net)  # until there is a whole epoch (test_half_a_step_is_not_kept)
    try:
        with bar, until_interrupted(history):
            for epoch in range(1, epochs + 1):
                # go once through the training examples, in a new order
                train_epoch(net, examples, batch_size, optimizer, loss, rng, history, bar)
                # look at the validation set
                history.valid_error.append(judge(net, dataset.x_valid, dataset.y_valid, criterion))
                show_in_bar(history, bar)
                if history.diverged:
                    break
                # keep the best weights
                if is_best(history.valid_error):
                    best = copy_weights(net)
                    history.best_epoch = epoch
                # let the caller look, and decide whether this is enough
                if callback is not None:
                    history.stopped = bool(callback(net, history))
                if history.stopped:
                    break
    finally:  # also where a callback or a loss raises
        restore_weights(net, best)

    # the test set, once
    if history.best_epoch and len(dataset.x_test):
        history.test_error = judge(net, dataset.x_test, dataset.y_test, criterion)
        if math.isnan(history.test_error):
            history.test_error = None
    return history


def train_epoch(
    net: Network, examples: Examples, batch_size: int, optimizer: SGD, loss: Loss, rng: np.random.Generator,
    history: History, bar: Any,
) -> None:
    """Go once through the shuffled training examples and add the mean loss of the steps to the history."""
    losses = []
    with np.errstate(over="ignore", invalid="ignore"):  # a diverging loss is reported by the history
        for rows in minibatches(len(examples.x), batch_size, rng):
            x, y, weight = examples.batch(rows)
            more = () if weight is None else (weight,)
            losses.append(train_step(net, x, y, optimizer, loss, *more))
            bar.update()
            if not np.isfinite(losses[-1]):
                history.diverged = True
                break
        # no loss is computed after the last step, so look at the weights (test_a_last_step_into_infinity_is_not_kept)
        history.diverged |= not all(np.isfinite(p).all() for _, p in net.parameters())
        history.train_loss.append(float(np.mean(losses)))


def judge(net: Network, x: FloatArray, y: NDArray[Any], criterion: Criterion | None) -> float:
    """Evaluate a network on a validation or test set; nan if there is no example or no criterion."""
    if criterion is None or not len(x):
        return math.nan
    with np.errstate(over="ignore", invalid="ignore"):  # of a diverged network
        error = criterion(predict(net, x), y)
    if not is_number(error):
        raise ValueError(f"a criterion must return one number, the lower the better; got {shown(error)}")
    return float(error)


def is_best(errors: list[float]) -> bool:
    """Tell whether the last epoch is better than all before it; until one is judged, every epoch counts as better."""
    *before, last = errors
    judged = [error for error in before if not math.isnan(error)]
    return not judged or last < min(judged)  # not if the last is nan


def copy_weights(net: Network) -> list[FloatArray]:
    """Copy all real weights."""
    return [p.copy() for _, p in net.parameters()]


def restore_weights(net: Network, weights: list[FloatArray]) -> None:
    """Write weights back into the network that they were copied from."""
    for (_, p), kept in zip(net.parameters(), weights, strict=True):
        p[...] = kept


@contextmanager
def until_interrupted(history: History) -> Iterator[None]:
    """Let Ctrl-C end the block, and note it in the history."""
    try:
        yield
    except KeyboardInterrupt:
        history.interrupted = True


def show_in_bar(history: History, bar: Any) -> None:
    """Show the last epoch's loss and error after the progress bar."""
    error = history.valid_error[-1]
    if math.isnan(error):
        bar.set_postfix(loss=f"{history.train_loss[-1]:.4f}")
    else:
        text = f"{error:.2f}%" if history.criterion == "error_rate" else f"{error:.4g}"
        bar.set_postfix(loss=f"{history.train_loss[-1]:.4f}", valid=text)


class NoBar:
    """Stands in for the progress bar where none is shown, so that tqdm is imported only where one is."""

    def __enter__(self) -> NoBar:
        return self

    def __exit__(self, *error: object) -> None:
        """Remove the bar."""

    def update(self) -> None:
        """Count one step."""

    def set_postfix(self, **numbers: str) -> None:
        """Show numbers after the bar."""


def progress_bar(steps: int, show: bool) -> Any:
    """Make a progress bar that disappears when it is done."""
    if not check_flag("progress", show):
        return NoBar()
    from tqdm import tqdm

    if sys.platform == "emscripten":
        tqdm.monitor_interval = 0  # the bar's own thread: browsers have none, and tqdm would warn
    return tqdm(total=steps, unit="step", leave=False)
