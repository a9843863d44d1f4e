"""The lecture without a browser: decks, handout, quiz and plan are complete, and their numbers are computed."""

import json
import re
import shutil
import subprocess
from math import exp
from pathlib import Path

import numpy as np
import pytest
from lecture_sources import LECTURE, build, example, gradient, handout, lessons, parts, why_it_works

import hashnets_np as hn
from hashnets_np.course.moving.race import all_orders, run_in_order

DECKS = {"gradient": gradient, "why_it_works": why_it_works}
decks = pytest.mark.parametrize("name", DECKS)
PICTURE = re.compile(r"<svg|<img|<ol class=\"options\"|<div class=\"column last\"")


@pytest.fixture(scope="module")
def slides():
    return {name: module.slides() for name, module in DECKS.items()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return {path.stem: path for path in build.build(tmp_path_factory.mktemp("lecture"))}


@decks
def test_every_slide_has_a_claim_a_picture_notes_and_minutes(slides, name):
    assert len(slides[name]) >= 15
    for slide in slides[name]:
        assert 5 < len(re.sub("<[^>]+>", "", slide.claim)) <= 100, slide.claim
        assert PICTURE.search(slide.body), slide.claim
        assert len(slide.notes) > 20 or slide.claim == "Take home", slide.claim
        assert slide.minutes > 0, slide.claim


@decks
def test_a_deck_has_votes_and_steps(slides, name):
    assert sum(slide.vote for slide in slides[name]) >= 3
    assert sum("data-step" in slide.body or "data-mark" in slide.body for slide in slides[name]) >= 4
    assert all('class="options"' in slide.body for slide in slides[name] if slide.vote)


def test_every_file_is_complete_in_itself_and_small(built):
    assert set(built) == {"gradient", "why_it_works", "handout", "handout_solution", "moving_pictures"}
    for path in built.values():
        html = path.read_text(encoding="utf-8")
        outside = re.findall(r"""(?:src|href)=["'](?!data:)[^"']*|url\([^)]*\)|@import|fetch\(""", html)
        assert not outside, path.name
        assert len(html) < 1_000_000


def test_building_twice_gives_the_same_bytes(built, tmp_path):
    again = {path.stem: path for path in build.build(tmp_path)}
    for name, path in built.items():
        assert again[name].read_bytes() == path.read_bytes(), name


def test_text_too_small_for_the_last_row_is_an_error():
    with pytest.raises(ValueError, match="too small for the last row"):
        parts.formula("x_i", points=20)
    with pytest.raises(ValueError, match=r"too small for the last row: \['tiny'\]"):
        parts.figure(lambda plt, ax: ax.text(0, 0, "tiny", fontsize=12), "nothing")


def test_a_lesson_that_no_longer_prints_a_number_is_an_error():
    with pytest.raises(ValueError, match="no longer prints"):
        lessons.read("03_gradient_derivation", "never printed")


def test_the_numbers_of_the_first_deck_are_the_gradient(slides):
    assert np.array_equal(example.DW, [9, 1, 0]) and np.array_equal(example.DA, [-2.5, 0, 2])
    page = "".join(slide.body for slide in slides["gradient"])
    for k, value in enumerate(example.DW):
        assert f"dw{k} = {value:g}" in page
    found = lessons.mistakes()
    assert [name for name, (error, _) in found.items() if error < 1e-6] == ["correct"]
    assert [name for name, (_, caught) in found.items() if caught] == ["untransposed"]


def test_the_answers_that_the_second_deck_marks_are_those_of_the_lessons():
    assert 70 < lessons.projection()["1/8"][0] < 90  # C: about 80 %
    noise = lessons.kernel_noise()
    assert all(noise[1024, K] < 1.6 * noise[64, K] for K in (64, 256, 1024, 4096))  # B: it stays
    ratios = why_it_works.all_ratios().values()
    assert len(ratios) == 32
    assert 16 <= sum(high < 1 for _, _, high in ratios) <= 24  # B: about 20
    against_itself, against_dense, ours = why_it_works.percents()
    assert against_itself > against_dense > ours > 0


def test_the_handout_is_blank_and_its_solution_is_not():
    blank, solved = handout.page(solved=False), handout.page(solved=True)
    assert blank.count("<section>") == solved.count("<section>") == 2
    assert 'solved">+2 +2' in solved
    assert not re.findall(r'solved">[^<]', blank)
    empty = re.findall(r"<td[^>]*></td>", blank)
    assert len(empty) == 12 + 4 + 12 and not re.findall(r"<td[^>]*></td>", solved)


def test_what_the_handout_asks_for_after_the_deck_is_not_on_its_slides(slides):
    assert np.array_equal(handout.DW, [1, 0, 3]) and np.array_equal(handout.DA, [1.5, 0.5, 2])
    assert not np.any(handout.DELTA == example.DELTA) and not np.any(handout.DW == example.DW)
    page = "".join(slide.body for slide in slides["gradient"])
    assert not [k for k in range(3) if handout.terms(k).split(" = ")[0] in page]


def test_the_plan_has_a_place_for_every_part_of_the_handout():
    plan = (LECTURE / "lecture.md").read_text(encoding="utf-8")
    planned = "".join(re.findall(r"[Pp]arts? (\d(?: and \d)?)", plan)).replace(" and ", "")
    assert set(planned) == set(re.findall(r"<h2>Part (\d)", handout.page(solved=False)))
    assert "Two mistakes" in plan


def test_the_shorter_lecture_leaves_out_what_needs_the_slides_that_it_leaves_out():
    plan = (LECTURE / "lecture.md").read_text(encoding="utf-8")
    shorter = plan[plan.index("**If time is short**"):plan.index("**If there is more**")]
    quiz = (LECTURE / "quiz.md").read_text(encoding="utf-8")
    (lost,) = re.findall(r"^(\d+)\. .*is lost\?", quiz, flags=re.M)
    assert '"What is lost"' in shorter and f"question {lost}" in shorter and "exercise 7.1" in " ".join(shorter.split())


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_the_clock_starts_when_the_first_slide_is_left_and_home_sets_it_back(tmp_path):
    acts = """
        const said = () => page.body.lines.at(-1);
        now = 10 * 60000;  // the deck was opened ten minutes before the lecture
        openNotes();
        const before = said();
        forward();
        const kept = history.state;
        now += 2 * 60000;
        showNotes();
        const after = said();
        onKey({ key: "Home", preventDefault: nothing });
        const set = [said(), history.state];
        onKey({ key: "End", preventDefault: nothing });
        console.log(JSON.stringify([before, after, ...set, kept / 60000, said()]));
    """
    stub = Path(__file__).with_name("presenter_stub.js").read_text(encoding="utf-8")
    presenter = (LECTURE / "presenter.js").read_text(encoding="utf-8")
    script = tmp_path / "presenter.cjs"
    script.write_text(stub + presenter + acts, encoding="utf-8")
    done = subprocess.run(["node", script], capture_output=True, text=True, check=True)
    before, after, back, forgotten, kept, at_the_end = json.loads(done.stdout)
    assert before == back and before.startswith("The clock starts")
    assert after == "5 minutes have passed; this slide should end at minute 8."  # slide 1 has 3 minutes, slide 2 has 5
    assert (kept, forgotten) == (7, None)
    assert at_the_end == "3 minutes have passed; this slide should end at minute 8."


def plan_rows():
    lines = (LECTURE / "lecture.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| \d", line)]
    return [(int(minutes), int(start), what, used) for minutes, start, what, used in cells]


