"""The planner benchmark prints what it promises, in time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "planner.py"
KEYS = {"regret_ratio", "coverage", "plan_s", "fit_s", "best_rival", "n_worlds", "n_cells", "n_draws", "lost"}


@pytest.mark.slow
def test_quick_run_prints_its_keys_within_50_seconds(tmp_path: Path) -> None:
    begin = time.monotonic()
    command = [sys.executable, SCRIPT, "--quick", "--json", "--folder", tmp_path]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    numbers = json.loads(done.stdout)
    assert time.monotonic() - begin < 50
    assert set(numbers) >= KEYS
    assert (numbers["n_cells"], numbers["n_draws"]) == (156, 200)
    assert numbers["plan_s"] <= 5
    assert numbers["regret_ratio"] < 1
