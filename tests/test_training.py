"""The losses and the training loop."""

from dataclasses import replace

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np import training
from hashnets_np.losses import error_rate


def small_net(seed=0, c="1/8", **arguments):
    layers = [hn.HashedLinear(64, 30, c, seed=hn.derive_seed(seed, 0), **arguments), hn.ReLU(),
              hn.Dropout(0.1, seed=seed)]
    return hn.Network([*layers, hn.HashedLinear(30, 10, c, seed=hn.derive_seed(seed, 1), **arguments)])


def test_cross_entropy_of_huge_logits_is_finite_and_right():
    loss, dz = hn.softmax_cross_entropy(np.array([[1000.0, 0.0], [0.0, -1000.0]]), np.array([1, 0]))
    assert loss == 500.0
    np.testing.assert_array_equal(dz, [[0.5, -0.5], [0.0, 0.0]])


def test_cross_entropy_is_a_mean_and_its_gradient_the_difference_quotient(rng):
    z, y = rng.normal(size=(6, 5)), rng.integers(0, 5, 6)
    loss, dz = hn.softmax_cross_entropy(z, y)
    twice, _ = hn.softmax_cross_entropy(np.tile(z, (2, 1)), np.tile(y, 2))
    assert abs(loss - twice) < 1e-15
    for index in np.ndindex(z.shape):
        step = np.zeros(z.shape)
        step[index] = 1e-6
        slope = (hn.softmax_cross_entropy(z + step, y)[0] - hn.softmax_cross_entropy(z - step, y)[0]) / 2e-6
        assert abs(slope - dz[index]) < 1e-9
    assert hn.softmax_cross_entropy(np.zeros((0, 5)), np.zeros(0, int))[0] == 0.0


@pytest.mark.parametrize("y", [[5], [-1], [0.0], [0, 1]])
def test_labels_outside_are_refused(y):
    with pytest.raises(ValueError, match="y "):
        hn.softmax_cross_entropy(np.zeros((1, 5)), np.array(y))


def test_training_learns_keeps_the_best_epoch_and_repeats_bit_for_bit():
    data = hn.load_dataset("digits")
    runs = []
    for _ in range(2):
        net = small_net()
        history = hn.fit(net, data, epochs=6, optimizer=hn.SGD(0.1), seed=3)
        runs.append((history, [p.copy() for _, p in net.parameters()]))
    (history, weights), (again, weights_again) = runs
    assert history == again
    for p, q in zip(weights, weights_again, strict=True):
        np.testing.assert_array_equal(p, q)
    assert history.train_loss[-1] < 0.5 * history.train_loss[0]
    assert history.best_epoch == 1 + int(np.argmin(history.valid_error))
    assert error_rate(hn.predict(net, data.x_valid), data.y_valid) == min(history.valid_error)
    assert history.test_error == error_rate(hn.predict(net, data.x_test), data.y_test) < 25


def test_the_best_epoch_is_restored_when_later_ones_are_worse(monkeypatch):
    errors = iter([30.0, 10.0, 20.0, 10.0, 50.0, 77.0])  # five epochs, then the test set
    weights = []
    net = small_net()

    def fake_error(z, y):
        weights.append([p.copy() for _, p in net.parameters()])
        return next(errors)

    monkeypatch.setattr(training, "error_rate", fake_error)
    history = hn.fit(net, hn.load_dataset("digits"), epochs=5)
    assert (history.best_epoch, history.test_error) == (2, 77.0)
    assert len(weights) == 6  # the test set was looked at once
    for (_, p), q in zip(net.parameters(), weights[1], strict=True):
        np.testing.assert_array_equal(p, q)


def test_refitting_uses_all_training_examples_and_keeps_the_last_epoch():
    data = hn.load_dataset("digits").refit()
    assert (len(data.x_train), len(data.x_valid)) == (1197, 0)
    assert hn.fit(small_net(), data, epochs=2).best_epoch == 2


def test_ctrl_c_keeps_the_best_weights(monkeypatch):
    steps, real_step = iter(range(10**6)), training.train_step
    net, kept = small_net(), []

    def step(*arguments):
        number = next(steps)
        if number == 20:  # the first epoch has 20 steps
            kept.extend(p.copy() for _, p in net.parameters())
        if number == 25:
            raise KeyboardInterrupt
        return real_step(*arguments)

    monkeypatch.setattr(training, "train_step", step)
    history = hn.fit(net, hn.load_dataset("digits"), epochs=3)
    assert history.interrupted and history.best_epoch == 1
    for (_, p), q in zip(net.parameters(), kept, strict=True):
        np.testing.assert_array_equal(p, q)


def test_a_diverging_loss_ends_training_and_says_so():
    history = hn.fit(small_net(), hn.load_dataset("digits"), epochs=5, optimizer=hn.SGD(1e30))
    assert history.diverged and len(history.valid_error) == 1 and not np.isfinite(history.train_loss[0])


def weights_of(net):
    return [p.copy() for _, p in net.parameters()]


def assert_weights(net, expected):
    for (_, p), q in zip(net.parameters(), expected, strict=True):
        np.testing.assert_array_equal(p, q)


