"""Written documents against a plain copy through the same codec, on real texts: the sources of the Python that runs this."""

from __future__ import annotations

import json
import shutil
import statistics
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recipes.documents import open_documents
from recipes.passes.draw import sample_corpus
from recipes.passes.request import Request

TURNS = 3
FILES = 4
ROW_GROUP = 100
"""About a fortieth of an output shard, as row groups of real corpora are of shards of 800 MB."""


def texts(n_bytes: int) -> list[str]:
    """Python's own sources, a file a document, over and over up to `n_bytes`."""
    found: list[str] = []
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "site-packages" in path.parts:
            continue
        found.append(path.read_text(encoding="utf-8", errors="replace"))
    repeat = -(-n_bytes // sum(map(len, found)))
    return (found * repeat)[: int(len(found) * n_bytes / sum(map(len, found)))]


def write(folder: Path, kind: str, n_bytes: int) -> Path:
    """Corpus of texts; every document is drawn once, so that a copy does the same work."""
    place = folder / f"texts-{kind}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    columns = texts(n_bytes)
    for part, rows in enumerate(np.array_split(np.arange(len(columns)), FILES)):
        data = {"id": rows, "text": [columns[k] for k in rows], "tokens": np.array([len(columns[k]) // 4 for k in rows])}
        if kind == "parquet":
            pq.write_table(pa.table(data), place / f"{part}.parquet", compression="zstd", row_group_size=ROW_GROUP)
            continue
        names = list(data)
        with pa.output_stream(str(place / f"{part}.jsonl.zst"), compression="zstd") as stream:
            for row in zip(*(list(column) for column in data.values()), strict=True):
                stream.write(json.dumps(dict(zip(names, row, strict=True)), default=int).encode() + b"\n")
    return place


def copy(place: Path, out: Path, kind: str) -> None:
    """Read all and write all, two files at a time."""
    from concurrent.futures import ThreadPoolExecutor

    def parquet(path: Path) -> None:
        with (
            pq.ParquetFile(path) as source,
            pq.ParquetWriter(out / path.name, source.schema_arrow, compression="zstd") as sink,
        ):
            for group in range(source.num_row_groups):
                sink.write_table(source.read_row_group(group, use_threads=False))

    def lines(path: Path) -> None:
        with (
            pa.input_stream(str(path), compression="zstd") as source,
            pa.output_stream(str(out / path.name), compression="zstd") as sink,
        ):
            while block := source.read(1 << 23):
                sink.write(block)

    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(parquet if kind == "parquet" else lines, sorted(place.iterdir())))


def sampled(place: Path, out: Path, kind: str) -> tuple[float, float]:
    """Seconds, of the clock and of the processor, that writing the documents takes, other passes left out."""
    shutil.rmtree(out, ignore_errors=True)
    found = open_documents(place, id="id", tokens="tokens")
    tokens = sum(int(batch.tokens.sum()) for shard in found.shards for batch in found.batches(shard))
    begun: dict[str, tuple[float, float]] = {}

    def open_line(what: str) -> Callable[[int, int], None]:
        begun[what] = clocks()
        return lambda done, total: None

    request = Request(weights={"all": 1.0}, tokens=tokens)
    sample_corpus(request, found, out, kind=kind, workers=2, shard_tokens=tokens // FILES * 11 // 10, progress=open_line)
    return since(begun["writing documents"])


def clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def since(begin: tuple[float, float]) -> tuple[float, float]:
    wall, processor = clocks()
    return wall - begin[0], processor - begin[1]


def copy_ratios(folder: Path, n_bytes: int) -> dict[str, dict[str, float]]:
    """Time of writing over that of a plain copy, by kind: medians over turns; ours syncs its files, a copy does not."""
    ratios = {}
    for kind in ("parquet", "jsonl.zst"):
        place = write(folder, kind, n_bytes)
        turns = []
        for _ in range(TURNS):
            begin = clocks()
            copy(place, folder / "copy", kind)
            copied = since(begin)
            written = sampled(place, folder / "written", kind)
            turns.append([mine / bare for mine, bare in zip(written, copied, strict=True)])
        wall, processor = (statistics.median(turn[clock] for turn in turns) for clock in (0, 1))
        ratios[kind] = {"wall": wall, "processor": processor}
        for used in (place, folder / "copy", folder / "written"):
            shutil.rmtree(used)
    return ratios
