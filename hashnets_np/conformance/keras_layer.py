"""HashedNets in Keras 3, on the JAX backend: `HashedDense`, an ordinary layer, and its adapter.

Real weights are the layer's variables; buckets and signs are hashed once and are neither variables nor saved. V is
built in every forward pass. Keras's own SGD differs from the specification: its velocity contains the learning rate,
and its weight decay is decoupled; `ClassicalSGD` is the specification's. Take it, `HashedDense` and what they use into
your project. Hashing is `jax_layer`'s; `host.py` checks sizes and hashes the text of the compatibility kinds. Source:
data/vectors/SPEC.md.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import io
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras import ops

from .adapter import KINDS, NEWER_KINDS, Adapter
from .host import count_buckets, hash_texts, layer_seed, make_maps
from .jax_layer import JaxLayer, bucket_sign

if keras.backend.backend() != "jax":
    raise ImportError(f"this adapter needs KERAS_BACKEND=jax, keras was imported with {keras.backend.backend()!r}")


class HashedDense(keras.layers.Layer):
    """A fully connected layer with K real weights; arguments as hashnets_np.HashedLinear."""

    def __init__(self, n_in: int, n_out: int, buckets: int, seed: int | None = None, bias: str | None = "column",
                 kind: str = "xxhash", bias_buckets: int | None = None, size: int | None = None,
                 **options: Any) -> None:
        super().__init__(**options)
        self.arguments = {"n_in": n_in, "n_out": n_out, "buckets": buckets, "seed": seed, "bias": bias, "kind": kind,
                          "bias_buckets": bias_buckets, "size": size}
        m, bias_map = make_maps(n_in, n_out, buckets, seed, bias, kind, bias_buckets, size)
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
        return bucket, sign.astype(self.dtype)

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


def make_layer(spec, w, b, seed: int | None = None) -> HashedDense:
    """Make a layer with given weights."""
    layer = HashedDense(spec.n_in, spec.n_out, spec.buckets, spec.seed if seed is None else seed, spec.bias, spec.kind,
                        spec.bias_buckets or None, spec.size, dtype=spec.dtype)
    layer.set_weights([w] if b is None else [w, b])
    return layer


def gradients(layer, x, dz, **arguments):
    """Output and gradients of a layer or model: (z, gradients of its variables, dx)."""
    def call(variables, x):
        return layer.stateless_call(variables, [], x, **arguments)[0]

    z, pull = jax.vjp(call, [v.value for v in layer.trainable_variables], jnp.asarray(x))
    grads, dx = pull(jnp.asarray(dz))
    return z, grads, dx


class KerasLayer(Adapter):
    """The adapter of `HashedDense`."""

    kinds = (*KINDS, *NEWER_KINDS)

    def __init__(self, spec, w, b):
        self.layer = make_layer(spec, w, b)
        self.sgd: ClassicalSGD | None = None

    def forward(self, a):
        """Eq. 8."""
        return self.layer(jnp.asarray(a))

    def backward(self, a, dz):
        """Eq. 9 and 12."""
        _, grads, da = gradients(self.layer, a, dz)
        return grads[0], grads[1] if len(grads) > 1 else None, da

    def set_weights(self, w, b):
        """Load other real weights into the same layer."""
        self.layer.set_weights([w] if b is None else [w, b])

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
        return self.layer.virtual_weight()

    def scatter_add(self, dV):
        """The gradient of the gather."""
        layer = self.layer
        return jax.vjp(lambda w: ops.take(w, layer.bucket) * layer.sign, layer.w.value)[1](jnp.asarray(dV))[0]

    def stored_bytes(self):
        """The size of an .npz of get_weights()."""
        file = io.BytesIO()
        np.savez(file, *self.layer.get_weights())
        return file.tell()

    hash = JaxLayer.hash
    hash_text = staticmethod(hash_texts)
    bucket_counts = staticmethod(count_buckets)
    bucket_sign = JaxLayer.bucket_sign
    derive_seed = JaxLayer.derive_seed
    loss = JaxLayer.loss

    @staticmethod
    def network(seed, layers, weights, x, masks, rate, dz):
        """A HashedModel, forward and backward."""
        seeds = [layer_seed(seed, n, spec.kind) for n, spec in enumerate(layers)]
        made = [make_layer(spec, w, b, s) for spec, (w, b), s in zip(layers, weights, seeds, strict=True)]
        z, grads, dx = gradients(HashedModel(made), x, dz, masks=masks, rate=rate)
        rest = iter(grads)
        return z, [(next(rest), next(rest) if layer.bias_size else None) for layer in made], dx
