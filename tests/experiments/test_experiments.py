"""Experiments: tiny runs reproduce the published numbers in tests/reference, and the command serves them."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from experiments import EXPERIMENTS, chinchilla, data_constrained, information
from experiments.__main__ import app, report_of
from experiments.report import Check
from infolaw.errors import ExperimentError

REFERENCE = Path(__file__).parents[1] / "reference"


def published(name: str) -> Any:
    return json.loads((REFERENCE / f"{name}.json").read_text())


def verdicts(report: Any) -> dict[str, str]:
    return {check.name: check.verdict for check in report.checks}


@pytest.fixture
def _data(monkeypatch: pytest.MonkeyPatch, shared_data: Path) -> None:
    monkeypatch.setenv("INFOLAW_DATA", str(shared_data))


@pytest.mark.usefixtures("_data")
def test_chinchilla_constants_come_back_within_their_standard_errors() -> None:
    report, reference = chinchilla.run(chinchilla.Config.tiny()), published("besiroglu_2024")
    constants = {row["constant"]: row["ours"] for row in report.tables["Constants on 240 runs"]}
    objective = next(check.got for check in report.checks if check.name == "objective, worst seed")
    for name, known in reference["constants"].items():
        assert abs(constants[name] - known["value"]) < 0.25 * known["stderr"]
        assert chinchilla.PUBLISHED[name] == (known["value"], known["stderr"])
    assert objective <= reference["own_evaluation"]["objective_at_most"]
    assert set(verdicts(report).values()) == {"pass"}


@pytest.mark.usefixtures("_data")
def test_five_runs_move_b_sixfold() -> None:
    five = chinchilla.run(chinchilla.Config.tiny()).tables["What the five runs do"]
    kept = published("besiroglu_2024")["own_evaluation_five_runs_kept"]
    assert five[1]["B"] == pytest.approx(kept["B"], rel=2e-3)
    assert five[1]["beta"] == pytest.approx(kept["beta"], abs=5e-4)
    assert five[1]["B / B on 240 runs"] > 5.5


@pytest.mark.usefixtures("_data")
def test_data_constrained_gives_its_published_value() -> None:
    reference = published("muennighoff_2023")
    check = data_constrained.run(data_constrained.Config.tiny()).checks[0]
    constants = {name.removeprefix("ln "): v for name, v in reference["constants"].items()}
    logs = {name: math.log(data_constrained.PUBLISHED[name]) for name in "EAB"}
    assert check.got == pytest.approx(reference["check"]["loss"], abs=5e-6)
    assert {**data_constrained.PUBLISHED, **logs} == pytest.approx(constants, rel=1e-12)


@pytest.mark.usefixtures("_data")
def test_fitted_constants_beat_borrowed_ones_on_the_largest_runs() -> None:
    by_split = {
        row["held out"]: row
        for row in data_constrained.run(data_constrained.Config.tiny()).tables[
            "Mean absolute error of loss on runs held out [%]"
        ]
    }
    row = by_split["largest-flops:0.3"]
    assert row["data_constrained"] < row["published"]


def test_one_supply_gives_both_published_optima() -> None:
    report, reference = information.run(information.Config.tiny()), published("infolaw_2026")
    best = {(row["tokens"], row["constraint"]): row for row in report.tables["Best 7B recipes at S = 311e9"]}
    squares = [
        (best[known["tokens"], "w_d >= w_d+1"][cell] - weight) ** 2
        for known in reference["optima_of_7e9_parameters"]
        for cell, weight in known["weights"].items()
    ]
    free = reference["own_calculation_without_constraint"]
    assert reference["constants"] == information.PUBLISHED
    assert math.sqrt(sum(squares)) < 0.02
    assert {cell: best[free["tokens"], "none"][cell] for cell in free["weights"]} == pytest.approx(free["weights"], abs=1e-3)
    assert set(verdicts(report).values()) == {"pass"}


@pytest.mark.slow
@pytest.mark.usefixtures("_data")
@pytest.mark.parametrize(
    "name", sorted(EXPERIMENTS.keys() - {"coverage", "design", "planted", "first_loop"})
)  # half an hour each: by hand
def test_full_run_fails_only_where_its_docstring_says_we_differ(name: str) -> None:
    differ = {
        "held-out error, fitted / published constants, most-epochs:0.3",
        "R*_D 6 and 3000 both likely on <= 20 epochs [deviance]",
        "R*_D 6 and 3000 both likely on all runs [deviance]",
        "marin: ten cheapest, auto [%]",
        "gadre: rpj, auto [%]",
        "gadre: c4_original, auto [%]",
        "gadre: half-width of auto's interval [%]",
        "mean, 64 proxies: ours less regmix [nats]",
    }
    assert {check for check, verdict in verdicts(report_of(name, tiny=False)).items() if verdict == "fail"} <= differ


def test_a_check_that_could_not_be_had_fails() -> None:
    check = Check("loss", 1.0, math.nan, "at most")
    assert check.verdict == "fail"
    assert check.to_dict()["got"] is None


@pytest.mark.parametrize(("rule", "got"), [("within", 1.05), ("at most", 1.1), ("at least", 0.9)])
def test_a_check_allows_its_tolerance_and_no_more(rule: Any, got: float) -> None:
    assert Check("x", 1.0, got, rule, tolerance=0.11).verdict == "pass"
    assert Check("x", 1.0, got, rule, tolerance=0.01).verdict == "fail"


def test_list_names_every_experiment() -> None:
    result = CliRunner().invoke(app, ["list", "--json"])
    assert list(json.loads(result.stdout)) == list(EXPERIMENTS)


def test_run_prints_claim_and_checks_as_json_and_writes_files(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["run", "information", "--tiny", "--json", "--out", str(tmp_path / "new")])
    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert report["claim"] == information.CLAIM
    assert all({"name", "expected", "got", "verdict"} <= set(check) for check in report["checks"])
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["information.json", "information.txt"]
    assert json.loads((tmp_path / "new" / "information.json").read_text()) == report


@pytest.mark.usefixtures("_data")
def test_table_has_a_verdict_a_check() -> None:
    result = CliRunner().invoke(app, ["table", "--tiny"])
    assert result.stdout.splitlines()[0].split() == ["claim", "published", "ours", "verdict"]
    assert all(line.endswith(("pass", "fail")) for line in result.stdout.splitlines()[2:])


@pytest.mark.usefixtures("_data")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "nothing"], "there is no experiment 'nothing': the experiments are chinchilla"),
        (["run", "chinchilla", "--tiny", "--out", __file__], "cannot make the folder"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_missing_data_folder_is_an_experiment_error(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="INFOLAW_DATA"):
        chinchilla.run(chinchilla.Config.tiny(data=tmp_path))


def test_importing_experiments_runs_and_loads_nothing_heavy() -> None:
    heavy = ("pandas", "scipy", "experiments.chinchilla")
    code = f"import experiments, sys; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
