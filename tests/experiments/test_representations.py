"""Descriptions of sampler parameters: a tiny run keeps the claim, and files of other runs are refused."""

from pathlib import Path

import pytest

from experiments import representations
from infolaw.errors import ExperimentError


def test_the_claim_holds_on_one_loss() -> None:
    report = representations.run(representations.Config.tiny())
    assert {check.name: check.verdict for check in report.checks} == {"loss: error, domains / params": "pass"}


def test_ranks_of_other_runs_are_refused(tmp_path: Path) -> None:
    lines = representations.Config.tiny().ranks.read_text().splitlines()
    (tmp_path / "ranks.csv").write_text("\n".join([lines[0], *lines[2:], lines[1]]))
    with pytest.raises(ExperimentError, match="other runs"):
        representations.described(representations.Config(ranks=tmp_path / "ranks.csv"))
