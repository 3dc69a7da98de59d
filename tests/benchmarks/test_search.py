"""The search benchmark prints what it promises, in time, and ours is the better recipe sooner."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "search.py"


@pytest.mark.slow
def test_quick_run_prints_its_keys_within_50_seconds(shared_data: Path) -> None:
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, SCRIPT, "--quick", "--json", "--data", shared_data], capture_output=True, check=True, text=True
    )
    numbers = json.loads(done.stdout)
    assert time.monotonic() - begin < 50
    assert numbers["our_loss"] <= numbers["regmix_loss"]
    assert numbers["speedup"] > 10
    assert numbers["lost"] == []


def test_a_missing_data_folder_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--data", tmp_path], capture_output=True, check=False, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no file")
