"""What a report says, and in which order, follows from the results alone."""

from dataclasses import replace

import pytest

from hashnets_np.conformance.cases import Case, all_cases, explain_flag, read_file
from hashnets_np.conformance.diagnosis import STAGES, Diagnosis, diagnose
from hashnets_np.conformance.report import (
    as_json,
    failed_lines,
    failure_lines,
    failures,
    first_lines,
    merge_reasons,
    passed_line,
    topic_lines,
    verdict,
    write_report,
)
from hashnets_np.conformance.results import FAILS, NOT_COVERED, PASSES, Result

FORWARD = next(stage for stage in STAGES if stage.name == "forward")


def result(status, number=1, topic="forward", valid=True, **more):
    case = Case(f"{topic}-{number:03}", topic, topic, "what it is", (), valid, "float32", 1e-5, {}, {"z": [1.0]}, ())
    return Result(case, status, **more)


def wrong(number=1, **more):
    return result(FAILS, number, **{"difference": f"z[0]: wrong {number}", **more})


def said(results, another_map="", **more):
    return failed_lines(Diagnosis("failed", FORWARD, **more), results, another_map)


def test_a_report_has_a_head_what_matters_most_the_topics_the_failures_and_the_verdict():
    file = read_file()
    report = write_report("mine", [wrong(1), wrong(2), result(PASSES, 3)]).splitlines()
    assert report[0] == (f"mine against the HashedNets specification {file['spec_version']} (3 cases, vectors version "
                         f"{file['vectors_version']})")
    assert report[1] == "" and report[2].startswith("It breaks at: forward (z = a V^T (Eq. 8)); 2 of 3 cases fail.")
    assert report[-8:] == ["", "  FAIL  forward       1 pass, 2 FAIL", "", "forward-001: what it is",
                           "  z[0]: wrong 1", "  no known bug gives exactly this", "",
                           "FAILED: 1 cases pass, 2 fail, 0 not covered"]
    assert "forward-002" in write_report("mine", [wrong(1), wrong(2)], every=True)
    cannot = write_report("mine", [wrong(machine=True, error="no GPU")])
    assert "forward-001" not in cannot and cannot.endswith("CANNOT RUN: 0 cases pass, 1 fail, 0 not covered")


@pytest.mark.parametrize(("results", "lines", "last"), [
    ([wrong(1, machine=True, error="E"), wrong(2, machine=True, error="E"), result(FAILS, 3, valid=False)],
     ["The adapter cannot run here: 2 cases raised E", "Nothing is known about the layer. "
      "This is a fault of the machine or its set-up: memory, a folder, a GPU or an import."],
     "CANNOT RUN: 0 cases pass, 3 fail, 0 not covered"),
    ([wrong(1, error="E"), wrong(2, error="E")],
     ["Every valid case raised the same error: E",
      "So the layer itself was never tested; most likely the adapter has a mistake."],
     "FAILED: 0 cases pass, 2 fail, 0 not covered"),
    ([result(NOT_COVERED)], ["Nothing is covered: no valid case was answered."],
     "NOTHING COVERED: 0 cases pass, 0 fail, 1 not covered"),
    ([result(PASSES), result(PASSES, 2), result(NOT_COVERED, topic="loss"), result(PASSES, topic="sgd", valid=False)],
     ["Everything that was asked passes: 1 of 3 topics are covered."], "PASSED: 3 cases pass, 0 fail, 1 not covered"),
])
def test_each_verdict_has_its_own_first_lines(results, lines, last):
    assert first_lines(diagnose(results), results) == lines and verdict(results) == last


def test_a_topic_is_covered_if_a_valid_case_of_it_passes():
    results = [*(result(PASSES, topic=topic) for topic in "ab"), result(FAILS, topic="c"),
               result(PASSES, topic="d", valid=False)]
    assert passed_line(results) == "Everything that was asked passes: 2 of 4 topics are covered."
    assert topic_lines(results)[-1] == "  -     d             1 pass"  # it refuses, and nothing is known of its answers


