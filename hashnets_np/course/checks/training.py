"""Checks of exercise 5: training."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...layers import HashedLinear, Linear
from ...maps import SharingMap
from ...optim import SGD
from ..marking import (
    Example,
    NotYet,
    call_pair,
    close,
    done,
    mark,
    number,
    numbers,
    one_line,
    require,
    whole,
)
from .gradient import layer_class_of

Pair = tuple[NDArray, NDArray]


def _momentum_mistakes(w: NDArray, v: NDArray, g: NDArray, lr: float, mu: float) -> list[tuple[str, Pair]]:
    """Say what well-known mistakes would make of one step: new w and new v."""
    right = mu * v + g
    return [
        ("v does not contain the learning rate: v = mu v + g. With lr inside, a schedule would change what v remembers",
         (w - (mu * v + lr * g), mu * v + lr * g)),
        ("v does not contain the learning rate, and v is subtracted: v = mu v + g, then w - lr v",
         (w + (mu * v - lr * g), mu * v - lr * g)),
        ("w moves by the new v, not the old one", (w - lr * v, right)),
        ("w moves by the whole v; the momentum is missing: v = mu v + g", (w - lr * (v + g), v + g)),
        ("the momentum is left out: this is plain SGD", (w - lr * g, g)),
        ("g enters in full: v = mu v + g, not a mean of v and g",
         (w - lr * (mu * v + (1 - mu) * g), mu * v + (1 - mu) * g)),
        ("go downhill: subtract", (w + lr * right, right)),
        ("this is Nesterov's momentum, which looks one step ahead", (w - lr * (mu * right + g), right)),
        ("the new w comes first, then the new v", (right, w - lr * right)),
        ("v is not updated: return mu v + g", (w - lr * right, v)),
        ("w is not updated: return w - lr v", (w, right)),
    ]


def momentum_step(function: Callable) -> None:
    """Check SGD with momentum: function(w, v, gradient, learning_rate, momentum) -> (w, v); the rate changes."""
    rng = np.random.default_rng(0)
    came: list[Pair] = []
    expected: list[Pair] = []
    mistakes: list[list[tuple[str, Pair]]] = []
    for shape, lr, mu in (((1, 3), 0.1, 0.9), ((1, 3), 0.05, 0.9), ((4, 3), 0.3, 0.5), ((5,), 0.02, 0.0)):
        w = rng.normal(size=shape)
        v = rng.normal(size=shape)
        g = rng.normal(size=shape)
        expected.append((w - lr * (mu * v + g), mu * v + g))
        mistakes.append(_momentum_mistakes(w, v, g, lr, mu))
        new_w, new_v = call_pair(function, w, v, g, lr, mu)
        new_w = numbers(new_w, "w")
        new_v = numbers(new_v, "v")
        require(new_w.shape == shape, f"w has shape {new_w.shape}, expected {shape}")
        require(new_v.shape == shape, f"v has shape {new_v.shape}, expected {shape}: one velocity per weight")
        came.append((new_w, new_v))
    if not all(map(_same_pair, came, expected)):
        for n, (reason, _) in enumerate(mistakes[0]):
            require(not all(_same_pair(c, m[n][1]) for c, m in zip(came, mistakes, strict=True)), reason)
        which = "w" if not all(close(c[0], e[0], 1e-5) for c, e in zip(came, expected, strict=True)) else "v"
        require(False, f"the new {which} is not right")
    _same_as_sgd()
    done("The same as hn.SGD.")


def _same_pair(found: Pair, expected: Pair) -> bool:
    """Compare w and v; float32 is good enough."""
    return close(found[0], expected[0], 1e-5) and close(found[1], expected[1], 1e-5)


def _same_as_sgd() -> None:
    """Hold the formula of the exercise against the package's optimizer."""
    layer = Linear(3, 1, bias=False, dtype=np.float64)
    optimizer = SGD(0.1, momentum=0.9)
    w = layer.params["w"].copy()
    v = np.zeros((1, 3))
    for step in range(3):
        g = np.full((1, 3), 1.0 + step)
        layer.grads["w"] = g.copy()
        optimizer.step([layer])
        v = 0.9 * v + g
        w = w - 0.1 * v
    assert close(layer.params["w"], w)


