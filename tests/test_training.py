"""The training loop: what it takes, what it keeps, and what it refuses."""

import functools
import subprocess
import sys
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


def test_the_best_epoch_is_restored_when_later_ones_are_worse():
    errors = iter([30.0, 10.0, 20.0, 10.0, 50.0, 77.0])  # five epochs, then the test set
    weights = []
    net = small_net()

    def fake_error(z, y):
        weights.append(weights_of(net))
        return next(errors)

    @hn.judged_by(fake_error)
    def loss(z, y):
        return hn.softmax_cross_entropy(z, y)

    history = hn.fit(net, hn.load_dataset("digits"), epochs=5, loss=loss)
    assert (history.best_epoch, history.test_error, history.criterion) == (2, 77.0, "fake_error")
    assert len(weights) == 6  # the test set was looked at once
    assert_weights(net, weights[1])


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


def test_a_used_optimizer_is_refused():
    data, optimizer = hn.load_dataset("digits"), hn.SGD(0.03)
    hn.fit(hn.build("nn", [64, 4, 10], compression=1), data, 1, optimizer=optimizer)
    with pytest.raises(ValueError, match="the optimizer has already done 20 steps"):
        hn.fit(hn.build("nn", [64, 4, 10], compression=1), data, 1, optimizer=optimizer)


def test_each_epoch_has_every_example_once_in_an_order_of_its_own_that_the_seed_decides():
    data, orders = hn.load_dataset("digits").refit(), []
    data = replace(data, y_train=np.arange(len(data.y_train)), x_test=data.x_test[:0], y_test=data.y_test[:0])

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


def xor_data(n=200):
    x = np.random.default_rng(0).random((n, 4)).astype(np.float32)
    return x, (x[:, 0] > 0.5).astype(int)


def dense_net(n_in=4, n_out=2, seed=0):
    return hn.Network([hn.Linear(n_in, 16), hn.ReLU(), hn.Linear(16, n_out)], seed=seed)


def test_arrays_and_a_dataset_train_the_same_network():
    data = hn.load_dataset("digits")
    one, other = small_net(), small_net()
    first = hn.fit(one, data, 2, optimizer=hn.SGD(0.05), seed=3)
    second = hn.fit(other, data.x_train, data.y_train, epochs=2, validation=(data.x_valid, data.y_valid),
                    optimizer=hn.SGD(0.05), seed=3)
    assert_weights(one, weights_of(other))
    assert first.valid_error == second.valid_error and second.test_error is None
    third = hn.fit(small_net(), hn.load_dataset("digits"), epochs=2, optimizer=hn.SGD(0.05), seed=3)
    assert third == first


def test_tables_are_taken_by_position():
    pandas = pytest.importorskip("pandas")
    x, y = xor_data()
    shuffled = pandas.DataFrame(np.c_[x, y]).sample(frac=1, random_state=0)
    x_table, y_series = shuffled.iloc[:, :4], shuffled.iloc[:, 4].astype(int)
    nets = [dense_net() for _ in range(3)]
    arguments = {"epochs": 3, "validation": 0.2, "seed": 1}
    hn.fit(nets[0], x_table.to_numpy(), y_series.to_numpy(), **arguments)
    hn.fit(nets[1], x_table, y_series, **arguments)
    hn.fit(nets[2], x_table.to_numpy().tolist(), y_series.tolist(), **arguments)
    for net in nets[1:]:
        assert_weights(net, weights_of(nets[0]))
    np.testing.assert_array_equal(hn.predict(nets[0], x_table), hn.predict(nets[0], x_table.to_numpy()))
    data = hn.Dataset("mine", x_table, y_series, x_table[:20], y_series[:20], x_table[:0], y_series[:0], "")
    assert isinstance(data.refit().y_train, np.ndarray) and len(data.refit().x_train) == 220
    targets = pandas.Series(np.arange(200.0), index=np.arange(200)[::-1])
    seen = []

    def loss(z, y):
        seen.extend(y.tolist())
        return 1.0, np.zeros_like(z)

    hn.fit(dense_net(), x_table, y_series, epochs=1, loss=loss, targets=targets)
    assert sorted(seen) == list(range(200))
    order = np.random.default_rng(0).permutation(200)
    np.testing.assert_array_equal(seen, order)  # row n has target n, whatever its index says


def test_what_was_given_is_not_written_to():
    x, y = xor_data()
    given = [x, y, np.ones(len(x))]
    before = [array.copy() for array in given]
    for array in given:
        array.flags.writeable = False
    history = hn.fit(dense_net(), x, y, epochs=2, validation=0.1, sample_weight=given[2])
    assert len(history.train_loss) == 2
    for array, copy in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, copy)


X, Y = xor_data(20)


class Unwilling:
    """Refuses to become an array, as PyTorch's tensors with a gradient do."""

    def __array__(self, *_, **__):
        raise RuntimeError("detach it\nfirst")


