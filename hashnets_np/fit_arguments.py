"""What `fit` is called with: arrays or a data set, a loss, an optimizer, weights of examples; checked, once.

`training` is the loop itself. Everything here runs before the first step, and says what came and what was expected.
"""

from __future__ import annotations

from inspect import signature
from typing import Any, NamedTuple
from warnings import warn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .datasets import Dataset, Validation, draw_fraction
from .layers import check_params
from .losses import check_labels, error_rate
from .network import IF_THE_WIDTH_CHANGES, Network
from .optim import SGD
from .support.checks import as_array, check_count, check_finite, float_dtype, is_number, shown
from .types import Criterion, FloatArray, IntArray, Loss

LARGE_INPUT = 10  # inputs beyond it get a hint: pixels 0..255, and 0..16 too, make the first loss huge
SMALL_INPUT = 0.01  # so do inputs that are all below it, such as pixels 0..255 that were divided by 2**15
OTHER_SCALE = 10  # a validation or test set whose inputs are so many times larger than those of training gets one, too
LARGEST_WEIGHT = 1e30  # of an example; 1e-30 is the smallest that the largest may be: float32 holds both and their sums


def dataset_and_epochs(x: Any, y: Any, epochs: Any, validation: Validation, seed: int) -> tuple[Dataset, int]:
    """Accept the two ways to call fit: (dataset, epochs), or (x, y, epochs=..., validation=...)."""
    if isinstance(x, Dataset):
        if validation is not None:
            raise ValueError("a Dataset already has its validation set; give either a Dataset, or x, y and validation")
        if y is not None and epochs is not None:
            raise ValueError("after a Dataset, give only the number of epochs, and only once; its labels are inside")
        dataset = x
        epochs = y if epochs is None else epochs
    else:
        if y is None:
            raise ValueError("fit needs labels, fit(net, x, y, epochs=...), or a Dataset, "
                             "fit(net, dataset, epochs=...)")
        dataset = Dataset.from_arrays(x, y, validation=validation, seed=seed)
    if not len(dataset.x_train):
        raise ValueError("there are no training examples")
    return dataset, check_count("epochs", epochs)


def fresh_optimizer(optimizer: SGD | None) -> SGD:
    """Make an optimizer, or check the one that was given."""
    if optimizer is None:
        return SGD()
    if not hasattr(optimizer, "step") or isinstance(optimizer, type):
        raise TypeError(f"optimizer must be an SGD, such as hn.SGD(0.1), got {shown(optimizer)}")
    if getattr(optimizer, "steps_done", 0):
        raise ValueError(f"the optimizer has already done {optimizer.steps_done} steps; pass a new SGD")
    return optimizer


def check_loss(loss: object) -> None:
    """Check that a loss can be called."""
    if not callable(loss):
        raise ValueError(f"loss must be a function (outputs, targets) -> (mean loss, gradient), got {shown(loss)}")


def choose_criterion(loss: Loss, targets: ArrayLike | None) -> Criterion | None:
    """Choose the criterion for the validation set: the one that the loss names, or the loss itself if possible."""
    check_loss(loss)
    named = getattr(loss, "criterion", None)
    if named is not None or targets is not None:
        return named

    def the_loss(z: FloatArray, y: NDArray[Any]) -> float:
        return loss(z, y)[0]

    the_loss.__name__ = getattr(loss, "__name__", "loss")
    return the_loss


def check_takes_weights(loss: Loss) -> None:
    """Check that a loss can be called with the weights of the examples as its third argument."""
    try:
        signature(loss).bind(None, None, None)
    except TypeError:
        name = getattr(loss, "__name__", "the loss")
        raise ValueError(f"sample_weight was given, but {name} takes no weights as its third argument; a loss for "
                         "weighted examples is called as loss(outputs, targets, weights)") from None
    except ValueError:  # some compiled functions do not tell what they take
        pass


def check_returned(result: object) -> tuple[float, FloatArray]:
    """Check what a loss returned: its mean, one number, and the gradient."""
    if not isinstance(result, (tuple, list)) or len(result) != 2 or not is_number(result[0]):
        raise ValueError(f"a loss must return its mean, one number, and the gradient; got {shown(result)}")
    value, gradient = result
    return value, gradient


def check_callback(callback: object) -> None:
    """Check that a callback can be called after an epoch; a class, such as EarlyStopping without (), cannot."""
    if callback is not None and (isinstance(callback, type) or not callable(callback)):
        fix = f"; did you mean {callback.__name__}()?" if isinstance(callback, type) else ""
        raise TypeError(f"callback must be a function, called as callback(net, history), got {shown(callback)}{fix}")


def check_fit(net: Network, dataset: Dataset, criterion: Criterion | None) -> None:
    """Check that a network can be trained on a data set, and hint at inputs that were not scaled."""
    check_params(net.layers)
    n_in = next((layer.n_in for layer in net.layers if layer.n_in is not None), None)
    if n_in is not None and dataset.x_train.shape[1] != n_in:
        raise ValueError(f"x_train has {dataset.x_train.shape[1]} columns, but the network takes {n_in} inputs; "
                         f"{IF_THE_WIDTH_CHANGES}")
    outputs = next((layer.n_out for layer in reversed(net.layers) if layer.n_out is not None), None)
    if criterion is error_rate and outputs is not None:
        for part in ("train", "valid", "test"):
            check_labels(f"y_{part}", getattr(dataset, f"y_{part}"), outputs)
        hint_at_missing_classes(dataset)
    hint_at_scales(dataset)


