"""How long work shows that it goes on: one line on stderr, only where somebody watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

Tell = Callable[[int, int], None]
"""Told what is done and what there is to do."""


def on_stderr(quiet: bool = False) -> Tell | None:
    """Return a function that shows what is done and to do, or None where stderr is no terminal."""
    if quiet or not sys.stderr.isatty():
        return None

    def tell(done: int, total: int) -> None:
        _show("choosing a law", done, total, f"{done}/{total} fits")

    return tell


def rate_on_stderr(quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> Callable[[str], Tell] | None:
    """Return a function that opens a line for a piece of work over documents: how many a second, and the time left.

    None where stderr is no terminal.
    """
    if quiet or not sys.stderr.isatty():
        return None

    def open_line(what: str) -> Tell:
        begin = clock()

        def tell(done: int, total: int) -> None:
            seconds = max(clock() - begin, 1e-9)
            left = seconds * (total - done) / max(done, 1)
            _show(what, done, total, f"{done / seconds:,.0f} docs/s, {left:,.0f} s left")

        return tell

    return open_line


def _show(what: str, done: int, total: int, note: str) -> None:
    bar = "#" * (30 * done // max(total, 1))
    sys.stderr.write(f"\r{what} [{bar:<30}] {note}\033[K" + ("\n" if done == total else ""))
    sys.stderr.flush()
