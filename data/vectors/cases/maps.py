"""Cases of the hash, of bucket and sign, of bucket counts and of seeds."""

from specification import MASK

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
        ("0.07", 20, 100, "hashed", "CompressionFloat"),
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
