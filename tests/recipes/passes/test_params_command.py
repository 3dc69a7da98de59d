"""`infolaw params`: parameters from Alg. 1 or nearest to a recipe, as `sample` takes them."""

from __future__ import annotations

import json
from pathlib import Path

from test_sample_command import COLUMNS, call

from infolaw import fit, simulated_runs
from recipes import Plan


def build(corpus: Path, folder: Path) -> Path:
    words = [{"--tokens-column": "--tokens"}.get(word, word) for word in COLUMNS]
    done = call("corpus", "build", corpus, "--out", folder / "corpus.yaml", *words)
    assert done.exit_code == 0, done.output
    return folder / "corpus.yaml"


def test_parameters_drawn_or_nearest_to_a_recipe_are_those_that_sample_takes(corpus, tmp_path) -> None:
    known = build(corpus, tmp_path)
    (tmp_path / "recipe.yaml").write_text("schema_version: 1\nweights: {code: 0.5, math: 0.1, web: 0.4}\n")
    drawn = call("params", known, "--out", tmp_path / "drawn.yaml", "--seed", 1)
    assert drawn.exit_code == 0, drawn.output
    like = ("--like", tmp_path / "recipe.yaml", "--tokens", 5000)
    near = call("params", known, *like, "--out", tmp_path / "near.yaml", "--json")
    assert near.exit_code == 0, near.output
    told = json.loads(near.stdout)
    assert abs(sum(row["wanted"] for row in told["rows"]) - 5000) < 1
    assert told["is_met"] == (not told["notes"])
    done = call(
        "sample", tmp_path / "near.yaml", corpus, "--corpus", known, "--out", tmp_path / "out", "--dry-run", "--json"
    )
    assert done.exit_code == 0, done.output
    planned = sum(row["planned"] for row in json.loads(done.stdout)["rows"])
    assert abs(planned / sum(row["reached"] for row in told["rows"]) - 1) < 0.02


def test_a_recipe_without_tokens_and_tokens_without_a_recipe_are_refused(corpus, tmp_path) -> None:
    known = build(corpus, tmp_path)
    (tmp_path / "recipe.yaml").write_text("schema_version: 1\nweights: {web: 1.0}\n")
    for words, said in ((("--like", tmp_path / "recipe.yaml"), "give --tokens"), (("--tokens", 5), "give it by --like")):
        done = call("params", known, *words, "--out", tmp_path / "out.yaml")
        assert done.exit_code == 2
        assert said in done.output
        assert not (tmp_path / "out.yaml").exists()


def test_a_plan_says_what_draws_it_and_how_near_parameters_come(corpus, tmp_path) -> None:
    known = build(corpus, tmp_path)
    fit("chinchilla", simulated_runs(), bootstrap=20).write(tmp_path / "fit.json")
    (tmp_path / "rules.yaml").write_text("schema_version: 1\nmin_share: {web/q0: 0.2, code/q1: 0.1}\n")
    words = ("--n-params", 1e9, "--tokens", 1e5, "--constraints", tmp_path / "rules.yaml", "--out", tmp_path / "plan.yaml")
    done = call("plan", tmp_path / "fit.json", known, *words, "--accept", "tokenizer")
    assert done.exit_code in (0, 3), done.output
    plan = Plan.read(tmp_path / "plan.yaml")
    assert plan.sampler["copies"]["web/q0"] == plan.epochs["web/q0"] > 1
    assert "`infolaw sample PLAN` draws these copies" in done.stdout
    near = call("params", known, "--like", tmp_path / "plan.yaml", "--wide", "--out", tmp_path / "near.yaml", "--json")
    told = json.loads(near.stdout)
    assert told["params"] == plan.sampler["domains"]
    assert told["distance"] == plan.sampler["distance"] < 0.25
    words = ("--corpus", known, "--out", tmp_path / "out", "--dry-run", "--json")
    drawn = call("sample", tmp_path / "plan.yaml", corpus, *words)
    for row in json.loads(drawn.stdout)["rows"]:
        assert abs(row["planned"] / row["available"] - plan.sampler["copies"][row["cell"]]) < 1e-6
