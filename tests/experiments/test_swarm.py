"""Swarms: whoever dies whenever, the table ends the same; nothing finished is repeated; failures keep their reason."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments.proxy import RunConfig
from experiments.swarm import (
    FAILPOINTS,
    Outcome,
    Swarm,
    export_runs,
    frame,
    prepare,
    run_swarm,
    run_table,
    slurm_script,
    work,
)
from experiments.swarm.claims import Watch, claim, claim_path
from experiments.swarm.folder import publish
from experiments.swarm.index import Index
from infolaw import read_runs
from infolaw.errors import ExperimentError, OutputError
from recipes.passes.tasks import FAILPOINT

SHARES = {"code": 0.5, "packages": 0.3, "prose": 0.2}
COORDINATOR = """
import sys
from experiments.swarm import run_swarm
run_swarm(sys.argv[1], workers=int(sys.argv[2]), index=None, poll_seconds=0.1)
"""


def configs_of(corpus: Path, n: int = 5, tokens: int = 10_240, **changes: Any) -> list[RunConfig]:
    unique = {cell: share * tokens for cell, share in SHARES.items()}
    base = RunConfig("base", str(corpus), tokens, 16, SHARES, unique, eval_tokens=256, **changes)
    good = [replace(base, run_id=f"run{k}", seed=k, labels={"design": "test"}) for k in range(n)]
    diverging = replace(base, run_id="diverging", learning_rate=1e30, labels={"design": "test"})
    failing = replace(base, run_id="failing", unique={**unique, "code": 1e12}, labels={"design": "test"})
    return [*good[:2], failing, diverging, *good[2:]]


def table_of(outcome: Outcome) -> tuple[str, dict[str, str]]:
    return frame(outcome.records, place_and_time=False).to_csv(index=False), outcome.failures


def read(path: Path) -> tuple[str, dict[str, str]]:
    return table_of(run_swarm(path))


@pytest.fixture(autouse=True)
def _temporary_index(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("index")))


@pytest.fixture(scope="module")
def expected(text_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    path = tmp_path_factory.mktemp("undisturbed")
    prepare(path, configs_of(text_folder))
    work(path)
    table, failures = read(path)
    assert table.count("\n") == 7
    assert list(failures) == ["failing"]
    return table, failures


def test_the_table_feeds_the_library_and_leaves_diverged_runs_out(expected, text_folder: Path, tmp_path: Path) -> None:
    prepare(tmp_path / "swarm", configs_of(text_folder))
    work(tmp_path / "swarm")
    outcome = run_swarm(tmp_path / "swarm")
    written = export_runs(outcome.records, tmp_path / "runs.csv")
    runs = read_runs(tmp_path / "runs.csv")
    assert "diverging" in written.notes[0]
    assert runs.cells == list(SHARES)
    assert len(runs) == 5
    assert np.isfinite(runs.losses("loss")[0]).all()
    pd.testing.assert_frame_equal(runs.frame, read_runs(tmp_path / "runs.csv").frame)
    with pytest.raises(ExperimentError, match="none of 1 runs finished"):
        run_table([record for record in outcome.records if record.status == "diverged"])


WORKER_STEPS = ("claim-written", "claimed", "trained", "result-written", "result-published", "failure-written")


@pytest.mark.parametrize("step", WORKER_STEPS)
def test_a_worker_killed_at_a_commit_step_loses_and_repeats_nothing(
    step: str, expected, text_folder: Path, tmp_path: Path
) -> None:
    prepare(tmp_path, configs_of(text_folder))
    environment = {**os.environ, FAILPOINT: f"{step}:{1 if step == 'failure-written' else 2}"}
    killed = subprocess.run([sys.executable, "-m", "experiments.swarm", str(tmp_path)], env=environment)
    assert killed.returncode == -signal.SIGKILL
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "results").glob("*.json")}
    work(tmp_path)
    assert read(tmp_path) == expected
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "results").glob("*.json")}
    assert before.items() <= after.items()
    assert max(Swarm.read(tmp_path).attempts().values()) <= 2


@pytest.mark.parametrize("step", sorted(set(FAILPOINTS) - set(WORKER_STEPS)))
def test_a_coordinator_killed_at_a_commit_step_goes_on(step: str, expected, text_folder: Path, tmp_path: Path) -> None:
    prepare(tmp_path / "swarm", configs_of(text_folder)[: 3 if step == "swarm-written" else 7])
    script = "import json, sys\nfrom experiments.swarm import run_swarm\nfrom experiments.proxy import RunConfig\n"
    script += (
        "run_swarm(sys.argv[1], [RunConfig.from_dict(c) for c in json.load(open(sys.argv[2]))], workers=1, poll_seconds=0.1)"
    )
    given = tmp_path / "configs.json"
    given.write_text(json.dumps([config.to_dict() for config in configs_of(text_folder)]))
    environment = {**os.environ, FAILPOINT: f"{step}:{1 if step == 'swarm-written' else 2}"}
    command = [sys.executable, "-c", script, str(tmp_path / "swarm"), str(given)]
    assert subprocess.run(command, env=environment).returncode == -signal.SIGKILL
    subprocess.run(command, check=True)
    assert read(tmp_path / "swarm") == expected


@pytest.mark.slow
def test_ten_kills_of_workers_and_coordinator_at_random_leave_the_table_as_it_is(text_folder: Path, tmp_path: Path) -> None:
    configs = configs_of(text_folder, 16, 256_000)
    prepare(tmp_path / "calm", configs)
    work(tmp_path / "calm")
    prepare(tmp_path / "storm", configs, checkpoint_seconds=0.2, max_attempts=20)
    rng = np.random.default_rng(0)
    command = [sys.executable, "-c", COORDINATOR, str(tmp_path / "storm"), "2"]
    kills = {"coordinator": 0, "worker": 0}
    process = subprocess.Popen(command)
    while sum(kills.values()) < 10 and process.poll() is None:
        time.sleep(rng.uniform(1.5, 3.0))
        victim = "coordinator" if rng.random() < 0.4 else "worker"
        own = process.pid if victim == "coordinator" else next(iter(children(process.pid)), None)
        if own is None:
            continue
        os.kill(own, signal.SIGKILL)
        kills[victim] += 1
        if victim == "coordinator":
            process.wait()
            process = subprocess.Popen(command)
    assert process.wait() == 0
    assert sum(kills.values()) == 10
    assert min(kills.values()) >= 2
    assert read(tmp_path / "storm") == read(tmp_path / "calm")


def children(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] not in "ZX":
            found.append(int(path.parent.name))
    return sorted(found)


def test_two_processes_give_the_table_of_one(expected, text_folder: Path, tmp_path: Path) -> None:
    told: list[Any] = []
    outcome = run_swarm(tmp_path, configs_of(text_folder), workers=2, tell=told.append, poll_seconds=0.1)
    assert table_of(outcome) == expected
    assert (told[-1].finished, told[-1].failed, told[-1].total) == (6, 1, 7)
    assert told[-1].flops == pytest.approx(told[-1].total_flops * 6 / 7)
    assert told[-1].seconds_left is not None
    assert str(told[-1]).startswith("6/7 runs, 1 failed")


@pytest.mark.filterwarnings("ignore")  # of the cluster's own shutdown
def test_two_processes_of_a_cluster_give_the_table_of_one(expected, text_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="dask.distributed (extra `cluster`) is not installed")
    assert table_of(run_swarm(tmp_path, configs_of(text_folder), workers=2, executor="dask")) == expected


def test_a_finished_swarm_is_not_trained_again_and_takes_further_runs(text_folder: Path, tmp_path: Path) -> None:
    first, *others = configs_of(text_folder)
    prepare(tmp_path, [first])
    assert work(tmp_path) == 1
    assert work(tmp_path) == 0
    prepare(tmp_path, others[:1])
    assert work(tmp_path) == 1
    assert [record.run_id for record in run_swarm(tmp_path).records] == ["run0", "run1"]


def test_only_one_of_many_publishers_wins(tmp_path: Path) -> None:
    won: list[int] = []
    threads = [
        threading.Thread(target=lambda k=k: won.append(k) if publish(tmp_path / "x", {"k": k}, "test") else None)
        for k in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert json.loads((tmp_path / "x").read_text()) == {"k": won[0]}
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_silent_worker_elsewhere_is_dead_after_a_lease_on_the_watchers_own_clock(
    text_folder: Path, tmp_path: Path
) -> None:
    swarm = prepare(tmp_path, configs_of(text_folder), lease_seconds=60.0)
    claim(swarm, "run0", 1)
    path = claim_path(swarm, "run0", 1)
    path.write_text(path.read_text().replace('"place": "', '"place": "another machine '))
    now = [0.0]
    watch = Watch(swarm, clock=lambda: now[0])
    seen = []
    for seconds, beats in ((0.0, False), (59.0, False), (59.5, True), (119.0, False), (120.0, False)):
        now[0] = seconds
        if beats:
            os.utime(path, ns=(1, 1))
        seen.append(watch.is_dead("run0", 1))
    assert seen == [False, False, False, False, True]


def test_a_live_worker_of_this_machine_keeps_its_claim_whatever_the_clock_says(text_folder: Path, tmp_path: Path) -> None:
    swarm = prepare(tmp_path, configs_of(text_folder))
    claim(swarm, "run0", 1)
    now = [0.0]
    watch = Watch(swarm, clock=lambda: now[0])
    assert not watch.is_dead("run0", 1)
    now[0] = 1e9
    assert not watch.is_dead("run0", 1)
    assert not claim(swarm, "run0", 1)


def test_a_run_that_kills_every_worker_is_given_up_with_its_reason(text_folder: Path, tmp_path: Path) -> None:
    prepare(tmp_path, configs_of(text_folder)[:1], max_attempts=2)
    for _ in range(2):
        environment = {**os.environ, FAILPOINT: "trained:1"}
        subprocess.run([sys.executable, "-m", "experiments.swarm", str(tmp_path)], env=environment)
    assert work(tmp_path) == 0
    assert run_swarm(tmp_path).failures == {"run0": "each of its 2 attempts ended with the death of its worker"}


def test_what_a_run_dies_of_is_kept_and_tried_again(
    text_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("no 3 GB left")

    monkeypatch.setattr("experiments.swarm.worker.train", broken)
    prepare(tmp_path, configs_of(text_folder)[:1], max_attempts=3)
    assert work(tmp_path) == 3
    assert run_swarm(tmp_path).failures == {"run0": "MemoryError: no 3 GB left"}


@pytest.mark.parametrize("n_kilobytes", [24, 48])
def test_a_full_disk_is_one_sentence_and_the_swarm_goes_on(
    expected, text_folder: Path, tmp_path: Path, n_kilobytes: int
) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={n_kilobytes}k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a tmpfs may not be mounted here")
    try:
        with pytest.raises(OutputError, match="No space left on device"):
            run_swarm(place / "swarm", configs_of(text_folder), workers=1, poll_seconds=0.1)
        subprocess.run(["mount", "-o", "remount,size=64m", str(place)], check=True)
        assert table_of(run_swarm(place / "swarm", configs_of(text_folder), workers=1)) == expected
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_the_index_follows_the_files(text_folder: Path, tmp_path: Path) -> None:
    swarm = prepare(tmp_path / "swarm", configs_of(text_folder)[:2])
    work(swarm.path)
    index = Index.of(swarm, tmp_path / "index.sqlite")
    assert len(index.update(swarm)) == 2
    swarm.result_path("run1").unlink()
    assert [row["run_id"] for row in index.update(swarm)] == ["run0"]
    (tmp_path / "index.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(OutputError, match="Remove it, or choose another place"):
        index.update(swarm)


def test_slurm_gets_an_array_of_workers(tmp_path: Path) -> None:
    script = slurm_script("/shared/a b", 8, minutes=30, options=("--partition=gpu",))
    assert "#SBATCH --array=1-8\n" in script
    assert "#SBATCH --partition=gpu\n" in script
    assert script.endswith(" -m experiments.swarm '/shared/a b'\n")
    (tmp_path / "job.sh").write_text(script)
    subprocess.run(["bash", "-n", str(tmp_path / "job.sh")], check=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda configs: [*configs, configs[0]], "'run0' stands twice"),
        (lambda configs: [replace(configs[0], seed=9)], "'run0' of another configuration"),
        (lambda configs: [], "no runs were given"),
    ],
)
def test_bad_swarms_are_one_sentence(change: Any, said: str, text_folder: Path, tmp_path: Path) -> None:
    configs = configs_of(text_folder)
    if said.endswith("configuration"):
        prepare(tmp_path, configs)
    with pytest.raises(ExperimentError, match=said):
        prepare(tmp_path, change(configs))


def test_a_worker_without_a_swarm_says_so_and_ends_with_2(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-m", "experiments.swarm", str(tmp_path)], capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "swarm.json" in ended.stderr