def test_a_pass_names_the_gradients_that_were_not_compared():
    results = [result(PASSES, unclaimed=("w",)), result(PASSES, 2, unclaimed=("a", "w")), result(PASSES, 3)]
    assert passed_line(results) == ("Everything that was asked passes: 1 of 1 topics are covered. Not compared, as the "
                                    "layer does not claim them: gradients with respect to a, w.")


def test_the_first_line_says_where_it_breaks():
    results = [wrong(1), wrong(2), result(PASSES, 3), result(NOT_COVERED, 4), result(FAILS, topic="loss")]
    first, *rest = said(results)
    assert first == "It breaks at: forward (z = a V^T (Eq. 8)); 2 of 3 cases fail." and rest == []
    assert said(results, "Another map: its own") == ["Another map: its own"]
    accepted = [result(FAILS, 1, valid=False), result(FAILS, 2, valid=False), result(PASSES, 3)]
    only = "Every answer is right, but 2 inputs of forward that must be refused are accepted."
    assert said(accepted) == [only] == said(accepted, "its own")
    assert said(accepted[1:]) == ["Every answer is right, but 1 input of forward that must be refused is accepted."]
    raised = result(FAILS, 5, valid=False, compared=False, error="NameError: x", difference="raised NameError: x")
    assert said([raised, accepted[2]]) == [
        "Every answer is right, but 1 input of forward that must be refused fails in another way "
        "(raised NameError: x)."]
    assert said([raised, *accepted])[0].startswith(only[:-1] + "; 1 input of forward")
    assert said([*accepted, wrong(4)])[0].startswith("It breaks at: forward")


def test_bugs_are_named_first_and_what_is_not_checked_last():
    bugs = (("SignIgnored", 2, 3), ("LabelsUnchecked", 1, 1), ("SeedUnchecked", 2, 2))
    lines = said([wrong(1)], bugs=bugs, excluded=4, manner="wrong: z (row 1)", right=("hash",), open=("map",))
    assert lines[1:] == [
        f"  SignIgnored: {explain_flag('SignIgnored')} (2 of the 3 failures that it can explain are exactly this)",
        "  Before that, hash passes.", "  Not covered, so the cause may also lie there: map.", "  Outputs wrong: z.",
        f"  Beside that, LabelsUnchecked: {explain_flag('LabelsUnchecked')} (1 case)",
        f"  Beside that, SeedUnchecked: {explain_flag('SeedUnchecked')} (2 cases)"]


def test_without_a_named_bug_the_outputs_are_described_in_full_and_what_is_excluded_is_counted():
    more = {"manner": "wrong: z (row 1)", "right": ("hash", "map"), "open": ("gather", "bias"), "excluded": 4}
    lines = said([wrong(1)], shares=("K is 9", "bias is dense"), **more)
    assert lines[1:] == [
        "  Before that, hash, map pass.", "  Not covered, so the cause may also lie there: gather, bias.",
        "  Outputs wrong: z (row 1).", "  All failing cases share, and no passing one has: K is 9; bias is dense.",
        "  No known bug gives these answers; 4 that would have shown are excluded."]
    assert said([wrong(1)], "its own", **more)[1:] == ["  Before that, hash, map pass.", "  Outputs wrong: z."]
    assert said([wrong(1)])[1:] == []


def test_the_first_error_is_reported_where_nothing_was_compared_and_no_bug_is_known():
    raised = [wrong(1, compared=False), wrong(2, compared=False)]
    line = "  No case gave an answer to compare; the first error: z[0]: wrong 1"
    assert said(raised)[-1] == line
    assert said(raised, bugs=(("SeedUnchecked", 1, 1),))[-2] == line  # it refuses nothing, which explains no error
    assert line in said([result(FAILS, 7, valid=False), *raised])  # an input that is accepted is no answer to compare
    assert line not in said(raised, bugs=(("SignIgnored", 1, 1),)) and line not in said([*raised, wrong(3)])


