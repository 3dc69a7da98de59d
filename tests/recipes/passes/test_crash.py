"""Killed at any commit step, at ten random instants, or with a worker gone: run again, the sample is the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from small_corpus import checksums, documents, draw, params

from infolaw.errors import OutputError
from recipes.passes.draw import sample_corpus
from recipes.passes.request import Request
from recipes.passes.tasks import FAILPOINT, FAILPOINTS

SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from small_corpus import draw
if __name__ == "__main__":
    corpus, out = map(Path, sys.argv[1:])
    print("begun", flush=True)
    draw(corpus, out, kind="parquet", tokens=30_000, shard_tokens=10_000)
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("script") / "script.py"
    path.write_text(SCRIPT.format(here=str(Path(__file__).parent)))
    return path


@pytest.fixture(scope="module")
def expected(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("expected") / "out"
    draw(corpus, out, kind="parquet", tokens=30_000, shard_tokens=10_000)
    return checksums(out)


def carried_on(script: Path, corpus: Path, out: Path) -> dict[str, str]:
    subprocess.run([sys.executable, script, corpus, out], check=True, capture_output=True)
    assert [path.name for path in (out / ".passes").iterdir()] == ["lock"]
    return checksums(out)


@pytest.mark.parametrize("step", FAILPOINTS)
def test_killed_at_a_commit_step_the_sample_ends_the_same(script, corpus, expected, tmp_path, step) -> None:
    passing = 1 if step in ("reduced", "finishing") else 7
    environment = {**os.environ, FAILPOINT: f"{step}:{passing}"}
    out = tmp_path / "out"
    killed = subprocess.run([sys.executable, script, corpus, out], env=environment, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    assert not (out / "sample.json").exists()
    assert set(checksums(out).items()) <= set(expected.items()) | hidden(out)
    assert carried_on(script, corpus, out) == expected


def hidden(out: Path) -> set[tuple[str, str]]:
    """What no reader sees: temporary names begin with a dot."""
    return {(name, mark) for name, mark in checksums(out).items() if Path(name).name.startswith(".")}


@pytest.mark.slow
def test_killed_at_ten_random_instants_the_sample_ends_the_same(script, corpus, expected, tmp_path) -> None:
    seconds, _ = killed_after(None, script, corpus, tmp_path / "whole")
    kills = 0
    for number, share in enumerate(np.random.default_rng(0).uniform(0, 1, 10)):
        out = tmp_path / str(number)
        _, code = killed_after(share * seconds, script, corpus, out)
        kills += code == -signal.SIGKILL
        assert set(checksums(out).items()) <= set(expected.items()) | hidden(out)
        assert carried_on(script, corpus, out) == expected
    assert kills >= 5


def killed_after(seconds: float | None, script: Path, corpus: Path, out: Path) -> tuple[float, int]:
    """Seconds from the begin of the work to its end, and the exit code."""
    process = subprocess.Popen([sys.executable, script, corpus, out], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with process:
        process.stdout.readline()
        begin = time.monotonic()
        if seconds is not None:
            time.sleep(seconds)
            process.kill()
        code = process.wait()
    return time.monotonic() - begin, code


def test_finished_parts_are_not_done_again(corpus, tmp_path, monkeypatch) -> None:
    from recipes.passes import run

    def broken(*_: object) -> None:
        raise OSError("the power is gone")

    out = tmp_path / "out"
    monkeypatch.setattr(run, "draw_shards", broken)
    with pytest.raises(OutputError, match="the power is gone"):
        draw(corpus, out)
    partials = {path.name: path.stat().st_mtime_ns for path in (out / ".passes").glob("*-*") if path.name != "lock"}
    monkeypatch.undo()
    monkeypatch.setattr(run.Run, "clear", lambda _: None)
    draw(corpus, out)
    after = {path.name: path.stat().st_mtime_ns for path in (out / ".passes").glob("*-*")}
    assert len(partials) >= 8
    assert partials.items() <= after.items()


@pytest.mark.parametrize("n_kilobytes", [60, 700])
def test_a_full_disk_is_one_sentence_and_the_run_is_carried_on_with(corpus, undisturbed, tmp_path, n_kilobytes) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={n_kilobytes}k", "tmpfs", place]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a tmpfs may not be mounted here")
    try:
        with pytest.raises(OutputError, match="No space left on device"):
            draw(corpus, place / "out")
        assert not list(place.rglob("*.tmp"))
        subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
        draw(corpus, place / "out")
        assert checksums(place / "out") == checksums(undisturbed)
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.filterwarnings("ignore")  # of the cluster's own shutdown
def test_a_cluster_that_loses_a_worker_makes_the_same_sample(corpus, undisturbed, tmp_path) -> None:
    distributed = pytest.importorskip("distributed", reason="dask.distributed (extra `cluster`) is not installed")
    killed: list[int] = []

    def open_line(what: str):
        def tell(done: int, total: int) -> None:
            if not killed and what == "ranking documents":
                killed.append(next(iter(cluster.workers.values())).pid)
                os.kill(killed[0], signal.SIGKILL)

        return tell

    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        executor = f"dask={cluster.scheduler_address}"
        sample_corpus(Request(params()), documents(corpus), tmp_path / "out", executor=executor, progress=open_line)
    assert killed
    assert checksums(tmp_path / "out") == checksums(undisturbed)
