"""Bad documents: one sentence each, naming file, row and column."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infolaw.errors import RecipeError
from recipes.documents import open_documents
from recipes.documents.mapping import Columns, Score
from recipes.documents.mapping_file import known_layouts
from recipes.documents.places import find_places, inside

GOOD = {"id": "a", "domain": "web", "tokens": 3, "q": 0.5, "text": "abc"}
ROLES = {"id": "id", "domain": "domain", "tokens": "tokens", "scores": ["q:higher"]}


def read(*paths, **roles):
    documents = open_documents(*paths, **roles)
    return [batch for shard in documents.shards for batch in documents.batches(shard)]


def refused(*paths, **roles):
    """Read everything; return the one sentence of the refusal."""
    with pytest.raises(RecipeError) as caught:
        read(*paths, **{**ROLES, **roles})
    assert "\n" not in str(caught.value)
    return str(caught.value)


BAD_VALUES = {
    "negative tokens": ({"tokens": -1}, r"row 3: column tokens = -1"),
    "missing tokens": ({"tokens": None}, r"row 3: column tokens is missing"),
    "missing id": ({"id": None}, r"row 3: column id is missing"),
    "missing domain": ({"domain": None}, r"row 3: column domain names no domain; give --missing-domain"),
    "empty domain": ({"domain": ""}, r"row 3: column domain names no domain"),
    "domain that reads as a bucket": ({"domain": "web/q1"}, r"domain 'web/q1'.*rename"),
    "infinite score": ({"q": 1e999}, r"row 3: column q = inf"),
}


@pytest.mark.parametrize("fault", BAD_VALUES)
@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_a_bad_value_is_named_by_file_row_and_column(tmp_path, parquet_of, lines_of, fault, ending):
    change, said = BAD_VALUES[fault]
    records = [GOOD, {**GOOD, "id": "b"}, {**GOOD, "id": "c", **change}]
    path = (parquet_of if ending == "parquet" else lines_of)(tmp_path / f"bad.{ending}", records)
    assert re.search(rf"^bad\.{ending}: .*{said}|^bad\.{ending}: {said}", refused(path))


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("tokens", [1.0, 2.5], "row 2: column tokens = 2.5"),
        ("tokens", ["1", "many"], "row 2: column tokens = 'many'"),
        ("tokens", [[1], [2]], "holds list"),
        ("tokens", [1, 2**50], "row 2: column tokens = 1125899906842624"),
        ("q", ["0.5", "good"], "row 2: column q = 'good'"),
        ("id", [0.5, 1.5], "holds double; ids are"),
        ("domain", [0.5, 1.5], "holds double; labels are"),
    ],
)
def test_a_column_of_another_kind_is_refused(tmp_path, column, values, said):
    table = {"id": ["a", "b"], "domain": ["x", "y"], "tokens": [1, 2], "q": [0.1, 0.2], column: values}
    pq.write_table(pa.table(table), tmp_path / "bad.parquet")
    assert said in refused(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("tokens", "7", 'row 2: column tokens = "7"'),
        ("q", [1, 2], "row 2: column q = [1, 2]"),
        ("id", 7, 'row 1: column id = "a"'),
        ("domain", {"x": 1}, 'row 2: column domain = {"x": 1}'),
    ],
)
def test_a_field_of_another_kind_is_refused(tmp_path, lines_of, field, value, said):
    assert said in refused(lines_of(tmp_path / "bad.jsonl", [GOOD, {**GOOD, field: value}]))


def test_a_missing_score_is_kept_as_missing(tmp_path, parquet_of, gathered):
    path = parquet_of(tmp_path / "a.parquet", [GOOD, {**GOOD, "q": None}, {**GOOD, "q": float("nan")}])
    np.testing.assert_array_equal(gathered(open_documents(path, **ROLES))["scores"][:, 0], [0.5, np.nan, np.nan])


def test_a_missing_domain_gets_the_name_that_was_given(tmp_path, parquet_of, gathered):
    path = parquet_of(tmp_path / "a.parquet", [GOOD, {**GOOD, "domain": None}, {**GOOD, "domain": "other"}])
    found = gathered(open_documents(path, **ROLES, missing_domain="other"))
    assert found["domain"].tolist() == ["web", "other", "other"]


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_a_shard_with_another_schema_is_named_with_what_it_has(tmp_path, parquet_of, lines_of, ending):
    write = parquet_of if ending == "parquet" else lines_of
    write(tmp_path / f"a.{ending}", [GOOD])
    write(tmp_path / f"b.{ending}", [{name: value for name, value in GOOD.items() if name != "q"}])
    said = refused(tmp_path)
    assert said.startswith(f"b.{ending}: no ")
    assert "'q'" in said
    assert "'tokens'" in said


def damaged(path, at, length=None):
    content = bytearray(path.read_bytes())
    if length is None:
        content = content[:at]
    else:
        content[at : at + length] = bytes(255 - byte for byte in content[at : at + length])
    path.write_bytes(bytes(content))
    return path


@pytest.mark.parametrize("ending", ["parquet", "jsonl.gz", "jsonl.zst"])
def test_a_truncated_file_is_named(tmp_path, sources, parquet_of, lines_of, ending):
    path = (parquet_of if ending == "parquet" else lines_of)(tmp_path / f"bad.{ending}", sources)
    roles = {"scores": ["length:lower"]}
    assert refused(damaged(path, path.stat().st_size // 2), **roles).startswith(f"bad.{ending}: truncated or corrupt")


@pytest.mark.parametrize("ending", ["parquet", "jsonl.gz", "jsonl.zst"])
def test_a_corrupt_frame_is_named(tmp_path, sources, parquet_of, lines_of, ending):
    path = tmp_path / f"bad.{ending}"
    if ending == "parquet":
        parquet_of(path, sources, compression="zstd", use_dictionary=False)
    else:
        lines_of(path, sources)
    damaged(path, path.stat().st_size // 4, path.stat().st_size // 2)
    said = refused(path, tokens=None, tokens_per_byte=0.25, scores=["length:lower"])
    assert said.startswith(f"bad.{ending}: truncated or corrupt")


@pytest.mark.parametrize(
    ("line", "said"), [("{", "row 2: no JSON"), ("[1]", "row 2: a JSON object is expected"), ("7", "row 2: a JSON object")]
)
def test_a_line_that_is_no_record_is_named(tmp_path, line, said):
    (tmp_path / "bad.jsonl").write_text(f'{{"tokens": 1}}\n{line}\n')
    assert said in refused(tmp_path / "bad.jsonl", id="none", domain="value:x", scores=[])


def test_text_that_is_no_json_is_named(tmp_path, parquet_of):
    path = parquet_of(tmp_path / "bad.parquet", [{**GOOD, "meta": '{"x": 1}'}, {**GOOD, "meta": "{"}])
    assert "bad.parquet: row 2: column meta.x: its text is no JSON" in refused(path, scores=["meta.x:lower"])


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ({"tokens_per_byte": 0.25}, "from a column or from --tokens-per-byte"),
        ({"scores": ["q"]}, "does not say which way is better"),
        ({"scores": ["q:best"]}, "does not say which way is better"),
        ({"scores": ["q:lower", "q=text:lower"]}, "Two scores have one name"),
        ({"domain": "path:("}, "no regular expression"),
        ({"domain": "path:web"}, "0 groups"),
        ({"domain": "path:crawl=(.+)"}, "does not occur in this path"),
        ({"domain": "topic"}, "no column 'topic'; it has 'id', 'domain'"),
        ({"domain": "value:q3"}, "reads as a quality bucket"),
        ({"bucket": "domain"}, "row 1: column domain = 'web'; a bucket is"),
        ({"tokens": None, "tokens_per_byte": -1.0}, "--tokens-per-byte -1"),
        ({"mapping": "finweb"}, "known are datatrove, dclm, dolma"),
        ({"mapping": "absent.yaml"}, "absent.yaml"),
    ],
)
def test_a_bad_option_is_one_sentence(tmp_path, parquet_of, roles, said):
    assert said in refused(parquet_of(tmp_path / "a.parquet", [GOOD]), **roles)


def test_documents_without_tokens_ask_for_a_way_to_them(tmp_path, parquet_of):
    assert "--tokens-per-byte" in refused(parquet_of(tmp_path / "a.parquet", [{"text": "x"}]), tokens=None)


def test_a_mapping_with_an_unknown_key_is_refused(tmp_path, parquet_of):
    (tmp_path / "mine.yaml").write_text("schema_version: 1\nname: mine\ncolour: red\n")
    said = refused(parquet_of(tmp_path / "a.parquet", [GOOD]), mapping=tmp_path / "mine.yaml")
    assert "mine.yaml: colour = 'red'" in said


@pytest.mark.parametrize("name", ["absent", "absent.parquet", "*.parquet", "notes.txt", "empty", "memory://nowhere/x"])
def test_a_path_without_documents_is_named(tmp_path, monkeypatch, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert refused(name).startswith(name)


def test_no_document_in_any_file_is_no_corpus(tmp_path):
    schema = pa.schema([("id", pa.string()), ("domain", pa.string()), ("tokens", pa.int64()), ("q", pa.float64())])
    pq.write_table(schema.empty_table(), tmp_path / "a.parquet")
    assert "no document in them" in refused(tmp_path)


def test_a_file_matched_twice_is_refused(tmp_path, parquet_of):
    path = parquet_of(tmp_path / "a.parquet", [GOOD])
    assert refused(path, tmp_path).startswith("a.parquet: the file is matched by several")


def test_folders_give_documents_only_in_the_order_of_their_names(tmp_path):
    for name in ("b.parquet", "a.jsonl", "x/c.jsonl.zst", "_SUCCESS", ".a.parquet", "_tmp/d.parquet", "info.json", "d.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    root, places = find_places([tmp_path])
    assert root == str(tmp_path)
    assert [place.name for place in places] == ["a.jsonl", "b.parquet", "x/c.jsonl.zst"]
    assert [place.name for place in find_places([tmp_path / "**" / "*.zst"])[1]] == ["x/c.jsonl.zst"]


@pytest.mark.parametrize("name", ["/etc/passwd", "../a", "x/../../a", "", "s3://b/a", "link/a", "a\\b"])
def test_a_name_never_leads_outside_the_root(tmp_path, name):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path)
    with pytest.raises(RecipeError, match="leads outside"):
        inside(str(tmp_path / "root"), name)
    assert inside(str(tmp_path / "root"), "x/a.parquet") == str(tmp_path / "root" / "x" / "a.parquet")


def test_every_known_layout_reads_and_says_where_it_comes_from():
    layouts = known_layouts()
    assert {"fineweb", "fineweb_edu", "dclm", "nemotron_cc", "essential_web", "dolma", "datatrove"} <= set(layouts)
    assert layouts["nemotron_cc"].bucket_labels[0] == "high"
    assert all(columns.when for columns in layouts.values())


def test_a_layout_knows_the_direction_of_its_own_scores():
    edu = known_layouts()["fineweb_edu"]
    assert edu.changed(scores=["score"]).scores == (Score("score", "score", "higher"),)
    with pytest.raises(RecipeError, match="which way"):
        Columns().changed(scores=["score"])
