"""What is said of failures follows from the results alone: the verdict, the outputs that are wrong, the first line."""

from dataclasses import replace

import numpy as np
import pytest

from hashnets_np.conformance.cases import Case, sums
from hashnets_np.conformance.compare import sums_differ
from hashnets_np.conformance.diagnosis import describe_outputs, diagnose
from hashnets_np.conformance.outside import Command
from hashnets_np.conformance.probe import probe_layer
from hashnets_np.conformance.report import write_report
from hashnets_np.conformance.runner import FAILS, NOT_COVERED, PASSES, Result


def case(number, valid=True):
    expected = {"z": np.ones(2), "dw": np.ones(2)}
    return Case(f"forward-{number:03}", "forward", "forward", "", (), valid, "float32", 1e-5, {}, expected, ())


def failure(number, manner="", valid=True, **more):
    return Result(case(number, valid), FAILS, "wrong", outputs={"z": manner}, **more)


def test_a_manner_that_most_failures_share_is_said_and_others_are_those_of_one_case():
    shared = [failure(1, "row 1"), failure(2, "row 1"), failure(3)]
    assert describe_outputs(shared) == "wrong: z; right: dw (row 1)"
    assert describe_outputs([failure(1, "row 1"), failure(2), failure(3)]) == (
        "wrong: z; right: dw (in forward-001: z: row 1)")
    assert describe_outputs([failure(1), failure(2)]) == "wrong: z; right: dw"
    assert describe_outputs([failure(1, compared=False)]) == ""


def test_a_fault_of_the_machine_is_a_verdict_only_if_it_is_behind_every_valid_failure():
    machine = failure(1, error="out of memory", machine=True)
    assert diagnose([machine, failure(2, valid=False)]).verdict == "cannot run"
    assert diagnose([machine, failure(2, machine=True, error="out of memory")]).error == "out of memory"
    assert diagnose([machine, failure(2, "row 1")]).verdict == "failed"


def test_stages_before_the_first_failure_are_told_apart_by_whether_they_pass_or_are_not_covered():
    def of(topic, status):
        return Result(replace(case(9), topic=topic, operation=topic), status)

    found = diagnose([of("hash", PASSES), of("gather", NOT_COVERED), failure(1, "row 1")])
    assert (found.stage.name, found.right) == ("forward", ("hash",)) and "gather" not in found.right


def test_a_vector_that_is_given_by_its_sums_is_placed_by_64_entries():
    values = np.ones(200)
    rows, columns = sums(values)
    expected = {"shape": [200], "row_sums": rows, "column_sums": columns}
    assert sums_differ("dw", expected, values, 1e-5) == ""
    values[70] = 2.0
    words = "dw: 1 of 4 sums of 64 entries differ, first that of 64 on"
    assert sums_differ("dw", expected, values, 1e-5) == words


def test_where_no_case_gave_an_answer_the_first_error_is_said():
    raised = [Result(case(n), FAILS, f"raised {text}", compared=False, error=text) for n, text in ((1, "a"), (2, "b"))]
    said = "No case gave an answer to compare; the first error: raised a"
    assert said in write_report("mine:Layer", raised)
    assert "No case gave an answer" not in write_report("mine:Layer", [*raised, failure(3, "row 1")])
    assert "No case gave an answer" not in write_report("mine:Layer", [Result(case(1), PASSES), failure(2, "row 1")])


def test_a_bug_is_counted_against_the_failures_that_it_could_explain_only():
    wrong = ({"flag": "TransposedKey", "z": [0.31415, -2.71828, 1.41421, 1.73205, -0.57721, 1.61803]},)
    its_own = [replace(failure(n), case=replace(case(n), wrong=wrong), bugs={"TransposedKey"}) for n in (1, 2)]
    others = [failure(n, "row 1") for n in range(3, 12)]
    assert diagnose([*its_own, *others]).bugs == (("TransposedKey", 2, 2),)


def test_a_program_that_cannot_be_started_is_one_line():
    with pytest.raises(ValueError, match=r"^cannot start '/nowhere/layer --fast': No such file or directory$"):
        Command("/nowhere/layer --fast")


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
        return np.bincount(self.bucket.ravel(), (dz.T @ a * self.sign).ravel(), self.K), dz @ self.V


def findings(**changed):
    return {f.words: f.ok for f in probe_layer(type("Changed", (OwnHash,), changed)).findings}


def test_the_probe_wants_as_many_plus_as_minus():
    balanced = [ok for words, ok in findings().items() if words.startswith("as many signs are + as -")]
    most_plus = [ok for words, ok in findings(plus=0.7).items() if words.startswith("as many signs are + as -")]
    assert balanced and all(balanced) and most_plus and not any(most_plus)


def test_the_probe_reads_the_map_off_a_layer_that_adds_a_constant():
    assert not [words for words, ok in findings(constant=0.5).items() if words.startswith("V is not") and ok is False]


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
    assert not [f.words for f in probe_layer(WithColumn).findings if f.words.startswith("V is not") and f.ok is False]


def test_the_probe_tells_weights_without_effect_from_entries_that_are_zero():
    said = findings(forward=lambda layer, a: np.ones((len(a), len(layer.V)), a.dtype))
    assert any(words.endswith("the weights that are set have no effect") for words in said), said
