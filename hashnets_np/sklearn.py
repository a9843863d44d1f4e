"""HashedNets as scikit-learn estimators: `HashNetClassifier` and `HashNetRegressor`.

They fit into pipelines, searches and cross-validation. The network itself is the attribute `network_`, which can be
saved, exported and looked into like any other. Needs scikit-learn: `pip install "hashnets_np[sklearn]"`.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from .experiments.methods import build
from .hashing import derive_seed
from .losses import softmax_cross_entropy, squared_error
from .network import Network
from .optim import SGD
from .support.checks import check_count, check_number, shown
from .training import (
    EarlyStopping,
    History,
    copy_weights,
    fit,
    minibatches,
    predict,
    predict_proba,
    restore_weights,
    train_step,
)
from .types import Compression, Loss, ScheduleName

__all__ = ["HashNetClassifier", "HashNetRegressor"]

METHODS = ("hashnet", "nn", "rer", "lrd")
MUCH_WORSE = 1.1  # a last loss so many times the first is a failure; a little worse may be chance
NOTHING_LEFT = 0.1  # of the first loss of all: below it, a loss that rises again is no failure


@contextmanager
def unchanged_if_it_fails(estimator: BaseEstimator) -> Iterator[None]:
    """Give an estimator its attributes back if the block fails: the network of an earlier `fit` must not be lost."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def hidden_widths(sizes: Any) -> list[int]:
    """Check `hidden_layer_sizes`: positive integers, or one integer alone.

    >>> hidden_widths((100, 50)), hidden_widths(100)
    ([100, 50], [100])
    """
    several = [sizes] if isinstance(sizes, (int, np.integer)) else sizes
    try:
        return [check_count("hidden_layer_sizes", size) for size in several]
    except (TypeError, ValueError):  # TypeError: not a sequence, such as None
        raise ValueError("hidden_layer_sizes must be positive integers, such as (100,) or (100, 50), "
                         f"got {shown(sizes)}") from None


