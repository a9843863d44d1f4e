"""The page on other ways to share weights: its numbers and its words follow from records alone."""

import re
from dataclasses import replace

import numpy as np
import pytest
from small_sweeps import run_record, search_record

from hashnets_np.__main__ import main
from hashnets_np.datasets.data_files import package_file
from hashnets_np.experiments.report import ablations as page
from hashnets_np.experiments.report.changes import Change, student
from hashnets_np.experiments.report.paired_changes import change_in_points, relative_change
from hashnets_np.experiments.sweep.grid import read_grid, search_for
from hashnets_np.experiments.sweep.paired import pack, unpack
from hashnets_np.experiments.sweep.protocols import PROTOCOLS
from hashnets_np.experiments.sweep.schema import record_to_json

IMAGES = 600


def wrong(rng, share):
    return rng.random(IMAGES) < share


def write_study(folder, share_of, skip=lambda job: False, dataset="digits"):
    """Write records of all runs, with the share of wrong images that `share_of` gives to a job."""
    import json

    rng = np.random.default_rng(0)
    lines, searches = [], {}
    for job in read_grid(f"ablations-{dataset}"):
        if skip(job):
            continue
        bits = wrong(rng, share_of(job))
        record = run_record(job, test_error=100 * bits.mean(), wrong=pack(bits), test_examples=IMAGES)
        lines.append(json.dumps(record_to_json(record)))
        searches[search_for(job).key] = json.dumps(record_to_json(search_record(search_for(job))))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "runs.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "searches.jsonl").write_text("\n".join(searches.values()) + "\n")


def share(job):
    """No signs: more errors everywhere. Tiles of 32: only at 1/64. fold: fewer. All others: as HashNet."""
    factor = {"no-signs": 1.5, "fold": 0.6, "tile-32": 4.0 if job.compression == "1/64" else 1.0}.get(job.method, 1.0)
    return 0.1 * factor


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    write_study(folder, share)
    return page.Study(folder)


def test_students_t_is_that_of_the_tables():
    for level, freedom, t in [(0.95, 1, 12.706), (0.95, 4, 2.776), (0.99, 10, 3.169), (0.99, 152, 2.609)]:
        assert student(level, freedom) == pytest.approx(t, abs=2e-3)


def test_a_change_is_relative_to_the_second_and_its_sign_says_which_makes_more_errors(rng):
    base = np.stack([wrong(rng, 0.2) for _ in range(8)])
    more = base | np.stack([wrong(rng, 0.1) for _ in range(8)])
    expected = 100 * (more.mean() / base.mean() - 1)
    change = relative_change([(more, base)])
    assert change.mean == pytest.approx(expected) and change.direction(0.95) == "more"
    assert relative_change([(base, more)]).direction(0.95) == "fewer"
    assert change_in_points(more, base).mean == pytest.approx(100 * (more.mean() - base.mean()))
    assert relative_change([(base, base)]).direction(0.95) == ""


def test_a_cell_counts_as_much_as_another_whatever_its_errors_are():
    def cell(first, second):
        bits = np.zeros((2, 3, 100), bool)
        bits[0, :, :first] = True
        bits[1, :, :second] = True
        return bits[0], bits[1]

    assert relative_change([cell(2, 1), cell(40, 40)]).mean == pytest.approx(50.0)


def test_95_percent_intervals_contain_the_truth_at_least_that_often():
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(300):
        hard = rng.beta(0.5, 4, size=400)  # how often each image is got wrong, by either method
        first, second = rng.random((2, 5, 400)) < hard
        low, high = change_in_points(first, second).interval(0.95)
        inside += low <= 0 <= high
    assert inside >= 0.93 * 300


def test_intervals_of_a_large_ratio_contain_the_truth():
    rng = np.random.default_rng(2)
    inside = 0
    for _ in range(300):
        base, seeds = 0.1, 5
        rate = base * np.exp(0.3 * rng.standard_normal(seeds))[:, None]  # seeds differ by about 30 %, of either method
        second = rng.random((seeds, 2000)) < rate
        first = rng.random((seeds, 2000)) < 4 * base
        low, high = relative_change([(first, second)]).interval(0.95)
        inside += low <= 100 * (4 / np.exp(0.3**2 / 2) - 1) <= high
    assert inside >= 0.9 * 300


def test_the_number_of_comparisons_widens_an_interval():
    change = Change(10.0, 4.0, 30.0)
    assert change.direction(0.95) == "more" and change.direction(page.OVER_ALL) == ""
    assert pytest.approx(0.05 / 15) == 1 - page.OVER_ALL and pytest.approx(0.05 / 60) == 1 - page.BY_COMPRESSION


def test_answers_follow_the_numbers(study):
    answers = {question.text: page.answer(study, question) for question in page.QUESTIONS}
    assert "Yes: without signs there are more errors" in answers["Do signs help?"]
    assert "Yes: with even loads there are fewer errors" in answers["Do even loads help?"]
    assert "no difference seen" in answers["Does sharing across layers help?"]
    chunks = answers["Do chunks cost accuracy, and at which size?"]
    assert "more errors with tile of 32;" in chunks and "no difference seen with chunk of 4" in chunks
    assert re.search(r"tile of 32: [^;]*, with \+\d+ % at 1/64", chunks)
    assert all("On MNIST at 14 x 14 nothing is complete yet." in text for text in answers.values())


