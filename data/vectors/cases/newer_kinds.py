"""Cases of the kinds since specification 1.1, the same for each."""

from specification import NEWER_KINDS, PIECES

from .inputs import arrays, network, reachable, values
from .sizes import add_pair

FLAGS = {  # known bugs that the larger maps are chosen for
    "fold": "FoldSeedless FoldByColumns FoldHalfUnshifted",
    "chunk": "ChunkSignEach ChunkFlat",
    "tile": "TileTransposed TileSignEach",
}


def newer_kind_cases(book):
    """Add a topic for each kind."""
    for kind in NEWER_KINDS:
        map_cases(book, kind)
        layer_cases(book, kind)


def sized(size):
    """The field of a layer or map that holds its size; kinds without a size have none."""
    return {} if size is None else {"size": size}


def map_cases(book, kind):
    book.group(kind, "bucket_sign", f"the map of {kind}, which needs the shape of V")
    near = {"i": [0, 0, 0, 1, 2, 3, 5, 8, 13, 21, 34, 39], "j": [0, 1, 49, 0, 1, 16, 31, 32, 33, 7, 48, 49]}
    for size in NEWER_KINDS[kind]:
        for buckets, seed in ((1, 7), (2, 7), (7, 0), (97, 7), (250, 2**32 - 1), (2000, 2**31)):
            big = buckets > 90 and size != 3
            book.valid(
                f"K = {buckets}, seed {seed}, size {size}",
                FLAGS.get(kind, "") if big and seed == 7 else "",
                kind=kind,
                buckets=buckets,
                seed=seed,
                n_out=40,
                n_cols=50,
                **sized(size),
                **near,
            )
    far = {"i": [0, 2**24 + 1, 2**31, 2**32 - 1, 5], "j": [2**32 - 1, 3, 2**31 + 1, 2**32 - 1, 2**24 + 1]}
    for buckets in (98, 2**31 - 1):
        book.valid(
            f"far indices, K = {buckets}",
            "",
            kind=kind,
            buckets=buckets,
            seed=3,
            n_out=2**32,
            n_cols=2**32,
            **sized(NEWER_KINDS[kind][0]),
            **far,
        )
    size = sized(NEWER_KINDS[kind][0])
    good = {"kind": kind, "buckets": 9, "seed": 7, "n_out": 4, "n_cols": 5, **size, "i": [0], "j": [0]}
    for change in ({"buckets": 0}, {"seed": 2**32}, {"i": [4]}, {"j": [5]}, *([{"size": 0}] if kind in PIECES else [])):
        book.invalid(f"{change} does not fit", "RangeUnchecked", **{**good, **change})


def layer_cases(book, kind):
    more = [sized(size) for size in NEWER_KINDS[kind]]
    layers = [
        reachable(5, 4, "1/3", 7, None, kind, **more[0]),
        reachable(6, 6, "1", 3, None, kind, **more[-1]),
        reachable(9, 7, "1/2", 5, "column", kind, **more[-1]),
        reachable(4, 9, "1/4", 2**31, "hashed", kind, **more[-1]),
        reachable(5, 8, "1/4", 1, "dense", kind, **more[0]),
    ]
    book.group(kind, "gather", f"the matrix V of {kind}")
    for layer in layers[:2]:
        book.valid(
            f"{layer['n_out']} x {layer['n_in']}, K = {layer['buckets']}",
            "",
            "float32",
            layer=layer,
            w=values(kind, layer["buckets"]),
        )
    book.group(kind, "forward", f"forward of {kind}")
    for layer in layers:
        book.valid(f"bias {layer['bias']}", "", "float32", **arrays(layer, kind, 2, "float32"))
    book.group(kind, "backward", f"gradients of {kind}")
    for layer in layers:
        book.valid(f"bias {layer['bias']}", "", "float32", **arrays(layer, kind, 3, "float32", True))
    book.group(kind, "network", f"two layers of {kind}, seeds derived")
    x = network(kind, 1, [4, 4, 4], [5, 5], ["hashed", None], 2, [kind, kind])
    x["layers"] = [{**layer, **more[0], "compression": None} for layer in x["layers"]]
    book.valid("equal shapes, two maps", "SharedLayerHash", "float32", 2e-6, **x)
    large = reachable(130, 70, "1/8", 9, None, kind, **more[0])
    column = reachable(65, 140, "1/16", 9, "column", kind, **more[-1])
    add_pair(book, kind, [(large, 20, "float32"), (column, 33, "float64")])
