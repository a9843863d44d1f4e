"""Networks of lesson 11 in as few bytes as they need: rounded, pruned, hashed, entropy-coded, and read back.

`pack` writes a network into bytes, `unpack` makes the network again from these bytes alone; what the lesson measures is
the network that was read back. Three kinds: dense, pruned (a dense layer of which few weights are left; how far each is
from the one before is stored too) and hashed (real weights and the seed of the map). Rounding: 32 bits are the float32
numbers, fewer bits are whole numbers with one scale for each array. Not covered here: speed, and training on after
rounding.
"""

import bz2
import struct
import zlib
from collections.abc import Callable
from itertools import pairwise

try:
    import lzma
except ImportError:  # Python in a browser comes without it
    lzma = None  # type: ignore[assignment]

import numpy as np

from ..layers import HashedLinear, Layer, Linear, ReLU
from ..network import Network
from ..types import BoolArray, FloatArray, IntArray

KINDS: tuple[type[Layer], ...] = (Linear, HashedLinear)  # a pruned layer is number 2
LARGEST_GAP = 255  # one byte; a longer way gets weights of 0 on it
SCALES = np.linspace(0.3, 1.0, 29)  # of the largest weight: what the largest code may stand for


class PrunedLinear(Linear):
    """A dense layer whose weights outside the mask are 0 and stay 0 in training."""

    def __init__(self, w: FloatArray, b: FloatArray, mask: BoolArray) -> None:
        super().__init__(w.shape[1], w.shape[0], seed=0)
        self.mask = mask
        self.params = {"w": w * mask, "b": b.copy()}

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """As in a dense layer; weights that were taken out have no gradient."""
        da = super().backward(dz, input_grad)
        self.grads["w"] = self.grads["w"] * self.mask
        return da


def prune(net: Network, kept: int) -> Network:
    """Keep the `kept` largest weights of all dense layers together, and all biases; the network stays as it is."""
    sizes = np.concatenate([np.abs(layer.params["w"]).ravel() for layer in net.layers if layer.params])
    least = np.sort(sizes)[-kept]
    return Network([
        PrunedLinear(layer.params["w"], layer.params["b"], np.abs(layer.params["w"]) >= least)
        if layer.params else ReLU() for layer in net.layers
    ])


def round_to(w: FloatArray, bits: int) -> tuple[float, IntArray]:
    """Round to scale * code, with whole codes of so many bits; of some scales, the one with the least squared error.

    >>> scale, codes = round_to(np.array([-1.0, 0.2, 0.7], np.float32), bits=4)
    >>> codes.tolist(), round(scale, 3)
    ([-7, 1, 5], 0.143)
    """
    most = 2 ** (bits - 1) - 1
    largest = float(np.abs(w).max(initial=0.0)) or 1.0
    best = (np.inf, 1.0, np.zeros(w.shape, int))
    for share in SCALES:
        scale = float(np.float32(share * largest / most)) or 1.0  # weights may be too small for a float32 scale
        codes = np.clip(np.rint(w / scale), -most, most).astype(int)
        best = min(best, (float(np.sum((w - scale * codes) ** 2)), scale, codes), key=lambda one: one[0])
    return best[1], best[2]


def entropy_bytes(codes: IntArray) -> float:
    """Shannon's bound: bytes that a coder needs at least, if it knows how often each code occurs, and nothing else.

    >>> entropy_bytes(np.array([0, 0, 1, 1, 2, 2, 3, 3]))  # two bits each
    2.0
    """
    counts = np.unique(codes, return_counts=True)[1]
    return float(-(counts * np.log2(counts / codes.size)).sum() / 8)


def huffman(data: bytes) -> bytes:
    """Give frequent bytes short codes and do nothing else: zlib without its search for repetitions."""
    coder = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_HUFFMAN_ONLY)
    return coder.compress(data) + coder.flush()


def zipped(data: bytes) -> bytes:
    """Compress with zlib as it is meant to be used, without its header and its checksum."""
    coder = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    return coder.compress(data) + coder.flush()


