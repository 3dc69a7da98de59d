"""Choosing: the winner wins on unseen mixtures, a mixture is never split, and the skill says what users ask."""

from __future__ import annotations

import json

import numpy as np
import pytest

from infolaw.errors import RecipeError
from recipes.choosing import choose_surrogate, folds_of
from recipes.skill import calibration, expected_error, top_recall
from recipes.surrogates import GaussianProcess, LogLinear

FAST = {"gaussian_process": GaussianProcess(n_doubts=0), "log_linear": LogLinear()}


def swarm(n: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.dirichlet(np.ones(4), n)
    signal = np.exp(X @ [0.5, -1.0, 0.2, 0.9]) if kind == "law" else np.sin(6 * X[:, 0]) + np.cos(5 * X[:, 1])
    return X, 2 + signal + 0.01 * rng.standard_normal(n)


@pytest.mark.parametrize(("kind", "winner"), [("law", "log_linear"), ("waves", "gaussian_process")])
def test_the_surrogate_of_the_right_form_is_chosen(kind: str, winner: str) -> None:
    X, y = swarm(70, kind)
    assert choose_surrogate(X, y, candidates=FAST).skill_.chosen == winner


def test_runs_of_one_mixture_are_never_on_both_sides() -> None:
    labels = np.repeat(np.arange(13), 3)
    folds = folds_of(labels, 5, seed=0)
    assert sorted(np.concatenate(folds).tolist()) == list(range(39))
    assert [set(labels[a]) & set(labels[b]) for i, a in enumerate(folds) for b in folds[:i]] == [set()] * 10


def test_repeated_runs_do_not_flatter_the_skill() -> None:
    rng = np.random.default_rng(0)
    X = np.repeat(rng.dirichlet(np.ones(4), 35), 2, axis=0)
    y = np.repeat(rng.standard_normal(35), 2)
    near = {"near": GaussianProcess(n_doubts=0)}
    grouped = choose_surrogate(X, y, candidates=near).skill_
    split = choose_surrogate(X, y, groups=np.arange(70), candidates=near).skill_
    assert split.mae < 0.5 * grouped.mae


def test_the_skill_answers_what_users_ask() -> None:
    X, y = swarm(70, "law")
    skill = choose_surrogate(X, y, candidates=FAST).skill_
    assert skill.mae < 0.2 * y.std()
    assert skill.spearman > 0.98
    assert 0.75 < skill.coverage <= 1
    assert skill.upward["regret"] >= 0
    assert [n for n, _ in skill.learning_curve] == sorted({n for n, _ in skill.learning_curve})
    assert skill.more_runs["mae"] <= skill.mae
    assert json.loads(json.dumps(skill.to_dict()))["chosen"] == "log_linear"
    assert "64 more runs" in str(skill)


def test_same_seed_same_choice_and_skill() -> None:
    X, y = swarm(70, "waves")
    assert choose_surrogate(X, y, seed=3, candidates=FAST).skill_ == choose_surrogate(X, y, seed=3, candidates=FAST).skill_


def test_who_cannot_be_fitted_is_left_out_and_named() -> None:
    rng = np.random.default_rng(0)
    X = rng.dirichlet(np.ones(12), 10)
    skill = choose_surrogate(X, X[:, 0] + 2, candidates=FAST).skill_
    assert skill.chosen == "gaussian_process"
    assert any("left out: log_linear" in note and "13 constants and got 9 runs" in note for note in skill.notes)


def test_a_constant_feature_is_named() -> None:
    X, y = swarm(20, "law")
    skill = choose_surrogate(np.column_stack([X, np.ones(20)]), y, candidates=FAST).skill_
    assert any("never change" in note and "[4]" in note for note in skill.notes)


@pytest.mark.parametrize(
    ("n", "spoil", "match"),
    [
        (5, lambda y: y, "5 different mixtures"),
        (20, lambda y: y * np.nan, "missing in all 20 runs"),
        (20, lambda y: np.where(np.arange(len(y)) < 2, np.nan, y), "missing in 2 of 20 runs"),
        (20, lambda y: np.column_stack([y, y]), "one target a call"),
    ],
)
def test_bad_input_is_refused(n: int, spoil, match: str) -> None:
    X, y = swarm(n, "law")
    with pytest.raises(RecipeError, match=match):
        choose_surrogate(X, spoil(y), candidates=FAST)


def test_measures_of_skill_know_their_answers() -> None:
    assert top_recall(np.arange(20.0), np.arange(20.0)) == 1
    assert top_recall(-np.arange(20.0), np.arange(20.0)) == 0
    error = np.random.default_rng(0).standard_normal(20_000)
    assert calibration(error, np.full(20_000, 0.5))[1] == pytest.approx(2, rel=0.03)
    assert expected_error(((64, 0.2), (128, 0.1)), 128, 0.1, more=128)["mae"] == pytest.approx(0.05)
