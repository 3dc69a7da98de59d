"""The doors of plans on the command line: budgets, constraints, `plan diff`, `check`; one sentence for what is refused."""

import json

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from infolaw import simulated_runs
from infolaw.points import Points
from recipes.cli import app

RUNNER = CliRunner()
TRUTH = {"E": 1.2, "A": 60.0, "alpha": 0.3, "B": 200.0, "beta": 0.25, "theta": 0.5, "s": 0.02, "l": 2.0}


def call(*arguments):
    return RUNNER.invoke(app, [str(argument) for argument in arguments])


def refused(result):
    """Return the one sentence on stderr of a refusal."""
    assert result.exit_code == 2, result.output
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, result.stderr
    assert result.stdout == ""
    return lines[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("plans")
    rng = np.random.default_rng(0)
    n = np.repeat(np.geomspace(1e8, 4e9, 6), 12)
    tokens = n * np.tile([5, 20, 80], 24)
    unique = tokens[:, None] * rng.uniform(0.1, 2.0, (72, 3))
    points = Points.build(n, tokens, weights=rng.dirichlet(np.ones(3), 72), unique=unique)
    simulated_runs("infolaw_e", TRUTH, points, cells=("q0", "q1", "q2")).to_csv(place / "runs.csv")
    (place / "inventory.csv").write_text("bucket,tokens,path\nq0,1e10,data/q0\nq1,4e10,data/q1\nq2,1e11,data/q2\n")
    assert call("corpus", "build", place / "inventory.csv", "--out", place / "corpus.yaml").exit_code == 0
    fitted = call("fit", place / "runs.csv", "--law", "infolaw_e", "--out", place / "fit.json", "--bootstrap", 50)
    assert fitted.exit_code == 0
    for name, seed in (("a", 0), ("b", 1)):
        arguments = ("--n-params", 1e9, "--tokens", 2e10 * (1 + seed), "--seed", seed, "--out", place / f"{name}.yaml")
        assert call("plan", place / "fit.json", place / "corpus.yaml", *arguments).exit_code in (0, 3)
    return place


@pytest.fixture(scope="module")
def plan(folder):
    return lambda *arguments: call("plan", folder / "fit.json", folder / "corpus.yaml", *arguments)


def test_hours_on_a_device_are_the_budget(plan):
    found = json.loads(plan("--gpu-hours", 1e3, "--device", "h100", "--mfu", 0.4, "--json").stdout)
    assert found["flops"] == pytest.approx(1e3 * 3600 * 989e12 * 0.4, rel=1e-9)
    rate = json.loads(plan("--gpu-hours", 1e3, "--flops-per-second", 989e12 * 0.4, "--json").stdout)
    assert rate["weights"] == found["weights"]


def test_serving_overtraining_and_exact_counts_change_the_size(plan):
    free = json.loads(plan("--flops", 1e21, "--json").stdout)
    served = json.loads(plan("--flops", 1e21, "--inference-tokens", 1e11, "--json").stdout)
    assert served["n_params"] < free["n_params"]
    assert served["flops"] + 2 * served["n_params"] * 1e11 == pytest.approx(1e21, rel=1e-9)
    over = json.loads(plan("--flops", 1e21, "--overtraining", 3, "--json").stdout)
    ratio = (over["tokens"] / over["n_params"]) / (free["tokens"] / free["n_params"])
    assert ratio == pytest.approx(3, rel=1e-3)
    exact = json.loads(plan("--flops", 1e21, "--exact-flops", "--n-params", 1e9, "--json").stdout)
    assert exact["tokens"] < 1e21 / 6e9
    experts = json.loads(plan("--flops", 1e20, "--n-params", 1e9, "--n-params-active", 2e8, "--json").stdout)
    assert experts["tokens"] == pytest.approx(1e20 / 1.2e9)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--gpu-hours", 1e3, "--device", "abacus", "--mfu", 0.4), "device 'abacus' is unknown"),
        (("--gpu-hours", 1e3, "--device", "h100"), "--mfu"),
        (("--flops", 1e21, "--mfu", 0.4), "--mfu says nothing without --gpu-hours"),
        (("--flops", 1e21, "--gpu-hours", 1e3, "--device", "h100", "--mfu", 0.4), "two budgets"),
        (("--flops", 1e21, "--n-params", 1e9, "--tokens", 1e9), "given: flops, n_params, tokens"),
        (("--flops", 1e21, "--depth", 32), "--depth counts only with --exact-flops"),
        (("--flops", 1e21, "--n-params-active", 1e8), "--n-params-active needs --n-params"),
        (("--flops", 1e21, "--inference-tokens", 1e30, "--n-params", 1e9), "takes the whole budget"),
        (("--n-params", 1e9, "--tokens", 1e12, "--max-epochs", 2), "allow at most"),
    ],
)
def test_a_budget_that_cannot_be_met_is_one_sentence(plan, arguments, said):
    assert said in refused(plan(*arguments))


