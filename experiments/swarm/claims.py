"""Who does what: claims that only one worker can make, and signs of life.

A claim is a file ``claims/RUN.N`` that names its worker. Its holder renews the file's time; whoever sees the time stand
still for a lease on its own clock, or sees on the same machine that the process is gone, may claim attempt N + 1. Clocks
of different machines are never compared. A worker that was only asleep does no harm: the first record counts, and both
would be the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recipes.passes.tasks import failpoint

from .folder import Swarm, publish

BEATS_A_LEASE = 6


@dataclass
class Watch:
    """What one worker has seen of the claims of others: when the time of each last changed, on its own clock."""

    swarm: Swarm
    clock: Callable[[], float] = time.monotonic
    _seen: dict[Path, tuple[int, float]] = field(default_factory=dict)

    def is_dead(self, run_id: str, attempt: int) -> bool:
        """Whether the worker of a claim has died."""
        path = claim_path(self.swarm, run_id, attempt)
        try:
            with open(path, encoding="utf-8") as handle:  # opening makes NFS ask for the file's present time
                holder = json.load(handle)
                beat = os.fstat(handle.fileno()).st_mtime_ns
        except FileNotFoundError:
            return False
        if holder["place"] and holder["place"] == _place():
            return _started(holder["pid"]) != str(holder["started"])
        known, since = self._seen.get(path, (None, 0.0))
        if known != beat:
            self._seen[path] = (beat, self.clock())
            return False
        return self.clock() - since > self.swarm.lease_seconds


def claim_path(swarm: Swarm, run_id: str, attempt: int) -> Path:
    """Return the place of a claim."""
    return swarm.path / "claims" / f"{run_id}.{attempt}"


def claim(swarm: Swarm, run_id: str, attempt: int) -> bool:
    """Claim an attempt; False where another worker was first."""
    content = {"host": platform.node(), "pid": os.getpid(), "started": _started(os.getpid()), "place": _place()}
    won = publish(claim_path(swarm, run_id, attempt), content, "claim")
    if won:
        failpoint("claimed")
    return won


@contextlib.contextmanager
def beating(swarm: Swarm, run_id: str, attempt: int) -> Iterator[None]:
    """Renew a claim from a thread while the body runs."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(swarm.lease_seconds / BEATS_A_LEASE):
            with contextlib.suppress(OSError):  # a beat missed costs at most a second attempt
                os.utime(claim_path(swarm, run_id, attempt))

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _place() -> str:
    """Boot and process namespace in which a process number means something; empty where the system does not say."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{platform.node()} {boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _started(pid: Any) -> str:
    """When a process was started, in the kernel's ticks; empty where it is gone, or a zombie."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if after_name[0] in "ZX" else after_name[19]
