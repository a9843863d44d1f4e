"""Gradient check: every hand-written gradient against central differences along random directions.

For a parameter p and a random direction u of length 1, the slope of the loss, (L(p + e u) - L(p - e u)) / 2e, must
equal the inner product of u with the gradient. One direction tests all entries at once. Where the step flips a ReLU
the loss has a kink and the slope means nothing: that direction is drawn again. Left out: train mode, whose dropout
draws new masks.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .losses import softmax_cross_entropy
from .network import Network

Loss = Callable[[NDArray, NDArray], tuple[float, NDArray]]


@dataclass(frozen=True)
class GradcheckReport:
    """Worst relative error by parameter ("layer.name") and for the "input"; how many directions were drawn again."""

    errors: dict[str, float]
    redrawn: int
    directions: int

    @property
    def worst(self) -> float:
        """The largest of all relative errors; nan if one is (Python's max would pass over it)."""
        return float(np.max(list(self.errors.values())))

    def __str__(self) -> str:
        lines = [f"{name:>10}  {error:.1e}" for name, error in self.errors.items()]
        redrawn = f"{self.redrawn} drawn again because the step flipped a ReLU"
        return "\n".join([f"worst relative error over {self.directions} directions each ({redrawn}):", *lines])


def gradcheck(
    net: Network, x: NDArray, y: NDArray, loss: Loss = softmax_cross_entropy, directions: int = 5, step: float = 1e-5,
    seed: int = 0,
) -> GradcheckReport:
    """Compare the gradients of a network with central differences, in float64 and evaluation mode.

    x: (batch, n_in). y: whatever the loss takes. directions: per parameter. step: the length e of the step. The
    network is copied, not changed. Relative error:
    ``|numeric - analytic| / max(|numeric|, |analytic|, |gradient| / sqrt(its size))``; nan where a gradient or a loss
    is. Raises ValueError where there is nothing to compare, no example or no direction, and RuntimeError if 100 draws
    in a row flip a ReLU (take a smaller step).
    """
    if not len(x) or directions < 1:
        raise ValueError(f"nothing to compare: {len(x)} examples and {directions} directions; take at least 1 of each")
    net, x = net.astype(np.float64), np.array(x, dtype=np.float64)
    rng = np.random.default_rng(seed)
    dx = net.backward(loss(net.forward(x), y)[1])
    places = dict(net.parameters()) | {"input": x}
    grads = {f"{n}.{name}": g.copy() for n, layer in enumerate(net.layers) for name, g in layer.grads.items()}
    grads["input"] = np.asarray(dx)
    errors, redrawn = {}, 0
    for name, place in places.items():
        worst = 0.0
        for _ in range(directions):
            numeric, direction, again = draw_slope(net, x, y, loss, place, step, rng)
            analytic = float(np.vdot(direction, grads[name]))
            # a direction may be nearly orthogonal to the gradient: then rounding is measured against a typical slope
            typical = float(np.linalg.norm(grads[name])) / np.sqrt(place.size)
            scale = max(abs(numeric), abs(analytic), typical, 1e-12)
            worst, redrawn = float(np.maximum(worst, abs(numeric - analytic) / scale)), redrawn + again
        errors[name] = worst
    return GradcheckReport(errors, redrawn, directions)


def draw_slope(
    net: Network, x: NDArray, y: NDArray, loss: Loss, place: NDArray, step: float, rng: np.random.Generator
) -> tuple[float, NDArray, int]:
    """Draw directions until one flips no ReLU; return the slope, the direction and how many were thrown away."""
    for again in range(100):
        direction = rng.normal(size=place.shape)
        direction /= np.linalg.norm(direction)
        original, kinks, losses = place.copy(), [], []
        for sign in (+1, -1):
            place[...] = original + sign * step * direction
            losses.append(loss(net.forward(x), y)[0])
            kinks.append([layer.kink_sides() for layer in net.layers])
        place[...] = original
        if all(np.array_equal(plus, minus) for plus, minus in zip(*kinks, strict=True)):
            return (losses[0] - losses[1]) / (2 * step), direction, again
    raise RuntimeError(f"100 steps of length {step} in a row flipped a ReLU; take a smaller step or fewer units")
