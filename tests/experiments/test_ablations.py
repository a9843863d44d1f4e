"""Other ways to share weights as methods of the study, and the rules by which `sweep ablations` trains them."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from small_sweeps import JOB

import hashnets_np as hn
from hashnets_np.experiments import ablations
from hashnets_np.experiments.methods import METHODS
from hashnets_np.experiments.sizes import dense_count
from hashnets_np.experiments.sweep import train, tune
from hashnets_np.experiments.sweep.grid import needs, read_grid, search_for

SEARCH = replace(JOB, kind="search", tune=True, protocol="ablations", compression="1/2", seed=1000)
WIDTHS = [64, 100, 100, 100, 10]


def test_the_grid_has_every_variant_and_hashnet_at_four_compressions_and_two_depths():
    jobs = read_grid("ablations")
    methods = {ablations.BASELINE, *(variant.name for variant in ablations.VARIANTS)}
    for dataset, seeds in (("digits", 20), ("mnist14", 3)):
        there = [(j.method, j.layers, j.compression, j.seed) for j in jobs if j.dataset == dataset]
        assert len(there) == len(set(there)) == len(methods) * 8 * seeds
        assert {method for method, *_ in there} == methods
    assert [job.dataset for job in jobs] == sorted(job.dataset for job in jobs)  # digits are done first


def test_each_point_has_a_search_of_its_own_whose_seed_no_run_has():
    for job in read_grid("ablations"):
        search = search_for(job)
        assert (search.seed, search.method, search.compression) == (1000, job.method, job.compression)
        assert needs(job) == [search] and needs(search) == [] and job.seed < 1000


@pytest.mark.parametrize("compression", ["1/2", "1/64"])
@pytest.mark.parametrize("variant", ablations.VARIANTS, ids=lambda variant: variant.name)
def test_each_variant_stores_as_much_as_hashnet_and_changes_one_thing(variant, compression):
    net = hn.build(variant.name, WIDTHS, compression=compression, seed=3)
    plain = hn.build("hashnet", WIDTHS, compression=compression, seed=3)
    assert net.num_parameters() == plain.num_parameters()
    assert net.num_virtual_parameters() == plain.num_virtual_parameters() == dense_count(WIDTHS)
    same = all(np.array_equal(p, q) for (_, p), (_, q) in zip(net.parameters(), plain.parameters(), strict=True))
    assert same == (not variant.name.endswith("learned") and variant.name != "one-store")  # they begin alike
    x = np.ones((1, 64), np.float32)
    assert np.array_equal(net.forward(x), plain.forward(x)) == (variant.load_exponent > 0)


def curve_with_its_lowest_at(rate, tried):
    def curve(job, hyper, found, data, epochs):
        tried.append(hyper["rate"])
        return np.array([99.0, 10 + abs(np.log(hyper["rate"] / rate))])
    return curve


@pytest.mark.parametrize(("lowest", "wanted", "at_edge"), [
    (0.4, [0.1, 0.2, 0.4, 0.8], False), (1.6, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2], False),
    (0.025, [0.1, 0.2, 0.4, 0.8, 0.05, 0.025, 0.0125], False),
    (100.0, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4], True),
])
def test_step_sizes_are_tried_until_the_best_is_not_the_last(lowest, wanted, at_edge, monkeypatch):
    tried = []
    monkeypatch.setattr(tune, "valid_curve", curve_with_its_lowest_at(lowest, tried))
    made = tune.do_search(SEARCH, {}, hn.load_dataset("digits"))
    assert tried == pytest.approx(wanted)
    assert made["hyper"]["rate"] == pytest.approx(min(wanted, key=lambda rate: abs(np.log(rate / lowest))))
    assert made["at_edge"] == at_edge and made["epochs"] == 2
    assert (made["hyper"]["dropout"], made["hyper"]["input_dropout"], made["hyper"]["momentum"]) == (0, 0, 0.9)


def test_a_search_for_the_step_size_has_the_error_of_its_best_trial():
    made = tune.do_search(SEARCH, {}, hn.load_dataset("digits"))
    errors = [trial.valid_error for trial in made["rounds"][0].trials]
    assert min(errors) == pytest.approx(made["valid_error"], abs=1e-3) and len(errors) >= 4


@pytest.mark.parametrize(("method", "exponent"), [("hashnet", 0.0), ("by-load", 1.0), ("by-root-load", 0.5)])
def test_a_gradient_that_is_divided_by_loads_has_its_step_multiplied_by_the_mean_load(method, exponent):
    job = replace(SEARCH, kind="run", method=method, compression="1/16")
    optimizer = train.network_and_optimizer(job, tune.FIXED | {"rate": 0.5}, hn.load_dataset("digits"))[1]
    assert optimizer.load_exponent == exponent
    assert optimizer.learning_rate == pytest.approx(0.05 * 16**exponent)
    assert train.mean_load(replace(job, compression=None, expansion=4)) == 4.0


def test_small_mnist_is_the_mean_of_four_pixels(monkeypatch):
    x = np.zeros((12_000, 784), np.float32)
    x[9_999, 28 * 2 + 4] = 1.0  # row 2, column 4: row 1, column 2 of the small image
    y = np.arange(12_000) % 10
    big = hn.Dataset("mnist", x, y, x[:0], y[:0], x[9_990:], y[9_990:], "original: MNIST")
    monkeypatch.setattr(ablations, "load_dataset", lambda name, data_dir: big)
    small = ablations.load_small_mnist()
    assert (len(small.x_train), len(small.x_valid), len(small.x_test)) == (8_000, 2_000, 2_010)
    assert small.x_valid[1_999].argmax() == 14 + 2 and small.x_valid[1_999].max() == np.float32(0.25)
    np.testing.assert_array_equal(small.y_valid, y[8_000:10_000])
    assert small.provenance == "original: MNIST; means of 2 x 2 pixels, 10,000 images"


def test_variants_are_named_once_and_known_to_the_sweep():
    assert all(METHODS[variant.name] is variant for variant in ablations.VARIANTS)
    assert Fraction(SEARCH.compression) == Fraction(1, 2)
