"""Planted bugs for the corners that version 4 of the vectors left unvisited, one or two for each.

A reviewer's layer had many of them at once and passed all 786 cases of version 4. Version 5 has cases for each of them
(data/vectors/cases/corners.py). `python tests/corner_bugs.py` prints what the two versions find; `planted_bugs.py`
measures these bugs beside those of the other sets.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from more_planted_bugs import ANY_MAP, make
from planted_bugs import (
    ANY_BACKWARD,
    ANY_FORWARD,
    BY_LAYER,
    PLANTED,
    STATE,
    TRAINING,
    Fast,
    LayerOnly,
    on_gradients,
    on_output,
    planted,
)
from right_layer import DEFAULT_SIZES, NEWER_KINDS, OTHER_KINDS, TEXT_KINDS

from hashnets_np.conformance.results import FAILS
from hashnets_np.conformance.runner import check_cases, select

OF_VERSION_4 = 785  # version 5 appends its cases to those
OF_VERSION_5 = 1008
BEFORE = len(PLANTED)  # bugs of the first two sets


def on_both(name: str, holds: Callable[[Any, int], bool]) -> None:
    """Plant two bugs: the outputs, and the gradients, are nonsense where holds(spec, batch)."""
    on_output(f"{name}Output", *ANY_FORWARD)(lambda s, z, a: 0 * z + 9 if holds(s.spec, len(a)) else z)
    on_gradients(f"{name}Gradients", *ANY_BACKWARD)(
        lambda s, dw, db, da, a, dz: (
            (0 * dw + 9, db if db is None else 0 * db + 9, 0 * da + 9) if holds(s.spec, len(a)) else (dw, db, da)
        )
    )


def rounded(x):
    """Cut an array down to what float32 holds."""
    return None if x is None else x.astype(np.float32).astype(x.dtype)


# ---- batches, blocks, narrow layers

for bias in ("column", "hashed", "dense"):
    on_both(f"OneExample{bias.title()}", lambda spec, batch, bias=bias: batch == 1 and spec.bias == bias)
    on_both(f"OneInput{bias.title()}", lambda spec, batch, bias=bias: spec.n_in == 1 and spec.bias == bias)
    on_gradients(f"EmptyBatchGradient{bias.title()}", *ANY_BACKWARD)(
        lambda s, dw, db, da, a, dz, bias=bias: (
            (dw * np.nan, db, da) if len(a) == 0 and s.spec.bias == bias else (dw, db, da)
        )
    )
for bias in ("column", "hashed"):
    on_both(f"OneOutput{bias.title()}", lambda spec, batch, bias=bias: spec.n_out == 1 and spec.bias == bias)
on_both("OneBucketColumn", lambda spec, batch: spec.buckets == 1 and spec.bias == "column")
for n in (8, 16, 32, 128, 256, 512, 1024):
    on_both(f"BatchOf{n}", lambda spec, batch, n=n: batch == n and spec.bias is None)
    on_both(f"BatchOf{n}WithBias", lambda spec, batch, n=n: batch == n and spec.bias is not None)
for n in (512, 1024):
    on_both(f"OutputsInBlocksOf{n}", lambda spec, batch, n=n: spec.n_out % n == 0)
on_both("InputsOf512", lambda spec, batch: spec.n_in == 512)


# ---- kinds and dtypes

for kind in ("authors2015", "pytorch2019"):

    def refuse_dense(self, spec, w, b, kind=kind):
        if spec.kind == kind and spec.bias == "dense":
            raise ValueError("this kind has no dense bias")
        Fast.__init__(self, spec, w, b)

    make(f"NoDenseBiasOf{kind.title()}", ("bias",), __init__=refuse_dense)
for kind in OTHER_KINDS:

    def is_in(spec, kind=kind):
        return spec.kind == kind and (kind in TEXT_KINDS or spec.bias != "column")

    shown = kind in TEXT_KINDS  # a layer with forward and backward alone is asked for the kinds of specification 1
    on_output(f"Float32Output{kind.title()}", *ANY_FORWARD, layer=shown)(
        lambda s, z, a, is_in=is_in: rounded(z) if is_in(s.spec) else z
    )
    on_gradients(f"Float32Gradient{kind.title()}", *ANY_BACKWARD, layer=shown)(
        lambda s, dw, db, da, a, dz, is_in=is_in: (rounded(dw), db, da) if is_in(s.spec) else (dw, db, da)
    )
for kind in NEWER_KINDS:
    on_gradients(f"Float32BiasGradient{kind.title()}", "bias", layer=False)(
        lambda s, dw, db, da, a, dz, kind=kind: (dw, rounded(db) if s.spec.kind == kind else db, da)
    )


# ---- several calls, training, networks, losses


def accumulate_in_float32(self, a, dz):
    """Add gradients up in float32."""
    dw, db, da = Fast.accumulate(self, a, dz)
    return rounded(dw), db, da


def start_anew_without_examples(self, a, dz):
    """Start a new sum of gradients with a batch of none."""
    return Fast.backward(self, a, dz) if len(a) == 0 else Fast.accumulate(self, a, dz)


def step_without_decay(self, a, dz, lr, momentum, weight_decay):
    """Forget the weight decay on the short way that momentum 0 takes."""
    return Fast.step(self, a, dz, lr, momentum, weight_decay if momentum else 0)


make("AccumulatesInFloat32", STATE, False, accumulate=accumulate_in_float32)
make("EmptyBatchStartsASum", STATE, False, accumulate=start_anew_without_examples)
make("NoDecayWithoutMomentum", TRAINING, False, step=step_without_decay)


def of_networks(name: str, holds: Callable[[Any, Any, Any], bool], change: Callable = lambda dw: 0 * dw + 9) -> None:
    """Plant a bug that changes the gradients of a network where holds(layers, x, masks)."""

    def network(cls, seed, layers, weights, x, masks, rate, dz):
        z, grads, dx = Fast.network(seed, layers, weights, x, masks, rate, dz)
        return z, [(change(dw), db) for dw, db in grads] if holds(layers, x, masks) else grads, dx

    make(name, ("network",), False, network=classmethod(network))


of_networks("NetworkOfNoExamples", lambda layers, x, masks: len(x) == 0)
of_networks("DropoutBesideHashedBias", lambda layers, x, masks: masks is not None and layers[0].bias == "hashed")
of_networks("DropoutInFloat32", lambda layers, x, masks: masks is not None, rounded)


def overflowing_loss(cls, z, y, soft, temperature, mix):
    """Take exp of the logits as they are, in the soft part alone."""
    loss, dz = Fast.loss(z, y, soft, temperature, mix)
    if soft is None:
        return loss, dz
    p = np.exp(z / temperature)
    p /= p.sum(axis=1, keepdims=True)
    extra = 0 * np.log(p).sum().astype(z.dtype)  # not a number where p is 0 or not finite
    return loss + extra, dz + extra


def vanishing_loss(cls, z, y, soft, temperature, mix):
    """Take the logarithm of the softmax, which is 0 for logits far below the largest, in the soft part alone."""
    loss, dz = Fast.loss(z, y, soft, temperature, mix)
    return (loss, dz) if soft is None else (loss + 0 * np.log(np.exp(cls.shift(z / temperature))).sum(), dz)


make("SoftTargetsOverflow", ("loss",), False, loss=classmethod(overflowing_loss))
make("SoftTargetsVanish", ("loss",), False, loss=classmethod(vanishing_loss))


# ---- refusals of a layer that has forward and backward alone, and limits


@planted(*ANY_MAP)
class AnyNumberOfWeights(Fast):
    def __init__(self, spec, w, b):
        super().__init__(spec, np.resize(w, spec.buckets) if spec.buckets > 0 else w, b)


@planted(*ANY_MAP)
class AnyNumberOfBuckets(Fast):
    def __init__(self, spec, w, b):
        if spec.buckets < 1:
            spec = dataclasses.replace(spec, buckets=1)
            w = np.ones(1, w.dtype)
        super().__init__(spec, w, b)


@planted(*ANY_MAP)
class AnySides(Fast):
    """Layers without inputs or outputs answer with arrays of zeros."""

    def __init__(self, spec, w, b):
        self.nothing = spec.n_in < 1 or spec.n_out < 1
        self.given = spec
        if not self.nothing:
            super().__init__(spec, w, b)

    def zeros(self, rows, n):
        return np.zeros((rows, max(0, n)), self.given.dtype)

    def forward(self, a):
        return self.zeros(len(a), self.given.n_out) if self.nothing else super().forward(a)

    def backward(self, a, dz):
        if not self.nothing:
            return super().backward(a, dz)
        return np.zeros(self.given.buckets, self.given.dtype), None, self.zeros(len(a), self.given.n_in)


@planted(*ANY_MAP)
class AnyKind(Fast):
    def __init__(self, spec, w, b):
        known = spec.kind in ("xxhash", *NEWER_KINDS, *TEXT_KINDS)
        super().__init__(spec if known else dataclasses.replace(spec, kind="xxhash"), w, b)


@planted("map", *ANY_MAP, layer=False)
class PiecesOfAnySize(Fast):
    """Sizes have no upper limit."""

    @staticmethod
    def check_size(kind, size):
        return size if kind in DEFAULT_SIZES and (size or 0) > 2**15 else Fast.check_size(kind, size)


make("CountIn32Bits", ("number of buckets",), False, count=classmethod(lambda cls, c, n: Fast.count(c, n) % 2**32))
make("CountClipped", ("number of buckets",), False, count=classmethod(lambda cls, c, n: min(Fast.count(c, n), 2**31)))


CORNERS = list(PLANTED)[BEFORE:]


# ---- measuring


def is_found(name: str, cases: list) -> bool:
    """Whether some cases find a bug; with forward and backward alone, if these can show it.

    A few cases at a time are asked, until one fails.
    """
    cls, _ = PLANTED[name]
    adapter = type(name, (LayerOnly,), {"of": cls}) if name in BY_LAYER else cls
    pieces = (cases[start : start + 16] for start in range(0, len(cases), 16))
    return any(result.status == FAILS for piece in pieces for result in check_cases(adapter, piece))


if __name__ == "__main__":
    cases = select()
    versions = {4: cases[:OF_VERSION_4], 5: cases[:OF_VERSION_5]}
    for name in CORNERS:
        said = [f"version {n} {'finds' if is_found(name, some) else 'misses'} it" for n, some in versions.items()]
        print(f"{name}: {', '.join(said)}", flush=True)
