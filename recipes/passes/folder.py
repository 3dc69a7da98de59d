"""Who owns an output folder: one run at a time, and the one it was begun for."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infolaw.errors import OutputError

from .tasks import committed, failpoint, sweep

STATE = ".passes"
"""Folder, inside the output folder, of partials and receipts."""


@contextmanager
def owned_folder(out: Path) -> Iterator[Path]:
    """Own `out` for the time of the body; give the folder of its state. The system frees it if this process dies.

    Raises
    ------
    OutputError
        If another run owns it, or it cannot be made.
    """
    state = out / STATE
    try:
        state.mkdir(parents=True, exist_ok=True)
        handle = os.open(state / "lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise OutputError(f"cannot use {out} as output folder: {error.strerror}. Choose another --out.") from None
    try:
        _lock(handle, out)
        sweep(out)
        yield state
        sweep(out)
    finally:
        os.close(handle)


def _lock(handle: int, out: Path) -> None:
    busy = OutputError(f"{out} is in use by another run. Wait until it ends, or choose another --out.")
    try:
        import fcntl
    except ImportError:  # pragma: no cover - Windows
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            raise busy from None
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise busy from None


def read_result(path: Path) -> dict[str, Any] | None:
    """Content of a finished run's result file, or None where there is none.

    Raises
    ------
    OutputError
        If the file is there but no result.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} is not the result of a sample: {error}. Choose another --out.") from None
    if not isinstance(content, dict) or content.get("schema_version") != 1:
        raise OutputError(f"{path} is not the result of a sample with schema_version 1. Choose another --out.")
    return content


def write_result(path: Path, content: Mapping[str, Any]) -> None:
    """Write the result file: the last step of a run."""
    failpoint("finishing")
    with committed(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
