"""Every format gives the same batches of the same documents."""

from __future__ import annotations

import gzip
import json
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recipes.documents import open_documents
from recipes.documents.reading import read_batches, read_records

SCORES = ("length:lower", "compression:higher")
ROLES = {"id": "id", "domain": "domain", "tokens": "tokens", "scores": SCORES}


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "jsonl.gz", "jsonl.zst"])
def test_real_documents_read_alike_in_every_format(tmp_path, sources, parquet_of, lines_of, gathered, ending):
    path = tmp_path / f"sources.{ending}"
    (parquet_of if ending == "parquet" else lines_of)(path, sources)
    found = gathered(open_documents(path, **ROLES))
    np.testing.assert_array_equal(found["tokens"], [record["tokens"] for record in sources])
    np.testing.assert_array_equal(found["domain"], [record["domain"] for record in sources])
    expected = [[r["length"], np.nan if r["compression"] is None else r["compression"]] for r in sources]
    np.testing.assert_array_equal(found["scores"], np.array(expected, float))
    assert len(set(found["ids"].tolist())) == len(sources)


def test_a_text_id_is_the_same_number_in_every_format(tmp_path, sources, parquet_of, lines_of, gathered):
    one = gathered(open_documents(parquet_of(tmp_path / "a.parquet", sources), **ROLES))
    two = gathered(open_documents(lines_of(tmp_path / "b.jsonl.zst", sources), **ROLES))
    np.testing.assert_array_equal(one["ids"], two["ids"])


def test_the_published_xxh64_of_a_text_id(tmp_path, lines_of, gathered):
    path = lines_of(tmp_path / "a.jsonl", [{"id": "abc", "tokens": 1}])
    assert gathered(open_documents(path, id="id", tokens="tokens"))["ids"].tolist() == [0x44BC2CF5AD770999]


def test_integer_ids_stand_as_they_are_and_negative_ones_wrap(tmp_path, parquet_of, lines_of, gathered):
    records = [{"id": 7, "tokens": 1}, {"id": -1, "tokens": 1}]
    for path in (parquet_of(tmp_path / "a.parquet", records), lines_of(tmp_path / "a.jsonl", records)):
        assert gathered(open_documents(path, id="id", tokens="tokens"))["ids"].tolist() == [7, 2**64 - 1]


def test_documents_without_an_id_are_known_by_file_and_row(tmp_path, sources, parquet_of, gathered):
    path = parquet_of(tmp_path / "a.parquet", sources, row_group_size=50)
    whole = open_documents(path, id="none", tokens="tokens")
    assert whole.columns.id is None
    ids = gathered(whole)["ids"]
    assert len(set(ids.tolist())) == len(sources)
    parts = whole.shards[0].split(100)
    assert len(parts) > 1
    cut = np.concatenate([batch.ids for part in parts for batch in read_batches(part, whole.columns)])
    np.testing.assert_array_equal(cut, ids)


def test_ragged_records_read_as_regular_ones(tmp_path, lines_of, gathered):
    regular = [{"id": f"d{i}", "tokens": i, "q": i / 2, "meta": {"top": "a"}} for i in range(20)]
    ragged = [dict(record) for record in regular]
    ragged[3]["q"] = 1.5
    ragged[5]["more"] = {"deep": [1, {"x": 2}]}
    ragged[7]["tokens"] = 7.0
    ragged[9]["more"] = "text"
    roles = {"id": "id", "tokens": "tokens", "domain": "meta.top", "scores": ["q:higher"]}
    one = gathered(open_documents(lines_of(tmp_path / "a.jsonl", regular), **roles))
    two = gathered(open_documents(lines_of(tmp_path / "b.jsonl", ragged), **roles))
    for name in ("ids", "tokens", "scores", "domain"):
        np.testing.assert_array_equal(one[name], two[name])


