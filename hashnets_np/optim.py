"""Stochastic gradient descent with momentum, and three schedules of the learning rate.

v = mu v + g + wd w;  w -= lr v. The released Torch code multiplies g by 1 - mu ("dampened"): its lr is ours / (1 - mu).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import cos, pi

import numpy as np
from numpy.typing import NDArray

from .layers import Layer

Schedule = Callable[[int, int], float]  # (step from 0, steps in all) -> factor of the learning rate

SCHEDULES: dict[str, Schedule] = {
    "constant": lambda step, steps: 1.0,
    "cosine": lambda step, steps: 0.5 * (1.0 + cos(pi * min(step / steps, 1.0))),
    "released": lambda step, steps: 1.0 / (1.0 + 1e-4 * step),  # the released code's decay
}


@dataclass
class SGD:
    """Stochastic gradient descent: v = momentum * v + gradient + weight_decay * w, then w -= learning rate * v.

    learning_rate: above 0. momentum: in [0, 1). weight_decay: at least 0. schedule: "constant", "cosine" (from the
    learning rate to 0 over total_steps, at least 1, which `fit` sets, and 0 after them) or "released" (divided by
    1 + step / 10,000). Any other value is a ValueError.

    >>> from hashnets_np import Linear
    >>> layer = Linear(1, 1, bias=False)
    >>> layer.params["w"][:], layer.grads["w"] = 2.0, np.ones((1, 1), np.float32)
    >>> SGD(learning_rate=0.5).step([layer]); float(layer.params["w"][0, 0])
    1.5
    """

    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "constant"
    total_steps: int = 1
    steps_done: int = field(default=0, init=False)
    velocity: dict[tuple[int, str], NDArray] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.learning_rate > 0 or not 0 <= self.momentum < 1 or not self.weight_decay >= 0:
            raise ValueError(f"learning_rate must be > 0, momentum in [0, 1), weight_decay >= 0, got {self}")
        if self.total_steps < 1:
            raise ValueError(f"total_steps must be at least 1, got {self.total_steps}")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {self.schedule!r}")

    def step(self, layers: Iterable[Layer]) -> None:
        """Update the parameters of the layers in place, from their grads."""
        lr = self.learning_rate * SCHEDULES[self.schedule](self.steps_done, self.total_steps)
        for number, layer in enumerate(layers):
            for name, w in layer.params.items():
                v = self.velocity.setdefault((number, name), np.zeros_like(w))
                v *= self.momentum
                v += layer.grads[name]
                if self.weight_decay:
                    v += self.weight_decay * w
                w -= lr * v
        self.steps_done += 1