@pytest.mark.parametrize(("arguments", "message"), [
    ({"y": None}, r"fit needs labels, fit\(net, x, y, epochs=...\)"), ({"epochs": None}, "epochs must be an integer"),
    ({"epochs": 0}, "epochs must be an integer"), ({"epochs": 1.5}, "epochs must be an integer"),
    ({"epochs": np.nan}, "epochs must be an integer"), ({"epochs": True}, "epochs must be an integer"),
    ({"batch_size": 0}, "batch_size must be"), ({"batch_size": 2.0}, "batch_size must be"),
    ({"x": X[:, :3]}, "x_train has 3 columns, but the network takes 4 inputs"), ({"x": X[0]}, "expected .n, n_in."),
    ({"x": X[:, :, None]}, r"did you forget x.reshape\(len\(x\), -1\)"), ({"x": X + 1j}, "expected real numbers"),
    ({"x": X.astype(str)}, "are there columns of text"), ({"x": [[1.0], [2.0, 3.0]]}, "cannot be turned into an array"),
    ({"x": 1j * X.astype(float)}, "x has dtype complex128, expected real numbers$"),
    ({"x": X.astype(int).astype("M8[s]")}, r"x has dtype datetime64\[s\], expected real numbers$"),
    ({"x": (row for row in X)}, r"x is of type generator, expected an array of numbers; pass list\(x\)$"),
    ({"x": {"a": X}}, "x is of type dict, expected an array of numbers$"), ({"x": None}, "x is of type NoneType, exp"),
    ({"y": (y for y in Y)}, r"y is of type generator, .*; pass list\(y\)$"), ({"y": {0: Y}}, "y is of type dict"),
    ({"x": "x.npy"}, "x is of type str, expected an array of numbers$"), ({"y": 1j}, "y is of type complex, expected"),
    ({"x": np.where(X == X[3, 1], np.nan, X)}, "x has nan in row 3, expected finite numbers"),
    ({"x": np.where(X == X[3, 1], np.inf, X)}, "x has inf in row 3"),
    ({"y": Y[:-1]}, "y has 19 rows for 20 examples"), ({"y": Y[:, None]}, r"did you forget y.ravel\(\)"),
    ({"y": Y - 1}, "from -1 to 0, expected class labels"),
    ({"y": Y + 1}, r"y_train must be integers in 0..1, got int64 from 1 to 2; are they 1-based\? y_train - 1$"),
    ({"y": Y + 2}, r"y_train must be integers in 0..1, got int64 from 2 to 3$"),
    ({"net": dense_net(n_out=1)}, "got int64 from 0 to 1; a classifier needs one output for each class$"),
    ({"y": Y.astype(float)}, r"in 0..1, got float64; for a regression, pass loss=hn.squared_error; or did you mean "
                             r"y_train.astype\(int\)\?$"),
    ({"y": Y + 0.5}, "y_train must be integers in 0..1, got float64; for a regression, pass loss=hn.squared_error$"),
    ({"y": X}, r"are the rows one-hot\? y_train.argmax\(axis=1\); for a regression, pass loss=hn.squared_error$"),
    ({"y": 2 * np.c_[Y, Y]}, r"one-hot\? y.argmax.*; are they targets of a regression\? y.astype\(float\)$"),
    ({"y": Y + 1j}, r"y has dtype complex128, expected .*\(or floats, for a regression\)$"),
    ({"y": Y.astype(str)}, "np.unique"), ({"x": X[:0], "y": Y[:0]}, "no training example"),
    ({"validation": (X, Y + 1)}, "y_valid must be integers in 0..1, got int64 from 1 to 2"),
    ({"validation": (X, Y.astype(float))}, "y_valid is float64 .*but y_train is int64"),
    ({"validation": (X[:, :3], Y)}, "x_valid has 3 columns, x_train has 4"),
    ({"validation": (X, Y[:-1])}, "y_valid has 19 rows"), ({"validation": X}, "validation must be a pair"),
    ({"validation": 0.0}, "a fraction above 0"), ({"validation": 1}, "a fraction above 0"),
    ({"validation": 0.01}, "leaves one set empty"), ({"validation": 0.99}, "leaves one set empty"),
    ({"validation": np.nan}, "a fraction above 0"),
    ({"optimizer": hn.SGD}, "must be an SGD, such as"), ({"seed": None}, "seed must be"),
    ({"seed": 2**32}, "seed must be"),
    ({"loss": "mse"}, "loss must be a function"), ({"targets": Y[:-1]}, "targets has 19 rows, but there are 20"),
    ({"targets": np.r_[Y, Y]}, "targets has 40 rows"), ({"targets": Y.astype(str)}, "targets must be numbers"),
    ({"targets": np.full(20, np.nan)}, "targets has nan in row 0"), ({"targets": 3}, "targets must be numbers"),
    ({"sample_weight": np.ones(3)}, "sample_weight has 3 rows"), ({"sample_weight": -np.ones(20)}, "at least 0"),
    ({"sample_weight": np.zeros(20)}, "not all 0"), ({"sample_weight": np.ones((20, 1))}, r"must be \(n,\)"),
    ({"sample_weight": np.full(20, 1e-320)}, "only the ratios"), ({"sample_weight": [1e300] * 20}, "only the ratios"),
    ({"progress": "yes"}, "progress must be True or False"), ({"y": np.eye(2)[Y]}, r"y_train.argmax\(axis=1\)"),
    ({"x": np.ma.array(X, mask=X > 0)}, "x has masked"), ({"y": np.ma.array(Y, mask=Y)}, "y has masked entries"),
    ({"x": [np.ma.array(row, mask=row > 0) for row in X]}, "x has masked"),
    ({"targets": np.ma.array(Y, mask=Y)}, "targets has masked"),
    ({"sample_weight": np.ma.array(Y + 1, mask=Y)}, "sample_weight has masked"),
    ({"x": Unwilling()}, "x cannot be turned into an array: detach it first"),
])
def test_data_and_numbers_that_mean_nothing_are_one_clear_error(arguments, message):
    net = dense_net()
    before = weights_of(net)
    with pytest.raises((ValueError, TypeError), match=message) as error:
        hn.fit(**({"net": net, "x": X, "y": Y, "epochs": 1} | arguments))
    assert "\n" not in str(error.value)
    assert_weights(net, before)


