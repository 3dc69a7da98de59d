"""The command line: exit codes, JSON, and one sentence for every bad input, with nothing half-written."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from infolaw import simulated_runs
from infolaw.points import Points
from recipes.cli import app

RUNNER = CliRunner()
TRUTH = {"E": 1.2, "A": 60.0, "alpha": 0.3, "B": 200.0, "beta": 0.25, "theta": 0.5, "s": 0.02, "l": 2.0}


def call(*arguments):
    return RUNNER.invoke(app, [str(argument) for argument in arguments])


def refused(result):
    """Return the one sentence on stderr of a refusal."""
    assert result.exit_code == 2, result.output
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    assert result.stdout == ""
    return lines[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("cli")
    simulated_runs(noise_sd=0.01).to_csv(place / "runs.csv")
    rng = np.random.default_rng(0)
    n = np.repeat(np.geomspace(1e8, 4e9, 6), 12)
    tokens = n * np.tile([5, 20, 80], 24)
    unique = tokens[:, None] * rng.uniform(0.1, 2.0, (72, 3))
    points = Points.build(n, tokens, weights=rng.dirichlet(np.ones(3), 72), unique=unique)
    simulated_runs("infolaw_e", TRUTH, points, cells=("q0", "q1", "q2")).to_csv(place / "mixed.csv")
    inventory = "bucket,tokens,documents,path\nq0,1e10,1000000,data/q0\nq1,4e10,8000000,data/q1\nq2,1e11,50000000,data/q2\n"
    (place / "inventory.csv").write_text(inventory)
    (place / "today.csv").write_text("cell,weight\nq0,0.1\nq1,0.2\nq2,0.7\n")
    assert (
        call("fit", place / "runs.csv", "--law", "chinchilla", "--out", place / "fit.json", "--bootstrap", 100).exit_code
        == 0
    )
    mixed = call("fit", place / "mixed.csv", "--law", "infolaw_e", "--out", place / "mixed.json", "--bootstrap", 100)
    assert mixed.exit_code == 0
    assert call("corpus", "build", place / "inventory.csv", "--out", place / "corpus.yaml").exit_code == 0
    (place / "zero.csv").write_text("bucket,tokens\nq0,0\n")
    (place / "notes.xlsx").write_text("x")
    (place / "other.json").write_text('{"kind": "plan"}')
    (place / "broken.json").write_text('{"kind": "fit"}')
    call(
        "fit", place / "runs.csv", "--law", "infolaw", "--out", place / "plain.json", "--bootstrap", 10, "--holdout", "none"
    )
    call("plan", place / "mixed.json", place / "corpus.yaml", "--flops", "1e21", "--out", place / "plan.yaml")
    return place


def test_fit_prints_constants_and_its_json_has_the_promised_keys(folder):
    assert "alpha" in call("fit", folder / "runs.csv", "--law", "chinchilla").stdout
    found = json.loads(call("fit", folder / "runs.csv", "--law", "chinchilla", "--json").stdout)
    assert {"law", "params", "stderr", "objective", "status", "n_runs", "heldout", "warnings"} <= set(found)


def test_predict_gives_a_row_with_interval_and_extrapolation(folder):
    found = json.loads(call("predict", folder / "fit.json", "--n-params", 1e9, "--tokens", 1e11, "--json").stdout)
    assert set(found["rows"][0]) == {"n_params", "tokens", "loss", "lower", "upper", "extrapolation"}
    assert found["rows"][0]["lower"] < found["rows"][0]["loss"] < found["rows"][0]["upper"]


def test_predict_reads_runs(folder):
    found = json.loads(call("predict", folder / "fit.json", folder / "runs.csv", "--json").stdout)
    assert len(found["rows"]) == 36


def test_outside_the_support_is_exit_code_three(folder):
    result = call("predict", folder / "fit.json", "--n-params", 1e13, "--tokens", 1e15)
    assert result.exit_code == 3
    assert "times outside the runs" in result.stdout


def test_allocate_has_the_promised_keys_and_takes_a_range(folder):
    one = json.loads(call("allocate", folder / "fit.json", "--flops", "1e21", "--json").stdout)
    assert set(one["n_params"]) == {"value", "lower", "upper", "flat_lower", "flat_upper"}
    device = ("--gpu-hours", 1e21 / 3600 / 989e12 / 0.4, "--device", "h100", "--mfu", "0.4")
    hours = json.loads(call("allocate", folder / "fit.json", *device, "--json").stdout)
    assert hours["tokens"]["value"] == pytest.approx(one["tokens"]["value"])
    several = json.loads(call("allocate", folder / "fit.json", "--flops", "1e20:1e22:3", "--json").stdout)
    assert len(several["allocations"]) == 3


def test_compare_ranks_and_marks_the_baseline(folder):
    text = call("compare", folder / "runs.csv", "--laws", "data_constrained").stdout
    assert "chinchilla (baseline)" in text


def test_laws_describes_the_family():
    found = json.loads(call("laws", "--json").stdout)["laws"]
    assert {"name", "formula", "needs", "parameters", "reference", "settings"} <= set(found[0])
    assert "arXiv" in call("laws").stdout


def test_plan_has_the_promised_keys_and_the_difference_in_its_first_line(folder):
    arguments = ["plan", folder / "mixed.json", folder / "corpus.yaml", "--flops", 1e21, "--baseline", folder / "today.csv"]
    assert call(*arguments).stdout.startswith("Against your mix of today, at ")
    found = json.loads(call(*arguments, "--json").stdout)
    promised = {"n_params", "tokens", "flops", "loss", "lower", "upper", "weights", "epochs", "ledger", "versus"}
    assert promised | {"equivalents", "warnings"} <= set(found)


@pytest.mark.parametrize(
    ("to", "mark"),
    [("megatron", "data/q0"), ("hf", "interleave_datasets"), ("olmo-core", "target_ratio"), ("streaming", "proportion")],
)
def test_a_plan_is_exported_with_paths(folder, tmp_path, to, mark):
    call("plan", folder / "mixed.json", folder / "corpus.yaml", "--flops", 1e21, "--out", tmp_path / "plan.yaml")
    result = call(
        "export", tmp_path / "plan.yaml", "--corpus", folder / "corpus.yaml", "--to", to, "--out", tmp_path / "recipe"
    )
    assert result.exit_code == 0
    assert mark in (tmp_path / "recipe").read_text()


def test_runs_derives_supply_and_epochs_from_a_corpus(folder, tmp_path):
    pd.read_csv(folder / "mixed.csv").filter(regex="^(?!unique)").to_csv(tmp_path / "bare.csv", index=False)
    out = tmp_path / "clean.csv"
    result = call("runs", tmp_path / "bare.csv", "--corpus", folder / "corpus.yaml", "--out", out)
    assert result.exit_code == 0, result.output
    clean = pd.read_csv(out)
    assert (clean["unique:q0"] == 1e10).all()
    assert "unique:" in result.stdout
    assert "epochs:q0" in clean


def write(path, text):
    path.write_text(text)
    return path


HEADER = "n_params,tokens,loss\n"
ROWS = "".join(f"{n:g},{d:g},{2 + 400 / n**0.34 + 400 / d**0.28:.5f}\n" for n in (1e8, 4e8, 2e9) for d in (2e9, 8e9, 4e10))

BAD_TABLES = {
    "missing column": ("n_params,loss\n1e8,3\n2e8,2.9\n", "tokens"),
    "text in a number": (HEADER + "1e8,2e9,3.1\n1e8,many,3.0\n", "row 2"),
    "nan loss": (HEADER + ROWS + "1e8,3e9,nan\n", "row 10"),
    "infinite loss": (HEADER + ROWS + "1e8,3e9,inf\n", "row 10"),
    "negative loss": (HEADER + ROWS + "1e8,3e9,-1\n", "row 10"),
    "zero loss": (HEADER + ROWS + "1e8,3e9,0\n", "row 10"),
    "empty file": ("", "empty"),
    "header only": (HEADER, "no rows|no data"),
    "one row": (HEADER + "1e8,2e9,3.1\n", "only 1 row"),
    "fewer rows than parameters": (HEADER + "1e8,2e9,3.1\n2e8,4e9,3.0\n4e8,8e9,2.9\n", "only 3 rows"),
    "repeated rows": ("run_id," + HEADER + "a,1e8,2e9,3.1\na,1e8,2e9,3.2\n", "rows? 1.*2|repeated"),
    "weights far off one": ("weight:q0,weight:q1," + HEADER + "0.5,0.7,1e8,2e9,3.1\n", "1.2"),
    "several losses": ("loss:a,loss:b,n_params,tokens\n3,2,1e8,2e9\n", "a.*b"),
}


@pytest.mark.parametrize("fault", BAD_TABLES)
def test_a_bad_table_is_one_sentence_and_leaves_nothing(fault, tmp_path):
    import re

    text, said = BAD_TABLES[fault]
    out = tmp_path / "fit.json"
    sentence = refused(call("fit", write(tmp_path / "runs.csv", text), "--law", "chinchilla", "--out", out))
    assert re.search(said, sentence), sentence
    assert [path.name for path in tmp_path.iterdir()] == ["runs.csv"]


BAD_CALLS = {
    "unknown law": (["fit", "runs.csv", "--law", "chincila"], "did you mean 'chinchilla'"),
    "unreadable path": (["fit", "nowhere.csv", "--law", "chinchilla"], "nowhere.csv"),
    "directory": (["fit", ".", "--law", "chinchilla"], "director"),
    "unknown kind": (["fit", "notes.xlsx", "--law", "chinchilla"], "xlsx"),
    "unwritable output": (["fit", "runs.csv", "--law", "chinchilla", "--out", "no/such/folder/fit.json"], "cannot write"),
    "bad condition": (["fit", "runs.csv", "--law", "chinchilla", "--where", "loss <<"], "where|condition|loss <<"),
    "no row left": (["fit", "runs.csv", "--law", "chinchilla", "--where", "loss > 99"], "none of 36 rows"),
    "unknown column to group": (["fit", "runs.csv", "--law", "chinchilla", "--group", "lab"], "no column 'lab'"),
    "column without a name": (["fit", "runs.csv", "--law", "chinchilla", "--column", "n_params"], "NAME=COLUMN"),
    "unknown holdout": (["compare", "runs.csv", "--holdout", "smallest"], "hold-out 'smallest'"),
    "budget of zero": (["plan", "mixed.json", "corpus.yaml", "--flops", "0"], "positive finite"),
    "budget of 1e400": (["plan", "mixed.json", "corpus.yaml", "--flops", "1e400"], "positive finite"),
    "no budget": (["plan", "mixed.json", "corpus.yaml"], "a budget is"),
    "impossible caps": (
        ["plan", "mixed.json", "corpus.yaml", "--n-params", "1e9", "--tokens", "1e12", "--max-epochs", "2"],
        "q0.*FLOP|FLOP",
    ),
    "no fit": (["plan", "inventory.csv", "corpus.yaml", "--flops", "1e21"], "no JSON|no fit"),
    "another kind of file as fit": (["predict", "other.json", "--n-params", "1e9", "--tokens", "1e9"], "is no fit"),
    "a fit with a field missing": (["predict", "broken.json", "--n-params", "1e9", "--tokens", "1e9"], "schema version"),
    "empty corpus cell": (["corpus", "build", "zero.csv"], "row 1.*tokens = .0."),
    "unknown trainer": (
        ["export", "plan.yaml", "--corpus", "corpus.yaml", "--to", "pytorch"],
        "megatron, olmo-core, streaming, hf",
    ),
    "no recipe for a law with cells": (["predict", "mixed.json", "--n-params", "1e9", "--tokens", "1e9"], "give weights"),
    "sizes without tokens": (["predict", "fit.json", "--n-params", "1e9"], "as often as each other"),
    "two budgets": (["allocate", "fit.json", "--flops", "1e21", "--gpu-hours", "1e3"], "are two budgets"),
    "budget and target": (["allocate", "fit.json", "--flops", "1e21", "--target-loss", "2"], "not both"),
    "free size of plain infolaw": (["allocate", "plain.json", "--flops", "1e21"], "no compute-optimal size"),
}


@pytest.mark.parametrize("fault", BAD_CALLS)
def test_a_bad_call_is_one_sentence(fault, folder, monkeypatch):
    import re

    monkeypatch.chdir(folder)
    arguments, said = BAD_CALLS[fault]
    sentence = refused(call(*arguments))
    assert re.search(said, sentence), sentence


def test_an_unwritable_folder_leaves_nothing_behind(folder, tmp_path):
    target = tmp_path / "fit.json"
    target.mkdir()
    refused(call("fit", folder / "runs.csv", "--law", "chinchilla", "--out", target))
    assert list(tmp_path.iterdir()) == [target]
    assert list(target.iterdir()) == []


def test_a_weight_column_of_a_corpus_with_other_cells_names_both(folder, tmp_path):
    corpus = write(tmp_path / "web.csv", "domain,tokens\nweb,1e10\n")
    sentence = refused(call("plan", folder / "mixed.json", corpus, "--flops", "1e21"))
    assert "q0, q1, q2" in sentence
    assert "web" in sentence
