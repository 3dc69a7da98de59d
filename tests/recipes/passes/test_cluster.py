"""A real cluster of two workers does the same as threads, even when one is killed in the middle."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from recipes.passes.executors import DaskExecutor, open_executor
from recipes.passes.tasks import Task, run_tasks

distributed = pytest.importorskip("distributed", reason="dask.distributed (extra `cluster`) is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the cluster's own shutdown


def slow_pid(path: Path) -> dict[str, int]:
    path.write_text("same bytes")
    time.sleep(0.3)
    return {"pid": os.getpid()}


def test_a_killed_worker_is_replaced_and_every_task_done(tmp_path: Path) -> None:
    tasks = [Task(f"n{k}", slow_pid) for k in range(12)]
    killed: list[int] = []

    def kill_the_other(done: int, total: int) -> None:
        if not killed:
            victim = next(iter(cluster.workers.values()))
            killed.append(victim.pid)
            os.kill(victim.pid, signal.SIGKILL)

    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        receipts = run_tasks(tasks, tmp_path, DaskExecutor(client), tell=kill_the_other)
    assert killed
    assert [receipt.key for receipt in receipts] == [task.key for task in tasks]
    assert {(tmp_path / task.key).read_text() for task in tasks} == {"same bytes"}


def test_the_executor_by_name_opens_a_cluster_of_this_machine(tmp_path: Path) -> None:
    with open_executor("dask", 1) as executor:
        (receipt,) = run_tasks([Task("n", slow_pid)], tmp_path, executor)
    assert receipt.facts["pid"] != os.getpid()
