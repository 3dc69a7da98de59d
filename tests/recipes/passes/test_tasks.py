"""Tasks may be stopped at any step, run twice, and never leave half a file."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from infolaw.errors import OutputError, RecipeError
from recipes.passes.executors import open_executor
from recipes.passes.folder import owned_folder
from recipes.passes.tasks import FAILPOINT, Task, committed, read_receipt, run_tasks, sweep

STEPS = ("started", "written", "synced", "renamed", "receipt-written", "receipt-synced", "receipt-renamed")


def write_number(path: Path, number: int = 0, log: Path | None = None) -> dict[str, int]:
    path.write_bytes(b"%d" % number * 1000)
    if log is not None:
        with open(log, "a") as handle:
            handle.write(f"{number}\n")
    return {"number": number, "pid": 0}


def numbers(n: int, log: Path | None = None, identity: str = "a") -> list[Task]:
    return [Task(f"n{k}.txt", partial(write_number, number=k, log=log), identity) for k in range(n)]


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".receipt"))


@pytest.mark.parametrize("name", ["threads", "processes"])
def test_receipts_come_in_the_order_of_tasks_whatever_the_executor(tmp_path: Path, name: str) -> None:
    with open_executor(name, 2) as executor:
        receipts = run_tasks(numbers(5), tmp_path, executor)
    assert [receipt.facts["number"] for receipt in receipts] == list(range(5))
    assert (tmp_path / "n3.txt").read_bytes() == b"3" * 1000


def test_what_has_a_receipt_is_not_done_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for _ in range(2):
        with open_executor("threads", 2) as executor:
            receipts = run_tasks(numbers(3, log), tmp_path / "out", executor)
    assert sorted(log.read_text().split()) == ["0", "1", "2"]
    assert [receipt.is_new for receipt in receipts] == [False] * 3


@pytest.mark.parametrize("spoil", ["other identity", "other bytes", "no file", "no receipt", "torn receipt"])
def test_what_does_not_fit_its_receipt_is_done_again(tmp_path: Path, spoil: str) -> None:
    (task,) = numbers(1)
    with open_executor("threads", 1) as executor:
        run_tasks([task], tmp_path, executor)
        target, receipt = tmp_path / "n0.txt", tmp_path / "n0.txt.receipt"
        spoilers = {
            "other identity": lambda: None,
            "other bytes": lambda: target.write_bytes(b"9" * 1000),
            "no file": target.unlink,
            "no receipt": receipt.unlink,
            "torn receipt": lambda: receipt.write_text(receipt.read_text()[:20]),
        }
        spoilers[spoil]()
        (again,) = run_tasks(numbers(1, identity="b" if spoil == "other identity" else "a"), tmp_path, executor)
    assert again.is_new
    assert target.read_bytes() == b"0" * 1000


def test_progress_counts_sizes(tmp_path: Path) -> None:
    told = []
    with open_executor("threads", 1) as executor:
        run_tasks(numbers(3), tmp_path, executor, tell=lambda *seen: told.append(seen))
    assert told == [(1, 3), (2, 3), (3, 3)]


def fail(path: Path) -> dict[str, int]:
    path.write_text("half")
    raise RecipeError("the input is bad.")


@pytest.mark.parametrize("name", ["threads", "processes"])
def test_a_task_that_fails_leaves_nothing_and_tells_its_sentence(tmp_path: Path, name: str) -> None:
    with open_executor(name, 1) as executor, pytest.raises(RecipeError, match="the input is bad"):
        run_tasks([Task("n.txt", fail)], tmp_path, executor)
    assert visible(tmp_path) == []


def large(path: Path) -> dict[str, int]:
    path.write_bytes(b"0" * 2_000_000)
    return {}


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("a tmpfs may not be mounted here")
    try:
        with open_executor("threads", 1) as executor, pytest.raises(OutputError, match="No space left on device") as told:
            run_tasks([*numbers(2), Task("large.txt", large)], place, executor)
        assert visible(place) == ["n0.txt", "n1.txt"]
        assert str(told.value).count("finished parts are kept") == 1
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_file_beyond_the_quota_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    import signal

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(OutputError, match="File too large"), committed(tmp_path / "n.txt") as temporary:
            large(temporary)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert visible(tmp_path) == []


def test_a_folder_in_use_is_refused_and_free_again_afterwards(tmp_path: Path) -> None:
    with (
        owned_folder(tmp_path / "out"),
        pytest.raises(OutputError, match="in use by another run"),
        owned_folder(tmp_path / "out"),
    ):
        pass
    with owned_folder(tmp_path / "out") as state:
        assert state.is_dir()


def test_an_output_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="cannot use"), owned_folder(tmp_path / "out"):
        pass


def test_sweeping_removes_what_killed_attempts_left(tmp_path: Path) -> None:
    (tmp_path / ".n0.txt.0123.tmp").write_text("half")
    (tmp_path / "n1.txt").write_text("whole")
    sweep(tmp_path)
    assert visible(tmp_path) == ["n1.txt"]


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from test_tasks import numbers
from recipes.passes.executors import open_executor
from recipes.passes.folder import owned_folder
from recipes.passes.tasks import run_tasks
if __name__ == "__main__":
    with owned_folder(Path(sys.argv[1])) as state, open_executor("threads", 1) as executor:
        run_tasks(numbers(3), state, executor)
"""


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_commit_step_a_second_run_ends_the_same(tmp_path: Path, step: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(here=str(Path(__file__).parent)))
    out = tmp_path / "out"
    killed = subprocess.run([sys.executable, script, out], env={**os.environ, FAILPOINT: f"{step}:2"}, capture_output=True)
    assert killed.returncode == -9
    receipt = read_receipt(numbers(2)[1], out / ".passes", out / ".passes")
    assert (receipt is not None) == (step == "receipt-renamed")
    subprocess.run([sys.executable, script, out], check=True)
    assert visible(out) == ["lock", "n0.txt", "n1.txt", "n2.txt"]
    assert [(out / ".passes" / f"n{k}.txt").read_bytes() for k in range(3)] == [b"%d" % k * 1000 for k in range(3)]


@pytest.mark.parametrize(("name", "workers"), [("ray", 1), ("threads", 0), ("threads=2", 1)])
def test_an_unknown_executor_is_refused(name: str, workers: int) -> None:
    with pytest.raises(RecipeError, match="does not exist"), open_executor(name, workers):
        pass
