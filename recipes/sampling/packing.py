"""Arrays and a little plain data as bytes: the same content gives the same bytes, on every machine."""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infolaw.errors import RecipeError

Arrays = Mapping[str, NDArray[Any]]


def pack(kind: str, version: int, meta: Mapping[str, Any], arrays: Arrays) -> bytes:
    """Return an uncompressed npz archive of `arrays` and `meta` (JSON), without a date in it."""
    buffer = io.BytesIO()
    label = json.dumps({"kind": kind, "schema_version": version, **meta}, sort_keys=True)
    content = {"meta": np.frombuffer(label.encode(), np.uint8), **{name: arrays[name] for name in sorted(arrays)}}
    np.savez(buffer, allow_pickle=False, **content)
    return buffer.getvalue()


def unpack(content: bytes, kind: str, version: int) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Inverse of `pack`.

    Raises
    ------
    RecipeError
        If the bytes are no such archive, or one of another kind or schema version.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        meta = json.loads(arrays.pop("meta").tobytes())
        found = (meta.pop("kind"), meta.pop("schema_version"))
    except (ValueError, KeyError, OSError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise RecipeError(f"These {len(content)} bytes are no {kind}, or a damaged one; build it again.") from error
    if found != (kind, version):
        raise RecipeError(
            f"A {kind} of schema version {version} is expected, this is {found[0]} {found[1]}; build it again."
        )
    return meta, arrays


def digest(content: bytes) -> str:
    """Short fingerprint of packed bytes."""
    return hashlib.sha256(content).hexdigest()[:16]


def write_arrays(path: Path, meta: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a line of JSON and `arrays` after it: for partial results, which nobody else reads, at a copy's speed."""
    kinds = [[name, array.dtype.str, array.shape] for name, array in arrays.items()]
    with open(path, "wb") as handle:
        handle.write(json.dumps({"arrays": kinds, "meta": meta}).encode() + b"\n")
        for array in arrays.values():
            handle.write(raw_bytes(array))


def read_arrays(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Inverse of `write_arrays`."""
    with open(path, "rb") as handle:
        head = json.loads(handle.readline())
        found = {name: np.fromfile(handle, kind, math.prod(shape)).reshape(shape) for name, kind, shape in head["arrays"]}
        return head["meta"], found


def raw_bytes(array: NDArray[Any]) -> memoryview:
    """Bytes of an array for a file's own writing, which says why it fails; numpy's does not."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