@pytest.mark.parametrize(("at_step", "epoch"), [(8, 0), (30, 1)])  # an epoch has 24 steps
def test_a_diverged_epoch_is_not_kept(monkeypatch, at_step, epoch):
    steps, real_step, net, kept = iter(range(10**6)), training.train_step, small_net(), []

    def step(*arguments):
        number = next(steps)
        if number == 24 * epoch:
            kept.extend(weights_of(net))
        if number == at_step:
            for _, p in net.parameters():
                p[...] = np.nan
        return real_step(*arguments)

    monkeypatch.setattr(training, "train_step", step)
    history = hn.fit(net, hn.load_dataset("digits").refit(), epochs=3)  # no validation set: else the last is kept
    assert history.diverged and history.best_epoch == epoch and len(history.train_loss) == epoch + 1
    assert_weights(net, kept)


def test_a_last_step_into_infinity_is_not_kept():
    data, net = hn.load_dataset("digits").refit(), small_net()
    before = weights_of(net)
    with np.errstate(over="ignore"):  # one step an epoch: its loss, taken before the step, is finite
        history = hn.fit(net, data, epochs=1, batch_size=len(data.x_train), optimizer=hn.SGD(1e300))
    assert np.isfinite(history.train_loss[0]) and history.diverged and history.best_epoch == 0
    assert_weights(net, before)


def test_half_a_step_is_not_kept(monkeypatch):
    net = small_net()
    before = weights_of(net)

    def half_a_step(net, *_):
        net.layers[0].params["w"] += 1
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train_step", half_a_step)
    history = hn.fit(net, hn.load_dataset("digits"), epochs=3)
    assert history.interrupted and history.best_epoch == 0
    assert_weights(net, before)


def test_labels_must_be_as_many_as_examples_and_in_a_row():
    with pytest.raises(ValueError, match=r"z must be \(n, classes\) and y \(n,\), got \(3, 2\) and \(3, 1\)"):
        error_rate(np.zeros((3, 2)), np.zeros((3, 1), int))
    data = hn.load_dataset("digits")
    with pytest.raises(ValueError, match=r"y_valid \(n,\), got \(239, 64\) and \(239, 1\)"):
        replace(data, y_valid=data.y_valid[:, None])


def test_a_used_optimizer_is_refused():
    data, optimizer = hn.load_dataset("digits"), hn.SGD(0.03)
    hn.fit(hn.build("nn", [64, 4, 10], compression=1), data, 1, optimizer=optimizer)
    with pytest.raises(ValueError, match="the optimizer has done 20 steps already"):
        hn.fit(hn.build("nn", [64, 4, 10], compression=1), data, 1, optimizer=optimizer)


def test_each_epoch_has_every_example_once_in_an_order_of_its_own_that_the_seed_decides():
    data, orders = hn.load_dataset("digits"), []
    data = replace(data, y_train=np.arange(len(data.y_train)))

    def loss(z, y):
        orders[-1].extend(y.tolist())
        return 1.0, np.zeros_like(z)

    for seed in (3, 3, 4):
        orders.append([])
        hn.fit(small_net(), data, epochs=2, seed=seed, loss=loss)
    n = len(data.y_train)
    first, second = orders[0][:n], orders[0][n:]
    assert sorted(first) == sorted(second) == list(range(n))
    assert first != sorted(first) and first != second
    assert orders[0] == orders[1] and orders[0] != orders[2]


def test_training_drops_units_and_prediction_does_not():
    asked = []

    class Asked(hn.Dropout):
        def forward(self, x, train=False, mask=None):
            asked.append((len(x), train))
            return super().forward(x, train, mask)

    data = hn.load_dataset("digits")
    hn.fit(hn.Network([Asked(0.1), hn.Linear(64, 10)]), data, epochs=1)
    assert asked == [(50, True)] * 19 + [(8, True), (239, False), (600, False)]


def test_the_training_loss_of_an_epoch_is_the_mean_of_its_steps(monkeypatch):
    losses = iter([1.0, 2.0, *[6.0] * 18, *[5.0] * 20])
    monkeypatch.setattr(training, "train_step", lambda *_: next(losses))
    history = hn.fit(small_net(), hn.load_dataset("digits"), epochs=2)
    assert history.train_loss == [pytest.approx(111 / 20), 5.0]


def test_a_schedule_ends_with_the_last_step():
    optimizer = hn.SGD(0.01, schedule="cosine")
    hn.fit(small_net(), hn.load_dataset("digits"), epochs=3, optimizer=optimizer)  # 958 examples: 20 steps an epoch
    assert optimizer.steps_done == optimizer.total_steps == 60


def test_no_example_is_no_error():
    assert error_rate(np.zeros((0, 3)), np.zeros(0, int)) == 0.0


def test_a_first_layer_without_weights_is_left_out_of_the_way_back():
    class Never(hn.ReLU):
        def backward(self, dz, input_grad=True):
            raise AssertionError("nobody needs this gradient")

    net = hn.Network([Never(), hn.Linear(4, 3), hn.ReLU(), hn.Linear(3, 2)])
    net.forward(np.ones((5, 4)))
    assert net.backward(np.ones((5, 2)), input_grad=False) is None
    assert all(layer.grads for layer in net.layers if layer.params)


@pytest.mark.parametrize("number", [0, 1])
def test_one_parameter_that_is_not_finite_is_enough(monkeypatch, number):
    net, data = small_net(), hn.load_dataset("digits").refit()
    before = weights_of(net)

    def step(net, *_):
        list(net.parameters())[number][1][0] = np.inf
        return 1.0

    monkeypatch.setattr(training, "train_step", step)
    history = hn.fit(net, data, epochs=1)
    assert history.diverged and history.best_epoch == 0
    assert_weights(net, before)
