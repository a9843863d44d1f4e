"""RER, LRD and dark knowledge: against a naive version, a gradient check and what the paper says about its size."""

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np.experiments.baselines import (
    LowRankLinear,
    MaskedLinear,
    dark_knowledge,
    dark_targets,
    hashed_mask,
    hashed_normal,
)


def test_the_mask_keeps_exactly_as_many_weights_as_asked_and_is_the_smallest_hashes():
    kept = hashed_mask(30, 20, survivors=77, seed=5)
    x = [(int(hn.xxh32_pair(i, j, 5)), i * 20 + j) for i in range(30) for j in range(20)]
    assert kept.tolist() == sorted(place for _, place in sorted(x)[:77])


def test_the_mask_spreads_over_rows_and_depends_on_the_seed():
    rows = np.bincount(hashed_mask(100, 200, survivors=5000, seed=1) // 200, minlength=100)
    assert rows.sum() == 5000 and 0.6 < rows.var() / (50 * 0.75) < 1.6  # hypergeometric: 50 of 200 in a row
    assert not np.array_equal(hashed_mask(100, 200, 5000, seed=1), hashed_mask(100, 200, 5000, seed=2))


def test_the_fixed_factor_is_normal_with_the_deviation_of_the_paper():
    r = hashed_normal(300, 784, 784**-0.5, seed=3, dtype=np.float64) * 28
    assert abs(r.mean()) < 0.01 and abs(r.std() - 1) < 0.01
    assert abs((np.abs(r) < 1).mean() - 0.6827) < 0.005 and abs((np.abs(r) < 2).mean() - 0.9545) < 0.003


def test_a_fixed_factor_can_be_recomputed_with_the_reference_library():
    xxhash = pytest.importorskip("xxhash")
    key = (1).to_bytes(4, "little") + (2).to_bytes(4, "little")
    seeds = [xxhash.xxh32_intdigest((7).to_bytes(4, "little") + n.to_bytes(4, "little"), 0) for n in (0, 1)]
    u, v = ((xxhash.xxh32_intdigest(key, s) + 0.5) / 2**32 for s in seeds)
    expected = np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)
    assert hashed_normal(2, 3, 1.0, seed=7, dtype=np.float64)[1, 2] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("make", [lambda: MaskedLinear(6, 5, 11, seed=3), lambda: LowRankLinear(6, 5, 2, seed=3)])
