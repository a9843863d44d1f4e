"""Cases that a second set of planted bugs has asked for: what is nearly alike must not be taken for the same.

Layers that differ in one thing only, seeds that need all of their 32 bits, K around powers of two, sums in a bucket
that outgrow 31 bits, tiles of more than 256 rows, batches as large as a layer is wide, V and its gradient to their last
digits, and new weights that differ in the last one only.
"""

from decimal import Decimal
from fractions import Fraction

from .inputs import FULL, PRECISE, arrays, formula, make_layer, matrix, reachable, values
from .limits import GIVEN
from .sequences import Script, add_scripts
from .sizes import add_pair, answer_by_sums
from .training import decimals

SEEDS = (2654435761, 3735928559)  # odd, above 2^31, and exact in neither 31 bits nor float32


def neighbour_cases(book):
    """Add the cases of the fourth edition."""
    count_cases(book)
    seed_cases(book)
    bucket_cases(book)
    layer_cases(book)
    precise_cases(book)
    loss_cases(book)
    script_cases(book)


def count_cases(book):
    """Text that lax parsers take for a compression: a line end, digits of other scripts."""
    book.group("bucket-count", "bucket_counts", "text that only looks like a compression")
    for c in ("1/8\n", "0.5\n", "\u0661/\u0668", "0.\u0665", "\uff11/\uff18"):
        x = {"compression": c, "n_in": 784, "n_out": 1000, "bias": None}
        book.invalid(f"compression {c!a} is no number in (0, 1]", "CompressionUnchecked", **x)


def seed_cases(book):
    """Seeds that need all of their 32 bits, and layers whose seed must be refused."""
    for seed in SEEDS:
        book.group("hash", "hash", "seeds that need all of their bits")
        book.valid(f"seed {seed}", "", bugs=(), i=[0, 1, 2, 999], j=[0, 5, 1, 784], seed=seed)
        book.group("text-hash", "hash_text", "seeds that need all of their bits")
        book.valid(f"seed {seed}", "", bugs=(), texts=["1_1idxW", "123_123idxW", "100010011002_1"], seed=seed)
        book.group("bucket-sign", "bucket_sign", "seeds that need all of their bits")
        few = {"i": [0, 1, 2, 999], "j": [0, 5, 1, 784]}
        book.valid(f"seed {seed}", "", bugs=(), kind="xxhash", buckets=1000, seed=seed, **few)
    layer = reachable(5, 4, "1/3", 7)
    for operation, topic in (("forward", "forward"), ("backward", "gradients")):
        book.group(topic, operation, "layers whose seed must be refused")
        x = arrays(layer, "seeds", 2, "float32", operation == "backward")
        for seed in (-1, 2**32):
            bad = {**x, "layer": {**layer, "seed": seed}}
            book.invalid(f"a layer with seed {seed}", "RangeUnchecked", "float32", **bad)


def bucket_cases(book):
    """Sums of a hash and a place that need 32 bits, and places within a tile that need 17."""
    wide = {"n_out": 2**32, "n_cols": 2**32}
    book.group("fold", "bucket_sign", "p and the hash add up to more than 31 bits")
    i = [3, 20011, 40000, 42000, 42949, 49999]
    j = [7, 31, 49999, 123, 4000, 49999]
    book.valid("K = 2^31 - 1", "", bugs=(), kind="fold", buckets=2**31 - 1, seed=7, n_out=50000, n_cols=50000, i=i, j=j)
    book.group("chunk", "bucket_sign", "the hash and the place in the chunk add up to more than 31 bits")
    i = [4086249, 4574567, 5811476, 6493766]  # where x(i, 3, 7) >> 1 is 2^31 minus 237, 17, 167 and 31
    x = {"kind": "chunk", "buckets": 1000, "seed": 7, **wide, "size": 1000}
    book.valid("size 1000", "", bugs=(), **x, i=i * 2, j=[3000] * 4 + [3999] * 4)
    book.group("tile", "bucket_sign", "the hash and the place in the tile add up to more than 31 bits")
    i = [300 * tile + row for tile in (61855, 77126, 127910) for row in (0, 299)]  # x(tile, 2, 7) >> 1 is near 2^31
    x = {"kind": "tile", "buckets": 100003, "seed": 7, **wide, "size": 300}
    book.valid("size 300", "", bugs=(), **x, i=i, j=[600, 899, 601, 898, 602, 897])


