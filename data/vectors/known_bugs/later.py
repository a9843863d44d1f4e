"""Bugs that were named after the first edition: their answers to its cases stand in `more_wrong`, not in the cases."""

from fractions import Fraction

from specification import TEXT_SEEDS, Right


class BatchMixed(Right):
    """The batch is summed before the product: dw is made of (sum of dz) times (sum of a) instead of the sum of dz a."""

    def weight_gradient(self, layer, a, dz):
        if not a:
            return super().weight_gradient(layer, a, dz)
        total = lambda rows: [sum(column) for column in zip(*rows, strict=True)]  # noqa: E731
        return super().weight_gradient(layer, [total(a)], [total(dz)])


class LastBucketTwice(Right):
    """The last bucket is lost twice: the bucket is taken modulo K - 2."""

    def bucket_sign(self, m, i, j):
        return super().bucket_sign({**m, "buckets": max(1, m["buckets"] - 2)}, i, j)


class WeightDecayByLoad(Right):
    """Weight decay acts on the virtual weights, so a real weight decays as often as it is used."""

    def parameter_gradients(self, layer, a, dz, calls=1):
        self.loads = [0] * layer["buckets"]  # of the weights; then of the biases, which decay once
        for row in self.table(self.map(layer)):
            for k, _ in row:
                self.loads[k] += 1
        self.loads += [1] * {"hashed": layer["bias_buckets"], "dense": layer["n_out"]}.get(layer["bias"], 0)
        return super().parameter_gradients(layer, a, dz, calls)

    def update(self, w, v, g, lr, momentum, weight_decay):
        return super().update(w, v, g, lr, momentum, weight_decay * self.loads.pop(0))


class LayersFromOne(Right):
    """The layers of a network are counted from 1, so layer l has the seed of layer l + 1."""

    def layer_seed(self, seed, layer, kind):
        return TEXT_SEEDS[kind] if kind in TEXT_SEEDS else self.derive(seed, layer + 1)


class StaleWeights(Right):
    """V is built once from the weights of construction, and not again when the weights have changed."""

    def start(self, layer):
        return {**super().start(layer), "first": (layer["w"], layer["b"])}

    def call_forward(self, layer, state, step):
        return self.forward(layer, *state["first"], step["a"])

    def call_backward(self, layer, state, step):
        return self.backward(layer, *state["first"], step["a"], step["dz"])


class StaleMatrix(StaleWeights):
    name = "StaleWeights"

    def call_forward(self, layer, state, step):
        return self.forward(layer, state["first"][0], state["b"], step["a"])

    def call_backward(self, layer, state, step):
        return self.backward(layer, state["first"][0], state["b"], step["a"], step["dz"])


class StaleForward(StaleWeights):
    name = "StaleWeights"

    def call_backward(self, layer, state, step):
        return Right.call_backward(self, layer, state, step)


class OutputAccumulated(Right):
    """The output adds up over calls: the second forward pass still holds the sum of the first."""

    def call_forward(self, layer, state, step):
        z = super().call_forward(layer, state, step)
        last = state.get("z")
        if last and len(last) == len(z):
            z = [[x + y for x, y in zip(*rows, strict=True)] for rows in zip(z, last, strict=True)]
        state["z"] = z
        return z


class GradientAccumulatedOverCalls(Right):
    name = "GradientAccumulated"

    def call_backward(self, layer, state, step):
        g = super().call_backward(layer, state, step)
        for name in ("dw", "db"):
            if g[name] and state.get(name):
                g[name] = [x + y for x, y in zip(g[name], state[name], strict=True)]
            state[name] = g[name]
        return g


class AccumulationIgnored(Right):
    """accumulate replaces the gradients of the call before, as backward does, instead of adding to them."""

    def call_accumulate(self, layer, state, step):
        return self.call_backward(layer, state, step)


class AccumulationMean(Right):
    """Gradients that are added up on request are divided by the number of calls; the specification sums them."""

    def call_backward(self, layer, state, step):
        state["calls"] = 1
        return super().call_backward(layer, state, step)

    def call_accumulate(self, layer, state, step):
        state["calls"] = state.get("calls", 0) + 1
        g = super().call_accumulate(layer, state, step)
        mean = lambda x: x and [v / state["calls"] for v in x]  # noqa: E731
        return {**g, "dw": mean(g["dw"]), "db": mean(g["db"])}


class StaleGather(Right):
    """V is built once from the weights of construction and handed out again, though forward uses the new weights."""

    def call_gather(self, layer, state):
        return state.setdefault("V", super().call_gather(layer, state))


class MapShared(Right):
    """A map is kept by its shape alone: a second layer of equal shape gets the map of the first."""

    def script(self, layers, steps, reused=False):
        first = {}
        for layer in layers:
            first.setdefault((layer["n_in"], layer["n_out"]), layer)
        return super().script(
            [{**layer, "seed": first[layer["n_in"], layer["n_out"]]["seed"]} for layer in layers], steps)


