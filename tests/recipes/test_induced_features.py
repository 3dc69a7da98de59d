"""Sampler parameters as features: what they induce is what a draw gives, and a swarm carries both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infolaw.errors import RecipeError
from recipes.batch import Batch
from recipes.induced_features import EDGES, Inducer, params_of, with_induced
from recipes.sampling import Criteria, Profile, SamplerParams, exact_counts, exact_ranks
from recipes.search.sampler_space import SamplerSpace
from recipes.swarm import Swarm, read_swarm

DOMAINS, CRITERIA = ("code", "web"), ("edu", "fun")


def batch_of(n: int = 20_000) -> Batch:
    rng = np.random.default_rng(0)
    scores = 0.5 * rng.normal(size=(n, 1)) + rng.normal(size=(n, 2))
    return Batch(
        rng.integers(0, 2**63, n).astype(np.uint64),
        rng.integers(0, 2, n).astype(np.int32),
        DOMAINS,
        rng.lognormal(6, 0.7, n).astype(np.int64) + 1,
        scores,
    )


def inducer_of(batch: Batch) -> Inducer:
    profile = Profile.empty(Criteria.parse(["edu", "fun"]))
    profile.update(batch)
    return Inducer(profile, n_documents=len(batch))


def swarm_of(path: Path, n: int = 4) -> tuple[Swarm, list[SamplerParams]]:
    rng = np.random.default_rng(1)
    params = [SamplerParams.draw(rng, DOMAINS, CRITERIA) for _ in range(n)]
    names = ",".join(f"param:{name}" for name in SamplerSpace(DOMAINS, CRITERIA).names)
    rows = [
        ",".join(
            f"{value!r}"
            for d in range(2)
            for value in (*p.criterion_weights[d].tolist(), *(float(getattr(p, s)[d]) for s in SHAPES))
        )
        for p in params
    ]
    lines = [f"r{k},1e6,1e9,{3 + k / 10},{row}" for k, row in enumerate(rows)]
    path.write_text("\n".join([f"run_id,n_params,tokens,loss:a,{names}", *lines]))
    return read_swarm(path), params


SHAPES = ("steepness", "cutoff", "exponent", "floor")


def test_induced_shares_epochs_and_ranks_are_those_of_a_real_draw() -> None:
    batch = batch_of()
    params = SamplerParams(DOMAINS, CRITERIA, np.array([[0.8, 0.2], [0.3, 0.7]]), *np.array([[60, 20.0]] + [[0.4, 0.5]] * 3))
    found = inducer_of(batch)(params)
    counts = exact_counts(batch, Criteria.parse(["edu", "fun"]), params, seed=3)
    tokens = batch.tokens * counts
    by_domain = np.bincount(batch.domain, tokens)
    np.testing.assert_allclose(found["shares"].reshape(2, -1).sum(1), by_domain / by_domain.sum(), atol=0.01)
    unique = np.bincount(batch.domain, batch.tokens * (counts > 0))
    cells = found["shares"].reshape(2, -1).sum(1) * tokens.sum() / (found["shares"] / found["epochs"]).reshape(2, -1).sum(1)
    np.testing.assert_allclose(cells / tokens.sum(), by_domain / unique, rtol=0.02)
    alone = SamplerParams(DOMAINS, CRITERIA, np.array([[1.0, 0.0]] * 2), *np.zeros((4, 2)))
    rank = exact_ranks(batch, Criteria.parse(["edu", "fun"]), alone)
    for d in (0, 1):
        here = batch.domain == d
        assert found["ranks"].reshape(2, 2)[d, 0] == pytest.approx(np.average(rank[here], weights=tokens[here]), abs=0.01)


def test_tokens_trained_on_scale_epochs_alone() -> None:
    inducer = inducer_of(batch_of(4000))
    params = SamplerParams.draw(np.random.default_rng(5), DOMAINS, CRITERIA)
    once, more = inducer(params, 1e6), inducer(params, 3e6)
    np.testing.assert_allclose(more["epochs"], 3 * once["epochs"])
    np.testing.assert_allclose(more["shares"], once["shares"])


def test_a_swarm_gives_its_parameters_back_and_carries_what_they_induce(tmp_path: Path) -> None:
    swarm, params = swarm_of(tmp_path / "swarm.csv")
    assert list(params_of(swarm)) == params
    wider = with_induced(swarm, inducer_of(batch_of(4000)))
    assert wider.representations == ("params", "shares", "epochs", "ranks", "domains")
    X, names = wider.features("shares")
    assert (X.shape, names[0]) == ((4, 2 * (len(EDGES) - 1)), "share:code/q0")
    np.testing.assert_allclose(X.sum(1), 1.0)
    np.testing.assert_allclose(wider.features("domains")[0][:, 0], X[:, : len(EDGES) - 1].sum(1))
    assert wider.features("ranks")[1][1] == "rank:code:fun"


def test_parameters_of_other_domains_or_criteria_are_refused(tmp_path: Path) -> None:
    inducer = inducer_of(batch_of(2000))
    rng = np.random.default_rng(0)
    with pytest.raises(RecipeError, match=r"parameters weigh edu; the corpus is scored by edu, fun"):
        inducer(SamplerParams.draw(rng, DOMAINS, ("edu",)))
    with pytest.raises(RecipeError, match=r"no sampler parameters; there are some for web, maths"):
        inducer(SamplerParams.draw(rng, ("web", "maths"), CRITERIA))
    (tmp_path / "odd.csv").write_text("run_id,n_params,tokens,loss:a,param:web:cutoff\nr1,1e6,1e9,3,0.1\nr2,1e6,1e9,3,0.2\n")
    with pytest.raises(RecipeError, match=r"param:web:steepness is missing"):
        params_of(read_swarm(tmp_path / "odd.csv"))
