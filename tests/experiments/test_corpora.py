"""A corpus is real text: extracted, cut, deduplicated, and split so that no file is on both sides."""

import gzip
import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.corpora import CorpusConfig, build, read_corpus
from experiments.corpora.catalogue import PACKAGES, rule_of
from experiments.corpora.debian import unpack
from experiments.corpora.duplicates import Seen
from experiments.corpora.extract import extract
from experiments.corpora.pieces import MIN_BYTES, cleaned, cut
from experiments.corpora.places import licence_of
from experiments.corpora.store import COLUMNS, write_documents
from infolaw.errors import ExperimentError, OutputError, RecipeError


def words(n, seed):
    return " ".join(f"word{(seed * 7919 + i * i) % 9973}" for i in range(n))


@pytest.fixture
def own(tmp_path):
    """Forty documents of two domains, eight sources."""
    rows = [
        {"id": f"d{i}", "domain": "ab"[i % 2], "source": f"file{i % 8}", "text": words(150, i), "tokens": 1}
        for i in range(40)
    ]
    pd.DataFrame(rows).to_parquet(tmp_path / "own.parquet")
    return tmp_path / "own.parquet"


def own_config(own, out, **changes):
    small = {"min_bytes": 1000, "min_domains": 2, "max_file_share": 1.0}
    return CorpusConfig(out, own=(str(own),), **(small | changes))


def test_no_source_file_is_on_both_sides(own, tmp_path):
    folder = read_corpus(build(own_config(own, tmp_path / "corpus")))
    for domain in folder.domains:
        train, valid = (folder.read(split, domain) for split in ("train", "valid"))
        assert set(train["source"]).isdisjoint(valid["source"])
        assert len(valid) > 0
        assert tuple(train.columns) == COLUMNS


def test_tokens_are_bytes_of_utf8(own, tmp_path):
    folder = read_corpus(build(own_config(own, tmp_path / "corpus")))
    frame = folder.read("train", "a")
    assert frame["tokens"].tolist() == [len(text.encode()) for text in frame["text"]]
    assert folder.manifest["domains"]["a"]["train"]["tokens"] == frame["tokens"].sum()


def test_same_seed_same_bytes(own, tmp_path):
    first, second = (build(own_config(own, tmp_path / name)) for name in ("one", "two"))
    names = [path.relative_to(first) for path in sorted(first.rglob("*")) if path.is_file()]
    assert len(names) == 5
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_a_corpus_that_is_there_is_returned_and_nothing_else_is_overwritten(own, tmp_path):
    config = own_config(own, tmp_path / "corpus")
    before = (build(config) / "corpus.json").stat().st_mtime_ns
    assert (build(config) / "corpus.json").stat().st_mtime_ns == before
    with pytest.raises(OutputError, match="holds something else"):
        build(own_config(own, tmp_path / "corpus", seed=1))


def test_own_json_lines_without_domains_are_clustered(tmp_path):
    topics = ("river boat water fish swim lake wave", "engine wheel motor fuel brake gear road")
    rows = [{"id": i, "text": f"{topics[i % 2]} number{i} " * 12, "url": f"u{i}"} for i in range(60)]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = CorpusConfig(tmp_path / "corpus", own=(str(tmp_path / "own.jsonl"),), clusters=2, min_bytes=1000, min_domains=2)
    folder = read_corpus(build(config))
    for domain in folder.domains:
        texts = folder.read("train", domain)["text"]
        assert texts.str.contains("river").nunique() == 1


def test_a_corpus_too_small_says_how_much_more_(own, tmp_path):
    with pytest.raises(ExperimentError, match=r"asked for: 9\d\d,\d\d\d,\d\d\d more"):
        build(own_config(own, tmp_path / "corpus", min_bytes=10**9))
    assert not (tmp_path / "corpus").exists()


def test_a_domain_of_one_file_has_nothing_to_validate_on(tmp_path):
    pd.DataFrame(
        {"id": ["x", "y"], "domain": "a", "source": "same", "text": [words(100, 1), words(100, 2)], "tokens": 1}
    ).to_parquet(tmp_path / "own.parquet")
    with pytest.raises(ExperimentError, match="'a' has 1 source file, so nothing to validate on"):
        build(own_config(tmp_path / "own.parquet", tmp_path / "corpus", min_domains=1))


@pytest.mark.parametrize("domain", ["../up", "web/en", ".hidden"])
def test_a_domain_that_cannot_name_a_file_is_refused(domain, tmp_path):
    frame = pd.DataFrame({"id": ["x", "y"], "domain": domain, "text": [words(100, 1), words(100, 2)], "tokens": 1})
    frame.to_parquet(tmp_path / "own.parquet")
    with pytest.raises(ExperimentError, match="cannot name a file; rename it"):
        build(own_config(tmp_path / "own.parquet", tmp_path / "corpus", min_domains=1))


def test_a_pool_larger_than_the_corpus_is_refused(own, tmp_path):
    folder = read_corpus(build(own_config(own, tmp_path / "corpus")))
    folder.require(folder.tokens())
    with pytest.raises(ExperimentError, match=": 5 more are needed"):
        folder.require(folder.tokens() + 5)


def test_a_document_without_text_is_named(tmp_path):
    pd.DataFrame({"id": ["x", "y"], "domain": "a", "text": ["fine", None], "tokens": 1}).to_parquet(tmp_path / "own.parquet")
    with pytest.raises(RecipeError, match="own.parquet: row 2: column text is missing"):
        build(own_config(tmp_path / "own.parquet", tmp_path / "corpus"))


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_documents(tmp_path / "a.parquet", pd.DataFrame({"x": [1]}))
    assert list(tmp_path.iterdir()) == []


