"""What a user adds by one call: data sets by name, layer classes in model files, methods in sweep, report and train."""

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np import datasets, layers


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
    monkeypatch.setattr(layers, "LAYERS", layers.LAYERS.copy())
    monkeypatch.setattr("hashnets_np.files.LAYERS", layers.LAYERS)

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
