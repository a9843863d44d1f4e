"""Model files: what is saved comes back, the same bytes each time, and no file does harm whatever it claims."""

import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np import files
from hashnets_np.experiments.methods import build
from hashnets_np.files import DTYPES, Entry, pack
from hashnets_np.layers import LAYERS


def small_net(seed=0, c="1/8", **arguments):
    layers = [hn.HashedLinear(64, 30, c, seed=hn.derive_seed(seed, 0), **arguments), hn.ReLU(),
              hn.Dropout(0.1, seed=seed)]
    return hn.Network([*layers, hn.HashedLinear(30, 10, c, seed=hn.derive_seed(seed, 1), **arguments)])


@pytest.mark.parametrize("bias", ["column", "hashed", "dense", None])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_saved_network_comes_back_in_the_size_of_its_real_weights(tmp_path, bias, dtype):
    net = small_net(bias=bias, dtype=dtype)
    path = tmp_path / "net.safetensors"
    hn.save(net, path)
    assert path.stat().st_size <= np.dtype(dtype).itemsize * net.num_parameters() + 4096
    again = hn.load(path)
    x = hn.load_dataset("digits").x_test.astype(dtype)
    np.testing.assert_array_equal(again.forward(x), net.forward(x))
    assert [layer.config() for layer in again.layers] == [layer.config() for layer in net.layers]
    assert os.listdir(tmp_path) == ["net.safetensors"]
    hn.fit(again, hn.load_dataset("digits"), epochs=1)  # what was loaded can be trained on


def rewritten(path, change):
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = change(raw[8 : 8 + length].decode()).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + raw[8 + length :])


def in_layers(*layers):
    def change(header):
        whole = json.loads(header)
        whole["__metadata__"]["layers"] = json.dumps(layers)
        return json.dumps(whole)
    return change


def test_damaged_foreign_and_future_files_get_one_clear_line(tmp_path):
    path = tmp_path / "net.safetensors"
    hn.save(small_net(), path)
    good = path.read_bytes()
    cases = [
        (lambda: path.write_bytes(good[:-10]), "is not a complete safetensors file"),
        (lambda: path.write_bytes(b""), "is not a complete safetensors file"),
        (lambda: path.write_bytes(b"PK\x03\x04 not a model"), "is not a complete safetensors file"),
        (lambda: rewritten(path, lambda h: h.replace('"format":"hashnets_np"', '"format":"pt"')), "not one that"),
        (lambda: rewritten(path, lambda h: h.replace('"version":"1"', '"version":"99"')), "version 99.*upgrade"),
        (lambda: rewritten(path, lambda h: h.replace("HashedLinear", "Conv")), "unknown layer type 'Conv'"),
        (lambda: rewritten(path, lambda h: h.replace('\\"n_in\\":64', '\\"n_in\\":-1')), "cannot be made"),
        (lambda: rewritten(path, lambda h: h.replace('\\"buckets\\":244', '\\"buckets\\":100')), "float32 .100,.$"),
        (lambda: rewritten(path, lambda h: h.replace('"layers":"', '"layers":"' + "[" * 10**5)), "cannot be made"),
    ]
    for damage, message in cases:
        path.write_bytes(good)
        damage()
        assert path.read_bytes() != good
        with pytest.raises(ValueError, match=message) as error:
            hn.load(path)
        assert "\n" not in str(error.value)
    with pytest.raises(FileNotFoundError, match="no model file at"):
        hn.load(tmp_path / "missing")


