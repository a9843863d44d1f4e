"""Checks of exercise 7: why it works."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...kernels import hash_scatter_add
from ..marking import MAPS, Example, call_pair, close, done, mark, mark_number, number, require


def lost_share(function: Callable) -> None:
    """Check the share of a dense V that no w can reproduce: function(c) -> share between 0 and 1."""
    examples = []
    for c in (1.0, 0.5, 0.125, 1 / 64, 0.3):
        kept = c * (1 - np.exp(-1 / c))
        examples.append(Example((c,), 1 - kept, [
            ("this is the share that is kept", kept),
            ("empty buckets add no dimension to V: only 1 - exp(-1/c) of the buckets are used", 1 - c),
            ("this is the share of buckets that are used, not of dimensions of V", 1 - np.exp(-1 / c)),
            ("this is the share of empty buckets", np.exp(-1 / c)),
            ("a bucket is empty with probability exp(-1/c), not exp(-c)", 1 - c * (1 - np.exp(-c))),
            ("used buckets, not empty ones, are dimensions of V", 1 - c * np.exp(-1 / c)),
            ("as a number between 0 and 1, not in percent", 100 * (1 - kept)),
        ], f"c = {c:g}"))
    mark(function, examples, "the lost share")
    done("At 1/8 that is 87.5 %: training does not approximate the dense matrix.")


def half_lost(found: Any) -> None:
    """Check the compression at which half of a dense V is lost."""
    low, high = 0.1, 1.0
    for _ in range(60):
        c = (low + high) / 2
        more = 1 - c * (1 - np.exp(-1 / c)) > 0.5
        low, high = (c, high) if more else (low, c)
    mark_number(found, low, "the compression", [
        ("that would be right for a balanced map, without empty buckets", 0.5),
        ("as a number between 0 and 1, not in percent", 100 * low),
        ("that is 1 / c, the number of places of each real weight", 1 / low),
        ("that is the share of V that is kept or lost; which c makes it a half?", 1 - 0.5 * (1 - np.exp(-2))),
        ("at compression 1 a share of 1 / e is lost, not a half", 1.0),
    ], tolerance=2e-3)
    done("Even at a mild compression half of a trained matrix is gone.")


def projected_weights(function: Callable) -> None:
    """Check the w whose V comes closest to a given V: function(V, bucket, sign, buckets) -> w."""
    rng = np.random.default_rng(2)
    examples = []
    for m in MAPS:
        bucket, sign = m.table()
        V = rng.normal(size=bucket.shape)
        load = m.loads()
        total = hash_scatter_add(V, m)
        unsigned = np.bincount(bucket.ravel(), V.ravel(), m.buckets)
        with np.errstate(invalid="ignore"):
            undefined = total / load
        last = np.zeros(m.buckets)
        last[bucket] = V * sign
        examples.append(Example((V, bucket, sign, m.buckets), total / np.maximum(load, 1), [
            ("this is the sum over each bucket; the closest w is the mean", total),
            ("the signs are missing", unsigned / np.maximum(load, 1)),
            ("the signs are missing, and it should be the mean", unsigned),
            ("an empty bucket has no mean: let its w be 0", undefined),
            ("each bucket has its own number of places; this divides all by the same number", total / load.mean()),
            ("each bucket has its own number of places; this divides all by K", total / m.buckets),
            ("only the last place of each bucket counts here; take the mean of all", last),
            ("divide by the number of places, not by its root", total / np.sqrt(np.maximum(load, 1))),
        ], f"{m.n_out} x {m.n_cols}, {m.buckets} buckets"))
    mark(function, examples, "w")
    done("The best that can be done after training, and at 1/8 it is not good enough.")


def hashed_kernel(function: Callable) -> None:
    """Check all hashed inner products of gradients: function(gradients, bucket, sign, buckets) -> (n, n)."""
    rng = np.random.default_rng(3)
    examples = []
    for n, m in zip((3, 2, 4, 3), MAPS, strict=True):
        bucket, sign = m.table()
        g = rng.normal(size=(n, *bucket.shape))
        features = np.stack([hash_scatter_add(one, m) for one in g])
        unsigned = np.stack([np.bincount(bucket.ravel(), one.ravel(), m.buckets) for one in g])
        exact = np.einsum("aij,bij->ab", g, g)
        lengths = np.linalg.norm(features, axis=1)
        gathered = np.einsum("aij,bij->ab", g * sign, g * sign)
        examples.append(Example((g, bucket, sign, m.buckets), features @ features.T, [
            ("these are the exact inner products; hash the gradients first", exact),
            ("the signs are missing", unsigned @ unsigned.T),
            ("these are the hashed gradients; take their inner products", features),
            ("these are the inner products of buckets; those of gradients are wanted", features.T @ features),
            ("these are cosines; inner products are not divided by the lengths", features @ features.T
             / np.outer(lengths, lengths)),
            ("signs alone change no inner product; add up by bucket", gathered),
            ("the inner products are not averaged over the buckets", features @ features.T / m.buckets),
        ], f"{n} gradients of {m.n_out} x {m.n_cols}, {m.buckets} buckets"))
    mark(function, examples, "the kernel")
    done("The tangent kernel of a hashed layer, from Eq. 12 alone.")


def noise_of_length(function: Callable) -> None:
    """Check the relative standard deviation of a hashed squared length: function(g, K) -> number, for a vector."""
    rng = np.random.default_rng(4)
    examples = []
    for size, K in ((4, 3), (6, 10), (50, 260), (3, 1), (2, 7)):
        g = rng.normal(size=size) + 1
        squared = g @ g
        spikes = np.sum(g**4) / squared**2
        right = np.sqrt(2 * (1 - spikes) / K)
        examples.append(Example((g, K), right, [
            ("this is the variance; the standard deviation is its root", right**2),
            ("this is the deviation itself; divide by the squared length", right * squared),
            ("this is the variance itself; take the root, and divide by the squared length", (right * squared) ** 2),
            ("divide by the squared length, not by the length", right * np.sqrt(squared)),
            ("the terms i = j do not vary: take them out", np.sqrt(2 / K)),
            ("(i, j) and (j, i) meet together: 2 g_i g_j is squared", np.sqrt((1 - spikes) / K)),
            ("with g' = g each pair adds (2 g_i g_j)**2: the 2 is missing", np.sqrt((1 - spikes) / (2 * K))),
            ("the terms i = j are in it twice, once from each part", np.sqrt((2 - spikes) / K)),
            ("the variance falls like 1/K", np.sqrt(2 * (1 - spikes))),
            ("the standard deviation falls like the root of 1/K", np.sqrt(2 * (1 - spikes)) / K),
            ("2 / sqrt(K) is for two gradients at an angle; this is one", 2 / np.sqrt(K)),
            ("this is the share of the terms i = j", spikes),
        ], f"{size} entries, K = {K}"))
    mark(function, examples, "the relative standard deviation")
    done("At most sqrt(2 / K), for any g. The fewer entries hold the length, the smaller; with a single one it is 0.")


def weights_needed(found: Any) -> None:
    """Check how many real weights keep the relative noise at 5 %, by the rule 2 / sqrt(K)."""
    mark_number(found, 1600, "K", [
        ("that is 2 / 0.05; but the rule has the square root of K", 40),
        ("that would be right for 1 / sqrt(K)", 400),
        ("5 % is 0.05, not 5", 0.16),
        ("the noise at that K would be half of 5 %", 6400),
        ("the width is not in it, only K", 64 * 65),
    ])
    done("For 5 %; and a quarter of that for 10 %.")


def bias_and_variance(function: Callable) -> None:
    """Check the two parts of squared error: function(p, y) -> (bias, variance); p (runs, n, classes), y (n,)."""
    rng = np.random.default_rng(5)
    names = ("the bias", "the variance")
    came = []
    expected = []
    mistakes: dict[str, list[tuple[float, float]]] = {}
    for runs, n, classes in ((4, 6, 3), (7, 5, 4), (2, 3, 2)):
        p = rng.dirichlet(np.ones(classes), size=(runs, n))
        y = rng.integers(0, classes, n)
        truth = np.eye(classes)[y]
        mean = p.mean(axis=0)
        bias = float(np.mean(np.sum((mean - truth) ** 2, axis=1)))
        variance = float(np.mean(np.sum((p - mean) ** 2, axis=2)))
        whole = float(np.mean(np.sum((p - truth) ** 2, axis=2)))
        expected.append((bias, variance))
        over_images = p.mean(axis=1, keepdims=True)
        planted = float(np.mean(np.sum((p - over_images) ** 2, axis=2)))
        values = call_pair(function, p, y)
        came.append(tuple(number(value, name) for value, name in zip(values, names, strict=True)))
        for reason, wrong in (
            ("that is the whole squared error; the bias is that of the average", (whole, variance)),
            ("the order is (bias, variance)", (variance, bias)),
            ("add up over the classes, average over images and runs", (bias / classes, variance / classes)),
            ("divide by the number of runs: the two parts then add up to the whole error",
             (bias, variance * runs / (runs - 1))),
            ("average the probabilities over the runs; axis 1 is the images",
             (float(np.mean(np.sum((over_images - truth) ** 2, axis=1))), planted)),
            ("average the probabilities over the runs, not over the images",
             (float(np.mean(np.sum((over_images - truth) ** 2, axis=2))), planted)),
            ("add up the squares over the classes: with keepdims axis 1 of the average is the images",
             (bias * n / classes, variance)),
            ("squares are missing: these are roots", (bias**0.5, variance**0.5)),
            ("this is the variance of the truth around the average twice", (bias, bias)),
        ):
            mistakes.setdefault(reason, []).append(wrong)
    if not close(np.array(came), np.array(expected), 1e-5):
        for reason, values_of_mistake in mistakes.items():
            require(not close(np.array(came), np.array(values_of_mistake), 1e-5), reason)
        off = [name for k, name in enumerate(names)
               if not close(np.array(came)[:, k], np.array(expected)[:, k], 1e-5)]
        require(False, f"{' and '.join(off)} {'are' if len(off) > 1 else 'is'} not right")
    done("And they add up to the squared error of a single network.")