def inverted_dropout(function: Callable) -> None:
    """Check inverted dropout with a given mask: function(x, mask, rate) -> x."""
    rng = np.random.default_rng(4)
    examples = []
    for shape, rate in (((3, 4), 0.25), ((5, 2), 0.5), ((2, 7), 0.1)):
        x = rng.normal(size=shape) + 2
        mask = rng.random(shape) >= rate
        mask.flat[:2] = True, False
        examples.append(Example((x, mask, rate), np.where(mask, x / (1 - rate), 0), [
            ("the survivors must be divided by 1 - rate, or the mean changes", np.where(mask, x, 0)),
            ("the mask is true where a unit stays", np.where(mask, 0, x / (1 - rate))),
            ("the mask is true where a unit stays; and the survivors must be divided by 1 - rate",
             np.where(mask, 0, x)),
            ("divide by 1 - rate, not by the rate", np.where(mask, x / rate, 0)),
            ("divide by 1 - rate; this multiplies", np.where(mask, x * (1 - rate), 0)),
            ("dropped units are 0; here they keep their value", np.where(mask, x / (1 - rate), x)),
            ("dropped units are 0; here all units are divided", x / (1 - rate)),
            ("nothing is dropped yet", x),
            ("1 - rate is what is expected to stay; divide by that, not by the share of this mask", np.where(
                mask, x / mask.mean(), 0)),
        ], f"rate {rate}"))
    mark(function, examples, "the output")
    done("The same as hn.Dropout with that mask.")


ERRORS = (  # validation and test errors, epoch by epoch
    ([9.0, 5.0, 4.0, 4.0, 6.0], [8.0, 7.0, 6.5, 6.0, 5.0]),
    ([3.0, 2.0, 2.5], [1.0, 4.0, 0.5]),
    ([1.0, 2.0, 3.0, 1.0], [7.0, 6.0, 5.0, 4.0]),
    ([6.0, 5.0, 4.5, 4.0], [3.0, 2.0, 2.5, 2.75]),
    ([5.0, 6.0, 3.0, 4.0], [4.0, 5.0, 4.5, 3.5]),  # it gets worse before it gets better
    ([2.5], [2.25]),
)


def best_epoch(function: Callable) -> None:
    """Check the choice of an epoch: function(valid_errors, test_errors) -> (epoch from 1, test error to report)."""
    found = []
    for valid, test in ERRORS:
        epoch, reported = call_pair(function, valid, test)
        found.append((whole(epoch, "the epoch"), number(reported, "the test error")))

    def answers(choose: Callable, report: Callable = lambda valid, test, e: test[e]) -> list[tuple[int, float]]:
        return [(choose(v, t) + 1, report(v, t, choose(v, t))) for v, t in ERRORS]

    def first(v: list[float], t: list[float]) -> int:
        return int(np.argmin(v))

    def last(v: list[float], t: list[float]) -> int:
        return len(v) - 1 - int(np.argmin(v[::-1]))

    if found != answers(first):
        mistakes = [
            ("chosen by the test error: then it is no longer a test", answers(lambda v, t: int(np.argmin(t)))),
            ("of equal epochs take the earliest, whatever the test error says", answers(last)),
            ("of equal epochs take the earliest, whatever the test error says",
             answers(lambda v, t: min(range(len(v)), key=lambda e: (v[e], t[e])))),
            ("epochs are counted from 1, not from 0", [(e - 1, r) for e, r in answers(first)]),
            ("report the test error of that epoch, not the validation error", answers(first, lambda v, t, e: v[e])),
            ("report the test error of the epoch chosen, not the lowest one", answers(first, lambda v, t, e: min(t))),
            ("that is the last epoch before the error rises for the first time; it can fall again", answers(
                lambda v, t: next((e for e in range(len(v) - 1) if v[e + 1] >= v[e]), len(v) - 1))),
            ("that is the last epoch, not the best", answers(lambda v, t: len(v) - 1)),
            ("that is the epoch with the highest validation error", answers(lambda v, t: int(np.argmax(v)))),
        ]
        for reason, wrong in mistakes:
            require(found != wrong, reason)
        (valid, test), came, right = next(z for z in zip(ERRORS, found, answers(first), strict=True) if z[1] != z[2])
        what = "the epoch" if came[0] != right[0] else "the error to report"
        require(False, f"for validation errors {valid} and test errors {test} came {came}: {what} is not right")
    done("Chosen on one set, reported on the other.")


