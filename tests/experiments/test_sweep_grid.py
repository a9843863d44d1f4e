"""Grids of jobs: the presets have the points of the paper, and a run knows the search that it needs."""

from dataclasses import replace

import pytest
from small_sweeps import JOB

from hashnets_np.__main__ import main
from hashnets_np.experiments.sweep import grid
from hashnets_np.experiments.sweep.grid import Job, read_grid, search_for, with_searches


def test_the_tables_have_192_cells_and_three_seeds_for_three_methods():
    jobs = [*read_grid("table1"), *read_grid("table2")]
    assert len({(j.dataset, j.method, j.layers, j.compression) for j in jobs}) == 192
    assert len(jobs) == len(set(jobs)) == 192 + 2 * 96
    assert {j.seed for j in jobs if j.method == "rer"} == {0}
    assert {j.seed for j in jobs if j.method == "nn"} == {0, 1, 2}


def test_figures_have_the_papers_points():
    for name, layers in (("figure2", 3), ("figure3", 5)):
        jobs = read_grid(name)
        assert len(jobs) == 2 * 7 * 6 and {j.layers for j in jobs} == {layers}
    jobs = read_grid("figure4")
    too_small = 3  # 5 layers: RER at 64, LRD at 32 and 64 can't store even their biases
    assert len(jobs) == 2 * (1 + 3 * 7) - too_small and {j.expansion for j in jobs} == {1, 2, 4, 8, 16, 32, 64}
    whole = read_grid("all")
    assert len(whole) == len(set(whole)) and set(jobs) < set(whole)


GOOD = '\n[[grid]]\ndatasets=["digits"]\nmethods=["nn"]\ncompressions=["1/8"]'


def test_one_compression_is_one_job_however_it_is_written(tmp_path):
    (tmp_path / "grid.toml").write_text(GOOD.replace('["1/8"]', '["1/8", 0.125, "2/16"]'))
    assert [job.compression for job in read_grid(tmp_path / "grid.toml")] == ["1/8"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("x = ", "not a TOML file"), ("a = 1", r"no \[\[grid\]\] table"),
     ('[[grid]]\ndatasets=["x"]\nmethods=["nn"]\ncompressions=["1/8"]', "datasets must be among .*, got 'x'"),
     ('[[grid]]\ndatasets=["digits"]\nmethods=["mlp"]\ncompressions=["1/8"]', "methods must be among .*, got 'mlp'"),
     ('[[grid]]\ndatasets=["digits"]\nmethods=["nn"]', "needs compressions or expansions"),
     ('[[grid]]\nmethods=["nn"]\ncompressions=["1/8"]', "needs datasets"),
     ('[[grid]]\ndatasets=["digits"]\nmethods=["nn"]\ncompressions=["1/8"]\nlayers=[2]', "layers must be"),
     ('speed=1\n[[grid]]\ndatasets=["digits"]\nmethods=["nn"]\ncompressions=["1/8"]', "unknown setting 'speed'"),
     ("grid=5", r"no \[\[grid\]\] table"), ("seeds=3" + GOOD, "seeds must be a list"),
     ('seeds=["a"]' + GOOD, "seeds must be whole numbers from 0, got 'a'"),
     ("expansions=[1.5]" + GOOD, "expansions must be whole numbers"), ('hidden="x"' + GOOD, "hidden must be a whole"),
     ('tune="false"' + GOOD, "tune must be true or false"), ('compressions="1/8"\n[[grid]]', "must be a list"),
     ('compressions=["1/0"]\n[[grid]]', "above 0, at most 1"), ('compressions=[2]\n[[grid]]', "above 0, at most 1")],
)
def test_a_bad_grid_file_gets_one_clear_line(text, message, tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_grid(path)


RELEASED = 'protocol="released"\n' + GOOD.replace("nn", "hashnet")
UNTUNED = RELEASED + "\ntune=false"


@pytest.mark.parametrize(("text", "message"), [
    (UNTUNED.replace("hashnet", "hashnetdk"), "'released' is .* recipe for hashnet, got .* 'hashnetdk'"),
    (RELEASED, "'released' searches nothing, expected tune = false"),
    (UNTUNED.replace('compressions=["1/8"]', "expansions=[2]"), "has compressions only, got expansions"),
    ('protocol="ablations"' + GOOD.replace("nn", "dk"), "'ablations' searches the step size alone, .* got .* 'dk'"),
])
def test_what_a_protocol_cannot_do_is_refused_before_it_begins(text, message, tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_grid(path)


def test_what_a_protocol_can_do_is_not_refused(tmp_path):
    path = tmp_path / "grid.toml"
    for text in (UNTUNED, 'protocol="ablations"\ntune=false' + GOOD.replace("nn", "dk"),
                 'protocol="ablations"' + GOOD, 'protocol="2"' + GOOD.replace("nn", "dk")):
        path.write_text(text)
        assert len(read_grid(path)) == 1


def test_an_unknown_preset_is_refused_on_the_command_line(capsys):
    assert main(["sweep", "table9"]) == 2
    assert "neither a preset (ablations-digits, " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("method", "compression", "expansion", "at"),
    [("hashnet", "1/8", None, "1/8"), ("hashnet", "1", None, "1/8"), ("hashnet", "1/32", None, "1/64"),
     ("nn", "1/2", None, "1"), ("nn", "1/4", None, "1/8"), ("rer", None, 16, "1/8"), ("hashnet", None, 64, "1/64"),
     ("nn", None, 1, "1/8")],
)
def test_a_run_takes_the_search_at_the_nearest_compression(method, compression, expansion, at):
    job = Job("run", "mnist", method, 3, compression, expansion, 2, hidden=50 if expansion else 1000)
    search = search_for(job)
    assert (search.kind, search.compression, search.seed, search.hidden) == ("search", at, 0, 1000)


def test_the_nearest_search_has_the_seed_of_its_protocol():
    job = replace(JOB, tune=True, protocol="ablations", seed=3)
    assert grid.nearest_search(job, "nn", "1").seed == search_for(job).seed == 1000
    assert grid.nearest_search(replace(job, protocol="2"), "nn", "1").seed == 0


def test_a_search_has_the_epochs_of_its_run():
    assert search_for(replace(JOB, tune=True, max_epochs=7)).max_epochs == 7


def test_searches_come_before_what_needs_them_once_each():
    order = with_searches([replace(JOB, method=m, seed=s, tune=True) for m in ("hashnetdk", "nn") for s in (0, 1)])
    assert len(order) == len(set(order)) == 4 + 4  # hashnetdk, hashnet and nn at 1/8, and the teacher's
    for place, job in enumerate(order):
        assert all(need in order[:place] for need in grid.needs(job))
