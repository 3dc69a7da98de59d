"""Worlds to plan in: frozen, realistic, their best plans hard to better; rivals keep the user's cap; the scores can fail."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments import planned
from experiments.planned_designs import MOST_EPOCHS, law_runs, proxy_runs
from experiments.planned_making import GAIN, PER_FAMILY, SEED, SPREAD, cheap_worlds
from experiments.planned_optimum import kicked, refined
from experiments.planned_rivals import CAP, RIVALS, Answer, Task
from experiments.planned_worlds import FORMS, PATH, PlannedWorld, read_worlds, record_of, world_of
from experiments.scoring import brier_skill, paired_difference, ratio_to_best, reliability_slope
from infolaw.errors import ExperimentError
from infolaw.units import tokens_for

FROZEN = "d774180d6e2da9ef79238fdd30566a7f6c441534131c8b1061be8c34a159b3d5"
FIRST = {family: next(world for world in read_worlds() if world.family == family) for family in FORMS}
QUICK = tuple(name for name in RIVALS if name not in ("regmix", "law"))


def test_the_worlds_are_those_that_were_frozen() -> None:
    assert hashlib.sha256(PATH.read_bytes()).hexdigest() == FROZEN
    assert json.loads(PATH.read_text())["seed"] == SEED


def test_fifteen_worlds_of_every_family_with_cells_of_three_kinds() -> None:
    worlds = read_worlds()
    assert [sum(world.family == family for world in worlds) for family in FORMS] == 4 * [PER_FAMILY]
    assert sum(PER_FAMILY for _ in FORMS) >= 60
    assert {(bool(w.corpus.domains), bool(w.corpus.buckets)) for w in worlds} == {(True, True), (True, False), (False, True)}


def test_the_best_plans_repeat_cells_and_gain_what_real_recipes_gain() -> None:
    for world in read_worlds():
        assert world.best.sum(1) == pytest.approx(1.0)
        for k, flops in enumerate(world.budgets):
            n = float(world.best_n_params[k])
            tokens = float(tokens_for(flops, n))
            assert (world.best[k] * tokens <= world.max_epochs * world.unique_tokens * 1.001).all()
            gain = float(world.loss(n, tokens, world.today)[0]) / world.best_loss(k) - 1
            assert GAIN[0] * 0.9 <= gain <= GAIN[1] * 1.1
    repeated = [(w.best[1] * tokens_for(w.budgets[1], w.best_n_params[1]) / w.unique_tokens).max() for w in read_worlds()]
    assert np.mean(np.array(repeated) > 2) > 0.8


def test_a_world_is_the_same_after_its_file() -> None:
    for world in FIRST.values():
        again = world_of(json.loads(json.dumps(record_of(world))))
        assert again.best_loss(1) == pytest.approx(world.best_loss(1), abs=1e-7)


@pytest.mark.parametrize("family", FORMS)
def test_more_of_everything_fresh_is_better(family: str) -> None:
    world = FIRST[family]
    n = np.geomspace(1e7, 1e9, 5)
    plenty = replace(world, unique_tokens=1e4 * world.unique_tokens)
    assert (np.diff(plenty.loss(n, 1e10, world.natural)) < 0).all()
    assert (np.diff(plenty.loss(1e8, 100 * n, world.natural)) < 0).all()


def test_no_form_of_ours_lets_repetition_hurt_as_much_as_outside() -> None:
    world = FIRST["outside"]
    few = replace(world, unique_tokens=1e-3 * world.unique_tokens)
    assert np.diff(few.loss(1e9, np.geomspace(1e10, 1e14, 5), world.natural)).max() > 0


@pytest.mark.parametrize("family", FORMS)
def test_another_search_finds_no_better_plan(family: str) -> None:
    world, rng = FIRST[family], np.random.default_rng(7)
    n, weights = kicked(world, float(world.budgets[0]), *refined(world, float(world.budgets[0]), rng), rng, patience=5)
    found = float(world.loss(n, tokens_for(world.budgets[0], n), weights)[0])
    assert found == pytest.approx(world.best_loss(0), abs=1e-4)


def test_runs_are_a_users_table_with_repetition_and_proxies_read_once() -> None:
    for world in FIRST.values():
        rng = np.random.default_rng(0)
        runs, swarm = law_runs(world, rng), proxy_runs(world, rng)
        frame, small = runs.frame, swarm.frame
        passes = np.array([frame[f"weight:{c}"] * frame["tokens"] / frame[f"unique:{c}"] for c in world.cells])
        once = np.array([small[f"weight:{c}"] * small["tokens"] / small[f"unique:{c}"] for c in world.cells])
        assert len(runs) == world.n_runs
        assert len(swarm) == world.n_proxies
        assert 2 < passes.max() <= MOST_EPOCHS
        assert once.max() <= 1
        assert 6 * (frame["n_params"] * frame["tokens"]).max() <= world.max_flops * 1.001
        assert 0.5 * SPREAD[0] < small["loss"].std() / small["loss"].mean() < 2 * SPREAD[1]


def test_cheap_worlds_are_seeded_and_of_every_family() -> None:
    one, two = (list(islice(cheap_worlds(4), 4)) for _ in range(2))
    assert [world.family for world in one] == list(FORMS)
    assert [record_of(world) for world in one] == [record_of(world) for world in two]


@pytest.mark.parametrize("name", QUICK)
def test_every_rival_keeps_to_the_users_cap_and_most_to_their_own(name: str) -> None:
    world = FIRST["domains"]
    task = planned.task_of(world, 0)
    for flops, answer in zip(task.budgets, RIVALS[name](task), strict=True):
        tokens = tokens_for(flops, answer.n_params)
        supply = world.unique_tokens / tokens
        assert answer.weights.sum() == pytest.approx(1.0)
        assert (answer.weights <= max(CAP, 1.001 / supply.sum()) * supply * (1 + 1e-6)).all()


def test_best_quality_first_fills_the_best_bucket_before_the_next() -> None:
    world = FIRST["outside"]
    task = planned.task_of(world, 0)
    answer = RIVALS["quality_first"](task)[1]
    passes = answer.weights * tokens_for(task.budgets[1], answer.n_params) / world.unique_tokens
    assert np.diff(passes[np.argsort(world.bucket, kind="stable")]).max() < 1e-6
    assert passes.max() == pytest.approx(CAP)


def test_a_rivals_plan_is_kept_and_found_again(tmp_path: Path) -> None:
    world, config = FIRST["joint"], replace(planned.Config.tiny(), kept=tmp_path)
    task = planned.task_of(world, 0)
    one, two = (planned._rival("olmix", world, task, config) for _ in range(2))
    assert one[0].n_params == two[0].n_params
    np.testing.assert_array_equal(one[1].weights, two[1].weights)


def test_compute_wasted_is_one_for_the_best_and_grows_with_the_loss() -> None:
    world = FIRST["joint"]
    best = world.best_loss(1)
    wasted = [planned.wasted(world, 1, best + more) for more in (0.0, 0.01, 0.05)]
    assert wasted[0] == pytest.approx(1.0, abs=0.01)
    assert wasted[0] < wasted[1] < wasted[2]


def test_the_best_plan_has_no_part_in_regret() -> None:
    world = FIRST["log_linear"]
    parts = planned.mismatch(world, 0, Answer(float(world.best_n_params[0]), world.best[0]))
    assert parts == pytest.approx((0.0, 0.0), abs=1e-12)


def test_honest_chances_have_skill_and_slope_one_and_boasts_neither() -> None:
    rng = np.random.default_rng(0)
    chance = rng.random(20_000)
    won = rng.random(20_000) < chance
    assert brier_skill(chance, won) > 0.2
    assert reliability_slope(chance, won) == pytest.approx(1.0, abs=0.03)
    assert brier_skill((chance > 0.5).astype(float), won) < brier_skill(chance, won)
    assert reliability_slope(1 - chance, won) == pytest.approx(-1.0, abs=0.03)
    assert np.isnan(reliability_slope([0.5, 0.5], [True, False]))


def test_ratio_and_difference_are_paired() -> None:
    theirs = np.arange(1.0, 9.0)
    assert ratio_to_best(np.stack([0.4 * theirs, theirs, 3 * theirs], 1), 200) == pytest.approx((0.4, 0.4, 0.4))
    assert paired_difference(theirs - 0.5, theirs, 200) == pytest.approx((-0.5, -0.5, -0.5))


def test_a_missing_file_is_an_experiment_error(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="no planned worlds"):
        read_worlds(tmp_path / "none.json")


def test_a_tiny_run_judges_every_method_and_nobody_is_below_the_best(tmp_path: Path) -> None:
    report = planned.run(replace(planned.Config.tiny(), families=("joint",), n_cheap=1, kept=tmp_path))
    got: dict[str, Any] = {check.name: check for check in report.checks}
    assert got["lowest regret of any method [nats]"].verdict == "pass"
    methods = {row["method"] for title, rows in report.tables.items() if "Mean regret" in title for row in rows}
    assert methods == {"ours", *planned.Config.tiny().rivals}
    assert isinstance(FIRST["joint"], PlannedWorld)
    assert isinstance(planned.task_of(FIRST["joint"], 0), Task)
