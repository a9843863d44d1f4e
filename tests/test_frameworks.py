"""The worked adapters pass the kit, and whole networks go over to PyTorch and JAX by the model file.

Run by `make check-frameworks`, which installs the frameworks; skipped where they are missing.
"""

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np.conformance.loading import load_adapter
from hashnets_np.conformance.results import PASSES
from hashnets_np.conformance.runner import check
from hashnets_np.losses import error_rate

pytestmark = pytest.mark.slow
FRAMEWORKS = ("torch", "jax", "keras")
BACKENDS = {"tensorflow": "tensorflow"}  # of Keras, each in a process of its own
ONLY = os.environ.get("HASHNETS_FRAMEWORKS", "").split()  # must be there and pass; the others may be missing


def need(framework: str):
    """Skip the test where a framework is missing; fail it where the framework was asked for."""
    if ONLY and framework not in ONLY:
        pytest.skip(f"HASHNETS_FRAMEWORKS asks for {' '.join(ONLY)} only")
    os.environ.setdefault("KERAS_BACKEND", "jax")  # before keras is imported
    for name in {"keras": ("jax", "keras")}.get(framework, (framework,)):
        importlib.import_module(name) if ONLY else pytest.importorskip(name)


def need_cuda() -> None:
    """Skip the test where PyTorch has no GPU. JAX needs no tests of its own for one: it uses it where it is."""
    need("torch")
    import torch
    if not torch.cuda.is_available():
        pytest.skip("PyTorch sees no CUDA device")


@pytest.mark.parametrize("framework", BACKENDS)
def test_the_keras_adapter_passes_everything_on_another_backend(framework, tmp_path):
    """Keras reads its backend once, so a process of its own; `check` asks in a child and writes what it found."""
    backend = BACKENDS[framework]
    if ONLY and framework not in ONLY:
        pytest.skip(f"HASHNETS_FRAMEWORKS asks for {' '.join(ONLY)} only")
    if not ONLY and any(importlib.util.find_spec(name) is None for name in ("keras", backend)):
        pytest.skip(f"Keras or {backend} is not installed")
    name = "hashnets_np.conformance.keras_layer:KerasLayer"
    run = subprocess.run(
        [sys.executable, "-m", "hashnets_np", "check", name, "--json", str(tmp_path / "found.json")],
        capture_output=True, text=True, cwd=Path(__file__).parent.parent,
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"})
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-2000:]
    counts = json.loads((tmp_path / "found.json").read_text())["counts"]
    assert counts["fails"] == counts["not covered"] == 0 and counts["passes"] >= 700


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_adapter_passes_everything_with_nothing_uncovered(framework):
    need(framework)
    results = check(load_adapter(f"hashnets_np.conformance.{framework}_layer:{framework.capitalize()}Layer"))
    assert [r for r in results if r.status != PASSES] == []


def test_the_torch_adapter_passes_everything_on_a_gpu():
    need_cuda()
    import torch
    with torch.device("cuda"):
        results = check(load_adapter("hashnets_np.conformance.torch_layer:TorchLayer"))
    assert [r for r in results if r.status != PASSES] == []


# ---- a whole network goes over

# A large step amplifies the last bit of float32 wherever it flips a ReLU: from random weights at rate 0.05, 500 steps
# can end 1e-3 apart, while float64 agrees to 1e-13. A trained network, trained on at 0.02, does no such thing.
BATCH, STEPS, RATE, MOMENTUM, DECAY = 50, 500, 0.02, 0.9, 1e-4
BIASES = ("column", "hashed", "dense")


def make_network(dtype: str) -> hn.Network:
    """Three hashed layers, one for each bias, and ReLU between them."""
    widths, layers = [64, 100, 50, 10], []
    for n, bias in enumerate(BIASES):
        layer = hn.HashedLinear(widths[n], widths[n + 1], "1/8", seed=hn.derive_seed(1, n), bias=bias, dtype=dtype)
        layers += [layer, hn.ReLU()]
    return hn.Network(layers[:-1])


@pytest.fixture(scope="module")
def digits() -> hn.Dataset:
    return hn.load_dataset("digits")


