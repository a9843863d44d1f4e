"""What the adapters of frameworks share on the host: maps from the records of model files, with every option.

No framework is needed here; what each makes of a map is in `test_frameworks.py` and `test_torch_and_jax.py`.
"""

import inspect
from types import SimpleNamespace

import pytest

import hashnets_np as hn
from hashnets_np.conformance import host
from hashnets_np.maps import allowed_biases, find_kind

KINDS = ("xxhash", "fold", "chunk", "tile", "authors2015", "pytorch2019", "keras")
MAKES_NUMBERS = {"compression", "rng"}  # arguments that end as `buckets` and as weights, and are not kept


def record_of(layer: hn.Layer) -> dict:
    """What a model file says of a layer."""
    return {"type": type(layer).__name__, **layer.config()}


def as_host_map(m: hn.SharingMap) -> host.HostMap:
    return host.HostMap(m.n_out, m.n_cols, m.buckets, m.seed, m.kind, m.size, m.signed)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_the_record_of_a_layer_gives_its_maps(kind, signed):
    for bias in allowed_biases(kind):
        size = 5 if kind in ("chunk", "tile") else None
        layer = hn.HashedLinear(6, 5, "1/2", seed=3, bias=bias, kind=kind, size=size, signed=signed)
        m, bias_map = host.make_maps(**host.layer_arguments(record_of(layer)))
        assert m == as_host_map(layer.map)
        assert (bias_map is None) == (layer.bias_map is None)
        if bias_map is not None:
            assert bias_map == as_host_map(layer.bias_map)


def test_every_option_of_a_layer_is_known():
    """A new option fails here: give it to `make_maps` and to the adapters, with a test, before it is listed."""
    options = inspect.signature(hn.HashedLinear).parameters.keys() - MAKES_NUMBERS
    assert options == {*host.NEEDED, *host.OPTIONAL, *host.OF_WEIGHTS}
    made_from = inspect.signature(host.make_maps).parameters.keys()
    assert made_from == {*host.NEEDED, *host.OPTIONAL}


def test_an_unknown_option_is_named_with_its_value_and_with_what_is_known():
    record = record_of(hn.HashedLinear(6, 5, "1/2", seed=3)) | {"scale": 2.0}
    with pytest.raises(ValueError, match=r"HashedLinear was made with scale=2\.0, .* one for n_in, .*signed"):
        host.layer_arguments(record)
    with pytest.raises(ValueError, match=r"a ReLU was made with leak=0\.1, .* one for no option"):
        host.check_options({"type": "ReLU", "leak": 0.1}, ())
    host.check_options({"type": "ReLU"}, ())


def test_options_that_a_map_cannot_have_are_rejected():
    with pytest.raises(ValueError, match="'xxhash' have no size, got 8; chunk and tile have one"):
        host.make_map(5, 6, 4, 1, "xxhash", size=8)
    with pytest.raises(ValueError, match="signed must be True or False, got 'no'"):
        host.make_map(5, 6, 4, 1, "xxhash", signed="no")


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_may_be_left_out_only_where_the_kind_has_a_default(kind):
    """Else two layers that were made without one would silently share a map."""
    default = find_kind(kind).default_seed
    if default is None:
        with pytest.raises(ValueError, match=f"a layer of kind '{kind}' needs a seed, one of its own"):
            host.make_maps(3, 2, 4, None, None, kind, None)
    else:
        assert host.make_maps(3, 2, 4, None, None, kind, None)[0].seed == default


@pytest.mark.parametrize("kind", ["authors2015", "pytorch2019"])
def test_the_map_of_a_bias_has_the_default_seed_of_its_kind(kind):
    assert host.make_map(3, 1, 4, None, f"{kind}_bias").seed == find_kind(f"{kind}_bias").default_seed


def test_a_layer_that_lost_an_option_on_the_way_back_is_rejected():
    m = host.make_map(5, 6, 4, 1, "xxhash", signed=False)
    layer = hn.HashedLinear(6, 5, buckets=4, seed=1, bias=None, signed=False)
    host.check_same_map(m, layer.map)
    lost = SimpleNamespace(**m._asdict() | {"signed": True})
    with pytest.raises(ValueError, match=r"its map is .*signed=False\), but .* would have .*signed=True\)"):
        host.check_same_map(m, lost)
