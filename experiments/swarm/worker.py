"""A worker: claims runs of a swarm, trains them, publishes records, until none is left."""

from __future__ import annotations

import os
import time
from pathlib import Path

from infolaw.errors import InfolawError, OutputError
from recipes.passes.tasks import failpoint

from ..proxy import RunConfig, train
from .claims import Watch, beating, claim
from .folder import Swarm, publish

POLL_SECONDS = 0.5


def work(path: str | Path, poll_seconds: float = POLL_SECONDS) -> int:
    """Do runs of the swarm in a folder until every one has a record or has failed; return how many were done here.

    Any number of workers may do so at once, on any machines that see the folder.

    Raises
    ------
    OutputError
        If a record cannot be written; the run is done again by whoever comes next.
    """
    swarm = Swarm.read(path)
    watch = Watch(swarm)
    done = 0
    while True:
        finished, attempts, failed = swarm.finished(), swarm.attempts(), swarm.failed()
        waiting = False
        for config in swarm.configs:
            run_id = config.run_id
            if run_id in finished or swarm.result_path(run_id).exists():
                continue
            attempt = _next_attempt(swarm, watch, run_id, attempts.get(run_id, 0), failed.get(run_id, 0))
            if attempt is None:
                waiting |= run_id not in failed or not swarm.failure(run_id, failed[run_id])["final"]
            elif claim(swarm, run_id, attempt) and not swarm.result_path(run_id).exists():
                _do(swarm, config, attempt)
                done += 1
                waiting = True
                break
        else:
            if not waiting:
                return done
            time.sleep(poll_seconds)


def _next_attempt(swarm: Swarm, watch: Watch, run_id: str, last: int, failed: int) -> int | None:
    """Number of the attempt that may be claimed, None where there is nothing to do or somebody is at it."""
    if last == 0:
        return 1
    if failed == last:
        return None if swarm.failure(run_id, failed)["final"] else last + 1
    if not watch.is_dead(run_id, last) or swarm.result_path(run_id).exists():
        return None
    if last < swarm.max_attempts:
        return last + 1
    _fail(swarm, run_id, last, f"each of its {last} attempts ended with the death of its worker", final=True)
    return None


def _do(swarm: Swarm, config: RunConfig, attempt: int) -> None:
    """Train and publish; whatever a run dies of is kept as its failure."""
    with beating(swarm, config.run_id, attempt):
        try:
            record = train(config, swarm.checkpoint_path(config.run_id), swarm.checkpoint_seconds)
        except OutputError:
            raise
        except InfolawError as error:
            _fail(swarm, config.run_id, attempt, str(error), final=True)
            return
        except Exception as error:  # noqa: BLE001 - a worker must outlive any run, and say what it died of
            reason = f"{type(error).__name__}: {error}"
            _fail(swarm, config.run_id, attempt, reason, final=attempt >= swarm.max_attempts)
            return
        failpoint("trained")
        publish(swarm.result_path(config.run_id), record.to_dict(), "result")
        failpoint("result-published")


def _fail(swarm: Swarm, run_id: str, attempt: int, reason: str, final: bool) -> None:
    content = {"schema_version": 1, "run_id": run_id, "attempt": attempt, "reason": reason, "final": final}
    publish(swarm.failure_path(run_id, attempt), {**content, "pid": os.getpid()}, "failure")