def test_an_unfinished_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "net.safetensors"
    hn.save(small_net(), path)
    good = path.read_bytes()

    def crash(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(OSError, match="disk full"):
        hn.save(small_net(seed=1), path)
    assert path.read_bytes() == good and os.listdir(tmp_path) == ["net.safetensors"]


@pytest.mark.parametrize("m", [hn.SharingMap.from_table([[0, 1]], buckets=2), hn.SharingMap(1, 2, buckets=2, seed=5)])
def test_a_layer_whose_map_was_replaced_is_refused_by_model_files(tmp_path, m):
    layer = hn.HashedLinear(2, 1, buckets=2, bias=None, seed=4)
    layer.map = m
    with pytest.raises(ValueError, match="map was replaced"):
        hn.save(hn.Network([layer]), tmp_path / "net.safetensors")
    assert os.listdir(tmp_path) == []


def test_sizes_that_are_numpy_integers_can_be_saved(tmp_path):
    hidden, classes = np.array([5, 3])
    net = hn.Network([hn.HashedLinear(4, hidden, "1/2"), hn.Dropout(np.float32(0.5)), hn.Linear(hidden, classes)])
    hn.save(net, tmp_path / "net.safetensors")
    assert [layer.config() for layer in hn.load(tmp_path / "net.safetensors").layers] == [
        layer.config() for layer in net.layers]


def test_a_network_in_another_dtype_says_so_in_its_file(tmp_path):
    hn.save(small_net().astype(np.float64), tmp_path / "net.safetensors")
    first = hn.load(tmp_path / "net.safetensors").layers[0]
    assert first.params["w"].dtype == np.float64 and first.config()["dtype"] == "float64"


def test_weights_that_contradict_their_layer_are_not_saved(tmp_path):
    for change, what in [(lambda w: w.astype(np.int32), "int32"), (lambda w: w.astype(np.float64), "float64"),
                         (lambda w: w[:-1], "float32 .243,.")]:
        net = small_net()
        net.layers[0].params["w"] = change(net.layers[0].params["w"])
        with pytest.raises(ValueError, match=rf"parameter 0.w is {what}.*its layer expects float32 \(244,\)"):
            hn.save(net, tmp_path / "net.safetensors")
    assert os.listdir(tmp_path) == []


def test_weights_in_any_layout_are_saved_as_they_are(tmp_path):
    layer = hn.Linear(3, 4)
    layer.params["w"] = np.asfortranarray(layer.params["w"])
    hn.save(hn.Network([layer]), tmp_path / "net.safetensors")
    np.testing.assert_array_equal(hn.load(tmp_path / "net.safetensors").layers[0].params["w"], layer.params["w"])


def crafted(path, layers, arrays, **more):
    """Write a file of layers and arrays as they are given, whether they agree or not."""
    header, blocks, start = {}, [], 0
    for name, array in arrays.items():
        code = {"float32": "F32", "float64": "F64", "int32": "I32"}[array.dtype.name]
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [start, start + array.nbytes]}
        blocks.append(array.tobytes())
        start += array.nbytes
    text = layers if isinstance(layers, str) else json.dumps(layers)
    header["__metadata__"] = {"format": "hashnets_np", "version": "1", "layers": text}
    raw = json.dumps(header | more).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + b"".join(blocks))


LINEAR = {"type": "Linear", "n_in": 2, "n_out": 3, "seed": 0, "bias": False, "dtype": "float32", "init": "he"}
W = {"0.w": np.zeros((3, 2), np.float32)}


def test_a_crafted_file_that_agrees_with_itself_is_read(tmp_path):
    crafted(tmp_path / "m", [LINEAR], W)
    assert hn.load(tmp_path / "m").layers[0].config() == {k: v for k, v in LINEAR.items() if k != "type"}


@pytest.mark.parametrize(("layers", "arrays", "message"), [
    ([LINEAR | {"dtype": "float64"}], W, r"0.w of the file is float32 \(3, 2\), but its layers need float64"),
    ([LINEAR], {"0.w": np.zeros((3, 2))}, "is float64 .*need float32"),
    ([LINEAR], {"0.w": np.zeros((3, 2), np.int32)}, "float32 or float64 arrays .*dtype 'I32'"),
    ([LINEAR], {"0.w": np.zeros((2, 3), np.float32)}, r"\(2, 3\), but its layers need float32 \(3, 2\)"),
    ([LINEAR], {}, r"0.w of the file is absent"),
    ([LINEAR], W | {"1.w": np.zeros(1, np.float32)}, "1.w .*need absent"),
    ([LINEAR | {"rng": 3}], W, "no argument 'rng'"),
    ([{"type": "HashedLinear", "n_in": 2, "n_out": 3, "buckets": 6, "bias": None, "dtype": "float32",
       "bias_buckets": None, "compression": None}], {"0.w": np.zeros(6, np.float32)}, "no argument 'compression'"),
    ([LINEAR | {"colour": "red"}], W, "no argument 'colour'; was the file written by a newer release"),
    ([{k: v for k, v in LINEAR.items() if k != "n_in"}], W, "lacks 'n_in'"),
    ([LINEAR | {"n_in": "2" * 200}], W, "plain arguments"),
    ([LINEAR | {"dtype": {"a": 1}}], W, "plain arguments"),
    ([LINEAR | {"type": ["Linear"]}], W, "plain arguments"),
    ([[LINEAR]], W, "plain arguments"),
    (LINEAR, W, "should list its layers"),
    ("null", W, "should list its layers"),
    ("[" * 10**5, W, "cannot be made"),
    ([LINEAR | {"n_in": 2.0}], W, "n_in must be an integer"),
    ([LINEAR | {"init": "xavier"}], W, "init must be"),
])
def test_a_file_that_contradicts_itself_is_one_line(tmp_path, layers, arrays, message):
    crafted(tmp_path / "m", layers, arrays)
    with pytest.raises(ValueError, match=message) as error:
        hn.load(tmp_path / "m")
    assert "\n" not in str(error.value) and len(str(error.value)) < 800


