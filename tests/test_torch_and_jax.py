"""Networks go to PyTorch and JAX, are trained there, and come back as model files.

Run by `make check-frameworks`, which installs the frameworks; skipped where they are missing.
"""

import json

import numpy as np
import pytest

import hashnets_np as hn

pytestmark = pytest.mark.slow
DIGITS = hn.load_dataset("digits")
OPTIONS = {
    "column": {}, "hashed": {"bias": "hashed"}, "dense": {"bias": "dense"}, "none": {"bias": None},
    "float64": {"dtype": "float64"}, "fold": {"kind": "fold"}, "chunk": {"kind": "chunk", "size": 8, "bias": "hashed"},
    "tile": {"kind": "tile"}, "authors2015": {"kind": "authors2015", "bias": "hashed"},
    "no signs": {"signed": False}, "no signs, hashed": {"signed": False, "bias": "hashed"},
    "fold, no signs": {"kind": "fold", "signed": False}, "tile, no signs": {"kind": "tile", "size": 8, "signed": False},
    "chunk, no signs": {"kind": "chunk", "size": 5, "signed": False, "bias": "dense"},
    "authors2015, no signs": {"kind": "authors2015", "signed": False, "bias": "hashed"},
    "pytorch2019, no signs": {"kind": "pytorch2019", "signed": False, "bias": None},
    "keras, no signs": {"kind": "keras", "signed": False, "bias": "dense"},
}


def hashed_net(**options) -> hn.Network:
    """Two hashed layers with ReLU between them."""
    first = hn.HashedLinear(64, 50, "1/4", **{"seed": 1} | options)
    return hn.Network([first, hn.ReLU(), hn.HashedLinear(50, 10, "1/4", **{"seed": 2} | options)])


def relative(found, expected) -> float:
    return float(np.abs(np.asarray(found) - expected).max() / np.abs(expected).max())


def test_lists_of_layers_agree_with_the_adapters():
    pytest.importorskip("torch")
    import hashnets_np.torch as ours
    from hashnets_np.conformance import torch_layer

    assert ours.HashedLinear is torch_layer.HashedLinear and ours.load_network is torch_layer.load_network


@pytest.fixture(params=["torch", "jax"])
def there_and_back(request):
    """Two functions: a model file's logits in a framework, and what it writes into another file without training."""
    pytest.importorskip(request.param)
    return {"torch": through_torch, "jax": through_jax}[request.param]


def through_torch(path, back, x):
    """Load a model file in PyTorch, and save it again; returns its logits."""
    import torch

    import hashnets_np.torch as ours

    module = ours.load_network(path)
    ours.save_network(module, back)
    return module(torch.tensor(x)).detach().numpy()


def through_jax(path, back, x):
    """Load a model file in JAX, and save it again; returns its logits."""
    import hashnets_np.jax as ours

    params, maps = ours.load_network(path)
    ours.save_network(params, maps, back)
    return np.asarray(ours.hashed_net(params, maps, x))


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_of_a_layer_goes_there_and_comes_back(name, there_and_back, tmp_path):
    """No option may be dropped: a layer without it computes other logits, and nobody notices."""
    net = hashed_net(**OPTIONS[name])
    dtype = net.layers[0].params["w"].dtype
    x = DIGITS.x_test.astype(dtype)
    hn.save(net, tmp_path / "there.safetensors")
    logits = there_and_back(tmp_path / "there.safetensors", tmp_path / "back.safetensors", x)
    assert relative(logits, hn.predict(net, x)) <= (1e-5 if dtype == np.float32 else 1e-12)
    again = hn.load(tmp_path / "back.safetensors")
    assert [layer.map for layer in again.layers[::2]] == [layer.map for layer in net.layers[::2]]
    assert [layer.bias_map for layer in again.layers[::2]] == [layer.bias_map for layer in net.layers[::2]]
    assert np.array_equal(hn.predict(again, x), hn.predict(net, x))


def add_option(path, number, **option):
    """Change a model file into one of a newer release, in which a layer has an option that is unknown here."""
    from safetensors import safe_open
    from safetensors.numpy import save_file

    with safe_open(path, framework="np") as file:
        layers = json.loads(file.metadata()["layers"])
        arrays = {name: file.get_tensor(name) for name in file.keys()}
    layers[number] |= option
    save_file(arrays, path, {"layers": json.dumps(layers)})


@pytest.mark.parametrize("number", [0, 1])
def test_an_option_of_a_newer_release_is_rejected(number, there_and_back, tmp_path):
    hn.save(hashed_net(), tmp_path / "there.safetensors")
    add_option(tmp_path / "there.safetensors", number, scale=2.0)
    with pytest.raises(ValueError, match=r"a (HashedLinear|ReLU) was made with scale=2\.0, which has no counterpart"):
        there_and_back(tmp_path / "there.safetensors", tmp_path / "back.safetensors", DIGITS.x_test)


@pytest.mark.parametrize("method", ["hashes-2-learned", "one-store", "rer"])
def test_a_layer_without_a_counterpart_is_rejected(method, there_and_back, tmp_path):
    hn.save(hn.build(method, [64, 20, 10], compression="1/2"), tmp_path / "there.safetensors")
    with pytest.raises(ValueError, match=r"has no counterpart in PyTorch|not a chain of hashed layers"):
        there_and_back(tmp_path / "there.safetensors", tmp_path / "back.safetensors", DIGITS.x_test)


def train_with_torch(net, dtype):
    """Take twenty steps with PyTorch's own optimizer."""
    import torch

    sgd = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    x = torch.tensor(DIGITS.x_train.astype(dtype))
    y = torch.tensor(DIGITS.y_train.astype(np.int64))
    for _ in range(20):
        sgd.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        sgd.step()


