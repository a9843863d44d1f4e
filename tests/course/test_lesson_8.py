"""Lesson 8 says what the records say: it must not break, or keep to an old verdict, when new records replace them."""

import shutil
import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: pip install -e '.[test]'")
pytest.importorskip("IPython", reason="IPython is not installed: pip install -e '.[test]'")

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "experiments"))
from small_sweeps import run_record  # noqa: E402

import hashnets_np.datasets  # noqa: E402
from hashnets_np.datasets.data_files import package_file  # noqa: E402
from hashnets_np.experiments.report.claims import by_verdict  # noqa: E402
from hashnets_np.experiments.sweep.grid import read_grid  # noqa: E402
from hashnets_np.experiments.sweep.records import append, read_all  # noqa: E402

LESSON = ROOT / "notebooks" / "08_compression_versus_accuracy.ipynb"
TRAINED_IN_THE_LESSON = ("best_test_errors", "live", "inflated")


def cells_about_the_records():
    cells = [cell for cell in nbformat.read(LESSON, as_version=4).cells if cell.cell_type == "code"]
    return [cell.source for cell in cells if not any(name in cell.source for name in TRAINED_IN_THE_LESSON)]


@pytest.mark.slow
@pytest.mark.parametrize("hashnet", [2.0, 9.0], ids=["for the paper", "against the paper"])
def test_the_lesson_runs_with_protocol_2_complete_whatever_it_shows(tmp_path, monkeypatch, capsys, hashnet):
    records = shutil.copytree(package_file("records"), tmp_path / "records")
    for path in records.glob("*.jsonl"):
        first = [line for line in path.read_text().splitlines(keepends=True) if '"protocol": "2"' not in line]
        path.write_text("".join(first))
    known = read_all(records)
    same = ("provenance", "examples", "test_examples")  # in all records of a data set
    facts = {record.job.dataset: {name: getattr(record, name) for name in same} for record in known.values()
             if record.job.kind == "run"}
    for job in read_grid("protocol2"):
        error = hashnet if job.method == "hashnet" else 5.0 + job.seed / 100
        append(records / "runs.jsonl", run_record(job, test_error=error, **facts[job.dataset]))
    monkeypatch.setattr(hashnets_np.datasets, "package_file",
                        lambda name: records if name == "records" else package_file(name))
    names = {}
    for source in cells_about_the_records():
        exec(compile(source, "lesson 8", "exec"), names)
    assert names["found"].protocols["2"]
    says = "supported" if hashnet < 5 else "not supported"
    assert names["judged"]["MNIST at 1/64, 5 layers: HashNet is below NN"].verdict == says
    assert "Our runs say" in by_verdict(names["found"])
