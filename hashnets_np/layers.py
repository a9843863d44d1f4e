"""Layers with hand-written forward and backward passes: hashed, dense, activations, dropout.

Every layer has `forward(x, train)`, `backward(dz)`, `params` and `grads` (dicts with the same keys) and `config()`, the
JSON-able arguments that make it again. `backward` overwrites `grads` and uses what the last `forward` kept.

A layer made without a seed waits for one: a `Network` gives each of its layers a seed of its own, and a layer that is
used outside a network draws a fresh one. Until then it has no map and no weights. Two layers made without a seed
therefore never share them, which is what the "dedicated hash functions" of section 4.2 of the paper ask for.

Not covered here: the fixed-mask and low-rank baselines (`experiments/baselines.py`).
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .checks import check_count, check_flag, check_input, check_same_shape, check_seed, shown
from .hashing import MAX_UINT32, derive_seed
from .kernels import check, hash_gather, hash_scatter_add, hashed_backward, hashed_forward
from .maps import SharingMap, allowed_biases, bucket_count, find_kind
from .types import Bias, BoolArray, Compression, FloatArray, Init, IntArray, KindName


def fresh_seed() -> int:
    """Draw a seed that nobody had before, from the operating system's entropy."""
    return int(np.random.SeedSequence().generate_state(1)[0])


def initial_weights(rng: np.random.Generator, shape: Any, n_in: int, init: str, dtype: DTypeLike) -> FloatArray:
    """Draw initial weights: "he" is N(0, 2 / n_in) (He et al. 2015), "uniform" the released code's U(+-1 / sqrt(n_in)).

    n_in is the fan-in of a unit, virtual weights counted: each V_ij is distributed like the w_k that it copies.
    """
    if init == "he":
        return rng.normal(0.0, np.sqrt(2.0 / n_in), shape).astype(dtype)
    return rng.uniform(-1.0 / np.sqrt(n_in), 1.0 / np.sqrt(n_in), shape).astype(dtype)


def initial_bias(rng: np.random.Generator, shape: Any, n_in: int, init: str, dtype: DTypeLike) -> FloatArray:
    """Draw initial biases: zero with "he", like the weights with "uniform"."""
    if init == "he":
        return np.zeros(shape, dtype)
    return initial_weights(rng, shape, n_in, init, dtype)


def check_dtype(dtype: DTypeLike) -> None:
    """Check the dtype of a layer's parameters."""
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {np.dtype(dtype)}")


def check_sizes(n_in: int, n_out: int, dtype: DTypeLike, init: str) -> tuple[int, int]:
    """Check what every fully connected layer is made from; return the sizes as Python's integers, which don't wrap."""
    n_in = check_count("n_in", n_in)
    n_out = check_count("n_out", n_out)
    check_dtype(dtype)
    if init not in ("he", "uniform"):
        raise ValueError(f"init must be 'he' or 'uniform', got {shown(init)}")
    return n_in, n_out


