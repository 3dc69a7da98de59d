"""`infolaw sample`: parameters, recipes and plans in, one JSON object or a table out, one sentence where it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_corpus import SCORES, checksums, params, table
from typer.testing import CliRunner

from recipes.cli import app

COLUMNS = ["--id", "id", "--domain", "domain", "--tokens-column", "tokens", *(w for s in SCORES for w in ("--score", s))]


def call(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def given(tmp_path: Path) -> Path:
    params().write(tmp_path / "params.yaml")
    return tmp_path / "params.yaml"


def test_json_tells_files_and_fingerprint(corpus, undisturbed, given, tmp_path) -> None:
    done = call("sample", given, corpus, "--out", tmp_path / "out", *COLUMNS, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["fingerprint"] == json.loads((undisturbed / "sample.json").read_text())["fingerprint"]
    assert all((tmp_path / "out" / name).is_file() for name in told["files"])


def test_a_dry_run_says_what_would_be_written_and_how_large(corpus, given, tmp_path) -> None:
    done = call("sample", given, corpus, "--out", tmp_path / "out", *COLUMNS, "--dry-run", "--documents", "parquet")
    assert done.exit_code == 0, done.output
    assert "would be written" in done.stdout
    assert "MB" in done.stdout
    assert not (tmp_path / "out").exists()


def test_a_recipe_by_buckets_takes_columns_and_buckets_from_the_corpus(corpus, tmp_path) -> None:
    columns = [word if word != "--tokens-column" else "--tokens" for word in COLUMNS]
    built = call("corpus", "build", corpus, *columns, "--buckets", "0.3", "--out", tmp_path / "corpus.yaml")
    assert built.exit_code == 0, built.output
    (tmp_path / "recipe.csv").write_text("cell,weight\nweb/q0,0.6\ncode/q1,0.4\n")
    words = ["sample", tmp_path / "recipe.csv", corpus, "--corpus", tmp_path / "corpus.yaml", "--tokens", 30_000]
    done = call(*words, "--out", tmp_path / "out", "--positional", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert {row["cell"] for row in told["rows"] if row["realised"]} == {"web/q0", "code/q1"}
    assert told["tokens"] == pytest.approx(30_000, rel=0.01)


@pytest.mark.parametrize(
    ("recipe", "words", "sentence"),
    [
        ("cell,weight\nweb/q0,1\n", ["--tokens", 1000], "only a corpus says how buckets are cut"),
        ("cell,weight\nweb,1\n", [], "give --tokens"),
        ("cell,weight\nweb,1\n", ["--tokens", 1000, "--manifest", "--positional"], "exclude each other"),
        ("cell,weight\nweb,1\n", ["--tokens", 1000, "--executor", "ray"], "choose threads, processes, dask"),
    ],
)
def test_a_bad_wish_is_one_sentence_and_exit_code_2(corpus, tmp_path, recipe, words, sentence) -> None:
    (tmp_path / "recipe.csv").write_text(recipe)
    done = call("sample", tmp_path / "recipe.csv", corpus, "--out", tmp_path / "out", *COLUMNS, *words)
    assert done.exit_code == 2
    assert sentence in " ".join(done.stderr.split())
    assert checksums(tmp_path / "out") == {}


def test_scores_that_no_document_has_are_refused(given, tmp_path) -> None:
    whole = table()
    place = whole.schema.get_field_index("edu")
    (tmp_path / "corpus").mkdir()
    absent = pa.array(np.full(len(whole), np.nan))
    pq.write_table(whole.set_column(place, "edu", absent), tmp_path / "corpus" / "a.parquet")
    done = call("sample", given, tmp_path / "corpus", "--out", tmp_path / "out", *COLUMNS)
    assert done.exit_code == 2
    assert "missing in all 3000 documents" in done.output
    assert checksums(tmp_path / "out") == {}
