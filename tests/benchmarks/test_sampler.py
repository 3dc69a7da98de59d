"""The sampler's benchmark prints what it promises, in time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "sampler.py"
RATIOS = {"ratio_to_limit", "ratio_to_limit_cached", "time_growth_over_linear"}
KEYS = RATIOS | {"docs", "peak_mb", "rivals", "copy", "strings", "load"}


@pytest.mark.slow
def test_quick_run_prints_its_keys_within_50_seconds() -> None:
    begin = time.monotonic()
    done = subprocess.run([sys.executable, SCRIPT, "--quick", "--json"], capture_output=True, check=True, text=True)
    numbers = json.loads(done.stdout)
    assert time.monotonic() - begin < 50
    assert set(numbers) >= KEYS
    assert numbers["docs"] == 2_000_000
    assert set(numbers["rivals"]) == {"pandas", "polars", "duckdb"}
    assert numbers["peak_mb"] <= 600
    assert numbers["time_growth_over_linear"] <= 1.2