def test_a_topic_is_a_line_with_counts_and_reasons():
    results = [result(PASSES, topic="hash"), result(PASSES, 2, topic="hash"),
               result(FAILS, topic="gather"), result(PASSES, 2, topic="gather"),
               result(NOT_COVERED, 3, topic="gather", difference="no gather"),
               result(NOT_COVERED, topic="loss", difference="no loss"), result(PASSES, 2, topic="loss"),
               result(NOT_COVERED, topic="sgd", difference="no step, forward"),
               result(FAILS, topic="storage", difference="no loss")]
    assert topic_lines(results) == [
        "  ok    hash          2 pass", "  FAIL  gather        1 pass, 1 FAIL, 1 not covered (no gather)",
        "  ok    loss          1 pass, 1 not covered (no loss)",
        "  -     sgd           1 not covered (no forward, step)",
        "  FAIL  storage       1 FAIL"]


@pytest.mark.parametrize(("reasons", "words"), [
    ({"no step, gather", "no step"}, "no gather, step"), ({"no compression yields it"}, "no compression yields it"),
    ({"kind tile is not in its kinds", "kind fold is not in its kinds"}, "kind fold, tile not in its kinds"),
    ({"bias row is not in its biases", "no loss"}, "no loss; bias row not in its biases"),
    ({"float64 is not in its dtypes", "b", "a"}, "a; b; float64 is not in its dtypes"),
    ({"kind of slow"}, "kind of slow"),
    ({"no", "nothing"}, "no; nothing"), ({"step"}, "step"), ({"kind x", "float32 fold is not in its kinds"},
                                        "float32 fold is not in its kinds; kind x"),
])
def test_reasons_are_merged(reasons, words):
    assert merge_reasons(reasons) == words


def test_the_first_failure_of_each_topic_is_shown_in_their_order():
    results = [result(PASSES, 1), wrong(2), wrong(3), result(FAILS, 1, topic="loss"), wrong(4)]
    assert [r.case.id for r in failures(results, False)] == ["forward-002", "loss-001"]
    assert [r.case.id for r in failures(results, True)] == ["forward-002", "forward-003", "loss-001", "forward-004"]


def test_a_failure_names_its_bugs_and_lines_to_reproduce_it_where_the_adapter_can_be_imported():
    case = next(c for c in all_cases() if c.id == "hash-001")
    bugs = replace(wrong(1, bugs={"B", "A"}), case=case)
    assert failure_lines("mine", bugs) == [
        f"hash-001: {case.comment}", "  z[0]: wrong 1", "  exactly the answer of: A, B", ""]
    assert failure_lines("mine", wrong(1, compared=False)) == ["forward-001: what it is", "  z[0]: wrong 1", ""]
    lines = failure_lines("mine:Layer", bugs)
    assert lines[3] == "  to reproduce it:" and lines[-1] == ""
    assert "    from mine import Layer" in lines and all(line.startswith("    ") for line in lines[4:-1])


def test_the_object_for_json_says_what_the_report_says():
    results = [wrong(1, bugs={"B", "A"}, outputs={"z": "row 1"}), result(PASSES, 2), result(NOT_COVERED, 3)]
    found = as_json("mine", results, "Another map: its own")
    assert found["cases"][0] == {"id": "forward-001", "topic": "forward", "operation": "forward", "status": FAILS,
                                 "difference": "z[0]: wrong 1", "exactly": ["A", "B"], "outputs": {"z": "row 1"}}
    assert found["counts"] == {PASSES: 1, FAILS: 1, NOT_COVERED: 1} and found["first"][0] == "Another map: its own"
    assert (found["verdict"], found["stage"], found["bugs"]) == ("failed", "forward", [])
    assert as_json("mine", results[1:])["stage"] is None and as_json("mine", results[1:])["verdict"] == "passed"
