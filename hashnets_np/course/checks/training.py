"""Checks of exercise 5: training."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...layers import HashedLinear, Linear
from ...maps import SharingMap
from ...optim import SGD
from ..marking import NotYet, call, call_pair, compare, done, number, numbers, require


def momentum_step(function: Callable) -> None:
    """Check SGD with momentum: function(w, v, gradient, learning_rate, momentum) -> (w, v), for three steps."""
    rng, layer, optimizer = np.random.default_rng(0), Linear(3, 1, bias=False, dtype=np.float64), SGD(0.1, momentum=0.9)
    w, v = layer.params["w"].copy(), np.zeros((1, 3))
    for step in range(3):
        gradient = rng.normal(size=(1, 3))
        layer.grads["w"] = gradient.copy()
        optimizer.step([layer])
        w, v = (numbers(found, name) for found, name in zip(
            call_pair(function, w.copy(), v.copy(), gradient.copy(), 0.1, 0.9), "wv", strict=True))
        compare(w, layer.params["w"], f"w after step {step + 1}")
        require(v.shape == w.shape, f"v has shape {v.shape}, expected {w.shape}: one velocity per weight")
    done("Three steps, the same as hn.SGD.")


def inverted_dropout(function: Callable) -> None:
    """Check inverted dropout with a given mask: function(x, mask, rate) -> x."""
    x = np.arange(1.0, 13.0).reshape(3, 4)
    mask = np.array([[1, 0, 1, 1], [0, 0, 1, 1], [1, 1, 1, 0]], dtype=bool)
    compare(call(function, x, mask, 0.25), np.where(mask, x / 0.75, 0), "the output", {
        "the survivors must be divided by 1 - rate, or the mean changes": np.where(mask, x, 0),
        "the mask is true where a unit stays": np.where(mask, 0, x / 0.75),
        "divide by 1 - rate, not by the rate": np.where(mask, x / 0.25, 0),
    })
    done("The same as hn.Dropout with that mask.")


def best_epoch(function: Callable) -> None:
    """Check the choice of an epoch: function(valid_errors, test_errors) -> (epoch from 1, test error to report)."""
    valid, test = [9.0, 5.0, 4.0, 4.0, 6.0], [8.0, 7.0, 6.5, 6.0, 5.0]
    epoch, reported = (number(found, name) for found, name in zip(
        call_pair(function, valid, test), ("the epoch", "the test error"), strict=True))
    require((epoch, reported) != (5, 5.0), "chosen by the test error: then it is no longer a test")
    require((epoch, reported) != (4, 6.0), "of equal epochs take the earliest, whatever the test error says")
    require(epoch == 3, f"epoch {epoch:g}; the lowest validation error is in epoch 3 (counted from 1)")
    require(reported == 6.5, f"reported {reported}; the test error of epoch 3 is 6.5")
    done("Chosen on one set, reported on the other.")


def occupancy_layer(layer_class: type[HashedLinear]) -> None:
    """Check a layer that divides the gradient of each real weight by the number of its places."""
    x, dz = np.random.default_rng(0).normal(size=(4, 6)), np.random.default_rng(1).normal(size=(4, 8))
    for c in ("1/8", "1"):
        arguments: dict[str, Any] = {"compression": c, "seed": 3, "dtype": np.float64}
        layer, plain = layer_class(6, 8, **arguments), HashedLinear(6, 8, **arguments)
        layer.forward(x), plain.forward(x)
        try:
            da = layer.backward(dz)
        except Exception as error:
            raise NotYet(f"backward stopped with {type(error).__name__}: {error}") from error
        load = plain.map.loads()
        compare(da, plain.backward(dz), "da (it should not change)")
        require(np.isfinite(layer.grads["w"]).all(), "an empty bucket has gradient 0, not 0 / 0")
        compare(layer.grads["w"], plain.grads["w"] / np.maximum(load, 1), f"dw at compression {c}", {
            "the gradient is not divided yet": plain.grads["w"]})
    done("Divided by the number of places; empty buckets are left alone.")


def permutation_map(m: SharingMap) -> None:
    """Check that a map of compression 1 uses each real weight exactly once."""
    require(isinstance(m, SharingMap), f"expected a SharingMap, got {type(m).__name__}")
    n = m.n_out * m.n_cols
    require(m.buckets == n, f"{m.buckets} buckets for {n} virtual weights is not compression 1")
    loads = m.loads()
    empty = 100 * np.mean(loads == 0)
    require((loads == 1).all(), f"{empty:.1f} % of the buckets are empty; every one must be used once")
    done("A permutation: nothing is shared, nothing is empty.")