def test_arguments_that_do_not_go_together_are_refused():
    data = hn.load_dataset("digits")
    with pytest.raises(TypeError, match="optimizer must be an SGD"):
        hn.fit(small_net(), data, 1, optimizer="sgd")
    with pytest.raises(ValueError, match="a Dataset already has its validation set"):
        hn.fit(small_net(), data, 1, validation=0.2)
    with pytest.raises(ValueError, match="only the number of epochs"):
        hn.fit(small_net(), data, data.y_train, epochs=1)
    with pytest.raises(TypeError):
        hn.fit(small_net(), data, 1, 50)


def test_a_class_that_the_network_has_no_output_for_is_refused_whichever_set_it_is_in():
    data = hn.load_dataset("digits")
    for part in ("y_train", "y_valid", "y_test"):
        labels = getattr(data, part).copy()
        labels[7] = 90
        with pytest.raises(ValueError, match=f"{part} must be integers in 0..9, got int64 from 0 to 90"):
            hn.fit(small_net(), replace(data, **{part: labels}), 1)


def test_pixels_that_were_not_scaled_get_a_hint():
    with pytest.warns(UserWarning, match="values up to 255.*did you forget to divide by 255"):
        hn.fit(dense_net(), X * 255 / X.max(), Y, epochs=1)


def test_a_regression_is_judged_by_its_loss():
    x, _ = xor_data(300)
    y = x @ [1.0, -2.0, 0.5, 0.0] + 0.3
    net = hn.Network([hn.HashedLinear(4, 30, "1/2"), hn.Tanh(), hn.Linear(30, 1)])
    history = hn.fit(net, x, y, epochs=20, validation=0.2, loss=hn.squared_error, optimizer=hn.SGD(0.05))
    assert history.criterion == "squared_error"
    assert history.valid_error[-1] < 0.1 * history.valid_error[0]
    assert history.best_epoch == 1 + int(np.argmin(history.valid_error))
    data = hn.Dataset.from_arrays(x, y, validation=0.2, test=(x, y))
    history = hn.fit(net, data, 2, loss=hn.squared_error, optimizer=hn.SGD(0.01))
    assert history.test_error == pytest.approx(float(np.mean((hn.predict(net, x)[:, 0] - y) ** 2)))


def test_targets_of_ones_own_keep_the_last_epoch_unless_the_loss_names_a_criterion():
    data = hn.load_dataset("digits")
    targets = np.eye(10)[data.y_train]
    history = hn.fit(small_net(), data, 4, loss=hn.squared_error, targets=targets)
    assert history.best_epoch == 4 and np.isnan(history.valid_error).all() and history.test_error is None

    @hn.judged_by(hn.error_rate)
    def loss(z, y):
        return hn.squared_error(z, y)

    history = hn.fit(small_net(), data, 4, loss=loss, targets=targets)
    assert history.best_epoch == 1 + int(np.argmin(history.valid_error)) and history.test_error > 0


def test_without_a_finished_epoch_there_is_no_test_error(monkeypatch):
    data = hn.load_dataset("digits")
    assert hn.fit(small_net(), data, 5, optimizer=hn.SGD(1e30)).test_error is None

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train_step", interrupted)
    history = hn.fit(small_net(), data, 5)
    assert history.interrupted and history.best_epoch == 0 and history.test_error is None


def test_weights_of_examples_are_heeded():
    x, y = xor_data()
    net = dense_net()
    hn.fit(net, x, y, epochs=30, sample_weight=np.where(y == 1, 1.0, 0.0))
    assert (hn.predict(net, x).argmax(axis=1) == 1).all()  # class 0 weighed nothing
    net = dense_net()
    # the rows that are drawn for validation take their weights along
    hn.fit(net, x, y, epochs=30, validation=0.2, sample_weight=np.where(y == 1, 1.0, 0.0))
    assert (hn.predict(net, x).argmax(axis=1) == 1).all()


def test_a_callback_sees_each_epoch_and_may_end_training():
    seen = []

    def callback(net, history):
        seen.append((net, history.best_epoch, len(history.valid_error)))
        return len(seen) == 3

    net = small_net()
    history = hn.fit(net, hn.load_dataset("digits"), 10, callback=callback)
    assert history.stopped and len(history.train_loss) == 3 and [n for *_, n in seen] == [1, 2, 3]
    assert all(one is net for one, *_ in seen)
    assert not hn.fit(small_net(), hn.load_dataset("digits"), 2, callback=lambda *_: None).stopped


