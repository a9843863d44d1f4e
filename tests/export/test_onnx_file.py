"""Networks as ONNX models: valid, and with the logits of `predict` in two runtimes.

`make check-exports` installs what these need.
"""

import export_networks as networks
import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np.experiments.several_hashes import MultiHashedLinear
from hashnets_np.layers import LAYERS

onnx = pytest.importorskip("onnx", reason="the package onnx is not installed; make check-exports installs it")
DIGITS = hn.load_dataset("digits")


def relative(found, expected) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def run_with_onnxruntime(path, x):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed; make check-exports installs it")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"x": x})[0]


def run_with_the_reference(path, x):
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(str(path)).run(["logits"], {"x": x})[0]


RUNTIMES = {"onnxruntime": run_with_onnxruntime, "onnx.reference": run_with_the_reference}


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("weights", ["hashed", "expanded"])
@pytest.mark.parametrize("name", networks.NETWORKS)
def test_a_model_gives_the_logits_of_predict_on_all_digits(name, weights, runtime, tmp_path):
    net = networks.NETWORKS[name]()
    kinds = {layer.map.kind for layer in net.layers if isinstance(layer, hn.HashedLinear)}
    if weights == "hashed" and kinds & set(networks.TEXT_KINDS):
        pytest.skip("a kind that hashes text can only be expanded")
    made = hn.export_onnx(net, tmp_path / "net.onnx", weights=weights)
    onnx.checker.check_model(str(made.path), full_check=True)
    dtype = next(iter(net.parameters()))[1].dtype
    x = DIGITS.x_test.astype(dtype)
    logits = RUNTIMES[runtime](made.path, x)
    assert logits.dtype == dtype
    assert relative(logits, hn.predict(net, x)) <= 1e-5
    assert RUNTIMES[runtime](made.path, x[:1]).shape == (1, 10)  # any batch size


@pytest.mark.parametrize("weights", ["hashed", "expanded"])
@pytest.mark.parametrize("name", networks.MAPS)
def test_every_option_of_a_map_reaches_the_model_or_is_rejected(name, weights, tmp_path):
    """No option may be dropped: a model without it computes other logits, and nobody notices."""
    options = networks.MAPS[name]
    net = networks.map_net(**options)
    if weights == "hashed" and options["kind"] in networks.TEXT_KINDS:
        with pytest.raises(ValueError, match=r"layer 0 .*store V whole with weights='expanded'"):
            hn.export_onnx(net, tmp_path / "net.onnx", weights=weights)
        assert list(tmp_path.iterdir()) == []
        return
    made = hn.export_onnx(net, tmp_path / "net.onnx", weights=weights)
    x = np.random.default_rng(0).normal(size=(20, 12)).astype(np.float32)
    assert relative(run_with_the_reference(made.path, x), hn.predict(net, x)) <= 1e-5


def test_maps_of_several_kinds_in_one_layer_stay_what_they_are(tmp_path):
    layer = MultiHashedLinear(12, 5, "1/2", hashes=2, seed=1)
    first = layer.maps[0]
    layer.maps[0] = hn.SharingMap(5, 13, buckets=first.buckets, seed=first.seed, kind="fold", signed=False)
    net = hn.Network([layer])
    made = hn.export_onnx(net, tmp_path / "net.onnx")
    x = np.random.default_rng(0).normal(size=(20, 12)).astype(np.float32)
    assert relative(run_with_the_reference(made.path, x), hn.predict(net, x)) <= 1e-5


def test_expanded_stores_what_a_map_of_its_own_class_finds(tmp_path):
    net = networks.own_map_net()
    made = hn.export_onnx(net, tmp_path / "net.onnx", weights="expanded")
    x = np.eye(2, dtype=np.float32)
    assert relative(run_with_the_reference(made.path, x), hn.predict(net, x)) <= 1e-5


def test_with_the_hash_in_the_graph_a_file_is_little_more_than_its_real_weights(tmp_path):
    for widths in ([64, 1000, 10], [784, 1000, 10], [784, 1000, 1000, 1000, 10]):
        net = hn.build("hashnet", widths, compression="1/64", seed=0)
        made = hn.export_onnx(net, tmp_path / "net.onnx")
        assert made.size == made.path.stat().st_size
        assert made.size <= 4 * net.num_parameters() + 16 * 1024
        assert f"{made.size:,} bytes" in str(made)


def test_every_layer_of_a_model_file_can_be_written_as_onnx():
    from hashnets_np.export.onnx_layers import WRITERS

    assert {layer for layer in LAYERS.values() if layer.__module__.startswith("hashnets_np.")} == set(WRITERS)


def test_the_model_says_opset_20_and_stores_no_indices(tmp_path):
    net = networks.NETWORKS["xxhash_hashed"]()
    model = onnx.load(hn.export_onnx(net, tmp_path / "net.onnx").path)
    assert {entry.domain: entry.version for entry in model.opset_import} == {"": 20, "hashnets": 1}
    stored = sum(int(np.prod(constant.dims)) for constant in model.graph.initializer if constant.dims)
    assert stored <= net.num_parameters() + 2 * 3  # beside the weights, shapes of one or two numbers
    assert [value.name for value in model.graph.input] == ["x"]


def test_a_large_map_is_hashed_as_in_numpy(tmp_path):
    """Buckets beyond 2**24 and a seed with its highest bit set survive the way through the graph."""
    layer = hn.HashedLinear(40, 50, buckets=2**25, seed=2**32 - 5, bias=None)
    layer.params["w"] = np.arange(2**25, dtype=np.float32)
    made = hn.export_onnx(hn.Network([layer]), tmp_path / "net.onnx")
    x = np.eye(40, dtype=np.float32)
    assert np.array_equal(run_with_onnxruntime(made.path, x), hn.hash_gather(layer.params["w"], layer.map).T)


@pytest.mark.parametrize("case", networks.BAD)
def test_bad_input_is_one_clear_line_and_nothing_is_written(case, tmp_path):
    make, message = networks.BAD[case]
    with pytest.raises(ValueError, match=message) as error:
        hn.export_onnx(make(), tmp_path / "net.onnx")
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", networks.TEXT_KINDS)
def test_a_kind_that_hashes_text_says_what_to_do(kind, tmp_path):
    net = hn.Network([hn.HashedLinear(3, 2, buckets=2, bias="dense", kind=kind)])
    with pytest.raises(ValueError, match="store V whole with weights='expanded'"):
        hn.export_onnx(net, tmp_path / "net.onnx")


def test_arguments_are_checked(tmp_path):
    net = networks.hashed_net([3, 2])
    with pytest.raises(ValueError, match="'hashed' or 'expanded'"):
        hn.export_onnx(net, tmp_path / "net.onnx", weights="small")
    with pytest.raises(ValueError, match=r"must end in \.onnx"):
        hn.export_onnx(net, tmp_path / "net.c")
    with pytest.raises(OSError, match="nowhere"):
        hn.export_onnx(net, tmp_path / "nowhere" / "net.onnx")
    mixed = hn.Network([hn.Linear(3, 2), hn.Linear(2, 2, dtype="float64")])
    with pytest.raises(ValueError, match="float32 and float64; convert them to one dtype"):
        hn.export_onnx(mixed, tmp_path / "net.onnx")