def entry(shape=(3, 2), offsets=(0, 24), dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize("more", [
    {"0.w": entry(shape=(3, 3))}, {"0.w": entry(shape=(-3, -2))}, {"0.w": entry(shape=(3, 2.0))},
    {"0.w": entry(shape=(3, True))}, {"0.w": entry(shape=[1] * 10**5)}, {"0.w": entry(shape=None)},
    {"0.w": entry(offsets=(0,))}, {"0.w": entry(offsets=(4, 28))}, {"0.w": entry(offsets=(24, 0))},
    {"0.w": entry(offsets=(0, 10**400))}, {"0.w": entry(dtype="BF16")}, {"0.w": entry(dtype=["F32"])}, {"0.w": 7},
    {"0.v": entry()}, {"0.w": {}}, {"__metadata__": 5}, {"__metadata__": {"format": 3}}, {"__metadata__": None},
    {"0.b": entry(shape=(0,), offsets=(7, 7))},
])
def test_no_header_is_believed(tmp_path, more):
    crafted(tmp_path / "m", [LINEAR], W, **more)
    with pytest.raises(ValueError, match="is not a complete safetensors file"):
        hn.load(tmp_path / "m")


@pytest.mark.parametrize("header", [b"[]", b"null", b"7", b'"w"', b"{", b"\xff\xfe", b"[" * 10**5, b"{" * 10**5,
                                    b'{"a":{},"a":{}}', b'{"__metadata__":{"format":"a","format":"hashnets_np"}}'])
def test_a_header_that_is_not_a_table_of_arrays_is_one_line(tmp_path, header):
    for length in (len(header), len(header) + 1, 2**63):
        (tmp_path / "m").write_bytes(struct.pack("<Q", length) + header)
        with pytest.raises(ValueError, match="is not a complete safetensors file") as error:
            hn.load(tmp_path / "m")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("layer", [
    {"type": "HashedLinear", "n_in": 1, "n_out": 1, "buckets": 2**31 - 1, "bias": None, "dtype": "float32"},
    {"type": "HashedLinear", "n_in": 1, "n_out": 2**32, "buckets": 1, "bias": "dense", "dtype": "float32"},
    LINEAR | {"n_in": 2**20, "n_out": 2**13}, LINEAR | {"n_in": 10**13},
    {"type": "MaskedLinear", "n_in": 10**9, "n_out": 1, "survivors": 10**8, "seed": 0, "dtype": "float32"},
    {"type": "LowRankLinear", "n_in": 10**9, "n_out": 1, "rank": 1, "seed": 0, "dtype": "float32"},
])
def test_a_small_file_takes_little_memory_whatever_it_asks_for(tmp_path, layer):
    crafted(tmp_path / "m", [layer], {"0.w": np.zeros(1, np.float32)})
    tracemalloc.start()
    with pytest.raises(ValueError, match="cannot be made"):
        hn.load(tmp_path / "m")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2**20


@pytest.mark.parametrize("change", [{"seed": None}, {}])
def test_a_hashed_layer_whose_seed_is_missing_is_refused(tmp_path, change):
    # a seed of this process would give the right weights to the wrong virtual ones
    net = hn.Network([hn.HashedLinear(3, 4, "1/2", seed=7)])
    config = net.layers[0].config()
    del config["seed"]
    metadata = {"format": "hashnets_np", "version": "1",
                "layers": json.dumps([{"type": "HashedLinear", **config, **change}])}
    (tmp_path / "net").write_bytes(pack(dict(net.parameters()), metadata))
    with pytest.raises(ValueError, match="HashedLinear lacks its seed"):
        hn.load(tmp_path / "net")


@pytest.mark.parametrize(("layer", "argument"), [
    (hn.HashedLinear(6, 5, buckets=10, bias=None, kind="fold"), "kind"),
    (hn.HashedLinear(6, 5, buckets=10, bias=None, kind="chunk", size=3), "size"),
    (hn.HashedLinear(6, 5, buckets=10, bias=None, init="uniform"), "init"), (hn.Linear(6, 5), "init"),
])
def test_a_layer_that_lacks_an_argument_is_refused(tmp_path, layer, argument):
    # the default in its place would be another network
    net = hn.Network([layer], seed=7)
    hn.save(net, tmp_path / "net")
    assert hn.load(tmp_path / "net").layers[0].config() == layer.config()
    config = {name: value for name, value in layer.config().items() if name != argument}
    crafted(tmp_path / "net", [{"type": type(layer).__name__, **config}], dict(net.parameters()))
    with pytest.raises(ValueError, match=f"Linear lacks its {argument}, and the default may be another one"):
        hn.load(tmp_path / "net")


def test_a_class_of_ones_own_that_takes_one_more_argument_reads_older_files_if_it_says_so(tmp_path, monkeypatch):
    class Grown(hn.Layer):
        def __init__(self, scale=1.0):
            super().__init__(scale=scale)

    monkeypatch.setitem(LAYERS, "Grown", Grown)
    crafted(tmp_path / "net", [{"type": "Grown"}], {})
    with pytest.raises(ValueError, match=r"lacks its scale, .* for older files, name scale in left_out_of_config"):
        hn.load(tmp_path / "net")
    monkeypatch.setattr(Grown, "left_out_of_config", ("scale",))
    assert hn.load(tmp_path / "net").layers[0].config() == {"scale": 1.0}


def test_a_layer_that_lacks_what_goes_without_saying_is_read(tmp_path):
    net = hn.Network([hn.HashedLinear(6, 5, buckets=10, seed=7)])
    assert not {"size", "signed", "compression"} & net.layers[0].config().keys()
    crafted(tmp_path / "net", [{"type": "HashedLinear", **net.layers[0].config()}], dict(net.parameters()))
    assert hn.load(tmp_path / "net").layers[0].map == net.layers[0].map


def test_a_layer_with_two_seeds_is_refused(tmp_path):
    net = hn.Network([hn.HashedLinear(6, 5, buckets=10, seed=7)])
    layers = json.dumps([{"type": "HashedLinear", **net.layers[0].config()}])
    layers = layers.replace('"seed": 7', '"seed": 7, "seed": 8')
    metadata = {"format": "hashnets_np", "version": "1", "layers": layers}
    (tmp_path / "net").write_bytes(pack(dict(net.parameters()), metadata))
    with pytest.raises(ValueError, match="a name appears twice"):
        hn.load(tmp_path / "net")


def test_a_parameter_that_is_a_list_is_not_saved(tmp_path):
    net = hn.Network([hn.Linear(2, 1)])
    net.layers[0].params = {"w": [[1.0, 2.0]], "b": [0.0]}
    with pytest.raises(ValueError, match=r"parameter 0\.w is of type list, expected a float32 or float64 array"):
        hn.save(net, tmp_path / "net")


def test_what_is_not_a_file_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="a folder has that name"):
        hn.load(tmp_path)
    (tmp_path / "page").write_text("<html>404 not found</html>")
    with pytest.raises(ValueError, match=r"as it begins with b'<html>40'\); was it written by hashnets_np\.save\?$"):
        hn.load(tmp_path / "page")


