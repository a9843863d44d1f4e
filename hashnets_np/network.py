"""A network: layers in a row, forward and then back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from typing import Any

from numpy.typing import DTypeLike

from .hashing import derive_seed
from .layers import Layer
from .support.checks import check_flag, check_seed, shown
from .types import FloatArray

IF_THE_WIDTH_CHANGES = "a layer of your own that changes the width sets n_in and n_out"


class Network:
    """Layers applied one after the other.

    Parameters
    ----------
    layers : sequence of Layer
        Each at one position only, because it keeps its last input. A layer must have as many outputs as the next has
        inputs. Two networks may share a layer, but not at the same time: run `backward` of one before `forward` of the
        other, or the layer has the other's input.
    seed : int
        In 0..2**32-1. The layer at position n, counted from 0, that was made without a seed gets derive_seed(seed, n).
        Every layer counts, activations and dropout included; `build` counts only those with weights, as section 4 of
        data/vectors/SPEC.md does. A model file stores each layer's own seed.
        The same layers with the same seed are the same network. A layer that was used before, on its own, has drawn
        a seed already, and keeps it.

    Attributes
    ----------
    layers : list of Layer

    Raises
    ------
    ValueError
        If a layer appears twice or does not fit the one before it.
    TypeError
        If layers is not a list or another sequence, but a single layer, for example.

    Examples
    --------
    >>> import numpy as np
    >>> from hashnets_np import HashedLinear, ReLU
    >>> net = Network([HashedLinear(64, 256, "1/8"), ReLU(), HashedLinear(256, 10, "1/8")], seed=1)
    >>> net(np.zeros((5, 64), np.float32)).shape, net.num_parameters(), net.num_virtual_parameters()
    ((5, 10), 2402, 19210)
    >>> net
    Network([
        HashedLinear(64, 256, buckets=2080, seed=149775153),
        ReLU(),
        HashedLinear(256, 10, buckets=322, seed=1762362331),
    ])
    """

    def __init__(self, layers: Sequence[Layer], *, seed: int = 0) -> None:
        if not isinstance(layers, Iterable):
            fix = f"; did you mean Network([{shown(layers)}])?" if isinstance(layers, Layer) else ""
            raise TypeError(f"layers must be a list of layers, got {shown(layers)}{fix}")
        self.layers = list(layers)
        check_layers(self.layers)
        seed = check_seed(seed)
        for position, layer in enumerate(self.layers):
            if layer.needs_seed():
                layer.set_seed(derive_seed(seed, position))
        for layer in self.layers:
            layer.join(self.layers)

    def __call__(self, x: FloatArray) -> FloatArray:
        """Compute the outputs of a mini-batch in evaluation mode, as `forward(x)` does."""
        return self.forward(x)

    def __repr__(self) -> str:
        """Write the network as the call that makes its layers; trained weights, or an `rng`, are not part of it."""
        lines = [f"    {layer!r}," for layer in self.layers]
        return "\n".join(["Network([", *lines, "])"])

    def forward(self, x: FloatArray, train: bool = False) -> FloatArray:
        """Compute the outputs of a mini-batch.

        Parameters
        ----------
        x : (batch, n_in) floats
            One example per row. Layers keep it for `backward`, not a copy: do not write into it before then.
        train : bool
            Whether dropout is on.

        Returns
        -------
        (batch, n_out) floats
            For a classifier: logits, one per class. A layer may keep this array, too: do not write into it before
            `backward`.
        """
        train = check_flag("train", train)
        output: Any = x
        for layer in self.layers:
            output = layer.forward(output, train)
        return output

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """Compute the gradients of the loss and leave them in the layers' `grads`.

        Parameters
        ----------
        dz : (batch, n_out) floats
            The gradient of the loss with respect to what the last `forward` returned.
        input_grad : bool
            Whether to compute the gradient with respect to the input. Training does without, which saves a third of the
            first layer's work.

        Returns
        -------
        (batch, n_in) floats or None
            The gradient with respect to the input.
        """
        if not check_flag("input_grad", input_grad):
            self._backward_to_the_first_parameters(dz)
            return None
        error: Any = dz
        for layer in reversed(self.layers):
            error = layer.backward(error)
        return error

    def _backward_to_the_first_parameters(self, dz: FloatArray) -> None:
        """Go back as `backward` does, but only as far as the first layer that has parameters."""
        first = 0
        while first < len(self.layers) - 1 and not self.layers[first].params:
            first += 1
        error: Any = dz
        for layer in reversed(self.layers[first + 1 :]):
            error = layer.backward(error)
        self.layers[first].backward(error, input_grad=False)

    def parameters(self) -> Iterator[tuple[str, FloatArray]]:
        """Go through all real weights as ("layer number.name", array)."""
        return ((f"{n}.{name}", p) for n, layer in enumerate(self.layers) for name, p in layer.params.items())

    def num_parameters(self) -> int:
        """Count the real weights: what is stored."""
        return sum(layer.num_parameters() for layer in self.layers)

    def num_virtual_parameters(self) -> int:
        """Count the weights that the network computes with."""
        return sum(layer.num_virtual_parameters() for layer in self.layers)

    def summary(self) -> Summary:
        """Make a table of the layers: shape, K, compression, stored and virtual weights.

        Returns
        -------
        Summary
            A string that a notebook or the interpreter shows as a table.

        Examples
        --------
        >>> from hashnets_np import HashedLinear, ReLU
        >>> Network([HashedLinear(64, 256, "1/8"), ReLU(), HashedLinear(256, 10, "1/8")]).summary()
           layer         shape          K  compression  stored  virtual
        0  HashedLinear  64 -> 256  2,080        0.125   2,080   16,640
        1  ReLU
        2  HashedLinear  256 -> 10    322       0.1253     322    2,570
           total                                 0.125   2,402   19,210
        """
        rows = [["", "layer", "shape", "K", "compression", "stored", "virtual"]]
        for number, layer in enumerate(self.layers):
            shape = "" if layer.n_in is None else f"{layer.n_in} -> {layer.n_out}"
            buckets = "" if layer.buckets is None else f"{layer.buckets:,}"
            counts = count_columns(layer.num_parameters(), layer.num_virtual_parameters())
            rows.append([str(number), type(layer).__name__, shape, buckets, *counts])
        rows.append(["", "total", "", "", *count_columns(self.num_parameters(), self.num_virtual_parameters())])
        return Summary(table(rows, left=3))

    def astype(self, dtype: DTypeLike) -> Network:
        """Copy the network with its parameters in another dtype, float32 or float64 (ValueError otherwise)."""
        net = deepcopy(self)
        for layer in net.layers:
            layer.change_dtype(dtype)
        return net


class Summary(str):
    """Text that the interpreter and notebooks show as it is, without quotes."""

    def __repr__(self) -> str:
        return str(self)


def check_layers(layers: Sequence[Any]) -> None:
    """Check that no layer appears twice, and that each takes as many inputs as the one before it gives."""
    if not layers:
        raise ValueError("a network needs at least one layer, got none")
    for number, layer in enumerate(layers):
        if isinstance(layer, type) and issubclass(layer, Layer):
            raise ValueError(f"layer {number} is the class {layer.__name__}; did you forget the parentheses, "
                             f"{layer.__name__}(...)?")
        if not isinstance(layer, Layer):
            raise ValueError(f"layer {number} is {shown(layer)}, expected a Layer, such as HashedLinear(64, 10, '1/8')")
        if not hasattr(layer, "_config"):
            raise ValueError(f"layer {number} ({type(layer).__name__}) is not finished; did its constructor forget "
                             "super().__init__()?")
    if len({id(layer) for layer in layers}) < len(layers):
        raise ValueError("a layer appears twice in the network; each position needs one of its own, as another ReLU()")
    width = None
    for number, layer in enumerate(layers):
        if layer.n_in is not None and width is not None and layer.n_in != width:
            raise ValueError(f"layer {number}, {layer!r}, takes {layer.n_in} inputs, but the layers before it give "
                             f"{width}; {IF_THE_WIDTH_CHANGES}")
        if layer.n_out is not None:
            width = layer.n_out


def count_columns(stored: int, virtual: int) -> list[str]:
    """Write compression, stored and virtual weights of a layer; nothing for one that has no weights."""
    if not virtual:
        return ["", "", ""]
    return [f"{stored / virtual:.4g}", f"{stored:,}", f"{virtual:,}"]


def table(rows: list[list[str]], left: int) -> str:
    """Align cells in columns: the first `left` columns to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:left], widths[:left], strict=True)]
        cells += [cell.rjust(width) for cell, width in zip(row[left:], widths[left:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
