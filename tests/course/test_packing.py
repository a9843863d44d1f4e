"""Lesson 11's bytes: what was packed comes back, and no byte is forgotten in the count."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import hashnets_np as hn
from hashnets_np.course import packing

DIGITS = hn.load_dataset("digits")


def make(kind):
    """Make a small network of a kind."""
    method = "hashnet" if kind == "hashed" else "nn"
    net = hn.build(method, [64, 20, 10], compression="1/8" if kind == "hashed" else "1", seed=3)
    for layer in net.layers:
        if "b" in layer.params:
            layer.params["b"] += 0.1 * np.arange(len(layer.params["b"]), dtype=np.float32)
    return packing.prune(net, 40) if kind == "pruned" else net


def rounded_by_hand(net, bits):
    """The weights that should come back, computed without packing."""
    if bits == 32:
        return [w for _, w in net.parameters()]
    arrays = []
    for layer in net.layers:
        for name, w in layer.params.items():
            stored = w if name == "b" or not hasattr(layer, "mask") else w[layer.mask]
            scale, codes = packing.round_to(stored.ravel(), bits)
            copy = np.zeros_like(w)
            copy[layer.mask if stored.size < w.size else np.ones(w.shape, bool)] = np.float32(scale) * codes
            arrays.append(copy)
    return arrays


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("bits", [32, 8, 4, 3])
@pytest.mark.parametrize("kind", ["dense", "hashed", "pruned"])
def test_a_network_comes_back_from_its_bytes_alone(kind, bits, coded):
    net = make(kind)
    data = packing.pack(net, bits, coded)
    again = packing.unpack(data)
    for (_, w), expected in zip(again.parameters(), rounded_by_hand(net, bits), strict=True):
        assert np.array_equal(w, expected)
    if bits == 32:
        assert np.array_equal(hn.predict(again, DIGITS.x_test), hn.predict(net, DIGITS.x_test))
        assert kind == "pruned" or packing.pack(again, bits, coded) == data


@pytest.mark.parametrize("kind", ["dense", "hashed", "pruned"])
def test_the_size_is_that_of_the_weights_and_a_small_head(kind):
    net = make(kind)
    count = net.num_parameters() if kind != "pruned" else 40 + 30
    places = sum(len(packing.places_and_gaps(one.mask.ravel())[0]) for one in net.layers if hasattr(one, "mask"))
    for bits in (32, 8, 4):
        stored = count - 40 + places if places else count
        least = stored * bits / 8 + places
        size = len(packing.pack(net, bits))
        assert least <= size <= least + 64


def test_coding_never_grows_and_comes_near_shannons_bound():
    net = make("dense")
    for bits in (8, 4):
        plain, coded = (len(packing.pack(net, bits, coded)) for coded in (False, True))
        assert packing.least_bytes(net, bits) < coded < plain
    assert coded < 1.25 * packing.least_bytes(net, 4) + 80


def test_a_byte_too_many_is_an_error():
    with pytest.raises(ValueError, match="belong to the network"):
        packing.unpack(packing.pack(make("hashed")) + b"x")


def test_a_map_that_could_not_be_read_back_is_refused():
    with pytest.raises(ValueError, match="pack knows the map xxhash"):
        packing.pack(hn.Network([hn.HashedLinear(8, 4, "1/4", seed=1, kind="fold")]))


def test_pruning_keeps_the_largest_weights_and_training_leaves_the_others_at_0():
    net = make("dense")
    before = np.concatenate([np.abs(layer.params["w"]).ravel() for layer in net.layers if layer.params])
    pruned = packing.prune(net, 100)
    hn.fit(pruned, DIGITS, 1, optimizer=hn.SGD(0.03))
    masks = np.concatenate([layer.mask.ravel() for layer in pruned.layers if layer.params])
    weights = np.concatenate([layer.params["w"].ravel() for layer in pruned.layers if layer.params])
    assert masks.sum() == 100 and not weights[~masks].any() and before[masks].min() >= before[~masks].max()


@given(st.lists(st.integers(0, 700), min_size=1, max_size=30, unique=True))
def test_places_come_back_from_gaps_of_one_byte(places):
    mask = np.zeros(701, bool)
    mask[places] = True
    stored, gaps = packing.places_and_gaps(mask)
    assert gaps.max() <= 255 and np.array_equal(np.cumsum(gaps), stored)
    assert set(places) <= set(stored.tolist())


@given(st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=40), st.integers(2, 8))
@example([0.0, 2**-149], 3)
def test_rounding_is_at_least_as_good_as_the_scale_of_the_largest(values, bits):
    w = np.array(values, np.float32)
    scale, codes = packing.round_to(w, bits)
    most = 2 ** (bits - 1) - 1
    simple = float(np.abs(w).max()) / most or 1.0  # a float64, which may be smaller than any float32
    assert np.abs(codes).max() <= most
    wide = w.astype(np.float64)  # in float32 so small a scale would be 0
    error = np.sum((wide - simple * np.clip(np.rint(wide / simple), -most, most)) ** 2)
    assert np.sum((w - scale * codes) ** 2) <= error * (1 + 1e-4) + 1e-9


def test_the_record_of_lesson_11_is_complete_and_counts_bytes_as_pack_does():
    path = Path(__file__).parents[2] / "notebooks" / "recorded" / "11_bytes.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    cells = {(row["family"], row["size"], row["bits"]) for row in rows}
    assert len(rows) == 5 * len(cells) == 5 * 3 * (1 + 5 + 5 + 6)
    for row in rows:
        if row["family"] != "pruned" and row["seed"] == 0:  # uncoded, the number of bytes does not depend on training
            method = "hashnet" if row["family"] == "hashed" else "nn"
            net = hn.build(method, [64, 256, 10], compression=row["size"], seed=0)
            assert len(packing.pack(net, row["bits"])) == row["bytes"]
        assert row["coded"] <= row["bytes"] and (row["least"] is None or row["least"] < row["coded"])
