"""What the sampler is measured against, and the sampler itself, each in a process of its own on two cores.

    python benchmarks/sampler_rivals.py NAME CORPUS PARAMS.npz OUT -> {"seconds", "peak_mb", "tokens", ...}

- ``limit``: the reads that the three passes cannot do without, and writing as many (id, count) rows, with bare Arrow.
- ``infolaw``: `recipes.sample_corpus`; ``infolaw-processes``: the same with processes.
- ``pandas``, ``polars``, ``duckdb``: the same sampler in a few lines: ranks in memory, eq. 1 to 3, one seeded draw.
  sigma = the share of documents of the domain that are better; all three sort, so they hold the corpus in memory.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from sampler_corpus import CRITERIA, DOMAINS, splitmix64

COLUMNS = ["id", "domain", "tokens", *CRITERIA]
UNIT = 2.0**-53


def expected_copies(rank: np.ndarray, steepness: np.ndarray, cutoff: np.ndarray, exponent: np.ndarray, floor: np.ndarray):
    """Eq. 3 of QuaDMix (arXiv 2504.16511)."""
    inside = (2 / (1 + np.exp(np.minimum(-steepness * (cutoff - rank), 700.0)))) ** exponent
    return np.where(rank <= cutoff, inside, 0.0) + floor


def pandas_naive(corpus: Path, params: dict[str, np.ndarray], out: Path) -> int:
    import pandas as pd

    frame = pd.read_parquet(corpus, columns=COLUMNS)
    code = frame["domain"].cat.set_categories(DOMAINS).cat.codes.to_numpy()
    merged = np.zeros(len(frame))
    for place, name in enumerate(CRITERIA):
        sigma = frame.groupby("domain", observed=True)[name].rank(ascending=False, pct=True).to_numpy()
        merged += sigma * params["weights"][code, place]
    frame = frame.assign(code=code, merged=merged)[["id", "code", "tokens", "merged"]].sort_values(["code", "merged"])
    tokens = frame.groupby("code")["tokens"]
    rank = (tokens.cumsum() / tokens.transform("sum")).to_numpy()
    code = frame["code"].to_numpy()
    copies = expected_copies(rank, *(params[name][code] for name in ("steepness", "cutoff", "exponent", "floor")))
    uniform = (splitmix64(frame["id"].to_numpy().view(np.uint64)) >> np.uint64(11)) * UNIT
    frame["count"] = (np.floor(copies) + (uniform < copies % 1)).astype(np.uint16)
    frame.loc[frame["count"] > 0, ["id", "count"]].to_parquet(out, index=False)
    return int((frame["tokens"] * frame["count"]).sum())


def polars_lazy(corpus: Path, params: dict[str, np.ndarray], out: Path) -> int:
    import polars as pl

    domain = pl.Series("domain", DOMAINS)
    table = pl.DataFrame({"domain": domain, **{name: params[name] for name in ("steepness", "cutoff", "exponent", "floor")}})
    table = table.with_columns(pl.Series(f"w_{name}", params["weights"][:, place]) for place, name in enumerate(CRITERIA))
    sigma = [pl.col(c).rank(descending=True).over("domain") / pl.len().over("domain") * pl.col(f"w_{c}") for c in CRITERIA]
    inside = (2 / (1 + (-pl.col("steepness") * (pl.col("cutoff") - pl.col("rank"))).exp())) ** pl.col("exponent")
    uniform = (pl.col("id").hash(0) // 2048) * UNIT
    drawn = (
        pl.scan_parquet(corpus / "*.parquet")
        .select(COLUMNS)
        .with_columns(pl.col("domain").cast(pl.String))
        .join(table.lazy(), on="domain")
        .with_columns(pl.sum_horizontal(*sigma).alias("merged"))
        .sort("domain", "merged")
        .with_columns((pl.col("tokens").cum_sum().over("domain") / pl.col("tokens").sum().over("domain")).alias("rank"))
        .with_columns(
            (pl.when(pl.col("rank") <= pl.col("cutoff")).then(inside).otherwise(0) + pl.col("floor")).alias("copies")
        )
        .with_columns((pl.col("copies").floor() + (uniform < pl.col("copies") % 1)).cast(pl.UInt16).alias("count"))
        .filter(pl.col("count") > 0)
        .select("id", "count", "tokens")
        .collect()
    )
    drawn.select("id", "count").write_parquet(out)
    return int((drawn["tokens"] * drawn["count"].cast(pl.Int64)).sum())


def duckdb_sql(corpus: Path, params: dict[str, np.ndarray], out: Path) -> int:
    import duckdb
    import pyarrow as pa

    table = {"domain": pa.array(DOMAINS)} | {k: pa.array(params[k]) for k in ("steepness", "cutoff", "exponent", "floor")}
    table |= {f"w_{name}": pa.array(params["weights"][:, place].copy()) for place, name in enumerate(CRITERIA)}
    link = duckdb.connect(config={"threads": 2})
    link.register("params", pa.table(table))
    sigma = " + ".join(f"w_{c} * percent_rank() OVER (PARTITION BY domain ORDER BY {c} DESC)" for c in CRITERIA)
    link.execute(f"""
        CREATE TABLE drawn AS
        WITH merged AS (
          SELECT id, tokens, domain, steepness, cutoff, exponent, floor, {sigma} AS merged
          FROM (SELECT * REPLACE (domain::VARCHAR AS domain) FROM read_parquet('{corpus}/*.parquet'))
          JOIN params USING (domain)
        ), ranked AS (
          SELECT *, sum(tokens) OVER (PARTITION BY domain ORDER BY merged ROWS UNBOUNDED PRECEDING)
                    / sum(tokens) OVER (PARTITION BY domain) AS rank FROM merged
        ), expected AS (
          SELECT id, tokens, floor + CASE WHEN rank <= cutoff
            THEN pow(2 / (1 + exp(-steepness * (cutoff - rank))), exponent) ELSE 0 END AS copies FROM ranked
        )
        SELECT id, tokens, (floor(copies) + CASE WHEN (hash(id) >> 11) * {UNIT} < copies % 1 THEN 1 ELSE 0 END)::USMALLINT
          AS count FROM expected WHERE count > 0""")
    link.execute(f"COPY (SELECT id, count FROM drawn) TO '{out}' (FORMAT parquet)")
    return int(link.execute("SELECT sum(tokens * count) FROM drawn").fetchone()[0])


def evict(corpus: Path, params: dict[str, np.ndarray]) -> None:
    """Drop the corpus from the page cache, where a contest from disk is asked for: corpora are larger than memory."""
    for path in corpus.glob("*.parquet") if bool(params["cold"]) else ():
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def read_columns(paths: list[Path], columns: list[str]) -> None:
    """Read columns as fast as we know how: row group after row group, the next ones asked of the disk ahead."""
    import pyarrow.parquet as pq

    from recipes.documents.prefetch import fetching

    def read(path: Path) -> None:
        with pq.ParquetFile(path, read_dictionary=["domain"]) as file, fetching(str(path), file.metadata, columns) as fetch:
            for group in range(file.num_row_groups):
                fetch([(group, min(group + 4, file.num_row_groups))])
                file.read_row_group(group, columns=columns, use_threads=False)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(read, paths))


def limit(corpus: Path, params: dict[str, np.ndarray], out: Path) -> dict[str, float]:
    """Three reads, by what each pass needs, and the manifest; what is imported is not timed, here as for the others."""
    from recipes.passes.manifest import manifest_part

    paths = sorted(corpus.glob("*.parquet"))
    n_drawn = int(params["n_drawn"])
    ids = np.random.default_rng(0).integers(0, 2**64, n_drawn, np.uint64)
    counts = np.ones(n_drawn, np.uint8)
    out.mkdir(parents=True, exist_ok=True)

    def write(part: int) -> None:
        with manifest_part(out / f"{part}.parquet", 2, {}) as add:
            add(ids[part::4], counts[part::4])

    begin, used = time.perf_counter(), processor_seconds()
    for columns in (COLUMNS, ["domain", "tokens", *CRITERIA], ["id", "tokens"]):
        evict(corpus, params)
        read_columns(paths, columns)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(4)))
    return {"seconds": time.perf_counter() - begin, "tokens": 0, "processor": processor_seconds() - used}


def processor_seconds() -> float:
    """Of this process so far: a busy machine stretches it less than the clock."""
    used = os.times()
    return used.user + used.system


def infolaw(corpus: Path, params: dict[str, np.ndarray], out: Path, executor: str = "threads") -> dict[str, object]:
    from recipes.documents import mapping_file, open_documents  # noqa: F401 - loaded before the clock runs, as for the others
    from recipes.passes.draw import sample_corpus
    from recipes.passes.request import Request
    from recipes.sampling import draw_kernels, sample_kernels, score_kernels  # noqa: F401
    from recipes.sampling.params import SamplerParams

    shapes = (params[name] for name in ("weights", "steepness", "cutoff", "exponent", "floor"))
    request = Request(SamplerParams(DOMAINS, CRITERIA, *shapes))
    marks: list[tuple[str, float]] = []

    def open_line(what: str):
        marks.append((what, time.perf_counter()))
        evict(corpus, params)
        return lambda done, total: None

    begin, used = time.perf_counter(), processor_seconds()
    scores = tuple(f"{name}:higher" for name in CRITERIA)
    found = open_documents(corpus, id="id", domain="domain", tokens="tokens", scores=scores)
    sample = sample_corpus(request, found, out, workers=2, executor=executor, progress=open_line)
    end = time.perf_counter()
    ends = [*(at for _, at in marks[1:]), end]
    passes = {what: round(after - at, 3) for (what, at), after in zip(marks, ends, strict=True)}
    documents = sum(row.documents for row in sample.rows)
    return {
        "seconds": end - begin,
        "tokens": sample.tokens,
        "documents": documents,
        "passes": passes,
        "processor": processor_seconds() - used,
        "mark": sample.fingerprint,
    }


def timed(library: str, rival: Callable[..., int]) -> Callable[..., dict[str, float]]:
    def run(*given: object) -> dict[str, float]:
        importlib.import_module(library)
        begin = time.perf_counter()
        tokens = rival(*given)
        return {"seconds": time.perf_counter() - begin, "tokens": tokens}

    return run


RIVALS = {
    "limit": limit,
    "infolaw": infolaw,
    "infolaw-processes": partial(infolaw, executor="processes"),
    "pandas": timed("pandas", pandas_naive),
    "polars": timed("polars", polars_lazy),
    "duckdb": timed("duckdb", duckdb_sql),
}


class Watch(threading.Thread):
    """Largest sum of the resident memory of this process and its children [MB]."""

    peak_mb = 0.0

    def run(self) -> None:
        own = os.getpid()
        while True:
            children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
            self.peak_mb = max(self.peak_mb, sum(map(resident_mb, [own, *children])))
            time.sleep(0.02)


def resident_mb(process: object) -> float:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS:")), 0.0)


if __name__ == "__main__":
    name, corpus, given, out = sys.argv[1:]
    watch = Watch(daemon=True)
    watch.start()
    found = RIVALS[name](Path(corpus), dict(np.load(given)), Path(out))
    print(json.dumps({**found, "peak_mb": watch.peak_mb}))
