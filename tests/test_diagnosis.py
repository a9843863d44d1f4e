"""Reports of failures follow from the results alone: the verdict, the outputs that are wrong, the first line."""

from dataclasses import replace

import numpy as np
import pytest

from hashnets_np.conformance.cases import Case, sums
from hashnets_np.conformance.common_ground import common_ground, features
from hashnets_np.conformance.compare import sums_differ
from hashnets_np.conformance.diagnosis import describe_outputs, diagnose, likely_bugs
from hashnets_np.conformance.program import Command
from hashnets_np.conformance.report import write_report
from hashnets_np.conformance.results import FAILS, NOT_COVERED, PASSES, Result


def case(number, valid=True):
    expected = {"z": np.ones(2), "dw": np.ones(2)}
    return Case(f"forward-{number:03}", "forward", "forward", "", (), valid, "float32", 1e-5, {}, expected, ())


def failure(number, manner="", valid=True, **more):
    return Result(case(number, valid), FAILS, "wrong", outputs={"z": manner}, **more)


def test_a_description_that_most_failures_share_is_reported_and_others_belong_to_one_case():
    shared = [failure(1, "row 1"), failure(2, "row 1"), failure(3)]
    assert describe_outputs(shared) == "wrong: z (row 1); right: dw"
    assert describe_outputs([failure(1, "row 1"), failure(2), failure(3)]) == (
        "wrong: z (in forward-001: z: row 1); right: dw")
    assert describe_outputs([failure(1), failure(2)]) == "wrong: z; right: dw"
    assert describe_outputs([failure(1, compared=False)]) == ""


def test_a_fault_of_the_machine_is_a_verdict_only_if_it_is_behind_every_valid_failure():
    machine = failure(1, error="out of memory", machine=True)
    assert diagnose([machine, failure(2, valid=False)]).verdict == "cannot run"
    assert diagnose([machine, failure(2, machine=True, error="out of memory")]).error == "out of memory"
    assert diagnose([machine, failure(2, "row 1")]).verdict == "failed"


def test_faults_of_the_machine_are_set_apart_where_other_valid_cases_were_answered():
    machine = failure(1, error="MemoryError: 9 TiB", machine=True, compared=False)
    passing = Result(case(2), PASSES)
    found = diagnose([machine, passing])
    assert (found.verdict, found.stage, found.unable, found.error) == ("failed", None, 1, "MemoryError: 9 TiB")
    report = write_report("mine:Layer", [machine, passing])
    assert report.splitlines()[2] == (
        "Everything else passes, but 1 case could not be run here: MemoryError: 9 TiB. Nothing is known about it: that "
        "is a fault of the machine or its set-up, or an import.")
    both = [machine, machine, passing, failure(3, "row 1")]
    assert diagnose(both).unable == 2 and diagnose(both).stage.name == "forward"
    report = write_report("mine:Layer", both)
    assert "forward (z = a V^T (Eq. 8)); 1 of 2 cases fail." in report and "Beside that, 2 cases could not be" in report
    accepted = failure(4, valid=False)
    assert diagnose([machine, accepted]).verdict == "cannot run"
    assert "Every answer is right, but 1 input of forward that must be refused is accepted." in write_report(
        "mine:Layer", [machine, passing, accepted])


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


def test_where_no_case_gave_an_answer_the_first_error_is_reported():
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


TELLING = [0.31415, -2.71828, 1.41421]


def result(status, topic="forward", would=(), bugs=(), numbers=TELLING, number=1, dtype="float32", **more):
    """A result in whose case the bugs `would` have shown, with these numbers; its answer is that of `bugs`."""
    wrong = tuple({"flag": flag, "z": numbers} for flag in would)
    of = replace(case(number), topic=topic, operation=topic, wrong=wrong, dtype=dtype)
    return Result(of, status, bugs=set(bugs), **more)


def fails(*bugs, would=None, **more):
    return result(FAILS, would=bugs if would is None else would, bugs=bugs, **more)


def test_one_error_in_one_case_may_be_the_layers_and_the_same_in_two_is_the_adapters():
    def raised(*errors):
        return diagnose([Result(case(n), FAILS, error=error) for n, error in enumerate(errors)])

    assert raised("ValueError: x").verdict == "failed"
    assert raised("ValueError: 1 row", "ValueError: 7 row") == raised("ValueError: 1 row", "ValueError: 2 row")
    assert (raised("E: 1", "E: 2").verdict, raised("E: 1", "E: 2").error) == ("always raises", "E: 1")
    assert raised("E: a", "E: b").verdict == "failed" == raised("", "").verdict
    assert raised("x" * 59 + "a", "x" * 59 + "b").verdict == "failed"  # only how an error begins counts
    assert raised("x" * 60 + "a", "x" * 60 + "b").verdict == "always raises"
    covered = [Result(case(1), FAILS, error="E"), Result(case(2), FAILS, error="E"), Result(case(3), PASSES)]
    assert diagnose(covered).verdict == "failed"
    assert diagnose([*covered[:2], Result(case(3), NOT_COVERED)]).verdict == "always raises"
    assert diagnose([*covered[:2], Result(case(3, valid=False), PASSES)]).verdict == "always raises"