def batches(data: hn.Dataset, dtype: str, seed: int = 0):
    """The same mini-batches for everyone."""
    rng = np.random.default_rng(seed)
    for _ in range(STEPS):
        rows = rng.integers(0, len(data.x_train), BATCH)
        yield data.x_train[rows].astype(dtype), data.y_train[rows]


def train(net: hn.Network, data: hn.Dataset, dtype: str, seed: int = 0) -> None:
    """Train a network of ours in place."""
    sgd = hn.SGD(RATE, MOMENTUM, weight_decay=DECAY)
    for x, y in batches(data, dtype, seed):
        _, dz = hn.softmax_cross_entropy(net.forward(x, train=True), y)
        net.backward(dz)
        sgd.step(net.layers)


def relative(found, expected) -> float:
    return float(np.abs(np.asarray(found) - expected).max() / np.abs(expected).max())


class WithTorch:
    device = "cpu"

    def __init__(self, path):
        import torch

        from hashnets_np.conformance.torch_layer import load_network
        torch.set_num_threads(1)  # for layers this small, more threads only wait for each other
        self.torch, self.net = torch, load_network(path).to(self.device)

    def tensor(self, x):
        return self.torch.tensor(x, device=self.device)

    def logits(self, x):
        return self.net(self.tensor(x)).detach().cpu().numpy()

    def train(self, data, dtype):
        sgd = self.torch.optim.SGD(self.net.parameters(), RATE, MOMENTUM, weight_decay=DECAY)
        for x, y in batches(data, dtype):
            sgd.zero_grad()
            z = self.net(self.tensor(x))
            self.torch.nn.functional.cross_entropy(z, self.tensor(y)).backward()
            sgd.step()

    def weights(self):
        return {name: p.detach().cpu().numpy() for name, p in self.net.named_parameters()}


class WithTorchOnCuda(WithTorch):
    device = "cuda"


class WithJax:
    def __init__(self, path):
        import jax

        from hashnets_np.conformance import jax_layer
        self.jax, self.module = jax, jax_layer
        self.params, self.maps = jax_layer.load_network(path)

    def logits(self, x):
        return np.asarray(self.module.hashed_net(self.params, self.maps, x))

    def train(self, data, dtype):
        def loss(params, x, y):
            return self.module.cross_entropy(self.module.hashed_net(params, self.maps, x), y)

        @self.jax.jit
        def step(params, velocity, x, y):
            return self.module.sgd(params, velocity, self.jax.grad(loss)(params, x, y), RATE, MOMENTUM, DECAY)

        velocity = self.jax.tree.map(np.zeros_like, self.params)
        for x, y in batches(data, dtype):
            self.params, velocity = step(self.params, velocity, x, y)

    def weights(self):
        return {f"{2 * n}.{name}": np.asarray(w) for n, p in enumerate(self.params) for name, w in p.items()}


@pytest.fixture(params=["torch", "cuda", "jax"])
def framework(request):
    need_cuda() if request.param == "cuda" else need(request.param)
    return {"torch": WithTorch, "cuda": WithTorchOnCuda, "jax": WithJax}[request.param]


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-5), ("float64", 1e-12)])
def test_a_trained_network_gives_the_same_logits_there(framework, dtype, bound, digits, tmp_path):
    net = make_network(dtype)
    train(net, digits, dtype)
    hn.save(net, tmp_path / "net.safetensors")
    x = digits.x_test.astype(dtype)
    expected = net.forward(x)
    assert error_rate(expected, digits.y_test) < 25  # it has learned something
    assert relative(framework(tmp_path / "net.safetensors").logits(x), expected) <= bound


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-4), ("float64", 1e-9)])
def test_trained_on_for_500_steps_the_weights_agree(framework, dtype, bound, digits, tmp_path):
    net = make_network(dtype)
    train(net, digits, dtype, seed=1)
    hn.save(net, tmp_path / "start.safetensors")
    theirs = framework(tmp_path / "start.safetensors")
    start = dict(net.parameters())["0.w"].copy()
    train(net, digits, dtype)
    theirs.train(digits, dtype)
    ours, weights = dict(net.parameters()), theirs.weights()
    assert weights.keys() == ours.keys()
    assert relative(start, ours["0.w"]) > 0.01  # training went on
    worst = max(relative(weights[name], w) for name, w in ours.items())
    print(f"worst relative difference of a weight after {STEPS} steps in {dtype}: {worst:.1e}")
    assert worst <= bound