@pytest.mark.slow
def test_a_page_is_written_by_report_from_its_folder_or_the_one_above(tmp_path, capsys):
    write_study(tmp_path / "ablations", share)
    assert main(["report", "--records", str(tmp_path)]) == 0
    text = (tmp_path / "ablations" / "report.md").read_text()
    assert "8 of 8 | 2560 of 2560 | 128 of 128 | 0" in text and (tmp_path / "ablations" / page.FIGURE).exists()
    out = tmp_path / "out"
    assert main(["report", "--records", str(tmp_path / "ablations"), "--out", str(out)]) == 0
    assert (out / "report.md").read_text() == text
    assert "| fold | **-4" in text or "| fold | **-3" in text
    assert not re.search(r"[+-]0 %|\(-0 ", text)
    assert "report.md" in capsys.readouterr().out


def test_the_changes_that_the_lesson_reads_are_those_of_the_records(study):
    changes = study.changes()
    read = page.changes_from_json(page.changes_to_json(changes))
    assert read.keys() == changes.keys() and ("digits", "fold", page.ALL_CELLS) in read
    assert all(read[key].mean == pytest.approx(changes[key].mean, abs=1e-3) for key in read)
    assert page.table_of_changes(read, "digits") == page.table_of_changes(changes, "digits")


def numbers_in(text):
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)]


@pytest.mark.slow
def test_the_committed_page_and_changes_are_those_of_the_committed_records():
    folder = package_file("records/ablations")
    committed = page.Study(folder)
    changes = page.changes_from_json((folder / page.CHANGES).read_text())
    expected = committed.changes()
    assert changes.keys() == expected.keys()
    assert all(changes[key].mean == pytest.approx(expected[key].mean, abs=1e-3) for key in changes)
    written = (folder / "report.md").read_text()
    made = page.page(committed)
    assert re.sub(r"\d+|[-+*]", "", written) == re.sub(r"\d+|[-+*]", "", made), "run `hashnets report`"
    assert numbers_in(written) == pytest.approx(numbers_in(made), abs=1.01)  # of a rounded one, the last digit


def test_each_committed_run_took_what_its_search_chose_and_each_search_the_best_of_its_trials():
    records = page.Study(package_file("records/ablations")).records
    planned = {job.key: job for job in read_grid("ablations")}
    for record in records.values():
        if record.job.kind == "run":
            search = records[search_for(record.job).key]
            assert record.key in planned and (record.hyper, record.epochs) == (search.hyper, search.epochs)
            assert 100 * unpack(record.wrong, record.test_examples).mean() == pytest.approx(record.test_error)
        else:
            (made,) = record.rounds
            lowest = min(trial.valid_error for trial in made.trials)
            assert record.hyper in [trial.hyper for trial in made.trials if trial.valid_error == lowest]
            assert record.valid_error == pytest.approx(lowest, abs=1e-4)
            assert {trial.hyper["rate"] for trial in made.trials} >= set(PROTOCOLS["ablations"].rates)


def test_a_cell_with_a_seed_missing_does_not_count(tmp_path):
    def skip(job):
        return (job.method, job.layers, job.compression, job.seed) in {("fold", 3, "1/8", 7), ("hashnet", 5, "1/2", 0)}

    write_study(tmp_path, share, skip)
    study = page.Study(tmp_path)
    assert len(study.cells("fold", "digits")) == 6 and len(study.cells("chunk-4", "digits")) == 7
    assert "6 of 8 | 2558 of 2560" in page.coverage(study)
    assert "6 of 8 cells" in page.answer(study, page.QUESTIONS[1])


def test_the_step_sizes_are_those_of_the_searches_of_both_depths(study):
    lines = page.table_of_rates(study, "digits").splitlines()
    assert lines[2] == "| HashNet | 0.5 / 0.5 | 0.5 / 0.5 | 0.5 / 0.5 | 0.5 / 0.5 |" and len(lines) == 2 + 16
    assert "... / ..." in page.table_of_rates(study, "mnist14")


def test_runs_that_learned_nothing_are_counted(tmp_path):
    def bad(job):
        return 0.9 if (job.method, job.compression, job.seed) == ("no-signs", "1/64", 3) else 0.1

    write_study(tmp_path, bad)
    assert "2 of 2560 runs end with more than half of the images wrong (2 of no signs)" in page.cautions(
        page.Study(tmp_path))


def test_a_study_refuses_seeds_that_were_made_in_another_way(tmp_path):
    write_study(tmp_path, share)
    runs = (tmp_path / "runs.jsonl").read_text()
    for name, one, other in (("epochs", 40, 3), ("examples", 100, 99)):
        (tmp_path / "runs.jsonl").write_text(runs.replace(f'"{name}": {one}', f'"{name}": {other}', 1))
        with pytest.raises(ValueError, match=f" {name} is "):
            page.Study(tmp_path)


def test_other_records_are_not_a_study(tmp_path):
    (tmp_path / "runs.jsonl").write_text("")
    assert not page.has_ablations(tmp_path)
    job = replace(read_grid("ablations")[0], protocol="1")
    import json

    (tmp_path / "runs.jsonl").write_text(json.dumps(record_to_json(run_record(job))) + "\n")
    assert not page.has_ablations(tmp_path)