class HashNetEstimator(BaseEstimator):
    """What classifier and regressor share: the parameters, and training."""

    loss: Loss
    default_learning_rate: float
    to_scale: str
    network_: Network

    def __init__(
        self, hidden_layer_sizes: Sequence[int] | int = (256,), *, compression: Compression = "1/8",
        expansion: Compression | None = None, kind: str = "xxhash", method: str = "hashnet",
        learning_rate: float | None = None, momentum: float = 0.9,
        weight_decay: float = 0.0, schedule: ScheduleName = "constant", dropout: float = 0.0,
        input_dropout: float = 0.0, batch_size: int = 50, max_iter: int = 50, early_stopping: bool = False,
        patience: int = 10, validation_fraction: float = 0.1, warm_start: bool = False, random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.compression = compression
        self.expansion = expansion
        self.kind = kind
        self.method = method
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def _make_network(self, n_in: int, n_out: int, dtype: Any, seed: int) -> Network:
        """Build the network that the parameters describe."""
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {self.method!r}")
        if self.method != "hashnet" and self.kind != "xxhash":
            raise ValueError(f"kind={self.kind!r} is for method='hashnet', got method={self.method!r}")
        widths = [n_in, *hidden_widths(self.hidden_layer_sizes), n_out]
        compression = self.compression if self.expansion is None else None
        return build(self.method, widths, compression=compression, expansion=self.expansion, seed=seed,
                     dropout=self.dropout, input_dropout=self.input_dropout, dtype=dtype, kind=self.kind)

    def _prepare(self, x: NDArray[Any], n_out: int, keep: bool) -> int:
        """Make a new network unless the old one is to be kept; returns a seed for everything else that is random."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        if not (keep and hasattr(self, "network_")):
            self.network_ = self._make_network(x.shape[1], n_out, x.dtype, seed)
            self.loss_curve_: list[float] = []
            self.validation_errors_: list[float] = []
            self.n_iter_ = 0
            self._optimizer: SGD | None = None
        return seed

    def _train(self, x: NDArray[Any], y: NDArray[Any], weight: NDArray[Any] | None, seed: int) -> None:
        """Train `network_` for max_iter epochs, or until its validation error has stopped falling."""
        validation = None
        if self.early_stopping:
            kept, aside = self._split(y, seed)
            validation = (x[aside], y[aside])
            x = x[kept]
            y = y[kept]
            weight = None if weight is None else weight[kept]
        before = copy_weights(self.network_)
        history = fit(
            self.network_, x, y, epochs=self.max_iter, batch_size=self.batch_size,
            validation=validation, optimizer=self._make_optimizer(), seed=seed, loss=self.loss, sample_weight=weight,
            callback=EarlyStopping(self.patience) if self.early_stopping else None, progress=bool(self.verbose))
        if history.interrupted:
            # a search must end, too, and not score a half-trained network (test_ctrl_c_ends_a_search)
            restore_weights(self.network_, before)
            raise KeyboardInterrupt("training was interrupted; the estimator is as it was before fit")
        self._optimizer = None  # the velocity of an earlier partial_fit belongs to other weights
        self._note(history)

    def _split(self, y: NDArray[Any], seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Choose the rows to train on, and set others aside to judge the epochs: the same share of each class."""
        labels = y if isinstance(self, ClassifierMixin) else None
        fraction = check_number("validation_fraction", self.validation_fraction, 0, 1, above=True)
        kept, aside = train_test_split(np.arange(len(y)), test_size=fraction, random_state=seed, stratify=labels)
        return kept, aside

    def _make_optimizer(self) -> SGD:
        """Make the optimizer that the parameters describe."""
        rate = self.default_learning_rate if self.learning_rate is None else self.learning_rate
        return SGD(rate, momentum=self.momentum, weight_decay=self.weight_decay, schedule=self.schedule)

    def _continued_optimizer(self) -> SGD:
        """Make an optimizer that continues the previous call of partial_fit, with the parameters as they are now."""
        optimizer = self._make_optimizer()
        if self._optimizer is not None:
            optimizer.steps_done = self._optimizer.steps_done
            optimizer.velocity = self._optimizer.velocity
        return optimizer

    def _note(self, history: History) -> None:
        """Keep the history, and warn if training blew up."""
        self.loss_curve_ = self.loss_curve_ + history.train_loss
        self.validation_errors_ = self.validation_errors_ + (history.valid_error if self.early_stopping else [])
        self.n_iter_ = len(self.loss_curve_)
        first, last = history.train_loss[0], history.train_loss[-1]
        nothing_left = NOTHING_LEFT * self.loss_curve_[0]  # of all calls: a warm start may begin at a loss of almost 0
        if history.diverged or last > MUCH_WORSE * max(first, nothing_left):
            what = f"the loss was {first:.3g} in the first epoch and {last:.3g} in the last"
            warnings.warn(f"training did not converge: {what}; take a smaller learning_rate, or scale {self.to_scale}",
                          ConvergenceWarning, stacklevel=4)

    def _train_once(self, x: NDArray[Any], y: NDArray[Any], weight: NDArray[Any] | None, seed: int) -> None:
        """Go once through the examples, with the momentum of the previous call."""
        if self.schedule == "cosine":
            raise ValueError("partial_fit does not know how many steps will come, which schedule='cosine' needs; "
                             "take 'constant'")
        self._optimizer = self._continued_optimizer()
        batch_size = check_count("batch_size", self.batch_size)
        losses = []
        rng = np.random.default_rng(derive_seed(seed, self.n_iter_))
        with np.errstate(over="ignore", invalid="ignore"):  # a loss that blows up is reported below
            for rows in minibatches(len(x), batch_size, rng):
                part = None if weight is None else weight[rows]
                losses.append(train_step(self.network_, x[rows], y[rows], self._optimizer, self.loss, part))
        self.loss_curve_ = [*self.loss_curve_, float(np.mean(losses))]
        self.n_iter_ = len(self.loss_curve_)
        if not np.isfinite(self.loss_curve_[-1]):
            warnings.warn("the loss is no longer finite; start again with a smaller learning_rate, or scale "
                          f"{self.to_scale}", ConvergenceWarning, stacklevel=3)

    def _check_x_y(self, X: Any, y: Any, reset: bool, **options: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Check examples and targets; the network computes in the dtype of X, float64 or float32."""
        dtype = [np.float64, np.float32] if reset else self._dtype()
        return validate_data(self, X, y, dtype=dtype, reset=reset, **options)

    def _check_weight(self, sample_weight: Any, x: NDArray[Any]) -> NDArray[Any] | None:
        """Check the weights of the examples, if there are any."""
        if sample_weight is None:
            return None
        weight = _check_sample_weight(sample_weight, x, dtype=x.dtype)
        if weight.min() < 0:
            raise ValueError(f"sample_weight must be at least 0, got {weight.min()}")
        return weight

    def _check_x(self, X: Any) -> NDArray[Any]:
        """Check examples to predict, in the dtype of the network; an estimator must have been fitted."""
        check_is_fitted(self)
        return validate_data(self, X, dtype=self._dtype(), reset=False)

    def _outputs(self, X: Any) -> NDArray[Any]:
        """Compute the outputs of the network."""
        x = self._check_x(X)
        return predict(self.network_, x)

    def _dtype(self) -> np.dtype[Any]:
        """Find the dtype in which the network computes."""
        return next(p.dtype for _, p in self.network_.parameters())

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the velocity of `partial_fit`, which is as large as the network itself."""
        state = super().__getstate__()
        optimizer = state.get("_optimizer")
        if optimizer is None:
            return state
        without_velocity = replace(optimizer)
        without_velocity.steps_done = optimizer.steps_done
        return state | {"_optimizer": without_velocity}


class HashNetClassifier(ClassifierMixin, HashNetEstimator):
    """A HashedNet as a scikit-learn classifier.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, or int
        How many units each hidden layer has, before `expansion`. One integer alone means one hidden layer.
    compression : str, float or Fraction
        Numbers stored / numbers in the dense network, in (0, 1], for each layer: "1/8" or 0.125.
    expansion : int or float, optional
        Instead of `compression`: how many times wider the hidden layers are, at the stored size of the dense network.
    kind : str
        The kind of sharing map of a HashNet: "xxhash", "fold", "chunk", "tile", or a compatibility kind.
    method : "hashnet", "nn", "rer" or "lrd"
        The HashNet, or a baseline of the same stored size: a smaller dense network, one with random edges removed, a
        low-rank one.
    learning_rate : float, optional
        Learning rate of stochastic gradient descent; 0.05 by default.
    momentum, weight_decay : float
        How much of the last step each step adds, and how much of the weights is added to their gradients.
    schedule : "constant", "cosine" or "released"
        How the learning rate changes during training.
    dropout, input_dropout : float
        Rates of dropout on hidden layers and on the input, in [0, 1).
    batch_size : int
        How many examples make up a step.
    max_iter : int
        How often to go through the training examples.
    early_stopping : bool
        Whether to set `validation_fraction` of the examples aside, keep the weights of the epoch with the lowest error
        on them, and stop after `patience` epochs that were no better.
    patience : int
        After how many epochs without improvement `early_stopping` ends the training.
    validation_fraction : float
        Which fraction of the examples `early_stopping` sets aside, above 0 and below 1.
    warm_start : bool
        Whether `fit` continues with the network of the previous call.
    random_state : int, RandomState or None
        Seed of maps, initial weights, masks and the order of examples.
    verbose : bool
        Whether to show a progress bar.

    Attributes
    ----------
    network_ : Network
        The trained network, for `save`, `export_c` and the like; it computes in the dtype of the X of `fit`.
    loss_curve_ : list of float
        The mean of the losses of each epoch's steps.
    validation_errors_ : list of float
        With early stopping, the error on the examples set aside: the error rate in percent.
    n_iter_ : int
        How many epochs were trained.
    n_features_in_ : int
        How many columns X had.
    feature_names_in_ : array of str
        Their names, if X was a DataFrame.
    classes_ : (n_classes,) array
        The labels.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> model = HashNetClassifier((100,), compression="1/4", max_iter=10, random_state=0).fit(X[:1000] / 16, y[:1000])
    >>> model.score(X[1000:] / 16, y[1000:]) > 0.85
    True
    """

    loss = staticmethod(softmax_cross_entropy)
    default_learning_rate = 0.05
    to_scale = "the input"

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> "HashNetClassifier":
        """Train the network.

        Parameters
        ----------
        X : (n, n_features) array
            The examples, one per row.
        y : (n,) array
            Their labels.
        sample_weight : (n,) array, optional
            How much each example counts in the loss; only the ratios count.

        Returns
        -------
        HashNetClassifier
            Itself.

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C, in any epoch, so that a search ends as well. The estimator is as it was before the call.
        """
        with unchanged_if_it_fails(self):
            keep = self.warm_start and hasattr(self, "network_")
            x, y = self._check_x_y(X, y, reset=not keep)
            check_classification_targets(y)
            if not keep:
                self.classes_ = self._find_classes(y)
            index = self._numbers_of(y)
            weight = self._check_weight(sample_weight, x)
            seed = self._prepare(x, len(self.classes_), keep)
            self._train(x, index, weight, seed)
        return self

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> "HashNetClassifier":
        """Train for one pass through some examples, continuing from the previous call.

        Each call uses the parameters as they are now; momentum and the step of the schedule come from the previous
        call. Momentum is not pickled: after unpickling, it starts again from zero. After `fit`, both start anew.

        Parameters
        ----------
        X : (n, n_features) array
            The examples, one per row.
        y : (n,) array
            Their labels.
        classes : (n_classes,) array, optional
            All labels that will ever occur; the first call needs it.
        sample_weight : (n,) array, optional
            How much each example counts in the loss; 1 is what it counts without.

        Returns
        -------
        HashNetClassifier
            Itself.
        """
        first = not hasattr(self, "network_")
        if first and classes is None:
            raise ValueError("the first call of partial_fit needs classes, all labels that will ever occur")
        with unchanged_if_it_fails(self):
            x, y = self._check_x_y(X, y, reset=first)
            check_classification_targets(y)
            if first:
                self.classes_ = self._find_classes(classes)
            elif classes is not None and not np.array_equal(np.unique(np.asarray(classes)), self.classes_):
                raise ValueError(f"classes are {np.unique(np.asarray(classes))}, but those of the first call were "
                                 f"{self.classes_}")
            index = self._numbers_of(y)
            weight = self._check_weight(sample_weight, x)
            seed = self._prepare(x, len(self.classes_), keep=True)
            self._train_once(x, index, weight, seed)
        return self

    def _find_classes(self, labels: Any) -> NDArray[Any]:
        """Find the different labels, sorted; a classifier needs more than one."""
        classes = np.unique(np.asarray(labels))
        if len(classes) < 2:
            raise ValueError(f"the classifier needs more than one class, got {classes}")
        return classes

    def _numbers_of(self, y: NDArray[Any]) -> NDArray[Any]:
        """Find the number of each label among `classes_`."""
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"y has labels {unknown} that are not among the classes {self.classes_}")
        return np.searchsorted(self.classes_, y)

    def decision_function(self, X: ArrayLike) -> NDArray[Any]:
        """Compute the logits, or with two classes their difference.

        Parameters
        ----------
        X : (n, n_features) array
            The examples, one per row.

        Returns
        -------
        (n, n_classes) array, or (n,) with two classes
            The larger, the more likely the class; with two classes, positive for the second one.
        """
        z = self._outputs(X)
        return z[:, 1] - z[:, 0] if len(self.classes_) == 2 else z

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Compute the probabilities of the classes, the softmax of the logits.

        Parameters
        ----------
        X : (n, n_features) array
            The examples, one per row.

        Returns
        -------
        (n, n_classes) array
            The probabilities, in the order of `classes_`; each row sums to 1.
        """
        x = self._check_x(X)
        return predict_proba(self.network_, x)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Find the most likely label of each example.

        Parameters
        ----------
        X : (n, n_features) array
            The examples, one per row.

        Returns
        -------
        (n,) array
            The labels.
        """
        z = self._outputs(X)
        return self.classes_[z.argmax(axis=1)]


class HashNetRegressor(RegressorMixin, HashNetEstimator):
    """A HashedNet as a scikit-learn regressor: squared error, one or several targets.

    Scale the targets as well as the input: with targets in the hundreds, training diverges.
    `sklearn.compose.TransformedTargetRegressor` scales them for `fit`, and scales predictions back.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, or int
        How many units each hidden layer has, before `expansion`. One integer alone means one hidden layer.
    compression : str, float or Fraction
        Numbers stored / numbers in the dense network, in (0, 1], for each layer: "1/8" or 0.125.
    expansion : int or float, optional
        Instead of `compression`: how many times wider the hidden layers are, at the stored size of the dense network.
    kind : str
        The kind of sharing map of a HashNet: "xxhash", "fold", "chunk", "tile", or a compatibility kind.
    method : "hashnet", "nn", "rer" or "lrd"
        The HashNet, or a baseline of the same stored size: a smaller dense network, one with random edges removed, a
        low-rank one.
    learning_rate : float, optional
        Learning rate of stochastic gradient descent; 0.01 by default.
    momentum, weight_decay : float
        How much of the last step each step adds, and how much of the weights is added to their gradients.
    schedule : "constant", "cosine" or "released"
        How the learning rate changes during training.
    dropout, input_dropout : float
        Rates of dropout on hidden layers and on the input, in [0, 1).
    batch_size : int
        How many examples make up a step.
    max_iter : int
        How often to go through the training examples.
    early_stopping : bool
        Whether to set `validation_fraction` of the examples aside, keep the weights of the epoch with the lowest error
        on them, and stop after `patience` epochs that were no better.
    patience : int
        After how many epochs without improvement `early_stopping` ends the training.
    validation_fraction : float
        Which fraction of the examples `early_stopping` sets aside, above 0 and below 1.
    warm_start : bool
        Whether `fit` continues with the network of the previous call.
    random_state : int, RandomState or None
        Seed of maps, initial weights, masks and the order of examples.
    verbose : bool
        Whether to show a progress bar.

    Attributes
    ----------
    network_ : Network
        The trained network, for `save`, `export_c` and the like; it computes in the dtype of the X of `fit`.
    loss_curve_ : list of float
        The mean of the losses of each epoch's steps.
    validation_errors_ : list of float
        With early stopping, the error on the examples set aside: the mean squared error.
    n_iter_ : int
        How many epochs were trained.
    n_features_in_ : int
        How many columns X had.
    feature_names_in_ : array of str
        Their names, if X was a DataFrame.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(300, 5))
    >>> y = np.abs(X[:, 0]) - X[:, 1]
    >>> model = HashNetRegressor((50,), compression="1/2", learning_rate=0.02, random_state=0).fit(X[:200], y[:200])
    >>> model.score(X[200:], y[200:]) > 0.8
    True

    These targets are in the hundreds and are scaled:

    >>> from sklearn.compose import TransformedTargetRegressor
    >>> from sklearn.preprocessing import StandardScaler
    >>> scaled = TransformedTargetRegressor(model, transformer=StandardScaler()).fit(X[:200], 100 + 100 * y[:200])
    >>> scaled.score(X[200:], 100 + 100 * y[200:]) > 0.8
    True
    """

    loss = staticmethod(squared_error)
    default_learning_rate = 0.01
    to_scale = "the input and the targets"

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> "HashNetRegressor":
        """Train the network.

        Parameters
        ----------
        X : (n, n_features) array
            The examples, one per row.
        y : (n,) or (n, n_targets) array
            Their targets.
        sample_weight : (n,) array, optional
            How much each example counts in the loss; only the ratios count.

        Returns
        -------
        HashNetRegressor
            Itself.

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C, in any epoch, so that a search ends as well. The estimator is as it was before the call.
        """
        with unchanged_if_it_fails(self):
            keep = self.warm_start and hasattr(self, "network_")
            x, targets, weight = self._check_targets(X, y, sample_weight, reset=not keep)
            seed = self._prepare(x, targets.shape[1], keep)
            self._train(x, targets, weight, seed)
        return self

    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> "HashNetRegressor":
        """Train for one pass through some examples, continuing from the previous call.

        Each call uses the parameters as they are now; momentum and the step of the schedule come from the previous
        call. Momentum is not pickled: after unpickling, it starts again from zero. After `fit`, both start anew.

        Parameters
        ----------
        X : (n, n_features) array
            The examples, one per row.
        y : (n,) or (n, n_targets) array
            Their targets.
        sample_weight : (n,) array, optional
            How much each example counts in the loss; 1 is what it counts without.

        Returns
        -------
        HashNetRegressor
            Itself.
        """
        with unchanged_if_it_fails(self):
            x, targets, weight = self._check_targets(X, y, sample_weight, reset=not hasattr(self, "network_"))
            seed = self._prepare(x, targets.shape[1], keep=True)
            self._train_once(x, targets, weight, seed)
        return self

    def _check_targets(self, X: Any, y: Any, sample_weight: Any, reset: bool) -> tuple[Any, Any, Any]:
        """Check the arguments of training; targets are (n, n_targets)."""
        x, y = self._check_x_y(X, y, reset=reset, multi_output=True, y_numeric=True)
        self._one_target = y.ndim == 1
        targets = y.reshape(len(y), -1).astype(x.dtype)
        if not reset and targets.shape[1] != self.network_.layers[-1].n_out:
            raise ValueError(f"y has {targets.shape[1]} targets, but the network has {self.network_.layers[-1].n_out}")
        weight = self._check_weight(sample_weight, x)
        return x, targets, weight

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict the targets of each example.

        Parameters
        ----------
        X : (n, n_features) array
            The examples, one per row.

        Returns
        -------
        (n,) or (n, n_targets) array
            The targets, in the shape of the y of the last `fit` or `partial_fit`.
        """
        z = self._outputs(X)
        return z[:, 0] if self._one_target else z

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that there may be several targets."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