class Layer:
    """What all layers share: parameters and gradients by name, a seed, and how the layer was made.

    A layer of your own is a subclass with `forward` and `backward`, and the decorator `register_layer` if model files
    should hold it. Its constructor calls `super().__init__(**arguments)` and fills `params`.

    Parameters
    ----------
    **config
        The arguments that make this layer again, ready for JSON.

    Attributes
    ----------
    params, grads : dict of str to array
        The real weights by name, and the gradients of the loss with respect to them, filled by `backward`.
    made_from_seed : tuple of str
        Class attribute: the attributes that `begin` makes from the seed. Asked for before there is a seed, they make
        the layer draw one.
    kept_by_forward : tuple of str
        Class attribute: the attributes in which `forward` keeps what `backward` needs. Copies and pickles leave them
        out, for they hold the last mini-batch.

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

    made_from_seed: ClassVar[tuple[str, ...]] = ()
    kept_by_forward: ClassVar[tuple[str, ...]] = ()

    params: dict[str, FloatArray]
    grads: dict[str, FloatArray]
    n_in: int | None = None  # None: any width
    n_out: int | None = None  # None: as wide as the input
    buckets: int | None = None  # K, where weights are shared

    def __init__(self, **config: Any) -> None:
        self._config = {k: v.item() if isinstance(v, np.generic) else v for k, v in config.items()}  # JSON has no int64
        self.grads = {}
        if "params" not in self.made_from_seed:
            self.params = {}

    if not TYPE_CHECKING:  # or mypy would believe in every misspelled attribute

        def __getattr__(self, name: str) -> Any:
            """Draw a fresh seed where something that is made from it is needed before a network gave one."""
            if name not in type(self).made_from_seed:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            self.set_seed(fresh_seed())
            return vars(self)[name]

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle the parameters, not the last mini-batch and its gradients."""
        state = {name: value for name, value in vars(self).items() if name not in self.kept_by_forward}
        return state | {"grads": {}}

    def __repr__(self) -> str:
        """Write the layer as the call that makes it, without what is default."""
        parameters = inspect.signature(type(self)).parameters
        written = []
        for name, value in self._config.items():
            parameter = parameters.get(name)
            default = None if parameter is None else parameter.default
            if default is inspect.Parameter.empty:
                written.append(repr(value))
            elif value is not None and value != (np.dtype(default).name if name == "dtype" else default):
                written.append(f"{name}={value!r}")
            elif value is None and default is not None:
                written.append(f"{name}=None")
        return f"{type(self).__name__}({', '.join(written)})"

    def __call__(self, x: FloatArray) -> FloatArray:
        """Compute the output of a mini-batch in evaluation mode, as `forward(x)` does."""
        return self.forward(x)

    def needs_seed(self) -> bool:
        """Tell whether the layer was made without a seed and still waits for one."""
        waits = any(name not in vars(self) for name in self.made_from_seed)
        return waits or self._config.get("seed", 0) is None

    def set_seed(self, seed: int) -> None:
        """Give a seed to a layer that was made without one; ValueError if it has one already.

        Parameters
        ----------
        seed : int
            In 0..2**32-1. The map, the mask and the initial weights are made from it.
        """
        if not self.needs_seed():
            raise ValueError(f"{self!r} has its seed already; make a new layer")
        seed = check_seed(seed)
        if self._config.get("seed", 0) is None:
            self._config["seed"] = seed
        self.begin(seed)

    def begin(self, seed: int) -> None:
        """Make the attributes named in `made_from_seed`, those that are not there yet."""

    def config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again, ready for JSON."""
        if self.needs_seed():
            self.set_seed(fresh_seed())
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
        if "params" in vars(self):
            return sum(p.size for p in self.params.values())
        return sum(prod(shape) for shape in self.stored_shapes(self._config).values())

    def num_virtual_parameters(self) -> int:
        """Count the weights that the layer computes with; more than the real ones only where weights are shared."""
        return self.num_parameters()

    def change_dtype(self, dtype: DTypeLike) -> None:
        """Convert the parameters to float32 or float64 (ValueError otherwise)."""
        check_dtype(dtype)
        self.params = {name: p.astype(dtype) for name, p in self.params.items()}
        if self.params:
            self._config["dtype"] = np.dtype(dtype).name

    def loads(self, name: str) -> IntArray | None:
        """Count how many virtual weights share each entry of a parameter; None where nothing is shared."""
        return None

    def join(self, layers: "Sequence[Layer]") -> None:
        """Find, in the network that the layer has become part of, other layers that it needs."""

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
        """Compute the output of a mini-batch and keep what `backward` needs."""
        raise NotImplementedError

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """Fill `grads` from dz, the gradient with respect to the output; return that with respect to the input."""
        raise NotImplementedError


LayerClass = TypeVar("LayerClass", bound=type[Layer])
LAYERS: dict[str, type[Layer]] = {}  # the classes that model files know, by name


def register_layer(layer: LayerClass) -> LayerClass:
    """Let model files hold layers of this class, under its name; usable as a class decorator.

    Parameters
    ----------
    layer : class
        A subclass of `Layer`. A class that is defined again (a module loaded anew, a notebook cell) replaces the old.

    Returns
    -------
    class
        The same class.

    Raises
    ------
    ValueError
        If another class of that name is registered.

    Examples
    --------
    >>> register_layer(Linear) is Linear
    True
    """
    name = layer.__name__
    known = LAYERS.get(name, layer)
    if (known.__module__, known.__qualname__) != (layer.__module__, layer.__qualname__):
        raise ValueError(f"a layer class named {name!r} is registered already, from {known.__module__}; "
                         "choose another name")
    LAYERS[name] = layer
    return layer


@register_layer
class HashedLinear(Layer):
    """A fully connected layer whose weight matrix V is computed from K real weights.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and outputs.
    compression : str, int, float, Fraction or Decimal, optional
        Real / virtual weights, in (0, 1], such as "1/8". Give either this or `buckets`.
    buckets : int, optional
        K, the number of real weights.
    seed : int, optional
        Of the map and the initial weights, in 0..2**32-1. Without one, the network gives the layer a seed of its own;
        outside a network it draws a fresh one. The kinds "authors2015", "pytorch2019" and "keras" have one seed for
        all layers, as the code that they reproduce has; without a seed they keep it for the map, and only the initial
        weights are drawn from the network's.
    bias : {"column", "hashed", "dense", None}
        "column": input 0 is constantly 1 and V has n_in + 1 columns. "hashed": ceil(compression * n_out) real biases
        with a map of their own, as in the released code. "dense": one free parameter per output.
    kind : str
        Of the sharing map.
    size : int, optional
        Of the pieces of w that the kinds "chunk" and "tile" share as a whole; without it the kind's default.
    signed : bool
        False: a map without signs.
    bias_buckets : int, optional
        The number of real biases, for bias="hashed".
    dtype : dtype
        Of the parameters: float32 or float64.
    init : {"he", "uniform"}
        How the initial weights are drawn.
    rng : numpy.random.Generator, optional
        Draws the initial weights, at once, instead of a generator made from the seed.

    Raises
    ------
    ValueError
        For any other value.

    References
    ----------
    Eq. 2 (bias column), 7 (V), 8 (forward), 9 and 12 (backward) of Chen et al., ICML 2015.

    Examples
    --------
    >>> layer = HashedLinear(784, 1000, compression="1/8", seed=7)
    >>> layer
    HashedLinear(784, 1000, buckets=98125, seed=7)
    >>> layer.num_parameters(), layer.num_virtual_parameters(), layer.map.n_cols
    (98125, 785000, 785)
    """

    made_from_seed = ("map", "bias_map", "params")
    kept_by_forward: ClassVar[tuple[str, ...]] = ("a",)

    n_in: int
    n_out: int
    buckets: int
    map: SharingMap
    bias_map: SharingMap | None
    a: FloatArray  # the last input, with its column of ones

    def __init__(
        self, n_in: int, n_out: int, compression: Compression | None = None, *, buckets: int | None = None,
        seed: int | None = None, bias: Bias = "column", kind: KindName = "xxhash", size: int | None = None,
        signed: bool = True, bias_buckets: int | None = None, dtype: DTypeLike = np.float32, init: Init = "he",
        rng: np.random.Generator | None = None,
    ) -> None:
        n_in, n_out = check_sizes(n_in, n_out, dtype, init)
        if bias != "hashed" and bias_buckets is not None:
            raise ValueError(f"bias_buckets={shown(bias_buckets)} is for bias='hashed', got bias={shown(bias)}")
        seed = None if seed is None else check_seed(seed)
        # without a seed this map is only there for its sizes
        m = weight_map(n_in, n_out, compression, buckets, seed, bias, kind, size, signed)
        if bias == "hashed":
            bias_buckets = hashed_bias_map(m, compression, bias_buckets).buckets
        super().__init__(
            n_in=n_in, n_out=n_out, buckets=m.buckets, seed=seed, bias=bias, kind=kind, bias_buckets=bias_buckets,
            dtype=np.dtype(dtype).name, init=init,
        )
        if m.size is not None:
            self._config["size"] = m.size
        if not m.signed:
            self._config["signed"] = False
        self.n_in = n_in
        self.n_out = n_out
        self.buckets = m.buckets
        self.bias = bias
        self._made_with: tuple[SharingMap | None, SharingMap | None] = (None, None)
        map_seed = default_seed(kind) if seed is None else seed
        if map_seed is not None:
            self._make_maps(map_seed)
        if rng is None and seed is not None:
            rng = np.random.default_rng(seed)
        if rng is not None:
            self._draw_weights(rng)

    def begin(self, seed: int) -> None:
        """Make the maps and draw the weights, where they are not there yet."""
        if "map" not in vars(self):
            self._make_maps(seed)
        if "params" not in vars(self):
            self._draw_weights(np.random.default_rng(seed))

    def _make_maps(self, seed: int) -> None:
        """Make the map of the weights and, for a hashed bias, that of the biases."""
        known = self._config
        self.map = weight_map(
            self.n_in, self.n_out, None, self.buckets, seed, self.bias, known["kind"], known.get("size"),
            known.get("signed", True),
        )
        self.bias_map = None
        if self.bias == "hashed":
            self.bias_map = hashed_bias_map(self.map, None, known["bias_buckets"])
        self._made_with = (self.map, self.bias_map)
        known["seed"] = self.map.seed

    def _draw_weights(self, rng: np.random.Generator) -> None:
        """Draw the initial weights, and then the biases that are no column of V."""
        dtype = np.dtype(self._config["dtype"])
        init = self._config["init"]
        shapes = self.stored_shapes(self._config)
        self.params = {"w": initial_weights(rng, shapes["w"], self.n_in, init, dtype)}  # (K,)
        if "b" in shapes:
            self.params["b"] = initial_bias(rng, shapes["b"], self.n_in, init, dtype)  # (K_b,) or (n_out,)

    def config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again; ValueError if its map was replaced, as by a table."""
        config = super().config()
        if (self.map, self.bias_map) != self._made_with:
            raise ValueError("a layer whose map was replaced (by a table?) cannot be saved: nothing makes it again")
        return config

    @classmethod
    def stored_shapes(cls, config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """Find the shapes of w and, with a bias of its own, b."""
        biases = {"hashed": (config["bias_buckets"],), "dense": (config["n_out"],)}
        own_bias = {"b": biases[config["bias"]]} if config["bias"] in biases else {}
        return {"w": (config["buckets"],), **own_bias}

    def num_virtual_parameters(self) -> int:
        """Count the virtual weights and, where they are not a column of V, the biases."""
        return self.n_out * (self.n_in + (self.bias is not None))

    def loads(self, name: str) -> IntArray | None:
        """Count how many virtual weights, or outputs, share each real weight, or bias."""
        if name == "w":
            return self.map.loads()
        return None if self.bias_map is None else self.bias_map.loads()

    def forward(self, x: FloatArray, train: bool = False) -> FloatArray:
        """Compute z (batch, n_out) from x (batch, n_in)."""
        x = check_input(x, self.n_in)
        if self.bias == "column":
            x = np.hstack([np.ones((len(x), 1), x.dtype), x])  # Eq. 2: a_0 = 1
        self.a = x
        z = hashed_forward(self.params["w"], x, self.map)  # Eq. 8
        if self.bias_map is not None:
            z += hash_gather(self.params["b"], self.bias_map)[:, 0]
        elif self.bias == "dense":
            z += self.params["b"]
        return z

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """Compute da (batch, n_in) from dz (batch, n_out); fill grads["w"] and, with a bias of its own, grads["b"]."""
        dz = np.asarray(dz)
        input_grad = check_flag("input_grad", input_grad)
        dw, da = hashed_backward(self.params["w"], self.recall("a"), dz, self.map, input_grad)  # Eq. 12 and 9
        self.grads["w"] = dw
        if self.bias_map is not None:
            self.grads["b"] = hash_scatter_add(dz.sum(axis=0)[:, None], self.bias_map)
        elif self.bias == "dense":
            self.grads["b"] = dz.sum(axis=0)
        if da is not None and self.bias == "column":
            return da[:, 1:]  # the constant input needs no gradient
        return da

    def virtual_weight(self) -> FloatArray:
        """Build V (n_out, n_in), without the bias column: for looking and testing."""
        V = hash_gather(self.params["w"], self.map)
        return V[:, 1:] if self.bias == "column" else V


def weight_map(
    n_in: int, n_out: int, compression: object, buckets: int | None, seed: int | None, bias: str | None, kind: str,
    size: int | None = None, signed: bool = True,
) -> SharingMap:
    """Make the map of a layer's weights from either a compression or a number of buckets."""
    if (compression is None) == (buckets is None):
        raise ValueError(f"give exactly one of compression and buckets, got {shown(compression)} and {shown(buckets)}")
    if bias not in allowed_biases(kind):
        raise ValueError(f"bias must be one of {allowed_biases(kind)} with kind {shown(kind)}, got {shown(bias)}")
    n_cols = n_in + (bias == "column")
    K = bucket_count(compression, n_out * n_cols) if buckets is None else buckets
    return SharingMap(n_out, n_cols, buckets=K, seed=seed, kind=kind, size=size, signed=signed)


def hashed_bias_map(m: SharingMap, compression: object, bias_buckets: int | None) -> SharingMap:
    """Make the map of a hashed bias, n_out x 1, at the compression of the weights unless its size is given."""
    if bias_buckets is None:
        n = m.n_out * m.n_cols
        bias_buckets = bucket_count(compression or Fraction(min(m.buckets, n), n), m.n_out)
    return m.bias_map(bias_buckets, derive_seed(m.seed, MAX_UINT32))


def default_seed(kind: str) -> int | None:
    """Return the one seed that all layers with this kind of map have; None where each layer has its own."""
    return find_kind(kind).default_seed


@register_layer
class Linear(Layer):
    """An ordinary fully connected layer: z = a W^T + b.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and outputs. W is (n_out, n_in), in params["w"]; b is (n_out,), in params["b"].
    seed : int, optional
        Of the initial weights, in 0..2**32-1. Without one, the network gives the layer a seed of its own; outside a
        network it draws a fresh one.
    bias : bool
        Whether there is a b.
    dtype : dtype
        Of the parameters: float32 or float64.
    init : {"he", "uniform"}
        How the initial weights are drawn.
    rng : numpy.random.Generator, optional
        Draws the initial weights, at once, instead of a generator made from the seed.

    Raises
    ------
    ValueError
        For any other value.

    References
    ----------
    Eq. 1 (forward) and 10 (backward) of Chen et al., ICML 2015.

    Examples
    --------
    >>> layer = Linear(784, 10, seed=0)
    >>> layer.num_parameters()
    7850
    """

    made_from_seed = ("params",)
    kept_by_forward = ("a",)

    n_in: int
    n_out: int
    a: FloatArray  # the last input

    def __init__(
        self, n_in: int, n_out: int, *, seed: int | None = None, bias: bool = True, dtype: DTypeLike = np.float32,
        init: Init = "he", rng: np.random.Generator | None = None,
    ) -> None:
        n_in, n_out = check_sizes(n_in, n_out, dtype, init)
        seed = None if seed is None else check_seed(seed)
        bias = check_flag("bias", bias)
        super().__init__(n_in=n_in, n_out=n_out, seed=seed, bias=bias, dtype=np.dtype(dtype).name, init=init)
        self.n_in = n_in
        self.n_out = n_out
        if rng is None and seed is not None:
            rng = np.random.default_rng(seed)
        if rng is not None:
            self._draw_weights(rng)

    def begin(self, seed: int) -> None:
        """Draw the weights, unless a generator drew them already."""
        if "params" not in vars(self):
            self._draw_weights(np.random.default_rng(seed))

    def _draw_weights(self, rng: np.random.Generator) -> None:
        """Draw the initial weights, and then the biases."""
        dtype = np.dtype(self._config["dtype"])
        init = self._config["init"]
        self.params = {"w": initial_weights(rng, (self.n_out, self.n_in), self.n_in, init, dtype)}
        if self._config["bias"]:
            self.params["b"] = initial_bias(rng, self.n_out, self.n_in, init, dtype)

    @classmethod
    def stored_shapes(cls, config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """Find the shapes of W and b."""
        bias = {"b": (config["n_out"],)} if config["bias"] else {}
        return {"w": (config["n_out"], config["n_in"]), **bias}

    def forward(self, x: FloatArray, train: bool = False) -> FloatArray:
        """Compute z (batch, n_out) from x (batch, n_in)."""
        self.a = check_input(x, self.n_in)
        z = self.a @ self.params["w"].T
        if "b" in self.params:
            z = z + self.params["b"]
        return z

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """Compute da (batch, n_in) from dz (batch, n_out); fill grads["w"] and grads["b"]."""
        a = self.recall("a")
        dz = check("dz", np.asarray(dz), (len(a), self.n_out))
        self.grads["w"] = dz.T @ a  # Eq. 10
        if "b" in self.params:
            self.grads["b"] = dz.sum(axis=0)
        return dz @ self.params["w"] if check_flag("input_grad", input_grad) else None


@register_layer
class ReLU(Layer):
    """The activation f(z) = max(z, 0) of the paper's hidden layers; f'(0) is taken as 0.

    Examples
    --------
    >>> ReLU()(np.array([[-1.0, 2.0]]))
    array([[0., 2.]])
    """

    kept_by_forward = ("active",)

    active: BoolArray  # where the last input was positive

    def __init__(self) -> None:
        super().__init__()

    def forward(self, x: FloatArray, train: bool = False) -> FloatArray:
        """Any shape in, the same shape out."""
        x = np.asarray(x)
        self.active = x > 0
        return np.maximum(x, 0)

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """Multiply by f'(z): the last factor of Eq. 9."""
        active = self.recall("active")
        return check_same_shape("dz", dz, active.shape) * active

    def kink_sides(self) -> BoolArray | None:
        """Return where the last input was positive: the kink is at 0."""
        return self.recall("active")


@register_layer
class Tanh(Layer):
    """The activation f(z) = tanh(z), smooth and bounded; f'(z) = 1 - f(z)**2.

    Examples
    --------
    >>> Tanh()(np.array([[0.0, 100.0]]))
    array([[0., 1.]])
    """

    kept_by_forward = ("output",)

    output: FloatArray  # f of the last input

    def __init__(self) -> None:
        super().__init__()

    def forward(self, x: FloatArray, train: bool = False) -> FloatArray:
        """Any shape in, the same shape out."""
        self.output = np.tanh(x)
        return self.output

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """Multiply by f'(z): the last factor of Eq. 9."""
        output = self.recall("output")
        return check_same_shape("dz", dz, output.shape) * (1 - output**2)


ACTIVATIONS: dict[str, type[Layer]] = {"relu": ReLU, "tanh": Tanh}  # what `build(activation=...)` knows


@register_layer
class Dropout(Layer):
    """Inverted dropout: in training each unit is zeroed with probability `rate`, the others are divided by 1 - rate.

    In evaluation mode nothing happens. A mask may be given to `forward`, which is how other implementations are
    compared.

    Parameters
    ----------
    rate : float
        In [0, 1).
    seed : int, optional
        Of the masks, in 0..2**32-1. Without one, the network gives the layer a seed of its own; outside a network it
        draws a fresh one.

    Raises
    ------
    ValueError
        For any other value.

    References
    ----------
    Srivastava et al., JMLR 2014.

    Examples
    --------
    >>> layer = Dropout(0.5, seed=0)
    >>> layer.forward(np.ones((1, 4)), train=True, mask=[[1, 0, 0, 1]])
    array([[2., 0., 0., 2.]])
    >>> layer.forward(np.ones((1, 4)))
    array([[1., 1., 1., 1.]])
    """

    made_from_seed = ("rng",)
    kept_by_forward = ("scale",)

    rng: np.random.Generator
    scale: FloatArray | None  # what the last forward multiplied by; None: nothing

    def __init__(self, rate: float, *, seed: int | None = None) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"dropout rate must be in [0, 1), got {shown(rate)}")
        seed = None if seed is None else check_seed(seed)
        super().__init__(rate=rate, seed=seed)
        self.rate = rate
        if seed is not None:
            self.begin(seed)

    def begin(self, seed: int) -> None:
        """Make the generator of the masks."""
        self.rng = np.random.default_rng(seed)

    def forward(self, x: FloatArray, train: bool = False, mask: ArrayLike | None = None) -> FloatArray:
        """Drop units of x; mask (same shape, true where a unit stays) is drawn unless it is given."""
        self.scale = None
        if not train or (self.rate == 0 and mask is None):
            return x
        x = np.asarray(x)
        kept = self.draw_mask(x.shape) if mask is None else check_mask(mask, x.shape)
        dtype = np.result_type(x, np.float32)  # of pixels 0..255 too: uint8 has no 1 / (1 - rate)
        self.scale = kept * dtype.type(1 / (1 - self.rate))
        return x * self.scale

    def draw_mask(self, shape: tuple[int, ...]) -> BoolArray:
        """Draw a mask, true where a unit stays."""
        return self.rng.random(shape, dtype=np.float32) >= self.rate

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """Apply the same mask and factor to the error term."""
        scale = self.recall("scale")
        if scale is None:
            return dz
        return check_same_shape("dz", dz, scale.shape) * scale


def check_mask(mask: ArrayLike, shape: tuple[int, ...]) -> BoolArray:
    """Check a mask that was given: true and false, or 1 and 0, one for each unit; it must not broadcast."""
    mask = np.asarray(mask)
    if mask.shape != shape:
        raise ValueError(f"mask has shape {mask.shape}, expected {shape}, one entry for each unit of x")
    if not ((mask == 0) | (mask == 1)).all():
        raise ValueError("mask must hold True where a unit stays and False where it is dropped, or 1 and 0")
    return mask.astype(bool)