def test_jax_loads_a_network_with_dropout(tmp_path):
    need("jax")
    net = hn.Network([hn.Dropout(0.1), hn.HashedLinear(6, 5, "1/2", seed=1), hn.ReLU(), hn.Dropout(0.5),
                      hn.HashedLinear(5, 3, "1/2", seed=2)])
    hn.save(net, tmp_path / "net.safetensors")
    x = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    assert relative(WithJax(tmp_path / "net.safetensors").logits(x), net.forward(x)) <= 1e-5


def test_torch_loads_dense_layers_and_dropout_too(tmp_path):
    need("torch")
    rng = np.random.default_rng(0)
    net = hn.Network([hn.HashedLinear(6, 5, "1/2", seed=1), hn.ReLU(), hn.Dropout(0.5), hn.Linear(5, 3)])
    hn.save(net, tmp_path / "net.safetensors")
    x = rng.normal(size=(4, 6)).astype(np.float32)
    theirs = WithTorch(tmp_path / "net.safetensors")
    theirs.net.eval()
    assert relative(theirs.logits(x), net.forward(x)) <= 1e-5


def test_jax_refuses_what_is_not_a_chain_of_hashed_layers(tmp_path):
    need("jax")
    hn.save(hn.Network([hn.Linear(5, 3)]), tmp_path / "net.safetensors")
    with pytest.raises(ValueError, match="not a chain of hashed layers"):
        WithJax(tmp_path / "net.safetensors")


def test_a_keras_layer_without_signs_stays_so_when_it_is_rebuilt_from_its_config():
    need("keras")
    from hashnets_np.conformance.keras_layer import HashedDense
    layer = HashedDense(6, 5, 8, seed=3, signed=False)
    w = np.arange(1, 9, dtype=np.float32)
    expected = hn.hash_gather(w, hn.SharingMap(5, 7, buckets=8, seed=3, signed=False))
    for made in (layer, HashedDense.from_config(layer.get_config())):
        made.set_weights([w])
        assert np.array_equal(np.asarray(made.virtual_weight()), expected)


def test_a_keras_model_is_saved_and_loaded_with_its_real_weights_only(tmp_path):
    need("keras")
    import keras

    from hashnets_np.conformance.keras_layer import HashedDense
    layer = HashedDense(200, 100, 312, seed=3, bias="hashed", bias_buckets=2)
    model = keras.Sequential([keras.Input((200,)), layer])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", custom_objects={"HashedDense": HashedDense})
    x = np.random.default_rng(0).normal(size=(5, 200)).astype(np.float32)
    assert np.array_equal(model(x), again(x)) and np.abs(model(x)).max() > 0.1
    assert model.count_params() == 314
    assert (tmp_path / "model.keras").stat().st_size < 40_000  # V alone is 80,000 bytes; HDF5 and JSON bring their own


def test_the_pages_example_fails_and_is_fixed_as_it_says(tmp_path, monkeypatch, capsys):
    need("torch")
    from hashnets_np.__main__ import main

    page = Path(__file__).parent.parent / "docs" / "cross-check.md"
    section = page.read_text().split("## Ten minutes, in Python")[1]
    code = section.split("```python\n")[1].split("```")[0]
    shown = section.split("```text\n")[1].split("```")[0].split("...\n")  # long lines are wrapped on the page
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mylayer.py").write_text(code)
    assert main(["check", "mylayer:MyLayer"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert [piece for piece in shown if " ".join(piece.split()) not in printed] == []
    sign, product = "self.sign = 1 - 2 * (torch.tensor(hashes) & 1)", "a @ (self.w[self.bucket] * self.sign).T"
    assert sign in section and product in section
    fixed = code.replace("a @ self.w[self.bucket].T", product).replace("self.w =", f"{sign}\n        self.w =")
    (tmp_path / "fixed_layer.py").write_text(fixed)
    assert main(["check", "fixed_layer:MyLayer"]) == 0
    assert f"`{capsys.readouterr().out.splitlines()[-1]}`" in section