class WeightsShared(Right):
    """Layers that were made from one array of weights share it: a step of one changes the other."""

    def script(self, layers, steps, reused=False):
        self.given = {}
        return super().script(layers, steps)

    def start(self, layer):
        return self.given.setdefault(repr(layer["w"]), super().start(layer))


class InputOfLastForward(Right):
    """backward uses the input of the last forward call instead of the input that it is given."""

    def call_forward(self, layer, state, step):
        state["a"] = step["a"]
        return super().call_forward(layer, state, step)

    def call_backward(self, layer, state, step):
        a = state.get("a", step["a"])
        return super().call_backward(layer, state, {**step, "a": a if len(a) == len(step["a"]) else step["a"]})


class BiasDecayMissing(Right):
    """Weight decay leaves the real biases alone."""

    def sgd(self, layer, w, b, steps, momentum, weight_decay):
        found = super().sgd(layer, w, b, steps, momentum, weight_decay)
        return found if not b else {**found, "b": self.without_decay(layer, w, b, steps, momentum, weight_decay)}

    def without_decay(self, layer, w, b, steps, momentum, weight_decay):
        """Follow w and b side by side; only w decays."""
        v_w, v_b = [Fraction(0)] * len(w), [Fraction(0)] * len(b)
        for step in steps:
            z = self.forward(layer, w, b, step["a"])
            errors = zip(z, step["target"], strict=True)
            dz = [[(x - t) / len(z) for x, t in zip(*pair, strict=True)] for pair in errors]
            g = self.parameter_gradients(layer, step["a"], dz)
            new_w = [self.update(*p, step["lr"], momentum, weight_decay) for p in zip(w, v_w, g["dw"], strict=True)]
            new_b = [self.update(*p, step["lr"], momentum, Fraction(0)) for p in zip(b, v_b, g["db"], strict=True)]
            w, v_w = [p[0] for p in new_w], [p[1] for p in new_w]
            b, v_b = [p[0] for p in new_b], [p[1] for p in new_b]
        return b


# ---------------------------------------------------------------- the kinds of specification 1.1


class FoldSeedless(Right):
    """Every fold of `fold` is rotated by the same amount: the hash of the fold's number is missing."""

    def fold(self, m, i, j):
        p = self.fold_position(m, i, j) % m["buckets"]
        return p, self.pair_sign(self.pair(i, j, m["seed"]))


class FoldByColumns(Right):
    """`fold` counts positions down the columns (j * n_out + i) instead of along the rows."""

    def fold_position(self, m, i, j):
        return j * m["n_out"] + i


class FoldHalfUnshifted(Right):
    """The rotation of a fold is the whole hash, not shifted right by one bit."""

    def fold(self, m, i, j):
        q, p = divmod(self.fold_position(m, i, j), m["buckets"])
        bucket = (p + self.pair(q // 2**32, q % 2**32, m["seed"])) % m["buckets"]
        return bucket, self.pair_sign(self.pair(i, j, m["seed"]))


class ChunkSignEach(Right):
    """Every weight of a chunk has a sign of its own; the specification gives a chunk one sign."""

    def chunk(self, m, i, j):
        return super().chunk(m, i, j)[0], self.pair_sign(self.pair(i, j, m["seed"]))


class ChunkUnwrapped(Right):
    """A chunk that would run past the end of w starts so early that it fits, instead of going on at w[0]."""

    def chunk(self, m, i, j):
        block, offset = divmod(j, m["size"])
        h = self.pair(i, block, m["seed"])
        return ((h >> 1) % max(1, m["buckets"] - m["size"] + 1) + offset) % m["buckets"], self.pair_sign(h)


class ChunkFlat(Right):
    """Chunks are cut from the flat position i * n_cols + j, so they run on from one row into the next."""

    def chunk(self, m, i, j):
        block, offset = divmod(i * m["n_cols"] + j, m["size"])
        h = self.pair(0, block, m["seed"])
        return ((h >> 1) + offset) % m["buckets"], self.pair_sign(h)


class TileTransposed(Right):
    """A tile is laid into w column by column instead of row by row."""

    def tile_offset(self, row, column, size):
        return column * size + row


class TileSignEach(Right):
    """Every weight of a tile has a sign of its own; the specification gives a tile one sign."""

    def tile(self, m, i, j):
        return super().tile(m, i, j)[0], self.pair_sign(self.pair(i, j, m["seed"]))


class TileSizeIgnored(Right):
    """The size of a tile or chunk is the default one, whatever was asked for."""

    def chunk(self, m, i, j):
        return super().chunk({**m, "size": 16}, i, j)

    def tile(self, m, i, j):
        return super().tile({**m, "size": 32}, i, j)