def test_without_failures_it_is_a_pass_only_if_something_valid_passes():
    found = diagnose([Result(case(1), PASSES), Result(case(2), NOT_COVERED)])
    assert (found.verdict, found.excluded, found.bugs) == ("passed", 0, ())
    assert diagnose([Result(case(1, valid=False), PASSES)]).verdict == "nothing covered" == diagnose([]).verdict


def test_the_error_of_most_cases_is_that_of_the_machine():
    errors = [failure(n, error=error, machine=True) for n, error in enumerate(("a", "b", "b"))]
    assert diagnose(errors).error == "b"


def test_a_wrong_answer_says_more_than_an_input_that_should_have_been_refused():
    accepted = replace(fails(topic="hash"), case=replace(case(9, valid=False), topic="hash", operation="hash"))
    assert diagnose([accepted, fails(topic="loss")]).stage.name == "loss"
    assert diagnose([accepted, result(PASSES, "loss")]).stage.name == "hash"
    refused = replace(accepted, status=PASSES)  # says nothing about the hash itself
    found = diagnose([refused, result(PASSES, "gather"), result(NOT_COVERED, "scatter_add"), fails(topic="loss")])
    assert found.right == ("gather",) and found.open[:1] == ("hash",) and "scatter-add" in found.open


@pytest.mark.parametrize(("manner", "is_hidden"), [
    ("None", True), ("not numbers", True), ("of another shape: found (3,), expected (2,)", True),
    ("of another dtype", True), ("", False), ("transposed", False)])
def test_what_is_wrong_in_type_or_shape_is_not_blamed_on_a_stage_before_it(manner, is_hidden):
    before = result(NOT_COVERED, "gather")
    assert bool(diagnose([before, failure(1, manner), failure(2, manner)]).open) != is_hidden
    assert diagnose([before, failure(1, manner), failure(2, "row 1")]).open
    raised = replace(failure(3, compared=False), outputs={})
    assert diagnose([before, failure(1, manner), raised]).open
    unreadable = replace(raised, difference="gave an answer that cannot be read: ValueError: no")
    assert bool(diagnose([before, failure(1, manner), unreadable]).open) != is_hidden


def test_a_report_begins_with_the_shape_that_is_wrong():
    report = write_report("mine:Layer", [result(NOT_COVERED, "gather", difference="no gather"), failure(
        1, "of another shape: found (3,), expected (2,)"), Result(case(2), PASSES)])
    assert report.splitlines()[3] == (
        "  Outputs wrong: z (of another shape: found (3,), expected (2,)); right: dw.")


def test_layers_with_a_bias_are_a_stage_of_their_own():
    def of(operation, **inputs):
        return Result(replace(case(1), operation=operation, inputs=inputs), FAILS, "wrong")

    stages = [diagnose([of("forward", layer={"bias": bias})]).stage.name for bias in (None, "dense")]
    assert stages == ["forward", "bias"]
    assert diagnose([of("backward", layer={"bias": None})]).stage.name == "backward"
    assert diagnose([of("forward", layers=[{"bias": None}, {"bias": "column"}])]).stage.name == "bias"


def names(*results):
    return diagnose(list(results)).bugs


def test_a_bug_explains_more_than_half_of_the_failures_of_a_topic():
    known = [fails("A"), fails("A"), fails(would=["A"])]
    assert names(*known) == (("A", 2, 3),) and likely_bugs(known) == [("A", 2)]
    assert names(*known, fails(would=["A"])) == () == names(fails("A"), fails(would=["A"]))
    assert names(fails("A"), fails()) == (("A", 1, 1),)  # where it would not have shown, it is not asked
    assert names(fails("A"), fails(would=["A"], compared=False)) == (("A", 1, 1),)  # nor where there was no answer
    elsewhere = [fails(would=["A"], topic="gather")]
    assert names(fails("A"), *2 * elsewhere) == (("A", 1, 3),) and names(fails("A"), *3 * elsewhere) == ()