@pytest.mark.parametrize(("callback", "message"), [
    (hn.EarlyStopping, r"got .*EarlyStopping.*; did you mean EarlyStopping\(\)\?"), (5, "got 5"),
])
def test_what_cannot_be_called_after_an_epoch_is_refused_before_the_first_step(callback, message):
    net = small_net()
    before = [p.copy() for _, p in net.parameters()]
    with pytest.raises(TypeError, match="callback must be a function.*" + message):
        hn.fit(net, hn.load_dataset("digits"), 2, callback=callback)
    assert all(np.array_equal(p, kept) for (_, p), kept in zip(net.parameters(), before, strict=True))


def test_a_callback_that_raises_leaves_the_weights_of_the_best_epoch():
    errors = iter([10.0, 30.0])
    kept = []

    @hn.judged_by(lambda z, y: next(errors))
    def loss(z, y):
        return hn.softmax_cross_entropy(z, y)

    def callback(net, history):
        kept.append([p.copy() for _, p in net.parameters()])
        if len(kept) == 2:
            raise RuntimeError("no space for a checkpoint")

    net = small_net()
    with pytest.raises(RuntimeError, match="checkpoint"):
        hn.fit(net, hn.load_dataset("digits"), 5, loss=loss, callback=callback)
    assert all(np.array_equal(p, best) for (_, p), best in zip(net.parameters(), kept[0], strict=True))


def test_an_epoch_that_cannot_be_judged_is_no_better_for_early_stopping():
    errors = iter([30.0, 10.0, np.nan, np.nan, 1.0])

    @hn.judged_by(lambda z, y: next(errors))
    def loss(z, y):
        return hn.softmax_cross_entropy(z, y)

    history = hn.fit(small_net(), hn.load_dataset("digits"), 20, loss=loss, callback=hn.EarlyStopping(patience=2))
    assert history.stopped and len(history.valid_error) == 4 and history.best_epoch == 2


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"progress": "yes"}, {"sample_weight": [1.0]}, {"callback": 5}])
def test_a_fit_that_is_refused_leaves_the_optimizer_as_it_was(wrong):
    optimizer = hn.SGD(0.1, schedule="cosine", total_steps=1000)
    with pytest.raises((ValueError, TypeError)):
        hn.fit(small_net(), hn.load_dataset("digits"), 2, optimizer=optimizer, **wrong)
    assert optimizer.total_steps == 1000


def test_early_stopping_ends_when_the_best_epoch_is_too_long_ago():
    errors = iter([30.0, 10.0, 20.0, 10.0, 9.0, 9.0, 9.5, 9.0, 1.0])

    @hn.judged_by(lambda z, y: next(errors))
    def loss(z, y):
        return hn.softmax_cross_entropy(z, y)

    data = hn.load_dataset("digits")
    history = hn.fit(small_net(), data, 20, loss=loss, callback=hn.EarlyStopping(patience=3))
    assert history.stopped and len(history.valid_error) == 8 and history.best_epoch == 5
    with pytest.raises(ValueError, match="early stopping needs a validation set"):
        hn.fit(small_net(), data.refit(), 2, callback=hn.EarlyStopping())
    with pytest.raises(ValueError, match="patience must be"):
        hn.EarlyStopping(patience=0)


def test_probabilities_are_the_softmax_of_the_logits():
    data, net = hn.load_dataset("digits"), small_net()
    p = hn.predict_proba(net, data.x_test)
    z = hn.predict(net, data.x_test).astype(np.float64)
    np.testing.assert_allclose(p, np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), rtol=1e-5)
    with pytest.raises(ValueError, match="at least 2 outputs"):
        hn.predict_proba(dense_net(n_out=1), X)


@pytest.mark.parametrize(("x", "more", "message"), [
    (X, {"batch_size": 0}, "batch_size must be an integer of at least 1"), (X, {"batch_size": -1}, "batch_size"),
    (X[0], {}, r"x has shape \(4,\)"), (X.astype(str), {}, "expected real numbers"), (X * np.nan, {}, "x has nan"),
    (np.ma.masked_greater(X, 0.5), {}, "masked entries"),
])
def test_predict_refuses_what_is_not_a_matrix_of_numbers(x, more, message):
    with pytest.raises(ValueError, match=message):
        hn.predict(dense_net(), x, **more)


@pytest.mark.parametrize("net", [None, "net.safetensors", hn.Network])
def test_predict_says_what_is_not_a_network(net):
    with pytest.raises(TypeError, match="net must be a Network, got"):
        hn.predict(net, X)


def test_predict_takes_blocks_and_no_rows():
    x, _ = xor_data(23)
    net = dense_net()
    np.testing.assert_allclose(hn.predict(net, x, batch_size=5), hn.predict(net, x), rtol=1e-6)
    assert hn.predict(net, x[:0]).shape == (0, 2)


class Bar:
    def set_postfix(self, **numbers):
        self.numbers = numbers


@pytest.mark.parametrize(("criterion", "error", "text"), [
    ("error_rate", 12.3456, "12.35%"), ("squared_error", 0.0123456, "0.01235"), ("error_rate", np.nan, None)])
def test_the_bar_shows_percent_only_for_error_rates(criterion, error, text):
    bar = Bar()
    training.show_in_bar(hn.History(train_loss=[0.5], valid_error=[error], criterion=criterion), bar)
    assert bar.numbers == {"loss": "0.5000"} | ({} if text is None else {"valid": text})


