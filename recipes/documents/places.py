"""Where documents lie: local files, folders and globs, or any URL that fsspec knows; found, sorted, fingerprinted."""

from __future__ import annotations

import glob
import hashlib
import os
import posixpath
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from infolaw.errors import RecipeError

from .shard import Kind

JSON_ENDINGS = tuple(
    stem + packed
    for stem in (".jsonl", ".ndjson", ".json")
    for packed in (".gz", ".zst", ".zstd", "")
    if stem + packed != ".json"
)
"""Endings read as JSON lines; a plain ``.json`` is one document of settings more often than lines, so it is not."""

ENDINGS = ".parquet, .jsonl or .ndjson (also .gz, .zst), .json.gz and .json.zst"

SAMPLED_BYTES = 2**16
"""Bytes at the head and at the tail of a file that enter its fingerprint."""


@dataclass(frozen=True)
class Place:
    """A file: its name inside the corpus, its full path or URL, its size [bytes] and how to read it."""

    name: str
    full: str
    size: int
    kind: Kind


def kind_of(path: str) -> Kind | None:
    """How to read a file, by its ending; None for endings that hold no documents."""
    lower = path.lower()
    if lower.endswith(".parquet"):
        return "parquet"
    return "jsonl" if lower.endswith(JSON_ENDINGS) else None


def find_places(paths: Sequence[str | Path]) -> tuple[str, tuple[Place, ...]]:
    """Root and files of `paths`, sorted by name.

    Folders are walked; what begins with ``.`` or ``_`` in them, what has another ending, and Dolma's attributes beside
    documents, are no documents. The root is the folder that all given folders, globs and files share.

    Raises
    ------
    RecipeError
        If a path matches nothing, a named file has an unknown ending, or one file is matched twice.
    """
    if not paths:
        raise RecipeError("No path was given; name files, folders, globs or URLs of documents.")
    found: list[tuple[str, int]] = []
    roots: list[str] = []
    for path in map(str, paths):
        root, files = _remote(path) if _is_url(path) else _local(path.removeprefix("file://"))
        if not files:
            raise RecipeError(f"{path}: no file of documents is there; looked for {ENDINGS}.")
        roots.append(root)
        found.extend(files)
    root = _shared(roots)
    names = [posixpath.relpath(full, root) if not _is_url(root) else full[len(root) :].lstrip("/") for full, _ in found]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise RecipeError(f"{twice[0]}: the file is matched by several of the given paths; name it once.")
    places = (Place(name, full, size, cast(Kind, kind_of(full))) for name, (full, size) in zip(names, found, strict=True))
    return root, tuple(sorted(places, key=lambda place: place.name))


def inside(root: str, name: str) -> str:
    """Full path or URL of `name` under `root`.

    Raises
    ------
    RecipeError
        If the name leads outside the root: absolute, a URL, ``..``, or a link that points elsewhere.
    """
    pure = PurePosixPath(name)
    outside = RecipeError(f"The path {name!r} leads outside {root}; only files below it are read. Mend the path.")
    if not name or pure.is_absolute() or ".." in pure.parts or _is_url(name) or "\\" in name or "\0" in name:
        raise outside
    if _is_url(root):
        return f"{root}/{name}"
    full = Path(root, *pure.parts)
    if not full.resolve().is_relative_to(Path(root).resolve()):
        raise outside
    return str(full)


def fingerprint(place: str, size: int) -> int:
    """64-bit BLAKE2b of a file's size, its first and its last 64 KiB.

    Enough to tell apart files that were written differently (a parquet footer lies in the tail, a gzip or zstd frame
    changes from its first difference on) without reading terabytes.
    """
    with open_bytes(place) as file:
        content = file.read(SAMPLED_BYTES)
        if size > SAMPLED_BYTES:
            file.seek(max(size - SAMPLED_BYTES, SAMPLED_BYTES))
            content += file.read(SAMPLED_BYTES)
    return int.from_bytes(hashlib.blake2b(content, digest_size=8, key=size.to_bytes(8, "little")).digest(), "little")


@contextmanager
def open_bytes(place: str) -> Iterator[IO[bytes]]:
    """Open a local file or a URL for reading, undecoded."""
    if not _is_url(place):
        with open(place, "rb") as file:
            yield file
        return
    with _filesystem(place)[0].open(place, "rb") as file:
        yield file


