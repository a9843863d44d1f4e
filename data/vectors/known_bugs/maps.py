"""Bugs of the hash and of the map: which bucket and which sign a virtual weight has."""

import struct

import xxhash
from specification import MASK, Right, le32

from .rounding import float32, signed


class ShortKey(Right):
    """Only 4 bytes of the key reach the hash (a length in elements, not bytes): rows or columns share weights."""

    def key(self, i, j, n_cols=None):
        return le32(i)


class ShortKeyColumn(ShortKey):
    name = "ShortKey"

    def key(self, i, j, n_cols=None):
        return le32(j)


class TransposedKey(Right):
    """The key holds (j, i), input first, where the specification says (i, j)."""

    def key(self, i, j, n_cols=None):
        return le32(j) + le32(i)

    def text_keys(self, kind, i, j):
        return super().text_keys(kind, *((i, j) if kind.endswith("_bias") else (j, i)))


class OneBased(Right):
    """Indices in the key count from 1 where the specification counts from 0."""

    def base(self, kind):
        return 1

    def key(self, i, j, n_cols=None):
        return le32(i + 1) + le32(j + 1)


class OneBasedMapOnly(OneBased):
    name = "OneBased"

    def derive(self, seed, n):
        return Right().derive(seed, n)


class ZeroBased(Right):
    """Indices in the key count from 0 where the kind (authors2015) counts from 1."""

    def base(self, kind):
        return 0


class BigEndianKey(Right):
    """The integers of the key are stored most significant byte first."""

    def key(self, i, j, n_cols=None):
        return struct.pack(">II", i, j)


class WideKey(Right):
    """The key is made of 64-bit integers (an int64 array's bytes): 16 bytes instead of 8."""

    def key(self, i, j, n_cols=None):
        return struct.pack("<QQ", i, j)


class FlatKey(Right):
    """The key is the flat position i * n_cols + j instead of the pair (i, j)."""

    def key(self, i, j, n_cols=None):
        return struct.pack("<Q", i * n_cols + j) if n_cols else super().key(i, j)


class FlatKey32(FlatKey):
    name = "FlatKey"

    def key(self, i, j, n_cols=None):
        return le32(i * n_cols + j) if n_cols else Right.key(self, i, j)


class Float32Index(Right):
    """Indices pass through float32, which can't tell neighbours apart beyond 2**24."""

    def key(self, i, j, n_cols=None):
        return le32(int(float32(i))) + le32(int(float32(j)))


class Float32Bucket(Right):
    name = "Float32Index"

    def split(self, x, buckets):
        return min(int(float32((x >> 1) % buckets)), buckets - 1), -1 if x & 1 else 1


class SeedIgnored(Right):
    """The seed never reaches the hash (0, or the kind's default, is used for every seed)."""

    def hash_key(self, key, seed):
        return super().hash_key(key, 0)


class SeedAsFlag(Right):
    """The seed was passed in the place of the on/off switch of the sign: seed 0 turns signs off, others are ignored."""

    def hash_key(self, key, seed):
        return super().hash_key(key, 0)

    def bucket_sign(self, m, i, j):
        bucket, sign = super().bucket_sign(m, i, j)
        return bucket, sign if m["seed"] else 1


class Hash64(Right):
    """XXH64 is used where the specification says XXH32."""

    def hash_key(self, key, seed):
        return xxhash.xxh64(key, seed=seed).intdigest() & MASK


class Hash64Whole(Hash64):
    name = "Hash64"

    def hash_key(self, key, seed):
        return xxhash.xxh64(key, seed=seed).intdigest()


class SignedHash(Right):
    """The hash is held in a signed 32-bit integer, so half of all hashes are negative before the modulo."""

    def hash_key(self, key, seed):
        return signed(super().hash_key(key, seed))


class SignedHashAbs(SignedHash):
    name = "SignedHash"

    def split(self, x, buckets):
        return abs(signed(x) >> 1) % buckets, -1 if x & 1 else 1

    def hash_key(self, key, seed):
        return Right.hash_key(self, key, seed)