QUIET = """
import sys, threading
import hashnets_np as hn
hn.fit(hn.build("nn", [64, 4, 10], compression=1), hn.load_dataset("digits"), 1)
assert "tqdm" not in sys.modules and threading.active_count() == 1, threading.enumerate()
"""


def test_without_a_bar_nothing_is_imported_and_no_thread_is_left():
    subprocess.run([sys.executable, "-c", QUIET], check=True)


def test_the_bar_is_shown_if_and_only_if_it_is_asked_for(capsys):
    for progress in (True, False):
        hn.fit(hn.build("nn", [64, 10], compression="1", seed=1), hn.load_dataset("digits"), 1, progress=progress)
        assert ("step" in capsys.readouterr().err) == progress


def test_a_history_of_nothing_says_so():
    history = hn.History()
    assert (history.train_loss, history.valid_error, history.best_epoch, history.test_error) == ([], [], 0, None)
    assert not (history.interrupted or history.diverged or history.stopped) and history.criterion == "error_rate"


def test_what_is_not_given_has_the_documented_value():
    x, y = xor_data(120)
    nets = [dense_net(), dense_net()]
    first = hn.fit(nets[0], x, y, epochs=2, validation=0.2)
    second = hn.fit(nets[1], x, y, epochs=2, validation=0.2, batch_size=50, optimizer=hn.SGD(), seed=0,
                    loss=hn.softmax_cross_entropy, progress=False)
    assert first == second
    assert_weights(nets[0], weights_of(nets[1]))
    assert hn.EarlyStopping().patience == 10


@pytest.mark.parametrize(("epochs", "best", "stop"), [(1, 1, False), (3, 2, False), (4, 2, True), (9, 2, True)])
def test_patience_counts_the_epochs_since_the_best(epochs, best, stop):
    history = hn.History(valid_error=[1.0] * epochs, best_epoch=best)
    assert hn.EarlyStopping(patience=2)(None, history) is stop
    assert hn.EarlyStopping(patience=1)(None, hn.History(valid_error=[1.0, 1.0], best_epoch=1)) is True


@pytest.mark.parametrize("predict", [hn.predict, hn.predict_proba])
def test_a_thousand_rows_are_computed_at_a_time(predict):
    sizes = []

    class Asked(hn.Linear):
        def forward(self, x, train=False):
            sizes.append((len(x), train))
            return super().forward(x, train)

    predict(hn.Network([Asked(2, 2)]), np.zeros((1001, 2)))
    assert sizes == [(1000, False), (1, False)]
    sizes.clear()
    predict(hn.Network([Asked(2, 2)]), np.zeros((10, 2)), batch_size=5)
    assert sizes == [(5, False)] * 2


