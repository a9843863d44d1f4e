"""Probing a layer whose hash is not known: what is read off it, each thing that is checked, and both sides of it."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from right_layer import Right

from hashnets_np.__main__ import main
from hashnets_np.conformance import Adapter
from hashnets_np.conformance.adapter import LayerSpec
from hashnets_np.conformance.another_map import find_another_map
from hashnets_np.conformance.findings import Finding, Map, Probe, all_right, without_sizes, write_probe_report
from hashnets_np.conformance.makers import as_layer_maker, maker
from hashnets_np.conformance.map_checks import check_map, check_signs
from hashnets_np.conformance.numpy_layer import NumpyLayer
from hashnets_np.conformance.outside import probe_outside
from hashnets_np.conformance.probe import (
    BATCHES,
    SHAPES,
    beta_of,
    check_forward,
    check_gradients,
    close,
    matrix_of,
    name_gradient,
    probe_layer,
    probe_shape,
    read_map,
    weight_gradient,
)


def rows_as_one_piece(x):
    """Read the rows of a matrix as if each began where the last ends, once the numbers of a row lie side by side."""
    if x.ndim != 2 or not x.size or x.strides[1] != x.itemsize:
        return np.ascontiguousarray(x)
    return np.lib.stride_tricks.as_strided(x, x.shape, (x.shape[1] * x.itemsize, x.itemsize)).copy()


class OwnHash:
    """A layer for the probe, with signs that are + as often as `plus` says, and a constant added to its output."""

    plus = 0.5
    constant = 0.0

    def __init__(self, n_in, n_out, K):
        rng = np.random.default_rng(n_in + 1000 * n_out)
        self.K = K
        self.bucket = rng.integers(0, K, (n_out, n_in))
        self.sign = np.where(rng.random((n_out, n_in)) < self.plus, 1, -1)

    def set_w(self, w):
        self.V = (w[self.bucket] * self.sign).astype(w.dtype)

    def forward(self, a):
        return a @ self.V.T + a.dtype.type(self.constant)

    def backward(self, a, dz):
        dw = np.bincount(self.bucket.ravel(), (dz.T @ a * self.sign).ravel(), self.K)
        return dw.astype(a.dtype), dz @ self.V


def findings(**changed):
    return {f.words: f.ok for f in probe_layer(type("Changed", (OwnHash,), changed)).findings}


def test_the_probe_wants_as_many_plus_as_minus():
    balanced = [ok for words, ok in findings().items() if words.startswith("as many signs are + as -")]
    most_plus = [ok for words, ok in findings(plus=0.7).items() if words.startswith("as many signs are + as -")]
    assert balanced and all(balanced) and most_plus and not any(most_plus)


def test_the_probe_reads_the_map_off_a_layer_that_adds_a_constant():
    assert not [words for words, ok in findings(constant=0.5).items() if ok is False]


class WithColumn(OwnHash):
    """The same with a bias that is hashed into w as a first column of V."""

    def __init__(self, n_in, n_out, K):
        super().__init__(n_in + 1, n_out, K)

    def forward(self, a):
        return np.hstack([np.ones((len(a), 1), a.dtype), a]) @ self.V.T

    def backward(self, a, dz):
        dw, da = super().backward(np.hstack([np.ones((len(a), 1), a.dtype), a]), dz)
        return dw, da[:, 1:]


def test_the_probe_reads_the_map_off_a_layer_with_a_bias_column():
    assert not [f.words for f in probe_layer(WithColumn).findings if f.ok is False]


def test_the_probe_tells_weights_without_effect_from_entries_that_are_zero():
    said = findings(forward=lambda layer, a: np.ones((len(a), len(layer.V)), a.dtype))
    assert any(words.endswith("the weights that are set have no effect") for words in said), said


SMALL = SHAPES[0]


def changed(**methods):
    """Make a layer with one thing changed."""
    return type("Changed", (OwnHash,), methods)


def half(x):
    """Round to float16, as a GPU may do before it multiplies."""
    return x.astype(np.float16).astype(x.dtype)


def wrong_at_once(layer, dtype="float32"):
    """List what is wrong with a layer of the smallest size."""
    probe = Probe(layer, dtype)
    probe_shape(probe, *SMALL)
    return [f.words for f in probe.findings if f.ok is False]


EVERYTHING = """
the same input gives the same output when called again
set_w leaves its argument alone
the output has the shape (batch, n_out)
V is +-w[bucket], one real weight an entry
a second layer made in the same way has the same map
forward is a V^T for other weights, batch 1 at 10 x 12
forward is a V^T for other weights, batch 2 at 10 x 12
forward is a V^T for other weights, batch 5 at 10 x 12
forward is a V^T for other weights, batch 32 at 10 x 12
forward is a V^T for other weights, batch 64 at 10 x 12
forward is a V^T for other weights, batch 70 at 10 x 12
forward is a V^T for other weights, batch 128 at 10 x 12
forward is a V^T for other weights, batch 256 at 10 x 12
forward is as precise as float32 at 10 x 12
the input is not written to
a later call leaves an earlier output alone
an example gives the same output alone and in a batch
the output is float32, as the input is
new weights take effect at once, and forward is linear in w
another layer of the same shape does not change this one
the layer copies the weights that it is given
the output of an empty batch keeps its width
the gradient of the input fits V, batch 1 at 10 x 12
the gradient of the input fits V, batch 2 at 10 x 12
the gradient of the input fits V, batch 5 at 10 x 12
the gradient of the input fits V, batch 32 at 10 x 12
the gradient of the input fits V, batch 64 at 10 x 12
the gradient of the input fits V, batch 70 at 10 x 12
the gradient of the input fits V, batch 128 at 10 x 12
the gradient of the input fits V, batch 256 at 10 x 12
the gradient of the weights fits V, batch 1 at 10 x 12
the gradient of the weights fits V, batch 2 at 10 x 12
the gradient of the weights fits V, batch 5 at 10 x 12
the gradient of the weights fits V, batch 32 at 10 x 12
the gradient of the weights fits V, batch 64 at 10 x 12
the gradient of the weights fits V, batch 70 at 10 x 12
the gradient of the weights fits V, batch 128 at 10 x 12
the gradient of the weights fits V, batch 256 at 10 x 12
backward is as precise as float32 at 10 x 12
a second backward replaces the gradients of the first
forward gives the same for arrays in Fortran order
forward gives the same for arrays with negative strides
forward gives the same for arrays that are columns of a wider array
backward gives the same for arrays in Fortran order
backward gives the same for arrays with negative strides
backward gives the same for arrays that are columns of a wider array
backward writes to neither a nor dz
backward goes by the input that it is given, not by that of the last forward
a later backward leaves earlier gradients alone
the gradient of the input follows new weights
a layer of the same shape with another K has a map of its own
the buckets are filled as evenly as by chance at 10 x 12
the last bucket is used at 10 x 12
no two rows and no two columns of V share all buckets at 10 x 12
V is not symmetric: (i, j) and (j, i) differ at 10 x 12
as many signs are + as - at 10 x 12
the sign depends on both the row and the column at 10 x 12
the sign is independent of the bucket at 10 x 12
""".strip().splitlines()


def test_of_a_right_layer_all_of_this_is_found_right():
    probe = Probe(OwnHash)
    assert not probe.passed  # nothing was looked at yet
    probe_shape(probe, *SMALL)
    assert probe.findings == [Finding(True, words) for words in EVERYTHING] and probe.passed
    assert probe.note(False, EVERYTHING[0]) is False and not probe.passed and probe.note(None, "unknown") is False
    assert probe.note(np.True_, EVERYTHING[0]) is True and len(probe.findings) == len(EVERYTHING) + 2


@pytest.mark.parametrize("kind", ["authors2015", "pytorch2019", "keras", "fold", "chunk", "tile"])
@pytest.mark.parametrize("changed", [False, True])
def test_a_right_map_of_another_kind_need_not_look_like_chance_and_a_wrong_one_must(kind, changed):
    class OneKind(NumpyLayer):
        kinds = (kind,)

        def __init__(self, spec, w, b=None):
            super().__init__(dataclasses.replace(spec, seed=spec.seed + changed), w, b)

    found = {(f.ok, f.words) for f in probe_layer(OneKind).findings}
    assert any(ok is False for ok, _ in found) <= changed
    own = f"V has the buckets and signs of kind {kind}, which need not look like chance"
    assert ((None, own) in found) != changed
    assert any("the last bucket is used" in words for _, words in found) == changed


def test_layers_of_five_sizes_are_made_and_what_they_raise_is_a_finding():
    def refuse(n_in, n_out, K):
        raise ValueError("no")

    probe = probe_layer(refuse)
    assert probe.findings == [
        Finding(False, f"a layer of {n_in} inputs, {n_out} outputs and K = {K} raised ValueError: no")
        for n_in, n_out, K in ((12, 10, 20), (33, 65, 97), (130, 257, 500), (24, 24, 60), (7, 5, 1))]
    assert probe_layer(OwnHash, "float64").passed


def test_a_layer_that_rounds_k_says_so():
    class Rounded(OwnHash):
        def __init__(self, n_in, n_out, K):
            super().__init__(n_in, n_out, -(-K // 8) * 8)

        def set_w(self, w):
            assert len(w) == self.K
            super().set_w(w)

    assert wrong_at_once(Rounded) == []


def test_a_layer_is_made_by_a_function_make_by_its_constructor_or_from_an_adapter():
    class WithMake:
        @staticmethod
        def make(n_in, n_out, K):
            return OwnHash(n_in, n_out, K)

    class NoBackward(Right):
        backward = Right.__mro__[1].backward

    assert maker(WithMake) is WithMake.make and maker(OwnHash) is OwnHash
    assert hasattr(maker(Right), "backward") and not hasattr(maker(NoBackward), "backward")
    made = as_layer_maker(Right)(3, 2, 4)
    assert made.K == 4 and made.spec == LayerSpec(3, 2, "xxhash", 4, 7, None, 0, "float32", "2/3")


@pytest.mark.parametrize(("change", "words"), [
    ({"forward": lambda s, a: OwnHash.forward(s, a).T}, ["the output has the shape (batch, n_out); found (10, 13) at"]),
    ({"forward": lambda s, a: OwnHash.forward(s, a) * (np.arange(10) != 3)},
     ["V is not +-w[bucket], one real weight an entry: it is 0 for output unit 3 only"]),
    ({"forward": lambda s, a: OwnHash.forward(s, a + 0.3 * np.roll(a, 1, axis=1))},
     ["V is not +-w[bucket], one real weight an entry: an entry holds several"]),
    ({"forward": lambda s, a: OwnHash.forward(s, a) + (a.shape[0] == 5)}, [EVERYTHING[7]]),
    ({"forward": lambda s, a: OwnHash.forward(s, a) * (a.shape[0] not in (32, 64, 128))},
     [EVERYTHING[8], EVERYTHING[9], EVERYTHING[11]]),
    ({"forward": lambda s, a: OwnHash.forward(s, a) * (1 + (np.arange(len(a)) > 99))[:, None].astype(a.dtype)},
     ["forward is wrong in example 100 and all after it, batch 128 at 10 x 12", EVERYTHING[11],
      "forward is wrong in example 100 and all after it, batch 256 at 10 x 12", EVERYTHING[12]]),
    ({"forward": lambda s, a: np.where((np.arange(10) == 3) & (len(a) == 5), np.nan, OwnHash.forward(s, a)).astype(
        a.dtype)},
     ["forward is wrong in output unit 3 only, batch 5 at 10 x 12", EVERYTHING[7]]),
    ({"forward": lambda s, a: OwnHash.forward(s, half(a))},
     ["forward is less precise than float32, as with float16, bfloat16 or TF32 at 10 x 12"]),
    ({"set_w": lambda s, w: OwnHash.set_w(s, half(w))},
     [f"{name} is less precise than float32, as with float16, bfloat16 or TF32 at 10 x 12"
      for name in ("forward", "backward")]),
    ({"backward": lambda s, a, dz: OwnHash.backward(s, a, half(dz))},
     ["backward is less precise than float32, as with float16, bfloat16 or TF32 at 10 x 12"]),
    ({"backward": lambda s, a, dz: (OwnHash.backward(s, a, dz)[0], half(dz) @ s.V)},
     ["backward is less precise than float32, as with float16, bfloat16 or TF32 at 10 x 12"]),
    ({"forward": lambda s, a: OwnHash.forward(s, a).astype(float)}, ["the output is float32, as the input is"]),
    ({"backward": lambda s, a, dz: (OwnHash.backward(s, a, dz)[0], dz @ abs(s.V))},
     EVERYTHING[22:30]),
])
def test_each_thing_that_is_wrong_is_found_and_nothing_else(change, words):
    found = wrong_at_once(changed(**change))
    assert len(found) == len(words) and all(a.startswith(b) for a, b in zip(found, words, strict=True)), found


def test_an_output_that_a_later_call_overwrites_and_an_example_that_depends_on_its_batch():
    class OneBuffer(OwnHash):
        def forward(self, a):
            out = super().forward(a)
            kept = self.__dict__.setdefault("kept", {}).setdefault(a.shape, out)
            kept[...] = out
            return kept

    class Centred(OwnHash):
        def forward(self, a):
            return super().forward(a) + (len(a) == 6) * (a[:, :1] - a[0, 0])

    class Writes(OwnHash):
        def forward(self, a):
            out = super().forward(a)
            a[:1, 0] = 9
            return out

    class Late(OwnHash):
        def set_w(self, w):
            now = self.__dict__.get("V")
            super().set_w(w)
            if now is not None and np.abs(w).max() > 2 and not (w == np.arange(1, len(w) + 1)).all():
                self.V = now

    assert "the input is not written to" in wrong_at_once(Writes)
    assert wrong_at_once(OneBuffer) == ["a later call leaves an earlier output alone"]
    assert wrong_at_once(Centred)[0] == "an example gives the same output alone and in a batch"
    assert wrong_at_once(Late)[0] == "new weights take effect at once, and forward is linear in w"


def test_what_a_layer_does_not_have_is_unknown_and_no_mistake():
    probe = Probe(changed(backward=lambda s, a, dz: (OwnHash.backward(s, a, dz)[0], None)))
    probe_shape(probe, *SMALL)
    unknown = [f.words for f in probe.findings if f.ok is None]
    assert unknown == ["there is no gradient of the input"] and probe.passed

    class ForwardOnly:
        def __init__(self, *sizes):
            self.layer = OwnHash(*sizes)
            self.set_w = self.layer.set_w
            self.forward = self.layer.forward

    probe = Probe(ForwardOnly)
    probe_shape(probe, *SMALL)
    assert [f.words for f in probe.findings if f.ok is None] == ["there is no backward to check"] and probe.passed


def said_of(layer, *shape):
    """Say what is found of a layer: words -> whether it is as it should be."""
    probe = Probe(maker(layer))
    probe_shape(probe, *(shape or SMALL))
    return {f.words: f.ok for f in probe.findings}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("found", "words"), [
    (None, "what forward returns is None"), (np.nan, "what forward returns is not finite"),
    ("hello", "what forward returns is not an array of numbers: hello"),
    ([[1.0], [2.0, 3.0]], "what forward returns is not an array of numbers: [[1.0], [2.0, 3.0]]")])
def test_without_numbers_nothing_else_is_said(found, words):
    assert said_of(changed(forward=lambda s, a: found)) == {words: False}
    assert write_probe_report("x:Y", [Finding(False, words)]).splitlines()[2] == f"It breaks at: {words}"


@pytest.mark.filterwarnings("error")
def test_a_layer_that_is_not_finite_for_some_weights_only_is_found_without_a_warning():
    def divide(layer, w):
        with np.errstate(all="ignore"):
            OwnHash.set_w(layer, w / w.any())

    assert wrong_at_once(changed(set_w=divide)) == [
        "what forward returns is not finite for unit vectors, with weights of 0, 1 or 1 to K"]


@pytest.mark.parametrize(("gradients", "words"), [
    (lambda dw, da: (None, da), "dw is None"), (lambda dw, da: (dw * np.nan, da), "dw is not finite"),
    (lambda dw, da: (dw, da * np.inf), "da is not finite"),
    (lambda dw, da: ("dw", da), "dw is not an array of numbers: dw"),
])
def test_a_gradient_that_is_no_numbers_is_the_only_thing_said_of_backward(gradients, words):
    assert wrong_at_once(changed(backward=lambda s, a, dz: gradients(*OwnHash.backward(s, a, dz)))) == [words]


@pytest.mark.parametrize(("gradients", "words"), [
    (lambda dw, da: (dw.astype(float), da), "the gradient of the weights is float64, the layer float32"),
    (lambda dw, da: (dw, da.astype(float)), "the gradient of the input is float64, the layer float32")])
def test_a_gradient_of_another_dtype_is_noted(gradients, words):
    assert said_of(changed(backward=lambda s, a, dz: gradients(*OwnHash.backward(s, a, dz))))[words] is None


def test_a_set_w_that_writes_into_its_argument_is_found_only_as_that():
    def clear(layer, w):
        OwnHash.set_w(layer, w)
        w[...] = 0

    assert wrong_at_once(changed(set_w=clear)) == ["set_w leaves its argument alone"]


def test_a_square_v_that_is_transposed_and_a_single_bucket_are_looked_at():
    class Square(OwnHash):
        def forward(self, a):
            return a @ self.V if len(self.V) == a.shape[1] else a @ self.V.T

    class Lost(OwnHash):
        def forward(self, a):
            return super().forward(a) * (self.K > 1)

    wrong = [f.words for f in probe_layer(Square).findings if f.ok is False]
    assert wrong and all(words.startswith("the gradient of the") and words.endswith("at 24 x 24") for words in wrong)
    assert [f.words for f in probe_layer(Lost).findings if f.ok is False] == [
        "V is not +-w[bucket], one real weight an entry: the weights that are set have no effect"]


class Ignores(Right):
    """An adapter whose set_weights does nothing."""

    def set_weights(self, w, b):
        pass


class Keeps(Right):
    """An adapter whose set_weights keeps the array that it is given."""

    def set_weights(self, w, b):
        self.w = w


class Constructor(Right):
    """An adapter whose constructor keeps the array that it is given."""

    def __init__(self, spec, w, b):
        super().__init__(spec, w, b)
        self.w = w


def test_later_weights_of_an_adapter_go_to_its_set_weights():
    assert "V is not +-w[bucket], one real weight an entry: the weights that are set have no effect" in said_of(Ignores)
    for adapter in (Keeps, Constructor):
        assert said_of(adapter)["the layer copies the weights that it is given"] is False
    found = said_of(Right)
    assert found["new weights take effect at once, and forward is linear in w"] is True
    assert found["the gradient of the input follows new weights"] is True


def test_without_set_weights_nothing_is_said_of_new_weights():
    layer = type("Fixed", (Right,), {"set_weights": Adapter.set_weights})
    found = said_of(layer)
    assert found["there is no set_weights to check"] is None and False not in found.values()
    assert not [words for words in found if "new weights" in words]
    assert found["a later backward leaves earlier gradients alone"] is True
    found = said_of(type("OneBuffer", (layer,), {"backward": in_one_buffer}))
    assert found["a later backward leaves earlier gradients alone"] is False


def in_one_buffer(layer, a, dz):
    dw, db, da = Right.backward(layer, a, dz)
    layer.buffer = getattr(layer, "buffer", np.zeros_like(dw))
    layer.buffer[...] = dw
    return layer.buffer, db, da


@pytest.mark.parametrize("name", ["a_number", "made"])
def test_what_makes_no_layer_is_one_line(tmp_path, monkeypatch, capsys, name):
    (tmp_path / "no_layer.py").write_text("class Made:\n    make = 7\n\na_number = 7\nmade = Made()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["check", "--probe", f"no_layer:{name}"]) == 2
    err = capsys.readouterr().err
    assert f"no_layer:{name} is " in err and "a function (n_in, n_out, K) that makes a layer" in err
    assert err.count("\n") == 1


def test_gradients_that_add_up_are_found_only_as_that():
    class AddsUp(OwnHash):
        total = 0

        def backward(self, a, dz):
            dw, da = super().backward(a, dz)
            self.total = self.total + dw
            return self.total, da

    assert wrong_at_once(AddsUp) == ["a second backward replaces the gradients of the first"]


def test_a_map_that_is_drawn_anew_for_each_layer_is_found():
    count = iter(range(1000))

    class Drawn(OwnHash):
        def __init__(self, n_in, n_out, K):
            super().__init__(n_in, n_out, K)
            self.bucket = np.roll(self.bucket, next(count), axis=1)

    assert "a second layer made in the same way has the same map" in wrong_at_once(Drawn)
    signs = changed(__init__=lambda s, *sizes: (OwnHash.__init__(s, *sizes),
                                                setattr(s, "sign", np.roll(s.sign, next(count), axis=1)))[0])
    assert "a second layer made in the same way has the same map" in wrong_at_once(signs)


# ---- what is read off a layer, and computed from that


def read(layer, sizes=(2, 2, 4)):
    probe = Probe(layer)
    return read_map(probe, *sizes), probe.findings[-1]


class Fixed(OwnHash):
    """A layer of 2 x 2 with a given map, a factor before w, and a bias."""

    scale = 1.0
    bias = 0.0
    bucket = np.array([[0, 3], [1, 1]])
    sign = np.array([[1, -1], [-1, 1]])

    def __init__(self, n_in, n_out, K):
        self.K = K

    def set_w(self, w):
        self.V = self.scale * w[self.bucket] * self.sign

    def forward(self, a):
        return a @ self.V.T + self.bias


@pytest.mark.parametrize(("scale", "bias", "words"), [
    (1.0, 0.0, ""), (1.0, 2.5, ""), (0.25, 0.0, "0.25, which is 1/K"), (1.00009, 0.0, ""),
    (1.0002, 0.0, "1.0002"), (3.0, -1.0, "3"), (2**-0.5, 0.0, "0.707107, which is 1/sqrt(n_in)"),
])
def test_bucket_and_sign_are_read_with_the_factor_before_the_weights(scale, bias, words):
    m, finding = read(type("Scaled", (Fixed,), {"scale": scale, "bias": bias}))
    right = Finding(True, "V is +-w[bucket], one real weight an entry")
    assert finding == (Finding(False, f"V is multiplied by {words}") if words else right)
    assert m.bucket.tolist() == [[0, 3], [1, 1]] and m.sign.tolist() == [[1, -1], [-1, 1]]
    assert m.scale == pytest.approx(scale) and m.column.tolist() == [0, 0]


def test_an_entry_that_is_no_single_weight_is_seen():
    class Difference(Fixed):  # 2 w[k] - w[0]: 1 for weights of 1, and 1, 3, 5 for w = 1, 2, 3, 4
        bucket = np.array([[0, 1], [2, 1]])

        def set_w(self, w):
            self.V = 2 * w[self.bucket] - w[0]

    for row, column in np.ndindex(2, 2):
        other = [[0, 0], [0, 0]]
        other[row][column] = 1

        class Sum(Fixed):  # one entry is w[0] + w[1], which is 3 for w = 1, 2, as w[2] is
            bucket = np.array([[0, 0], [0, 0]])

            def set_w(self, w, more=other):
                self.V = w[self.bucket] + w[1] * np.array(more)

        assert read(Sum)[0] is None

    class Between(Fixed):
        def set_w(self, w):
            self.V = w[self.bucket] + 0.3 * (w[1] - w[0])

    assert read(Between)[0] is None
    m, finding = read(Difference)
    assert m is None and finding.words.endswith("an entry holds several") and finding.ok is False
    for factor in (0.999, 1.001):  # one entry of another size
        scaled = type("Scaled", (Fixed,), {"scale": np.array([[factor, 1.0], [1.0, 1.0]])})
        assert read(scaled)[0] is None
    zero = type("Zero", (Fixed,), {"sign": np.array([[1, 0], [-1, 1]])})
    assert read(zero)[1].words.endswith("entry: 1 entries of V are 0, as with a sign of 0 or 1")
    nothing = type("Nothing", (Fixed,), {"sign": np.zeros((2, 2))})
    assert read(nothing)[1].words.endswith("the weights that are set have no effect")


def test_a_bias_column_is_read_as_bucket_numbers_with_signs():
    layer = WithColumn(3, 4, 9)
    for scale in (1.0, 2.0):
        scaled = {"forward": lambda s, a, by=scale: by * WithColumn.forward(s, a)}
        m, _ = read(type("Scaled", (WithColumn,), scaled), (3, 4, 9))
        assert m.column.tolist() == ((layer.bucket[:, 0] + 1) * layer.sign[:, 0]).tolist()
        assert m.bucket.tolist() == layer.bucket[:, 1:].tolist()


M = Map(np.array([[0, 2, 0], [1, 1, 0]]), np.array([[1, -1, -1], [1, 1, 1]]), 2.0, np.array([-3, 0]))
PLAIN = M._replace(column=np.zeros(2, int))
A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]])
DZ = np.array([[1.0, 10.0], [3.0, -1.0]])
DV = DZ.T @ A  # [[13, 17, 24], [6, 15, 23]]
DW = np.array([2.0 * (13 - 24 + 23), 2.0 * (6 + 15), 2.0 * -17, 0.0])


def test_v_its_bias_and_its_gradient_are_those_of_the_map():
    w = np.array([3.0, 5.0, 7.0, 11.0])
    assert matrix_of(M, w).tolist() == [[6.0, -14.0, -6.0], [10.0, 10.0, 6.0]]
    assert beta_of(M, w).tolist() == [-14.0, 0.0] and beta_of(PLAIN, w).tolist() == [0.0, 0.0]
    assert weight_gradient(PLAIN, A, DZ, 4).tolist() == DW.tolist()
    assert weight_gradient(M, A, DZ, 4).tolist() == [*DW[:2], DW[2] - 2.0 * 4.0, 0.0]


@pytest.mark.parametrize(("dw", "name"), [
    (DW / [3, 2, 1, 1], "GradientMean"), (DW / 2, "BatchAveraged"),
    ([2 * (13 + 24 + 23), 2 * 21, 2 * 17, 0], "GradientSignMissing"),
    ([2 * (4 * 5 - 4 * 10 + 9 * 10), 2 * (9 * 5 + 9 * 7), 2 * -4 * 7, 0], "BatchMixed"),
    ([23, 15, -17, 0], "DuplicateDropped"), (DW + 1, ""), (DW[:3] / 2, ""),
])
def test_a_wrong_gradient_is_named(dw, name):
    said = name_gradient(PLAIN, A, DZ, 4, np.array(dw, float), DW)
    assert said.partition(" ")[0] == name and said.endswith(")") == bool(name)
    layer = type("Wrong", (Fixed,), {"bucket": PLAIN.bucket, "sign": PLAIN.sign, "scale": 2.0})
    probe = Probe(lambda *sizes: layer(*sizes))
    layer.backward = lambda s, a, dz: (weight_gradient(PLAIN, a, dz, 4) / len(a), dz @ s.V)
    check_gradients(probe, PLAIN, 3, 2, 4)
    assert [f.words for f in probe.findings if f.ok is False] == [
        "dw is exactly that of BatchAveraged (divided by the batch size)",
        *(f"the gradient of the weights fits V, batch {batch}" for batch in BATCHES[1:])]


@pytest.mark.parametrize(("found", "wanted", "is_close"), [
    ([0.0, 1e-5], [0.0, 0.0], True), ([0.0, 1.1e-5], [0.0, 0.0], False), ([0.0, -1.1e-5], [0.0, 0.0], False),
    ([-100.0, 1e-3], [-100.0, 0.0], True), ([100.0, 1.1e-3], [100.0, 0.0], False), ([np.nan], [0.0], False),
    ([0.0], [0.0, 0.0], False), (np.zeros((0, 3)), np.zeros((0, 3)), True),
])
def test_close_is_1e_5_of_the_largest_or_of_1(found, wanted, is_close):
    assert close(found, np.array(wanted)) is is_close


def test_forward_is_right_only_if_all_batches_are():
    first = changed(forward=lambda s, a: OwnHash.forward(s, a) + (len(a) == 1) * a[:, :1])
    for layer, right in ((OwnHash, True), (first, False)):
        m = read_map(Probe(OwnHash), *SMALL)
        probe = Probe(layer)
        assert bool(check_forward(probe, m, *SMALL)) == right
        assert [f.ok for f in probe.findings] == [right] + [True] * (len(BATCHES) - 1) + [True] * right


# ---- whether a map looks like a hash: thresholds


def told(bucket, K, sign=None):
    """Say what is found of a map: the beginning of the words -> whether it is as it should be."""
    bucket = np.asarray(bucket)
    sign = np.where(np.indices(bucket.shape).sum(axis=0) % 2, 1, -1) if sign is None else np.asarray(sign)
    probe = Probe(OwnHash)
    check_map(probe, Map(bucket, sign, 1.0, np.zeros(len(bucket), int)), K)
    return {f.words: f.ok for f in probe.findings}


@pytest.mark.parametrize(("zeros", "ok"), [(150, True), (151, False), (106, True), (105, False)])
def test_buckets_are_even_up_to_five_standard_deviations_of_chi_squared(zeros, ok):
    bucket = (np.arange(256) >= zeros).reshape(16, 16).astype(int)  # chi^2 = (zeros - ones)^2 / 256, at most 8.07
    assert told(bucket, 2)["the buckets are filled as evenly as by chance"] is ok


@pytest.mark.parametrize(("loads", "ok"), [
    ((18, 18, 0), True), ((20, 19, 0), False), ((38, 0, 1), True), ((20, 0, 19), True), ((39, 0, 0), False)])
def test_the_last_bucket_is_used_where_a_bucket_has_more_than_twelve_weights(loads, ok):
    bucket = np.repeat(np.arange(3), loads).reshape(3, -1)
    assert told(bucket, 3)["the last bucket is used"] is ok


@pytest.mark.parametrize(("bucket", "ok"), [
    ([[0, 1], [1, 0]], True), ([[0, 1], [0, 1]], False), ([[0, 0], [1, 1]], False), ([[0, 1, 2], [1, 0, 2]], True)])
def test_no_two_rows_and_no_two_columns_are_alike(bucket, ok):
    assert told(bucket, 3)["no two rows and no two columns of V share all buckets"] is ok


@pytest.mark.parametrize(("different", "ok"), [(5, True), (4, False)])
def test_a_symmetric_map_is_seen(different, ok):
    """Of 55 pairs, 1/4 + 5 / sqrt(55) may be equal, which is 50.8."""
    i, j = np.indices((12, 11))
    bucket = (np.minimum(i, j) + 2 * np.maximum(i, j)) % 4
    for n in range(different):
        bucket[n, n + 1] = (bucket[n + 1, n] + 1) % 4
    assert told(bucket, 4)["V is not symmetric: (i, j) and (j, i) differ"] is ok


@pytest.mark.parametrize(("plus", "ok"), [(74, True), (75, False), (26, True), (25, False)])
def test_signs_are_balanced_up_to_five_standard_deviations(plus, ok):
    sign = np.where(np.arange(100) < plus, 1, -1).reshape(10, 10)
    assert told(np.zeros((10, 10), int), 1, sign)["as many signs are + as -"] is ok


def test_a_map_without_signs_is_right_and_gets_advice():
    found = told([[0, 1], [1, 0]], 2, np.ones((2, 2)))
    assert [ok for words, ok in found.items() if words.startswith("there are no signs")] == [None]
    assert not [words for words in found if "as many signs" in words]


@pytest.mark.parametrize(("signs", "ok"), [
    (["++++", "----", "++--", "+-+-"], False), (["++++", "+--+", "++--", "+-+-"], True), (["++-+", "---"], True),
    (["++++", "---"], False), (["+++", "---"], True), (["+++++", "-----"], False),
])
def test_buckets_of_four_or_more_weights_have_both_signs(signs, ok):
    bucket = np.repeat(np.arange(len(signs)), [len(each) for each in signs])[None]
    sign = np.array([1 if each == "+" else -1 for each in "".join(signs)])[None]
    probe = Probe(OwnHash)
    check_signs(probe, Map(bucket, sign, 1.0, np.zeros(1, int)), len(signs), "")
    assert probe.findings[-1] == Finding(ok, "the sign is independent of the bucket")


# ---- what a layer may be


class Adapting(NumpyLayer):
    """An adapter that refuses whatever it does not say that it does."""

    def __init__(self, spec, w, b):
        for attribute, given in (("dtypes", spec.dtype), ("kinds", spec.kind), ("biases", spec.bias)):
            if given not in getattr(self, attribute):
                raise ValueError(f"{given!r} is not in {attribute}")
        if not self.takes_buckets and not isinstance(spec.compression, str):
            raise ValueError("no compression")
        super().__init__(spec, w, b)


@pytest.mark.parametrize("claims", [
    {"takes_buckets": False}, {"takes_buckets": False, "biases": ("hashed",)}, {"biases": ("dense",)},
    {"biases": ("column",)}, {"dtypes": ("float64",)}, {"kinds": ("pytorch2019",), "biases": ("hashed", None)},
])
def test_an_adapter_is_probed_with_what_it_says_that_it_does(claims):
    adapter = type("Claims", (Adapting,), claims)
    probe = Probe(maker(adapter), adapter.dtypes[0] if "dtypes" in claims else "float32")
    probe_shape(probe, *SMALL)
    assert probe.passed, [f.words for f in probe.findings if f.ok is False]
    assert probe_layer(adapter).dtype == probe.dtype


def test_make_may_be_a_method_and_backward_may_return_three_values():
    class Natural:
        def make(self, n_in, n_out, K):
            return changed(backward=lambda s, a, dz: (*OwnHash.backward(s, a, dz)[:1], None, dz @ s.V))(n_in, n_out, K)

    class Bare:
        def make(n_in, n_out, K):  # a function, asked of the class
            return OwnHash(n_in, n_out, K)

    assert wrong_at_once(maker(Natural)) == [] == wrong_at_once(maker(Bare))
    with pytest.raises(ValueError, match=r"backward must return \(dw, da\), or \(dw, db, da\) as an adapter does, got"):
        wrong_at_once(changed(backward=lambda s, a, dz: OwnHash.backward(s, a, dz)[0]))


def test_arrays_of_a_framework_and_lists_are_read():
    class Spelled:
        dtype = "<dtype: 'float32'>"

        def __init__(self, values):
            self.values = values

        def __array__(self, dtype=None, copy=None):
            return self.values if dtype is None else self.values.astype(dtype)

    assert wrong_at_once(changed(forward=lambda s, a: Spelled(OwnHash.forward(s, a)))) == []
    assert wrong_at_once(changed(forward=lambda s, a: OwnHash.forward(s, a).tolist())) == []


def test_a_layer_that_reads_memory_without_strides_is_found_and_one_that_refuses_is_right():
    def in_memory(x):
        return np.ravel(x, order="K").reshape(x.shape)

    def refuse(s, a):
        if not a.flags.c_contiguous:
            raise ValueError("not contiguous")
        return OwnHash.forward(s, a)

    assert wrong_at_once(changed(forward=lambda s, a: OwnHash.forward(s, in_memory(a)))) == [
        "forward gives the same for arrays in Fortran order"]
    assert "backward gives the same for arrays in Fortran order" in wrong_at_once(
        changed(backward=lambda s, a, dz: OwnHash.backward(s, a, in_memory(dz))))
    assert wrong_at_once(changed(forward=lambda s, a: OwnHash.forward(s, rows_as_one_piece(a)))) == [
        "forward gives the same for arrays that are columns of a wider array"]
    probe = Probe(changed(forward=refuse))
    probe_shape(probe, *SMALL)
    assert probe.passed and Finding(None, "forward refuses arrays with negative strides: ValueError: not contiguous"
                                    ) in probe.findings


FAULTY = """
import os, time
from test_kit_probe import OwnHash

