"""The moving pictures without a browser: small, complete without a script, and with the numbers of the package."""

import base64
import json
import re
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from moving_pictures import BALLS, DELTA, INPUTS, M1, M2, PICTURES, W1, W2, A, M

import hashnets_np as hn
from hashnets_np.course import moving
from hashnets_np.course.moving import picture as shared
from hashnets_np.course.moving.race import all_orders, run_in_order

pictures = pytest.mark.parametrize("name", PICTURES)
SVG = "{http://www.w3.org/2000/svg}"


def without_script(html):
    return re.sub(r"<script>.*?</script>", "", html, flags=re.S)


def drawing(name):
    source = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', PICTURES[name]._repr_html_())[1]
    return ElementTree.fromstring(base64.b64decode(source))


def texts(name, of_class=None):
    found = drawing(name).iter(f"{SVG}text")
    return [element.text for element in found if of_class in (None, element.get("class"))]


@pictures
def test_a_picture_has_at_most_60_kB_and_needs_nothing_else(name):
    html = PICTURES[name]._repr_html_()
    assert len(html.encode()) <= 60_000
    assert not re.search(r"""(src|href)=["'](?!data:)|https?://(?!www\.w3\.org/2000/svg)|import |fetch\(""", html)


@pictures
def test_without_a_script_a_drawing_and_words_stand_in(name):
    html = without_script(PICTURES[name]._repr_html_())
    assert re.search(r'<img [^>]*alt="[^"]{60,}"', html)
    assert re.search(r"<figcaption[^>]*>[^<]{60,}</figcaption>", html)
    assert "A still picture" in unescape(re.search(r'data-part="words"[^>]*>([^<]+)', html)[1])
    assert len(list(drawing(name).iter())) >= 20
    assert repr(PICTURES[name]).startswith("[moving picture: ")


@pictures
def test_no_element_has_an_id_so_that_several_fit_on_one_page(name):
    assert not re.search(r"\sid=", PICTURES[name]._repr_html_())
    assert all(element.get("id") is None for element in drawing(name).iter())


@pictures
def test_text_can_be_read_on_a_phone(name):
    """A drawing of 480 units is about 340 pixels wide there: 15 units become 10.6 pixels."""
    root = drawing(name)
    assert root.get("viewBox").startswith("0 0 480 ")
    assert min(float(element.get("font-size")) for element in root.iter(f"{SVG}text")) >= 15


def test_a_picture_that_is_too_large_says_so():
    big = hn.SharingMap(60, 20, buckets=400, seed=1)
    with pytest.raises(ValueError, match="at most 60000 are allowed"):
        moving.balls(big, 60)._repr_html_()


@pytest.mark.parametrize(("buckets", "room"), [(1, 0), (2, 0), (10, 2), (15, 4), (40, 11)])
def test_a_pile_that_leaves_the_picture_is_refused(buckets, room):
    with pytest.raises(ValueError, match=rf"holds \d+ virtual weights; with {buckets} buckets .* has room for {room}$"):
        moving.balls(hn.SharingMap(12, 40, buckets=buckets, seed=1), 60)


def test_the_network_shows_what_the_package_computes():
    hidden = hn.hashed_forward(W1, INPUTS[None], M1)
    out = hn.hashed_forward(W2, np.maximum(hidden, 0), M2)
    shown = [float(text.replace(shared.MINUS, "-")) for text in texts("network", "unit")]
    assert np.allclose(shown, [*INPUTS, *hidden[0], *out[0]])


def test_lines_of_one_bucket_have_one_color_and_one_width():
    wires = [element for element in drawing("network").iter(f"{SVG}line") if element.get("class") == "wire"]
    buckets = [*M1.table()[0].ravel(), *(3 + M2.table()[0].ravel())]
    assert len(wires) == 24
    looks = {(wire.get("stroke"), wire.get("stroke-width")) for wire in wires}
    assert len(looks) == len({wire.get("stroke") for wire in wires}) == 6
    for bucket, wire in zip(buckets, wires, strict=True):
        assert wire.get("stroke") == shared.colour_of(bucket)


def test_the_arrows_add_up_to_the_gradient():
    dw = hn.hash_scatter_add(np.outer(DELTA, A), M)
    steps = PICTURES["scatter_add"].numbers["steps"]
    assert len(steps) == 12
    sums = [sum(step["value"] for step in steps if step["k"] == k) for k in range(3)]
    assert sums == dw.tolist() == [9, 1, 0]
    assert texts("scatter_add", "total") == ["dw[0] = 9", "dw[1] = 1", "dw[2] = 0"]
    assert f"dw[0] = +1 +4 +6 +1 {shared.MINUS}3 = 9" in PICTURES["scatter_add"].still


def test_a_map_too_large_for_the_arrows_is_refused():
    with pytest.raises(ValueError, match="choose a smaller map"):
        moving.scatter_add(hn.SharingMap(9, 3, buckets=3, seed=0), A, np.ones(9))


def test_the_balls_fall_where_the_map_says():
    assert PICTURES["balls"].numbers["order"] == BALLS.table()[0].ravel().tolist()
    empty = 60 - len(np.unique(BALLS.table()[0].ravel()[:60]))
    assert f"{empty} of 60 buckets" in PICTURES["balls"].still


def test_whole_numbers_and_floats_make_the_same_picture():
    assert moving.race(start=5, added=(1, 1))._repr_html_() == PICTURES["race"]._repr_html_()


def test_two_of_twenty_orders_are_right():
    orders = all_orders()
    right = [order for order in orders if run_in_order(order, 5, (1, 1))["bucket"] == 7]
    assert len(orders) == 20
    assert right == ["AAABBB", "BBBAAA"]
    assert (PICTURES["race"].numbers["orders"], PICTURES["race"].numbers["good"]) == (20, 2)


@pictures
def test_the_numbers_are_json_and_survive_html(name):
    written = re.search(r'data-numbers="([^"]*)"', PICTURES[name]._repr_html_())[1]
    assert json.loads(unescape(written)) == PICTURES[name].numbers


@pictures
def test_the_lessons_show_the_pictures_with_these_numbers(name):
    found = []
    for path in (Path(__file__).parents[2] / "notebooks").glob("[0-9]*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                html = "".join(output.get("data", {}).get("text/html", ""))
                found += re.findall(rf'<figure data-moving="{name}".*?</figure>', html, flags=re.S)
    assert found == [PICTURES[name]._repr_html_()], "run the lesson again: python notebooks/rerun.py"
