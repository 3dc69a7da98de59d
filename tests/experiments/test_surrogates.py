"""Surrogates: a tiny run keeps the claim, and the mixture that is judged is never fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from experiments import surrogates


def test_the_claim_holds_on_few_losses(shared_data: Path) -> None:
    report = surrogates.run(surrogates.Config.tiny(data=shared_data))
    assert {check.name: check.verdict for check in report.checks if check.verdict != "pass"} == {}


def test_leaving_out_leaves_out() -> None:
    X, Y = np.arange(6.0).reshape(3, 2), np.arange(3.0)
    rest, losses = surrogates._without(X, Y, 1)
    assert rest.tolist() == [[0, 1], [4, 5]]
    assert losses.tolist() == [0, 2]