@pytest.mark.parametrize(("layer", "arrays"), [
    ({"type": "MaskedLinear", "survivors": 1}, {"0.w": np.zeros(1, np.float32), "0.b": np.zeros(1, np.float32)}),
    ({"type": "LowRankLinear", "rank": 1}, {"0.u": np.zeros((1, 1), np.float32), "0.b": np.zeros(1, np.float32)}),
])
def test_a_layer_that_computes_far_more_than_it_stores_is_refused(tmp_path, layer, arrays):
    crafted(tmp_path / "m", [layer | {"n_in": 10**9, "n_out": 1, "seed": 0, "dtype": "float32"}], arrays)
    with pytest.raises(ValueError, match="would compute 1000000000 numbers from 2 stored ones"):
        hn.load(tmp_path / "m")


@pytest.mark.parametrize("method", ["hashnet", "nn", "rer", "lrd"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_official_library_reads_what_is_saved_and_writes_what_is_read(tmp_path, method, dtype):
    official = pytest.importorskip("safetensors.numpy")
    from safetensors import safe_open

    net = build(method, [64, 30, 10], compression="1/4", seed=1, dtype=dtype)
    hn.save(net, tmp_path / "ours")
    with safe_open(tmp_path / "ours", "np") as file:
        metadata = file.metadata()
    weights = official.load_file(tmp_path / "ours")
    assert weights.keys() == dict(net.parameters()).keys()
    for name, p in net.parameters():
        np.testing.assert_array_equal(weights[name], p)
        assert weights[name].dtype == p.dtype
    (tmp_path / "theirs").write_bytes(official.save(weights, metadata))
    for again in (hn.load(tmp_path / "theirs"), hn.load(tmp_path / "ours")):
        for (_, p), (_, q) in zip(net.parameters(), again.parameters(), strict=True):
            np.testing.assert_array_equal(p, q)


TRAIN_AND_SAVE = """
import sys, hashnets_np as hn
net = hn.build("hashnet", [64, 100, 10], compression="1/8", seed=3)
hn.fit(net, hn.load_dataset("digits"), 1)
for number in range(3):
    hn.save(net, f"{sys.argv[1]}-{number}")
"""


def test_the_same_network_gives_the_same_bytes_in_any_process_and_on_any_number_of_threads(tmp_path):
    for threads in ("1", "4"):
        environment = os.environ | {"NUMBA_NUM_THREADS": threads, "PYTHONHASHSEED": threads}
        subprocess.run([sys.executable, "-c", TRAIN_AND_SAVE, tmp_path / threads], check=True, env=environment)
    sums = {hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert len(list(tmp_path.iterdir())) == 6 and len(sums) == 1


def test_a_file_of_the_first_release_is_read_whatever_the_order_of_its_metadata(tmp_path):
    hn.save(small_net(), tmp_path / "m")
    good = hn.load(tmp_path / "m")

    def other_order(header):
        whole = json.loads(header)
        whole["__metadata__"] = dict(reversed(whole["__metadata__"].items()))
        return json.dumps(dict(reversed(whole.items())))

    rewritten(tmp_path / "m", other_order)
    for (_, p), (_, q) in zip(good.parameters(), hn.load(tmp_path / "m").parameters(), strict=True):
        np.testing.assert_array_equal(p, q)


def test_an_argument_that_no_file_can_hold_is_a_value_error(tmp_path):
    layer = hn.ReLU()
    layer._config = {"seed": np.random.default_rng(0)}
    with pytest.raises(ValueError, match="an argument that a file cannot hold"):
        hn.save(hn.Network([layer]), tmp_path / "m")


def test_loaded_weights_can_be_written_to_and_are_in_the_machines_byte_order(tmp_path):
    hn.save(small_net(), tmp_path / "m")
    for _, p in hn.load(tmp_path / "m").parameters():
        assert p.flags.writeable and p.dtype.isnative and p.dtype.name in DTYPES.values()


def test_a_layer_that_computes_a_few_numbers_from_very_few_is_read(tmp_path):
    """One weight survives out of 10,000: a ratio that only a larger layer may not have."""
    net = build("rer", [10_000, 1], compression="1/10000", seed=1)
    hn.save(net, tmp_path / "net")
    for (_, p), (_, q) in zip(net.parameters(), hn.load(tmp_path / "net").parameters(), strict=True):
        np.testing.assert_array_equal(p, q)


def test_wide_numbers_come_first_then_names_and_all_are_aligned():
    """A header of any length is filled up to a multiple of 8 bytes."""
    for name in ("a", "aa", "aaa", "aaaa", "aaaaa", "aaaaaa", "aaaaaaa", "aaaaaaaa"):
        arrays = {"z": np.float32([1, 2]), name: np.float32([3]), "m": np.float64([4])}
        raw = files.pack(arrays, {"format": "x"})
        (length,) = struct.unpack("<Q", raw[:8])
        header = json.loads(raw[8 : 8 + length])
        assert length % 8 == 0 and list(header) == ["__metadata__", "m", name, "z"]
        assert [header[key]["data_offsets"] for key in ("m", name, "z")] == [[0, 8], [8, 12], [12, 20]]
        assert raw[8 + length :] == np.float64([4]).tobytes() + np.float32([3, 1, 2]).tobytes()


@pytest.mark.parametrize(("shape", "offsets", "right"), [
    ((1,) * 8, (0, 4), True), ((1,) * 9, (0, 4), False), ((), (0, 4), True), ((0,), (2**48 - 1, 2**48 - 1), True),
    ((0,), (2**48, 2**48), False), ((0,), (-1, -1), False), ((2**48, 0), (0, 0), False), ((2**48 - 1, 0), (0, 0), True),
])
def test_an_entry_of_a_header_has_limits(shape, offsets, right):
    if right:
        assert files.entry(entry(shape, offsets), 100) == Entry("float32", shape, 100 + offsets[0])
    else:
        with pytest.raises(ValueError, match="must be a few whole numbers"):
            files.entry(entry(shape, offsets), 100)


def test_arrays_follow_each_other_whatever_their_order_and_empty_ones_have_no_place_of_their_own():
    w, empty, v = Entry("float32", (2,), 8), Entry("float64", (0, 3), 8), Entry("float64", (1,), 16)
    for order in ((w, empty, v), (v, w, empty), (empty, v, w)):
        files.check_places(dict(enumerate(order)), 8, 24)
    for size in (23, 25):
        with pytest.raises(ValueError, match=f"it should have 24 bytes and has {size}"):
            files.check_places({"w": w, "v": v}, 8, size)
    with pytest.raises(ValueError, match="an array begins at byte 16 instead of 8"):
        files.check_places({"v": v}, 8, 24)


def test_a_header_is_no_longer_than_the_file_and_than_any_header(tmp_path, monkeypatch):
    hn.save(hn.Network([hn.ReLU()]), tmp_path / "m")
    good = (tmp_path / "m").read_bytes()
    (length,) = struct.unpack("<Q", good[:8])
    monkeypatch.setattr(files, "LONGEST_HEADER", length)
    assert repr(hn.load(tmp_path / "m").layers) == "[ReLU()]"
    monkeypatch.setattr(files, "LONGEST_HEADER", length - 1)
    with pytest.raises(ValueError, match=rf"header\D* {length} bytes"):
        hn.load(tmp_path / "m")
    monkeypatch.undo()
    (tmp_path / "m").write_bytes(struct.pack("<Q", length + 1) + good[8:])
    with pytest.raises(ValueError, match=rf"header\D* {length + 1} bytes"):
        hn.load(tmp_path / "m")


@pytest.mark.parametrize(("n_in", "survivors", "right"), [
    (2**24, 1, True), (2**24 + 1, 1, False), (2**13, 2**13, True),
    (2**25, 2**13 - 1, True), (2**25 + 1, 2**13 - 1, False),  # 4,096 numbers for each weight, and for the one bias
])
def test_a_layer_may_compute_2_to_the_24_numbers_or_4096_for_each_that_it_stores(n_in, survivors, right):
    config = {"type": "MaskedLinear", "n_in": n_in, "n_out": 1, "survivors": survivors, "seed": 0, "dtype": "float32"}
    if right:
        files.check_ratio([config])
    else:
        with pytest.raises(ValueError, match="would compute"):
            files.check_ratio([LINEAR, config])


def test_arguments_have_at_most_100_characters():
    assert files.is_description({"type": "x" * 100}) and not files.is_description({"type": "x" * 101})
    for seed, plain in ((10**99, True), (10**100, False)):
        assert files.is_description({"type": "x", "seed": seed}) == plain


def test_an_error_from_a_file_is_one_short_line():
    assert files.one_line("a\n b" + "x" * 500) == "a b" + "x" * 297
    assert files.one_line(KeyError("dtype")) == "it lacks 'dtype'"


def test_a_class_that_takes_any_argument_is_made_with_them(tmp_path, monkeypatch):
    class Open(hn.Layer):
        def __init__(self, width, **more):
            super().__init__(width=width, **more)

    monkeypatch.setitem(files.LAYERS, "Open", Open)
    crafted(tmp_path / "m", [{"type": "Open", "width": 3, "colour": "red"}], {})
    assert hn.load(tmp_path / "m").layers[0].config() == {"width": 3, "colour": "red"}


def test_a_file_that_shrinks_while_it_is_read_is_one_line():
    file = io.BytesIO(bytes(15))
    with pytest.raises(ValueError, match="net was cut short while it was read"):
        files.read_array(file, Entry("float32", (2, 2), 0), Path("net"))
    file = io.BytesIO(b"head" + np.arange(6, dtype="<f4").tobytes())
    np.testing.assert_array_equal(files.read_array(file, Entry("float32", (2, 2), 8), Path("net")), [[1, 2], [3, 4]])


def test_a_layer_of_ones_own_that_is_not_registered_is_not_saved(tmp_path):
    class Mine(hn.ReLU):
        pass

    with pytest.raises(ValueError, match=r"a Mine cannot be saved; model files hold .*ReLU.*; register_layer adds"):
        hn.save(hn.Network([Mine()]), tmp_path / "m")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("raw", "message"), [
    (b"1234567", "it has 7 bytes"), (struct.pack("<Q", 0), "not a complete safetensors file"),
    (struct.pack("<Q", 2) + b"{}", "not one that hashnets_np.save wrote"),
    (struct.pack("<Q", 8) + b'{"w": 7}', "its header must be a JSON object of objects"),
    (struct.pack("<Q", 2) + b"[]", "its header must be a JSON object of objects"),
])
def test_the_shortest_files_are_told_apart(tmp_path, raw, message):
    (tmp_path / "m").write_bytes(raw)
    with pytest.raises(ValueError, match=message):
        hn.load(tmp_path / "m")


@pytest.mark.parametrize(("argument", "params", "message"), [
    ([1.0, 2.0], {}, "layer 1 .Own. was made with an argument that a file cannot hold"),
    ("a" * 101, {}, "layer 1 .Own. was made with an argument that a file cannot hold"),
    (1, {"more": np.ones(2, np.float32)}, "parameter 1.more is float32 .2,., but its layer expects absent"),
    (2, {}, "parameter 1.w is float16 .3,., expected float32 or float64"),
])
def test_what_cannot_be_read_again_is_not_written(tmp_path, monkeypatch, argument, params, message):
    class Own(hn.Layer):
        def __init__(self, argument):
            super().__init__(argument=argument)
            self.params["w"] = np.ones(3, np.float16 if argument == 2 else np.float32)

    monkeypatch.setitem(LAYERS, "Own", Own)
    path = tmp_path / "net.safetensors"
    good = hn.Network([hn.Linear(3, 2, seed=0), Own(1)])
    hn.save(good, path)
    before = path.read_bytes()
    assert len(hn.load(path).layers) == 2
    net = hn.Network([hn.Linear(3, 2, seed=0), Own(argument)])
    net.layers[1].params.update(params)
    with pytest.raises(ValueError, match=message):
        hn.save(net, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("layers", "message"), [
    ([], "needs at least one layer"), ([hn.Linear(3, 2, seed=0), hn.Linear(7, 3, seed=1)], "takes 7 inputs"),
])
def test_layers_that_no_longer_fit_are_not_saved(tmp_path, layers, message):
    net = hn.Network([hn.ReLU()])
    net.layers[:] = layers
    with pytest.raises(ValueError, match=message):
        hn.save(net, tmp_path / "net.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_layer_of_ones_own_is_saved_in_another_dtype_if_it_takes_one(tmp_path, monkeypatch):
    class Scale(hn.Layer):
        def __init__(self, start=1.0, dtype="float32"):
            super().__init__(start=start, dtype=dtype)
            self.params = {"s": np.full(1, start, dtype)}

    monkeypatch.setitem(LAYERS, "Scale", Scale)
    hn.save(hn.Network([Scale(2.0), hn.Linear(4, 3)]).astype(np.float64), tmp_path / "m")
    layer = hn.load(tmp_path / "m").layers[0]
    assert layer.params["s"].dtype == np.float64 and layer.config() == {"start": 2.0, "dtype": "float64"}


def test_a_layer_that_takes_no_dtype_is_told_to_when_it_is_saved_in_another_one(tmp_path, monkeypatch):
    class Scale(hn.Layer):
        def __init__(self, start=1.0):
            super().__init__(start=start)
            self.params = {"s": np.full(1, start, np.float32)}

    monkeypatch.setitem(LAYERS, "Scale", Scale)
    net = hn.Network([Scale(), hn.Linear(4, 3)])
    hn.save(net, tmp_path / "m")
    assert hn.load(tmp_path / "m").layers[0].params["s"].dtype == np.float32
    with pytest.raises(ValueError) as error:
        hn.save(net.astype(np.float64), tmp_path / "m")
    assert str(error.value) == ("parameter 0.s is float64 (1,), but its layer expects float32 (1,); to save it in "
                                "another dtype, give Scale a dtype argument and pass it to super().__init__")


def test_a_network_whose_class_was_defined_again_is_told_to_be_built_again(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LAYERS", dict(LAYERS))
    monkeypatch.setattr("hashnets_np.layers.base.LAYERS", files.LAYERS)

    def cell():
        @hn.register_layer
        class Twice(hn.ReLU):
            pass

        return hn.Network([Twice()])

    old = cell()
    hn.save(old, tmp_path / "m")
    new = cell()
    hn.save(new, tmp_path / "m")
    with pytest.raises(ValueError, match=r"^Twice was defined again after this network was made; build .* again$"):
        hn.save(old, tmp_path / "m")


def test_an_unregistered_class_under_the_name_of_another_was_not_defined_again(tmp_path):
    class Linear(hn.ReLU):
        pass

    with pytest.raises(ValueError, match="a Linear cannot be saved"):
        hn.save(hn.Network([Linear()]), tmp_path / "m")


@pytest.mark.parametrize(("takes", "passes", "message"), [
    ("slope=0.01", "", r"Own takes slope, but its config\(\) lacks it, .* on, super\(\).__init__\(slope=slope\)"),
    ("n", "", r"Own takes n, but its config\(\) lacks it"),
    ("n, *, slope=0.01", "n=n", r"Own takes slope, but its config\(\) lacks it"),
    ("n", "width=n", r"Own takes n, but its config\(\) lacks it"),
    ("n", "n=n + 1", r"Own would come back with n=5 instead of 4; let its config\(\) name n"),
    ("n, /", "n=n", r"Own cannot be rebuilt from what its config\(\) says: .* positional-only"),
    ("n", "n=(n, n)", "made with an argument that a file cannot hold"),
    ("type='ReLU'", "type=type", "Own has an argument 'type', which is the name of its class in a model file"),
    ("", "n=3", "Own cannot be rebuilt from n=3: its constructor takes nothing; let it take n, too, and pass it on"),
    ("n", "n=n, slope=0.5", "cannot be rebuilt from slope=0.5: its constructor takes n; let it take slope, too"),
])
def test_a_layer_that_a_file_would_rebuild_as_another_one_is_not_saved(tmp_path, monkeypatch, takes, passes, message):
    names = {"hn": hn}
    exec(f"class Own(hn.Layer):\n    def __init__(self, {takes}):\n        super().__init__({passes})", names)
    monkeypatch.setitem(LAYERS, "Own", names["Own"])
    layer = names["Own"](3) if takes.startswith("n") else names["Own"]()
    with pytest.raises(ValueError, match=message):
        hn.save(hn.Network([layer]), tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_a_layer_of_the_package_with_another_constructor_is_saved_only_if_that_takes_everything(tmp_path, monkeypatch):
    class Fixed(hn.HashedLinear):
        def __init__(self, n_in, n_out, *, seed=None):
            super().__init__(n_in, n_out, "1/8", bias="hashed", seed=seed)

    class Same(hn.HashedLinear):
        pass

    class HandedOn(hn.HashedLinear):
        def __init__(self, *arguments, **more):
            super().__init__(*arguments, **more)

    class Pack(hn.Layer):  # its compression is an argument like any other: it does not end as buckets
        def __init__(self, compression, size=3):
            super().__init__(compression=compression, size=size)

    class Handed(hn.HashedLinear):  # whose compression ends as buckets, although it does not name them
        def __init__(self, n_in, n_out, compression=None, **more):
            super().__init__(n_in, n_out, compression, **more)

    class Unsigned(hn.HashedLinear):
        def __init__(self, n_in, n_out, *, signed=False, **more):
            super().__init__(n_in, n_out, signed=signed, **more)

    class Wordy(hn.HashedLinear):
        left_out_of_config = ("verbose",)

        def __init__(self, n_in, n_out, *, size=None, signed=True, verbose=False, **more):
            super().__init__(n_in, n_out, size=size, signed=signed, **more)

    for kind in (Fixed, Same, HandedOn, Pack, Handed, Unsigned, Wordy):
        monkeypatch.setitem(LAYERS, kind.__name__, kind)
    with pytest.raises(ValueError, match=r"Fixed cannot be rebuilt from buckets=3: .* takes n_in, n_out, seed; let it"):
        hn.save(hn.Network([Fixed(4, 6)]), tmp_path / "m")
    with pytest.raises(ValueError, match="Unsigned would come back with signed=False instead of None"):
        hn.save(hn.Network([Unsigned(4, 6, buckets=9, signed=True)]), tmp_path / "m")
    for layer in (Same(4, 6, "1/2", kind="chunk", size=3), HandedOn(4, 6, "1/2", signed=False), Pack("1/8"),
                  Handed(4, 6, "1/2"), Unsigned(4, 6, buckets=9), Wordy(4, 6, buckets=9)):
        hn.save(hn.Network([layer]), tmp_path / "m")
        assert hn.load(tmp_path / "m").layers[0].config() == layer.config()


def test_a_change_of_dtype_is_proposed_only_where_the_shape_is_right(tmp_path):
    for change, hint in [(lambda w: w.astype(np.float64), True), (lambda w: w[:-1].astype(np.float64), False),
                         (lambda w: w[:-1], False)]:
        net = small_net()
        net.layers[0].params["w"] = change(net.layers[0].params["w"])
        with pytest.raises(ValueError) as error:
            hn.save(net, tmp_path / "m")
        assert str(error.value).endswith("(244,); to change the dtype of a network, use net.astype") == hint
        assert ("astype" in str(error.value)) == hint


@pytest.mark.parametrize(("damage", "is_short"), [
    (lambda good: good[:-1], True), (lambda good: good[:100], True), (lambda good: good[:5], True),
    (lambda good: b"", True), (lambda good: good + b"x", False), (lambda good: b"PK\x03\x04" + good, False),
    (lambda good: good.replace(b"F32", b"F16"), False), (lambda good: good.replace(b"{", b"[", 1), False),
])
def test_only_a_file_that_ends_too_early_was_cut_short(tmp_path, damage, is_short):
    path = tmp_path / "m"
    hn.save(small_net(), path)
    path.write_bytes(damage(path.read_bytes()))
    fix = r"was it cut short\?" if is_short else r"was it written by hashnets_np\.save\?"
    with pytest.raises(ValueError, match=rf"is not a complete safetensors file .*\); {fix}$"):
        hn.load(path)