def test_a_bug_would_not_have_shown_in_many_cases_that_pass():
    shown = result(PASSES, would=["A"])
    assert names(fails("A"), shown, shown) == (("A", 1, 1),) and names(fails("A"), *3 * [shown]) == ()
    assert names(fails("A"), *3 * [result(PASSES, "gather", would=["A"])]) == (("A", 1, 1),)
    assert names(fails("A"), *3 * [result(NOT_COVERED, would=["A"])]) == (("A", 1, 1),)
    assert names(fails("A"), *3 * [result(PASSES, would=["B"])]) == (("A", 1, 1),)


def test_the_bug_of_most_failures_comes_first_and_the_next_explains_the_others():
    assert [name for name, *_ in names(fails("B"), fails("A", "B"), fails("A", "B"), fails("C"))] == ["B", "C"]
    both = fails("A", "B", would=["A", "B"])
    assert names(both)[0][0] == "A" and names(both, result(PASSES, "loss", would=["A"]))[0][0] == "B"
    unchecked = [fails("LabelsUnchecked"), fails("LabelsUnchecked"), fails("Z")]
    assert [name for name, *_ in names(*unchecked)] == ["Z", "LabelsUnchecked"]
    assert names(*unchecked)[1] == ("LabelsUnchecked", 2, 2)
    assert names(fails("OutputDtype", would=[])) == (("OutputDtype", 1, 1),)  # what was seen needs no other proof


@pytest.mark.parametrize(("numbers", "dtype", "is_named"), [
    ([50, -50], "int", False), ([51], "int", True), ([-51], "int", True), ([], "int", False),
    ([1, 2, 3, 1, 2, 3, 1], "int", False), ([1, 2, 3, 1, 2, 3, 1, 2], "int", True), ([1, 2] * 4, "int", False),
    ([1.0, 2.0, 3.0], "float32", True), ([1.0, 2.0, 2.0], "float32", False), ("not finite", "float32", True),
])
def test_an_answer_that_could_be_met_by_chance_names_no_bug(numbers, dtype, is_named):
    assert bool(names(fails("A", numbers=numbers, dtype=dtype))) == is_named


def test_what_is_seen_in_few_failures_is_reported_last():
    empty = fails("EmptyBatchShape", would=[])
    others = [fails(), fails()]
    assert diagnose([empty, *others]).bugs == (("EmptyBatchShape", 1, 1),)
    report = write_report("mine:Layer", [empty, *others])
    assert "  Beside that, EmptyBatchShape: " in report and "\n  EmptyBatchShape" not in report
    assert "\n  EmptyBatchShape: " in write_report("mine:Layer", [empty, empty, *others[:1]])
    assert [name for name, *_ in names(empty, empty, fails("A"), *others)] == ["A", "EmptyBatchShape"]


def test_an_answer_that_many_bugs_give_names_none():
    assert names(fails(*"ABCD"))[0][0] == "A" and names(fails(*"ABCDE")) == ()
    mixed = replace(fails("A", "B"), case=replace(case(1), wrong=({"flag": "A", "z": [1]}, {"flag": "B", "z": [99]})))
    assert [name for name, *_ in names(mixed)] == ["B"]  # the numbers of another bug prove nothing


def test_bugs_that_would_have_shown_and_did_not_are_counted():
    found = diagnose([fails("A", would=["A", "B", "C"]), fails(would=["C"]), fails(would=["D"], compared=False)])
    assert found.excluded == 2


# ---- what the failing cases share

LAYER = {"n_in": 4, "n_out": 3, "buckets": 6, "bias": "column", "bias_buckets": 0, "kind": "xxhash", "seed": 5}


def test_the_features_of_a_case_are_its_sizes_and_its_words():
    def of(valid=True, **inputs):
        return features(Result(replace(case(1, valid), inputs=inputs), FAILS))

    assert of(layer=LAYER, a=[[1, 2, 3, 4]] * 2, calls=2) == {
        "batch": 2, "n_in": 4, "n_out": 3, "K": 6, "seed": 5, "calls": 2, "virtual weights": 12,
        "virtual weights / K": 2.0, "dtype": "float32", "kind": "xxhash", "bias": "column", "input": "valid"}
    assert of(layer=LAYER | {"buckets": 0, "bias_buckets": 2})["virtual weights / K"] == 12.0
    assert of(layer=LAYER | {"bias_buckets": 2})["K_b"] == 2
    assert of(layer=LAYER, a={"shape": [9, 4]})["batch"] == 9 and of(valid=False, texts=[])["input"] == "to be refused"
    pairs = of(i=[3, 8, 1], j=[], seed=7)
    assert (pairs["largest i"], pairs["largest j"], pairs["seed"], of(i=[], j=[])["largest i"]) == (8, 0, 7, 0)
    assert of(texts=["a", "abc"])["length"] == 3 and of(texts=[])["length"] == 0
    row = of(layers=[LAYER, LAYER], steps=[{"call": "forward"}, {"call": "gather"}], reused=True)
    assert row["number of layers"] == 2 and row["n_in"] == 4 and row["arrays that the caller uses again"] == "yes"
    assert row["a call of forward"] == row["a call of gather"] == "yes" and row["a call of backward"] == "no"
    assert of(layers=[LAYER], steps=[])["arrays that the caller uses again"] == "no"
    assert "arrays that the caller uses again" not in of(layers=[LAYER])
    assert "virtual weights" not in of(layer=LAYER | {"n_in": "x"})


