"""The checks of the exercises judge fairly: right answers in unusual ways, and wrong ones with the reason due."""

import re

import numpy as np
import pytest
from answers_to_lessons import RIGHT, WRONG

from hashnets_np.course import checks
from hashnets_np.course.marking import NotYet

SEVERAL = {checks.figure_1}  # checks of more than one argument
right_answers = [(check, answer) for check, answers in RIGHT.items() for answer in answers]
wrong_answers = [(check, *answer) for check, answers in WRONG.items() for answer in answers]


def put(check, answer):
    """Hand one answer to its check."""
    check(*answer) if check in SEVERAL else check(answer)


def names(cases):
    return [f"{case[0].__name__}-{n}" for n, case in enumerate(cases)]


@pytest.mark.parametrize(("check", "answer"), right_answers, ids=names(right_answers))
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


def test_every_check_has_at_least_three_unusual_right_answers_and_six_wrong_ones():
    every = {getattr(checks, name) for name in checks.__all__}
    assert {check.__name__ for check in every if len(RIGHT.get(check, ())) < 3} == set()
    assert {check.__name__ for check in every if len(WRONG.get(check, ())) < 6} == set()