def folders_in(place: str) -> tuple[str, ...]:
    """Names of the folders directly in a folder, sorted; none where it does not exist."""
    if not _is_url(place):
        return tuple(sorted(entry.name for entry in os.scandir(place) if entry.is_dir())) if os.path.isdir(place) else ()
    system, path = _filesystem(place)
    if not system.isdir(path):
        return ()
    return tuple(
        sorted(posixpath.basename(entry["name"].rstrip("/")) for entry in system.ls(path) if entry["type"] == "directory")
    )


def exists(place: str) -> bool:
    """Whether a file is there."""
    if not _is_url(place):
        return os.path.isfile(place)
    system, path = _filesystem(place)
    return bool(system.isfile(path))


def is_local(place: str) -> bool:
    """Whether a place is a path of this machine."""
    return not _is_url(place)


def _is_url(path: str) -> bool:
    return "://" in path and not path.startswith("file://")


def _local(path: str) -> tuple[str, list[tuple[str, int]]]:
    if os.path.isdir(path):
        folder = os.path.abspath(path)
        files = [os.path.join(top, name) for top, _, names in os.walk(folder, followlinks=True) for name in names]
        return folder, [(file, os.path.getsize(file)) for file in _documents(folder, files)]
    if os.path.isfile(path):
        return os.path.dirname(os.path.abspath(path)), [(os.path.abspath(path), os.path.getsize(path))] if _known(
            path
        ) else []
    if not glob.has_magic(path):
        raise RecipeError(f"{path}: no such file or folder.")
    folder = os.path.abspath(_before_magic(path))
    matched = [os.path.abspath(file) for file in glob.glob(path, recursive=True) if os.path.isfile(file)]
    return folder, [(file, os.path.getsize(file)) for file in _documents(folder, matched)]


def _remote(url: str) -> tuple[str, list[tuple[str, int]]]:
    try:
        system, path = _filesystem(url)
        if glob.has_magic(path):
            base, entries = _before_magic(path), system.glob(path, detail=True)
        elif system.isdir(path):
            base, entries = path.rstrip("/"), system.find(path, detail=True)
        else:
            info = system.info(path)
            base, entries = posixpath.dirname(path), {path: info} if _known(path) else {}
    except RecipeError:
        raise
    except FileNotFoundError:
        raise RecipeError(f"{url}: no such file or folder.") from None
    except (OSError, ImportError, ValueError) as error:
        raise RecipeError(f"{url}: cannot be listed: {' '.join(str(error).split())}.") from None
    sizes = {name: int(info["size"] or 0) for name, info in entries.items() if info["type"] == "file"}
    chosen = _documents(base, list(sizes))
    return str(system.unstrip_protocol(base)), [(str(system.unstrip_protocol(name)), sizes[name]) for name in chosen]


def _filesystem(url: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    system, path = url_to_fs(url)
    return system, path


def _known(path: str) -> bool:
    if kind_of(path) is None:
        raise RecipeError(f"{path}: unknown kind of file; documents are read from {ENDINGS}.")
    return True


def _documents(folder: str, files: Sequence[str]) -> list[str]:
    """Files of documents among all files found below a folder."""
    names = {file: file[len(folder) :].strip("/").replace(os.sep, "/") for file in files if kind_of(file) is not None}
    shown = {file: name for file, name in names.items() if not any(part[0] in "._" for part in name.split("/"))}
    dolma = {name[: name.index("documents/")] for name in shown.values() if f"/{name}".find("/documents/") >= 0}
    attributes = tuple(f"{prefix}attributes/" for prefix in dolma)
    return [file for file, name in shown.items() if not (attributes and name.startswith(attributes))]


def _before_magic(path: str) -> str:
    parts = path.split("/")
    return "/".join(parts[: next(i for i, part in enumerate(parts) if glob.has_magic(part))]) or (
        "/" if path[0] == "/" else "."
    )


def _shared(roots: Sequence[str]) -> str:
    if len(set(roots)) == 1:
        return roots[0]
    protocols = {root.partition("://")[0] if _is_url(root) else "" for root in roots}
    if len(protocols) > 1:
        raise RecipeError(f"The paths lie in different systems ({', '.join(sorted(roots))}); build a corpus from each.")
    protocol = protocols.pop()
    if not protocol:
        return os.path.commonpath(roots)
    split = [root.partition("://")[2].split("/") for root in roots]
    same = os.path.commonprefix(split)
    return f"{protocol}://{'/'.join(same)}"
