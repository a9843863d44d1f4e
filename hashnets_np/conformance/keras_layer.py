"""HashedNets in Keras 3: `HashedDense`, an ordinary layer, and its adapter, on the JAX or TensorFlow backend.

Real weights are the layer's variables; buckets and signs are hashed once and are neither variables nor saved. V is
built in every forward pass. Keras's own SGD differs from the specification: its velocity contains the learning rate,
and its weight decay is decoupled; `ClassicalSGD` is the specification's. Take it, `HashedDense` and what they use into
your project. `host.py` checks sizes and hashes the text of the compatibility kinds. Source: data/vectors/SPEC.md.

Keras reads its backend from KERAS_BACKEND; here that is JAX unless you say otherwise.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import io
from typing import Any

import keras
import numpy as np
from keras import ops

from .adapter import KINDS, NEWER_KINDS, Adapter, check_labels
from .host import TEXT_SEEDS, HostMap, count_buckets, hash_texts, layer_seed, make_map, make_maps, text_table, uint32

BACKEND = keras.backend.backend()
MASK = 2**32 - 1

if BACKEND == "jax":
    import jax

    jax.config.update("jax_enable_x64", True)  # else float64 is silently float32
    jax.config.update("jax_default_matmul_precision", "highest")  # else a GPU multiplies float32 as TF32, to 3 digits
elif BACKEND == "tensorflow":
    import tensorflow as tf
else:
    raise ImportError(f"this adapter needs KERAS_BACKEND=jax or tensorflow, Keras has {BACKEND!r}")


def xxh32_pair(i: Any, j: Any, seed: Any) -> Any:
    """XXH32 of the keys (i, j): int64 tensors of unsigned 32-bit integers."""
    low = lambda x: ops.bitwise_and(x, MASK)  # noqa: E731
    right = ops.bitwise_right_shift
    h = low(seed + 374761393 + 8)
    for lane in (i, j):
        h = low(h + lane * 3266489917)  # int64 wraps around, which leaves the low 32 bits right
        h = low(low(ops.bitwise_or(ops.bitwise_left_shift(h, 17), right(h, 15))) * 668265263)
    h = low(ops.bitwise_xor(h, right(h, 15)) * 2246822519)
    h = low(ops.bitwise_xor(h, right(h, 13)) * 3266489917)
    return ops.bitwise_xor(h, right(h, 16))


if BACKEND == "jax":
    xxh32_pair = jax.jit(xxh32_pair)


def bucket_sign(i: Any, j: Any, m: HostMap) -> tuple[Any, Any]:
    """Find bucket and sign of virtual weights (i, j), arrays of integers that broadcast."""
    bucket, sign = rule(i, j, m)
    return bucket, sign if m.signed else ops.ones_like(sign)


def rule(i: Any, j: Any, m: HostMap) -> tuple[Any, Any]:
    """Find bucket and sign as the kind of the map says."""
    if m.kind.removesuffix("_bias") in TEXT_SEEDS:
        return text_table(i, j, m)
    i = ops.convert_to_tensor(uint32(i, "i").astype(np.int64))
    j = ops.convert_to_tensor(uint32(j, "j").astype(np.int64))
    seed = ops.convert_to_tensor(m.seed, "int64")
    x = xxh32_pair(i, j, seed)
    if m.kind == "xxhash":
        return ops.mod(ops.bitwise_right_shift(x, 1), m.buckets), sign_of(x)
    if m.kind == "fold":
        whole, rest = divmod(m.n_cols, m.buckets)  # i n_cols + j may not fit into int64; this does
        t = i * rest + j
        q = i * whole + ops.floor_divide(t, m.buckets)  # wraps around, which leaves its bits right
        high = ops.bitwise_and(ops.bitwise_right_shift(q, 32), MASK)
        shift = ops.bitwise_right_shift(xxh32_pair(high, ops.bitwise_and(q, MASK), seed), 1)
        return ops.mod(ops.mod(t, m.buckets) + shift, m.buckets), sign_of(x)
    assert m.size is not None
    height = m.size if m.kind == "tile" else 1
    x = xxh32_pair(ops.floor_divide(i, height), ops.floor_divide(j, m.size), seed)
    inside = ops.mod(i, height) * m.size + ops.mod(j, m.size)
    return ops.mod(ops.bitwise_right_shift(x, 1) + inside, m.buckets), sign_of(x) + 0 * inside


def sign_of(x: Any) -> Any:
    """Turn bit 0 of a hash into +1 or -1."""
    return 1 - 2 * ops.bitwise_and(x, 1)


class HashedDense(keras.layers.Layer):
    """A fully connected layer with K real weights; arguments as hashnets_np.HashedLinear."""

    def __init__(self, n_in: int, n_out: int, buckets: int, seed: int | None = None, bias: str | None = "column",
                 kind: str = "xxhash", bias_buckets: int | None = None, size: int | None = None,
                 signed: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.arguments = {"n_in": n_in, "n_out": n_out, "buckets": buckets, "seed": seed, "bias": bias, "kind": kind,
                          "bias_buckets": bias_buckets, "size": size, "signed": signed}
        m, bias_map = make_maps(n_in, n_out, buckets, seed, bias, kind, bias_buckets, size, signed)
        self.n_in = n_in
        self.n_out = n_out
        self.bias = bias
        self.bucket, self.sign = self.hash(m)
        self.bias_size = {"dense": n_out}.get(str(bias), 0)
        if bias_map is not None:
            self.bias_size = bias_map.buckets
            self.bias_bucket, self.bias_sign = self.hash(bias_map)
        self.w = self.add_weight(shape=(buckets,), initializer=keras.initializers.RandomNormal(0, (2 / n_in) ** 0.5))
        if self.bias_size:
            self.b = self.add_weight(shape=(self.bias_size,), initializer="zeros")
        self.built = True

    def get_config(self):
        """Return the arguments that rebuild this layer: a saved model holds them and the real weights."""
        return super().get_config() | self.arguments

    def hash(self, m):
        """Find buckets and signs of a whole map."""
        bucket, sign = bucket_sign(np.arange(m.n_out)[:, None], np.arange(m.n_cols)[None, :], m)
        return ops.convert_to_tensor(bucket), ops.cast(sign, self.dtype)

    def virtual_weight(self):
        """Eq. 7; its gradient is the scatter-add of Eq. 12."""
        return ops.take(self.w, self.bucket) * self.sign

    def call(self, a):
        """Eq. 8: a (batch, n_in) -> z (batch, n_out)."""
        if len(a.shape) != 2 or a.shape[1] != self.n_in:
            raise ValueError(f"a has shape {a.shape}, expected (batch, {self.n_in})")
        V = self.virtual_weight()
        if self.bias == "column":  # Eq. 2: column 0 belongs to a constant input 1
            return ops.matmul(a, ops.transpose(V[:, 1:])) + V[:, 0]
        z = ops.matmul(a, ops.transpose(V))
        if self.bias == "hashed":
            return z + (ops.take(self.b, self.bias_bucket) * self.bias_sign)[:, 0]
        return z + self.b if self.bias == "dense" else z


class HashedModel(keras.Model):
    """Layers with ReLU between them and, where masks are given, inverted dropout on their inputs."""

    def __init__(self, rows: list[HashedDense]) -> None:
        super().__init__()
        self.rows = rows
        self.built = True

    def call(self, x, masks=None, rate=0.0):
        """x (batch, n_in) -> logits (batch, classes)."""
        for n, layer in enumerate(self.rows):
            x = ops.relu(x) if n else x
            x = layer(x * masks[n] / (1 - rate) if masks else x)
        return x


class ClassicalSGD(keras.optimizers.Optimizer):
    """SGD as specified: v = momentum v + g + decay w, w -= learning rate v."""

    def __init__(self, learning_rate=0.1, momentum=0.9, decay=0.0, **options) -> None:
        super().__init__(learning_rate=learning_rate, **options)
        self.momentum = momentum
        self.decay = decay

    def build(self, variables):
        """Make the velocities."""
        if not self.built:
            super().build(variables)
            self.velocity = [self.add_variable_from_reference(w, name="velocity") for w in variables]

    def update_step(self, gradient, variable, learning_rate):
        """Update one variable."""
        v = self.velocity[self._get_variable_index(variable)]
        self.assign(v, self.momentum * v + gradient + self.decay * variable)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * v)


# ------------------------------------------------------------------------------------------------------- the adapter


def array(x: Any) -> np.ndarray:
    """Copy a tensor to NumPy, from any backend."""
    return np.array(ops.convert_to_numpy(x))


def make_layer(spec, w, b, seed: int | None = None) -> HashedDense:
    """Make a layer with given weights."""
    layer = HashedDense(spec.n_in, spec.n_out, spec.buckets, spec.seed if seed is None else seed, spec.bias, spec.kind,
                        spec.bias_buckets or None, spec.size, dtype=spec.dtype)
    set_weights(layer, w, b)
    return layer


def set_weights(layer: HashedDense, w, b) -> None:
    """Put copies of weights into a layer: JAX may keep the very array that it gets."""
    layer.set_weights([w.copy()] if b is None else [w.copy(), b.copy()])


def differentiate(function, arrays, dz=None):
    """Compute function(*arrays) and the gradients of its product with dz: (value, a gradient for each array)."""
    arrays = [ops.convert_to_tensor(x) for x in arrays]
    if BACKEND == "jax":
        z, pull = jax.vjp(function, *arrays)
        return z, pull(ops.ones_like(z) if dz is None else ops.convert_to_tensor(dz))
    with tf.GradientTape() as tape:
        tape.watch(arrays)
        z = function(*arrays)
    error = None if dz is None else ops.convert_to_tensor(dz)
    found = tape.gradient(z, arrays, error, tf.UnconnectedGradients.ZERO)
    return z, [tf.convert_to_tensor(g) for g in found]  # a gather has IndexedSlices; this adds up equal indices


def gradients(layer, x, dz, **arguments):
    """Output and gradients of a layer or model: (z, gradients of its variables, dx)."""
    def call(x, *variables):
        return layer.stateless_call(variables, [], x, **arguments)[0]

    z, (dx, *grads) = differentiate(call, [x, *(v.value for v in layer.trainable_variables)], dz)
    return z, grads, dx


class KerasLayer(Adapter):
    """The adapter of `HashedDense`."""

    kinds = (*KINDS, *NEWER_KINDS)

    def __init__(self, spec, w, b):
        self.layer = make_layer(spec, w, b)
        self.sgd: ClassicalSGD | None = None
        self.grads: list[Any] = []

    def forward(self, a):
        """Eq. 8."""
        return array(self.layer(ops.convert_to_tensor(a)))

    def backward(self, a, dz):
        """Eq. 9 and 12."""
        _, self.grads, da = gradients(self.layer, a, dz)
        return self.as_returned(da)

    def accumulate(self, a, dz):
        """Gradients added up; Keras keeps none, so the adapter does."""
        before = self.grads
        _, self.grads, da = gradients(self.layer, a, dz)
        if before:
            self.grads = [x + y for x, y in zip(before, self.grads, strict=True)]
        return self.as_returned(da)

    def as_returned(self, da):
        """Give (dw, db, da)."""
        return array(self.grads[0]), array(self.grads[1]) if len(self.grads) > 1 else None, array(da)

    def set_weights(self, w, b):
        """Load other real weights into the same layer."""
        set_weights(self.layer, w, b)

    def step(self, a, dz, lr, momentum, weight_decay):
        """One step of SGD."""
        self.sgd = self.sgd or ClassicalSGD(lr, momentum, weight_decay)
        self.sgd.learning_rate = lr
        _, grads, _ = gradients(self.layer, a, dz)
        self.sgd.apply(grads, self.layer.trainable_variables)
        w, *b = self.layer.get_weights()
        return w, b[0] if b else None

    def gather(self):
        """Eq. 7."""
        return array(self.layer.virtual_weight())

    def scatter_add(self, dV):
        """The gradient of the gather."""
        layer = self.layer
        if dV.shape != tuple(layer.bucket.shape):  # TensorFlow would broadcast it
            raise ValueError(f"dV is {dV.shape}, V is {tuple(layer.bucket.shape)}")
        _, (dw,) = differentiate(lambda w: ops.take(w, layer.bucket) * layer.sign, [layer.w.value], dV)
        return array(dw)

    def stored_bytes(self):
        """The size of an .npz of get_weights()."""
        file = io.BytesIO()
        np.savez(file, *self.layer.get_weights())
        return file.tell()

    hash_text = staticmethod(hash_texts)
    bucket_counts = staticmethod(count_buckets)

    @staticmethod
    def hash(i, j, seed):
        """XXH32 in Keras."""
        i, j, seed = (ops.convert_to_tensor(uint32(x, "i, j and seed").astype(np.int64)) for x in (i, j, seed))
        return array(xxh32_pair(i, j, seed))

    @staticmethod
    def bucket_sign(i, j, kind, buckets, seed, n_out=2**32, n_cols=2**32, size=None):
        """Buckets and signs; where the map doesn't need the shape of V, of the largest V there can be."""
        m = make_map(n_out, n_cols, buckets, seed, kind, size)
        if (i >= n_out).any() or (j >= n_cols).any():
            raise ValueError(f"(i, j) lies outside V, which is {n_out} x {n_cols}")
        bucket, sign = bucket_sign(i, j, m)
        return array(bucket), array(sign)

    @staticmethod
    def derive_seed(seed, n):
        """The n-th seed."""
        return int(KerasLayer.hash(seed, n, 0))

    @staticmethod
    def loss(z, y, soft, temperature, mix):
        """Cross-entropy with labels and soft targets."""
        check_labels(z, y)
        hot = ops.convert_to_tensor(np.eye(z.shape[1], dtype=z.dtype)[y])
        soft = None if soft is None else ops.convert_to_tensor(soft)

        def mean_loss(z):
            hard = -ops.sum(hot * ops.log_softmax(z)) / len(y)  # ops.mean rounds to float32 on the JAX backend
            if soft is None:
                return hard
            dark = -ops.sum(soft * ops.log_softmax(z / temperature)) / len(y)
            return (1 - mix) * hard + mix * temperature**2 * dark

        loss, (dz,) = differentiate(mean_loss, [z])
        return array(loss), array(dz)

    @staticmethod
    def network(seed, layers, weights, x, masks, rate, dz):
        """A HashedModel, forward and backward."""
        seeds = [layer_seed(seed, n, spec.kind) for n, spec in enumerate(layers)]
        made = [make_layer(spec, w, b, s) for spec, (w, b), s in zip(layers, weights, seeds, strict=True)]
        masks = None if masks is None else [ops.convert_to_tensor(mask) for mask in masks]
        z, grads, dx = gradients(HashedModel(made), x, dz, masks=masks, rate=rate)
        rest = iter(map(array, grads))
        return array(z), [(next(rest), next(rest) if layer.bias_size else None) for layer in made], array(dx)
