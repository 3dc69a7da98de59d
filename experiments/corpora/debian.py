"""Debian packages fetched and unpacked, never installed: needs no rights, changes nothing but its own folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infolaw.errors import ExperimentError, OutputError

TIMEOUT = 900
"""Seconds that the package manager may take."""


@dataclass(frozen=True)
class Unpacked:
    """Packages that were unpacked, by name, and those that could not be had."""

    folders: dict[str, Path]
    missing: tuple[str, ...]
    reason: str = ""

    @property
    def copyrights(self) -> dict[str, Path]:
        """Where the copyright file of each lies, where it has one."""
        found: dict[str, Path] = {}
        for name, folder in self.folders.items():
            documents = folder / "usr/share/doc"
            own = documents / name / "copyright"
            others = [own] if own.is_file() else sorted(documents.glob("*/copyright"))
            if others:
                found[name] = others[0]
        return found


def default_cache() -> Path:
    """Folder for fetched packages: ``infolaw/packages`` in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "infolaw" / "packages"


def unpack(packages: Sequence[str], cache: Path, download: bool) -> Unpacked:
    """Packages unpacked in `cache`: those that lie there, and where allowed those that the package manager has.

    A package appears there whole or not at all, so that a stopped call is taken up by the next.

    Raises
    ------
    OutputError
        If `cache` cannot be made or is full.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        wanted = [name for name in packages if not (cache / name).is_dir()]
        reason = _fetch(wanted, cache) if download and wanted else ""
    except OSError as error:
        raise OutputError(f"cannot keep packages in {cache}: {error.strerror or error}; choose another cache.") from None
    folders = {name: cache / name for name in packages if (cache / name).is_dir()}
    return Unpacked(folders, tuple(name for name in packages if name not in folders), reason)


def _fetch(wanted: Sequence[str], cache: Path) -> str:
    """Fetch and unpack what the package manager has; returns why there was nothing, if so."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return "there is no apt-get on this machine"
    known = [name for name in wanted if _run(["apt-cache", "show", "--no-all-versions", name], cache) is None]
    if not known:
        return "the package manager knows none of them: `apt-get update` fetches its lists"
    with tempfile.TemporaryDirectory(dir=cache, prefix=".fetch-") as temporary:
        folder = Path(temporary)
        failed = _run(["apt-get", "-q", "download", *known], folder)
        for archive in sorted(folder.glob("*.deb")):
            name = archive.name.partition("_")[0]
            stage = folder / "stage" / name
            stage.mkdir(parents=True)
            broken = _run(["dpkg-deb", "-x", str(archive), str(stage)], folder)
            if broken is not None:
                raise ExperimentError(f"{archive.name} cannot be unpacked: {broken}.")
            os.replace(stage, cache / name)
        return failed or ""


def _run(command: list[str], folder: Path) -> str | None:
    """Run a command; None if it went well, else the last line it said."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return f"{command[0]} took more than {TIMEOUT} seconds"
    said = [line for line in done.stderr.splitlines() if line.startswith("E:")] or done.stderr.splitlines()
    return None if done.returncode == 0 else (said[-1] if said else f"exit code {done.returncode}")