def test_nested_columns_and_json_inside_text_are_reached_by_dots(tmp_path, parquet_of, lines_of, gathered):
    records = [
        {"meta": {"n": 4, "edu.score": 1.0, "lang": {"en": 0.5}}, "extra": json.dumps({"topic": "law", "q": 2})},
        {"meta": {"n": 5, "edu.score": None, "lang": {"en": 0.7}}, "extra": json.dumps({"topic": "code", "q": None})},
    ]
    roles = {
        "tokens": "meta.n",
        "domain": "extra.topic",
        "scores": ["meta.edu.score:higher", "meta.lang.en:higher", "extra.q:lower"],
    }
    for path in (parquet_of(tmp_path / "a.parquet", records), lines_of(tmp_path / "a.jsonl", records)):
        found = gathered(open_documents(path, **roles))
        assert found["tokens"].tolist() == [4, 5]
        assert found["domain"].tolist() == ["law", "code"]
        np.testing.assert_array_equal(found["scores"], [[1.0, 0.5, 2.0], [np.nan, 0.7, np.nan]])


def test_tokens_per_byte_counts_bytes_not_letters(tmp_path, parquet_of, lines_of, gathered):
    records = [{"text": "héé"}, {"text": ""}]  # 5 bytes: 2.5 rounds up
    for path in (parquet_of(tmp_path / "a.parquet", records), lines_of(tmp_path / "a.jsonl", records)):
        assert gathered(open_documents(path, tokens_per_byte=0.5))["tokens"].tolist() == [3, 0]


def test_domains_and_buckets_come_from_paths(tmp_path, sources, parquet_of, gathered):
    for quality in ("high", "low"):
        parquet_of(tmp_path / f"quality={quality}" / "kind=actual" / "a.parquet", sources[:3])
    (tmp_path / "layout.yaml").write_text(
        "schema_version: 1\nname: mine\ntokens: tokens\ndomain: 'path:kind=([^/]+)'\nbucket: 'path:quality=([^/]+)'\n"
        "bucket_labels: [high, low]\n"
    )
    found = gathered(open_documents(tmp_path, mapping=tmp_path / "layout.yaml"))
    assert set(found["domain"]) == {"actual"}
    assert found["bucket"].tolist() == [0, 0, 0, 1, 1, 1]


def test_dolma_attributes_run_beside_documents(tmp_path, sources, lines_of, gathered):
    chosen = sources[:40]
    lines_of(
        tmp_path / "documents" / "py" / "0.jsonl.gz", [{"id": r["id"], "text": r["text"], "source": "py"} for r in chosen]
    )
    spans = [
        {"id": r["id"], "attributes": {"t__x__edu": [[0, 10, 1.0], [10, 40, 0.0]], "t__x__len": float(r["length"])}}
        for r in chosen
    ]
    lines_of(tmp_path / "attributes" / "t" / "py" / "0.jsonl.gz", spans)
    documents = open_documents(
        tmp_path, tokens_per_byte=0.25, scores=["edu=attributes.t__x__edu:higher", "len=attributes.t__x__len:lower"]
    )
    assert documents.columns.name == "dolma"
    assert [shard.name for shard in documents.shards] == ["documents/py/0.jsonl.gz"]
    found = gathered(documents)
    np.testing.assert_array_equal(found["scores"], [[0.25, r["length"]] for r in chosen])
    assert set(found["domain"]) == {"py"}


def test_dolma_attributes_of_other_documents_are_refused(tmp_path, sources, lines_of):
    from infolaw.errors import RecipeError

    ids = [record["id"] for record in sources[:5]]
    lines_of(tmp_path / "documents" / "0.jsonl.gz", [{"id": i, "text": "x", "source": "py"} for i in ids])
    others = {"swapped": [ids[1], ids[0], *ids[2:]], "short": ids[:4], "long": [*ids, "more"]}
    for name, order in others.items():
        lines_of(tmp_path / "attributes" / "t" / "0.jsonl.gz", [{"id": i, "attributes": {"t__q": 1.0}} for i in order])
        documents = open_documents(tmp_path, tokens_per_byte=1, scores=["q=attributes.t__q:higher"])
        with pytest.raises(RecipeError, match="run the tagger again") as caught:
            list(documents.batches(documents.shards[0]))
        assert ("row 1" in str(caught.value)) is (name == "swapped")