def lzma_filters() -> list[dict]:
    """Ask for lzma without its header; "lc": the byte before says nothing about a weight."""
    return [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "pb": 0}]


CODERS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "none": (bytes, bytes),
    "huffman": (huffman, lambda data: zlib.decompress(data, -15)),
    "zlib": (zipped, lambda data: zlib.decompress(data, -15)),
    "bz2": (bz2.compress, bz2.decompress),
}
if lzma is not None:
    CODERS["lzma"] = (lambda data: lzma.compress(data, lzma.FORMAT_RAW, filters=lzma_filters()),
                      lambda data: lzma.decompress(data, lzma.FORMAT_RAW, filters=lzma_filters()))


def squeeze(data: bytes, coded: bool) -> tuple[int, bytes]:
    """Compress with the coder that needs the fewest bytes, or not at all; return its number and the bytes."""
    tries = [encode(data) if coded or name == "none" else None for name, (encode, _) in CODERS.items()]
    return min(((n, packed) for n, packed in enumerate(tries) if packed is not None), key=lambda one: len(one[1]))


class Writer:
    """Bytes that grow, one piece after the other."""

    def __init__(self, coded: bool) -> None:
        self.data = b""
        self.coded = coded

    def piece(self, data: bytes, layout: int = 0) -> None:
        """Append a piece: how it is laid out and coded (1 byte), its length (4), and itself."""
        coder, packed = squeeze(data, self.coded)
        self.data += struct.pack("<BI", layout << 4 | coder, len(packed)) + packed

    def numbers(self, w: FloatArray, bits: int) -> None:
        """Append numbers: float32, or a scale and codes, one in a byte or two."""
        if bits == 32:
            # the first bytes of all numbers, then the second ...: the exponents, which repeat, stand together
            planes = np.frombuffer(w.astype("<f4").tobytes(), np.uint8).reshape(-1, 4).T.tobytes()
            return self.piece(planes if self.coded else w.astype("<f4").tobytes(), layout=2 + self.coded)
        scale, codes = round_to(w, bits)
        self.data += struct.pack("<f", scale)
        bytes_of_codes = (codes + 128).astype(np.uint8)
        in_pairs = bytes_of_codes[: len(codes) // 2 * 2].reshape(-1, 2) & 15
        two_in_one = (in_pairs[:, 0] << 4 | in_pairs[:, 1]).tobytes() + bytes_of_codes[len(in_pairs) * 2 :].tobytes()
        ways = [(0, bytes_of_codes.tobytes())] + ([(1, two_in_one)] if bits <= 4 else [])
        layout, data = min(ways, key=lambda way: len(squeeze(way[1], self.coded)[1]))
        self.piece(data, layout)


class Reader:
    """Reads what a `Writer` wrote."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def fields(self, form: str) -> tuple:
        """Read numbers of fixed size."""
        values = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return values

    def piece(self) -> tuple[int, bytes]:
        """Read a piece: its layout and its bytes."""
        kind, length = self.fields("<BI")
        packed = self.data[self.at : self.at + length]
        self.at += length
        return kind >> 4, list(CODERS.values())[kind & 15][1](packed)

    def numbers(self, count: int, bits: int) -> FloatArray:
        """Read so many numbers."""
        scale = self.fields("<f")[0] if bits < 32 else 1.0
        layout, data = self.piece()
        raw = np.frombuffer(data, np.uint8)
        if layout >= 2:
            numbers = raw.reshape(4, -1).T.tobytes() if layout == 3 else data
            return np.frombuffer(numbers, "<f4").astype(np.float32)
        if layout == 1:
            pairs = raw[: count // 2]
            low_bits = np.stack([pairs >> 4, pairs & 15], axis=1).ravel().astype(int)
            codes = np.append((low_bits + 8) % 16 - 8, raw[count // 2 :].astype(int) - 128)
        else:
            codes = raw.astype(int) - 128
        return np.float32(scale) * codes.astype(np.float32)


def places_and_gaps(mask: BoolArray) -> tuple[IntArray, IntArray]:
    """Find the places that a pruned layer stores, and their distances; a way above 255 gets weights of 0 on it.

    >>> places_and_gaps(np.array([False, True] + 300 * [False] + [True]))
    (array([  1, 256, 302]), array([  1, 255,  46]))
    """
    places: list[int] = []
    before = 0
    for place in np.flatnonzero(mask).tolist():
        while place - before > LARGEST_GAP:
            before += LARGEST_GAP
            places.append(before)
        places.append(place)
        before = place
    return np.array(places, dtype=int), np.diff(np.array(places, dtype=int), prepend=0)


def pack(net: Network, bits: int = 32, coded: bool = False) -> bytes:
    """Write a network of dense, pruned or hashed layers with ReLUs between them into bytes.

    bits: 32, or 2 to 8 for each weight and bias. coded: compress each array with the best of the standard library's
    coders.
    """
    layers = [layer for layer in net.layers if layer.params]
    out = Writer(coded)
    out.data += struct.pack(f"<BB{len(layers) + 1}H", len(layers), bits, layers[0].n_in, *(one.n_out for one in layers))
    for layer in layers:
        if isinstance(layer, HashedLinear):
            if layer.map.kind != "xxhash" or layer.bias != "column":
                raise ValueError(f"pack knows the map xxhash with a bias column, got {layer}; others have no byte")
            out.data += struct.pack("<BIH", 1, layer.map.seed, layer.map.buckets)
            out.numbers(layer.params["w"], bits)
        elif isinstance(layer, PrunedLinear):
            places, gaps = places_and_gaps(layer.mask.ravel())
            out.data += struct.pack("<BH", 2, len(places))
            out.piece(gaps.astype(np.uint8).tobytes())
            out.numbers(layer.params["w"].ravel()[places], bits)
            out.numbers(layer.params["b"], bits)
        else:
            out.data += struct.pack("<B", 0)
            out.numbers(layer.params["w"].ravel(), bits)
            out.numbers(layer.params["b"], bits)
    return out.data


def unpack(data: bytes) -> Network:
    """Make the network again that `pack` wrote, from its bytes alone."""
    reader = Reader(data)
    count, bits = reader.fields("<BB")
    widths = reader.fields(f"<{count + 1}H")
    layers: list[Layer] = []
    for n_in, n_out in pairwise(widths):
        layers += [read_layer(reader, n_in, n_out, bits), ReLU()]
    if reader.at != len(data):
        raise ValueError(f"{len(data)} bytes came, {reader.at} belong to the network")
    return Network(layers[:-1])


def read_layer(reader: Reader, n_in: int, n_out: int, bits: int) -> Layer:
    """Read one layer."""
    (kind,) = reader.fields("<B")
    if kind == 1:
        seed, buckets = reader.fields("<IH")
        hashed = HashedLinear(n_in, n_out, buckets=buckets, seed=seed)
        hashed.params["w"] = reader.numbers(buckets, bits)
        return hashed
    dense = Linear(n_in, n_out, seed=0)
    if kind == 2:
        (stored,) = reader.fields("<H")
        gaps = np.frombuffer(reader.piece()[1], np.uint8).astype(int)
        w = np.zeros(n_in * n_out, np.float32)
        w[np.cumsum(gaps)] = reader.numbers(stored, bits)
    else:
        w = reader.numbers(n_in * n_out, bits)
    dense.params = {"w": w.reshape(n_out, n_in), "b": reader.numbers(n_out, bits)}
    return dense


def least_bytes(net: Network, bits: int) -> float:
    """Shannon's bound for what `pack` stores of the weights (and places): the sum over the arrays; bits below 32."""
    total = 0.0
    for layer in net.layers:
        for name, w in layer.params.items():
            stored = w.ravel()
            if name == "w" and isinstance(layer, PrunedLinear):
                places, gaps = places_and_gaps(layer.mask.ravel())
                stored = stored[places]
                total += entropy_bytes(gaps)
            total += entropy_bytes(round_to(stored, bits)[1])
    return total
