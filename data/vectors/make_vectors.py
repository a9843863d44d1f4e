"""Write vectors.json: the golden vectors of the HashedNets specification (SPEC.md), from first principles.

    python data/vectors/make_vectors.py [FILE]        # writes vectors.json beside this script, or FILE

The answers come from `specification.py`, the wrong answers beside them from `known_bugs.py`: plain Python, exact
fractions and the reference xxHash library. Here are the cases themselves. A case's `flags` are the bugs it was chosen
for; the script stops if one of them doesn't show. The same file comes out byte for byte, every time (a test).
"""

import json
import struct
import sys
from decimal import Decimal, getcontext
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import xxhash
from known_bugs import FOUND_BY_CHECKER, explain_flags, find_bugs, overridden
from specification import MASK, TEXT_SEEDS, Right

SPEC_VERSION = 1
getcontext().prec = 60


class Traced(Right):
    """The specification, noting which of its methods are used."""

    def __init__(self):
        super().__init__()
        self.called = set()

    def __getattribute__(self, name):
        if name in Right.__dict__:
            self.called.add(name)
        return super().__getattribute__(name)


def answer(model, operation, x):
    """Work out what an operation gives for the inputs x: a dict of outputs."""
    if operation == "hash":
        return {"hash": [model.pair(i, j, x["seed"]) for i, j in zip(x["i"], x["j"], strict=True)]}
    if operation == "hash_text":
        return {"hash": [model.hash_key(text.encode(), x["seed"]) for text in x["texts"]]}
    if operation == "bucket_sign":
        found = [model.bucket_sign(x, i, j) for i, j in zip(x["i"], x["j"], strict=True)]
        return {"bucket": [k for k, _ in found], "sign": [s for _, s in found]}
    if operation == "bucket_counts":
        K, K_b = model.bucket_counts(x["compression"], x["n_in"], x["n_out"], x["bias"])
        return {"buckets": K, "bias_buckets": K_b}
    if operation == "derive_seed":
        return {"seed": [model.derive(x["seed"], n) for n in x["n"]]}
    if operation == "gather":
        return {"V": model.gather(model.map(x["layer"]), x["w"])}
    if operation == "scatter_add":
        return {"dw": model.scatter_add(model.map(x["layer"]), x["dV"])}
    if operation == "forward":
        return {"z": model.forward(x["layer"], x["w"], x["b"], x["a"])}
    if operation == "backward":
        return model.backward(x["layer"], x["w"], x["b"], x["a"], x["dz"], x["calls"])
    if operation == "network":
        return model.network(**x)
    if operation == "loss":
        return model.loss(**x)
    return model.sgd(**x)