@pytest.mark.parametrize("name", OPTIONS)
def test_a_network_trained_in_pytorch_comes_back(name, tmp_path):
    torch = pytest.importorskip("torch")
    import hashnets_np.torch as ours

    net = hashed_net(**OPTIONS[name])
    dtype = net.layers[0].params["w"].dtype
    hn.save(net, tmp_path / "there.safetensors")
    theirs = ours.load_network(tmp_path / "there.safetensors")
    train_with_torch(theirs, dtype)
    ours.save_network(theirs, tmp_path / "back.safetensors")
    again = hn.load(tmp_path / "back.safetensors")
    assert [layer.map for layer in again.layers[::2]] == [layer.map for layer in net.layers[::2]]
    assert again.layers[0].params["w"].dtype == dtype
    x = DIGITS.x_test.astype(dtype)
    expected = theirs(torch.tensor(x)).detach().numpy()
    assert relative(hn.predict(again, x), expected) <= (1e-5 if dtype == np.float32 else 1e-12)
    assert relative(hn.predict(again, x), hn.predict(net, x)) > 0.1  # it has learned


def test_other_modules_come_back_too():
    torch = pytest.importorskip("torch")
    import hashnets_np.torch as ours

    nn = torch.nn
    inner = nn.Sequential(nn.Linear(20, 15, bias=False), nn.ReLU())
    module = nn.Sequential(nn.Dropout(0.25), ours.HashedLinear(64, 20, buckets=99, seed=3), nn.Tanh(), inner,
                           nn.Linear(15, 10)).eval()
    net = ours.to_network(module)
    kinds = [type(layer) for layer in net.layers]
    assert kinds == [hn.Dropout, hn.HashedLinear, hn.Tanh, hn.Linear, hn.ReLU, hn.Linear]
    assert net.layers[0].rate == 0.25
    expected = module(torch.tensor(DIGITS.x_test)).detach().numpy()
    assert relative(hn.predict(net, DIGITS.x_test), expected) <= 1e-5
    net.layers[1].params["w"][:] = 0  # a copy: the module keeps its weights
    assert np.array_equal(module(torch.tensor(DIGITS.x_test)).detach().numpy(), expected)


def test_what_has_no_counterpart_is_named(tmp_path):
    torch = pytest.importorskip("torch")
    import hashnets_np.torch as ours

    nn = torch.nn
    with pytest.raises(ValueError, match=r"module 1 \(Sigmoid\) cannot become a layer"):
        ours.save_network(nn.Sequential(nn.Linear(3, 2), nn.Sigmoid()), tmp_path / "net.safetensors")
    with pytest.raises(ValueError, match=r"weights are bfloat16.*module.float\(\)"):
        ours.to_network(nn.Sequential(nn.Linear(3, 2)).to(torch.bfloat16))
    assert list(tmp_path.iterdir()) == []
    hn.save(hn.build("rer", [64, 20, 10], compression="1/2"), tmp_path / "net.safetensors")
    with pytest.raises(ValueError, match="a MaskedLinear has no counterpart in PyTorch"):
        ours.load_network(tmp_path / "net.safetensors")


def test_tanh_goes_over_as_tanh(tmp_path):
    torch = pytest.importorskip("torch")
    import hashnets_np.torch as ours

    net = hn.Network([hn.HashedLinear(64, 20, "1/2", seed=1), hn.Tanh(), hn.Linear(20, 10, seed=1)])
    hn.save(net, tmp_path / "net.safetensors")
    z = ours.load_network(tmp_path / "net.safetensors")(torch.tensor(DIGITS.x_test)).detach().numpy()
    assert relative(z, hn.predict(net, DIGITS.x_test)) <= 1e-5


@pytest.mark.parametrize("name", OPTIONS)
def test_a_network_trained_in_jax_comes_back(name, tmp_path):
    jax = pytest.importorskip("jax")
    import hashnets_np.jax as ours

    net = hashed_net(**OPTIONS[name])
    dtype = net.layers[0].params["w"].dtype
    hn.save(net, tmp_path / "there.safetensors")
    params, maps = ours.load_network(tmp_path / "there.safetensors")
    x = DIGITS.x_test.astype(dtype)
    gradient = jax.jit(jax.grad(lambda p: (ours.hashed_net(p, maps, x) ** 2).mean()))
    for _ in range(5):
        params = jax.tree.map(lambda w, g: w - 0.1 * g, params, gradient(params))
    ours.save_network(params, maps, tmp_path / "back.safetensors")
    again = hn.load(tmp_path / "back.safetensors")
    assert [layer.map for layer in again.layers[::2]] == [layer.map for layer in net.layers[::2]]
    expected = np.asarray(ours.hashed_net(params, maps, x))
    assert relative(hn.predict(again, x), expected) <= (1e-5 if dtype == np.float32 else 1e-12)
    assert relative(hn.predict(again, x), hn.predict(net, x)) > 0.01


def test_jax_weights_of_another_size_are_rejected():
    jax = pytest.importorskip("jax")
    import hashnets_np.jax as ours

    maps = ours.make_maps(4, 3, buckets=5, seed=1)
    with pytest.raises(ValueError, match="layer 0 has weights of shapes"):
        ours.to_network([{"w": jax.numpy.zeros(6)}], [maps])


def test_jax_weights_and_maps_are_as_many():
    jax = pytest.importorskip("jax")
    import hashnets_np.jax as ours

    maps = ours.make_maps(4, 3, buckets=5, seed=1)
    with pytest.raises(ValueError, match="params has 2 layers and maps has 1; expected both for each layer"):
        ours.to_network([{"w": jax.numpy.zeros(5)}] * 2, [maps])