def test_the_plan_lasts_two_hours_and_each_part_begins_when_the_one_before_ends():
    rows = plan_rows()
    assert sum(minutes for minutes, *_ in rows) == 120
    assert [start for _, start, *_ in rows] == [sum(row[0] for row in rows[:n]) for n in range(len(rows))]


@decks
def test_a_deck_has_the_minutes_that_the_plan_and_the_readme_give_it(slides, name):
    (planned,) = [minutes for minutes, _, _, used in plan_rows() if f"`{name}.html`" in used]
    assert sum(slide.minutes for slide in slides[name]) == planned
    readme = (LECTURE / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"{planned} minutes \| `{name}\.py`", readme)


def test_the_plan_uses_decks_pictures_handout_and_quiz():
    used = " ".join(row[3] for row in plan_rows())
    for what in ("gradient.html", "why_it_works.html", "moving_pictures.html", "handout", "quiz.md"):
        assert what in used


def computed_answers():
    """The ten answers of the quiz, computed."""
    x, y = np.array([1.0, 2.0]), np.array([3.0, 1.0])
    with_signs, without = [], []
    for number in range(16):
        bits = np.array([number >> bit & 1 for bit in range(4)])
        m = hn.SharingMap.from_table([bits[:2]], [1 - 2 * bits[2:]], buckets=2)
        products = hn.feature_hash(np.stack([x, y]), m, 0)
        with_signs.append(products[0] @ products[1])
        plain = hn.feature_hash(np.stack([x, y]), hn.SharingMap.from_table([bits[:2]], buckets=2), 0)
        without.append(plain[0] @ plain[1])
    first = hn.SharingMap.from_table([[0, 2, 0, 1]], [[1, -1, -1, 1]], buckets=3)
    m = hn.SharingMap.from_table([[0, 1], [1, 0]], [[1, -1], [1, 1]], buckets=2)
    bucket, sign = m.table()
    V = hn.hash_gather(np.array([2.0, 3.0]), m)
    dV = np.outer([1.0, -1.0], [2.0, 1.0])
    fancy = np.zeros(2)
    fancy[bucket] += dV * sign
    load = hn.SharingMap(1000, 784, buckets=784_000, seed=1).loads()
    good = sum(run_in_order(order, 5, (1, 1))["bucket"] == 7 for order in all_orders())

    def vector(values):
        return "(" + ", ".join(f"{value:g}" for value in values) + ")"

    assert abs((load == 0).mean() - exp(-1)) < 0.002
    assert np.sqrt(64 / 1024) == 1 / 4
    return [
        f"{hn.bucket_count('1/64', 1000 * 785):,}.",
        vector(hn.feature_hash(np.array([[1.0, 2, 3, 4]]), first, 0)[0]) + ".",
        f"{np.mean(with_signs):g} and {np.mean(without):g}.",
        f"{100 * exp(-1):.1f} %.",
        "(" + ", ".join(vector(line) for line in V) + ").",
        vector(hn.hash_scatter_add(dV, m)) + ".",
        vector(fancy) + ".",
        f"{good}.",
        "It stays; it falls to a quarter.",
        f"{100 * (1 - (1 - exp(-8)) / 8):.1f} %.",
    ]


def test_the_quiz_has_ten_questions_and_its_answers_are_right():
    questions = re.findall(r"^\d+\. ", (LECTURE / "quiz.md").read_text(encoding="utf-8"), flags=re.M)
    answers = re.findall(r"^\d+\. \*\*(.+?)\*\*", (LECTURE / "quiz_answers.md").read_text(encoding="utf-8"), flags=re.M)
    assert len(questions) == 10
    assert answers == computed_answers()