class StripesSkipped(Right):
    """XXH32 of keys of 16 bytes and more lacks the 16-byte stripe loop."""

    def hash_key(self, key, seed):
        rotate = lambda x, r: ((x << r) | (x >> (32 - r))) & MASK  # noqa: E731
        p1, p2, p3, p4, p5 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1
        h, at = (seed + p5 + len(key)) & MASK, 0
        while at + 4 <= len(key):
            h = rotate((h + int.from_bytes(key[at : at + 4], "little") * p3) & MASK, 17) * p4 & MASK
            at += 4
        for byte in key[at:]:
            h = rotate((h + byte * p5) & MASK, 11) * p1 & MASK
        h = (h ^ h >> 15) * p2 & MASK
        h = (h ^ h >> 13) * p3 & MASK
        return h ^ h >> 16


class SharedBits(Right):
    """The bucket is hash mod K, so it shares bit 0 with the sign: for even K all weights of a bucket have one sign."""

    def split(self, x, buckets):
        return x % buckets, -1 if x & 1 else 1


class SignIgnored(Right):
    """No sign: every virtual weight is +w."""

    def bucket_sign(self, m, i, j):
        return super().bucket_sign(m, i, j)[0], 1


class SignFlipped(Right):
    """The sign is the other way round: +1 where the specification says -1."""

    def bucket_sign(self, m, i, j):
        bucket, sign = super().bucket_sign(m, i, j)
        return bucket, sign if m["kind"] == "keras" else -sign


class SignZeroOne(Right):
    """The sign bit is used as a factor 0 or 1 instead of +1 or -1."""

    def bucket_sign(self, m, i, j):
        bucket, sign = super().bucket_sign(m, i, j)
        return bucket, max(sign, 0)


class SignKeyShared(Right):
    """Compatibility kinds: the sign is taken from the index key's hash instead of the sign key's."""

    def text_keys(self, kind, i, j):
        index_key, sign_key = super().text_keys(kind, i, j)
        return index_key, sign_key and index_key


class LastBucket(Right):
    """The bucket is taken modulo K - 1: the last bucket is never drawn."""

    def bucket_sign(self, m, i, j):
        return super().bucket_sign({**m, "buckets": max(1, m["buckets"] - 1)}, i, j)


class OneBasedBucket(Right):
    """The bucket is one too high (1-based), the last one wrapped to 0."""

    def bucket_sign(self, m, i, j):
        bucket, sign = super().bucket_sign(m, i, j)
        return (bucket + 1) % m["buckets"], sign


class OtherKind(Right):
    """The map is of another kind than asked for."""

    instead = "authors2015"

    def bucket_sign(self, m, i, j):
        bias = "_bias" if m["kind"].endswith("_bias") and self.instead in ("authors2015", "pytorch2019") else ""
        return super().bucket_sign({**m, "kind": self.instead + bias}, i, j)


class OtherKindPytorch(OtherKind):
    name, instead = "OtherKind", "pytorch2019"


class OtherKindKeras(OtherKind):
    name, instead = "OtherKind", "keras"


class OtherKindXxhash(OtherKind):
    name, instead = "OtherKind", "xxhash"


class KeyText(Right):
    """The text of the key differs: authors2015 without its i, i+1, i+2 triples, or pytorch2019 with them."""

    def text_keys(self, kind, i, j):
        i, j = i + self.base(kind), j + self.base(kind)
        i3, j3 = f"{i}{i + 1}{i + 2}", f"{j}{j + 1}{j + 2}"
        keys = {
            "authors2015": (f"{i}_{j}idxW", f"{i}_{j}xi_W"),
            "authors2015_bias": (f"{i}_1idxB", f"{i}_1xi_B"),
            "pytorch2019": (f"{i3}_{j3}idxW", f"{i3}_{j3}xiW"),
            "pytorch2019_bias": (f"{i3}_0idxB", f"{i3}_0xiB"),
        }
        return keys.get(kind) or super().text_keys(kind, i, j)
