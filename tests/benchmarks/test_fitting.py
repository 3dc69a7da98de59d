"""The fitting benchmark prints what it promises, in time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "fitting.py"
KEYS = {
    "ms_per_fit",
    "ratio_to_published_grid",
    "bootstrap_1000_s",
    "n_rows",
    "objective_worst_of_20_seeds",
    "seeds_at_optimum",
    "ratio_to_scipy_grid_starts",
    "ratio_to_scipy_same_starts",
    "infolaw",
    "laws",
    "lost",
}


@pytest.mark.slow
def test_quick_run_prints_its_keys_within_50_seconds(shared_data: Path) -> None:
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, SCRIPT, "--quick", "--json", "--data", shared_data], capture_output=True, check=True, text=True
    )
    numbers = json.loads(done.stdout)
    assert time.monotonic() - begin < 50
    assert set(numbers) >= KEYS
    assert numbers["n_rows"] == 240
    assert numbers["seeds_at_optimum"] >= 19
    assert numbers["ms_per_fit"] <= 100
    assert numbers["bootstrap_1000_s"] <= 2


def test_a_missing_data_folder_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--data", tmp_path], capture_output=True, check=False, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no file")
    assert done.stderr.count("\n") == 1
