"""What all layers share: parameters and gradients by name, a seed, and how a layer was made.

Every layer has `forward(x, train)`, `backward(dz)`, `params` and `grads` (dicts with the same keys) and `config()`, the
JSON-able arguments that rebuild it. `backward` overwrites `grads` and uses what the last `forward` kept.

What is made from the seed (maps, masks, initial weights) is a cached property, computed when it is first needed. So a
layer made without a seed can wait for one: a `Network` gives each of its layers a seed of its own, and a layer that is
used outside a network draws a fresh one. Two layers made without a seed therefore never share anything, which is what
the "dedicated hash functions" of section 4.2 of the paper ask for.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from functools import cached_property
from math import prod
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from ..support.checks import check_seed, shown
from ..types import BoolArray, FloatArray, IntArray


def fresh_seed() -> int:
    """Draw a new seed from the operating system's entropy."""
    return int(np.random.SeedSequence().generate_state(1)[0])


def named_by_classes(kind: type, attribute: str) -> set[str]:
    """Join the names that a class and its parents list in a class attribute."""
    return set().union(*(vars(base).get(attribute, ()) for base in kind.__mro__))


def check_dtype(dtype: DTypeLike) -> None:
    """Check the dtype of a layer's parameters; None would be NumPy's default, float64."""
    try:
        is_known = dtype is not None and np.dtype(dtype) in (np.float32, np.float64)
    except (TypeError, ValueError):  # a word or a thing that names no dtype
        is_known = False
    if not is_known:
        raise ValueError(f"dtype must be float32 or float64, got {shown(dtype)}")


class Layer:
    """What all layers share: parameters and gradients by name, a seed, and how the layer was made.

    A layer of your own is a subclass with `forward` and `backward`, and the decorator `register_layer` if model files
    should hold it. Its constructor calls `super().__init__(**arguments)` and fills `params`.

    Parameters
    ----------
    **config
        The arguments that rebuild this layer, ready for JSON.

    Attributes
    ----------
    params, grads : dict of str to array
        The real weights by name, float32 or float64, and the gradients of the loss with respect to them, filled by
        `backward`. An optimizer writes into the arrays of `params`: a single number is np.array(0.25) there.
    n_in, n_out : int or None
        How many numbers of an example go in and come out. None, None is a layer of any width that keeps it, such as
        `ReLU`; a layer that changes the width sets both.
    buckets : int or None
        K, the number of real weights, where weights are shared.
    kept_by_forward : tuple of str
        Class attribute: the attributes in which `forward` keeps what `backward` needs. Copies and pickles leave them
        out, because they hold the last mini-batch. A subclass adds its own to those of its parents.
    left_out_of_config : tuple of str
        Class attribute: the arguments that `config` may leave out, because the constructor's default is right then.

    Examples
    --------
    >>> class Double(Layer):
    ...     def forward(self, x, train=False):
    ...         return 2 * x
    ...     def backward(self, dz, input_grad=True):
    ...         return 2 * dz
    >>> Double()(np.array([[3.0]]))
    array([[6.]])
    """

    kept_by_forward: ClassVar[tuple[str, ...]] = ()
    left_out_of_config: ClassVar[tuple[str, ...]] = ()

    grads: dict[str, FloatArray]
    n_in: int | None = None  # None: any width
    n_out: int | None = None  # None: as wide as the input
    buckets: int | None = None  # K, where weights are shared

    def __init__(self, **config: Any) -> None:
        self._config = {k: v.item() if isinstance(v, np.generic) else v for k, v in config.items()}  # JSON has no int64
        self._seed: int | None = config.get("seed")
        self.grads = {}

    @cached_property
    def params(self) -> dict[str, FloatArray]:
        """The real weights by name; empty where there are none."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle the parameters, not the last mini-batch and its gradients."""
        kept = named_by_classes(type(self), "kept_by_forward")
        state = {name: value for name, value in vars(self).items() if name not in kept}
        return state | {"grads": {}, "_config": dict(self._config)}  # a copy gets a seed and a dtype of its own

    def __repr__(self) -> str:
        """Write the layer as the call that makes it, without arguments at their defaults.

        Weights are not part of it: neither trained ones nor those that an `rng` drew.
        """
        parameters = inspect.signature(type(self)).parameters
        written = []
        for name, value in self._config.items():
            parameter = parameters.get(name)
            default: Any = None if parameter is None else parameter.default
            is_dtype = name == "dtype"
            if parameter is not None and default is inspect.Parameter.empty:
                by_name = f"{name}=" if parameter.kind is parameter.KEYWORD_ONLY else ""
                written.append(f"{by_name}{value!r}")
            elif value is not None and not np.array_equal(value, np.dtype(default).name if is_dtype else default):
                written.append(f"{name}={value!r}")
            elif value is None and default is not None:
                written.append(f"{name}=None")
        return f"{type(self).__name__}({', '.join(written)})"

    def __call__(self, x: FloatArray) -> FloatArray:
        """Compute the output of a mini-batch in evaluation mode, as `forward(x)` does."""
        return self.forward(x)

    def needs_seed(self) -> bool:
        """Tell whether the layer was made without a seed and still waits for one."""
        return "seed" in self._config and self._seed is None

    def set_seed(self, seed: int) -> None:
        """Give a seed to a layer that was made without one; ValueError if it has one already.

        Parameters
        ----------
        seed : int
            In 0..2**32-1. The map, the mask and the initial weights are made from it.
        """
        if not self.needs_seed():
            raise ValueError(f"{self!r} already has its seed; make a new layer")
        self._seed = check_seed(seed)
        if self._config["seed"] is None:  # kinds with one seed for all layers have theirs here
            self._config["seed"] = self._seed

    def ensure_seed(self) -> int:
        """Return the seed; draw a fresh one if the layer still waits for it."""
        if self._seed is not None:
            return self._seed
        seed = fresh_seed()
        self.set_seed(seed)
        return seed

    def config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer, ready for JSON."""
        if self.needs_seed():
            self.ensure_seed()
        return dict(self._config)

    @classmethod
    def stored_shapes(cls, config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """Find the shapes of the parameters from a `config()`, without making the layer.

        `load` compares them with a file before it allocates anything. A class that does not know them, or has none,
        says {}, and is compared when it has been made.
        """
        return {}

    @classmethod
    def computed_numbers(cls, config: dict[str, Any]) -> int:
        """Count the numbers that the layer of a `config()` computes when it is made, besides its parameters."""
        return 0

    def num_parameters(self) -> int:
        """Count the real weights: what is stored. A layer that waits for its seed knows it too."""
        drawn = "params" in vars(self)
        shapes = {} if drawn else self.stored_shapes(self._config)
        if shapes:
            return sum(prod(shape) for shape in shapes.values())
        return sum(np.size(p) for p in self.params.values())

    def num_virtual_parameters(self) -> int:
        """Count the weights that the layer computes with; more than the real ones only where weights are shared."""
        return self.num_parameters()

    def change_dtype(self, dtype: DTypeLike) -> None:
        """Convert the parameters to float32 or float64 (ValueError otherwise)."""
        check_dtype(dtype)
        self.params = {name: p.astype(dtype) for name, p in self.params.items()}
        if "dtype" in self._config:  # a constructor without this argument could not be called with it by `load`
            self._config["dtype"] = np.dtype(dtype).name

    def loads(self, name: str) -> IntArray | None:
        """Count how many virtual weights share each entry of a parameter; None where nothing is shared."""
        return None

    def join(self, layers: "Sequence[Layer]") -> None:
        """Find the other layers that this one needs in the network that it now belongs to."""

    def kink_sides(self) -> BoolArray | None:
        """Return on which side of its kinks each entry of the last input lay; None for a layer without kinks.

        The gradient check compares what this returns before and after a step: across a kink, as ReLU has one at 0, a
        difference of losses says nothing about the gradient.
        """
        return None

    def recall(self, name: str) -> Any:
        """Return what the last `forward` kept under this name; ValueError before there was one."""
        if name not in vars(self):
            raise ValueError(f"{type(self).__name__}.backward uses what the last forward kept; call forward(x) first")
        return vars(self)[name]

    def forward(self, x: FloatArray, train: bool = False) -> FloatArray:
        """Compute the output of a mini-batch and keep what `backward` needs, x itself among it: don't change it."""
        raise NotImplementedError

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """Fill `grads` from dz, the gradient with respect to the output; return the one with respect to the input."""
        raise NotImplementedError