def json_ready(x):
    """Turn exact numbers into JSON numbers: integers as such, others as the nearest float64."""
    if isinstance(x, dict):
        return {k: json_ready(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [json_ready(v) for v in x]
    if isinstance(x, Fraction):
        return int(x) if x.denominator == 1 else float(x)
    return float(x) if isinstance(x, Decimal) else x


class Book:
    """The groups of cases, in order."""

    def __init__(self):
        self.groups, self.bugs, self.done = [], find_bugs(), {}

    def group(self, topic, operation, comment):
        self.groups.append({"topic": topic, "operation": operation, "comment": comment, "cases": []})

    def add(self, comment, flags, dtype, tolerance, result, x, expected, wrong):
        group = self.groups[-1]
        number = 1 + sum(len(g["cases"]) for g in self.groups if g["topic"] == group["topic"])
        missing = set(flags.split()) - {w["flag"] for w in wrong} - set(FOUND_BY_CHECKER)
        assert not missing, (group["topic"], comment, missing)  # a case must catch what its flags claim
        case = {
            "id": f"{group['topic']}-{number:03}",
            "comment": comment,
            "flags": sorted(flags.split()),
            "result": result,
            "dtype": dtype,
            "tolerance": tolerance,
            "input": json_ready(x),
        }
        group["cases"].append(case | ({"expected": expected, "wrong": wrong} if result == "valid" else {}))

    def work_out(self, work, operation, x):
        """Find the right answer, and the answers of all bugs that differ from it."""
        right = Traced()
        expected, wrong = json_ready(work(right, operation, x)), []
        for bug in self.bugs:
            if not right.called & overridden(bug):
                continue  # it touches nothing that this case uses
            try:
                found = json_ready(work(bug(), operation, x))
            except (ZeroDivisionError, struct.error):
                continue  # the bug can't answer this case at all
            entry = {"flag": bug.name, **found}
            if found != expected and entry not in wrong:
                wrong.append(entry)
        return expected, wrong

    def valid(self, comment, flags="", dtype="int", tolerance=None, work=answer, **x):
        """Add a case that must give the right answer."""
        if tolerance is None:
            tolerance = {"int": 0, "float32": 1e-6, "float64": 1e-12}[dtype]
        operation = self.groups[-1]["operation"]
        key = repr((operation, sorted(x.items())))
        if key not in self.done:
            self.done[key] = self.work_out(work, operation, x)
        expected, wrong = self.done[key]
        self.add(comment, flags, dtype, tolerance, "valid", x, expected, wrong)

    def invalid(self, comment, flags, dtype="int", **x):
        """Add a case that must be refused."""
        self.add(comment, flags, dtype, 0, "invalid", x, None, [])


def values(label, count, scale=32):
    """Deterministic odd multiples of 1 / scale between -2 and 2, exact in float32, never 0."""
    span = 2 * scale
    return [
        Fraction(2 * (xxhash.xxh32(f"{label} {n}".encode()).intdigest() % span) + 1 - span, scale) for n in range(count)
    ]


def matrix(label, n_rows, n_cols, scale=32):
    """A matrix of such values."""
    flat = values(label, n_rows * n_cols, scale)
    return [flat[r * n_cols : (r + 1) * n_cols] for r in range(n_rows)]


def make_layer(n_in, n_out, buckets, seed=7, bias=None, bias_buckets=0, kind="xxhash"):
    """Describe a layer."""
    return {
        "n_in": n_in,
        "n_out": n_out,
        "kind": kind,
        "buckets": buckets,
        "seed": seed,
        "bias": bias,
        "bias_buckets": bias_buckets,
    }


def weights_of(layer, label, scale=32):
    """Real weights, and the bias if it has parameters of its own."""
    size = {"hashed": layer["bias_buckets"], "dense": layer["n_out"]}.get(layer["bias"])
    return {"w": values("w" + label, layer["buckets"], scale), "b": size and values("b" + label, size, scale)}


EDGES = [0, 1, 2, 255, 256, 65535, 65536, 2**24, 2**24 + 1, 2**31 - 1, 2**31, 2**32 - 1]


def hash_cases(book):
    book.group("hash", "hash", "XXH32 of the 8-byte key (i, j)")
    for i, j, seed, flags in [
        (0, 0, 0, "WideKey"),
        (0, 1, 0, "TransposedKey ShortKey"),
        (1, 0, 0, "TransposedKey ShortKey"),
        (0, 0, 1, "SeedIgnored"),
        (2, 1, 7, "OneBased BigEndianKey"),
        (999, 784, 7, "Hash64"),
        (256, 1, 7, "BigEndianKey"),
        (2**24 + 1, 3, 7, "Float32Index"),
        (2**31, 2**31 + 1, 7, "TransposedKey"),
        (2**32 - 1, 2**32 - 1, 2**32 - 1, "OneBased"),
        (2**32 - 1, 0, 2**31, "ShortKey"),
    ]:
        book.valid(f"one pair, seed {seed}", flags, i=[i], j=[j], seed=seed)
    for seed in (0, 1, 7, 1691, 2**31, 2**32 - 1):
        book.valid(f"edges of the index range, seed {seed}", "", i=EDGES, j=EDGES[::-1], seed=seed)
    book.valid("no pair at all", i=[], j=[], seed=7)
    for name, x in [("i", -1), ("i", 2**32), ("j", -1), ("j", 2**32)]:
        book.invalid(
            f"{name} = {x} is no unsigned 32-bit integer",
            "RangeUnchecked",
            **{"i": [0], "j": [0], "seed": 7, name: [x]},
        )
    for seed in (-1, 2**32, 1.5):
        book.invalid(f"seed {seed} is no unsigned 32-bit integer", "RangeUnchecked", i=[0], j=[0], seed=seed)

    book.group("text-hash", "hash_text", "XXH32 of ASCII text of every length up to 40, for the compatibility kinds")
    text = "100010011002_784785786idxW_and_some_more"
    for length in (0, 1, 3, 4, 5, 7, 8, 11, 12, 15, 16, 17, 20, 26, 31, 32, 33, 40):
        flags = "StripesSkipped" if length >= 16 else ""
        book.valid(f"{length} bytes", flags, texts=[text[:length], text[::-1][:length]], seed=0)
    for seed in (2, 1691, 2**32 - 1):
        book.valid(f"several lengths, seed {seed}", "SeedIgnored", texts=["abc", "1_1idxW", text[:16], text], seed=seed)


def map_cases(book):
    book.group("bucket-sign", "bucket_sign", "bucket and sign of virtual weights")
    i, j = [0, 0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89], [0, 1, 0, 1, 5, 3, 2, 8, 144, 7, 610, 783]
    for buckets, flags in [
        (1, "SignIgnored SignFlipped"),
        (2, "SharedBits LastBucket"),
        (3, "LastBucket OneBasedBucket"),
        (4, "SharedBits"),
        (8, "TransposedKey ShortKey"),
        (9, "LastBucket"),
        (98, "OneBased"),
        (1000, "SignedHash"),
        (98125, "Hash64 BigEndianKey WideKey"),
        (2**16, "SharedBits SignedHash"),
        (2**26 + 3, "Float32Index"),
        (2**31 - 1, "Float32Index SignedHash"),
    ]:
        book.valid(f"K = {buckets}", flags, kind="xxhash", buckets=buckets, seed=7, i=i, j=j)
    for seed in (0, 1, 2**31, 2**32 - 1):
        flags = "SeedAsFlag" if seed == 0 else "SeedIgnored SeedAsFlag"
        book.valid(f"seed {seed}", flags, kind="xxhash", buckets=98, seed=seed, i=i, j=j)
    good = {"kind": "xxhash", "buckets": 9, "seed": 7, "i": [0], "j": [0]}
    for name, x in [("buckets", 0), ("buckets", -1), ("buckets", 2**31), ("seed", -1), ("seed", 2**32)]:
        book.invalid(f"{name} = {x} is out of range", "RangeUnchecked", **{**good, name: x})
    for name, x in [("i", -1), ("i", 2**32), ("j", -1), ("j", 2**32)]:
        book.invalid(f"{name} = {x} is no unsigned 32-bit integer", "RangeUnchecked", **{**good, name: [x]})
    book.invalid("there is no such kind of map", "KindUnchecked", **{**good, "kind": "md5"})

    book.group("large-index", "bucket_sign", "virtual weights far out, where indices outgrow float32 and int32")
    far = [2**24 - 1, 2**24, 2**24 + 1, 2**24 + 3, 2**25 + 1, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 2, 2**32 - 1]
    for buckets in (97, 2**20, 2**24 + 3, 2**31 - 1):
        book.valid(
            f"far columns, K = {buckets}",
            "Float32Index",
            kind="xxhash",
            buckets=buckets,
            seed=7,
            i=[5] * len(far),
            j=far,
        )
        book.valid(
            f"far rows, K = {buckets}", "Float32Index", kind="xxhash", buckets=buckets, seed=7, i=far, j=[5] * len(far)
        )
    book.valid(
        "far rows and columns",
        "Float32Index TransposedKey",
        kind="xxhash",
        buckets=2**31 - 1,
        seed=1,
        i=far,
        j=far[::-1],
    )


def far_answer(model, operation, x):
    """Forward or backward of a layer too large to write down: only what isn't zero is looked at."""
    m, w, a = model.map(x["layer"]), dict(x["w"]["at"]), {j: v for _, j, v in x["a"]["at"]}
    V = {(i, j): model.bucket_sign(m, i, j) for i in range(m["n_out"]) for j in a}
    if operation == "forward":
        return {
            "z": [[sum((w.get(V[i, j][0], 0) * V[i, j][1] * a[j] for j in a), Fraction(0)) for i in range(m["n_out"])]]
        }
    dw = {}
    for (i, j), (k, s) in V.items():
        dw[k] = dw.get(k, 0) + x["dz"][0][i] * s * a[j]
    da = [[0, j, sum(w.get(V[i, j][0], 0) * V[i, j][1] * x["dz"][0][i] for i in range(m["n_out"]))] for j in a]
    return {
        "dw": {"shape": [m["buckets"]], "at": sorted([k, g] for k, g in dw.items()), "rest": 0},
        "db": None,
        "da": {"shape": [1, m["n_cols"]], "at": sorted(da), "rest": "any"},
    }


def far_layer_cases(book):
    """Layers with more than 2**24 columns, virtual weights or buckets; arrays by their few entries that matter."""
    for operation in ("forward", "backward"):
        book.group("large-layer", operation, "layers beyond 2**24 virtual weights, arrays given sparsely")
        for n_out, n_in, buckets, flags in [
            (1, 2**24 + 9, 61, "Float32Index"),
            (2, 2**23 + 5, 2**24 + 2**23 + 3, "Float32Index"),
        ]:
            layer = make_layer(n_in, n_out, buckets)
            columns = sorted({0, 1, 2**22 + 1, 2**23 + 3, n_in - 1, n_in - 2, n_in - 4})
            a = [[0, j, v] for j, v in zip(columns, values(f"far{n_in}", len(columns), 8), strict=True)]
            used = {
                k + d
                for i in range(n_out)
                for j in columns
                for d in (-1, 0, 1)
                for k, _ in [Right().bucket_sign(Right().map(layer), i, j)]
                if 0 <= k + d < buckets
            }
            w = sorted(zip(sorted(used), values(f"farw{n_in}", len(used)), strict=True))
            x = {
                "layer": layer,
                "w": {"shape": [buckets], "at": [list(p) for p in w], "rest": 0},
                "b": None,
                "a": {"shape": [1, n_in], "at": a, "rest": 0},
            }
            if operation == "backward":
                x |= {"dz": [values(f"fardz{n_in}", n_out, 8)], "calls": 1}
            book.valid(f"{n_out} x {n_in} virtual weights, K = {buckets}", flags, "float32", work=far_answer, **x)


def count_cases(book):
    book.group("bucket-count", "bucket_counts", "K and K_b from a compression, in exact arithmetic")
    for c, n_in, n_out, bias, flags in [
        ("1/8", 784, 1000, None, ""),
        ("1/8", 784, 1000, "column", "BiasColumnUncounted"),
        ("1/64", 784, 1000, "column", "CompressionFloor CompressionPerRow"),
        ("1/64", 1000, 10, "hashed", "CompressionFloor"),
        ("1/64", 784, 1000, "hashed", "BiasNotHashed CompressionFloor"),
        ("1/3", 3, 1, None, ""),
        ("1/3", 10, 10, None, ""),
        (0.1, 10, 10, None, "CompressionBinary"),
        ("0.1", 10, 10, None, "CompressionBinary"),
        (0.1, 10, 3, None, ""),
        ("0.07", 100, 1, None, "CompressionFloat"),
        ("0.29", 10, 10, "dense", ""),
        (0.55, 20, 5, None, "CompressionFloat"),
        ("1/49", 49, 1, None, ""),
        ("1/49", 49, 3, "hashed", ""),
        ("3/7", 7, 1000, None, ""),
        (0.3, 1, 10, None, ""),
        (0.7, 10, 1, None, ""),
        ("1/64", 1, 1, None, ""),
        ("1/1000000", 3, 2, "column", ""),
        (1, 784, 1000, "column", "BiasColumnUncounted"),
        ("1", 5, 4, "hashed", ""),
        (1.0, 5, 4, "dense", ""),
        (1e-9, 30000, 30000, None, ""),
        ("1e-3", 784, 1000, "hashed", ""),
        ("1/2", 1, 1, "hashed", ""),
        ("1/8", 784, 10, "hashed", "CompressionRound"),
        ("0.125", 3, 1, "column", ""),
        ("99999999/100000000", 10000, 10000, None, ""),
        ("1/3", 94906267, 1, None, "CompressionFloor"),
        ("333333333333333333/1000000000000000000", 3, 1, None, ""),
        ("333333333333333334/1000000000000000000", 3, 1, None, "CompressionFloat"),
        (0.5, 2**16 - 1, 2**16 - 1, None, "CompressionFloor"),
    ]:
        book.valid(
            f"compression {c} of {n_out} x {n_in}, bias {bias}", flags, compression=c, n_in=n_in, n_out=n_out, bias=bias
        )
    for c in (0, 0.0, "0", "0/1", "-1/8", -0.5, 1.5, "9/8", "", "one eighth", "1/0", "nan", "inf"):
        book.invalid(
            f"compression {c!r} is no number in (0, 1]",
            "CompressionUnchecked",
            compression=c,
            n_in=784,
            n_out=1000,
            bias=None,
        )

    book.group("derived-seed", "derive_seed", "seeds of layers and biases")
    for seed in (0, 1, 2, 7, 1691, 2**31, 2**32 - 1):
        book.valid(f"layers 0 to 4 and the hashed bias, seed {seed}", "SeedAdded", seed=seed, n=[0, 1, 2, 3, 4, MASK])
    book.valid("many layers", "SeedAdded TransposedKey", seed=42, n=[100, 255, 256, 65536, 2**31])
    for seed, n in [(-1, 0), (2**32, 0), (1, -1), (1, 2**32)]:
        book.invalid(f"derive({seed}, {n}) is out of range", "RangeUnchecked", seed=seed, n=[n])


def gather_cases(book):
    shapes = [
        (1, 1, 1, 7, ""),
        (3, 2, 4, 7, "ShortKey"),
        (4, 4, 3, 7, "TransposedKey"),
        (5, 4, 7, 1, "SeedIgnored SignIgnored"),
        (5, 4, 2, 7, "SharedBits SignZeroOne"),
        (4, 5, 8, 3, "SharedBits SignedHash"),
        (7, 3, 20, 7, "FlatKey WideKey"),
        (1, 6, 3, 7, "LastBucket"),
        (6, 1, 3, 7, "LastBucket"),
        (3, 3, 2, 0, "SeedAsFlag"),
        (6, 5, 100, 2**32 - 1, "Hash64"),
        (4, 4, 1, 11, "SignFlipped"),
    ]
    book.group("gather", "gather", "V from the real weights (Eq. 7); no bias")
    for n_in, n_out, buckets, seed, flags in shapes:
        layer = make_layer(n_in, n_out, buckets, seed)
        for dtype in ("float32", "float64")[: 1 + (buckets == 7)]:
            book.valid(
                f"{n_out} x {n_in}, K = {buckets}, seed {seed}, {dtype}",
                flags,
                dtype,
                layer=layer,
                w=weights_of(layer, "gather")["w"],
            )
    layer = make_layer(5, 4, 7)
    for size in (6, 8):
        book.invalid(f"{size} real weights for K = 7", "ShapeUnchecked", "float32", layer=layer, w=values("bad", size))
    for change in ({"buckets": 0}, {"seed": -1}, {"seed": 2**32}, {"n_in": 0}, {"n_out": 0}):
        book.invalid(
            f"a layer with {change}", "RangeUnchecked", "float32", layer={**layer, **change}, w=values("bad", 7)
        )
    book.invalid(
        "there is no such kind of map", "KindUnchecked", "float32", layer={**layer, "kind": "md5"}, w=values("bad", 7)
    )

    book.group("scatter-add", "scatter_add", "the gradient of V summed into the real weights (Eq. 11, 12); no bias")
    more = {2: "DuplicateDropped", 3: "GradientMean", 7: "GradientSignMissing DuplicateDropped", 1: ""}
    for n_in, n_out, buckets, seed, _ in shapes:
        layer = make_layer(n_in, n_out, buckets, seed)
        for dtype in ("float32", "float64")[: 1 + (buckets == 7)]:
            book.valid(
                f"{n_out} x {n_in}, K = {buckets}, seed {seed}, {dtype}",
                more.get(buckets, "") if n_in * n_out > 6 else "",
                dtype,
                layer=layer,
                dV=matrix("dV", n_out, n_in),
            )
    layer = make_layer(5, 4, 7)
    for n_out, n_in in ((5, 4), (4, 4), (3, 5), (1, 5)):
        book.invalid(
            f"dV is {n_out} x {n_in}, V is 4 x 5",
            "ShapeUnchecked",
            "float32",
            layer=layer,
            dV=matrix("bad", n_out, n_in),
        )


PRECISE = Fraction(1, 2**30)  # added to float64 inputs: lost where float32 is used on the way
FULL = 2**20, 2**20  # numbers of about 21 bits: lost where float32 is multiplied as TF32 (11 bits) or bfloat16 (8)


def arrays(layer, label, batch, dtype, backward=False, scales=(32, 8)):
    """Inputs of a forward or backward case; scales: of the weights, and of a and dz."""
    extra = PRECISE if dtype == "float64" else 0
    of_w, of_a = scales
    x = {"layer": layer, **weights_of(layer, label, of_w), "a": matrix("a" + label, batch, layer["n_in"], of_a)}
    x |= {"w": [v + extra for v in x["w"]], "a": [[v + extra for v in row] for row in x["a"]]}
    return {**x, "dz": matrix("dz" + label, batch, layer["n_out"], of_a), "calls": 1} if backward else x


FORWARD_SHAPES = [  # n_in, n_out, buckets, seed, batch, dtype, flags of forward, flags of backward
    (1, 1, 1, 7, 1, "float32", "", ""),
    (3, 2, 4, 7, 2, "float32", "ShortKey", "DuplicateDropped"),
    (4, 4, 3, 7, 2, "float32", "TransposedKey", "InputGradientTransposed GradientMean"),
    (5, 4, 7, 1, 3, "float32", "SeedIgnored SignIgnored", "GradientSignMissing InputGradientUnsigned"),
    (5, 4, 7, 1, 3, "float64", "Float32Math", "Float32Math"),
    (6, 6, 8, 3, 2, "float32", "SharedBits", "InputGradientTransposed"),
    (7, 3, 20, 7, 0, "float32", "", ""),
    (7, 3, 20, 7, 4, "float64", "OneBased", "BatchAveraged"),
    (1, 6, 3, 0, 2, "float32", "SeedAsFlag LastBucket", "BatchAveraged"),
    (6, 1, 3, 7, 2, "float32", "LastBucket", "DuplicateDropped"),
    (9, 8, 100, 2**32 - 1, 1, "float32", "Hash64 BigEndianKey", ""),
    (12, 10, 2, 5, 2, "float32", "SharedBits", "GradientMean"),
]


def layer_cases(book):
    book.group("forward", "forward", "z = a V^T (Eq. 8); no bias")
    for n_in, n_out, buckets, seed, batch, dtype, flags, _ in FORWARD_SHAPES:
        book.valid(
            f"{n_out} x {n_in}, K = {buckets}, batch {batch}, {dtype}",
            flags,
            dtype,
            **arrays(make_layer(n_in, n_out, buckets, seed), "forward", batch, dtype),
        )
    x = arrays(make_layer(5, 4, 7), "bad", 2, "float32")
    book.invalid("a has 4 columns, n_in is 5", "ShapeUnchecked", "float32", **{**x, "a": matrix("bad", 2, 4)})
    book.invalid("a has 1 column, n_in is 5", "ShapeUnchecked", "float32", **{**x, "a": matrix("bad", 2, 1)})
    large = make_layer(12, 10, 20)  # for GPUs: compilers may treat tiny matrices apart
    x = arrays(large, "full", 5, "float32", scales=FULL)
    book.valid("factors of 21 bits", "ReducedPrecision", "float32", **x)

    book.group("gradients", "backward", "gradients of the real weights (Eq. 12) and of the input (Eq. 9); no bias")
    for n_in, n_out, buckets, seed, batch, dtype, _, flags in FORWARD_SHAPES:
        book.valid(
            f"{n_out} x {n_in}, K = {buckets}, batch {batch}, {dtype}",
            flags,
            dtype,
            **arrays(make_layer(n_in, n_out, buckets, seed), "backward", batch, dtype, True),
        )
    x = arrays(make_layer(5, 4, 7), "twice", 2, "float32", True)
    book.valid(
        "backward called twice: the second replaces the first", "GradientAccumulated", "float32", **{**x, "calls": 2}
    )
    book.valid("all units of the error term but one are 0", "", "float32", **{**x, "dz": [[0, 0, 1, 0], [0, 0, 0, 0]]})
    book.invalid("dz has 5 columns, n_out is 4", "ShapeUnchecked", "float32", **{**x, "dz": matrix("bad", 2, 5)})
    book.invalid("dz has 3 rows, a has 2", "ShapeUnchecked", "float32", **{**x, "dz": matrix("bad", 3, 4)})
    x = arrays(large, "full", 5, "float32", True, FULL)
    book.valid("factors of 21 bits", "ReducedPrecision", "float32", **x)


def bias_cases(book):
    layers = [
        (make_layer(5, 4, 7, 7, "column"), "BiasColumnLast BiasIgnored"),
        (make_layer(3, 3, 2, 1, "column"), "BiasColumnLast SharedBits"),
        (make_layer(4, 3, 5, 9, "column"), "BiasIgnored"),
        (make_layer(5, 8, 7, 7, "hashed", 3), "BiasNotHashed BiasSignIgnored BiasSeedShared"),
        (make_layer(3, 6, 4, 1, "hashed", 1), "BiasSignIgnored"),
        (make_layer(4, 9, 6, 3, "hashed", 4), "BiasNotHashed BiasSeedShared"),
        (make_layer(5, 4, 7, 7, "dense"), "BiasIgnored"),
        (make_layer(4, 1, 2, 7, "dense"), "BiasIgnored"),
    ]
    book.group("bias", "forward", "the three biases, forward")
    for layer, flags in layers:
        for dtype in ("float32", "float64"):
            book.valid(f"bias {layer['bias']}, {dtype}", flags, dtype, **arrays(layer, "bias", 2, dtype))
    for layer, size in ((layers[3][0], 2), (layers[3][0], 8), (layers[6][0], 3), (layers[6][0], 1)):
        x = arrays(layer, "bad", 2, "float32")
        book.invalid(
            f"{size} bias weights, expected {len(x['b'])} (bias {layer['bias']})",
            "ShapeUnchecked",
            "float32",
            **{**x, "b": values("bad", size)},
        )
    x = arrays(layers[0][0], "bad", 2, "float32")
    book.invalid("there is no such bias", "BiasUnchecked", "float32", **{**x, "layer": {**x["layer"], "bias": "row"}})

    book.group("bias", "backward", "the three biases, backward")
    for layer, _ in layers:
        extra = {"column": "BiasColumnLast", "hashed": "BiasNotHashed" * (layer["bias_buckets"] > 1), "dense": ""}
        book.valid(
            f"bias {layer['bias']}", extra[layer["bias"]], "float32", **arrays(layer, "bias", 3, "float32", True)
        )
    x = arrays(layers[3][0], "twice", 2, "float32", True)
    book.valid("backward called twice", "GradientAccumulated", "float32", **{**x, "calls": 2})


def network(label, seed, widths, buckets, biases, batch, kinds=None, masks=False, rate=Fraction(0)):
    """Inputs of a network case."""
    layers, weights = [], []
    for n, (n_in, n_out) in enumerate(pairwise(widths)):
        layer = make_layer(
            n_in, n_out, buckets[n], 0, biases[n], 2 if biases[n] == "hashed" else 0, kinds[n] if kinds else "xxhash"
        )
        layers.append({k: v for k, v in layer.items() if k != "seed"})
        weights.append(weights_of(layer, f"{label}{n}", 8))
    keep = [
        [[int(v > -1) for v in row] for row in matrix(f"mask{label}{n}", batch, width, 8)]
        for n, width in enumerate(widths[:-1])
    ]
    return {
        "seed": seed,
        "layers": layers,
        "weights": weights,
        "x": matrix("x" + label, batch, widths[0], 8),
        "masks": keep if masks else None,
        "rate": rate,
        "dz": matrix("dz" + label, batch, widths[-1], 8),
    }


def network_cases(book):
    book.group("two-layers", "network", "hashed layers with ReLU between them, seeds derived from the network's seed")
    for label, seed, widths, buckets, biases, batch, flags in [
        ("a", 1, [4, 4, 4], [5, 5], [None, None], 2, "SharedLayerHash SeedAdded ReluMissing"),
        ("b", 1, [5, 4, 3], [7, 4], ["column", "column"], 2, "SharedLayerHash BiasColumnLast"),
        ("c", 0, [5, 6, 3], [7, 4], ["hashed", "hashed"], 2, "SharedLayerHash"),
        ("d", 7, [3, 5, 2], [4, 3], ["dense", "dense"], 3, "ReluGradientMissing"),
        ("e", 2**32 - 1, [4, 5, 5, 5, 2], [6, 8, 8, 3], ["column"] * 4, 2, "SharedLayerHash SeedAdded"),
        ("f", 3, [6, 8, 4], [6, 5], ["column", "dense"], 1, ""),
        ("g", 5, [3, 3], [4], ["column"], 2, ""),
        ("h", 11, [4, 4, 4, 4], [3, 3, 3], [None] * 3, 2, "SharedLayerHash ReluGradientMissing"),
    ]:
        book.valid(
            f"widths {widths}, biases {biases}, seed {seed}",
            flags,
            "float32",
            2e-6,
            **network(label, seed, widths, buckets, biases, batch),
        )
    book.valid("float64", "SharedLayerHash", "float64", **network("i", 1, [4, 4, 4], [5, 5], ["column"] * 2, 2))


def dropout_cases(book):
    book.group("dropout", "network", "inverted dropout with given masks on the input of every layer")
    for label, widths, rate, flags in [
        ("a", [5, 4, 3], Fraction(1, 2), "DropoutNotInverted DropoutMaskInverted DropoutGradientMissing"),
        ("b", [4, 6, 2], Fraction(1, 4), "DropoutNotInverted DropoutGradientMissing"),
        ("c", [6, 3], Fraction(1, 2), ""),
        ("d", [4, 5, 5, 3], Fraction(3, 4), "DropoutNotInverted ReluGradientMissing"),
        ("e", [5, 5, 5], Fraction(1, 2), "DropoutGradientMissing DropoutMaskInverted"),
        ("f", [6, 6, 4], Fraction(1, 8), "DropoutNotInverted"),
    ]:
        n = len(widths) - 1
        book.valid(
            f"widths {widths}, rate {rate}",
            flags,
            "float32",
            2e-6,
            **network("drop" + label, 1, widths, [5] * n, ["column"] * n, 3, masks=True, rate=rate),
        )


def decimals(matrix_):
    """The same numbers as Decimals, exactly."""
    return [[Decimal(v.numerator) / Decimal(v.denominator) for v in row] for row in matrix_]


def soft_targets(label, batch, classes):
    """Rows of probabilities, multiples of 1/64 that sum to 1."""
    out = []
    for row in matrix(label, batch, classes):
        parts = [1 + int(abs(v) * 4) for v in row]
        parts[0] += 64 - sum(parts)
        out.append([Decimal(p) / 64 for p in parts])
    return out


def loss_cases(book):
    book.group("loss", "loss", "softmax cross-entropy with labels, and its gradient (means over the batch)")
    for dtype in ("float32", "float64"):
        tolerance = 2e-6 if dtype == "float32" else 1e-12
        for batch, classes in ((1, 2), (3, 4), (2, 10)):
            book.valid(
                f"batch {batch}, {classes} classes, {dtype}",
                "LossSummed" if batch > 1 else "",
                dtype,
                tolerance,
                z=decimals(matrix("z", batch, classes, 8)),
                y=[(3 * b + 1) % classes for b in range(batch)],
                soft=None,
                temperature=Decimal(1),
                mix=Decimal(0),
            )
        book.valid(
            f"large logits, {dtype}",
            "UnstableSoftmax",
            dtype,
            tolerance,
            z=decimals([[1000, 998, -1000], [-2000, 0, 900]]),
            y=[1, 2],
            soft=None,
            temperature=Decimal(1),
            mix=Decimal(0),
        )
    book.invalid(
        "label 4 of 4 classes", "RangeUnchecked", "float32", z=matrix("z", 1, 4), y=[4], soft=None, temperature=1, mix=0
    )
    book.invalid("label -1", "RangeUnchecked", "float32", z=matrix("z", 1, 4), y=[-1], soft=None, temperature=1, mix=0)
    book.invalid(
        "2 rows of logits, 3 labels",
        "ShapeUnchecked",
        "float32",
        z=matrix("z", 2, 4),
        y=[0, 1, 2],
        soft=None,
        temperature=1,
        mix=0,
    )


def soft_target_cases(book):
    book.group("soft-targets", "loss", "labels mixed with the soft targets of a teacher (dark knowledge)")
    for dtype in ("float32", "float64"):
        tolerance = 4e-6 if dtype == "float32" else 1e-12
        for batch, classes, temperature, mix, flags in [
            (2, 4, 2, "0.5", "TemperatureIgnored TemperatureNotSquared LossSummed"),
            (3, 4, 4, "0.25", "TemperatureIgnored TemperatureNotSquared MixSwapped"),
            (2, 10, 1, "0.75", "MixSwapped"),
            (1, 3, 8, "1", "TemperatureNotSquared"),
            (2, 4, 2, "0", "MixSwapped"),
        ]:
            book.valid(
                f"temperature {temperature}, mix {mix}, batch {batch}, {dtype}",
                flags,
                dtype,
                tolerance,
                z=decimals(matrix("zs", batch, classes, 8)),
                y=[b % classes for b in range(batch)],
                soft=soft_targets("soft", batch, classes),
                temperature=Decimal(temperature),
                mix=Decimal(mix),
            )


def sgd_cases(book):
    book.group("sgd", "sgd", "ten steps on a quadratic loss: dz = (z - target) / batch, v = mu v + g + wd w, w -= lr v")
    layers = [
        make_layer(4, 3, 5),
        make_layer(4, 3, 5, 7, "column"),
        make_layer(3, 5, 4, 1, "hashed", 2),
        make_layer(3, 4, 6, 2, "dense"),
    ]
    eighth, half = Fraction(1, 8), Fraction(1, 2)
    for layer in layers:
        for lr, momentum, decay, flags in [
            ([eighth / 2] * 10, half, Fraction(0), "MomentumDampened MomentumIgnored MomentumNesterov NotTrained"),
            (
                [eighth / 2] * 10,
                Fraction(7, 8),
                Fraction(1, 16),
                "WeightDecayIgnored WeightDecayDecoupled MomentumDampened",
            ),
            ([eighth / (1 + n) for n in range(10)], half, Fraction(0), "LearningRateInVelocity"),
        ]:
            if any(x.denominator & (x.denominator - 1) for x in lr):  # keep learning rates exact in float32
                lr = [eighth / 2 ** (n // 3) for n in range(10)]
            p = weights_of(layer, "sgd", 8)
            steps = [
                {
                    "a": matrix(f"sgda{n}", 2, layer["n_in"], 8),
                    "target": matrix(f"sgdt{n}", 2, layer["n_out"], 8),
                    "lr": lr[n],
                }
                for n in range(10)
            ]
            for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-12)):
                rates = f"learning rate {lr[0]} to {lr[-1]}, momentum {momentum}, weight decay {decay}"
                book.valid(
                    f"bias {layer['bias']}, {rates}, {dtype}",
                    flags,
                    dtype,
                    tolerance,
                    layer=layer,
                    **p,
                    steps=steps,
                    momentum=momentum,
                    weight_decay=decay,
                )


COMPATIBILITY = {
    "authors2015": "ZeroBased KeyText",
    "pytorch2019": "OneBased KeyText",
    "keras": "TransposedKey OneBased",
}


def compatibility_cases(book):
    for kind, flags in COMPATIBILITY.items():
        seed, bias = TEXT_SEEDS[kind], "dense" if kind == "keras" else "hashed"
        book.group(kind, "bucket_sign", f"the map of {kind}: text keys, bucket = hash mod K")
        near = {"i": [0, 1, 0, 2, 9, 8, 99, 97, 999, 9999], "j": [0, 0, 1, 3, 9, 97, 98, 10, 783, 99999]}
        far = {"i": [10**6, 2**24 + 1, 2**31, 2**32 - 1, 0], "j": [10**7, 3, 2**31 + 1, 2**32 - 1, 2**32 - 1]}
        for buckets in (1, 7, 98000):
            book.valid(
                f"K = {buckets}, seed {seed}",
                flags if buckets > 1 else "",
                kind=kind,
                buckets=buckets,
                seed=seed,
                **near,
            )
        book.valid("far indices, long keys", "StripesSkipped", kind=kind, buckets=2**31 - 1, seed=seed, **far)
        book.valid("another seed", "SeedIgnored", kind=kind, buckets=98000, seed=1234, **near)
        if kind != "keras":
            for buckets in (3, 1000):
                book.valid(
                    f"the map of the bias, K_b = {buckets}",
                    "KeyText",
                    kind=kind + "_bias",
                    buckets=buckets,
                    seed=seed,
                    i=near["i"],
                    j=[0] * 10,
                )
        layer, small = make_layer(5, 4, 7, seed, None, 0, kind), make_layer(4, 4, 3, seed, None, 0, kind)
        with_bias = make_layer(4, 6, 5, seed, bias, 3 if bias == "hashed" else 0, kind)
        book.group(kind, "gather", f"V of {kind}")
        for one, flag in ((layer, "OtherKind" + " SignKeyShared" * (kind != "keras")), (small, "TransposedKey")):
            book.valid(
                f"{one['n_out']} x {one['n_in']}, K = {one['buckets']}",
                flag,
                "float32",
                layer=one,
                w=weights_of(one, kind)["w"],
            )
        book.group(kind, "forward", f"forward of {kind}, bias {bias}")
        for one in (layer, with_bias):
            book.valid(f"bias {one['bias']}", "OtherKind", "float32", **arrays(one, kind, 2, "float32"))
        for wrong in ("column", "hashed") if kind == "keras" else ("column",):
            bad = make_layer(5, 4, 7, seed, wrong, 2 if wrong == "hashed" else 0, kind)
            book.invalid(f"{kind} has no bias {wrong!r}", "BiasUnchecked", "float32", **arrays(bad, kind, 2, "float32"))
        book.group(kind, "backward", f"gradients of {kind}, bias {bias}")
        for one in (layer, with_bias):
            book.valid(f"bias {one['bias']}", "GradientMean", "float32", **arrays(one, kind, 2, "float32", True))
        book.group(kind, "network", f"two layers of {kind}: one seed for both, as in the code that it reproduces")
        book.valid(
            "equal shapes share one map, faithfully",
            "OtherKind",
            "float32",
            2e-6,
            **network(kind, 1, [4, 4, 4], [5, 5], [bias, None], 2, [kind, kind]),
        )


def storage_cases(book):
    """What a layer saves: its real weights, and at most 4 KiB beside them."""
    book.group("storage", "stored_bytes", "a saved layer holds its real weights and no map")
    for n_in, n_out, buckets, bias, bias_buckets, dtype in [
        (784, 1000, 12250, "hashed", 16, "float32"),
        (784, 1000, 12266, "column", 0, "float32"),
        (500, 500, 3907, None, 0, "float64"),
    ]:
        layer = make_layer(n_in, n_out, buckets, 7, bias, bias_buckets)
        size = {"float32": 4, "float64": 8}[dtype] * (buckets + bias_buckets)
        fill = lambda n: {"shape": [n], "at": [], "rest": 0.5}  # noqa: E731
        book.add(
            f"{n_out} x {n_in} at 1/64, bias {bias}, {dtype}",
            "CheckpointHoldsMap",
            dtype,
            0,
            "valid",
            {"layer": layer, "w": fill(buckets), "b": fill(bias_buckets) if bias_buckets else None},
            {"min_bytes": size, "max_bytes": size + 4096},
            [],
        )


def main():
    """Write the file, one case a line."""
    book = Book()
    for cases in (
        hash_cases,
        map_cases,
        far_layer_cases,
        count_cases,
        gather_cases,
        layer_cases,
        bias_cases,
        network_cases,
        dropout_cases,
        loss_cases,
        soft_target_cases,
        sgd_cases,
        compatibility_cases,
        storage_cases,
    ):
        cases(book)
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("vectors.json")
    dump = lambda x: json.dumps(x, separators=(",", ":"), allow_nan=False)  # noqa: E731
    flags = ",\n".join(f"  {dump(k)}: {dump(v)}" for k, v in sorted(explain_flags(book.bugs).items()))
    groups = ",\n".join(
        "{"
        + ",".join(f'"{k}":{dump(g[k])}' for k in ("topic", "operation", "comment"))
        + ',"cases":[\n'
        + ",\n".join(map(dump, g["cases"]))
        + "\n]}"
        for g in book.groups
    )
    count = sum(len(g["cases"]) for g in book.groups)
    text = (
        f'{{"format":"hashnets-vectors","spec_version":{SPEC_VERSION},"number_of_cases":{count},\n"flags":{{\n{flags}\n}},'
        f'\n"groups":[\n{groups}\n]}}\n'
    )
    path.write_bytes(text.encode("ascii"))
    print(f"{count} cases in {len({g['topic'] for g in book.groups})} topics, {len(text)} bytes, {path}")


if __name__ == "__main__":
    main()