def test_a_network_of_two_outputs_is_a_classifier():
    np.testing.assert_allclose(hn.predict_proba(dense_net(n_out=2), X).sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(("errors", "best"), [
    ([5.0], True), ([5.0, 4.0], True), ([5.0, 5.0], False), ([4.0, 5.0], False), ([np.nan], True),
    ([np.nan, np.nan], True), ([np.nan, 5.0], True), ([5.0, np.nan], False), ([np.inf], True),
    ([np.inf, np.inf], False), ([np.inf, np.nan], False), ([np.nan, np.inf], True), ([np.inf, 5.0], True),
])
def test_the_last_epoch_is_the_best_if_it_is_below_all_before_it(errors, best):
    assert training.is_best(errors) is best


def test_what_cannot_be_judged_is_not_a_number():
    net = dense_net()
    assert np.isnan(training.judge(net, X, Y, None)) and np.isnan(training.judge(net, X[:0], Y[:0], error_rate))
    assert training.judge(net, X, Y, error_rate) == error_rate(hn.predict(net, X), Y)


def test_a_test_error_that_is_not_a_number_is_none_and_without_a_test_set_there_is_none():
    data = hn.Dataset.from_arrays(X, Y, validation=0.2, test=(X, Y))

    @hn.judged_by(lambda z, y: np.nan if len(y) == len(Y) else 1.0)
    def loss(z, y):
        return hn.softmax_cross_entropy(z, y)

    assert hn.fit(dense_net(), data, 1, loss=loss).test_error is None
    assert hn.fit(dense_net(), X, Y, epochs=1, validation=0.2).test_error is None


def test_a_step_is_forward_in_training_mode_loss_backward_and_update():
    class Asked(hn.Linear):
        def forward(self, x, train=False):
            assert train
            return super().forward(x, train)

        def backward(self, dz, input_grad=True):
            assert not input_grad
            return super().backward(dz, input_grad)

    def loss(z, y, *weight):
        seen.append(weight)
        return 7.0, np.ones_like(z)

    seen = []
    layer = Asked(1, 1, bias=False, dtype=np.float64)
    layer.params["w"][:] = 3.0
    arguments = hn.Network([layer]), np.array([[2.0]]), np.array([0.0]), hn.SGD(0.5, momentum=0), loss
    assert training.train_step(*arguments) == 7.0 and layer.params["w"] == 2.0
    assert training.train_step(*arguments, np.array([1.0])) == 7.0 and layer.params["w"] == 1.0
    assert seen == [(), (np.array([1.0]),)]


@pytest.mark.parametrize("platform", [
    pytest.param("linux", marks=pytest.mark.skipif(sys.platform == "emscripten", reason="a browser has no threads")),
    "emscripten",
])
def test_a_bar_counts_steps_goes_away_and_needs_no_thread_in_a_browser(monkeypatch, platform):
    from tqdm import tqdm

    monkeypatch.setattr(tqdm, "monitor_interval", 10)
    monkeypatch.setattr(training.sys, "platform", platform)
    with training.progress_bar(3, True) as bar:
        assert (bar.total, bar.unit, bar.leave) == (3, "step", False)
    assert tqdm.monitor_interval == (0 if platform == "emscripten" else 10)


def test_no_bar_takes_what_a_bar_takes():
    with training.progress_bar(3, False) as bar:
        bar.update()
        bar.set_postfix(loss="1")
    with pytest.raises(ZeroDivisionError), training.NoBar():
        1 / 0  # noqa: B018


@pytest.mark.parametrize(("scale", "offset", "hint"), [(10, 0, None), (10.5, 0, "10.5"), (1, -11, "11"),
                                                       (1, -10, None)])
def test_inputs_beyond_10_on_either_side_get_a_hint_where_fit_was_called(recwarn, scale, offset, hint):
    x = np.linspace(0, 1, 80).reshape(20, 4) * scale + offset
    hn.fit(dense_net(), x, Y, epochs=1)
    assert [str(each.message).partition(";")[0] for each in recwarn] == (
        [] if hint is None else [f"x_train has values up to {hint}"])
    assert all(each.filename == __file__ for each in recwarn)


@pytest.mark.parametrize(("train", "other", "hint"), [(2, 20, False), (2, 20.5, True), (0.1, 10, False),
                                                      (0.1, 10.5, True), (0.1, -10.5, True)])
@pytest.mark.parametrize("part", ["valid", "test"])
def test_a_set_that_was_not_scaled_as_the_training_set_was_gets_a_hint(recwarn, part, train, other, hint):
    x = np.ones((4, 4))
    data = hn.Dataset("x", x * train, Y[:4], x * train, Y[:4], x * train, Y[:4])
    hn.fit(dense_net(), replace(data, **{f"x_{part}": x * other}), 1)
    assert [str(each.message).partition(";")[0] for each in recwarn] == (
        [f"x_{part} has values up to {abs(other):g}, but x_train only up to {train:g}"] if hint else [])
    assert all(each.filename == __file__ for each in recwarn)


@pytest.mark.parametrize(("largest", "hint"), [(10, False), (11, True), (255, True)])
def test_bytes_get_a_hint_where_predict_was_called(recwarn, largest, hint):
    x = np.full((2, 4), largest, np.uint8)
    z = hn.predict(dense_net(), x)
    assert [str(each.message).partition(",")[0] for each in recwarn] == (
        [f"x has bytes (uint8) up to {largest}"] if hint else [])
    assert all(each.filename == __file__ for each in recwarn)
    assert np.array_equal(z, hn.predict(dense_net(), x.astype(np.float32)))
    assert len(recwarn) == hint  # none for floats


def test_no_bytes_get_no_hint(recwarn):
    hn.predict(dense_net(), np.zeros((0, 4), np.uint8))
    assert not recwarn.list


@pytest.mark.parametrize(("largest", "right"), [(1e30, True), (1.001e30, False), (1 / 1e30, True), (0.999e-30, False)])
def test_weights_of_examples_have_the_range_that_float32_can_add_up(largest, right):
    weight = np.linspace(0, largest, 20)
    if right:
        assert np.isfinite(hn.fit(dense_net(), X, Y, epochs=1, sample_weight=weight).train_loss).all()
    else:
        with pytest.raises(ValueError, match="only the ratios count"):
            hn.fit(dense_net(), X, Y, epochs=1, sample_weight=weight)


def test_a_missing_class_is_hinted_at_where_fit_was_called(recwarn):
    hn.fit(dense_net(n_out=3), X, Y, epochs=1, validation=(X[:3], [0, 1, 2]))
    (hint,) = recwarn
    assert "class 2 is in y_valid but not in y_train" in str(hint.message) and hint.filename == __file__


def test_an_optimizer_of_ones_own_needs_a_step_and_no_count():
    class Mine:
        def step(self, layers):
            self.layers = list(layers)

    mine = Mine()
    net = dense_net()
    hn.fit(net, X, Y, epochs=3, optimizer=mine, batch_size=7)
    assert mine.layers == net.layers and mine.total_steps == 3 * 3


@pytest.mark.parametrize("fraction", [0.25, np.float32(0.25)])
def test_targets_and_weights_are_given_for_all_examples_where_some_are_drawn_for_validation(fraction):
    """Each example's target and weight is its own number, so that what reaches the loss shows which was which."""
    x = np.arange(20.0)[:, None] / 20
    seen = []

    def loss(z, y, weight):
        seen.append((y.tolist(), weight.tolist()))
        return 1.0, np.zeros_like(z)

    net = hn.Network([hn.Linear(1, 1)])
    hn.fit(net, x, np.zeros(20), epochs=1, batch_size=20, validation=fraction, loss=loss, targets=np.arange(20.0),
           sample_weight=np.arange(20.0), seed=3)
    ((targets, weights),) = seen
    kept = hn.Dataset.from_arrays(x, np.zeros(20), validation=float(fraction), seed=3).x_train[:, 0] * 20
    assert weights == pytest.approx(targets / kept.mean()) and sorted(targets) == pytest.approx(kept.tolist())
    assert len(kept) == 15


@pytest.mark.parametrize(("loss", "targets", "name"), [
    (hn.softmax_cross_entropy, None, "error_rate"), (hn.squared_error, None, "squared_error"),
    (lambda z, y: (1.0, z), None, "<lambda>"), (hn.softmax_cross_entropy, np.zeros(20, int), "error_rate"),
])
def test_the_criterion_has_the_name_that_the_history_shows(loss, targets, name):
    x, y = (X, Y) if loss is hn.softmax_cross_entropy else (X, X[:, :2])
    assert hn.fit(dense_net(), x, y, epochs=1, loss=loss, targets=targets).criterion == name


@pytest.mark.parametrize("use", [
    lambda net: hn.fit(net, X, Y, epochs=1), lambda net: hn.save(net, "never"),
    lambda net: hn.gradcheck(net, X, Y),
])
@pytest.mark.parametrize("net", [None, [hn.ReLU()], hn.Linear(4, 2, seed=0), hn.Network])
def test_what_is_not_a_network_is_a_type_error_that_says_so(use, net):
    with pytest.raises(TypeError, match="net must be a Network, got") as error:
        use(net)
    assert ("did you mean Network" in str(error.value)) == isinstance(net, hn.Linear)


@pytest.mark.parametrize("returned", [
    lambda z: (np.zeros(len(z)), np.zeros_like(z)), lambda z: 0.5, lambda z: None, lambda z: (0.5,),
    lambda z: (0.5, z, z), lambda z: np.zeros(2), lambda z: (None, z), lambda z: (1j, z), lambda z: ("0.5", z),
])  # fmt: skip
@pytest.mark.parametrize("use", [
    lambda loss: hn.fit(dense_net(), X, Y, epochs=1, loss=loss),
    lambda loss: hn.gradcheck(dense_net(), X, Y, loss=loss),
])  # fmt: skip
def test_a_loss_must_return_one_number_and_the_gradient(returned, use):
    with pytest.raises(ValueError, match="a loss must return its mean, one number, and the gradient; got "):
        use(lambda z, y: returned(z))


@pytest.mark.parametrize("mean", [np.float32(1.5), np.array(1.5), 1, True])
def test_a_loss_may_return_any_real_number(mean):
    history = hn.fit(dense_net(), X, Y, epochs=1, validation=0.5, loss=lambda z, y: (mean, np.zeros_like(z)))
    assert history.train_loss == history.valid_error == [float(mean)]


def test_a_loss_that_takes_no_weights_is_refused_where_examples_have_them():
    def plain(z, y):
        return hn.softmax_cross_entropy(z, y)

    with pytest.raises(ValueError, match=r"plain takes no weights as its third .* loss\(outputs, targets, weights\)"):
        hn.fit(dense_net(), X, Y, epochs=1, loss=plain, sample_weight=np.ones(20))
    assert hn.fit(dense_net(), X, Y, epochs=1, loss=plain).train_loss
    partial = functools.partial(hn.softmax_cross_entropy)
    assert hn.fit(dense_net(), X, Y, epochs=1, loss=partial, sample_weight=np.ones(20)).train_loss


@pytest.mark.parametrize("batch_size", [1, 2, 5, 10])
def test_weights_of_examples_count_in_batches_of_any_size(batch_size):
    """With a step too small to change anything, the steps of an epoch add up to the gradient of the weighted mean."""
    x, y = np.eye(10), np.zeros(10, int)
    weight = np.arange(10.0)
    net = hn.Network([hn.Linear(10, 2, seed=0, dtype=np.float64)])
    before = net.layers[0].params["w"].copy()
    _, dz = hn.softmax_cross_entropy(net.forward(x), y, weight)
    expected = dz.T @ x * 10 / batch_size  # so many steps
    hn.fit(net, x, y, epochs=1, batch_size=batch_size, sample_weight=7 * weight, optimizer=hn.SGD(1e-6, momentum=0))
    steps = (before - net.layers[0].params["w"]) / 1e-6
    np.testing.assert_allclose(steps, expected, rtol=1e-4, atol=1e-9)


def test_early_stopping_without_a_validation_set_is_refused_before_the_first_step():
    net = dense_net()
    before = [p.copy() for _, p in net.parameters()]
    optimizer = hn.SGD(0.1)
    with pytest.raises(ValueError, match="early stopping needs a validation set"):
        hn.fit(net, X, Y, epochs=3, callback=hn.EarlyStopping(), optimizer=optimizer)
    assert optimizer.steps_done == 0
    assert all(np.array_equal(p, kept) for (_, p), kept in zip(net.parameters(), before, strict=True))


def test_a_criterion_that_is_infinite_in_every_epoch_throws_no_training_away():
    @hn.judged_by(lambda z, y: np.inf)
    def loss(z, y):
        return hn.softmax_cross_entropy(z, y)

    net = dense_net()
    before = weights_of(net)
    history = hn.fit(net, X, Y, epochs=3, validation=0.2, loss=loss)
    assert history.best_epoch == 1 and not np.array_equal(weights_of(net)[0], before[0])


@pytest.mark.parametrize("error", [None, 1j, "0.5", [0.5], np.array([0.5])])
def test_a_criterion_must_return_one_number(error):
    @hn.judged_by(lambda z, y: error)
    def loss(z, y):
        return hn.softmax_cross_entropy(z, y)

    with pytest.raises(ValueError, match="a criterion must return one number, the lower the better; got "):
        hn.fit(dense_net(), X, Y, epochs=1, validation=0.2, loss=loss)


def test_a_data_set_in_the_place_of_examples_is_told_to_be_taken_apart():
    data = hn.Dataset.from_arrays(X, Y)
    with pytest.raises(ValueError, match=r"x is of type Dataset, .*; pass one of its arrays, such as x_test$"):
        hn.predict(dense_net(), data)


class Slope(hn.Layer):
    """A leaky ReLU whose slope is learned: one number."""

    def __init__(self, slope):
        super().__init__()
        self.params["a"] = slope

    def forward(self, x, train=False):
        self.x = x
        return np.where(x > 0, x, self.params["a"] * x)

    def backward(self, dz, input_grad=True):
        self.grads["a"] = np.array(np.sum(dz * np.minimum(self.x, 0)))
        return np.where(self.x > 0, dz, self.params["a"] * dz)


def read_only(slope):
    slope = np.array(slope)
    slope.flags.writeable = False
    return slope


@pytest.mark.parametrize(("slope", "what"), [
    (np.float64(0.25), "a float64 scalar"), (np.float32(0.25), "a float32 scalar"), (0.25, "of type float"),
    ([0.25], "of type list"), (None, "of type NoneType"), (np.array(1), r"an array of int(32|64)"),
    (np.array(0.25, np.float16), "an array of float16"), (read_only(0.25), "read-only"),
])
def test_a_parameter_that_no_step_would_change_is_refused_before_training(slope, what):
    net = hn.Network([hn.Linear(4, 5, seed=0), Slope(slope), hn.Linear(5, 2, seed=1)])
    before = net.layers[0].params["w"].copy()
    message = (rf"^layer 1 \(Slope\): parameter 'a' is {what}, expected a float32 or float64 array that can be written "
               r"to; write np\.array\(a, float\)$")
    with pytest.raises(ValueError, match=message):
        hn.fit(net, X, Y, epochs=1)
    net.layers[0].grads = dict.fromkeys(net.layers[0].params, np.float32(0))  # the check comes before that of gradients
    with pytest.raises(ValueError, match=message):
        hn.SGD(0.1).step(net.layers)
    assert np.array_equal(net.layers[0].params["w"], before)
    if what == "read-only":  # the gradient check writes into a copy
        assert hn.gradcheck(net, X - 0.5, Y).worst < 1e-6
    else:
        with pytest.raises(ValueError, match=message):
            hn.gradcheck(net, X - 0.5, Y)


def test_a_parameter_may_be_an_array_without_dimensions():
    net = hn.Network([hn.Linear(4, 5, seed=0), Slope(np.array(0.25)), hn.Linear(5, 2, seed=1)])
    assert hn.gradcheck(net, X - 0.5, Y).worst < 1e-6
    hn.fit(net, X - 0.5, Y, epochs=1)
    assert net.layers[1].params["a"] != 0.25


@pytest.mark.parametrize(("largest", "hint"), [(0.009, True), (1e-7, True), (0.01, False), (0, False)])
def test_inputs_that_are_almost_0_get_a_hint_where_fit_was_called(recwarn, largest, hint):
    hn.fit(dense_net(), -largest * np.linspace(0, 1, 80).reshape(20, 4), Y, epochs=1)
    assert [str(each.message) for each in recwarn] == [
        f"x_train has no value beyond {largest:g}; networks train best on inputs of about 0..1: was it divided by too "
        "much?"] * hint
    assert all(each.filename == __file__ for each in recwarn)


def test_a_first_layer_of_ones_own_that_changes_the_width_is_told_to_say_so():
    class Twice(hn.Layer):
        def forward(self, x, train=False):
            return np.hstack([x, x])

        def backward(self, dz, input_grad=True):
            return dz[:, :4] + dz[:, 4:]

    net = hn.Network([Twice(), hn.Linear(8, 2)])
    fix = "; a layer of your own that changes the width sets n_in and n_out$"
    with pytest.raises(ValueError, match=f"x_train has 4 columns, but the network takes 8 inputs{fix}"):
        hn.fit(net, X, Y, epochs=1)
    with pytest.raises(ValueError, match=f"takes 8 inputs, but the layers before it give 4{fix}"):
        hn.Network([hn.Linear(4, 4), Twice(), hn.Linear(8, 2)])
    net.layers[0].n_in = 4
    net.layers[0].n_out = 8
    assert hn.fit(net, X, Y, epochs=1).best_epoch == 1


@pytest.mark.parametrize("dtype", [np.float16, np.uint8, np.int64, bool])
def test_weights_of_examples_may_be_numbers_of_any_type(dtype):
    weights = []
    for weight in (Y + 1, (Y + 1).astype(dtype)) if dtype is not bool else (Y, Y > 0):
        net = dense_net()
        hn.fit(net, X, Y, epochs=1, sample_weight=weight)  # a RuntimeWarning would be an error here
        weights.append(weights_of(net))
    assert all(np.array_equal(p, q) for p, q in zip(*weights, strict=True))