def test_conflicting_constraints_are_named(plan, tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text("schema_version: 1\nmin_share: {q0: 0.9}\nmax_epochs: 2\n")
    said = refused(plan("--n-params", 1e9, "--tokens", 1e11, "--constraints", rules))
    assert "min_share of q0 (0.9" in said
    assert "max_epochs (2)" in said


def test_fixed_shares_groups_and_exclusions_hold_in_the_plan(plan, tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "schema_version: 1\nfixed_share: {q0: 0.2}\ngroups: {rest: {cells: [q1, q2], min_share: 0.1}}\nexclude: [q2]\n"
        "unique_tokens: {q1: 8.0e10}\n"
    )
    found = json.loads(plan("--n-params", 1e9, "--tokens", 4e10, "--constraints", rules, "--json").stdout)
    assert found["weights"] == pytest.approx({"q0": 0.2, "q1": 0.8, "q2": 0.0})
    assert found["ledger"][1]["available"] == 8e10


def test_plan_diff_has_two_spellings(folder):
    both = [call(*words, folder / "a.yaml", folder / "b.yaml") for words in (("plan", "diff"), ("plan-diff",))]
    assert both[0].exit_code == both[1].exit_code == 0
    assert both[0].stdout == both[1].stdout
    assert "tokens" in both[0].stdout
    assert "the plans are the same" in call("plan", "diff", folder / "a.yaml", folder / "a.yaml").stdout


def test_check_leaves_with_3_unless_the_run_was_the_planned_one_and_inside(folder, tmp_path):
    found = yaml.safe_load((folder / "a.yaml").read_text())
    shares = {f"weight:{cell}": share for cell, share in found["weights"].items()}
    good = {"run_id": "mine", "n_params": 1e9, "tokens": 2e10, "loss": found["loss"], **shares}
    for name, changed, code in (("good", {}, 0), ("loss", {"loss": 9.0}, 3), ("short", {"tokens": 1.5e10}, 3)):
        row = {**good, **changed}
        path = tmp_path / f"{name}.csv"
        path.write_text(",".join(row) + "\n" + ",".join(str(value) for value in row.values()) + "\n")
        result = call("check", folder / "a.yaml", path, "--run", "mine")
        assert result.exit_code == code, result.output
    assert result.stdout.startswith("NOT THE PLAN: run mine")
    assert "no run other" in refused(call("check", folder / "a.yaml", path, "--run", "other"))


def test_value_prices_the_offers_of_a_file_and_every_cell(folder, tmp_path):
    rules = tmp_path / "offers.yaml"
    rules.write_text("schema_version: 1\noffers: [{cell: q0, tokens: 1.0e9, price: 5, name: books}]\n")
    files = (folder / "a.yaml", folder / "fit.json", folder / "corpus.yaml")
    offered = json.loads(call("value", *files, "--constraints", rules, "--json").stdout)["values"]
    assert [value["name"] for value in offered] == ["books"]
    every = json.loads(call("value", *files, "--more", 1e9, "--json").stdout)["values"]
    assert sorted(value["cell"] for value in every) == ["q0", "q1", "q2"]
    assert next(value for value in every if value["cell"] == "q0")["gain"] == pytest.approx(offered[0]["gain"])


def test_a_budget_a_million_times_beyond_the_runs_is_answered_loudly(plan):
    near, far = (plan("--flops", flops, "--json") for flops in (1e21, 7.68e21 * 1e6))
    assert far.exit_code == 3
    found, usual = json.loads(far.stdout), json.loads(near.stdout)
    assert any("times outside the runs" in text for text in found["warnings"])
    assert found["extrapolation"]["flops"] == pytest.approx(1e6, rel=1e-3)
    width, narrow = (np.log(one["upper"] / one["lower"]) for one in (found, usual))
    assert width > 1.5 * narrow


def test_a_corpus_without_a_cell_of_the_law_is_refused_unless_told(folder, tmp_path):
    (tmp_path / "poor.csv").write_text("bucket,tokens\nq0,1e10\nq1,4e10\n")
    arguments = ("plan", folder / "fit.json", tmp_path / "poor.csv", "--n-params", 1e9, "--tokens", 2e10)
    assert "nothing of the law's cells q2" in refused(call(*arguments))
    assert call(*arguments, "--accept", "cells", "--json").exit_code in (0, 3)
