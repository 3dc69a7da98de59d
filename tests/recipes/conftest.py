"""Real documents that every machine has: the sources of Python's own library."""

from __future__ import annotations

import sysconfig
import zlib
from pathlib import Path
from typing import Any

import pytest

PACKAGES = ("asyncio", "email", "encodings", "importlib", "json", "unittest", "xml")


@pytest.fixture(scope="session")
def sources() -> list[dict[str, Any]]:
    """One record a file: id, text, domain (its package), tokens, and two scores computed from the text."""
    root = Path(sysconfig.get_paths()["stdlib"])
    records = []
    for path in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        raw = text.encode()
        name = path.relative_to(root).as_posix()
        records.append(
            {
                "id": name,
                "text": text,
                "domain": name.split("/")[0],
                "tokens": len(raw) // 4,
                "length": len(raw),
                "compression": len(zlib.compress(raw)) / len(raw) if raw else None,
            }
        )
    return records
