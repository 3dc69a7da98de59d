"""Stages of a plan, drawn one by one: what is left is carried on, and together they are the draw of the whole."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_corpus import DOMAINS, SCORES, documents
from typer.testing import CliRunner

from infolaw.errors import RecipeError
from recipes import Plan
from recipes.cli import app
from recipes.passes.draw import sample_corpus
from recipes.passes.drawing import DrawRule
from recipes.passes.manifest import read_manifest
from recipes.passes.reading import read_request
from recipes.passes.request import Request
from recipes.passes.token_cut import BINS, TokenCut
from recipes.sampling.copy_table import CopyTable

SHARES = {"web/q0": 0.6, "web/q1": 0.25, "code/q0": 0.15}
LATE = {"web/q0": 0.8, "web/q1": 0.05, "code/q0": 0.15}
EARLY_TOKENS, LATE_TOKENS = 40_000, 20_000


def plan_of(tmp_path, tokens=(EARLY_TOKENS, LATE_TOKENS)):
    """A plan file of two stages, with nothing in it that a draw does not read."""
    read = [{cell: share * tokens[k] for cell, share in shares.items()} for k, shares in enumerate((SHARES, LATE))]
    total = {cell: read[0][cell] + read[1][cell] for cell in SHARES}
    stages = []
    for k, shares in enumerate((SHARES, LATE)):
        cells = [
            {"cell": c, "weight": w, "trained": read[k][c], "unread_before": 0, "unread_after": 0, "epochs_after": 0}
            for c, w in shares.items()
        ]
        stages.append({"number": k + 1, "start": sum(tokens[:k]), "end": sum(tokens[: k + 1]), "cells": cells})
    loss = dict.fromkeys(("value", "lower", "upper", "bootstrap_lower", "bootstrap_upper", "level"), 0.9)
    content = {
        **{"kind": "plan", "schema_version": 1, "n_params": 1.0, "tokens": sum(tokens), "flops": 1.0, "loss": 1.0},
        **{"lower": 1.0, "upper": 1.0, "interval": {**loss, "heldout_pct": None, "heldout_split": ""}},
        **{"weights": {cell: held / sum(tokens) for cell, held in total.items()}, "epochs": {}, "ledger": [], "versus": []},
        **{"equivalents": {}, "extrapolation": {}, "supported": True, "warnings": [], "law": "none", "provenance": {}},
        "schedule": {"stages": stages, "decay_weight": 1.0, "gain": 0.0, "consumed": {}},
    }
    (tmp_path / "plan.json").write_text(json.dumps(content))
    return tmp_path / "plan.json"


def drawn(corpus, path, out, stage, seed=0):
    definition = {"by": "rank", "edges": [0.0, 0.5, 1.0]}
    sample = sample_corpus(read_request(path, buckets=definition, stage=stage), documents(corpus), out, seed=seed, workers=2)
    ids, counts = read_manifest(out / "manifest")
    return sample, Counter(dict(zip(ids.tolist(), counts.tolist(), strict=True)))


def test_stages_meet_their_tokens_and_do_not_read_again_what_is_left_unread(corpus, tmp_path) -> None:
    path = plan_of(tmp_path, (12_000, 8_000))
    parts = [drawn(corpus, path, tmp_path / f"s{k}", k) for k in (1, 2)]
    assert [part.tokens for part, _ in parts] == pytest.approx([12_000, 8_000], rel=0.01)
    assert all(row.planned < 0.5 * row.available for part, _ in parts for row in part.rows)
    assert not parts[0][1] & parts[1][1]
    alone = drawn(corpus, path, tmp_path / "other", 2, seed=1)[1]
    assert (parts[0][1] & alone).total() > 20  # stages of other seeds know nothing of each other


def test_a_cell_is_read_to_its_end_before_any_of_it_is_read_again(corpus, tmp_path) -> None:
    parts = [drawn(corpus, plan_of(tmp_path, (50_000, 60_000)), tmp_path / f"s{k}", k) for k in (1, 2)]
    rows = {row.cell: row for row in parts[0][0].rows}
    assert rows["web/q0"].planned < rows["web/q0"].available < 50_000 * SHARES["web/q0"] + 60_000 * LATE["web/q0"]
    whole = parts[0][1] + parts[1][1]
    often = Counter(whole[i] for i in documents_of(corpus, "web", "q0"))
    passes = int((50_000 * SHARES["web/q0"] + 60_000 * LATE["web/q0"]) / rows["web/q0"].available)
    assert set(often) <= {passes - 1, passes, passes + 1}  # one less: taken back to meet the tokens
    assert often[passes] + often[passes + 1] > 0.9 * often.total()


def documents_of(corpus, domain, bucket):
    """Ids of a cell: the better half of its domain's tokens by the criteria weighed alike."""
    definition = {"by": "rank", "edges": [0.0, 0.5, 1.0]}
    every = Request(weights={f"{domain}/{bucket}": 1.0}, tokens=10**6, edges=tuple(definition["edges"]))
    with tempfile.TemporaryDirectory() as folder:
        sample_corpus(every, documents(corpus), Path(folder) / "all", workers=2)
        return read_manifest(Path(folder) / "all" / "manifest")[0].tolist()


