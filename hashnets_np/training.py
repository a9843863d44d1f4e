"""Training: mini-batches in shuffled order, the best epoch by validation error, the test set once at the end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .datasets import Dataset
from .losses import error_rate, softmax_cross_entropy
from .network import Network
from .optim import SGD

Loss = Callable[[NDArray, NDArray], tuple[float, NDArray]]


@dataclass
class History:
    """What happened in training, epoch by epoch: mean training loss in nats, validation error in percent.

    best_epoch: counted from 1, the one whose weights were kept; 0 if none was finished. test_error: in percent, None
    without a test set. interrupted: Ctrl-C ended it. diverged: a loss or weight that was no longer finite ended it;
    take a smaller learning rate.
    """

    train_loss: list[float] = field(default_factory=list)
    valid_error: list[float] = field(default_factory=list)
    best_epoch: int = 0
    test_error: float | None = None
    interrupted: bool = False
    diverged: bool = False


def minibatches(n: int, batch_size: int, rng: np.random.Generator) -> Iterator[NDArray]:
    """Cut a shuffled 0..n-1 into index arrays of batch_size; the last may be shorter."""
    order = rng.permutation(n)
    return (order[start : start + batch_size] for start in range(0, n, batch_size))


def predict(net: Network, x: NDArray, batch_size: int = 1000) -> NDArray:
    """Compute logits (n, classes) in evaluation mode, a block of rows at a time."""
    blocks = [net.forward(x[start : start + batch_size]) for start in range(0, max(len(x), 1), batch_size)]
    return np.concatenate(blocks)


def train_step(net: Network, x: NDArray, y: NDArray, optimizer: SGD, loss: Loss) -> float:
    """Do one step: forward, loss, backward, update. Returns the loss of the mini-batch before the update."""
    value, dz = loss(net.forward(x, train=True), y)
    net.backward(dz, input_grad=False)
    optimizer.step(net.layers)
    return value


def fit(
    net: Network, dataset: Dataset, epochs: int, batch_size: int = 50, optimizer: SGD | None = None, seed: int = 0,
    loss: Loss = softmax_cross_entropy, targets: NDArray | None = None, progress: bool = False,
) -> History:
    """Train a network in place and leave it with the weights of its best epoch.

    dataset: the best epoch is the one of lowest validation error, the earliest of equals; with an empty validation
    set it is the last. optimizer: a fresh SGD; its total_steps are set here. seed: of the shuffling. loss: (logits,
    targets) -> (mean loss, gradient). targets: one row per training example, if not the labels y_train. progress:
    show a bar. Ctrl-C stops at once, also within a step. Only whole, finite epochs are kept: if there was none, the
    network has the weights it came with. The test set is evaluated once, at the end.
    """
    if epochs < 1 or batch_size < 1 or len(dataset.x_train) == 0:
        raise ValueError(f"epochs and batch_size must be at least 1, got {epochs} and {batch_size}, and data not empty")
    optimizer = SGD() if optimizer is None else optimizer
    if optimizer.steps_done:
        raise ValueError(f"the optimizer has done {optimizer.steps_done} steps already; give a new SGD")
    optimizer.total_steps = epochs * -(-len(dataset.x_train) // batch_size)
    targets = dataset.y_train if targets is None else targets
    history, rng = History(), np.random.default_rng(seed)
    best = [p.copy() for _, p in net.parameters()]  # until there is a whole epoch (test_half_a_step_is_not_kept)
    bar = progress_bar(optimizer.total_steps, progress)
    try:
        while len(history.train_loss) < epochs and not history.diverged:
            train_epoch(net, dataset, targets, batch_size, optimizer, loss, rng, history, bar)
            better = history.valid_error[-1] < min(history.valid_error[:-1], default=np.inf)
            if not history.diverged and (better or not len(dataset.x_valid)):
                history.best_epoch, best = len(history.train_loss), [p.copy() for _, p in net.parameters()]
    except KeyboardInterrupt:
        history.interrupted = True
    finally:
        bar.close()
    for (_, p), kept in zip(net.parameters(), best, strict=True):
        p[...] = kept
    if len(dataset.x_test):
        history.test_error = error_rate(predict(net, dataset.x_test), dataset.y_test)
    return history


def train_epoch(
    net: Network, dataset: Dataset, targets: NDArray, batch_size: int, optimizer: SGD, loss: Loss,
    rng: np.random.Generator, history: History, bar: Any,
) -> None:
    """Go once through the shuffled training examples, then look at the validation set; add both to the history."""
    losses = []
    with np.errstate(over="ignore", invalid="ignore"):  # a diverging loss is reported by the history
        for rows in minibatches(len(dataset.x_train), batch_size, rng):
            losses.append(train_step(net, dataset.x_train[rows], targets[rows], optimizer, loss))
            bar.update()
            if not np.isfinite(losses[-1]):
                history.diverged = True
                break
        # the last step has no loss after it that would tell (test_a_last_step_into_infinity_is_not_kept)
        history.diverged |= not all(np.isfinite(p).all() for _, p in net.parameters())
        history.train_loss.append(float(np.mean(losses)))
        history.valid_error.append(error_rate(predict(net, dataset.x_valid), dataset.y_valid))
    valid = {"valid": f"{history.valid_error[-1]:.2f}%"} if len(dataset.x_valid) else {}
    bar.set_postfix(loss=f"{history.train_loss[-1]:.4f}", **valid)


class NoBar:
    """Stands in for the progress bar where none is shown, so that tqdm is imported only where one is."""

    def update(self) -> None:
        """Count one step."""

    def set_postfix(self, **numbers: str) -> None:
        """Show numbers behind the bar."""

    def close(self) -> None:
        """Take the bar away."""


def progress_bar(steps: int, show: bool) -> Any:
    """Make a progress bar that goes away when it is done."""
    if not show:
        return NoBar()
    from tqdm import tqdm

    return tqdm(total=steps, unit="step", leave=False)
