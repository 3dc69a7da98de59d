"""A seeded corpus of documents' metadata as parquet: 26 domains, 3 correlated scores, lognormal tokens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DOMAINS = tuple(f"domain_{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")
CRITERIA = ("askllm", "edu", "dclm")
FILE_DOCS = 2_000_000
ROW_GROUP = 1 << 18
URN = b"<urn:uuid:00000000-0000-0000-0000-000000000000>"
HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
HEX_PLACES = np.flatnonzero(np.frombuffer(URN, np.uint8) == ord("0"))


def splitmix64(values: np.ndarray) -> np.ndarray:
    """A bijection on 64 bits: row numbers become ids, each once."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def urns(ids: np.ndarray) -> pa.Array:
    """Ids as Common Crawl writes them, 47 bytes each."""
    text = np.tile(np.frombuffer(URN, np.uint8), (len(ids), 1))
    digits = np.concatenate([ids[:, None], splitmix64(ids)[:, None]], axis=1).view(np.uint8)
    text[:, HEX_PLACES[0::2]] = HEX[digits >> 4]
    text[:, HEX_PLACES[1::2]] = HEX[digits & 15]
    offsets = np.arange(len(ids) + 1, dtype=np.int32) * len(URN)
    return pa.StringArray.from_buffers(len(ids), pa.py_buffer(offsets), pa.py_buffer(text))


def write_file(path: Path, first: int, n: int, seed: int, string_ids: bool) -> None:
    """Documents `first` to `first + n` of the corpus."""
    rng = np.random.default_rng([seed, first])
    shares = 1 / np.arange(1, len(DOMAINS) + 1)
    domain = rng.choice(len(DOMAINS), n, p=shares / shares.sum()).astype(np.int32)
    shared = rng.standard_normal(n)
    ids = splitmix64(np.arange(first, first + n, dtype=np.uint64))
    columns = {
        "id": urns(ids) if string_ids else ids.view(np.int64),
        "domain": pa.DictionaryArray.from_arrays(domain, pa.array(DOMAINS)),
        "tokens": np.maximum(rng.lognormal(6.2, 1.0, n), 1).astype(np.int64),
    }
    for name in CRITERIA:
        columns[name] = 0.6 * shared + 0.8 * rng.standard_normal(n) + domain * 0.05
    temporary = path.with_suffix(".tmp")
    pq.write_table(pa.table(columns), temporary, row_group_size=ROW_GROUP)
    temporary.rename(path)


def corpus(folder: Path, n: int, seed: int = 0, string_ids: bool = False) -> Path:
    """Folder of `n` documents, made where it is not there yet."""
    place = folder / f"{'strings' if string_ids else 'integers'}-{n}-{seed}"
    place.mkdir(parents=True, exist_ok=True)
    starts = range(0, n, FILE_DOCS)
    paths = [place / f"part-{index:04d}.parquet" for index in range(len(starts))]
    with ThreadPoolExecutor(2) as pool:
        asked = [
            pool.submit(write_file, path, first, min(FILE_DOCS, n - first), seed, string_ids)
            for path, first in zip(paths, starts, strict=True)
            if not path.exists()
        ]
        for future in asked:
            future.result()
    return place
