"""A small corpus on disk, in any layout, and the sampler's parameters for it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recipes.documents import open_documents
from recipes.passes.draw import sample_corpus
from recipes.passes.request import Request
from recipes.sampling.params import SamplerParams

DOMAINS = ("code", "math", "web")
SCORES = ("edu:higher", "ppl:lower")
N_DOCS = 3000


def table(n: int = N_DOCS, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    tokens = np.maximum(rng.lognormal(3, 1, n), 1).astype(int)
    quality = rng.standard_normal(n)
    return pa.table(
        {
            "id": rng.permutation(n) * 7,
            "domain": np.array(DOMAINS)[rng.choice(3, n, p=[0.2, 0.1, 0.7])],
            "tokens": tokens,
            "edu": quality + rng.standard_normal(n),
            "ppl": -quality + rng.standard_normal(n),
            "text": [f"document {k} " + "word " * int(t) for k, t in enumerate(tokens)],
        }
    )


def write_corpus(folder: Path, sizes: tuple[int, ...] = (1000, 1400, 600), row_group: int = 250, n: int = N_DOCS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    whole, first = table(n), 0
    for index, size in enumerate(sizes):
        pq.write_table(whole.slice(first, size), folder / f"part-{index}.parquet", row_group_size=row_group)
        first += size
    return folder


def write_lines(folder: Path, sizes: tuple[int, ...] = (1000, 1400, 600)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rows, first = table().to_pylist(), 0
    for index, size in enumerate(sizes):
        with pa.output_stream(str(folder / f"part-{index}.jsonl.zst"), compression="zstd") as stream:
            stream.write("".join(json.dumps(row) + "\n" for row in rows[first : first + size]).encode())
        first += size
    return folder


def documents(*paths: Path | str, **changes):
    columns = {"id": "id", "domain": "domain", "tokens": "tokens", "scores": SCORES, **changes}
    return open_documents(*paths, **columns)


def params(seed: int = 0) -> SamplerParams:
    drawn = SamplerParams.draw(np.random.default_rng(seed), DOMAINS, ("edu", "ppl"))
    shapes = (drawn.steepness, drawn.cutoff * 4, drawn.exponent, drawn.floor * 100)
    return SamplerParams(drawn.domains, drawn.criteria, drawn.criterion_weights, *shapes)


def draw(corpus, out: Path, **options):
    request = {name: options.pop(name) for name in ("tokens", "max_epochs") if name in options}
    found = documents(corpus) if isinstance(corpus, Path) else corpus
    return sample_corpus(Request(params(), **request), found, out, **{"workers": 2, **options})


def checksums(out: Path) -> dict[str, str]:
    """Hash of every file that a user sees."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file() and ".passes" not in path.parts]
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
