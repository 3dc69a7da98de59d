"""Evidence: what runs and corpus do not share is refused with its reason, re-mapped by a sketch, or accepted aloud."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from infolaw import fit, read_runs, simulated_runs
from infolaw.errors import RecipeError
from infolaw.points import Points
from infolaw.result import FitResult
from infolaw.runs import RunTable
from recipes import Budget, Cell, Corpus, build_corpus, make_plan, open_documents, read_swarm, search_swarm
from recipes.cli import app
from recipes.provenance import evidence_behind, evidence_in, loss_unit, settle
from recipes.recut import fitting_corpus, recut_corpus
from recipes.run_report import with_supply

TRUTH = {"E": 1.2, "A": 60.0, "alpha": 0.3, "B": 200.0, "beta": 0.25, "theta": 0.5, "s": 0.02, "l": 2.0}
CELLS = ("q0", "q1", "q2")
DEFINITION = {"by": "rank", "criteria": ["edu:higher"], "edges": [0.0, 0.1, 0.4, 1.0], "counts": "exact"}
CORPUS = Corpus((Cell("q0", 1e10), Cell("q1", 4e10), Cell("q2", 1e11)), "gpt2", DEFINITION)


def runs_of(**columns):
    rng = np.random.default_rng(0)
    n = np.repeat(np.geomspace(1e8, 4e9, 6), 12)
    tokens = n * np.tile([5, 20, 80], 24)
    unique = tokens[:, None] * rng.uniform(0.1, 2.0, (72, 3))
    points = Points.build(n, tokens, weights=rng.dirichlet(np.ones(3), 72), unique=unique)
    table = simulated_runs("infolaw_e", TRUTH, points, cells=CELLS, noise_sd=0.003)
    return RunTable.from_frame(table.frame.assign(**columns))


@pytest.fixture(scope="module")
def own():
    """A fit of runs that remember CORPUS."""
    return fit("infolaw_e", runs_of(**evidence_in(CORPUS)), bootstrap=30)


def remembering(result, **evidence):
    said = {name: (value,) if isinstance(value, str) else value for name, value in evidence.items()}
    return replace(result, observations=replace(result.observations, evidence=said))


def test_a_fit_keeps_what_its_runs_remember_also_in_its_file(own, tmp_path):
    assert evidence_behind(own)["corpus_fingerprint"] == (CORPUS.fingerprint,)
    own.write(tmp_path / "fit.json")
    assert evidence_behind(FitResult.read(tmp_path / "fit.json")) == evidence_behind(own)


def test_runs_read_with_their_corpus_remember_it(tmp_path):
    table = with_supply(runs_of(), CORPUS)
    table.to_csv(tmp_path / "runs.csv")
    again = read_runs(tmp_path / "runs.csv")
    assert json.loads(again.frame["bucket_definition"].iloc[0]) == DEFINITION
    assert set(again.frame["tokenizer"]) == {"gpt2"}


def test_the_corpus_of_the_runs_leaves_nothing_to_say(own):
    assert settle(own, CORPUS) == []


def test_a_changed_corpus_with_the_same_buckets_is_said(own):
    grown = replace(CORPUS, cells=(Cell("q0", 2e10), *CORPUS.cells[1:]))
    (said,) = settle(own, grown)
    assert CORPUS.fingerprint in said
    assert "buckets are defined alike" in said


@pytest.mark.parametrize(
    ("name", "corpus", "reason"),
    [
        ("tokenizer", replace(CORPUS, tokenizer="llama3"), "counted tokens with gpt2, the corpus with llama3"),
        ("buckets", replace(CORPUS, bucket_definition={**DEFINITION, "criteria": ["dclm:higher"]}), "differ in criteria"),
        ("buckets", replace(CORPUS, bucket_definition={**DEFINITION, "edges": [0, 0.2, 0.5, 1]}), "recut CORPUS --like FIT"),
        ("cells", replace(CORPUS, cells=CORPUS.cells[:2]), "nothing of the law's cells q2"),
    ],
)
def test_a_mismatch_is_refused_unless_accepted_and_then_said(own, name, corpus, reason):
    budget = Budget(n_params=1e9, tokens=2e10)
    with pytest.raises(RecipeError, match=f"{reason}.*--accept {name}"):
        make_plan(own, corpus, budget)
    plan = make_plan(own, corpus, budget, accept=[name])
    assert any(text.startswith(f"accepted ({name}): ") for text in plan.warnings)


def test_a_fit_in_another_unit_is_refused_unless_accepted(own):
    bits = remembering(own, loss_unit="bits per byte")
    with pytest.raises(RecipeError, match="the fit is of bits per byte.*--accept loss-unit"):
        make_plan(bits, CORPUS, Budget(flops=1e21))
    runs = runs_of()
    named = fit("infolaw_e", runs, target="bpb(loss, 4.3)", bootstrap=30)
    with pytest.raises(RecipeError, match="bits per byte.*--accept loss-unit"):
        make_plan(named, CORPUS, Budget(flops=1e21))
    assert make_plan(named, CORPUS, Budget(flops=1e21), accept=["loss-unit"]).loss.value < 2
    assert loss_unit("0.5 loss:code + 0.5 loss:web") == "nats/token"
    assert loss_unit("0.5 loss:code + 0.5 bpb(web, 4)") != "nats/token"


def test_mixed_tokenizers_are_a_warning(own):
    (said,) = settle(remembering(own, tokenizer=("gpt2", "llama3")), CORPUS)
    assert "some runs counted tokens with llama3" in said


def test_proxies_are_held_against_the_corpus_too(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.dirichlet(np.ones(3), 12), columns=[f"weight:{cell}" for cell in CELLS])
    frame = frame.assign(n_params=1e6, tokens=1e8, loss=3 - frame["weight:q0"] + rng.normal(0, 0.01, 12), tokenizer="llama3")
    frame.to_csv(tmp_path / "proxies.csv", index=False)
    swarm = read_swarm(tmp_path / "proxies.csv")
    with pytest.raises(RecipeError, match="counted tokens with llama3, the corpus with gpt2.*--accept tokenizer"):
        search_swarm(swarm, CORPUS, ["loss"])
    found = search_swarm(swarm, CORPUS, ["loss"], surrogate="log_linear", accept=["tokenizer"])
    assert any(text.startswith("accepted (tokenizer)") for text in found.notes)


def test_an_unknown_name_to_accept_lists_the_known(own):
    with pytest.raises(RecipeError, match="--accept everything is none of tokenizer, loss-unit, buckets, cells"):
        settle(own, CORPUS, ["everything"])


@pytest.fixture(scope="module")
def built(tmp_path_factory, sources):
    place = tmp_path_factory.mktemp("recut")
    pq.write_table(pa.Table.from_pylist(sources), place / "docs.parquet")
    documents = open_documents(
        place / "docs.parquet", id="id", domain="domain", tokens="tokens", scores=("compression:higher",)
    )
    build_corpus(documents, edges=(0.1, 0.4), out=place / "new.yaml")
    build_corpus(documents, edges=(0.2, 0.5), out=place / "old.yaml")
    return place


def test_a_recut_corpus_is_the_one_built_with_those_edges(built):
    again, old = recut_corpus(built / "new.yaml", (0.2, 0.5)).corpus, Corpus.read(built / "old.yaml")
    assert again.cells == old.cells
    assert again.bucket_definition == old.bucket_definition


def test_changed_edges_are_mapped_back_where_the_sketch_is_there(own, built, tmp_path):
    new, old = Corpus.read(built / "new.yaml"), Corpus.read(built / "old.yaml")
    evidence = {"bucket_definition": (json.dumps(dict(old.bucket_definition)),)}
    mapped, notes = fitting_corpus(built / "new.yaml", new, evidence)
    assert mapped.cells == old.cells
    assert "cut anew where the runs' were (ranks 0.2,0.5)" in notes[0]
    new.write(tmp_path / "alone.yaml")
    kept, notes = fitting_corpus(tmp_path / "alone.yaml", new, evidence)
    assert (kept, notes) == (new, [])


def test_plan_maps_changed_buckets_back_on_the_command_line(own, built, tmp_path):
    old = Corpus.read(built / "old.yaml")
    remembering(own, bucket_definition=json.dumps(dict(old.bucket_definition))).write(tmp_path / "fit.json")
    size = ["--n-params", "1e9", "--tokens", "1e6", "--json"]
    result = CliRunner().invoke(app, ["plan", str(tmp_path / "fit.json"), str(built / "new.yaml"), *size])
    assert result.exit_code in (0, 3), result.output
    found = json.loads(result.stdout)
    assert [row["available"] for row in found["ledger"]] == list(old.unique_tokens)
    recut = ["corpus", "recut", str(built / "new.yaml"), "--like", str(tmp_path / "fit.json")]
    assert CliRunner().invoke(app, [*recut, "--out", str(tmp_path / "like.yaml")]).exit_code == 0
    assert Corpus.read(tmp_path / "like.yaml").cells == old.cells
