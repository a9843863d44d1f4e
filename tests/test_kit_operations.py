"""How a case is asked: what an adapter is given, what it may leave out, and the lines that a report prints."""

import inspect
from dataclasses import replace

import numpy as np
import pytest

from hashnets_np.conformance import Adapter, NotCovered, check_shapes
from hashnets_np.conformance.adapter import LayerSpec, check_labels
from hashnets_np.conformance.cases import Case, all_cases
from hashnets_np.conformance.operations import (
    Overwritten,
    answer_of,
    as_lines,
    as_text,
    by_name,
    lines_of,
    needs_shape,
    shorten,
    variables,
)

CASES = {case.id: case for case in all_cases()}
LAYER = {"n_in": 2, "n_out": 2, "kind": "xxhash", "buckets": 3, "seed": 1, "bias": None, "bias_buckets": 0,
         "w": [1.0, 2.0, 3.0], "b": None}


def case_of(operation, **inputs):
    return Case("c-001", "t", operation, "", (), True, "float32", 1e-5, inputs, {"z": [1.0]}, ())


# ---- the adapter


def test_a_method_that_is_not_written_is_not_covered():
    layer = Adapter(None, None, None)
    methods = [name for name in vars(Adapter) if not name.startswith("_") and callable(getattr(Adapter, name))]
    assert len(methods) > 10
    for name in methods:
        method = getattr(layer, name)
        with pytest.raises(NotCovered):
            method(*[None] * len(inspect.signature(method).parameters))


def test_labels_are_one_of_the_classes_for_each_row():
    z = np.zeros((3, 4))
    check_labels(z, np.array([0, 3, 1]))
    for y in ([-1, 0, 0], [0, 4, 0], [0, 1], [[0], [1], [2]]):
        with pytest.raises(ValueError, match=r"labels must be one of 0\.\.3 for each of 3 rows of z"):
            check_labels(z, np.array(y))


@pytest.mark.parametrize(("more", "b", "is_right"), [
    ({}, None, True), ({"n_in": 1, "n_out": 1}, None, True), ({"n_in": 0}, None, False), ({"n_out": 0}, None, False),
    ({"buckets": 5}, None, False), ({"bias": "dense"}, 2, True), ({"bias": "dense"}, 3, False),
    ({"bias": "dense"}, None, False), ({"bias": "hashed", "bias_buckets": 3}, 3, True), ({"bias": "column"}, 2, False),
    ({"bias": "hashed", "bias_buckets": 3}, 2, False), ({"bias": "column"}, None, True),
])
def test_weights_and_biases_fit_the_layer(more, b, is_right):
    spec = replace(LayerSpec(3, 2, "xxhash", 4, 7, None, 0, "float32"), **more)
    b = None if b is None else np.zeros(b)
    if is_right:
        return check_shapes(spec, np.zeros(4), b)
    with pytest.raises(ValueError, match="do not fit LayerSpec"):
        check_shapes(spec, np.zeros(4), b)


def test_batches_are_matrices_of_their_width_with_as_many_rows():
    spec = LayerSpec(3, 2, "xxhash", 4, 7, None, 0, "float32")
    right = np.zeros((5, 3))
    check_shapes(spec, np.zeros(4), None, (right, 3), (np.zeros((5, 2)), 2))
    for x, width in ((np.zeros(3), 3), (np.zeros((1, 5, 3)), 3), ([[0, 0, 0]], 3), (right, 2), (right[:4], 3)):
        with pytest.raises(ValueError, match="expected \\(batch"):
            check_shapes(spec, np.zeros(4), None, (right, 3), (x, width))


# ---- the lines


@pytest.mark.parametrize(("inputs", "needs"), [
    ({"kind": "fold", "n_out": 3}, True), ({"kind": "fold"}, False), ({"kind": "xxhash", "n_out": 3}, False),
    ({"kind": "authors2015_bias", "n_out": 3}, False), ({"kind": "tile_bias", "n_out": 3}, True),
])
def test_only_the_maps_of_newer_kinds_are_told_the_shape(inputs, needs):
    assert needs_shape(inputs) is needs
    (line,) = lines_of(case_of("bucket_sign", **inputs))
    assert ("n_cols=n_cols" in line) == needs
    assert variables(case_of("bucket_sign", **inputs))["size"] is None
    assert variables(case_of("bucket_sign", **inputs, size=4))["size"] == 4
    assert "size" not in variables(case_of("hash", i=[1], j=[2]))


SCRIPT = {"layers": [LAYER | {"b": [1.0]}], "steps": [
    {"call": "forward", "layer": 0, "a": [[1.0, 2.0]]}, {"call": "backward", "layer": 0, "a": [[1, 2]], "dz": [[1, 2]]},
    {"call": "set_weights", "layer": 0, "w": [1, 2, 3], "b": None}]}


def test_a_script_calls_its_layers_in_turn():
    assert lines_of(case_of("script", **SCRIPT)) == [
        "layer0 = {name}(spec0, weights0, biases0)", "z0 = layer0.forward(a_0)",
        "dw1, db1, da1 = layer0.backward(a_1, dz_1)", "layer0.set_weights(w_2, b_2)",
        "{{'z0': z0, 'dw1': dw1, 'db1': db1, 'da1': da1}}"]


