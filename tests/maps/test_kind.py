"""A kind of your own: one object, registered once, which everything else asks."""

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np.maps import KINDS, Kind, find_kind, register_kind


def modulo_rule(m, i, j, /):
    """Number the places of V row by row, and count the buckets round and round."""
    place = i.astype(np.int64) * m.n_cols + j
    return (place % m.buckets).astype(np.intp), np.ones(place.shape, np.int8)


@pytest.fixture
def modulo():
    yield register_kind(Kind("modulo", modulo_rule, biases=("column", None)))
    del KINDS["modulo"]


def test_a_kind_of_ones_own_works_everywhere(modulo, kernels, tmp_path, rng):
    layer = hn.HashedLinear(6, 4, buckets=5, kind="modulo", seed=1, dtype=np.float64)
    assert layer.map.loads().tolist() == [6, 6, 6, 5, 5]
    net = hn.Network([layer])
    assert hn.gradcheck(net, rng.normal(size=(3, 6)), rng.integers(0, 4, 3)).worst < 1e-6
    hn.save(net, tmp_path / "own.safetensors")
    assert hn.load(tmp_path / "own.safetensors").layers[0].map == layer.map
    assert "V[1, 0] = w[2]" in str(hn.explain(layer.map, 1, 0))  # the kind shows no steps of its own


def test_a_kind_says_which_biases_it_allows(modulo):
    with pytest.raises(ValueError, match="bias must be one of"):
        hn.HashedLinear(6, 4, buckets=5, kind="modulo", seed=1, bias="dense")


def test_a_name_is_taken_once(modulo):
    with pytest.raises(ValueError, match="registered already"):
        register_kind(modulo)
    assert register_kind(modulo, replace=True) is modulo  # a notebook's cell may run twice


@pytest.mark.parametrize("name", list(KINDS))
def test_a_kind_of_the_package_keeps_its_name(name, monkeypatch):
    before = KINDS[name]
    monkeypatch.setitem(KINDS, name, before)  # puts it back if this fails
    with pytest.raises(ValueError, match=f"named '{name}' comes with the package.*choose another name"):
        register_kind(Kind(name, modulo_rule), replace=True)
    assert KINDS[name] is before


def test_an_unknown_kind_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=f"unknown kind of sharing map 'md5'; known kinds: {', '.join(KINDS)}"):
        find_kind("md5")


@pytest.mark.parametrize("bucket", [-1, 5])
def test_a_rule_whose_buckets_lie_outside_w_is_found_out(bucket, monkeypatch):
    def rule(m, i, j):
        return np.full(np.broadcast_shapes(i.shape, j.shape), bucket), np.ones(np.broadcast_shapes(i.shape, j.shape))

    monkeypatch.setitem(KINDS, "outside", Kind("outside", rule))
    m = hn.SharingMap(4, 3, buckets=5, seed=1, kind="outside")
    with pytest.raises(ValueError, match=rf"gave buckets {bucket}\.\.{bucket}, expected 0\.\.4"):
        hn.hash_gather(np.ones(5), m)


@pytest.mark.parametrize(("bucket", "sign", "message"), [
    (lambda i, j: i + j, lambda i, j: (i + j) & 1, r"gave signs 0\.\.1 of dtype uint32, expected -1 and \+1"),
    (lambda i, j: i + j, lambda i, j: np.uint32(1) - np.uint32(2) * ((i + j) & np.uint32(1)),
     r"gave signs 1\.\.4294967295 of dtype uint32, expected -1 and \+1"),
    (lambda i, j: i + j, lambda i, j: np.ones(i.shape, np.int8),
     r"gave uint32 buckets of shape \(2, 3\) and int8 signs of shape \(2, 1\), expected .* of shape \(2, 3\)"),
    (lambda i, j: i + j, lambda i, j: np.full((2, 3), "+"), r"and <U1 signs of shape \(2, 3\), expected integers"),
    (lambda i, j: i, lambda i, j: np.ones((2, 3), np.int8), r"buckets of shape \(2, 1\)"),
    (lambda i, j: (i + j) / 2, lambda i, j: np.ones((2, 3), np.int8), "gave float64 buckets"),
])
def test_a_rule_whose_signs_or_shapes_are_wrong_is_found_out(bucket, sign, message, monkeypatch):
    monkeypatch.setitem(KINDS, "wrong", Kind("wrong", lambda m, i, j: (bucket(i, j), sign(i, j))))
    with pytest.raises(ValueError, match=message):
        hn.hash_gather(np.ones(5), hn.SharingMap(2, 3, buckets=5, kind="wrong"))


def test_signs_of_a_rule_that_counts_in_int64_do_not_widen_float32(monkeypatch):
    def rule(m, i, j):
        return (i + j) % m.buckets, np.where((i + j) & 1, -1, 1)

    monkeypatch.setitem(KINDS, "wide", Kind("wide", rule))
    m = hn.SharingMap(2, 3, buckets=2, kind="wide")
    assert m.lookup(0, 1)[1].dtype == np.int8
    assert hn.hash_gather(np.ones(2, np.float32), m).dtype == np.float32


@pytest.mark.parametrize("found", [
    lambda i, j: i + j, lambda i, j: ([[0, 1, 2]] * 2, [[1, 1, 1]] * 2), lambda i, j: None, lambda i, j: (i + j, None),
    lambda i, j: (i + j, i, j), lambda i, j: np.zeros((2, 2, 3), int),
])
def test_a_rule_must_return_two_arrays(found, monkeypatch):
    monkeypatch.setitem(KINDS, "wrong", Kind("wrong", lambda m, i, j: found(i, j)))
    with pytest.raises(ValueError, match="rule of kind 'wrong' must return two arrays, buckets and signs, got "):
        hn.hash_gather(np.ones(5), hn.SharingMap(2, 3, buckets=5, kind="wrong"))


@pytest.mark.parametrize(("kind", "fix"), [
    (modulo_rule, r"; did you mean Kind\('mine', rule\)\?$"), ("modulo", "'modulo'$"),
])
def test_only_a_kind_is_registered(kind, fix):
    with pytest.raises(TypeError, match="register_kind takes a Kind, got .*" + fix):
        register_kind(kind)
