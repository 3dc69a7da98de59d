"""Every surrogate keeps the same contract; a new one is tested on the day its file is written."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from infolaw.errors import RecipeError
from recipes.surrogates import SURROGATES, Surrogate

FEATURES = 4


def swarm(n: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Mixtures of three domains and a column of two sizes, with losses that fall in the first two domains."""
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(3), n)
    size = np.arange(n) % 2
    losses = 2 + 1 / (0.4 + weights @ [1.0, 2.0, 0.2]) - 0.3 * size
    return np.column_stack([weights, size]), losses + 0.005 * rng.standard_normal(n)


@pytest.fixture(params=sorted(SURROGATES))
def surrogate(request: pytest.FixtureRequest) -> Surrogate:
    return SURROGATES[request.param]()


def test_predictions_follow_unseen_losses(surrogate: Surrogate) -> None:
    X, y = swarm()
    unseen, losses = swarm(30, seed=1)
    predicted = surrogate.fit(X, y).predict(unseen)
    assert predicted.shape == (30,)
    assert np.abs(predicted - losses).mean() < 0.5 * np.abs(losses - y.mean()).mean()


def test_same_runs_give_the_same_bytes(surrogate: Surrogate) -> None:
    X, y = swarm()
    first = surrogate.fit(X, y).predict(X).tobytes()
    assert type(surrogate)(**surrogate.get_params()).fit(X, y).predict(X).tobytes() == first


def test_pickled_surrogates_predict_the_same(surrogate: Surrogate) -> None:
    X, y = swarm()
    surrogate.fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(surrogate)).predict(X), surrogate.predict(X))


def test_scikit_learn_clones_and_cross_validates_it(surrogate: Surrogate) -> None:
    from sklearn.base import clone, is_regressor
    from sklearn.model_selection import cross_val_score

    X, y = swarm()
    copy = clone(surrogate)
    assert is_regressor(copy)
    assert copy is not surrogate
    assert not hasattr(copy, "n_features_in_")
    assert cross_val_score(copy, X, y, cv=4).mean() > 0.5


def test_stated_errors_are_positive_and_refused_where_there_are_none(surrogate: Surrogate) -> None:
    X, y = swarm()
    surrogate.fit(X, y)
    if surrogate.has_std:
        mean, std = surrogate.predict(X, return_std=True)
        np.testing.assert_array_equal(mean, surrogate.predict(X))
        assert (std > 0).mean() > 0.8
    else:
        with pytest.raises(RecipeError, match="quantiles"):
            surrogate.predict(X, return_std=True)


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (lambda X, y: (X, np.full(len(y), np.nan)), "missing in all 120 runs"),
        (lambda X, y: (X, np.where(np.arange(len(y)) == 3, np.inf, y)), "infinite in row 3|row 3"),
        (lambda X, y: (np.where(np.equal(X, X[2, 1]), np.nan, X), y), "Feature 1 of row 2 is nan"),
        (lambda X, y: (X, y[:-1]), "shape"),
        (lambda X, y: (X[:1], y[:1]), "runs"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(surrogate: Surrogate, spoil, match: str) -> None:
    with pytest.raises(RecipeError, match=match):
        surrogate.fit(*spoil(*swarm()))


def test_features_of_another_width_are_refused(surrogate: Surrogate) -> None:
    X, y = swarm()
    with pytest.raises(RecipeError, match="fitted to 4 features and is asked about 3"):
        surrogate.fit(X, y).predict(X[:, :3])


def test_prediction_before_a_fit_is_refused(surrogate: Surrogate) -> None:
    with pytest.raises(RecipeError, match="not fitted"):
        surrogate.predict(np.ones((1, FEATURES)))


def test_unknown_settings_are_refused(surrogate: Surrogate) -> None:
    with pytest.raises(RecipeError, match="no setting 'colour'"):
        surrogate.set_params(colour=1)
