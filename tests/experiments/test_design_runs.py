"""Rounds of runs in planted worlds: what is bought is paid for, and what is proposed can be trained."""

from dataclasses import replace

import numpy as np
import pytest

from experiments import design_runs
from experiments.design_runs import OURS, Config, Course, course, report_of, worlds_of
from experiments.designs import Base
from experiments.next_swarm import next_configs
from infolaw.errors import ExperimentError

SMALL = replace(Config.tiny(), n_rounds=1, n_runs=2)


def test_worlds_are_those_for_judgement_of_every_family():
    found = worlds_of(Config(per_family=2))
    assert len(found) == 8
    assert len({world.family for world in found}) == 4


def test_a_course_spends_no_more_than_its_budget_and_starts_where_others_do():
    world = min(worlds_of(Config()), key=lambda one: len(one.cells))
    ours, random = (course((world, method), SMALL) for method in (OURS, "random"))
    assert ours.regret[0] == random.regret[0] > 0
    assert len(ours.regret) == 2
    assert ours.n_runs[-1] <= 2
    assert ours.flops[-1] <= SMALL.share * (1 + 1e-9)
    assert len(ours.expected) == 1


def test_half_of_the_regret_is_counted_in_runs_and_flop():
    one = Course("w", "f", OURS, (0.04, 0.03, 0.01), (0.0, 4.0, 7.0), (0.0, 0.5, 0.8))
    assert (one.spent_to_half("n_runs"), one.spent_to_half("flops")) == (7.0, 0.8)
    assert replace(one, regret=(0.04, 0.03, 0.03)).spent_to_half("n_runs") == 7.0


def test_the_report_pairs_worlds():
    courses = [
        Course(f"w{k}", "f", method, (0.04, last, last), (0.0, 4.0, 8.0), (0.0, 0.5, 1.0), (0.03, 0.01))
        for k in range(3)
        for method, last in zip(design_runs.CHOOSERS, (0.01, 0.03, 0.04), strict=True)
    ]
    report = report_of(courses)
    runs = next(check for check in report.checks if check.name.startswith("runs to half of the regret, ours / d_optimal"))
    assert runs.got == pytest.approx(0.5)
    assert runs.verdict == "pass"


def test_proposed_runs_become_configurations_of_the_nearest_width(tmp_path):
    base = Base(str(tmp_path), {})
    n = base.n_params(64)
    header = "run_id,n_params,tokens,seed,recipe,flops,buys,pool,weight:q0,weight:q1,unique:q0,unique:q1,loss"
    (tmp_path / "next.csv").write_text(f"{header}\nnext1,{1.03 * n},{20 * n},1,plan,1,0.01,0.5,0.7,0.3,1e6,3e6,\n")
    (config,) = next_configs(tmp_path / "next.csv", base)
    assert (config.width, config.seed, config.weights) == (64, 1, {"q0": 0.7, "q1": 0.3})
    np.testing.assert_allclose([config.unique["q0"], config.unique["q1"]], [1e6, 3e6])
    (tmp_path / "far.csv").write_text(f"{header}\nnext1,1e14,1e9,1,plan,1,0.01,0.5,0.7,0.3,1e6,3e6,\n")
    with pytest.raises(ExperimentError, match="no width gives"):
        next_configs(tmp_path / "far.csv", base)