def test_a_baseline_layer_is_a_dense_layer_with_the_virtual_weights(make):
    layer, rng = make(), np.random.default_rng(0)
    x, dz = rng.normal(size=(4, 6)).astype(np.float32), rng.normal(size=(4, 5)).astype(np.float32)
    layer.params["b"][:] = rng.normal(size=5)
    V = layer.virtual_weight()
    np.testing.assert_allclose(layer.forward(x), x @ V.T + layer.params["b"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.backward(dz), dz @ V, rtol=1e-5, atol=1e-6)
    assert layer.backward(dz, input_grad=False) is None


@pytest.mark.parametrize("method", ["rer", "lrd"])
@pytest.mark.parametrize("widths", [[9, 12, 4], [9, 12, 8, 10, 4]])
def test_gradients_pass_the_check(method, widths):
    net = hn.build(method, widths, compression="1/2", seed=1)
    rng = np.random.default_rng(0)
    for layer in net.layers[::2]:
        layer.params["b"][:] = rng.normal(size=layer.n_out)  # a unit of RER without edges would stand on ReLU's kink
    x, y = rng.normal(size=(7, 9)), rng.integers(4, size=7)
    assert hn.gradcheck(net, x, y).worst < 1e-6


@pytest.mark.parametrize(("temperature", "mix"), [(1.0, 0.0), (1.0, 1.0), (4.0, 0.7), (8.0, 0.5)])
def test_the_gradient_of_dark_knowledge_passes_the_check(temperature, mix):
    rng = np.random.default_rng(2)
    net = hn.build("hashnetdk", [9, 12, 4], compression="1/4", seed=1)
    y = rng.integers(4, size=7)
    targets = dark_targets(rng.normal(size=(7, 4)) * 3, y, temperature)
    # T**2 makes the loss large and flat: a longer step, or its rounding drowns the slope
    step = 1e-5 * max(1.0, temperature)
    report = hn.gradcheck(net, rng.normal(size=(7, 9)), targets, loss=dark_knowledge(temperature, mix), step=step)
    assert report.worst < 1e-6


def test_dark_knowledge_without_a_teacher_is_cross_entropy_and_a_perfect_student_has_no_gradient():
    rng = np.random.default_rng(1)
    z, y = rng.normal(size=(5, 3)), rng.integers(3, size=5)
    loss, dz = dark_knowledge(3.0, mix=0.0)(z, dark_targets(rng.normal(size=(5, 3)), y, 3.0))
    expected_loss, expected_dz = hn.softmax_cross_entropy(z, y)
    assert loss == pytest.approx(expected_loss)
    np.testing.assert_allclose(dz, expected_dz)
    np.testing.assert_allclose(dark_knowledge(3.0, mix=1.0)(z, dark_targets(z, y, 3.0))[1], 0, atol=1e-12)


def test_the_soft_part_is_t_squared_times_the_cross_entropy_of_the_softened_outputs():
    z, teacher, T = np.array([[1.0, -2.0, 0.5]]), np.array([[0.3, 0.2, -1.0]]), 2.5
    p, q = (np.exp(a / T) / np.exp(a / T).sum() for a in (z, teacher))
    loss, _ = dark_knowledge(T, mix=1.0)(z, dark_targets(teacher, np.array([0]), T))
    assert loss == pytest.approx(T**2 * -(q * np.log(p)).sum())


@pytest.mark.parametrize(("bad", "message"), [
    ({"temperature": 0, "mix": 0.5}, "temperature must be a finite number above 0"),
    ({"temperature": np.inf, "mix": 0.5}, "temperature must be"), ({"temperature": 1, "mix": 1.5}, "mix must be in"),
    ({"temperature": 1, "mix": np.nan}, "mix must be in"), ({"temperature": 1, "mix": True}, "mix must be in"),
    ({"temperature": 1, "mix": "1/2"}, "mix must be in"), ({"temperature": "4", "mix": 0.5}, "temperature must be"),
    ({"temperature": 1e-310, "mix": 0.5}, "temperature must be in"),
])
def test_bad_temperature_or_mix_is_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        dark_knowledge(**bad)


@pytest.mark.parametrize(("change", "message"), [
    ({"temperature": 0}, "temperature must be"), ({"temperature": -1}, "temperature must be"),
    ({"temperature": np.nan}, "temperature must be"), ({"temperature": 1e-310}, "temperature must be in"),
    ({"temperature": np.inf}, "temperature must be"), ({"temperature": True}, "temperature must be"),
    ({"temperature": "4"}, "temperature must be"), ({"y": np.ma.array([0, 1], mask=[0, 1])}, "y has masked entries"),
    ({"y": [0, 2]}, "y must be integers in 0..1"),
    ({"y": [0]}, "y has 1 rows for 2"), ({"y": [0.0, 1.0]}, "y must be integers"),
    ({"teacher_logits": np.zeros((2, 2)) * np.nan}, "teacher_logits has nan"),
])
def test_dark_targets_of_nothing_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dark_targets(**({"teacher_logits": np.zeros((2, 2)), "y": [0, 1], "temperature": 2.0} | change))


@pytest.mark.parametrize(("targets", "message"), [
    (np.array([[0, 0.5, 0.4], [1, 0.5, 0.5]]), "soft targets must sum to 1"), (np.ones((2, 2)), "targets has shape"),
    (np.array([[2, 0.5, 0.5], [1, 0.5, 0.5]]), "integers in 0..1"),
    (np.array([[0.5, 0.5, 0.5], [1, 0.5, 0.5]]), "must hold labels, whole numbers"),
])
def test_rows_that_are_not_dark_targets_are_refused(targets, message):
    with pytest.raises(ValueError, match=message):
        dark_knowledge(2.0, 0.5)(np.zeros((2, 2)), targets)


@pytest.mark.parametrize("method", ["rer", "lrd"])
def test_a_saved_baseline_computes_the_same_after_loading(method, tmp_path):
    net = hn.build(method, [9, 12, 4], compression="1/2", seed=1)
    hn.save(net, tmp_path / "net.safetensors")
    x = np.random.default_rng(0).normal(size=(3, 9)).astype(np.float32)
    np.testing.assert_array_equal(hn.load(tmp_path / "net.safetensors").forward(x), net.forward(x))


def test_initial_weights_have_the_spread_that_keeps_the_scale_of_activations():
    # He's rule with the edges that are left: 40,000 of 400 x 300 weights are 133 for each of the 300 units
    assert MaskedLinear(400, 300, 40_000).params["w"].std() == pytest.approx((2 / 133) ** 0.5, rel=0.03)
    layer = LowRankLinear(400, 300, rank=50)
    assert layer.params["u"].std() == pytest.approx((2 / 50) ** 0.5, rel=0.03)
    assert layer.fixed.std() == pytest.approx(400**-0.5, rel=0.03)


def test_the_mask_and_the_fixed_factor_depend_on_the_seed_of_the_layer():
    kept = [MaskedLinear(20, 30, 100, seed=seed).kept.tolist() for seed in (1, 2)]
    assert kept == [hashed_mask(30, 20, 100, seed).tolist() for seed in (1, 2)] and kept[0] != kept[1]
    for seed in (1, 2):
        expected = hashed_normal(4, 20, 20**-0.5, seed)
        np.testing.assert_array_equal(LowRankLinear(20, 30, 4, seed=seed).fixed, expected)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: MaskedLinear(6, 5, 0), r"survivors must be an integer in 1\.\.30"),
    (lambda: LowRankLinear(6, 5, 0), "at least 1"),
    (lambda: MaskedLinear(6, 5, 31), r"survivors must be an integer in 1\.\.30"),
])
def test_a_baseline_without_weights_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_numpy_temperature_gives_the_numbers_of_the_same_python_number(rng):
    logits, y = rng.normal(size=(6, 3)).astype(np.float32), rng.integers(0, 3, 6)
    made = [dark_targets(logits, y, temperature) for temperature in (3.0, np.float64(3.0))]
    assert made[1].dtype == np.float32
    np.testing.assert_array_equal(*made)
    losses = [dark_knowledge(t, mix)(logits, made[0]) for t, mix in ((3.0, 0.7), (np.float64(3.0), np.float64(0.7)))]
    assert losses[0][0] == losses[1][0]
    np.testing.assert_array_equal(losses[0][1], losses[1][1])


@pytest.mark.parametrize("layer", [MaskedLinear(2, 3, 4, seed=0), LowRankLinear(2, 3, 1, seed=0)])
def test_biases_that_a_user_puts_in_never_broadcast(layer):
    layer.params["b"] = np.arange(3.0)[:, None]
    with pytest.raises(ValueError, match=r"b has shape \(3, 1\), expected \(3\)"):
        layer.forward(np.ones((3, 2)))
