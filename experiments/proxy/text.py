"""The text of a corpus in memory: one array of bytes a split, documents in it by domain and quality bucket.

A corpus folder holds ``train/<domain>.parquet`` and ``valid/<domain>.parquet`` with the columns id, domain, text, bucket
(0 = best) and, for the sampler, scores named ``score_*`` or ``quality``. Tokens are bytes of UTF-8.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infolaw.errors import ExperimentError
from recipes.cell import Cell

from .config import PAD

Ints = NDArray[np.int64]
SPLITS = ("train", "valid")


@dataclass(frozen=True, eq=False)
class Text:
    """One split of a corpus.

    Attributes
    ----------
    data : ndarray of uint8
        All documents, `PAD` zero bytes before each.
    starts, lengths : ndarray of int64, (n_documents,)
    domain, bucket : ndarray of int64, (n_documents,)
        Codes into `domains`, and the quality bucket.
    domains : tuple of str
    ids : ndarray of uint64, (n_documents,)
        XXH64 of the documents' ids; they are in this order, whatever the order of the files.
    scores : mapping of str to ndarray (n_documents,)
    fingerprint : str
        Of the bytes, the ids and the buckets.
    """

    data: NDArray[np.uint8]
    starts: Ints
    lengths: Ints
    domain: Ints
    bucket: Ints
    domains: tuple[str, ...]
    ids: NDArray[np.uint64]
    scores: dict[str, NDArray[np.float64]]
    fingerprint: str

    @property
    def buckets(self) -> tuple[int, ...]:
        """Buckets that hold text, best first."""
        return tuple(int(b) for b in np.unique(self.bucket))

    def documents_of(self, cell: str) -> Ints:
        """Indices of the documents of a cell; ``all`` is every document.

        Raises
        ------
        ExperimentError
            If the corpus has no such cell.
        """
        if cell == "all":
            return np.arange(len(self.starts))
        named = Cell(cell, 1.0)
        if named.domain is not None and named.domain not in self.domains:
            raise ExperimentError(
                f"the corpus has no domain {named.domain!r} (cell {cell!r}): its domains are {', '.join(self.domains)}."
            )
        chosen = np.ones(len(self.starts), bool) if named.domain is None else self.domain == self.domains.index(named.domain)
        if named.bucket is not None:
            chosen = chosen & (self.bucket == int(named.bucket[1:]))
        return np.flatnonzero(chosen)

    def tokens_of(self, cell: str) -> int:
        """Bytes that a cell holds [tokens]."""
        return int(self.lengths[self.documents_of(cell)].sum())


@lru_cache(maxsize=2)
def open_text(corpus: str) -> tuple[Text, Text]:
    """Train and validation text of a corpus folder, kept in memory for the runs that follow.

    Raises
    ------
    ExperimentError
        If a split is missing or a domain has no validation text.
    """
    train, valid = (_read_split(Path(corpus) / split) for split in SPLITS)
    silent = sorted(set(train.domains) - set(valid.domains))
    if silent:
        raise ExperimentError(
            f"{corpus}: no validation text for the domain {', '.join(silent)}: add valid/{silent[0]}.parquet, or leave the "
            "domain out."
        )
    return train, valid


def _read_split(folder: Path) -> Text:
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise ExperimentError(f"{folder} holds no parquet file; a corpus is train/<domain>.parquet, valid/<domain>.parquet.")
    tables = []
    for path in files:
        names = pq.read_schema(path).names
        absent = [name for name in ("id", "domain", "text", "bucket") if name not in names]
        if absent:
            raise ExperimentError(f"{path}: no column {', '.join(absent)}; build and score the corpus first.")
        scores = [name for name in names if re.fullmatch(r"score_\w+|quality", name)]
        tables.append(pq.read_table(path, columns=["id", "domain", "text", "bucket", *scores]))
    table = pa.concat_tables(tables, promote_options="default")
    if not table.num_rows:
        raise ExperimentError(f"{folder} holds no document.")
    return _text_of(table)


def _text_of(table: Any) -> Text:
    """Documents in the order of their hashed ids."""
    from recipes.sampling import xxh64

    ids = xxh64(*_bytes_of(table["id"]))
    order = np.argsort(ids, kind="stable")
    raw, offsets = _bytes_of(table["text"])
    lengths = np.diff(offsets)[order]
    starts = np.cumsum(lengths + PAD) - lengths
    data = np.zeros(int((lengths + PAD).sum()) + PAD, np.uint8)
    for start, length, source in zip(starts, lengths, offsets[:-1][order], strict=True):
        data[start : start + length] = raw[source : source + length]
    names = table["domain"].to_numpy(zero_copy_only=False).astype(str)
    domains, codes = np.unique(names, return_inverse=True)
    bucket = table["bucket"].to_numpy().astype(np.int64)[order]
    scores = {
        name: table[name].to_numpy().astype(np.float64)[order]
        for name in table.column_names
        if name not in ("id", "domain", "text", "bucket")
    }
    content = hashlib.blake2b(digest_size=8)
    for part in (data, lengths, ids[order], bucket):
        content.update(np.ascontiguousarray(part).tobytes())
    return Text(
        data,
        starts,
        lengths,
        codes.astype(np.int64)[order],
        bucket,
        tuple(domains.tolist()),
        ids[order],
        scores,
        content.hexdigest(),
    )


def _bytes_of(column: Any) -> tuple[NDArray[np.uint8], Ints]:
    """Bytes and offsets of a column of strings."""
    import pyarrow as pa

    parts, lengths = [], []
    for chunk in column.cast(pa.large_binary()).chunks:
        _, ends, data = chunk.buffers()
        offsets = np.frombuffer(ends, np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
        bytes_ = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
        parts.append(bytes_[offsets[0] : offsets[-1]])
        lengths.append(np.diff(offsets))
    ends_ = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    return np.concatenate(parts), ends_.astype(np.int64)
