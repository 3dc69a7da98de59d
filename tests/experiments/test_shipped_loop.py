"""The shipped loop: its tables are what the laws need, load without glue, and give the verdict again without training."""

from __future__ import annotations

import json
from functools import partial

import pytest

from experiments import first_loop, learning_rate, loop_joint
from experiments.first_loop import SHIPPED
from experiments.loop_runs import TABLES, place_of
from infolaw import RunTable, read_runs
from recipes import Corpus, Recipe
from recipes.joint import fit_joint


@pytest.fixture(scope="module")
def tables() -> dict[str, RunTable]:
    return {design: read_runs(place_of(SHIPPED, design)) for design in TABLES}


def test_the_grid_varies_what_a_law_must_tell_apart(tables: dict[str, RunTable]) -> None:
    frame = tables["infolaw"].frame
    repeats = frame.groupby(["width", "recipe", "kappa", "ratio"])["seed"].nunique()
    assert len(frame) >= 150
    assert frame["width"].nunique() >= 5
    assert frame["ratio"].nunique() >= 4
    assert frame["recipe"].nunique() >= 8
    assert {1.0, 4.0, 16.0, 100.0} <= set(frame["kappa"])
    assert (repeats == 3).sum() >= 10
    assert {"loss:q0", "loss:q5", "loss:code", "loss:translated", "loss:natural"} <= set(frame)


def test_the_mixtures_are_as_many_as_the_searches_need(tables: dict[str, RunTable]) -> None:
    assert len(tables["regmix-buckets"]) >= 64
    assert len(tables["regmix-domains"].select("width == 32")) >= 64
    quadmix = tables["quadmix"].frame
    assert len(quadmix) >= 64
    assert {"param:code:cutoff", "weight:code/q0", "unique:code/q0", "epochs:code/q0"} <= set(quadmix)


@pytest.mark.parametrize(
    ("inventory", "design"), [("corpus", "quadmix"), ("corpus-domains", "regmix-domains"), ("pool", "infolaw")]
)
def test_runs_and_corpora_name_the_same_cells(inventory: str, design: str, tables: dict[str, RunTable]) -> None:
    corpus = Corpus.from_inventory(SHIPPED / f"{inventory}.csv")
    assert set(corpus.names) == set(tables[design].cells)


def test_todays_recipe_is_the_natural_one() -> None:
    corpus = Corpus.from_inventory(SHIPPED / "pool.csv")
    assert Recipe.read(SHIPPED / "today.csv").array(corpus.names) == pytest.approx(corpus.natural, abs=1e-4)


def test_the_verdict_comes_again_from_the_shipped_runs(tables: dict[str, RunTable], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_loop, "LAWS", ("repetition",))
    quick = partial(fit_joint, laws=("repetition", "data_constrained"), n_bootstrap=40)
    monkeypatch.setattr(loop_joint, "fit_joint", quick)
    report = first_loop.run(first_loop.Config(shipped=True, bootstrap=50))
    rows = {row["recipe"]: row for row in next(iter(report.tables.values()))}
    means = tables["final"].frame.groupby("recipe")["loss"].mean()
    told = json.loads((SHIPPED / "first_loop.json").read_text())
    before = {row["recipe"]: row["measured"] for row in next(iter(told["tables"].values()))}
    checks = {check.name: check for check in report.checks}
    assert {name: row["measured"] for name, row in rows.items()} == pytest.approx(means.to_dict())
    assert before == pytest.approx(means.to_dict(), rel=1e-6)
    assert checks["planned loss inside its 90 % interval [1 = yes]"].verdict == "pass"
    assert abs(float(rows["plan"]["predicted"]) / float(rows["plan"]["measured"]) - 1) < 0.01
    joint = report.tables["The same by the joint prediction of grid and mixtures"]
    assert [row["measured"] for row in joint] == [row["measured"] for row in rows.values()]
    assert checks["joint: planned loss inside its 90 % interval [1 = yes]"].got in (0.0, 1.0)
    assert 0 <= checks["joint: measured gains inside their 90 % intervals"].got <= 3


def test_the_learning_rate_of_every_width_is_near_its_best() -> None:
    report = learning_rate.run(learning_rate.Config())
    assert len(next(iter(report.tables.values()))) == 4
    assert report.checks[0].got < 0.03
