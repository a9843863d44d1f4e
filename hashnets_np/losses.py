"""Losses with their gradients by hand, as means over the mini-batch, and how each wants to be judged.

A loss is a function (outputs, targets) -> (mean loss, its gradient with respect to the outputs). Whether an epoch was
better than another is a question of its own, the criterion: for classifiers the error rate that the paper reports. A
loss names its criterion with `judged_by`; one that doesn't is judged by its own value on the validation set.

The soft-target loss of dark knowledge is with the other baselines (`experiments/baselines.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .support.checks import float_dtype, real_numbers, shown, unmasked
from .types import Criterion, FloatArray, IntArray, Loss

LossFunction = TypeVar("LossFunction", bound=Loss)
FOR_A_REGRESSION = "for a regression, pass loss=hn.squared_error"


def check_labels(name: str, y: NDArray[Any], classes: int) -> IntArray:
    """Check that y holds class labels, integers in 0..classes-1; return them as integers: True is 1."""
    if y.ndim == 2 and y.shape[1] > 1:
        raise ValueError(f"{name} must be integers in 0..{classes - 1}, one for each example, got shape {y.shape}; "
                         f"are the rows one-hot? {name}.argmax(axis=1); {FOR_A_REGRESSION}")
    if y.dtype.kind not in "biu":
        fix = f"; {FOR_A_REGRESSION}" if y.dtype.kind == "f" else ""
        fix += f"; or did you mean {name}.astype(int)?" if fix and (y == np.floor(y)).all() else ""
        raise ValueError(f"{name} must be integers in 0..{classes - 1}, got {y.dtype}{fix}")
    if y.size and (y.min() < 0 or y.max() >= classes):
        raise ValueError(f"{name} must be integers in 0..{classes - 1}, got {y.dtype} from {y.min()} to {y.max()}"
                         f"{labels_fix(name, y, classes)}")
    return y.astype(np.int64, copy=False)


def labels_fix(name: str, y: IntArray, classes: int) -> str:
    """Say what labels outside 0..classes-1 may be, as the end of a message; nothing if there is no guess."""
    if classes == 1:
        return "; a classifier needs one output for each class"
    return f"; are they 1-based? {name} - 1" if y.min() == 1 and y.max() == classes else ""


def error_rate(z: ArrayLike, y: ArrayLike) -> float:
    """Count how often the largest logit is not the label, in percent.

    Parameters
    ----------
    z : (n, classes) floats
        Logits, or anything else whose largest entry is the answer.
    y : (n,) integers in 0..classes-1
        The labels; True is 1, and False is 0.

    Returns
    -------
    float
        In percent; 0 if there is no example. An example with NaN among its logits counts as wrong.

    Raises
    ------
    ValueError
        For another shape, for anything but real numbers, and for labels outside 0..classes-1.

    Examples
    --------
    >>> error_rate(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    50.0
    """
    z = as_outputs(z)
    y = unmasked("y", y)
    if z.ndim != 2 or y.shape != z.shape[:1]:  # (n, 1) labels would be compared with every row
        raise ValueError(f"z must be (n, classes) and y (n,), got {z.shape} and {y.shape}")
    if y.size == 0:
        return 0.0
    y = check_labels("y", y, z.shape[1])
    answer = np.argmax(z, axis=1)  # where there is NaN, the first of them
    unknown = np.isnan(z[np.arange(len(z)), answer])
    return 100.0 * float(np.mean((answer != y) | unknown))


def as_outputs(z: ArrayLike) -> FloatArray:
    """Make an array of floats of a network's outputs: in whole numbers, losses would wrap or be cut off."""
    z = real_numbers("z", z)
    return z if z.dtype.kind == "f" else z.astype(float_dtype(z.dtype))


def judged_by(criterion: Criterion) -> Callable[[LossFunction], LossFunction]:
    """Mark a loss with the criterion by which `fit` chooses the best epoch.

    Parameters
    ----------
    criterion : function
        (outputs, targets) -> a number; the lower, the better.

    Returns
    -------
    decorator
        It sets the attribute `criterion` of the loss and returns the loss.

    Raises
    ------
    ValueError
        If the criterion is not a function.

    Examples
    --------
    >>> def absolute_error(z, y):
    ...     return float(np.abs(z - y).mean())
    >>> @judged_by(absolute_error)
    ... def half_squared_error(z, y):
    ...     return float(((z - y) ** 2).mean() / 2), (z - y) / z.size
    >>> half_squared_error.criterion is absolute_error
    True
    """
    if not callable(criterion):
        raise ValueError(f"a criterion must be a function (outputs, targets) -> a number, got {shown(criterion)}")

    def mark(loss: LossFunction) -> LossFunction:
        loss.criterion = criterion  # type: ignore[attr-defined]
        return loss

    return mark


def log_softmax(z: FloatArray) -> FloatArray:
    """Compute log(exp(z_c) / sum_k exp(z_k)) by row, shifted by the row's maximum so that exp never overflows."""
    shifted = z - z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


@judged_by(error_rate)
def softmax_cross_entropy(
    z: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
) -> tuple[float, FloatArray]:
    """Compute the mean cross-entropy of softmax(z) with class labels, and its gradient.

    Parameters
    ----------
    z : (batch, classes) floats
        Logits.
    y : (batch,) integers in 0..classes-1
        Labels; True is 1, and False is 0.
    sample_weight : (batch,) floats, optional
        The weight of each example in the mean; without it, all count the same.

    Returns
    -------
    loss : float
        In nats; 0 for an empty batch.
    dz : (batch, classes) floats
        The gradient with respect to z, of the dtype of z: (softmax(z) - onehot(y)) / batch.

    Raises
    ------
    ValueError
        For another shape, for anything but real numbers, and for labels outside 0..classes-1.

    Examples
    --------
    >>> loss, dz = softmax_cross_entropy(np.array([[0.0, 0.0]]), np.array([1]))
    >>> round(loss, 4), dz
    (0.6931, array([[ 0.5, -0.5]]))
    """
    z = as_outputs(z)
    y = unmasked("y", y)
    if z.ndim != 2 or y.shape != z.shape[:1]:
        raise ValueError(f"z must be (batch, classes) and y (batch,), got {z.shape} and {y.shape}")
    if y.size == 0:
        return 0.0, np.zeros_like(z)
    y = check_labels("y", y, z.shape[1])
    rows = np.arange(len(y))
    log_p = log_softmax(z)  # (batch, classes)
    losses = -log_p[rows, y]  # (batch,)
    dz = np.exp(log_p)  # softmax(z) - onehot(y)
    dz[rows, y] -= 1
    return weighted_mean(losses, dz, sample_weight)


def squared_error(z: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> tuple[float, FloatArray]:
    """Compute the mean squared error, and its gradient: the loss of a regression.

    Parameters
    ----------
    z : (batch, n_out) floats
        Outputs of the network.
    y : (batch,) or (batch, n_out) floats
        Targets; (batch,) if there is one output.
    sample_weight : (batch,) floats, optional
        The weight of each example in the mean; without it, all count the same.

    Returns
    -------
    loss : float
        The mean over examples and outputs; 0 for an empty batch.
    dz : (batch, n_out) floats
        The gradient with respect to z, of the dtype of z.

    Raises
    ------
    ValueError
        If z and y have different shapes (they never broadcast), or are not real numbers.

    Examples
    --------
    >>> squared_error(np.array([[1.0], [2.0]]), np.array([1.0, 4.0]))
    (2.0, array([[ 0.],
           [-2.]]))
    """
    z = as_outputs(z)
    y = real_numbers("y", y)
    if y.ndim == 1 and z.shape == (len(y), 1):
        y = y[:, None]
    if z.ndim != 2 or y.shape != z.shape:
        raise ValueError(f"z and y must have the same shape, (batch, n_out), got {z.shape} and {y.shape}")
    if z.size == 0:
        return 0.0, np.zeros_like(z)
    difference = (z - y).astype(z.dtype, copy=False)
    return weighted_mean((difference**2).mean(axis=1), 2 * difference / z.shape[1], sample_weight)


def weighted_mean(
    losses: FloatArray, dz: FloatArray, sample_weight: ArrayLike | None
) -> tuple[float, FloatArray]:
    """Turn losses (batch,) and gradients (batch, n_out) of single examples into those of their mean."""
    if sample_weight is None:
        return float(losses.mean()), dz / len(losses)
    weight = real_numbers("sample_weight", sample_weight).astype(np.float64, copy=False)
    if weight.shape != losses.shape:
        raise ValueError(f"sample_weight has shape {weight.shape}, expected {losses.shape}, one for each example")
    if not (np.isfinite(weight) & (weight >= 0)).all():
        raise ValueError(f"sample_weight must be finite and at least 0, got {weight.min():g}..{weight.max():g}")
    if not weight.any():
        return 0.0, np.zeros_like(dz)
    weight = weight / weight.max()  # before they are added up: the sum of large ones could be infinite
    share = weight / weight.sum()
    return float((share * losses).sum()), dz * share.astype(dz.dtype)[:, None]
