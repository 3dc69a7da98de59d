"""Tasks that may be stopped at any instant, and run twice without harm.

A task writes one file. It writes under a name of its own attempt, syncs, renames, and only then leaves a receipt with
the checksum: whatever has a receipt is whole, whatever has none is done again. So receipts are the state of a run. What
only the run itself reads is not synced: after a power cut its checksum does not fit, and it is done again.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import signal
import uuid
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infolaw.errors import InfolawError, OutputError

if TYPE_CHECKING:
    from .executors import Executor

FAILPOINT = "INFOLAW_FAILPOINT"
FAILPOINTS = ("started", "written", "synced", "renamed", "receipt-written", "receipt-renamed", "reduced", "finishing")
"""Commit steps at which a crash test may kill the process: ``INFOLAW_FAILPOINT=renamed:3`` at the third passing."""

KEPT_BYTES = {-1: 1 << 27, -3: 1 << 25}
"""Parameters of mallopt (trim threshold, mmap threshold): free memory below this stays with the process [bytes]."""

_TEMPORARY = ".tmp"
_passed: Counter[str] = Counter()


@dataclass(frozen=True)
class Task:
    """One file to write.

    Parameters
    ----------
    key : str
        Name of the file, the same in every run of the same work.
    work : callable
        Writes the file at the path it is given and returns facts (JSON); pure: the same bytes each time. Executors
        beyond threads pickle it, so it is a function of a module, or a `functools.partial` of one.
    identity : str
        What the bytes depend on, beyond the key; a receipt with another identity does not count.
    size : int
        Amount of work (documents, or bytes where documents are not counted yet), for progress.
    is_kept : bool
        Whether the file is part of the result: synced, and marked by SHA-256 where CRC-32 does otherwise.
    """

    key: str
    work: Callable[[Path], Mapping[str, Any]] = field(compare=False)
    identity: str = ""
    size: int = 1
    is_kept: bool = True


@dataclass(frozen=True)
class Receipt:
    """Proof that a task's file is whole.

    Attributes
    ----------
    key, identity : str
        The task's.
    n_bytes : int
        Size of its file [bytes].
    checksum : str
        SHA-256, or CRC-32, of its file.
    facts : mapping
        What the task returned.
    is_new : bool
        False where an earlier run had done the task.
    """

    key: str
    identity: str
    n_bytes: int
    checksum: str
    facts: Mapping[str, Any]
    is_new: bool = field(default=True, compare=False)


def run_tasks(
    tasks: Sequence[Task],
    folder: Path,
    executor: Executor,
    tell: Callable[[int, int], None] | None = None,
    receipts: Path | None = None,
) -> list[Receipt]:
    """Do what has no receipt yet; return the receipts in the order of `tasks`.

    Parameters
    ----------
    tasks : sequence of Task
        Distinct keys.
    folder : Path
        Where their files go.
    executor : Executor
        Where they run.
    tell : callable, optional
        Told the size done and the size of all, at every finished task.
    receipts : Path, optional
        Where receipts go, by default ``folder``: a folder that users read may be kept free of them.

    Raises
    ------
    OutputError
        If a file cannot be written: disk full, no permission.
    InfolawError
        Whatever a task raises about its input. Finished tasks keep their files and receipts.
    """
    place = receipts or folder
    for needed in (folder, place):
        needed.mkdir(parents=True, exist_ok=True)
    _release_memory()  # of what was done before: the peak of a run is while tasks run
    sizes = {task.key: task.size for task in tasks}
    done, total = 0, sum(sizes.values())
    found: dict[str, Receipt] = {}
    for receipt in executor.map(partial(run_task, folder=folder, receipts=place), tasks):
        found[receipt.key] = receipt
        done += sizes[receipt.key]
        if tell is not None:
            tell(done, total)
    return [found[task.key] for task in tasks]


def run_task(task: Task, folder: Path, receipts: Path) -> Receipt:
    """Do one task, unless its receipt and its file are there and fit each other."""
    target = folder / task.key
    known = read_receipt(task, folder, receipts)
    if known is not None:
        return known
    failpoint("started")
    _keep_memory()
    with committed(target, sync=task.is_kept) as temporary:
        facts = json.loads(json.dumps(dict(task.work(temporary)), allow_nan=False))
        n_bytes, checksum = temporary.stat().st_size, file_checksum(temporary, task.is_kept)
        _release_memory()
    receipt = Receipt(task.key, task.identity, n_bytes, checksum, facts)
    with committed(_receipt_path(receipts, task.key), "receipt-", task.is_kept) as temporary:
        content = {name: getattr(receipt, name) for name in ("key", "identity", "n_bytes", "checksum", "facts")}
        temporary.write_text(json.dumps({"schema_version": 1, **content}), encoding="utf-8")
    return receipt


def read_receipt(task: Task, folder: Path, receipts: Path) -> Receipt | None:
    """Receipt of a task that was done before, or None if it is to be done (again)."""
    target = folder / task.key
    try:
        content = json.loads(_receipt_path(receipts, task.key).read_text(encoding="utf-8"))
        receipt = Receipt(
            **{name: content[name] for name in ("key", "identity", "n_bytes", "checksum", "facts")}, is_new=False
        )
        whole = (receipt.key, receipt.identity) == (task.key, task.identity) and content["schema_version"] == 1
        whole = whole and target.stat().st_size == receipt.n_bytes
        whole = whole and file_checksum(target, task.is_kept) == receipt.checksum
    except (OSError, ValueError, KeyError):
        return None
    return receipt if whole else None


@contextmanager
def committed(target: Path, step: str = "", sync: bool = True) -> Iterator[Path]:
    """Give a path of this attempt alone; when the body ends well, `sync` and rename it to `target`.

    Raises
    ------
    OutputError
        If it cannot be written; nothing half-written is left.
    """
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}{_TEMPORARY}")
    try:
        yield temporary
        failpoint(f"{step}written")
        if sync:
            _sync(temporary)
        failpoint(f"{step}synced")
        os.replace(temporary, target)
        if sync:
            _sync(target.parent)
    except InfolawError:
        raise
    except OSError as error:
        reason = error.strerror or str(error).rstrip(".")
        raise OutputError(
            f"cannot write {target}: {reason}. Mend that and run the same command again: finished parts are kept."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    failpoint(f"{step}renamed")


def sweep(folder: Path) -> None:
    """Remove what killed attempts left; only the owner of the folder may."""
    for left in folder.rglob(f".*{_TEMPORARY}"):
        left.unlink(missing_ok=True)


def file_checksum(path: Path, is_kept: bool = True) -> str:
    """SHA-256 of a file's bytes, in hexadecimal; CRC-32, which is three times as fast, of what is not kept."""
    with open(path, "rb") as handle:
        if is_kept:
            return hashlib.file_digest(handle, "sha256").hexdigest()
        mark = 0
        while block := handle.read(1 << 20):
            mark = zlib.crc32(block, mark)
        return f"{mark:08x}"


