"""Sampler parameters as vectors: a round trip, Alg. 1's ranges, and every searcher finds a planted best."""

import numpy as np
import pytest

from infolaw.errors import RecipeError
from recipes.sampling import SamplerParams
from recipes.search.sampler_space import Evolution, RandomDraws, SamplerSpace, search_params

SPACE = SamplerSpace(("web", "code"), ("edu", "dclm", "ask"))
BEST = SPACE.draw(1, np.random.default_rng(7))[0]


def bowl(vectors):
    return ((vectors - BEST) ** 2).sum(1)


def test_vectors_and_parameters_are_the_same_thing():
    params = SamplerParams.draw(np.random.default_rng(0), SPACE.domains, SPACE.criteria)
    again = SPACE.decode(SPACE.encode(params))
    for name in ("criterion_weights", "steepness", "cutoff", "exponent", "floor"):
        np.testing.assert_allclose(getattr(again, name), getattr(params, name), rtol=1e-6)
    assert len(SPACE.names) == (3 + 4) * 2 == len(BEST)


def test_draws_keep_to_alg_1():
    vectors = SPACE.draw(2000, np.random.default_rng(0))
    assert vectors.min() >= 0
    assert vectors.max() <= 1
    np.testing.assert_allclose(vectors.reshape(2000, 2, 7)[:, :, :3].sum(2), 1.0)


@pytest.mark.parametrize("searcher", [RandomDraws(SPACE, k=10, n=500), Evolution(np.full(14, 0.5))])
def test_every_searcher_improves_on_its_start(searcher):
    first = None
    for _ in range(60):
        vectors = searcher.ask()
        searcher.tell(vectors, bowl(vectors))
        first = bowl(vectors).min() if first is None else first
    assert bowl(searcher.best[None])[0] < 0.7 * first


def test_evolution_leaves_the_cloud_of_the_draws():
    found = {
        name: search_params(bowl, *(SPACE.domains, SPACE.criteria), method=name, n=4000) for name in ("evolution", "quadmix")
    }
    apart = {name: bowl(SPACE.encode(params)[None])[0] for name, params in found.items()}
    assert apart["evolution"] < 0.2 * apart["quadmix"]
    with pytest.raises(RecipeError, match="evolution and quadmix"):
        search_params(bowl, SPACE.domains, SPACE.criteria, method="luck")


def test_the_same_seed_gives_the_same_parameters():
    twice = [search_params(bowl, SPACE.domains, SPACE.criteria, n=1000, seed=3) for _ in range(2)]
    assert twice[0] == twice[1]
