"""`infolaw params`: parameters from Alg. 1 or nearest to a recipe, as `sample` takes them."""

from __future__ import annotations

import json
from pathlib import Path

from test_sample_command import COLUMNS, call


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