def fingerprint_of(*parts: object) -> str:
    """Hash of what a task depends on: any JSON-like values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def failpoint(name: str) -> None:
    """Kill this process, as a power cut would, where the environment asks for it; only crash tests do."""
    wanted = os.environ.get(FAILPOINT)
    if wanted is None:
        return
    place, _, passing = wanted.partition(":")
    _passed[name] += 1
    if place == name and _passed[name] == int(passing or 1):
        os.kill(os.getpid(), signal.SIGKILL)


def _keep_memory() -> None:
    """Let the allocator keep what one batch frees for the next: asking the system anew costs a fifth of a task."""
    setting = _of_allocator("mallopt")
    if setting is not None:
        for parameter, n_bytes in KEPT_BYTES.items():
            setting(parameter, n_bytes)


def _release_memory() -> None:
    """Give back what allocators keep of a task that is done; without it resident memory is twice what is in use."""
    import pyarrow as pa

    for pool in (pa.default_memory_pool(), pa.system_memory_pool()):
        pool.release_unused()
    trim = _of_allocator("malloc_trim")
    if trim is not None:
        trim(0)


def _of_allocator(name: str) -> Any:
    """Function of the GNU C library, or None where there is another."""
    return getattr(ctypes.CDLL(None), name, None) if os.name == "posix" else None


def _receipt_path(receipts: Path, key: str) -> Path:
    return receipts / f"{key}.receipt"


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # pragma: no cover - folders cannot be synced there
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
