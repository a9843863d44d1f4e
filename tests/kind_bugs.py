"""Planted bugs that show with one kind of map only, and in four corners of losses and networks.

A reviewer's layer was right for `xxhash` and wrong with every other kind, and passed all 1,008 cases of version 5.
Version 6 has cases for each of these bugs (data/vectors/cases/every_kind.py). `python tests/kind_bugs.py` prints what
the two versions find; `planted_bugs.py` measures these bugs beside those of the other sets.
"""

from typing import ClassVar

import numpy as np
from corner_bugs import OF_VERSION_5, is_found
from more_planted_bugs import make
from planted_bugs import (
    ANY_BACKWARD,
    ANY_FORWARD,
    PLANTED,
    STATE,
    TRAINING,
    Fast,
    InputOfLastForward,
    OutputBufferShared,
    planted,
    setting,
)
from right_layer import OTHER_KINDS, TEXT_SEEDS

from hashnets_np.conformance.cases import Case
from hashnets_np.conformance.runner import select

BEFORE = len(PLANTED)  # bugs of the first three sets
ALONE = (*TEXT_SEEDS, "fold")  # the kinds that had no two layers side by side


# ---- what a layer gets wrong; with one kind only, as it is planted below


class GradientsAddUp(Fast):
    total = 0

    def backward(self, a, dz):
        dw, db, da = super().backward(a, dz)
        self.total = self.total + dw
        return self.total, db, da


class FollowsItsWeights(Fast):
    """The layer keeps the caller's array of weights."""

    def __init__(self, spec, w, b):
        super().__init__(spec, w, b)
        self.w = w


class VOfTheLatestLayer(Fast):
    """forward takes V from the layer that was made last, if it has the same shape."""

    latest: ClassVar[Fast | None] = None

    def __init__(self, spec, w, b):
        super().__init__(spec, w, b)
        VOfTheLatestLayer.latest = self

    def forward(self, a):
        self.check_batch(a, self.spec.n_in)
        V = Fast.gather(self.latest)
        if V.shape != Fast.gather(self).shape:
            return super().forward(a)
        return (self.with_ones(a) @ V.T + self.beta()).astype(self.spec.dtype)


class ExamplesFrom64(Fast):
    def forward(self, a):
        return setting(super().forward(a).copy(), np.s_[64:], 0)


class GradientOf64Examples(Fast):
    def backward(self, a, dz):
        _, db, da = super().backward(a, dz)
        return super().backward(a[:64], dz[:64])[0], db, da


class StepUphill(Fast):
    def step(self, a, dz, lr, momentum, weight_decay):
        return super().step(a, dz, -lr, momentum, weight_decay)


class NewWeightsIgnored(Fast):
    def set_weights(self, w, b):
        self.check_shapes(self.spec, w, b)


class AccumulateReplaces(Fast):
    def accumulate(self, a, dz):
        return self.backward(a, dz)


class ScatterAddNegative(Fast):
    def scatter_add(self, dV):
        return -super().scatter_add(dV)


def with_one_kind(bug: type[Fast], kind: str, *stages: str, layer: bool = True) -> None:
    """Plant a bug in the layers of one kind; all other layers are right."""

    def __new__(cls, spec, w, b):
        return (bug if spec.kind == kind else Fast)(spec, w, b)

    make(f"{bug.__name__}{kind.title()}", stages, layer, __new__=__new__)


for kind in OTHER_KINDS:
    shown = kind in TEXT_SEEDS  # a layer with forward and backward alone is asked for the kinds of specification 1
    with_one_kind(GradientsAddUp, kind, *STATE, layer=shown)
    with_one_kind(OutputBufferShared, kind, *STATE, layer=shown)
    with_one_kind(FollowsItsWeights, kind, *STATE, layer=shown)
    with_one_kind(ExamplesFrom64, kind, *ANY_FORWARD, layer=shown)
    with_one_kind(GradientOf64Examples, kind, *ANY_BACKWARD, layer=shown)
    with_one_kind(StepUphill, kind, *TRAINING, layer=False)
    with_one_kind(NewWeightsIgnored, kind, *STATE, layer=False)
    with_one_kind(AccumulateReplaces, kind, *STATE, layer=False)
    with_one_kind(ScatterAddNegative, kind, "scatter-add", layer=False)
for kind in ALONE:
    shown = kind in TEXT_SEEDS
    with_one_kind(InputOfLastForward, kind, *STATE, layer=shown)
    with_one_kind(VOfTheLatestLayer, kind, *STATE, layer=shown)


# ---- losses and networks


@planted("loss", layer=False)
class CertainTeacher(Fast):
    """The logarithm of the soft targets is taken, as for a divergence, though some of them are 0."""

    @classmethod
    def loss(cls, z, y, soft, temperature, mix):
        loss, dz = super().loss(z, y, soft, temperature, mix)
        return (loss, dz) if soft is None else (loss + 0 * (soft * np.log(soft)).sum().astype(z.dtype), dz)


@planted("loss", layer=False)
class TemperatureAtLeastOne(Fast):
    @classmethod
    def loss(cls, z, y, soft, temperature, mix):
        return super().loss(z, y, soft, max(1, temperature), mix)


@planted("loss", layer=False)
class OneClassOfTwo(Fast):
    """One logit is taken for that of two classes, beside one of 0."""

    @classmethod
    def loss(cls, z, y, soft, temperature, mix):
        if z.shape[1] > 1:
            return super().loss(z, y, soft, temperature, mix)
        loss, dz = super().loss(np.hstack([z, 0 * z]), y, soft, temperature, mix)
        return loss, dz[:, :1]


@planted("network", layer=False)
class BiasGradientOfThirdLayerNegated(Fast):
    @classmethod
    def network(cls, *args):
        z, grads, dx = super().network(*args)
        return z, [(dw, -db if n == 2 and db is not None else db) for n, (dw, db) in enumerate(grads)], dx


WITH_ONE_KIND = list(PLANTED)[BEFORE:]


# ---- measuring


def kind_of(name: str) -> str:
    """Find the kind that a bug shows with; an empty text for those of losses and networks.

    >>> kind_of("StepUphillKeras")
    'keras'
    """
    return next((kind for kind in OTHER_KINDS if name.endswith(kind.title())), "")


def cases_of(kind: str, cases: list[Case]) -> list[Case]:
    """List the cases with a layer, or a map, of a kind."""
    return [case for case in cases if f"'kind': '{kind}'" in str(case.inputs)]


def older_cases(name: str) -> list[Case]:
    """List the cases of version 5 in which a bug could show at all."""
    cases = select()[:OF_VERSION_5]
    kind = kind_of(name)
    if not kind:
        return [case for case in cases if case.operation in ("loss", "network")]
    return cases_of(kind, cases)


if __name__ == "__main__":
    for name in WITH_ONE_KIND:
        found = {5: is_found(name, older_cases(name)), 6: is_found(name, select()[OF_VERSION_5:])}
        said = [f"version {n} {'finds' if yes else 'misses'} it" for n, yes in found.items()]
        print(f"{name}: {', '.join(said)}", flush=True)
