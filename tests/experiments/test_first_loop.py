"""The loop end to end at its smallest: designs, a fit, a plan, the plan trained, and a verdict; and that it goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments import first_loop
from experiments.designs import RECIPES, Base, Grid, infolaw_design, quadmix_design, recipes_of, regmix_design, repeated
from experiments.loop_audit import HEADLINE, parts_of
from experiments.loop_grid import grid_of, largest_grid, measured_speed, seconds_of
from experiments.loop_runs import Proxies
from infolaw import read_runs
from infolaw.errors import ExperimentError

GRID = Grid(
    (6, 8, 12, 16),
    ratios=(5.0, 1.0, 2.0, 20.0),
    passes=(4.0,),
    extremes=(48.0,),
    probes=("nat", "hq"),
    recipes=("nat", "hq", "mlq", "lq"),
    held=("mlq",),
    seeds=(1,),
    long=1,
)


@pytest.fixture
def base(text_folder: Path) -> Base:
    return Base(str(text_folder), {"eval_tokens": 128})


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_are_shares(recipe: str) -> None:
    assert sum(RECIPES[recipe]) == pytest.approx(1)
    assert min(RECIPES[recipe]) >= 0


def test_the_full_grid_is_what_the_laws_need() -> None:
    grid = grid_of(256)
    cells = grid.cells()
    by_ratio = {width: {ratio for w, _, _, ratio, _ in cells if w == width} for width in grid.widths}
    repeats = [cell[:4] for cell in cells]
    assert len(cells) == len(set(cells)) >= 150
    assert len(grid.widths) >= 5
    assert len({recipe for _, recipe, *_ in cells}) >= 8
    assert len(set().union(*by_ratio.values())) >= 4
    assert min(map(len, by_ratio.values())) >= 3
    assert {passes for _, _, passes, _, _ in cells} >= {1.0, 100.0}
    assert max(repeats.count(cell) for cell in repeats) == 3


def test_a_design_is_the_same_twice_and_its_pools_have_the_natural_shares(base: Base) -> None:
    first, again = infolaw_design(base, GRID), infolaw_design(base, GRID)
    natural = base.buckets()
    assert first == again
    assert len({config.run_id for config in first}) == len(first)
    for config in first:
        ratio, passes = float(config.labels["ratio"]), float(config.labels["kappa"])
        assert config.tokens == pytest.approx(ratio * base.n_params(config.width), abs=config.batch)
        assert sum(config.unique.values()) == pytest.approx(config.tokens / passes)
        assert {cell: held / sum(config.unique.values()) for cell, held in config.unique.items()} == pytest.approx(natural)


def test_regmix_and_quadmix_designs_are_drawn_as_their_papers_say(base: Base) -> None:
    mixtures = regmix_design(base, 6, 8, 20.0)
    domains = base.domains()
    assert all(config.weights[d] <= 15 * share + 1e-9 for config in mixtures for d, share in domains.items())
    params = quadmix_design(base, 6, 8, 20.0, {"quality": "lower"}, pool=2.0)
    cutoffs = [config.labels[f"param:{d}:cutoff"] for config in params for d in domains]
    assert 0 <= min(map(float, cutoffs)) <= max(map(float, cutoffs)) <= 0.1
    assert len({str(config.sampler) for config in params}) == 6


def test_repeated_runs_differ_in_seed_and_name_only(base: Base) -> None:
    (config,) = regmix_design(base, 1, 8, 20.0)
    twins = repeated([config], (0, 1, 2))
    assert len({twin.run_id for twin in twins}) == 3
    assert all(replace(twin, run_id=config.run_id, seed=config.seed) == config for twin in twins)


def test_a_corpus_too_small_says_how_much_more(base: Base) -> None:
    with pytest.raises(
        ExperimentError, match=r"needs a pool of [\d,]+ tokens of q\d, .* build a corpus with [\d,]+ tokens more"
    ):
        infolaw_design(base, grid_of(512))
    with pytest.raises(ExperimentError, match="of 6 buckets and the corpus has q0, q1"):
        recipes_of({"q0": 0.5, "q1": 0.5})


def test_more_hours_buy_a_larger_grid_and_too_few_are_refused(base: Base) -> None:
    speed = measured_speed(base)
    costs = [seconds_of(base, grid_of(width), speed, 100) for width in (64, 128, 256, 512)]
    assert speed.per_param > 0
    assert costs == sorted(costs)
    assert max(largest_grid(base, 8.0, 2, 100).widths) > max(largest_grid(base, 0.5, 2, 100).widths)
    with pytest.raises(ExperimentError, match="are too few: the smallest grid takes"):
        largest_grid(base, 1e-4, 1, 100)


def test_the_loop_closes_and_goes_on_where_it_was(
    text_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = first_loop.Config.tiny(tmp_path, text_folder)
    config = replace(config, grid=GRID, proxies=Proxies(8, 0, 0, 0), most_seeds=4, eval_tokens=128)
    report = first_loop.run(config)
    names = [check.name for check in report.checks]
    rivals = next(iter(report.tables.values()))
    assert names[0].startswith("smallest detectable difference")
    assert [row["recipe"] for row in rivals] == ["plan", "natural", "best_bucket", "regmix"]
    assert all(np.isfinite(float(row["measured"])) for row in rivals)
    assert report.text.startswith("Smallest detectable difference with 4 seeds")
    runs = read_runs(tmp_path / "runs-infolaw.csv")
    assert len(runs) == len(GRID.cells())

    def forbidden(*_: Any) -> None:
        raise AssertionError("a finished run was trained again")

    monkeypatch.setattr("experiments.swarm.coordinator.run_processes", forbidden)
    assert str(first_loop.run(config)) == str(report)


def test_held_out_runs_are_of_what_was_never_fitted(text_folder: Path, tmp_path: Path) -> None:
    import pandas as pd

    from infolaw import RunTable

    rows = []
    for width, recipe, passes, ratio, seed in GRID.cells():
        size = {"width": width, "n_params": 400 * width, "tokens": ratio * 400 * width, "recipe": recipe, "kappa": passes}
        rows.append(
            {"run_id": f"{width}{recipe}{passes}{ratio}{seed}", **size, "seed": seed, "loss": 2.0, "epochs:q0": passes}
        )
    parts = parts_of(RunTable.from_frame(pd.DataFrame(rows)), GRID)
    frame = pd.DataFrame(rows)
    assert not set(frame["recipe"][parts["fitted"]]) & {"mlq"}
    assert frame["width"][parts["fitted"]].max() == 12
    assert frame["kappa"][parts["fitted"]].max() == 4
    assert all(not (parts["fitted"] & mask).any() for name, mask in parts.items() if name != "fitted")
    assert set(frame["recipe"][parts[HEADLINE]]) == {"mlq"}
    assert set(frame["width"][parts[HEADLINE]]) == {16}
