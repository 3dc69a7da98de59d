"""The same sample, bit for bit, whatever the shards, workers and executors; budgets met; bad wishes refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_corpus import N_DOCS, checksums, documents, draw, params, table, write_corpus, write_lines

from infolaw.errors import OutputError, RecipeError
from recipes.passes.draw import sample_corpus
from recipes.passes.folder import owned_folder
from recipes.passes.manifest import read_manifest, read_positional
from recipes.passes.request import Request
from recipes.passes.sample import Sample


@pytest.mark.parametrize(("name", "workers"), [("threads", 2), ("threads", 4), ("processes", 2)])
def test_workers_and_executors_do_not_change_a_byte(corpus, undisturbed, tmp_path, name, workers) -> None:
    draw(corpus, tmp_path / "out", executor=name, workers=workers)
    assert checksums(tmp_path / "out") == checksums(undisturbed)


def test_the_order_of_paths_does_not_change_a_byte(corpus, undisturbed, tmp_path) -> None:
    paths = sorted(corpus.glob("*.parquet"), reverse=True)
    draw(documents(*paths), tmp_path / "out")
    assert checksums(tmp_path / "out") == checksums(undisturbed)


def contents(out: Path) -> dict[int, int]:
    ids, counts = read_manifest(out / "manifest")
    return dict(zip(ids.tolist(), counts.tolist(), strict=True))


@pytest.mark.parametrize("sizes", [(3000,), (1, 2999), (500,) * 6])
@pytest.mark.parametrize("tokens", [None, 30_000])
def test_sizes_of_shards_do_not_change_the_manifest(corpus, tmp_path, sizes, tokens) -> None:
    other = write_corpus(tmp_path / "other", sizes, row_group=97)
    one, two = draw(corpus, tmp_path / "a", tokens=tokens), draw(other, tmp_path / "b", tokens=tokens)
    assert one.fingerprint == two.fingerprint
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_lines_and_parquet_give_the_same_manifest(corpus, lines, undisturbed, tmp_path) -> None:
    draw(lines, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(undisturbed)


def written_ids(out: Path) -> Counter[int]:
    return Counter(row["id"] for path in sorted((out / "documents").iterdir()) for row in read_documents(path))


def read_documents(path: Path) -> list[dict]:
    import json

    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    with pa.input_stream(str(path), compression="zstd") as stream:
        return [json.loads(line) for line in stream.read().splitlines()]


@pytest.mark.parametrize("source", ["corpus", "lines"])
@pytest.mark.parametrize("kind", ["parquet", "jsonl.zst"])
@pytest.mark.parametrize("tokens", [None, 200_000])
def test_manifest_positional_and_documents_hold_the_same(request, tmp_path, source, kind, tokens) -> None:
    place = request.getfixturevalue(source)
    for out, what in (("m", "manifest"), ("p", "positional"), ("d", kind)):
        draw(place, tmp_path / out, kind=what, tokens=tokens, shard_tokens=20_000)
    expected = contents(tmp_path / "m")
    ids = {name: np.array(column) for name, column in (("all", table()["id"]),)}["all"]
    positional = np.concatenate([shard.counts for shard in read_positional(tmp_path / "p" / "positional")])
    assert {int(k): int(c) for k, c in zip(ids, positional, strict=True) if c} == expected
    assert written_ids(tmp_path / "d") == expected


def test_written_shards_keep_rows_whole_hold_no_document_twice_and_respect_their_size(corpus, tmp_path) -> None:
    sample = draw(corpus, tmp_path / "out", kind="parquet", tokens=300_000, shard_tokens=20_000)
    rows = {row["id"]: row for row in table().to_pylist()}
    for name in sample.files:
        found = read_documents(tmp_path / "out" / name)
        assert all(rows[row["id"]] == row for row in found)
        assert len({row["id"] for row in found}) == len(found)
        assert sum(row["tokens"] for row in found) <= 20_000
    assert len({name.split("-")[1] for name in sample.files}) > 1


def test_the_order_of_documents_follows_the_seed(corpus, tmp_path) -> None:
    orders = []
    for out, workers in (("a", 1), ("b", 4)):
        draw(corpus, tmp_path / out, kind="parquet", workers=workers, shard_tokens=20_000)
    assert checksums(tmp_path / "a") == checksums(tmp_path / "b")
    for path in sorted((tmp_path / "a" / "documents").iterdir()):
        orders.extend(row["id"] for row in read_documents(path))
    position = {row["id"]: k for k, row in enumerate(table().to_pylist())}
    places = np.array([position[k] for k in orders])
    assert abs(np.corrcoef(places, np.arange(len(places)))[0, 1]) < 0.9


@pytest.mark.parametrize("tokens", [1_000, 30_000, 77_777, 300_000])
def test_a_budget_is_met_within_a_thousandth_or_one_document(corpus, tmp_path, tokens) -> None:
    sample = draw(corpus, tmp_path / "out", tokens=tokens)
    assert abs(sample.tokens - tokens) <= max(tokens / 1000, np.max(table()["tokens"]))
    assert sum(row.planned for row in sample.rows) == pytest.approx(tokens)
    assert sample.provenance["cut"]["first_bin"] > 0


def test_planned_and_realised_agree_by_domain(corpus, tmp_path) -> None:
    sample = draw(corpus, tmp_path / "out")
    tokens = np.array(table()["tokens"])
    for name in ("code", "math", "web"):
        rows = [row for row in sample.rows if row.cell.startswith(name)]
        sd = np.sqrt((tokens[np.array(table()["domain"]) == name] ** 2).sum() / 4)
        assert abs(sum(row.planned - row.realised for row in rows)) < 4 * sd


def test_a_recipe_gives_every_cell_its_share(corpus, tmp_path) -> None:
    weights = {"web/q0": 0.5, "code": 0.3, "math": 0.2}
    request = Request(weights=weights, tokens=40_000)
    sample = sample_corpus(request, documents(corpus), tmp_path / "out", workers=2)
    realised = {cell: sum(r.realised for r in sample.rows if r.cell.startswith(cell)) for cell in weights}
    assert {cell: tokens / 40_000 for cell, tokens in realised.items()} == pytest.approx(weights, abs=0.1)
    assert sample.tokens == pytest.approx(40_000, rel=0.01)


def test_ids_by_row_are_tied_to_their_files_and_the_manifest_says_so(corpus, tmp_path) -> None:
    sample = draw(documents(corpus, id="none"), tmp_path / "out")
    assert "tied to these very files" in sample.provenance["ids"]
    assert "tied to these very files" in pq.read_schema(tmp_path / "out" / sample.files[0]).metadata[b"infolaw"].decode()


def test_a_dry_run_plans_the_same_and_writes_nothing(corpus, tmp_path) -> None:
    dry = draw(corpus, tmp_path / "out", dry_run=True, kind="parquet", tokens=30_000)
    assert not (tmp_path / "out").exists()
    real = draw(corpus, tmp_path / "out", kind="parquet", tokens=30_000)
    assert [(r.cell, r.planned) for r in dry.rows] == [(r.cell, r.planned) for r in real.rows]
    assert 0.3 < dry.n_bytes / real.n_bytes < 3


def test_a_finished_run_is_recognised_and_another_refused(corpus, tmp_path) -> None:
    first = draw(corpus, tmp_path / "out")
    before = checksums(tmp_path / "out")
    again = draw(corpus, tmp_path / "out")
    assert isinstance(again, Sample)
    assert again == first
    with pytest.raises(OutputError, match="holds another sample"):
        draw(corpus, tmp_path / "out", seed=1)
    assert checksums(tmp_path / "out") == before


def test_a_folder_in_use_is_refused(corpus, tmp_path) -> None:
    with owned_folder(tmp_path / "out"), pytest.raises(OutputError, match="in use by another run"):
        draw(corpus, tmp_path / "out")


def test_more_copies_than_epochs_are_refused(corpus, tmp_path) -> None:
    with pytest.raises(RecipeError, match=r"--epochs allows 2: ask for fewer tokens"):
        draw(corpus, tmp_path / "out", tokens=10**6, max_epochs=2)
    assert checksums(tmp_path / "out") == {}


def test_a_domain_unknown_to_the_parameters_is_refused(tmp_path, corpus) -> None:
    found = documents(corpus, domain="value:poems")
    with pytest.raises(RecipeError, match="poems"):
        draw(found, tmp_path / "out")
    assert checksums(tmp_path / "out") == {}


def test_other_scores_than_the_parameters_weigh_are_refused(tmp_path, corpus) -> None:
    with pytest.raises(RecipeError, match="the documents are scored by edu"):
        draw(documents(corpus, scores=("edu:higher",)), tmp_path / "out")


@pytest.mark.parametrize("place", ["corpus", "lines"])
def test_a_truncated_file_is_one_sentence_and_leaves_nothing_half_written(request, tmp_path, place) -> None:
    write = {"corpus": write_corpus, "lines": write_lines}[place]
    folder = write(tmp_path / "documents")
    found = documents(folder)
    victim = sorted(folder.iterdir())[1]
    victim.write_bytes(victim.read_bytes()[: victim.stat().st_size // 2])
    with pytest.raises(RecipeError, match=victim.name):
        draw(found, tmp_path / "out")
    assert checksums(tmp_path / "out") == {}
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_a_profile_of_other_documents_is_refused(corpus, tmp_path) -> None:
    from recipes.build import build_corpus

    profile = build_corpus(documents(corpus / "part-0.parquet")).profile
    with pytest.raises(RecipeError, match="build the corpus again"):
        sample_corpus(Request(params()), documents(corpus), tmp_path / "out", profile=profile)


def test_a_profile_saves_a_pass_and_changes_no_byte(corpus, undisturbed, tmp_path) -> None:
    from recipes.build import build_corpus

    profile = build_corpus(documents(corpus)).profile
    sample = sample_corpus(Request(params()), documents(corpus), tmp_path / "out", profile=profile)
    assert contents(tmp_path / "out") == contents(undisturbed)
    assert sample.fingerprint == draw(corpus, undisturbed).fingerprint


def test_ids_that_stand_twice_are_found_only_when_asked(tmp_path, corpus) -> None:
    folder = write_corpus(tmp_path / "documents")
    draw(folder, tmp_path / "clean", check_duplicates=True)
    pq.write_table(table().slice(40, 3), folder / "zz.parquet")
    draw(folder, tmp_path / "unasked")
    with pytest.raises(RecipeError, match=r"3 ids stand more than once.*part-0.parquet row 4\d and zz.parquet row [123];"):
        draw(folder, tmp_path / "asked", check_duplicates=True)
    assert checksums(tmp_path / "asked") == {}
    assert N_DOCS == 3000
