"""Corpora from documents: the same whatever the shards, and what is said of them is true."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from infolaw.errors import OutputError, RecipeError
from recipes.build import build_corpus, parse_edges, read_profile
from recipes.cli import app
from recipes.corpus import Corpus
from recipes.corpus_source import columns_of
from recipes.documents import open_documents

RUNNER = CliRunner()
ROLES = {"id": "id", "domain": "domain", "tokens": "tokens", "scores": ("compression:higher", "length:lower")}


def write_shards(folder, records, sizes, ending="parquet"):
    folder.mkdir(parents=True)
    begin = 0
    for number, size in enumerate(sizes):
        part = records[begin : begin + size]
        begin += size
        if ending == "parquet":
            pq.write_table(pa.Table.from_pylist(part), folder / f"{number}.parquet", row_group_size=37)
        else:
            (folder / f"{number}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in part))
    assert begin >= len(records)
    return folder


def content(build):
    return (build.profile.to_bytes(), build.corpus.cells)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, sources):
    return write_shards(tmp_path_factory.mktemp("build") / "docs", sources, (100, 100, 400))


@pytest.fixture(scope="module")
def built(folder):
    return build_corpus(open_documents(folder, **ROLES))


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
@pytest.mark.parametrize("workers", [1, 3])
def test_shards_formats_and_workers_do_not_change_the_corpus(tmp_path, sources, built, ending, workers):
    turned = sources[::-1]
    again = write_shards(tmp_path / "docs", turned, (7, 150, 1, 400), ending)
    assert content(build_corpus(open_documents(again, **ROLES), workers=workers)) == content(built)


def test_processes_build_the_same(folder, built):
    assert content(build_corpus(open_documents(folder, **ROLES), executor="processes", workers=2)) == content(built)


def test_cells_hold_every_document_and_token_once(sources, built):
    assert sum(cell.documents for cell in built.corpus.cells) == len(sources)
    assert built.corpus.total_tokens == sum(record["tokens"] for record in sources)
    assert set(built.corpus.domains) == {record["domain"] for record in sources}


def test_buckets_of_one_score_are_those_of_a_plain_sort(folder, sources):
    found = build_corpus(open_documents(folder, **{**ROLES, "scores": ["length:lower"]}), edges=(0.1, 0.6)).corpus
    frame = pd.DataFrame(sources)
    frame["rank"] = frame.groupby("domain", group_keys=False)[["length", "tokens"]].apply(
        lambda rows: rows["length"].map(lambda x: rows["tokens"][rows["length"] <= x].sum() / rows["tokens"].sum())
    )
    frame["bucket"] = np.searchsorted([0.1, 0.6], frame["rank"])
    expected = frame.groupby(["domain", "bucket"])["tokens"].sum()
    expected = {f"{domain}/q{bucket}": float(tokens) for (domain, bucket), tokens in expected.items() if tokens}
    assert {cell.name: cell.unique_tokens for cell in found.cells} == expected
    assert found.bucket_definition["edges"] == [0.0, 0.1, 0.6, 1.0]


def test_a_sample_gives_the_shares_of_buckets_in_a_large_domain(tmp_path):
    rng = np.random.default_rng(0)
    n = 60_000
    first = rng.normal(size=n)
    table = {"id": np.arange(n), "tokens": rng.integers(1, 999, n), "a": first, "b": first + rng.normal(size=n)}
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    roles = {"id": "id", "tokens": "tokens", "domain": "value:web", "scores": ["a:higher", "b:lower"]}
    found = build_corpus(open_documents(tmp_path, **roles), edges=(0.05, 0.2, 0.5)).corpus
    np.testing.assert_allclose(found.natural, [0.05, 0.15, 0.3, 0.5], atol=0.002)
    assert "16384 documents" in found.bucket_definition["counts"]


def test_stated_buckets_and_whole_files_become_cells_with_paths(tmp_path, sources):
    for quality in ("high", "low"):
        write_shards(tmp_path / f"quality={quality}" / "kind=actual", sources[:9], (5, 4))
    (tmp_path / "mine.yaml").write_text(
        "schema_version: 1\nname: mine\nid: none\ndomain: 'path:kind=([^/]+)'\nbucket: 'path:quality=([^/]+)'\n"
        "bucket_labels: [high, medium, low]\ntokens: tokens\n"
    )
    corpus = build_corpus(open_documents(tmp_path, mapping=tmp_path / "mine.yaml", id="none")).corpus
    assert corpus.names == ("actual/q0", "actual/q2")
    assert corpus.cells[1].paths == tuple(str(tmp_path / "quality=low" / "kind=actual" / f"{i}.parquet") for i in (0, 1))
    assert corpus.cells[1].path_tokens == (
        float(sum(record["tokens"] for record in sources[:5])),
        float(sum(record["tokens"] for record in sources[5:9])),
    )


def test_a_cell_that_cuts_across_files_has_no_path(folder):
    plain = build_corpus(open_documents(folder, **{**ROLES, "scores": ()})).corpus
    files = [cell for cell in plain.cells if cell.paths]
    assert plain.bucket_definition is None
    assert all(sum(cell.path_tokens) == cell.unique_tokens for cell in files)
    assert len(files) < len(plain.cells)


def test_a_corpus_and_its_profile_survive_their_files(tmp_path, folder):
    built = build_corpus(open_documents(folder, **ROLES), out=tmp_path / "corpus.yaml")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.profile.npz", "corpus.yaml"]
    again = Corpus.read(tmp_path / "corpus.yaml")
    assert again.fingerprint == built.corpus.fingerprint
    assert dict(again.documents) == dict(built.corpus.documents)
    assert read_profile(tmp_path / "corpus.yaml").to_bytes() == built.profile.to_bytes()
    assert columns_of(again) == open_documents(folder, **ROLES).columns


def test_building_twice_gives_the_same_bytes(tmp_path, folder):
    for name in ("one", "two"):
        build_corpus(open_documents(folder, **ROLES), out=tmp_path / f"{name}.yaml")
    assert (tmp_path / "one.yaml").read_bytes() == (tmp_path / "two.yaml").read_bytes()
    assert (tmp_path / "one.profile.npz").read_bytes() == (tmp_path / "two.profile.npz").read_bytes()


def test_a_profile_of_another_corpus_is_refused(tmp_path, folder, sources):
    build_corpus(open_documents(folder, **ROLES), out=tmp_path / "corpus.yaml")
    other = write_shards(tmp_path / "other", sources[:50], (50,))
    build_corpus(open_documents(other, **ROLES), out=tmp_path / "other.yaml")
    (tmp_path / "corpus.profile.npz").write_bytes((tmp_path / "other.profile.npz").read_bytes())
    with pytest.raises(RecipeError, match="not the profile"):
        read_profile(tmp_path / "corpus.yaml")
    (tmp_path / "corpus.profile.npz").unlink()
    with pytest.raises(RecipeError, match=r"corpus\.profile\.npz: the profile cannot be read"):
        read_profile(tmp_path / "corpus.yaml")


def test_a_stopped_pass_is_taken_up_again(tmp_path, folder, built):
    out = tmp_path / "corpus.yaml"
    documents = open_documents(folder, **ROLES)
    bad = folder / "1.parquet"
    whole = bad.read_bytes()
    bad.write_bytes(whole[: len(whole) // 2])
    try:
        with pytest.raises(RecipeError, match=r"1\.parquet"):
            build_corpus(documents, out=out, workers=1)
    finally:
        bad.write_bytes(whole)
    assert not out.exists()
    kept = list((tmp_path / ".corpus.partials").rglob("profile-*"))
    assert kept
    assert content(build_corpus(documents, out=out)) == content(built)
    assert not (tmp_path / ".corpus.partials").exists()


def test_missing_scores_are_counted_and_said(built):
    known = built.corpus.documents
    assert known["missing"]["compression"] == 1
    assert any("compression is missing in 1 of" in note for note in known["notes"])


def test_missing_scores_may_be_refused_with_file_and_row(folder):
    from dataclasses import replace

    documents = open_documents(folder, **ROLES)
    with pytest.raises(RecipeError, match=r"^\d\.parquet: row \d+: no score 'compression'"):
        build_corpus(documents, criteria=replace(documents.criteria, missing="refuse"))


def test_a_score_missing_everywhere_is_refused(tmp_path, sources):
    blank = [{**record, "compression": float("nan")} for record in sources[:20]]
    documents = open_documents(write_shards(tmp_path / "docs", blank, (20,)), **ROLES)
    with pytest.raises(RecipeError, match="'compression'.*missing in all 20 documents"):
        build_corpus(documents)


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_files_without_a_line_are_no_corpus(tmp_path, text):
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(RecipeError, match="0 documents"):
        build_corpus(open_documents(tmp_path, tokens="tokens"))


def test_a_column_of_urls_is_no_domain(tmp_path):
    pq.write_table(pa.table({"url": [f"http://{i}" for i in range(2000)], "n": [1] * 2000}), tmp_path / "a.parquet")
    with pytest.raises(RecipeError, match="more than 1000 domains.*coarser"):
        build_corpus(open_documents(tmp_path, tokens="n", domain="url"))


def test_an_output_folder_that_is_absent_is_said_before_reading(tmp_path, folder):
    with pytest.raises(OutputError, match="absent"):
        build_corpus(open_documents(folder, **ROLES), out=tmp_path / "absent" / "corpus.yaml")


@pytest.mark.parametrize("text", ["0.5,0.1", "0", "1.5", "a,b", "0.1,0.1"])
def test_edges_rise_between_0_and_1(text):
    with pytest.raises(RecipeError, match="rise between|no list of ranks"):
        parse_edges(text)


def call(*arguments):
    return RUNNER.invoke(app, [str(argument) for argument in arguments])


def test_the_command_builds_writes_and_shows(tmp_path, folder):
    scores = ("--score", "quality=compression:higher", "--score", "length:lower")
    out = tmp_path / "corpus.yaml"
    options = ("--domain", "domain", "--tokens-per-byte", 0.3, "--tokenizer", "mine", "--buckets", "0.1,0.3,0.6")
    made = call("corpus", "build", folder, *scores, *options, "--out", out)
    assert made.exit_code == 0, made.output
    assert "cut at rank 0.1, 0.3, 0.6" in made.stdout
    assert "0.3 a byte" in made.stdout
    assert "tokens_per_byte: 0.3" in out.read_text()
    assert call("corpus", "show", out).stdout == made.stdout
    found = json.loads(call("corpus", "show", out, "--json").stdout)
    assert found["tokenizer"] == "mine"
    assert found["documents"]["columns"]["scores"] == ["quality=compression:higher", "length:lower"]
    assert read_profile(out).criteria.names == ("quality", "length")


def test_a_bad_call_is_one_sentence_and_leaves_nothing(tmp_path, folder):
    out = tmp_path / "corpus.yaml"
    for options, said in (
        (("--score", "quality:higher"), "no column 'quality'; it has 'id'"),
        (("--buckets", "0.5,0.2"), "rise between 0 and 1"),
        (("--missing", "drop"), "'drop' is not among"),
        (("--executor", "spark"), "'spark'"),
    ):
        result = call("corpus", "build", folder, "--domain", "domain", "--tokens", "tokens", *options, "--out", out)
        assert result.exit_code == 2, result.output
        assert said in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
        assert not out.exists()


def test_options_of_documents_beside_an_inventory_are_refused(tmp_path):
    (tmp_path / "inventory.csv").write_text("bucket,tokens\nq0,1e9\n")
    result = call("corpus", "build", tmp_path / "inventory.csv", "--score", "edu:higher")
    assert result.exit_code == 2
    assert "--score is for documents" in result.stderr
