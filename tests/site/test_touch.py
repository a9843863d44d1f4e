"""The page to touch: its JavaScript gives the golden vectors and this package's maps, and a click shows one weight."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from browser import served, watched

import hashnets_np as hn

ROOT = Path(__file__).parents[2]
KINDS = re.findall(r'<option value="(\w+)">', (ROOT / "docs/touch.md").read_text(encoding="utf-8"))  # those on the page
MINUS = "\u2212"
SCRIPT = Path(__file__).with_name("vectors.mjs")


def held_against(vectors: Path) -> dict:
    """What the JavaScript answers to a file of vectors: how many passed, how many failed."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the JavaScript of the page to touch is not run")
    done = subprocess.run([node, SCRIPT, vectors], capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return json.loads(done.stdout.splitlines()[-1]) | {"printed": done.stdout}


def test_the_javascript_passes_the_golden_vectors():
    found = held_against(ROOT / "data/vectors/vectors.json")
    assert found["failed"] == 0, found["printed"]
    assert found["covered"]["hash"] >= 25 and found["covered"]["xxhash"] >= 54
    assert min(found["covered"][kind] for kind in KINDS) >= 14, found["covered"]


def case(kind: str, seed: int, buckets: int, rng: np.random.Generator) -> dict:
    """Places all over a large map, and where this package puts them."""
    size = {"chunk": 5, "tile": 3}.get(kind)
    m = hn.SharingMap(70_000, 90_001, buckets=buckets, seed=seed, kind=kind, **({"size": size} if size else {}))
    i = rng.integers(0, 70_000, 200)
    j = rng.integers(0, 90_001, 200)
    bucket, sign = m.lookup(i, j)
    asked = {"kind": kind, "buckets": buckets, "seed": seed, "size": size, "n_cols": 90_001}
    return {"id": f"{kind}-{seed}-{buckets}", "result": "valid",
            "input": asked | {"i": i.tolist(), "j": j.tolist()},
            "expected": {"bucket": bucket.tolist(), "sign": sign.tolist()}}


def test_the_javascript_agrees_with_this_package_for_every_kind_on_the_page(tmp_path, rng):
    cases = [case(kind, seed, buckets, rng) for kind in KINDS
             for seed in (0, 7, 2**32 - 1) for buckets in (1, 13, 65_536, 2**31 - 1)]
    vectors = tmp_path / "vectors.json"
    vectors.write_text(json.dumps({"groups": [{"operation": "bucket_sign", "cases": cases}]}))
    found = held_against(vectors)
    assert (found["passed"], found["failed"]) == (len(cases), 0), found["printed"]


def test_a_click_shows_the_same_as_explain(site, chromium):
    with served(site) as base:
        page, visit = watched(chromium, base)
        page.goto(f"{base}/touch.html")
        page.get_by_label(re.compile(r"^V\[3, 5\] = ")).click()
        shown = page.locator("#hn-result").inner_text()
        lit = page.locator("#hn-v .hn-mate").count()
        page.context.close()
    m = hn.SharingMap(8, 12, buckets=12, seed=7)
    bucket, sign = (int(value) for value in m.lookup(3, 5))
    assert str(hn.xxh32_pair(3, 5, 7)) in shown
    assert f"V[3, 5] = {'+' if sign > 0 else MINUS}w[{bucket}]" in shown
    assert lit == (m.table()[0] == bucket).sum()
    assert not visit.outside and not visit.errors


def test_every_kind_can_be_chosen_and_a_bad_number_says_why(site, chromium):
    with served(site) as base:
        page, visit = watched(chromium, base)
        page.goto(f"{base}/touch.html")
        for kind in KINDS:
            page.select_option("select[name=kind]", kind)
            assert page.locator("#hn-v .hn-cell").count() == 96
        page.fill("input[name=buckets]", "0")
        said = page.locator("#hn-message").inner_text()
        page.context.close()
    assert "buckets is 0, expected a whole number in 1 ... 2147483647" in said
    assert not visit.outside and not visit.errors


def test_an_empty_field_is_not_zero_and_kinds_without_pieces_ask_for_no_size(site, chromium):
    with served(site) as base:
        page, visit = watched(chromium, base)
        page.goto(f"{base}/touch.html")
        said = page.locator("#hn-message")
        page.fill("input[name=seed]", "")
        assert said.inner_text() == "seed is empty, expected a whole number"
        page.fill("input[name=seed]", "7")
        page.select_option("select[name=kind]", "chunk")
        page.fill("input[name=size]", "")
        assert said.inner_text() == "size is empty, expected a whole number"
        page.select_option("select[name=kind]", "xxhash")
        assert said.inner_text() == "" and page.locator("input[name=size]").is_disabled()
        page.context.close()
    assert not visit.outside and not visit.errors


def test_a_message_stays_as_long_as_it_is_true(site, chromium):
    with served(site) as base:
        page, visit = watched(chromium, base)
        page.goto(f"{base}/touch.html")
        page.fill("input[name=buckets]", "768")
        nobody = next(k for k in range(768) if k not in hn.SharingMap(8, 12, buckets=768, seed=7).table()[0])
        page.locator("#hn-w .hn-cell").nth(nobody).click()
        assert page.locator("#hn-unused").inner_text() == f"No entry of V uses w[{nobody}]."
        page.locator("#hn-v .hn-cell").first.click()
        assert page.locator("#hn-unused").inner_text() == ""
        page.fill("input[name=rows]", "99")
        page.locator("#hn-w .hn-cell").nth(nobody).click()
        assert page.locator("#hn-message").inner_text() == "rows is 99; this page draws at most 24"
        page.context.close()
    assert not visit.outside and not visit.errors


def test_the_keyboard_reaches_both_grids_and_labels_say_what_is_seen(site, chromium):
    m = hn.SharingMap(8, 12, buckets=12, seed=7)
    bucket, sign = m.table()
    with served(site) as base:
        page, visit = watched(chromium, base)
        page.goto(f"{base}/touch.html")
        label = page.locator("#hn-v .hn-cell").nth(3 * 12 + 5).get_attribute("aria-label")
        for grid in ("#hn-v", "#hn-w"):
            assert page.locator(f"{grid} [tabindex='0']").count() == 1
            assert page.locator(f"{grid} [aria-current=true]").count() == 1
        page.locator("#hn-w [tabindex='0']").focus()
        page.keyboard.press("ArrowLeft" if bucket[3, 5] else "ArrowRight")
        page.keyboard.press("Enter")
        shown = page.locator("#hn-result").inner_text()
        page.fill("input[name=buckets]", "1")
        summary = page.locator("#hn-summary").inner_text()
        page.context.close()
    assert label == f"V[3, 5] = {'+' if sign[3, 5] > 0 else MINUS}w[{bucket[3, 5]}]"
    assert f"w[{bucket[3, 5] - 1 if bucket[3, 5] else 1}]" in shown
    assert summary == "96 virtual weights, 1 real weight: each real weight is used 96 times."
    assert not visit.outside and not visit.errors
