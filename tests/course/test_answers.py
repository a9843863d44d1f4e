"""The checks of the exercises judge fairly: right answers in unusual ways, and wrong ones with the reason due."""

import re

import answers_in_disguise
import answers_once_more
import answers_to_a_reviewer
import answers_to_an_examiner
import answers_to_better_maps
import answers_to_harder
import answers_to_lessons
import answers_to_more
import answers_to_newer
import numpy as np
import pytest

from hashnets_np.conformance.cases import all_cases
from hashnets_np.conformance.numpy_layer import NumpyLayer
from hashnets_np.course import checks
from hashnets_np.course.marking import NotYet

LISTS = (answers_to_lessons, answers_to_more, answers_to_harder, answers_to_better_maps, answers_to_newer,
         answers_once_more, answers_to_an_examiner, answers_to_a_reviewer)


def all_of(tables):
    """Put several tables of answers by check together."""
    checks_of_all = dict.fromkeys(check for table in tables for check in table)
    return {check: [answer for table in tables for answer in table.get(check, ())] for check in checks_of_all}


BY_HAND = all_of([one.RIGHT for one in LISTS])
DISGUISED, SPOILED = answers_in_disguise.made_from(BY_HAND)
RIGHT = all_of([BY_HAND, DISGUISED])
WRONG = all_of([*(one.WRONG for one in LISTS), SPOILED])
SEVERAL = {checks.figure_1, checks.rung}  # checks of more than one argument
right_answers = [(check, answer) for check, answers in RIGHT.items() for answer in answers]
WHOLE_LADDER = (NumpyLayer, "large-layer")  # all golden vectors, as tests/test_conformance.py has them: 17 seconds
wrong_answers = [(check, *answer) for check, answers in WRONG.items() for answer in answers]


def put(check, answer):
    """Hand one answer to its check; a puzzle is a pair of the check and the puzzle's name."""
    if isinstance(check, tuple):
        check[0](check[1], answer)
    elif check in SEVERAL:
        check(*answer)
    else:
        check(answer)


def name_of(check):
    return check[1] if isinstance(check, tuple) else check.__name__


def names(cases):
    return [f"{name_of(case[0])}-{n}" for n, case in enumerate(cases)]


def slow_ones_marked(cases):
    return [
        pytest.param(check, answer, marks=pytest.mark.slow) if check is checks.rung and answer == WHOLE_LADDER
        else (check, answer) for check, answer in cases
    ]


@pytest.mark.parametrize(("check", "answer"), slow_ones_marked(right_answers), ids=names(right_answers))
def test_a_right_answer_is_accepted_however_it_is_written(check, answer, capsys):
    put(check, answer)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Right. ")


@pytest.mark.parametrize(("check", "answer", "why"), wrong_answers, ids=names(wrong_answers))
def test_a_wrong_answer_is_refused_in_one_line_and_told_why(check, answer, why, capsys):
    with pytest.raises(NotYet, match=why or None) as refused, np.errstate(all="ignore"):
        put(check, answer)
    assert "\n" not in str(refused.value)
    assert "Right." not in capsys.readouterr().out
    assert not re.search(r"expected -?\d", str(refused.value)), "the answer is given away"
    assert not re.search(r"\bthe (gaps|bits|bytes) (is|has|holds)\b|^(\w+): \2\b", str(refused.value)), "no English"


@pytest.mark.parametrize("answer", [10**400, -10**400, [1, 10**400], (10**400, 10**400), [[10**400]]],
                         ids=["positive", "negative", "list", "pair", "table"])
def test_a_whole_number_too_large_for_a_float_is_one_line_from_every_check(answer):
    every = {getattr(checks, name) for name in checks.__all__ if name != "RUNGS"} - {checks.puzzle} - SEVERAL
    for check in every:
        for given in (answer, lambda *args, **options: answer):
            with pytest.raises(NotYet) as refused, np.errstate(all="ignore"):
                check(given)
            assert "\n" not in str(refused.value)
    with pytest.raises(NotYet, match="holds a number that is too large, above 1e308"):
        checks.least_buckets(lambda *args: answer)


def test_the_ladder_leads_to_all_golden_vectors():
    assert sorted(checks.RUNGS) == sorted({case.topic for case in all_cases()})
    assert checks.RUNGS[-1] == "large-layer"  # its minutes would otherwise be spent again on every rung above it


def test_every_check_has_at_least_three_unusual_right_answers_and_six_wrong_ones():
    every = {getattr(checks, name) for name in checks.__all__ if name != "RUNGS"} - {checks.puzzle}
    every |= {(checks.puzzle, name) for name in checks.puzzles.PUZZLES}
    assert {name_of(check) for check in every if len(RIGHT.get(check, ())) < 3} == set()
    assert {name_of(check) for check in every if len(WRONG.get(check, ())) < 6} == set()
    assert set(RIGHT) == set(WRONG) == every


def test_a_puzzle_needs_its_name_and_then_the_function():
    def gather(w, bucket, sign):
        return w[bucket] * sign

    for arguments in (("gathr", gather), (gather, "gather"), (["gather"], gather)):
        with pytest.raises(NotYet, match=r"the name of a puzzle and then your function.*; the names are dense_table, "):
            checks.puzzle(*arguments)


def loads_by_loop(bucket, buckets):
    return [sum(bucket.ravel() == k) for k in range(buckets)]


def test_a_puzzle_says_that_an_answer_has_a_loop(capsys):
    checks.puzzle("loads", loads_by_loop)
    checks.puzzle("loads", lambda bucket, buckets: np.bincount(bucket.ravel(), minlength=buckets))
    with_loop, without = capsys.readouterr().out.splitlines()
    assert with_loop == without + " (With a loop; can you do it without?)"


@pytest.mark.parametrize(("off", "equal"), [(0, True), (1e-6, True), (1e-3, False)])
def test_a_puzzle_says_of_its_picture_what_the_check_says_of_the_answer(off, equal, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(checks.puzzles, "in_notebook", lambda: True)
    monkeypatch.setattr("hashnets_np.course.show.show_figure", lambda fig, caption, alt: shown.append(alt))
    try:
        checks.puzzle("gather", lambda w, bucket, sign: (w[bucket] * sign * (1 + off)).astype(np.float32))
    except NotYet:
        assert not equal
    assert shown[0].endswith(" equal." if equal else " different.")
    assert capsys.readouterr().out.startswith("Right. ") == equal


def test_no_reason_shows_the_number_that_was_asked_for():
    for check, right in ((checks.table_bytes, r"13,?000,?000"), (checks.weights_needed, r"1,?600")):
        for answer, _ in WRONG[check]:
            with pytest.raises(NotYet) as refused:
                check(answer)
            assert not re.search(right, str(refused.value)) or re.search(right, str(answer))
    for z1, z2 in (([0.0] * 4, [0.0] * 2), ([2.7, 4.3, 2.2, -1.0], [0.0] * 2)):
        with pytest.raises(NotYet) as refused:
            checks.figure_1(z1, z2)
        assert not re.search(r"2\.7|4\.3|2\.2|14\.6|-1\b", str(refused.value))