def largest_input(x: FloatArray) -> float:
    """Find the largest absolute value."""
    return float(max(x.max(initial=0), -x.min(initial=0)))


def hint_at_scales(dataset: Dataset) -> None:
    """Warn of inputs that were not scaled, in training or only in another set."""
    largest = largest_input(dataset.x_train)
    if largest > LARGE_INPUT:
        warn(f"x_train has values up to {largest:g}; networks train best on inputs of about 0..1: "
             f"did you forget to divide by {largest:g}?", stacklevel=4)
    if 0 < largest < SMALL_INPUT:
        warn(f"x_train has no value beyond {largest:.3g}; networks train best on inputs of about 0..1: "
             "was it divided by too much?", stacklevel=4)
    for part in ("valid", "test"):
        other = largest_input(getattr(dataset, f"x_{part}"))
        if other > LARGE_INPUT and other > OTHER_SCALE * largest:
            warn(f"x_{part} has values up to {other:g}, but x_train only up to {largest:g}; did you scale one and not "
                 "the other?", stacklevel=4)


def hint_at_bytes(given: ArrayLike, x: FloatArray) -> None:
    """Warn in `predict` if x was given as bytes, such as images: few networks are trained on inputs of 0..255."""
    if getattr(given, "dtype", None) == np.uint8 and (largest := largest_input(x)) > LARGE_INPUT:
        warn(f"x has bytes (uint8) up to {largest:g}, and predict does not scale them; "
             "was the network trained on inputs of 0..1? Then pass x / 255", stacklevel=3)


def hint_at_missing_classes(dataset: Dataset) -> None:
    """Warn if a class is missing in training: a sign that sorted examples were cut instead of drawn at random."""
    missing = np.setdiff1d(dataset.y_valid, dataset.y_train)
    if missing.size:
        warn(f"class {missing[0]} is in y_valid but not in y_train, so the network cannot learn it; were the examples "
             "sorted by class? validation=0.2 draws them at random", stacklevel=4)


class Rows(NamedTuple):
    """How many examples the caller gave, and which of them are trained on."""

    given: int
    kept: IntArray | slice


def given_rows(x: Any, dataset: Dataset, validation: Validation, seed: int) -> Rows:
    """Find the rows that are trained on: all but the fraction that was drawn for validation, if one was."""
    if isinstance(x, Dataset) or not isinstance(validation, (int, float, np.number)):
        return Rows(len(dataset.x_train), slice(None))
    n = len(dataset.x_train) + len(dataset.x_valid)
    return Rows(n, draw_fraction(n, float(validation), seed)[0])


class Examples:
    """What is trained on: inputs, what the loss compares the outputs with, and the weights of the examples."""

    def __init__(
        self, dataset: Dataset, targets: ArrayLike | None, sample_weight: ArrayLike | None, rows: Rows
    ) -> None:
        self.x = dataset.x_train
        self.targets = dataset.y_train
        self.sample_weight: FloatArray | None = None
        if targets is not None:
            self.targets = check_rows("targets", targets, rows)
        if sample_weight is not None:
            weight = check_weights(check_rows("sample_weight", sample_weight, rows))
            self.sample_weight = weight / weight.mean(dtype=np.float64)

    def batch(self, rows: IntArray) -> tuple[FloatArray, NDArray[Any], FloatArray | None]:
        """Take some rows of everything."""
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        return self.x[rows], self.targets[rows], weight


def check_rows(name: str, values: ArrayLike, rows: Rows) -> NDArray[Any]:
    """Check an array of numbers with one row for each example; return the rows that are trained on."""
    array = as_array(name, values)
    if array.dtype.kind not in "biuf" or array.ndim == 0:
        raise ValueError(f"{name} must be numbers, one row for each example, got {array.dtype} of shape {array.shape}")
    if len(array) != rows.given:
        raise ValueError(f"{name} has {len(array)} rows, but there are {rows.given} training examples")
    if array.dtype.kind == "f":
        check_finite(name, array)
    return array[rows.kept]


def check_weights(weight: NDArray[Any]) -> FloatArray:
    """Check the weights of examples: one number each, none negative, not all 0."""
    weight = weight.astype(float_dtype(weight.dtype), copy=False)  # float16 does not hold the largest weight
    if weight.ndim != 1 or weight.min() < 0 or not weight.any():
        raise ValueError(f"sample_weight must be (n,) numbers of at least 0, not all 0, got shape {weight.shape} from "
                         f"{weight.min()} to {weight.max()}")
    if not 1 / LARGEST_WEIGHT <= weight.max() <= LARGEST_WEIGHT:
        raise ValueError(f"sample_weight goes up to {weight.max():g}, which float32 cannot add up; divide it by its "
                         "mean: only the ratios count")
    return weight