def occupancy_layer(layer_class: type[HashedLinear]) -> None:
    """Check a layer that divides the gradient of each real weight by the number of its places."""
    layer_class_of(layer_class)
    rng = np.random.default_rng(0)
    for n_in, n_out, c in ((6, 8, "1/8"), (6, 8, "1"), (5, 4, "1/3")):
        x = rng.normal(size=(4, n_in))
        dz = rng.normal(size=(4, n_out))
        arguments: dict[str, Any] = {"compression": c, "seed": 3, "dtype": np.float64}
        plain = HashedLinear(n_in, n_out, **arguments)
        plain.forward(x)
        da_right = plain.backward(dz)
        assert da_right is not None
        try:
            layer = layer_class(n_in, n_out, **arguments)
            layer.forward(x)
            da = layer.backward(dz.copy())
        except NotImplementedError as error:
            raise NotYet("backward is still empty", empty=True) from error
        except Exception as error:
            raise NotYet(one_line(f"backward stopped with {type(error).__name__}: {error}")) from error
        require(da is not None, "backward returned None; the gradient of the input has to be returned, unchanged")
        da = numbers(da, "da")
        dw = numbers(layer.grads.get("w"), 'self.grads["w"]')
        same = da.shape == da_right.shape and close(da, da_right)
        require(same, "da is not that of the plain layer; only dw is divided")
        require(close(layer.params["w"], plain.params["w"], 1e-9), "the weights themselves were changed; only their "
                "gradient is divided")
        load = plain.map.loads()
        _judge_occupancy(dw, plain.grads["w"], load, c)
    done("Divided by the number of places; empty buckets are left alone.")


def _judge_occupancy(dw: NDArray, plain: NDArray, load: NDArray, c: str) -> None:
    """Compare one gradient with the plain one divided by the loads."""
    require(dw.shape == plain.shape, f'self.grads["w"] has shape {dw.shape}, expected {plain.shape}')
    require(np.isfinite(dw).all(), "an empty bucket has gradient 0, not 0 / 0")
    if close(dw, plain / np.maximum(load, 1), 1e-5):
        return
    for reason, wrong in (
        ("the gradient is not divided yet", plain),
        ("each weight has its own number of places; this divides all by the same number", plain / load.mean()),
        ("each weight has its own number of places; this divides all by the same number", plain / load.max()),
        ("divide by the number of places, not by its root", plain / np.sqrt(np.maximum(load, 1))),
        ("divide by the number of places, not by one more", plain / (load + 1)),
        ("divide; this multiplies", plain * load),
        ("it is divided twice", plain / np.maximum(load, 1) ** 2),
    ):
        require(not close(dw, wrong, 1e-5), f"dw at compression {c}: {reason}")
    require(False, f"dw at compression {c} is not the gradient divided by the number of places")


def permutation_map(m: SharingMap) -> None:
    """Check the map of a first layer, 100 units, 64 pixels, a bias: at compression 1, each real weight used once."""
    require(isinstance(m, SharingMap), f"expected a SharingMap, got {type(m).__name__}")
    shape = m.n_out, m.n_cols
    require(shape != (65, 100), "this map is transposed: one row for each of the 100 units, one column for each input")
    require(shape != (100, 64), "64 columns have no room for the bias: column 0 is its own")
    require(shape == (100, 65), f"this map is {m.n_out} x {m.n_cols}; the layer has 100 units and, with its bias, "
            "65 columns")
    n = m.n_out * m.n_cols
    require(m.buckets == n, f"{m.buckets} buckets for {n} virtual weights is not compression 1")
    loads = m.loads()
    empty = 100 * np.mean(loads == 0)
    require((loads == 1).all(), f"{empty:.1f} % of the buckets are empty; every one must be used once")
    done("A permutation: nothing is shared, nothing is empty.")
