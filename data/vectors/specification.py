"""The specification (SPEC.md) in plain Python: exact fractions, and XXH32 from the reference library.

One class, `Right`, with one method for each thing that can be got wrong, so that a known bug is a subclass that
overrides it (`known_bugs/`). Neither hashnets_np nor NumPy is imported: the vectors must be able to convict both.
"""

import struct
from fractions import Fraction
from math import ceil

import xxhash

MASK = 2**32 - 1
NEWER_KINDS = {"fold": (None,), "chunk": (16, 4), "tile": (32, 3)}  # since 1.1: the sizes in their cases, default first
PIECES = {kind: sizes[0] for kind, sizes in NEWER_KINDS.items() if sizes[0]}  # kinds that come in pieces
TEXT_SEEDS = {"authors2015": 1691, "pytorch2019": 2, "keras": 2}


def le32(n):
    """Four bytes, least significant first."""
    return struct.pack("<I", n & MASK)


class Right:
    """The specification, section by section of SPEC.md."""

    name = ""

    def __init__(self):
        self.tables = {}  # of maps that were asked for

    # 1 hash
    def key(self, i, j, n_cols=None):
        return le32(i) + le32(j)

    def hash_key(self, key, seed):
        return xxhash.xxh32(key, seed=seed).intdigest()

    def pair(self, i, j, seed, n_cols=None):
        return self.hash_key(self.key(i, j, n_cols), seed)

    # 2 bucket and sign, 8 compatibility kinds
    def base(self, kind):
        return 1 if kind.startswith("authors2015") else 0

    def text_keys(self, kind, i, j):
        """Index key and sign key of the compatibility kinds."""
        i, j = i + self.base(kind), j + self.base(kind)
        if kind == "authors2015":
            text = f"{i}{i + 1}{i + 2}_{j}{j + 1}{j + 2}"
            return text + "idxW", text + "xi_W"
        if kind == "authors2015_bias":
            return f"{i}{i + 1}{i + 2}_123idxB", f"{i}{i + 1}{i + 2}_123xi_B"
        return {
            "pytorch2019": (f"{i}_{j}idxW", f"{i}_{j}xiW"),
            "pytorch2019_bias": (f"{i}_0idxB", f"{i}_0xiB"),
            "keras": (f"{j}_{i}", None),
        }[kind]

    def text_sign(self, x):
        return 1 if x % 2 else -1

    def bucket_sign(self, m, i, j):
        """Bucket and sign of virtual weight (i, j) under map m."""
        if m["kind"] in NEWER_KINDS:
            return getattr(self, m["kind"])(m, i, j)
        if m["kind"] != "xxhash":
            index_key, sign_key = self.text_keys(m["kind"], i, j)
            bucket = self.hash_key(index_key.encode(), m["seed"]) % m["buckets"]
            return bucket, 1 if sign_key is None else self.text_sign(self.hash_key(sign_key.encode(), m["seed"]))
        return self.split(self.pair(i, j, m["seed"], m.get("n_cols")), m["buckets"])

    def split(self, x, buckets):
        return (x >> 1) % buckets, -1 if x & 1 else 1

    # 2b the kinds since specification 1.1, a method each
    def pair_sign(self, x):
        return -1 if x & 1 else 1

    def fold(self, m, i, j):
        q, p = divmod(self.fold_position(m, i, j), m["buckets"])
        bucket = (p + (self.pair(q // 2**32, q % 2**32, m["seed"]) >> 1)) % m["buckets"]
        return bucket, self.pair_sign(self.pair(i, j, m["seed"]))

    def fold_position(self, m, i, j):
        return i * m["n_cols"] + j

    def chunk(self, m, i, j):
        block, offset = divmod(j, m["size"])
        h = self.pair(i, block, m["seed"])
        return ((h >> 1) + offset) % m["buckets"], self.pair_sign(h)

    def tile(self, m, i, j):
        size = m["size"]
        h = self.pair(i // size, j // size, m["seed"])
        return ((h >> 1) + self.tile_offset(i % size, j % size, size)) % m["buckets"], self.pair_sign(h)

    def tile_offset(self, row, column, size):
        return row * size + column

    # 3 number of buckets
    def buckets(self, c, n):
        return max(1, ceil(Fraction(str(c)) * n))

    def bucket_counts(self, c, n_in, n_out, bias):
        return self.buckets(c, n_out * (n_in + (bias == "column"))), self.buckets(c, n_out) if bias == "hashed" else 0

    # 4 seeds
    def derive(self, seed, n):
        return self.pair(seed, n, 0)

    def layer_seed(self, seed, layer, kind):
        return TEXT_SEEDS[kind] if kind in TEXT_SEEDS else self.derive(seed, layer)

    # 5 maps of a layer, bias
    def map(self, layer):
        n_cols = layer["n_in"] + (layer["bias"] == "column")
        fields = ("kind", "buckets", "seed", *(["size"] if layer["kind"] in PIECES else []))
        return {"n_out": layer["n_out"], "n_cols": n_cols, **{k: layer[k] for k in fields}}

    def bias_seed(self, layer):
        return layer["seed"] if layer["kind"] in TEXT_SEEDS else self.derive(layer["seed"], MASK)

    def bias_map(self, layer):
        kind = layer["kind"] + ("_bias" if layer["kind"] in TEXT_SEEDS else "")
        return {
            "n_out": layer["n_out"],
            "n_cols": 1,
            "kind": kind,
            "buckets": layer["bias_buckets"],
            "seed": self.bias_seed(layer),
            **({"size": layer["size"]} if layer["kind"] in PIECES else {}),
        }

    def table(self, m):
        key = tuple(m.items())
        if key not in self.tables:
            self.tables[key] = self.make_table(m)
        return self.tables[key]

    def make_table(self, m):
        return [[self.bucket_sign(m, i, j) for j in range(m["n_cols"])] for i in range(m["n_out"])]

    # 6 gather, scatter-add, forward, backward
    def gather(self, m, w):
        return [[w[k] * s for k, s in row] for row in self.table(m)]

    def scatter_add(self, m, dV):
        dw = [Fraction(0)] * m["buckets"]
        for row, dV_row in zip(self.table(m), dV, strict=True):
            for (k, s), g in zip(row, dV_row, strict=True):
                dw[k] += g * s
        return dw

    def with_ones(self, layer, a):
        return [[Fraction(1), *row] for row in a] if layer["bias"] == "column" else a

    def without_ones(self, layer, da):
        return [row[1:] for row in da] if layer["bias"] == "column" else da

    def bias(self, layer, b):
        if layer["bias"] == "hashed":
            return [row[0] for row in self.gather(self.bias_map(layer), b)]
        return b if layer["bias"] == "dense" else [Fraction(0)] * layer["n_out"]

    def forward(self, layer, w, b, a):
        V, beta = self.gather(self.map(layer), w), self.bias(layer, b)
        return [
            [sum((v * x for v, x in zip(V_row, row, strict=True)), c) for V_row, c in zip(V, beta, strict=False)]
            for row in self.with_ones(layer, a)
        ]

    def input_gradient(self, layer, w, dz):
        V = self.gather(self.map(layer), w)
        return [[sum((V[i][j] * d[i] for i in range(len(V))), Fraction(0)) for j in range(len(V[0]))] for d in dz]

    def weight_gradient(self, layer, a, dz):
        m = self.map(layer)
        dV = [
            [sum((d[i] * row[j] for d, row in zip(dz, a, strict=True)), Fraction(0)) for j in range(m["n_cols"])]
            for i in range(m["n_out"])
        ]
        return self.scatter_add(m, dV)

    def bias_gradient(self, layer, dz):
        sums = [sum((d[i] for d in dz), Fraction(0)) for i in range(layer["n_out"])]
        if layer["bias"] == "hashed":
            return self.scatter_add(self.bias_map(layer), [[x] for x in sums])
        return sums if layer["bias"] == "dense" else None

    def parameter_gradients(self, layer, a, dz, calls=1):
        return {
            "dw": self.weight_gradient(layer, self.with_ones(layer, a), dz),
            "db": self.bias_gradient(layer, dz),
        }

    def backward(self, layer, w, b, a, dz, calls=1):
        da = self.without_ones(layer, self.input_gradient(layer, w, dz))
        return {**self.parameter_gradients(layer, a, dz, calls), "da": da}

    # 7 network, dropout, loss, update
    def relu(self, z):
        return [[max(x, Fraction(0)) for x in row] for row in z]

    def relu_gradient(self, z, da):
        return [[d if x > 0 else Fraction(0) for x, d in zip(*pair, strict=True)] for pair in zip(z, da, strict=False)]

    def drop(self, x, mask, rate):
        return [[v * k / (1 - rate) for v, k in zip(*pair, strict=True)] for pair in zip(x, mask, strict=False)]

    def drop_gradient(self, dx, mask, rate):
        return self.drop(dx, mask, rate)

    def network(self, seed, layers, weights, x, masks, rate, dz):
        layers = [{**layer, "seed": self.layer_seed(seed, n, layer["kind"])} for n, layer in enumerate(layers)]
        inputs, sums, a = [], [], x
        for n, (layer, p) in enumerate(zip(layers, weights, strict=True)):
            a = self.drop(a, masks[n], rate) if masks else a
            inputs.append(a)
            sums.append(self.forward(layer, p["w"], p["b"], a))
            a = self.relu(sums[-1]) if n < len(layers) - 1 else sums[-1]
        out = {"z": a}
        for n in reversed(range(len(layers))):
            g = self.backward(layers[n], weights[n]["w"], weights[n]["b"], inputs[n], dz)
            out |= {f"dw{n}": g["dw"], f"db{n}": g["db"]}
            dz = self.drop_gradient(g["da"], masks[n], rate) if masks else g["da"]
            dz = self.relu_gradient(sums[n - 1], dz) if n else dz
        return {**out, "dx": dz}

    def log_softmax(self, z):
        top = max(z)
        total = sum((x - top).exp() for x in z).ln()
        return [x - top - total for x in z]

    def mixed(self, hard, soft, temperature, mix):
        return (1 - mix) * hard + mix * temperature**2 * soft

    def average(self, losses):
        return sum(losses) / len(losses)

    def average_gradient(self, dz):
        return [[d / len(dz) for d in row] for row in dz]

    def loss(self, z, y, soft, temperature, mix):
        losses, dz = [], []
        for row, label, q in zip(z, y, soft or [None] * len(z), strict=True):
            log_p = self.log_softmax(row)
            hard, d_hard = -log_p[label], [lp.exp() - (k == label) for k, lp in enumerate(log_p)]
            if q is None:
                losses.append(hard)
                dz.append(d_hard)
                continue
            log_t = self.log_softmax([x / temperature for x in row])
            loss_soft = -sum(p * lt for p, lt in zip(q, log_t, strict=True))
            d_soft = [lt.exp() - p for p, lt in zip(q, log_t, strict=True)]
            losses.append(self.mixed(hard, loss_soft, temperature, mix))
            dz.append([self.mixed(h, s / temperature, temperature, mix) for h, s in zip(d_hard, d_soft, strict=True)])
        return {"loss": self.average(losses), "dz": self.average_gradient(dz)}

    def update(self, w, v, g, lr, momentum, weight_decay):
        """One step of SGD on one number: (new weight, new velocity)."""
        v = momentum * v + g + weight_decay * w
        return w - lr * v, v

    def sgd(self, layer, w, b, steps, momentum, weight_decay):
        p = {"w": w, "b": b}
        v = {"w": [Fraction(0)] * len(w), "b": [Fraction(0)] * len(b or [])}
        for step in steps:
            z = self.forward(layer, p["w"], p["b"], step["a"])
            errors = zip(z, step["target"], strict=True)
            dz = [[(x - t) / len(z) for x, t in zip(*pair, strict=True)] for pair in errors]
            g = self.parameter_gradients(layer, step["a"], dz)
            for name in ("w", "b") if b else ("w",):
                pairs = [
                    self.update(*wvg, step["lr"], momentum, weight_decay)
                    for wvg in zip(p[name], v[name], g["d" + name], strict=True)
                ]
                p[name], v[name] = [w for w, _ in pairs], [v for _, v in pairs]
        return p

    # several calls on one layer or more
    def start(self, layer):
        """What a layer keeps: its weights and velocities."""
        w, b = layer["w"], layer["b"]
        return {"w": w, "b": b, "v": {"w": [Fraction(0)] * len(w), "b": [Fraction(0)] * len(b or [])}}

    def script(self, layers, steps, reused=False):
        states, out = [self.start(layer) for layer in layers], {}
        for n, step in enumerate(steps):
            layer, state = layers[step["layer"]], states[step["layer"]]
            if step["call"] == "forward":
                out[f"z{n}"] = self.call_forward(layer, state, step)
            elif step["call"] == "backward":
                out |= {f"{name}{n}": x for name, x in self.call_backward(layer, state, step).items()}
            elif step["call"] == "accumulate":
                out |= {f"{name}{n}": x for name, x in self.call_accumulate(layer, state, step).items()}
            elif step["call"] == "gather":
                out[f"V{n}"] = self.call_gather(layer, state)
            elif step["call"] == "scatter_add":
                out[f"dw{n}"] = self.scatter_add(self.map(layer), step["dV"])
            elif step["call"] == "set_weights":
                state |= {"w": step["w"], "b": step["b"]}
            else:
                self.call_step(layer, state, step)
                out |= {f"w{n}": state["w"], f"b{n}": state["b"]}
        return out

    def call_forward(self, layer, state, step):
        return self.forward(layer, state["w"], state["b"], step["a"])

    def call_backward(self, layer, state, step):
        state["sum"] = self.backward(layer, state["w"], state["b"], step["a"], step["dz"])
        return state["sum"]

    def call_accumulate(self, layer, state, step):
        """The gradients of backward, dw and db added to those of the calls before."""
        before = state.get("sum")
        g = self.backward(layer, state["w"], state["b"], step["a"], step["dz"])
        for name in ("dw", "db"):
            if before and g[name]:
                g[name] = [x + y for x, y in zip(g[name], before[name], strict=True)]
        state["sum"] = g
        return g

    def call_gather(self, layer, state):
        return self.gather(self.map(layer), state["w"])

    def call_step(self, layer, state, step):
        g = self.parameter_gradients(layer, step["a"], step["dz"])
        for name in ("w", "b") if state["b"] else ("w",):
            numbers = zip(state[name], state["v"][name], g["d" + name], strict=True)
            pairs = [self.update(*wvg, step["lr"], step["momentum"], step["weight_decay"]) for wvg in numbers]
            state[name], state["v"][name] = [w for w, _ in pairs], [v for _, v in pairs]
