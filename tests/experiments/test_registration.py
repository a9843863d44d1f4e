"""What a user adds by one call: data sets by name, layer classes in model files, methods in sweep, report and train."""

import re

import numpy as np
import pytest
from small_sweeps import run_record

import hashnets_np as hn
from hashnets_np import datasets, layers
from hashnets_np.__main__ import main
from hashnets_np.experiments import methods
from hashnets_np.experiments.report import figures, results
from hashnets_np.experiments.sweep.grid import Job
from hashnets_np.experiments.sweep.records import append


def test_a_registered_data_set_is_loaded_by_its_name_with_the_folder_to_look_in(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "LOADERS", dict(datasets.LOADERS))
    digits, asked = hn.load_dataset("digits"), []
    datasets.register_dataset("mine", lambda data_dir: asked.append(data_dir) or digits)
    assert hn.load_dataset("mine", str(tmp_path)) is digits and hn.load_dataset("mine") is digits
    assert asked == [tmp_path, None]


def test_the_loaders_and_the_layers_are_functions_and_classes_not_their_names():
    assert list(datasets.LOADERS)[:2] == ["digits", "mnist"] and len(datasets.LOADERS) >= 9
    assert all(callable(loader) for loader in datasets.LOADERS.values())
    assert {"HashedLinear", "MaskedLinear", "LowRankLinear"} <= set(layers.LAYERS)
    assert all(issubclass(layer, layers.Layer) for layer in layers.LAYERS.values())


def test_a_layer_class_is_saved_only_when_it_is_registered_and_never_under_the_name_of_another(tmp_path, monkeypatch):
    monkeypatch.setitem(layers.LAYERS, "Doubled", None)
    del layers.LAYERS["Doubled"]  # what the test registers is forgotten after it

    class Doubled(hn.Linear):
        def forward(self, x, train=False):
            return 2 * super().forward(x, train)

    net, x = hn.Network([Doubled(3, 2, rng=np.random.default_rng(0))]), np.ones((1, 3), np.float32)
    with pytest.raises(ValueError, match=r"a Doubled cannot be saved; .* register_layer adds a class of your own"):
        hn.save(net, tmp_path / "net.safetensors")
    layers.register_layer(Doubled)
    hn.save(net, tmp_path / "net.safetensors")
    np.testing.assert_array_equal(hn.load(tmp_path / "net.safetensors").forward(x), net.forward(x))
    with pytest.raises(ValueError, match="named 'Linear' is registered already"):
        layers.register_layer(type("Linear", (hn.Linear,), {}))


class LoadScaledLinear(hn.HashedLinear):
    """A hashed layer whose gradients are divided by the load of their bucket: the mean of the shared gradients."""

    def backward(self, dz, input_grad=True):
        dx = super().backward(dz, input_grad)
        loads = np.bincount(self.map.table()[0].ravel(), minlength=self.map.buckets)
        self.grads["w"] = self.grads["w"] / np.maximum(loads, 1).astype(self.grads["w"].dtype)
        return dx


def load_scaled(n_in, n_out, stored, seed, rng, dtype):
    return LoadScaledLinear(n_in, n_out, buckets=stored, seed=seed, rng=rng, dtype=dtype)


SEVENTH = methods.Method(name="load-scaled", label="Load-scaled", maker=load_scaled, layers=(LoadScaledLinear,))


@pytest.fixture
def seventh(monkeypatch):
    """Register a seventh method, a layer class of its own included, for one test."""
    for registry in (methods.METHODS, layers.LAYERS):
        for name in ("load-scaled", "LoadScaledLinear"):
            monkeypatch.setitem(registry, name, None)
            del registry[name]
    methods.register_method(SEVENTH)


def test_a_seventh_method_is_built_and_saved_after_one_registration(seventh, tmp_path):
    net, x = hn.build("load-scaled", [64, 20, 10], compression="1/8"), np.ones((2, 64), np.float32)
    hn.save(net, tmp_path / "net.safetensors")
    loaded = hn.load(tmp_path / "net.safetensors")
    assert [type(layer).__name__ for layer in loaded.layers] == ["LoadScaledLinear", "ReLU", "LoadScaledLinear"]
    np.testing.assert_array_equal(loaded.forward(x), net.forward(x))
    plain = hn.build("hashnet", [64, 20, 10], compression="1/8")
    for each in (net, plain):
        each.backward(each.forward(x))
    loads = np.bincount(plain.layers[0].map.table()[0].ravel(), minlength=plain.layers[0].map.buckets)
    expected = plain.layers[0].grads["w"] / np.maximum(loads, 1)
    np.testing.assert_allclose(net.layers[0].grads["w"], expected, rtol=1e-6)


def test_a_seventh_method_is_swept_in_processes_of_their_own_and_trained(seventh, tmp_path, capsys):
    grid = tmp_path / "grid.toml"
    grid.write_text('datasets = ["digits"]\nmethods = ["nn", "load-scaled"]\ncompressions = ["1/8"]\nhidden = 20\n'
                    "tune = false\nmax_epochs = 2\n[[grid]]\n")
    assert main(["sweep", str(grid), "--records", str(tmp_path / "r"), "--workers", "1"]) == 0
    assert re.search(r"test error, % +NN +Load-scaled\n", capsys.readouterr().out)
    path = tmp_path / "net.safetensors"
    assert main(["train", "--method", "load-scaled", "--widths", "64-20-10", "--epochs", "2", "--output", str(path),
                 "--learning-rate", "1"]) == 0
    assert "load-scaled: 190 real weights" in capsys.readouterr().out and path.exists()


def test_a_seventh_method_has_its_column_and_its_curve_in_the_report(seventh, tmp_path):
    for method in ("nn", "load-scaled"):
        for compression in ("1/8", "1/64"):
            job = Job("run", "mnist", method, 3, compression, None, 0)
            append(tmp_path / "runs.jsonl", run_record(job, test_error=3.21 if method == "nn" else 4.56))
    assert main(["report", "--records", str(tmp_path)]) == 0
    text = (tmp_path / "report.md").read_text()
    assert "| HashNet | HashNetDK | Load-scaled |" in text and "| 4.56 |" in text
    found = results.results(tmp_path)
    assert set(figures.our_curves(2, ("mnist", 3), found)) == {"nn", "load-scaled"}
    assert {line.get_label() for line in figures.compose(2, found).axes[0].get_lines()} == {"NN", "Load-scaled"}


def test_a_registration_that_cannot_work_is_refused_at_once(seventh):
    with pytest.raises(ValueError, match="named 'nn' is registered already"):
        methods.register_method(methods.Method(name="nn", label="x", maker=load_scaled))
    with pytest.raises(ValueError, match="either a function that makes its layers or, for dark knowledge, a student"):
        methods.register_method(methods.Method(name="x", label="x"))
    with pytest.raises(ValueError, match="has the student 'mlp', which is not registered; known methods: rer, lrd, nn"):
        methods.register_method(methods.Method(name="x", label="x", student="mlp"))
    methods.register_method(SEVENTH)  # the same record again is the same method