def layer_cases(book):
    """K around powers of two, batches as large as a layer is wide, tiny inputs, and a tile of more than 256 rows."""
    limits = [reachable(30, 20, f"{K}/600", 11) for K in (128, 129, 256, 257)]
    limits += [make_layer(30, 20, K, 11) | GIVEN for K in (2**15 + 1, 2**16)]
    add_pair(book, "gradients", [(layer, 3, "float32") for layer in limits])
    batches = [(7, 5, 7), (5, 7, 7), (6, 6, 6), (40, 33, 40), (33, 40, 40)]  # n_in, n_out, batch
    square = [(reachable(n_in, n_out, "1/3", 12), batch, "float32") for n_in, n_out, batch in batches]
    add_pair(book, "gradients", square)
    for bias in ("column", "hashed", "dense"):
        layers = [(reachable(n_in, n_out, "1/3", 13, bias), batch, "float32") for n_in, n_out, batch in batches[:3]]
        add_pair(book, "bias", layers)
    layer = reachable(6, 5, "1/3", 14)
    for operation, topic in (("forward", "forward"), ("backward", "gradients")):
        book.group(topic, operation, "inputs of 2^-60 and weights of 2^20")
        x = arrays(layer, "tiny", 3, "float32", operation == "backward")
        x |= {"w": [v * 2**20 for v in x["w"]], "a": [[v / 2**60 for v in row] for row in x["a"]]}
        book.valid("z and dw are tiny, and not 0", "", "float32", bugs=(), **x)
    add_pair(book, "tile", [(reachable(3, 260, "1/10", 12, None, "tile", size=300), 4, "float32")])


def precise_cases(book):
    """V and its gradient: digits that half precision or float32 lose, and more than 2^16 real weights."""
    layer = reachable(9, 8, "1/4", 15)
    many = make_layer(30, 20, 70001, 16) | GIVEN
    tiny = {"float32": Fraction(0), "float64": PRECISE}
    book.group("gather", "gather", "V to its last digits, and with many real weights")
    for dtype, extra in tiny.items():
        w = [v + extra for v in values("precise", layer["buckets"], FULL[0])]
        book.valid(f"8 x 9, {dtype}", "", dtype, bugs=(), layer=layer, w=w)
    book.valid("K = 70001", "", "float32", 0, answer_by_sums, (), layer=many, w=formula(1, many["buckets"]))
    book.group("scatter-add", "scatter_add", "the gradient of V to its last digits, and with many real weights")
    for dtype, extra in tiny.items():
        dV = [[v + extra for v in row] for row in matrix("precise", 8, 9, FULL[0])]
        book.valid(f"8 x 9, {dtype}", "", dtype, bugs=(), layer=layer, dV=dV)
    dV = [[v / 2**20 for v in row] for row in matrix("small", 8, 9)]
    book.valid("8 x 9, small numbers", "", "float32", bugs=(), layer=layer, dV=dV)
    book.valid("K = 70001", "", "float32", 0, answer_by_sums, (), layer=many, dV=formula(2, 20, 30))


def loss_cases(book):
    """Logits with more digits than half precision has, and one label for two rows."""
    one = {"soft": None, "temperature": 1, "mix": 0}
    book.group("loss", "loss", "logits of 21 bits, and one label for two rows")
    z = decimals(matrix("fine", 3, 4, FULL[0]))
    more = {"soft": None, "temperature": Decimal(1), "mix": Decimal(0)}
    book.valid("logits of 21 bits", "", "float32", bugs=(), z=z, y=[0, 3, 1], **more)
    book.invalid("2 rows of logits, 1 label", "ShapeUnchecked", "float32", z=matrix("z", 2, 4), y=[0], **one)


def script_cases(book):
    """Layers side by side that differ in one thing only, and weights that change in one place only."""
    add = add_scripts(book)
    plain = reachable(4, 3, "1/2", 7)
    pairs = {
        "equal shape, seeds that differ by 2^16": (plain, {**plain, "seed": 7 + 2**16}),
        "equal shape, seeds that differ by 2^31": (plain, {**plain, "seed": 7 + 2**31}),
        "equal numbers of virtual and real weights, other shapes": (plain, reachable(2, 6, "1/2", 7)),
        "equal shape and seed, other K": (plain, reachable(4, 3, "1/3", 7)),
    }
    book.group("sequences", "script", "two layers side by side that differ in one thing only")
    for words, (one, other) in pairs.items():
        add(words, Script(words, one, other).forward(2).forward(2, 1).backward(2, 1).backward(2))
    for kind, sizes in (("chunk", (3, 4)), ("tile", (2, 3))):
        one, other = (reachable(6, 5, "1/3", 7, None, kind, size=size) for size in sizes)
        book.group(kind, "script", "two layers side by side that differ in their size only")
        add(f"sizes {sizes}", Script(kind + "sizes", one, other).forward(2).forward(2, 1).backward(2, 1))
    book.group("sequences", "script", "new weights that differ from the old ones in one place only")
    layer = reachable(8, 5, "1/2", 7)
    script = Script("t11", layer).forward(2, key=0).set_weights().forward(2, key=0).set_weights().forward(2, key=0)
    old = script.layers[0]["w"]
    script.steps[1]["w"] = [*old[:-1], -old[-1]]
    script.steps[3]["w"] = [*old[:9], -old[9], *old[10:]]
    add(f"the last of {len(old)} weights, and the tenth", script)
