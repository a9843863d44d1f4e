"""Stochastic gradient descent with momentum, and three schedules of the learning rate.

v = mu v + g + wd w;  w -= lr v. The released Torch code multiplies g by 1 - mu ("dampened"): its lr is ours / (1 - mu).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass, field
from math import cos, pi

import numpy as np

from .layers import Layer, check_params
from .support.checks import check_count, check_number
from .types import FloatArray, ScheduleName

Schedule = Callable[[int, int], float]  # (step from 0, steps in all) -> factor of the learning rate

SCHEDULES: dict[str, Schedule] = {
    "constant": lambda step, steps: 1.0,
    "cosine": lambda step, steps: 0.5 * (1.0 + cos(pi * min(step / steps, 1.0))),
    "released": lambda step, steps: 1.0 / (1.0 + 1e-4 * step),  # the released code's decay
}
NEEDS_TOTAL_STEPS = ("cosine",)


@dataclass
class SGD:
    """Stochastic gradient descent: v = momentum * v + gradient + weight_decay * w, then w -= learning rate * v.

    Parameters
    ----------
    learning_rate : float
        Finite and above 0.
    momentum : float
        In [0, 1).
    weight_decay : float
        Finite and at least 0.
    schedule : {"constant", "cosine", "released"}
        "cosine" goes from the learning rate to 0 over `total_steps`, and stays 0 after them. "released" divides it by
        1 + step / 10,000, as the paper's code does.
    load_exponent : float
        In [0, 1]. The gradient of a shared weight is divided by its load, the number of virtual weights that share it,
        to this power: 0 leaves the sum that Eq. 12 asks for, 1 makes it the mean.
    total_steps : int, optional
        At least 1. `fit` sets it; a loop of your own has to, if the schedule is "cosine".

    Attributes
    ----------
    steps_done : int
        How many steps were taken.

    Raises
    ------
    ValueError
        For any other value.

    Examples
    --------
    >>> from hashnets_np import Linear
    >>> layer = Linear(1, 1, bias=False, seed=0)
    >>> layer.params["w"][:] = 2.0
    >>> layer.grads["w"] = np.ones((1, 1), np.float32)
    >>> SGD(learning_rate=0.5).step([layer])
    >>> float(layer.params["w"][0, 0])
    1.5
    """

    learning_rate: float = 0.1
    momentum: float = 0.9
    _: KW_ONLY
    weight_decay: float = 0.0
    schedule: ScheduleName = "constant"
    load_exponent: float = 0.0
    total_steps: int | None = None
    steps_done: int = field(default=0, init=False)
    velocity: dict[tuple[int, str], FloatArray] = field(default_factory=dict, init=False, repr=False, compare=False)
    divisors: dict[tuple[int, str], FloatArray] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.learning_rate = check_number("learning_rate", self.learning_rate, 0, above=True)
        self.momentum = check_number("momentum", self.momentum, 0, 1)
        self.weight_decay = check_number("weight_decay", self.weight_decay, 0)
        self.load_exponent = check_number("load_exponent", self.load_exponent, 0)
        if self.load_exponent > 1:
            raise ValueError(f"load_exponent must be at most 1, got {self.load_exponent:g}")
        if self.total_steps is not None:
            check_count("total_steps", self.total_steps)
        if not isinstance(self.schedule, str) or self.schedule not in SCHEDULES:
            raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {self.schedule!r}")

    def step(self, layers: Iterable[Layer]) -> None:
        """Update the parameters of the layers in place, from their grads.

        Parameters
        ----------
        layers : iterable of Layer
            The same layers in the same order at every step, as in `net.layers`: each parameter has its own velocity.

        Raises
        ------
        ValueError
            If there was no backward pass yet, for layers of another shape than at the first step, for a parameter that
            cannot be written to, and for a cosine schedule that does not know `total_steps`. Then no parameter was
            changed.
        """
        if not isinstance(layers, Iterable):
            raise TypeError(f"step takes layers, such as net.layers, got {type(layers).__name__}")
        layers = list(layers)
        lr = self.current_learning_rate()
        self.check(layers)
        for number, layer in enumerate(layers):
            for name, w in layer.params.items():
                v = self.velocity.setdefault((number, name), np.zeros_like(w))
                v *= self.momentum
                v += self.scaled(layer.grads[name], layer, name, number)
                if self.weight_decay:
                    v += self.weight_decay * w
                w -= lr * v
        self.steps_done += 1

    def check(self, layers: list[Layer]) -> None:
        """Check all gradients before any parameter changes, and that the parameters are those of the last step."""
        check_params(layers)
        for number, layer in enumerate(layers):
            for name, w in layer.params.items():
                gradient(layer, name, number)
                v = self.velocity.get((number, name), w)
                if v.shape != w.shape:
                    raise ValueError(f"layer {number} ({type(layer).__name__}) has {name!r} of shape {w.shape}, but "
                                     f"{v.shape} at the last step; pass a new SGD for another network")

    def scaled(self, grad: FloatArray, layer: Layer, name: str, number: int) -> FloatArray:
        """Divide a gradient by the loads of its weights, to the power of `load_exponent`."""
        if not self.load_exponent:
            return grad
        if (number, name) not in self.divisors:  # loads never change: count them once
            loads = layer.loads(name)
            divisor = np.ones(grad.shape) if loads is None else np.maximum(loads, 1) ** self.load_exponent
            self.divisors[number, name] = divisor.astype(grad.dtype)
        return grad / self.divisors[number, name]

    def current_learning_rate(self) -> float:
        """Return the learning rate of the next step."""
        if self.schedule in NEEDS_TOTAL_STEPS and self.total_steps is None:
            raise ValueError(f"the {self.schedule} schedule needs to know the number of steps; write SGD(..., "
                             f"schedule={self.schedule!r}, total_steps=epochs * steps_per_epoch), or train with fit, "
                             "which sets it")
        return float(self.learning_rate) * SCHEDULES[self.schedule](self.steps_done, self.total_steps or 1)


def gradient(layer: Layer, name: str, number: int) -> FloatArray:
    """Return a layer's gradient of one parameter; ValueError before `backward`, or if it has another shape."""
    if name not in layer.grads:
        raise ValueError(f"layer {number} ({type(layer).__name__}) has no gradient of {name!r}; "
                         "call forward and backward before step")
    grad = layer.grads[name]
    if np.shape(grad) != layer.params[name].shape:
        raise ValueError(f"layer {number} ({type(layer).__name__}): the gradient of {name!r} has shape "
                         f"{np.shape(grad)}, expected {layer.params[name].shape}")
    return grad