def test_a_caller_that_uses_its_arrays_again_overwrites_each_after_the_call():
    assert lines_of(case_of("script", **SCRIPT, reused=True))[1:-1] == [
        "weights0[...] = 99", "biases0[...] = 99", "z0 = layer0.forward(a_0)", "a_0[...] = 99",
        "a_0[...] = a_1", "dw1, db1, da1 = layer0.backward(a_0, dz_1)", "a_0[...] = 99", "dz_1[...] = 99",
        "weights0[...] = w_2", "layer0.set_weights(weights0, b_2)", "weights0[...] = 99"]


class Returns(Adapter):
    """A layer whose every answer is the array it is told to return."""

    out = np.array([[1.0, np.nan]])

    def gather(self):
        return self.out

    def forward(self, a):
        self.out[0, 0] += 1
        return a


def asked(*calls, out):
    steps = [{"call": call, "layer": 0, **({"a": [[1.0, 2.0]]} if call == "forward" else {})} for call in calls]
    case = case_of("script", layers=[LAYER], steps=steps)
    return answer_of(type("R", (Returns,), {"out": np.array(out)}), case, variables(case))


def test_a_result_that_a_later_call_changes_is_not_one_that_stays_or_is_not_a_number():
    assert np.isnan(asked("gather", "gather", out=[[1.0, np.nan]])["V1"][0, 1])
    with pytest.raises(Overwritten, match="V0 was right when it was returned, and was changed by a later call"):
        asked("gather", "forward", out=[[1.0, 2.0]])


@pytest.mark.parametrize(("operation", "result", "found"), [
    ("hash", [1, 2], {"hash": [1, 2]}), ("bucket_sign", ([0], [1]), {"bucket": [0], "sign": [1]}),
    ("backward", (1, None, 3), {"dw": 1, "db": None, "da": 3}), ("script", {"z0": 1}, {"z0": 1}),
    ("network", (1, [(2, 3), (4, None)], 5), {"z": 1, "dx": 5, "dw0": 2, "db0": 3, "dw1": 4, "db1": None}),
    ("bucket_sign", [[0]], "expected 2 values (bucket, sign), got 1"),
    ("backward", (1, 2, 3, 4), "expected 3 values (dw, db, da), got 4"),
    ("backward", None, "backward returned None, expected (dw, db, da)"),
    ("sgd", 0.5, "step returned 0.5, expected (w, b)"),
    ("loss", {"loss": 1, "dz": 2}, "loss returned {'loss': 1, 'dz': 2}, expected (loss, dz)"),
])
def test_outputs_get_their_names(operation, result, found):
    if isinstance(found, dict):
        assert by_name(case_of(operation), result) == found
    else:
        with pytest.raises(ValueError) as caught:
            by_name(case_of(operation), result)
        assert str(caught.value) == found


@pytest.mark.parametrize("size", [0, 1, 500, 501])
def test_an_array_is_written_out_up_to_500_entries_and_above_that_by_what_most_entries_are(size):
    x = np.full(size, 2.0, np.float32)
    x[size // 2 :: 100] = 7
    text, *settings = as_text(x).split("; ")
    assert ("np.full" in text) == bool(settings) == (size > 500)
    scope = {"np": np, "x": eval(text)}
    for line in settings:
        exec(line.replace("{var}", "x"), scope)
    assert scope["x"].dtype == np.float32 and scope["x"].tolist() == x.tolist()


def test_an_array_with_many_different_entries_is_written_in_full_or_comes_from_the_file():
    x = np.arange(600.0)
    x[22:] = 1
    assert "np.full" not in as_text(x) and eval(as_text(x), {"np": np}).tolist() == x.tolist()
    x[21] = 1
    assert "np.full" in as_text(x)
    z = np.arange(600.0).reshape(2, 300).tolist()
    loss = replace(CASES["loss-001"], inputs=CASES["loss-001"].inputs | {"z": z})
    lines = as_lines(loss, "mine:Layer")
    assert "case.id == 'loss-001'" in lines[3] and max(map(len, lines)) < 200
    assert "z = np.array([[0.0, 1.0, " in "\n".join(as_lines(replace(loss, topic="random"), "mine:Layer"))


def test_lists_tuples_and_ragged_rows_are_written_as_what_they_are():
    assert as_text([1, (2,), (3, None)]) == "[1, (2,), (3, None)]" and as_text(()) == "()"
    assert as_text(np.array([[1], [2, 3]], object)) == "np.array([[1], [2, 3]], object)"
    assert as_text(np.zeros((0, 3), np.float32)) == "np.array([], np.float32).reshape((0, 3))"


def test_a_report_prints_imports_arguments_calls_and_what_is_expected():
    case = CASES["derived-seed-001"]
    head, name, *lines, last = as_lines(case, "mine:Layer")
    assert (head, name) == ("import numpy as np", "from mine import Layer")
    assert lines == [f"{k} = {v!r}" for k, v in case.inputs.items()]
    assert last == f"print([Layer.derive_seed(seed, k) for k in n])  # expected: {case.expected}"
    refused = as_lines(replace(case, valid=False), "mine:Layer")
    assert refused[-1].endswith("# expected: an error") and not [line for line in refused if "LayerSpec" in line]
    of_layer = as_lines(CASES["forward-001"], "mine:Layer")
    assert of_layer[2] == "from hashnets_np.conformance import LayerSpec" and "layer = Layer(spec, w, b)" in of_layer


@pytest.mark.parametrize(("length", "shown"), [(200, "x" * 200), (201, "x" * 197 + "...")])
def test_a_long_value_is_shortened_to_200_characters(length, shown):
    assert shorten("x" * length) == shown