def with_batches(*batches, **more):
    """Failures with some sizes of batches, then two passing cases with batches of 4 and 5."""
    sizes = [(FAILS, batch, {}) for batch in batches] + [(PASSES, 4, more), (PASSES, 5, more)]
    return [Result(replace(case(n), inputs={"a": [[0]] * size, **also}), status)
            for n, (status, size, also) in enumerate(sizes)]


def test_what_failing_cases_share_sets_them_apart_from_those_that_pass():
    assert common_ground(with_batches(6, 9)) == ["batch is 6 or more (at most 5 where it passes)"]
    assert common_ground(with_batches(3, 1)) == ["batch is 3 or less (at least 4 where it passes)"]
    assert common_ground(with_batches(5, 9)) == common_ground(with_batches(4, 1)) == []
    assert common_ground(with_batches(6, 9)[:-1]) == []  # one case that passes shows too little
    assert common_ground(with_batches()) == []
    refused = [replace(r, case=replace(r.case, valid=False)) for r in with_batches()]
    assert common_ground([*with_batches(6)[:1], *refused]) == []
    uncovered = [replace(r, status=NOT_COVERED) for r in with_batches()]
    assert common_ground([*with_batches(6)[:1], *uncovered]) == []


def test_words_that_all_failing_cases_share_are_reported_and_no_more_than_three_things():
    def of(status, **inputs):
        return Result(replace(case(1), inputs={"layer": {**LAYER, **inputs}}), status)

    passing = [of(PASSES), of(PASSES)]
    assert common_ground([of(FAILS, bias="dense"), *passing]) == ["bias is dense"]
    assert common_ground([of(FAILS, bias="dense"), of(FAILS, bias="hashed"), *passing]) == []
    assert common_ground([of(FAILS, seed=9), of(FAILS, seed=None), *passing]) == []  # not all have one
    assert common_ground([of(FAILS, bias_buckets=3), of(PASSES, bias_buckets=2), of(PASSES)]) == []
    many = common_ground([of(FAILS, n_in=9, n_out=9, buckets=99, bias="dense"), *passing])
    assert [line.split(" is ")[0] for line in many] == ["n_in", "n_out", "K"]
    numbers = common_ground([of(FAILS, buckets=7), *passing])
    assert numbers[1] == "virtual weights / K is 1.714 or less (at least 2 where it passes)"
    steps = [Result(replace(case(1), inputs={"layers": [LAYER], "steps": [{"call": call}]}), status)
             for call, status in (("gather", FAILS), ("forward", PASSES), ("forward", PASSES))]
    assert common_ground(steps) == ["a call of forward: no", "a call of gather: yes"]


def test_outputs_are_called_wrong_or_right_without_their_numbers_and_the_case_with_most_is_shown():
    def of(number, **outputs):
        return replace(failure(number), outputs=outputs,
                       case=replace(case(number), expected={"z0": 1, "z1": 1, "dw1": 1, "db1": None}))

    assert describe_outputs([of(1, z0="", z1="")]) == "wrong: z; right: dw"
    assert describe_outputs([of(1, z0="a"), of(2, z1="b", dw1="c"), of(3, z0="d")]) == (
        "wrong: dw (c), z")
    assert describe_outputs([of(1, z0="a"), of(2, z0="b", dw1=""), of(3, z1="e", dw1="")]) == (
        "wrong: dw, z (in forward-001: z0: a)")
    assert describe_outputs([of(1, z0="a; b", z1="a"), of(2, z0="a")]) == "wrong: z (a); right: dw"
    assert describe_outputs([of(n, dw1="the negative") for n in range(3)]) == "wrong: dw (the negative); right: z"
    assert describe_outputs([of(1, z0="a; b; c; d"), of(2, z0="a; b; c; d")]).count("; ") == 3
    assert describe_outputs([of(1), of(2)]) == ""