class Scored:
    """As much of scored documents as a draw reads."""

    def __init__(self, n: int = 5000) -> None:
        rng = np.random.default_rng(0)
        self.domain, self.bins = rng.integers(0, 2, n), rng.integers(0, 4, n)
        self.slots = (4 * self.domain + self.bins).astype(np.uint32)
        self.ids = rng.integers(0, 2**63, n).astype(np.uint64)


def test_stages_together_are_the_whole_draw_document_by_document() -> None:
    rng, scored, buckets = np.random.default_rng(1), Scored(), np.zeros((2, 4), np.int16)
    tables = [CopyTable.from_copies(("a", "b"), rng.uniform(0, 3, (2, 4))) for _ in range(2)]
    first = DrawRule(tables[0], buckets, 1, 3)
    both = tables[0].joined(tables[1])
    second = DrawRule(both, buckets, 1, 3, before=first)
    whole = both.counts(scored.domain, scored.bins, scored.ids, 3)
    parts = [rule.draw(scored)[0].astype(int) for rule in (first, second)]
    np.testing.assert_array_equal(parts[0] + parts[1], whole)
    assert parts[1].mean() == pytest.approx(tables[1].copies[scored.domain, scored.bins].mean(), rel=0.03)


def test_what_a_cut_took_back_is_drawn_by_the_next_stage() -> None:
    table, scored, buckets = CopyTable.from_copies(("a", "b"), np.full((2, 4), 0.5)), Scored(), np.zeros((2, 4), np.int16)
    first = DrawRule(table, buckets, 1, 3, TokenCut(BINS // 2, 3))
    second = DrawRule(table.joined(table), buckets, 1, 3, before=first)
    parts = [rule.draw(scored)[0].astype(int) for rule in (first, second)]
    assert parts[0].mean() == pytest.approx(0.25, abs=0.03)
    assert (parts[0] + parts[1] == 1).all()


def test_a_rule_with_earlier_stages_survives_its_file(tmp_path) -> None:
    one, two = (CopyTable.from_copies(DOMAINS, np.full((3, 2), value)) for value in (0.3, 1.4))
    first = DrawRule(one, np.zeros((3, 2), np.int16), 1, 5, TokenCut(7, 5))
    rule = DrawRule(two, np.zeros((3, 2), np.int16), 1, 5, before=first)
    rule.write(tmp_path / "rule.npz")
    assert DrawRule.read(tmp_path / "rule.npz").mark == rule.mark != replace(rule, before=None).mark


def test_the_stage_before_is_part_of_a_requests_identity() -> None:
    first = Request(weights=SHARES, tokens=10)
    assert first.fingerprint != Request(weights=SHARES, tokens=10, before=first).fingerprint


@pytest.mark.parametrize(
    ("stage", "options", "said"),
    [(3, {}, "the plan has 2 stages"), (1, {"tokens": 10}, "a stage has tokens of its own")],
)
def test_stages_that_are_none_are_refused(tmp_path, stage, options, said) -> None:
    with pytest.raises(RecipeError, match=said):
        read_request(plan_of(tmp_path), stage=stage, buckets={"edges": [0.0, 0.5, 1.0]}, **options)
    (tmp_path / "recipe.csv").write_text("cell,weight\nweb,1\n")
    with pytest.raises(RecipeError, match="only a plan has stages"):
        read_request(tmp_path / "recipe.csv", stage=1)


def test_the_command_draws_a_stage(corpus, tmp_path) -> None:
    columns = ["--id", "id", "--domain", "domain", "--tokens", "tokens", *(w for s in SCORES for w in ("--score", s))]
    built = [*map(str, ["corpus", "build", corpus, *columns, "--buckets", "0.5", "--out", tmp_path / "corpus.yaml"])]
    assert CliRunner().invoke(app, built).exit_code == 0
    words = ["sample", plan_of(tmp_path), corpus, "--corpus", tmp_path / "corpus.yaml", "--out", tmp_path / "out", "--json"]
    done = CliRunner().invoke(app, [*map(str, words), "--stage", "2"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["tokens"] == pytest.approx(LATE_TOKENS, rel=0.01)
    assert Plan.read(tmp_path / "plan.json").stages_until(2) == [(SHARES, EARLY_TOKENS), (LATE, LATE_TOKENS)]
