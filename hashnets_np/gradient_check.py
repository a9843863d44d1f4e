"""Gradient check: every hand-written gradient against central differences along random directions.

For a parameter p and a random direction u of length 1, the slope of the loss, (L(p + e u) - L(p - e u)) / 2e, must
equal the inner product of u with the gradient. One direction tests all entries at once. Where the step crosses a kink,
as ReLU has one at 0, the slope means nothing: that direction is drawn again. Layers say where their kinks are
(`Layer.kink_sides`). Rounding leaves an error of some eps |L| / e in a slope. So a gradient near 0 is not measured
against itself, but against the smallest slope of which six digits are known.

Not covered here: training mode, whose dropout draws new masks.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .fit_arguments import check_loss, check_returned
from .layers import check_params
from .losses import softmax_cross_entropy
from .network import Network
from .optim import gradient
from .support.checks import as_examples, check_integer, check_network, check_number, check_seed
from .types import BoolArray, FloatArray, Loss

MOST_DRAWS = 100  # of one direction
SMALLEST_STEP = 1e-12
MOST_DIRECTIONS = 100_000  # for each parameter
ROUNDING = 4 * np.finfo(np.float64).eps  # of a loss, as a share of it
SIX_DIGITS = 1e6  # a slope so many times its rounding has six right ones


@dataclass(frozen=True)
class GradcheckReport:
    """What `gradcheck` found.

    Attributes
    ----------
    errors : dict of str to float
        The worst relative error of each parameter ("layer.name") and of the "input".
    redrawn : int
        How many directions were drawn again, because the step crossed a kink.
    directions : int
        How many directions were compared for each parameter.
    """

    errors: dict[str, float]
    redrawn: int
    directions: int

    @property
    def worst(self) -> float:
        """The largest of all relative errors; nan if one is (Python's max would pass over it)."""
        return float(np.max(list(self.errors.values())))

    def __str__(self) -> str:
        lines = [f"{name:>10}  {error:.1e}" for name, error in self.errors.items()]
        redrawn = f"{self.redrawn} drawn again because the step crossed a kink, as ReLU has one at 0"
        return "\n".join([f"worst relative error over {self.directions} directions each ({redrawn}):", *lines])


def gradcheck(
    net: Network, x: ArrayLike, y: Any, *, loss: Loss = softmax_cross_entropy, directions: int = 5, step: float = 1e-5,
    seed: int = 0,
) -> GradcheckReport:
    """Compare the gradients of a network with central differences, in float64 and evaluation mode.

    The relative error is |numeric - analytic| / max(|numeric|, |analytic|, |gradient| / sqrt(its size), smallest), and
    nan where a gradient or a loss is. The smallest slope of which rounding leaves six digits is 1e6 * 4 eps |L| / step:
    0.0002 for a loss L of 2.3 and the usual step.

    Parameters
    ----------
    net : Network
        The network; it is copied, not changed.
    x : (batch, n_in) floats
        Examples.
    y : array
        Whatever the loss takes.
    loss : function
        (outputs, targets) -> (mean loss, gradient).
    directions : int
        How many random directions are compared for each parameter, 1..100,000. Each of them tests all entries at once,
        so that 5 are usually enough, and more than the parameter has entries tell nothing new.
    step : float
        The length e of the step, at least 1e-12.
    seed : int
        Seed of the random directions.

    Returns
    -------
    GradcheckReport
        With the errors by parameter; `report.worst` is the largest. A correct gradient has about 1e-8.

    Raises
    ------
    ValueError
        If there is nothing to compare: no example, no direction, no step; for more than 100,000 directions, which would
        run for hours. If a gradient is missing, or has another shape than its parameter. If 100 draws in a row cross a
        kink: take a smaller step, or, where an input of a ReLU is exactly 0, another x or other biases.

    Examples
    --------
    >>> from hashnets_np import HashedLinear, ReLU
    >>> net = Network([HashedLinear(6, 8, "1/2"), ReLU(), HashedLinear(8, 3, "1/2")])
    >>> x = np.random.default_rng(0).normal(size=(5, 6))
    >>> report = gradcheck(net, x, np.array([0, 1, 2, 0, 1]))
    >>> report.worst < 1e-6, sorted(report.errors)
    (True, ['0.w', '2.w', 'input'])
    """
    check_network(net)
    check_loss(loss)
    x = as_examples("x", x).astype(np.float64)  # a copy, because the steps are taken in place
    directions = check_integer("directions", directions, 1, MOST_DIRECTIONS)
    check_number("step", step, 0, above=True)
    if step < SMALLEST_STEP:
        raise ValueError(f"step must be at least {SMALLEST_STEP:g}, got {step:g}: a smaller one is lost in rounding")
    rng = np.random.default_rng(check_seed(seed))
    if not len(x):
        raise ValueError("x has no examples, so there is nothing to compare; pass at least 1")
    net = deepcopy(net)  # where weights can be written to, whatever those of the caller
    check_params(net.layers)
    net = net.astype(np.float64)

    def loss_and_sides() -> tuple[float, list[BoolArray | None]]:
        value, _ = check_returned(loss(net.forward(x), y))
        return float(value), [layer.kink_sides() for layer in net.layers]

    loss_now, _ = loss_and_sides()
    smallest = max(SIX_DIGITS * ROUNDING * abs(loss_now) / step, 1e-12)
    gradients = analytic_gradients(net, x, y, loss)
    stepped = dict(net.parameters()) | {"input": x}
    errors = {}
    redrawn = 0
    for name, p in stepped.items():
        worst = 0.0
        for _ in range(directions):
            numeric, direction, again = draw_slope(loss_and_sides, p, step, rng)
            error = relative_error(numeric, direction, gradients[name], smallest)
            worst = float(np.maximum(worst, error))  # keeps nan
            redrawn += again
        errors[name] = worst
    return GradcheckReport(errors, redrawn, directions)


def analytic_gradients(net: Network, x: FloatArray, y: Any, loss: Loss) -> dict[str, FloatArray]:
    """Run forward and backward; return the gradient with respect to each parameter and to the input."""
    _, dz = check_returned(loss(net.forward(x), y))
    dx = np.asarray(net.backward(dz))
    if dx.shape != x.shape:
        raise ValueError(f"the gradient with respect to the input has shape {dx.shape}, expected {x.shape}")
    gradients = {"input": dx}
    for number, layer in enumerate(net.layers):
        for name in layer.params:
            gradients[f"{number}.{name}"] = np.array(gradient(layer, name, number))
    return gradients


def relative_error(numeric: float, direction: FloatArray, gradient: FloatArray, smallest: float = 1e-12) -> float:
    """Compare a slope along a direction with the slope that the gradient predicts."""
    analytic = float(np.vdot(direction, gradient))
    # a direction may be nearly orthogonal to the gradient: then rounding is measured against a typical slope
    typical = float(np.linalg.norm(gradient)) / np.sqrt(gradient.size)
    # a gradient may be 0, or almost: then all that is left is rounding (test_a_gradient_of_0_is_right)
    return abs(numeric - analytic) / max(abs(numeric), abs(analytic), typical, smallest)


def draw_slope(
    loss_and_sides: Callable[[], tuple[float, list[BoolArray | None]]], p: NDArray[np.float64], step: float,
    rng: np.random.Generator,
) -> tuple[float, FloatArray, int]:
    """Draw directions for p until a step crosses no kink; return the slope, the direction, how many were thrown away.

    `loss_and_sides` computes the loss with p as it is, and on which sides of the kinks it was computed.
    """
    original = p.copy()
    for again in range(MOST_DRAWS):
        direction = rng.normal(size=p.shape)
        direction /= np.linalg.norm(direction)
        p[...] = original + step * direction
        loss_after, sides_after = loss_and_sides()
        p[...] = original - step * direction
        loss_before, sides_before = loss_and_sides()
        p[...] = original
        if all(np.array_equal(one, other) for one, other in zip(sides_after, sides_before, strict=True)):  # type: ignore
            return (loss_after - loss_before) / (2 * step), direction, again
    raise ValueError(f"{MOST_DRAWS} steps of length {step} in a row crossed a kink, as ReLU has one at 0; "
                     "take a smaller step or fewer units. A ReLU whose input is exactly 0 crosses it at any step: then "
                     "change x, such as an example of zeros, or the biases")