class Exits(OwnHash):
    def forward(self, a):
        if len(a) == 70:
            raise SystemExit(3)
        return super().forward(a)

class Ends(OwnHash):
    def forward(self, a):
        print("noise")
        if len(a) == 70:
            os._exit(4)
        return super().forward(a)

class Hangs(OwnHash):
    def forward(self, a):
        if len(a) == 70:
            time.sleep(60)
        return super().forward(a)
"""


@pytest.mark.parametrize(("name", "words"), [
    ("Exits", "a layer of 12 inputs, 10 outputs and K = 20 raised SystemExit: 3"),
    ("Ends", "the layer did not survive: its process ended with exit code 4 before it answered"),
    ("Hangs", "the layer gave no answer within 1 s"),
])
def test_a_probe_survives_its_layer_and_reports_what_it_found(tmp_path, monkeypatch, capsys, name, words):
    (tmp_path / "faulty.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(str(tmp_path))
    findings = probe_outside(f"faulty:{name}", 1.0 if name == "Hangs" else 60.0)
    assert [f.words for f in findings if f.ok is False][0] == words and not all_right(findings)  # noqa: RUF015
    assert sum(f.ok is True for f in findings) >= 5
    assert f"It breaks at: {words}" in write_probe_report("faulty:Layer", findings) and not capsys.readouterr().out


def test_an_adapter_that_says_what_cannot_be_is_one_line_for_a_probe_too(tmp_path, monkeypatch, capsys):
    (tmp_path / "comma.py").write_text("from right_layer import Right\nclass Comma(Right):\n    biases = (None)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for way in ([], ["--probe"]):
        assert main(["check", *way, "comma:Comma"]) == 2
        err = capsys.readouterr().err
        assert "Comma.biases must be a tuple, got None" in err and err.count("\n") == 1


@pytest.mark.parametrize(("arguments", "words"), [
    (["--probe", "x:Y", "--json", "out.json"], "--probe does not use --json; leave it out"),
    (["--probe", "x:Y", "--topic", "hash"], "--probe does not use --topic"),
    (["--probe", "x:Y", "--examples", "3"], "--probe does not use --examples"),
    (["--export", "out", "--all"], "--export does not use --all"),
    (["--export", "out", "--time-limit", "3"], "--export does not use --time-limit"),
])
def test_options_without_an_effect_are_refused(capsys, arguments, words):
    assert main(["check", *arguments]) == 2
    assert words in capsys.readouterr().err


DOCS = Path(__file__).parent.parent / "docs" / "cross-check.md"


def test_the_layer_of_the_page_can_be_copied_and_gives_the_report_of_the_page(tmp_path, monkeypatch):
    page = DOCS.read_text()
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.S) if "WrongGradient" in block]
    (tmp_path / "other_hash.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert all_right(probe_outside("other_hash:Layer"))
    report = write_probe_report("other_hash:WrongGradient", probe_outside("other_hash:WrongGradient"))
    assert f"```text\n{report}\n```" in page


# ---- another map, and the report


def test_a_layer_with_another_map_is_told_from_one_that_is_wrong():
    class Other(Right):
        @classmethod
        def split(cls, x, buckets):
            return (x >> 7) % buckets, -1 if x & 32 else 1

    class OtherAveraged(Other):
        def backward(self, a, dz):
            dw, db, da = super().backward(a, dz)
            return dw / len(a), db, da

    class HalfUsed(Other):
        @classmethod
        def split(cls, x, buckets):
            return Other.split(x, buckets // 2)

    class OneBatchWrong(Other):
        def forward(self, a):
            return super().forward(a) + (len(a) == 70)

    class Raises(Other):
        def forward(self, a):
            raise ValueError

    assert find_another_map(Other).endswith("another hash, key, seed, index base or choice of bits.")
    assert "and its gradients fit that V. Only which bucket" in find_another_map(Other)
    averaged = find_another_map(OtherAveraged)
    assert "choice of bits; beside that: dw is exactly that of BatchAveraged" in averaged and averaged.endswith(".")
    assert "beside that: it is not true that the buckets are filled as evenly as by" in find_another_map(HalfUsed)
    assert find_another_map(Other).startswith("Another map: z = a V^T for a V of its own")
    assert find_another_map(OneBatchWrong) == "" == find_another_map(Raises)
    assert find_another_map(type("Zero", (Other,), {"forward": lambda s, a: 0 * Right.forward(s, a)})) == ""


@pytest.mark.parametrize("bias", [None, "dense", "hashed", "column"])
def test_a_layer_with_the_right_map_has_no_other_whatever_else_is_wrong(bias):
    adapter = type("Claims", (Right,), {"biases": (bias,)})
    assert find_another_map(adapter) == ""
    assert find_another_map(type("NoBias", (adapter,), {"beta": lambda s: 0, "bias_gradient": lambda s, dz: s.b})) == ""
    flipped = type("Flipped", (adapter,), {"split": classmethod(lambda cls, x, K: ((x >> 1) % K, 2 * (x & 1) - 1))})
    assert find_another_map(flipped).startswith("Another map")  # where only the signs differ
    assert ("nothing is known of them" in find_another_map(flipped)) == (bias in ("dense", "hashed"))


def test_a_factor_before_the_weights_is_reported_first_and_is_no_other_map():
    class Scaled(Right):
        def forward(self, a):
            return super().forward(a) * a.dtype.type(0.5)

        def backward(self, a, dz):
            dw, db, da = super().backward(a, dz)
            return dw * a.dtype.type(0.5), db, da * a.dtype.type(0.5)

    class ScaledByInputs(Scaled):
        def forward(self, a):
            return Right.forward(self, a) * a.dtype.type(a.shape[1] ** -0.5)

    assert find_another_map(Scaled).startswith("V is multiplied by 0.5. But for this factor, z = a V^T")
    assert "Beside that" not in find_another_map(Scaled) and "Another map" not in find_another_map(Scaled)
    words = find_another_map(ScaledByInputs)
    assert words.startswith("V is multiplied by 0.288675, which is 1/sqrt(n_in).")
    assert words.endswith("Beside that: it is not true that the gradient of the input fits V; it is not true that the "
                          "gradient of the weights fits V.")
    assert not probe_layer(as_layer_maker(Scaled)).passed


def test_sizes_are_left_out_where_a_finding_is_reported_once_for_all():
    assert without_sizes("it fits, batch 70 at 65 x 33") == "it fits" == without_sizes("it fits at 257 x 130")
    assert without_sizes("at 5 x 5 it fits") == "at 5 x 5 it fits"


def test_the_report_of_a_probe_says_first_what_is_wrong():
    probe = Probe(OwnHash, findings=[
        Finding(True, "a"), Finding(None, "b"), Finding(False, "c at 5 x 3"), Finding(False, "c at 7 x 3"),
        Finding(True, "d, batch 1 at 5 x 3"), Finding(False, "e")])
    lines = write_probe_report("mine:Layer", probe.findings).splitlines()
    assert lines[:4] == ["mine:Layer, probed without knowledge of its hash", "",
                         "It breaks here; this should be true and is not: c at 5 x 3", ""]
    assert lines[4:9] == ["  FAIL  c (2 times)", "  FAIL  e", "  -     b", "  ok    a", "  ok    d"]
    assert lines[9] == "" and lines[10].startswith("A probe cannot see which hash")
    assert lines[11:] == ["FAILED: 2 findings pass, 3 fail"]
    probe.findings = [Finding(True, "a"), Finding(None, "b")]
    lines = write_probe_report("mine:Layer", probe.findings).splitlines()
    assert lines[2] == "Everything that a probe can see is as it should be."
    assert lines[-1] == "PASSED: 1 findings pass, 0 fail"