def test_text_that_falls_short_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.corpora.machine.installed_files", lambda: iter(()))
    with pytest.raises(ExperimentError, match=r"1,000,000 more are needed.*apt-get install .*manpages-dev"):
        build(CorpusConfig.tiny(tmp_path / "corpus"))


def test_the_machine_itself_gives_a_tiny_corpus_offline(tmp_path):
    folder = read_corpus(build(CorpusConfig.tiny(tmp_path / "corpus", max_domain_bytes=10**5, min_bytes=10**5)))
    assert "python" in folder.domains
    assert folder.manifest["licences"]["python"] == "PSF-2.0"
    sources = {name.partition(":")[0] for domain in folder.domains for name in folder.read("train", domain)["source"]}
    assert sources <= set(folder.manifest["licences"])


def test_nothing_is_fetched_where_that_is_not_allowed(tmp_path):
    found = unpack(PACKAGES[:2], tmp_path / "cache", download=False)
    assert found.folders == {}
    assert found.missing == PACKAGES[:2]


@given(st.text(max_size=4000))
def test_cutting_loses_nothing_but_spaces_and_scraps(text):
    clean = cleaned(text)
    pieces = list(cut(clean, 1000))
    kept = "".join("".join(pieces).split())
    assert all(MIN_BYTES <= len(piece.encode()) <= 1000 for piece in pieces)
    assert len("".join(clean.split())) - len(kept) < (len(pieces) + 2) * MIN_BYTES


def test_a_document_said_again_is_found_wherever_it_stands():
    seen = Seen(0.8)
    text = words(300, 1)
    assert seen.add(text) == "new"
    assert seen.add(text.upper().replace(" ", "\n")) == "exact"
    assert seen.add(f"{text} one more remark") == "near"
    assert seen.add(f"a different begin {text}") == "near"
    assert seen.add(words(300, 2)) == "new"


def test_half_a_document_is_no_near_duplicate():
    seen = Seen(0.8)
    seen.add(f"{words(150, 1)} {words(150, 2)}")
    assert seen.add(f"{words(150, 1)} {words(150, 3)}") == "new"


@pytest.mark.parametrize(
    ("source", "domain"),
    [
        ("manpages:/usr/share/man/man7/tcp.7.gz", "manual"),
        ("manpages-de:/usr/share/man/de/man7/tcp.7.gz", "translated"),
        ("debian-handbook:/usr/share/doc/debian-handbook/html/fr-FR/sect.html", "translated"),
        ("debian-handbook:/usr/share/doc/debian-handbook/html/en-US/sect.html", "guides"),
        ("libreoffice-help-de:/usr/share/libreoffice/help/de/text/a/b.html", "translated"),
        ("libreoffice-help-en-us:/usr/share/libreoffice/help/en-US/text/a/b.html", "guides"),
        ("debian-reference-fr:/usr/share/debian-reference/ch01.fr.html", "translated"),
        ("apache2-doc:/usr/share/doc/apache2-doc/manual/en/mod.html", "docs"),
        ("git:/usr/share/doc/git/changelog.gz", "changelog"),
        ("python:json/decoder.py", "python"),
        ("libc:/usr/include/stdio.h", "code"),
    ],
)
def test_files_go_to_their_domain(source, domain):
    assert rule_of(source).domain == domain


@pytest.mark.parametrize(
    "source",
    [
        "x:/usr/share/doc/x/copyright",
        "x:/usr/share/man/ja/man1/ls.1.gz",
        "x:/usr/share/doc/x/a.png",
        "debian-handbook:/usr/share/doc/debian-handbook/html/ca-ES/a.html",
    ],
)
def test_what_is_no_text_of_the_corpus_is_left_out(source):
    assert rule_of(source) is None


def test_pages_lose_their_marks_and_keep_their_words():
    page = b"<head><title>T</title></head><body><nav>Home</nav><p>One\n\t&amp; <b>two</b>.</p><pre>a\n  b</pre></body>"
    ((_, text),) = extract(page, "x.html", "html")
    assert cleaned(text) == "One & two.\n\na\n  b"


def test_manual_pages_read_as_they_print():
    page = b'.TH X 1\n.SH NAME\nx \\- does\n.PP\n.BI open( path )\nis\\ \\fBbold\\fP.\n.de zz\nhidden\n..\n.\\" note'
    ((_, text),) = extract(gzip.compress(page), "x.1.gz", "roff")
    assert cleaned(text) == "NAME\nx - does\n\nopen(path)\nis bold."


def test_source_code_loses_the_notice_that_every_file_has():
    source = b";;; a.el --- does a\n\n;; Copyright (C) 2020 X\n;; This is free software.\n\n;;; Code:\n(defun a ())"
    ((_, text),) = extract(source, "a.el", "program")
    assert cleaned(text) == ";;; a.el --- does a\n\n;;; Code:\n(defun a ())"
    source = b"/* Licensed under\n the GPL. */\n\n/* What it does. */\nint a; /* copyright */"
    ((_, text),) = extract(source, "a.c", "program")
    assert cleaned(text) == "/* What it does. */\nint a; /* copyright */"


def test_broken_and_binary_files_give_no_text():
    assert list(extract(b"\x1f\x8b broken", "x.gz", "plain")) == [("", "")]
    assert list(extract(b"a\0b", "x.txt", "plain")) == [("", "")]


def test_licences_are_named_in_short():
    assert licence_of("License: GPL-2+\n .\nLicense: MIT\nLicense: MIT\n") == "GPL-2+, MIT"
    assert licence_of("License: You may use, copy and sell this text and all that\n") == "see its copyright file"
    assert licence_of("distributed under the GNU Free Documentation License, version 1.2") == "GFDL"
