"""What both exporters check: no option of a layer and no field of a map is dropped without a word."""

import dataclasses
import inspect

import export_networks as networks
import pytest

import hashnets_np as hn
from hashnets_np.export.border import OPTIONS, check_map, check_options
from hashnets_np.layers import LAYERS

MAKES_NUMBERS = {"compression", "rng"}  # arguments that end as `buckets` and as weights, and are not kept
OURS = [layer for layer in LAYERS.values() if layer.__module__.startswith("hashnets_np.")]


@pytest.mark.parametrize("layer", OURS, ids=lambda layer: layer.__name__)
def test_the_exporters_know_every_option_of_every_layer(layer):
    """A new option fails here: write it in C and in ONNX, with a test, before it is listed."""
    assert OPTIONS[layer] == inspect.signature(layer).parameters.keys() - MAKES_NUMBERS


def test_the_networks_of_the_tests_try_every_field_of_a_map():
    numbers = {"n_out", "n_cols", "buckets", "seed"}  # every network has its own
    fields = {field.name for field in dataclasses.fields(hn.SharingMap)} - numbers - {"_table"}
    assert all(options.keys() == fields for options in networks.MAPS.values())
    for name in fields:
        assert len({options[name] for options in networks.MAPS.values()}) > 1


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_the_layers_of_every_network_are_accepted(name):
    for layer in networks.NETWORKS[name]().layers:
        check_options(layer)


def test_an_unknown_option_is_named_with_its_value_and_with_what_is_known():
    layer = hn.ReLU()
    layer._config["leak"] = 0.1
    with pytest.raises(ValueError, match=r"made with leak=0\.1, which .* \(they know no options\); make it without"):
        check_options(layer)
    layer = hn.Linear(2, 2)
    layer._config["scale"] = 2
    with pytest.raises(ValueError, match=r"scale=2, .*\(they know bias, dtype, init, n_in, n_out, seed\)"):
        check_options(layer)


def test_a_layer_of_your_own_may_have_options_of_its_own():
    layer = networks.OwnLayer()
    layer._config["leak"] = 0.1
    check_options(layer)


@pytest.mark.parametrize("name", networks.MAPS)
def test_every_map_that_its_fields_define_is_accepted(name):
    for layer in networks.map_net(**networks.MAPS[name]).layers[::2]:
        check_map(layer.map)
        if layer.bias_map is not None:
            check_map(layer.bias_map)


def test_a_map_with_more_to_it_than_its_fields_is_rejected():
    with pytest.raises(ValueError, match=r"its sharing map is OwnMap\(.*which make SharingMap\(.*; use that one"):
        check_map(networks.OwnMap(2, 3, buckets=4, seed=1))


@pytest.mark.parametrize("net", [hn.Linear(2, 2, seed=0), None, hn.Network])
def test_what_is_not_a_network_is_named(net, tmp_path):
    with pytest.raises(TypeError, match=r"net must be a Network, got"):
        hn.export_c(net, tmp_path / "net.c")
    with pytest.raises(TypeError, match=r"net must be a Network, got"):
        hn.export_onnx(net, tmp_path / "net.onnx")
