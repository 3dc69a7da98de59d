"""Sampler parameters found from proxies: their description is chosen, the answer is better, bad input is told."""

from __future__ import annotations

import numpy as np
import pytest

from infolaw.errors import RecipeError
from recipes.batch import Batch
from recipes.induced_features import Inducer, params_of
from recipes.sampler_search import search_sampler
from recipes.sampling import Criteria, Profile, SamplerParams
from recipes.search import SamplerSpace
from recipes.swarm import Swarm, read_swarm

DOMAINS, CRITERIA = ("code", "web"), ("edu", "fun")
SPACE = SamplerSpace(DOMAINS, CRITERIA)


@pytest.fixture(scope="module")
def profile() -> Profile:
    rng, n = np.random.default_rng(0), 4000
    scores = 0.5 * rng.normal(size=(n, 1)) + rng.normal(size=(n, 2))
    ids, domain = rng.integers(0, 2**63, n).astype(np.uint64), rng.integers(0, 2, n).astype(np.int32)
    found = Profile.empty(Criteria.parse(["edu:higher", "fun:higher"]))
    found.update(Batch(ids, domain, DOMAINS, rng.lognormal(6, 0.7, n).astype(np.int64) + 1, scores))
    return found


def truth(params: SamplerParams, inducer: Inducer) -> float:
    """A loss that wants 70 % code, and falls with the quality of web pages by one criterion."""
    found = inducer(params)
    return float(3 + (found["shares"][: inducer.n_buckets].sum() - 0.7) ** 2 + 0.5 * found["ranks"][2])


@pytest.fixture(scope="module")
def swarm(profile: Profile, tmp_path_factory: pytest.TempPathFactory) -> Swarm:
    inducer, rng = Inducer(profile), np.random.default_rng(1)
    vectors = SPACE.draw(24, rng)
    header = ",".join(["run_id", "n_params", "tokens", "loss:a", *(f"param:{name}" for name in SPACE.names)])
    rows = []
    for k, params in enumerate(map(SPACE.decode, vectors)):
        shapes = [getattr(params, name) for name in ("steepness", "cutoff", "exponent", "floor")]
        values = np.column_stack([params.criterion_weights, *shapes]).ravel()
        loss = truth(params, inducer) + 0.003 * rng.standard_normal()
        rows.append(",".join(map(repr, [f"r{k}", 1e6, 1e6, float(loss), *values.tolist()])).replace("'", ""))
    path = tmp_path_factory.mktemp("swarm") / "swarm.csv"
    path.write_text("\n".join([header, *rows]))
    return read_swarm(path)


def test_what_parameters_induce_is_chosen_and_the_answer_is_truly_better(swarm: Swarm, profile: Profile) -> None:
    found = search_sampler(swarm, profile, "a", n=200)
    inducer = Inducer(profile)
    assert found.description != "params"
    assert truth(found.params, inducer) < min(truth(params, inducer) for params in params_of(swarm))
    assert found.lower < found.predicted < found.upper
    assert found.rivals[-1].name == "the best proxy"
    assert found.rivals[-1].p_better > 0.5
    assert sum(found.shares.values()) == pytest.approx(1.0)
    assert "param" not in found.to_dict()["shares"]


def test_other_domains_and_unknown_targets_are_refused(swarm: Swarm, profile: Profile) -> None:
    other = Profile.empty(profile.criteria)
    other.update(Batch(np.ones(1, np.uint64), np.zeros(1, np.int32), ("maths",), np.ones(1, np.int64), np.ones((1, 2))))
    with pytest.raises(RecipeError, match="holds the domain maths, for which there are no sampler parameters"):
        search_sampler(swarm, other, "a")
    with pytest.raises(RecipeError, match="no target 'z'"):
        search_sampler(swarm, profile, "z")