def check_params(layers: Iterable[Layer]) -> None:
    """Check that all parameters can be trained: `w -= step` on anything but an array leaves the layer as it is."""
    for number, layer in enumerate(layers):
        for name, p in layer.params.items():
            what = what_hinders_training(p)
            if what:
                raise ValueError(f"layer {number} ({type(layer).__name__}): parameter {name!r} is {what}, expected a "
                                 f"float32 or float64 array that can be written to; write np.array({name}, float)")


def what_hinders_training(p: object) -> str:
    """Say why an optimizer cannot train a parameter; nothing if it can.

    >>> what_hinders_training(np.float64(0.25)), what_hinders_training(np.array(0.25))
    ('a float64 scalar', '')
    """
    if isinstance(p, np.generic):
        return f"a {p.dtype} scalar"
    if not isinstance(p, np.ndarray):
        return f"of type {type(p).__name__}"
    if p.dtype.kind != "f" or p.dtype.itemsize not in (4, 8):
        return f"an array of {p.dtype}"
    return "" if p.flags.writeable else "read-only"


LayerClass = TypeVar("LayerClass", bound=type[Layer])


LAYERS: dict[str, type[Layer]] = {}  # the classes that model files know, by name


def register_layer(layer: LayerClass) -> LayerClass:
    """Let model files hold layers of this class, under its name; usable as a class decorator.

    Parameters
    ----------
    layer : class
        A subclass of `Layer`. A class that is defined again (a reloaded module, a notebook cell) replaces the old one.

    Returns
    -------
    class
        The same class.

    Raises
    ------
    TypeError
        For anything but a subclass of `Layer`.
    ValueError
        If another class of that name is registered.

    Examples
    --------
    >>> class Halve(Layer):
    ...     pass
    >>> register_layer(Halve) is Halve
    True
    """
    if not isinstance(layer, type) or not issubclass(layer, Layer):
        raise TypeError(f"register_layer takes a subclass of Layer, got {shown(layer)}")
    name = layer.__name__
    known = LAYERS.get(name, layer)
    if (known.__module__, known.__qualname__) != (layer.__module__, layer.__qualname__):
        raise ValueError(f"a layer class named {name!r} is registered already, from {known.__module__}; "
                         "choose another name")
    LAYERS[name] = layer
    return layer
