"""Pictures of a search: every cell is drawn, axes say their units, a front needs two targets."""

import numpy as np
import pytest

from infolaw.errors import RecipeError
from recipes.search import Beliefs, Objective, Region, Setting, front_mixtures, recommend
from recipes.search_plots import cell_effects, front, predicted_against_measured, recommended_mixture, save
from recipes.surrogates import SURROGATES

CELLS = ("web", "code", "books")


@pytest.fixture(scope="module")
def beliefs():
    seen = np.random.default_rng(0).dirichlet(np.ones(3), 30)
    losses = np.stack([3 - np.sqrt(seen[:, 0]), 3 - np.sqrt(seen[:, 1])], 1)
    return Beliefs.fitted(SURROGATES["gaussian_process"](), seen, losses, ("loss:web", "loss:code"))


def test_the_recommended_mixture_is_drawn_cell_by_cell_and_saved_alike_twice(beliefs, tmp_path):
    prior = np.full(3, 1 / 3)
    objective = Objective.of(beliefs.targets, beliefs.noise, beliefs.predict(prior[None])[0])
    found = recommend(Setting(beliefs, Region.simplex(CELLS), objective, prior), prices=False)
    figure = recommended_mixture(found, prior)
    assert sorted(label.get_text() for label in figure.axes[0].get_yticklabels()) == sorted(CELLS)
    for name in ("a.png", "b.png"):
        save(figure, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_every_cell_has_its_effect(beliefs):
    figure = cell_effects(beliefs, CELLS, np.full(3, 1 / 3), n_draws=20)
    assert [axes.get_title(loc="left") for axes in figure.axes if axes.get_visible()] == list(CELLS)


def test_predictions_are_drawn_against_measurements(beliefs):
    axes = predicted_against_measured(beliefs.surrogates[0].left_out_, beliefs.losses[:, 0]).axes[0]
    assert "rank correlation" in axes.texts[0].get_text()
    assert axes.get_xlabel() == "measured loss"


def test_a_front_needs_two_targets_and_no_candidate_beats_it(beliefs):
    def setting(of):
        prior = np.full(3, 1 / 3)
        return Setting(of, Region.simplex(CELLS), Objective.of(of.targets, of.noise, of.predict(prior[None])[0]), prior)

    assert front(setting(beliefs), {"today": np.full(3, 1 / 3)}).axes[0].get_xlabel() == "predicted loss:web"
    best = beliefs.predict(front_mixtures(setting(beliefs)))
    rivals = beliefs.predict(setting(beliefs).candidates(500))
    assert len(best) > 5
    weighted = np.linspace(0, 1, 15)[:, None] * [1, 0] + np.linspace(1, 0, 15)[:, None] * [0, 1]
    scaled = weighted / beliefs.noise
    assert ((best @ scaled.T).min(0) <= (rivals @ scaled.T).min(0) + 1e-6).all()
    one = Beliefs.fitted(SURROGATES["gaussian_process"](), beliefs.seen, beliefs.losses[:, 0])
    with pytest.raises(RecipeError, match="needs two targets"):
        front(setting(one), {})