def test_records_come_whole_and_in_the_order_of_batches(tmp_path, sources, parquet_of, lines_of):
    for path in (parquet_of(tmp_path / "a.parquet", sources, row_group_size=64), lines_of(tmp_path / "a.jsonl.gz", sources)):
        documents = open_documents(path, **ROLES)
        rows = [row for shard in documents.shards for record in read_records(shard) for row in record.to_pylist()]
        whole = rows if path.suffix == ".parquet" else [json.loads(row["line"]) for row in rows]
        assert whole == sources


def test_several_frames_and_blank_lines_are_one_file(tmp_path, gathered):
    part = b'{"tokens": 1}\n\n{"tokens": 2}'
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(part + b"\n") + gzip.compress(part))
    assert gathered(open_documents(tmp_path, tokens="tokens"))["tokens"].tolist() == [1, 2, 1, 2]


def test_lines_longer_than_a_block_are_whole_and_counted(tmp_path, lines_of):
    from recipes.documents import jsonl

    records = [{"tokens": n, "text": "x" * n} for n in (5, 500, 50, 5, 5)]
    path = lines_of(tmp_path / "a.jsonl", records)
    blocks = list(jsonl.blocks(str(path), "a", 64))
    assert [json.loads(line) for block in blocks for line in block.lines] == records
    rows = np.cumsum([0, *(len(block.lines) for block in blocks)])
    assert len(blocks) > 1
    assert [block.first_row for block in blocks] == rows[:-1].tolist()


def test_dictionaries_that_differ_between_row_groups_give_right_domains(tmp_path, gathered):
    domain = [name for name in "abcd" for _ in range(10)]
    pq.write_table(pa.table({"domain": domain, "tokens": [1] * 40}), tmp_path / "a.parquet", row_group_size=7)
    assert gathered(open_documents(tmp_path, tokens="tokens", domain="domain"))["domain"].tolist() == domain


def test_a_remote_filesystem_gives_what_the_local_one_does(tmp_path, sources, parquet_of, lines_of, gathered):
    import fsspec

    parquet_of(tmp_path / "x" / "a.parquet", sources)
    lines_of(tmp_path / "x" / "b.jsonl.zst", sources)
    memory = fsspec.filesystem("memory")
    for path in sorted((tmp_path / "x").iterdir()):
        memory.pipe(f"/corpus/x/{path.name}", path.read_bytes())
    local, remote = open_documents(tmp_path, **ROLES), open_documents("memory://corpus", **ROLES)
    assert [(s.name, s.fingerprint, s.size) for s in local.shards] == [
        (s.name, s.fingerprint, s.size) for s in remote.shards
    ]
    assert local.fingerprint == remote.fingerprint
    for name, values in gathered(local).items():
        np.testing.assert_array_equal(values, gathered(remote)[name])


def test_documents_are_small_and_travel_to_workers(tmp_path, sources, parquet_of):
    documents = open_documents(parquet_of(tmp_path / "a.parquet", sources), **ROLES)
    assert pickle.loads(pickle.dumps(documents)) == documents


RECORD = st.fixed_dictionaries(
    {
        "id": st.text(st.characters(exclude_categories=["Cs"]), max_size=70),
        "domain": st.sampled_from(["web", "code", "caf\u00e9", "a b/c"]),
        "tokens": st.integers(0, 2**40),
        "q": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    }
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(RECORD, min_size=1, max_size=12), st.integers(1, 5))
def test_parquet_and_json_lines_agree_on_any_record(tmp_path, gathered, records, group):
    schema = pa.schema([("id", pa.string()), ("domain", pa.string()), ("tokens", pa.int64()), ("q", pa.float64())])
    pq.write_table(pa.Table.from_pylist(records, schema), tmp_path / "a.parquet", row_group_size=group)
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    roles = {"id": "id", "domain": "domain", "tokens": "tokens"}
    if any(record["q"] is not None for record in records):
        roles["scores"] = ["q:lower"]
    one = gathered(open_documents(tmp_path / "a.parquet", **roles))
    two = gathered(open_documents(tmp_path / "a.jsonl", **roles))
    assert one["tokens"].tolist() == [record["tokens"] for record in records]
    for name in ("ids", "tokens", "scores", "domain"):
        np.testing.assert_array_equal(one[name], two[name])
