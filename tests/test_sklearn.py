"""The estimators do what scikit-learn expects of its own, and what a user of scikit-learn would try first."""

import itertools
import pickle
import warnings

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np.maps import KINDS

sklearn = pytest.importorskip("sklearn", "1.6", reason="the estimators need scikit-learn 1.6 or newer")

from sklearn.calibration import CalibratedClassifierCV  # noqa: E402
from sklearn.compose import TransformedTargetRegressor  # noqa: E402
from sklearn.datasets import load_diabetes  # noqa: E402
from sklearn.exceptions import ConvergenceWarning, NotFittedError  # noqa: E402
from sklearn.metrics import log_loss  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import MinMaxScaler, StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from hashnets_np.sklearn import METHODS, HashNetClassifier, HashNetRegressor  # noqa: E402
from hashnets_np.training import train_step  # noqa: E402

DIGITS = hn.load_dataset("digits")
SMALL = {"hidden_layer_sizes": (50,), "compression": "1/2", "learning_rate": 0.05, "max_iter": 10, "random_state": 0}
X200 = np.random.default_rng(0).random((200, 4))
Y200 = (X200[:, 0] > 0.5).astype(int)
TINY = {"hidden_layer_sizes": (8,), "compression": "1/2", "random_state": 0}


@pytest.mark.slow
@parametrize_with_checks([HashNetClassifier(), HashNetRegressor()])
@pytest.mark.filterwarnings("ignore:x_train has values:UserWarning", "ignore::RuntimeWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scikit_learns_own_checks_pass(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def frame():
    """The digits as a user may have them: named columns, and names for labels."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed; make check-exports installs it")
    names = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
    X = pandas.DataFrame(16 * DIGITS.x_train, columns=[f"pixel{n}" for n in range(64)])
    return X, pandas.Series(names[DIGITS.y_train])


@pytest.mark.slow
def test_a_search_over_compression_in_a_pipeline_with_pandas_and_names_on_two_processes(frame):
    X, y = frame
    pipeline = make_pipeline(MinMaxScaler(), HashNetClassifier((50,), max_iter=8, random_state=0))
    grid = {"hashnetclassifier__compression": ["1/32", "1/8", 0.5]}
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[2] > 0.85 and scores[2] > scores[0]  # more real weights, fewer errors
    assert search.best_params_["hashnetclassifier__compression"] in ("1/8", 0.5)
    assert set(search.predict(X)) == set(y)
    assert list(search.best_estimator_.feature_names_in_) == list(X.columns)
    assert search.predict_proba(X.iloc[:5]).shape == (5, 10)


@pytest.mark.slow
def test_probabilities_can_be_calibrated():
    model = HashNetClassifier(**SMALL | {"max_iter": 40})
    calibrated = CalibratedClassifierCV(model, cv=3).fit(DIGITS.x_train, DIGITS.y_train)
    p = calibrated.predict_proba(DIGITS.x_test)
    assert np.allclose(p.sum(axis=1), 1)
    assert calibrated.score(DIGITS.x_test, DIGITS.y_test) > 0.85
    assert log_loss(DIGITS.y_test, p) < 0.6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_pickled_estimator_is_little_more_than_its_parameters(dtype):
    x = DIGITS.x_train.astype(dtype)
    model = HashNetClassifier((500,), compression="1/2", max_iter=2, random_state=0).fit(x, DIGITS.y_train)
    model.partial_fit(x, DIGITS.y_train)
    parameters = sum(p.nbytes for _, p in model.network_.parameters())
    size = len(pickle.dumps(model))
    print(f"{parameters} bytes of parameters, {size} bytes pickled")
    assert parameters > 70_000 and size <= 1.2 * parameters
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(x), model.predict_proba(x))
    again.partial_fit(x, DIGITS.y_train)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_trains_in_the_dtype_of_x(dtype):
    model = HashNetClassifier(**SMALL).fit(DIGITS.x_train.astype(dtype), DIGITS.y_train)
    assert {p.dtype for _, p in model.network_.parameters()} == {np.dtype(dtype)}
    assert model.predict_proba(DIGITS.x_test).dtype == dtype


@pytest.mark.parametrize("kind", [name for name in KINDS if not name.endswith("_bias")])
def test_every_kind_of_map_learns_with_the_stored_size_that_was_asked_for(kind):
    model = HashNetClassifier(**SMALL, kind=kind).fit(DIGITS.x_train, DIGITS.y_train)
    assert {m.map.kind for m in model.network_.layers if isinstance(m, hn.HashedLinear)} == {kind}
    assert model.network_.num_parameters() == hn.bucket_count("1/2", 65 * 50) + hn.bucket_count("1/2", 51 * 10)
    assert model.score(DIGITS.x_test, DIGITS.y_test) > 0.8


@pytest.mark.parametrize("kind", ["xxhash", "fold", "chunk", "authors2015"])
def test_an_estimator_begins_with_the_network_that_build_makes(kind):
    model = HashNetClassifier((50, 20), kind=kind, dropout=0.2, input_dropout=0.1, learning_rate=1e-30, momentum=0.0,
                              max_iter=1, random_state=0).fit(DIGITS.x_train, DIGITS.y_train)
    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    built = hn.build("hashnet", [64, 50, 20, 10], compression="1/8", kind=kind, dropout=0.2, input_dropout=0.1,
                     seed=seed)
    assert [layer.config() for layer in model.network_.layers] == [layer.config() for layer in built.layers]
    for (name, p), (_, q) in zip(model.network_.parameters(), built.parameters(), strict=True):
        np.testing.assert_allclose(p, q, atol=1e-20, err_msg=name)  # biases of 0 have moved by one tiny step


@pytest.mark.parametrize("method", METHODS)
def test_the_baselines_have_the_same_stored_size(method):
    model = HashNetClassifier(**SMALL, method=method).fit(DIGITS.x_train, DIGITS.y_train)
    expected = hn.build(method, [64, 50, 10], compression="1/2").num_parameters()
    assert model.network_.num_parameters() == expected


def test_expansion_takes_the_place_of_compression():
    model = HashNetClassifier((20,), expansion=4, max_iter=1).fit(DIGITS.x_train, DIGITS.y_train)
    assert model.network_.num_parameters() == 65 * 20 + 21 * 10
    assert model.network_.layers[0].n_out == 80


@pytest.mark.slow
def test_early_stopping_ends_training_and_keeps_the_best_epoch():
    options = SMALL | {"max_iter": 200, "early_stopping": True, "patience": 5, "validation_fraction": 0.2}
    model = HashNetClassifier(**options).fit(DIGITS.x_train, DIGITS.y_train)
    errors = model.validation_errors_
    assert len(errors) == model.n_iter_ == len(model.loss_curve_) < 200
    assert int(np.argmin(errors)) == len(errors) - 1 - 5
    regressor = HashNetRegressor(**options | {"learning_rate": 0.01}).fit(DIGITS.x_train, DIGITS.y_train / 9)
    best = int(np.argmin(regressor.validation_errors_))
    assert regressor.n_iter_ in (200, best + 1 + 5) and regressor.validation_errors_[best] < 0.05


def test_early_stopping_sets_weights_of_examples_aside_with_the_examples():
    options = SMALL | {"early_stopping": True}
    weight = np.ones(len(DIGITS.x_train))
    plain = HashNetClassifier(**options).fit(DIGITS.x_train, DIGITS.y_train)
    weighted = HashNetClassifier(**options).fit(DIGITS.x_train, DIGITS.y_train, sample_weight=weight)
    assert np.allclose(plain.predict_proba(DIGITS.x_test), weighted.predict_proba(DIGITS.x_test), atol=1e-4)


def test_examples_of_weight_zero_are_not_learned():
    wrong = (DIGITS.y_train + 1) % 10
    x = np.vstack([DIGITS.x_train, DIGITS.x_train])
    y = np.concatenate([DIGITS.y_train, wrong])
    weight = np.repeat([1.0, 0.0], len(DIGITS.x_train))
    model = HashNetClassifier(**SMALL).fit(x, y, sample_weight=weight)
    assert model.score(DIGITS.x_test, DIGITS.y_test) > 0.8
    targets = np.concatenate([DIGITS.y_train, wrong]) / 9
    regressor = HashNetRegressor(**SMALL | {"learning_rate": 0.01}).fit(x, targets, sample_weight=weight)
    assert np.corrcoef(regressor.predict(DIGITS.x_test), DIGITS.y_test)[0, 1] > 0.7


def test_partial_fit_goes_on_where_it_was():
    model = HashNetClassifier(**SMALL)
    for _ in range(8):
        for part in np.array_split(np.arange(len(DIGITS.x_train)), 3):
            model.partial_fit(DIGITS.x_train[part], DIGITS.y_train[part], classes=np.arange(10))
    assert model.n_iter_ == 24 and model.loss_curve_[-1] < model.loss_curve_[0] / 2
    assert model.score(DIGITS.x_test, DIGITS.y_test) > 0.8
    regressor = HashNetRegressor(**SMALL | {"learning_rate": 0.01})
    for _ in range(10):
        regressor.partial_fit(DIGITS.x_train, DIGITS.y_train / 9)
    assert regressor.loss_curve_[-1] < regressor.loss_curve_[0] / 2


def test_warm_start_goes_on_and_a_second_fit_begins_anew():
    warm = HashNetClassifier(**SMALL | {"max_iter": 2}, warm_start=True)
    warm.fit(DIGITS.x_train, DIGITS.y_train)
    first = warm.network_
    warm.fit(DIGITS.x_train, DIGITS.y_train)
    assert warm.network_ is first and warm.n_iter_ == 4
    cold = HashNetClassifier(**SMALL | {"max_iter": 2}).fit(DIGITS.x_train, DIGITS.y_train)
    once = cold.predict_proba(DIGITS.x_test)
    assert np.array_equal(cold.fit(DIGITS.x_train, DIGITS.y_train).predict_proba(DIGITS.x_test), once)
    assert cold.n_iter_ == 2


def test_the_network_can_be_saved_and_exported(tmp_path):
    model = HashNetClassifier(**SMALL).fit(DIGITS.x_train, DIGITS.y_train)
    hn.save(model.network_, tmp_path / "net.safetensors")
    hn.export_c(model.network_, tmp_path / "net.c")
    z = hn.predict(hn.load(tmp_path / "net.safetensors"), DIGITS.x_test)
    assert np.array_equal(model.classes_[z.argmax(axis=1)], model.predict(DIGITS.x_test))


@pytest.mark.slow
def test_several_targets_and_one_keep_their_shape():
    Y = np.column_stack([DIGITS.y_train / 9, DIGITS.x_train.mean(axis=1)])
    options = SMALL | {"learning_rate": 0.01, "max_iter": 30}
    assert HashNetRegressor(**options).fit(DIGITS.x_train, Y).predict(DIGITS.x_test).shape == (600, 2)
    assert HashNetRegressor(**options).fit(DIGITS.x_train, Y[:, 0]).predict(DIGITS.x_test).shape == (600,)
    assert cross_val_score(HashNetRegressor(**options), DIGITS.x_train, Y[:, 0], cv=3).mean() > 0.4


def test_training_that_blows_up_warns_and_predicts_finite_numbers():
    model = HashNetClassifier(**SMALL | {"learning_rate": 1e6})
    with pytest.warns(ConvergenceWarning, match="did not converge.*take a smaller learning_rate"):
        model.fit(DIGITS.x_train, DIGITS.y_train)
    assert np.isfinite(model.predict_proba(DIGITS.x_test)).all()


def test_partial_fit_that_blows_up_warns():
    model = HashNetClassifier(**SMALL | {"learning_rate": 1e30})
    with pytest.warns(ConvergenceWarning, match="no longer finite"):
        model.partial_fit(DIGITS.x_train, DIGITS.y_train, classes=np.arange(10))


@pytest.mark.parametrize(("options", "message"), [
    ({"method": "dk"}, "method must be one of"),
    ({"kind": "sha"}, "unknown kind"),
    ({"kind": "fold", "method": "nn"}, "kind='fold' is for method='hashnet'"),
    ({"compression": 2}, "compression must be in"),
    ({"learning_rate": -1}, "learning_rate"),
    ({"max_iter": 0}, "epochs"),
    ({"batch_size": 0}, "batch_size"),
    *[({"early_stopping": True, "validation_fraction": fraction}, "validation_fraction must be a finite number above 0")
      for fraction in [None, 0, 1, 20, 1.0, "0.1", np.nan, True]],
    *[({"hidden_layer_sizes": sizes}, "hidden_layer_sizes must be positive integers")
      for sizes in [(0,), (8.9,), "12", (True,), True, None, [[8, 9]]]],
])
def test_a_parameter_that_means_nothing_is_named(options, message):
    with pytest.raises(ValueError, match=message), warnings.catch_warnings():
        HashNetClassifier(**SMALL | options).fit(DIGITS.x_train, DIGITS.y_train)


@pytest.mark.parametrize(("sizes", "expected"), [(8, [8]), ((), []), ([8, 9], [8, 9]), (np.array([8, 9]), [8, 9])])
def test_hidden_layer_sizes_may_be_one_number_or_several(sizes, expected):
    model = HashNetClassifier(sizes, max_iter=1).fit(X200, Y200)
    widths = [layer.n_out for layer in model.network_.layers if isinstance(layer, hn.HashedLinear)]
    assert widths == [*expected, 2]


def test_fit_and_partial_fit_refuse_a_single_class():
    with pytest.raises(ValueError, match="one class"):
        HashNetClassifier(**TINY).fit(X200, 0 * Y200)
    with pytest.raises(ValueError, match="one class"):
        HashNetClassifier(**TINY).partial_fit(X200, 0 * Y200, classes=[0])
    with pytest.raises(ValueError, match="one class"):
        HashNetClassifier(**TINY).partial_fit(X200, 0 * Y200, classes=[])


def test_partial_fit_rejects_what_it_cannot_know():
    model = HashNetClassifier(**SMALL)
    with pytest.raises(ValueError, match="needs classes"):
        model.partial_fit(DIGITS.x_train, DIGITS.y_train)
    model.partial_fit(DIGITS.x_train, DIGITS.y_train, classes=np.arange(10))
    with pytest.raises(ValueError, match=r"labels \[11\] that are not among"):
        model.partial_fit(DIGITS.x_train[:2], [1, 11])
    with pytest.raises(ValueError, match="those of the first call"):
        model.partial_fit(DIGITS.x_train[:2], [1, 2], classes=[1, 2])
    with pytest.raises(ValueError, match="batch_size"):
        model.set_params(batch_size=0).partial_fit(DIGITS.x_train[:2], [1, 2])
    with pytest.raises(ValueError, match="take 'constant'"):
        HashNetClassifier(schedule="cosine").partial_fit(DIGITS.x_train, DIGITS.y_train, classes=np.arange(10))


def test_both_estimators_describe_a_parameter_in_the_same_words():
    # hovers and help() need the text in each class; this keeps the two from drifting apart
    def parameters(estimator):
        text = estimator.__doc__.split("Attributes\n")[0].split("----------\n", 1)[1]
        return text.replace("0.05 by default", "DEFAULT").replace("0.01 by default", "DEFAULT")

    assert parameters(HashNetClassifier) == parameters(HashNetRegressor)


def test_a_failed_fit_leaves_what_there_was():
    model = HashNetClassifier(**SMALL).fit(DIGITS.x_train, DIGITS.y_train)
    before = model.predict(DIGITS.x_test)
    with pytest.raises(ValueError, match="sample_weight must be at least 0"):
        model.fit(DIGITS.x_train[:50, :20], DIGITS.y_train[:50], sample_weight=-np.ones(50))
    with pytest.raises(ValueError, match=r"max_iter|epochs"):
        model.set_params(max_iter=0).fit(DIGITS.x_train, DIGITS.y_train)
    assert np.array_equal(model.predict(DIGITS.x_test), before) and model.n_features_in_ == 64
    with pytest.raises(ValueError):
        new = HashNetClassifier(max_iter=0)
        new.fit(DIGITS.x_train, DIGITS.y_train)
    with pytest.raises(NotFittedError):
        new.predict(DIGITS.x_test)


def test_weights_of_examples_count_one_by_one():
    x, y = np.eye(2), np.array([0, 1])
    options = {"compression": 1, "batch_size": 1, "max_iter": 20, "random_state": 0}
    model = HashNetClassifier((), **options).fit(x, y, sample_weight=[1.0, 0.0])
    same = HashNetClassifier((), **options).fit(x, y)
    assert model.predict_proba(x)[1, 1] < same.predict_proba(x)[1, 1]
    part = HashNetClassifier((), **options).partial_fit(x[:1], y[:1], classes=y, sample_weight=[0.1])
    once = HashNetClassifier((), **options).partial_fit(x[:1], y[:1], classes=y)
    assert part.predict_proba(x)[0, 0] < once.predict_proba(x)[0, 0]


def press_ctrl_c(monkeypatch, step):
    """Let Ctrl-C come at a certain step of training, counted from 1 over all calls of fit."""
    numbers = itertools.count(1)

    def interrupted_step(*arguments):
        if next(numbers) == step:
            raise KeyboardInterrupt
        return train_step(*arguments)

    monkeypatch.setattr("hashnets_np.training.train_step", interrupted_step)


@pytest.mark.parametrize("step", [2, 6])  # an epoch has 4 steps: in the first epoch, and in the second
def test_ctrl_c_ends_a_search(monkeypatch, step):
    press_ctrl_c(monkeypatch, step)
    search = GridSearchCV(HashNetClassifier(**TINY, max_iter=3), {"batch_size": [25, 50]}, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X200, Y200)
    assert not hasattr(search, "cv_results_")


@pytest.mark.parametrize("step", [2, 6])
@pytest.mark.parametrize("estimator", [HashNetClassifier, HashNetRegressor])
def test_an_interrupted_fit_leaves_what_there_was(monkeypatch, estimator, step):
    model = estimator(**TINY, max_iter=3, warm_start=True)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        press_ctrl_c(patch, step)
        model.fit(X200, Y200)
    with pytest.raises(NotFittedError):
        model.predict(X200)
    model.fit(X200, Y200)
    before = hn.predict(model.network_, X200)
    press_ctrl_c(monkeypatch, step)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X200, Y200)
    assert np.array_equal(hn.predict(model.network_, X200), before)  # whole epochs are undone, too
    assert model.n_iter_ == 3


@pytest.mark.parametrize("change", [
    {"learning_rate": 0.01}, {"momentum": 0.5}, {"weight_decay": 0.1}, {"schedule": "released"},
])
def test_partial_fit_takes_parameters_that_were_set_in_between(change):
    model = HashNetClassifier(**TINY)
    same = HashNetClassifier(**TINY)
    for _ in range(3):
        model.partial_fit(X200, Y200, classes=[0, 1])
        same.partial_fit(X200, Y200, classes=[0, 1])
    assert np.array_equal(model.predict_proba(X200), same.predict_proba(X200))
    model.set_params(**change).partial_fit(X200, Y200)
    same.partial_fit(X200, Y200)
    assert not np.array_equal(model.predict_proba(X200), same.predict_proba(X200))


def test_partial_fit_goes_on_after_unpickling_where_the_schedule_was():
    model = HashNetClassifier(**TINY, momentum=0.0, schedule="released", batch_size=1)  # only momentum is not pickled
    for _ in range(10):
        model.partial_fit(X200, Y200, classes=[0, 1])
    again = pickle.loads(pickle.dumps(model))
    model.partial_fit(X200, Y200)
    again.partial_fit(X200, Y200)
    assert np.array_equal(again.predict_proba(X200), model.predict_proba(X200))


def test_partial_fit_has_the_momentum_of_the_previous_call_but_not_after_unpickling():
    model = HashNetClassifier(**TINY).partial_fit(X200, Y200, classes=[0, 1])
    without_momentum = pickle.loads(pickle.dumps(model))
    model.partial_fit(X200, Y200)
    without_momentum.partial_fit(X200, Y200)
    assert not np.allclose(model.predict_proba(X200), without_momentum.predict_proba(X200))


def test_partial_fit_after_fit_has_no_momentum_from_before_fit():
    model = HashNetClassifier(**TINY, max_iter=2, warm_start=True)
    model.partial_fit(X200, Y200, classes=[0, 1]).fit(X200, Y200)
    without_momentum = pickle.loads(pickle.dumps(model))
    model.partial_fit(X200, Y200)
    without_momentum.partial_fit(X200, Y200)
    assert np.array_equal(model.predict_proba(X200), without_momentum.predict_proba(X200))


def test_a_regressor_that_blows_up_asks_for_scaled_targets_and_these_help():
    x, y = load_diabetes(return_X_y=True)
    x = StandardScaler().fit_transform(x)
    with pytest.warns(ConvergenceWarning, match="scale the input and the targets"):
        HashNetRegressor(random_state=0).fit(x, y)
    with pytest.warns(ConvergenceWarning, match="scale the input and the targets"):
        HashNetRegressor(random_state=0).partial_fit(x, 1e200 * y)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        scaled = TransformedTargetRegressor(HashNetRegressor(random_state=0), transformer=StandardScaler()).fit(x, y)
    assert scaled.score(x, y) > 0.5


def test_a_converged_network_that_is_trained_on_gets_no_warning_unless_it_is_spoiled():
    """Where nothing is left to learn, the last loss of a call may be above its first."""
    model = HashNetClassifier((30,), compression=1, learning_rate=0.2, max_iter=60, warm_start=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model.fit(X200, Y200)
        for _ in range(6):
            model.set_params(max_iter=2).fit(X200, Y200)
        rising = [b > a for a, b in zip(model.loss_curve_[60::2], model.loss_curve_[61::2], strict=True)]
    assert any(rising)
    with pytest.warns(ConvergenceWarning, match="take a smaller learning_rate"):
        model.set_params(learning_rate=0.8, max_iter=5).fit(X200, Y200)  # still below the first loss of all


@pytest.mark.parametrize("go_on", [HashNetRegressor.fit, HashNetRegressor.partial_fit])
def test_predictions_have_the_shape_of_the_last_targets(go_on):
    model = HashNetRegressor(**TINY, max_iter=1, warm_start=True)
    for y in (Y200.astype(float), Y200.astype(float)[:, None], Y200.astype(float)):
        go_on(model, X200, y)
        assert model.predict(X200).shape == y.shape
