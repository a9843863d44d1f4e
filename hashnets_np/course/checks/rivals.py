"""Checks of exercise 6: the rivals, and dark knowledge."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..marking import MAPS, Example, done, mark


def sharing_matrix(function: Callable) -> None:
    """Check S with vec(V) = S w: function(bucket, sign, buckets) -> S (n_out * n_cols, buckets), rows in order."""
    examples = []
    for m in MAPS:
        bucket, sign = m.table()
        S = np.eye(m.buckets)[bucket.ravel()] * sign.ravel()[:, None]
        by_columns = np.eye(m.buckets)[bucket.T.ravel()] * sign.T.ravel()[:, None]
        examples.append(Example((bucket, sign, m.buckets), S, [
            ("the signs are missing", np.abs(S)),
            ("this is S transposed: one row for each virtual weight", S.T),
            ("V is written out row by row; this goes column by column", by_columns),
            ("S is a matrix: one row for each virtual weight, (i, j) at i * n_cols + j", S.reshape(*bucket.shape, -1)),
            ("the signs are the wrong way round", -S),
            ("each row has one entry, +1 or -1; this has the loads in it", S / np.maximum(np.abs(S).sum(axis=0), 1)),
        ], f"{m.n_out} x {m.n_cols}, {m.buckets} buckets"))
    mark(function, examples, "S")
    done("Gather is S w, scatter-add is the transpose of S.")


def convolution_matrix(function: Callable) -> None:
    """Check S of a 1-D convolution: function(n_in, size) -> S; V[i, j] = w[j - i] for 0 <= j - i < size."""
    examples = []
    for n_in, size in ((5, 3), (6, 1), (4, 4), (7, 2)):
        n_out = n_in - size + 1
        S = np.zeros((n_out, n_in, size))
        flipped = S.copy()
        wrapped = S.copy()
        for i in range(n_out):
            for k in range(size):
                S[i, i + k, k] = 1
                flipped[i, i + k, size - 1 - k] = 1
        rows = np.zeros((n_in, n_in, size))
        for i in range(n_in):
            for k in range(size):
                rows[i, (i + k) % n_in, k] = 1
        wrapped[:, :size, :] = np.eye(size)
        examples.append(Example((n_in, size), S.reshape(-1, size), [
            ("the kernel is flipped: V[i, j] is w[j - i]", flipped.reshape(-1, size)),
            ("this wraps around at the end; there are n_in - size + 1 outputs", rows.reshape(-1, size)),
            ("the window does not move: unit i sees inputs i to i + size - 1", wrapped.reshape(-1, size)),
            ("S is a matrix: one row for each (i, j), at i * n_in + j", S),
            ("this is S transposed", S.reshape(-1, size).T),
            ("V is written out row by row; this goes column by column", S.transpose(1, 0, 2).reshape(-1, size)),
        ], f"{n_in} inputs, a kernel of {size}"))
    mark(function, examples, "S")
    done("Convolution is a sharing map, with zeros: the one that everybody knows.")


def low_rank_gradient(function: Callable) -> None:
    """Check the gradient of the learned factor: function(dV, R) -> dU, for V = U R."""
    rng = np.random.default_rng(9)
    examples = []
    for n_out, rank, n_in in ((4, 2, 5), (3, 3, 3), (2, 1, 6)):
        dV = rng.normal(size=(n_out, n_in))
        R = rng.normal(size=(rank, n_in))
        right = dV @ R.T
        square = n_out == rank == n_in
        examples.append(Example((dV, R), right, [
            ("R is transposed: <U R, dV> = <U, dV R^T>", dV @ R if square else right),
            ("dV is transposed: <U R, dV> = <U, dV R^T>", dV.T @ R.T if square else right),
            ("this is dU transposed", right.T),
            ("R is fixed, no inverse is needed: the gradient is the transpose", dV @ np.linalg.pinv(R)),
            ("a gradient of the learned factor does not divide by the rank", right / rank),
            ("a gradient of the learned factor does not divide by the inputs", right / n_in),
        ], f"U {n_out} x {rank}, R {rank} x {n_in}"))
    mark(function, examples, "dU")
    done("The transpose of the fixed factor, as scatter-add is the transpose of gather.")


def _softmax(z: NDArray) -> NDArray:
    odds = np.exp(z - z.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def dark_gradient(function: Callable) -> None:
    """Check the gradient of T**2 times the mean cross-entropy of soft targets: function(logits, soft, T) -> dz."""
    rng = np.random.default_rng(10)
    examples = []
    for (batch, classes), T in (((3, 4), 4.0), ((2, 3), 1.0), ((5, 2), 2.5)):
        logits = 3 * rng.normal(size=(batch, classes))
        soft = rng.dirichlet(np.ones(classes), size=batch)
        difference = _softmax(logits / T) - soft
        right = T * difference / batch
        examples.append(Example((logits, soft, T), right, [
            ("T**2 multiplies the loss, and the inner derivative is 1 / T: T is left", difference / batch),
            ("the inner derivative 1 / T is missing: T**2 / T is T", T * right),
            ("the factor T**2 is missing", difference / T / batch),
            ("the loss is the mean over the batch: divide by its size", T * difference),
            ("the sign is the wrong way round: what the network says minus what the teacher says", -right),
            ("the student's logits are divided by T, too, before the softmax", T * (_softmax(logits) - soft) / batch),
            ("divide by the size of the batch, not by the number of classes", T * difference / classes),
            ("divide by T before the softmax; this multiplies", T * (_softmax(logits * T) - soft) / batch),
        ], f"batch {batch}, T = {T:g}"))
    mark(function, examples, "dz")
    done("About independent of T for large T: that is what the factor T**2 is for.")


def units_without_edges(function: Callable) -> None:
    """Check the expected share of RER's units without any connection: function(n_in, share_kept) -> share."""
    examples = []
    for n_in, p in ((64, 1 / 16), (64, 1 / 64), (10, 0.3), (784, 1 / 64)):
        examples.append(Example((n_in, p), (1 - p) ** n_in, [
            ("this is the share of units with at least one connection", 1 - (1 - p) ** n_in),
            ("this is the probability that all connections are kept", p**n_in),
            ("that is the limit for small shares; the exact one has (1 - p)", np.exp(-n_in * p)),
            ("this is the mean number of connections", n_in * p),
            ("this is the probability that one connection is lost", 1 - p),
            ("probabilities of independent events are multiplied, not added", 1 - n_in * p),
            ("this is the share of units with exactly one connection", n_in * p * (1 - p) ** (n_in - 1)),
        ], f"{n_in} inputs, {p:.3g} kept"))
    mark(function, examples, "the share", tolerance=1e-9)
    done("At 1/64 of 64 inputs, more than a third of the units see nothing; and at 1/16?")
