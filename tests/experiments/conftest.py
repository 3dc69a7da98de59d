"""A small corpus of real text for the experiments that train: what Python's own library brings along."""

from __future__ import annotations

import sysconfig
import zlib
from pathlib import Path

import numpy as np
import pytest

BUCKET_EDGES = (0.05, 0.2, 0.4, 0.6, 0.8)


def pieces(text: str, size: int = 2000) -> list[str]:
    return [text[k : k + size] for k in range(0, len(text) - size, size)]


def write_text(folder: Path) -> Path:
    """Three domains, about 1 MB, six buckets by compressibility; every tenth document is held out."""
    from pydoc_data import topics

    import pyarrow as pa
    import pyarrow.parquet as pq

    library = Path(sysconfig.get_paths()["stdlib"])
    sources = {
        "code": [path.read_text(encoding="utf-8") for path in sorted(library.glob("[a-d]*.py"))],
        "packages": [path.read_text(encoding="utf-8") for path in sorted(library.glob("[ejx]*/[a-z]*.py"))],
        "prose": ["\n".join(topics.topics.values())],
    }
    for domain, texts in sources.items():
        documents = [piece for text in texts for piece in pieces(text)]
        tokens = np.array([len(text.encode()) for text in documents])
        score = np.array([len(zlib.compress(text.encode())) / len(text.encode()) for text in documents])
        rank = np.argsort(np.argsort(score, kind="stable"), kind="stable") / len(documents)
        held = np.arange(len(documents)) % 10 == 0
        columns = {
            "id": np.array([f"{domain}-{k}" for k in range(len(documents))]),
            "domain": np.array([domain] * len(documents)),
            "source": np.array([domain] * len(documents)),
            "text": np.array(documents, dtype=object),
            "tokens": tokens,
            "score_compression": score,
            "quality": rank,
            "bucket": np.searchsorted(BUCKET_EDGES, rank, side="right"),
        }
        for split, chosen in (("train", ~held), ("valid", held)):
            (folder / split).mkdir(parents=True, exist_ok=True)
            table = pa.table({name: values[chosen] for name, values in columns.items()})
            pq.write_table(table, folder / split / f"{domain}.parquet")
    return folder


@pytest.fixture(scope="session")
def text_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scored corpus folder: train/<domain>.parquet, valid/<domain>.parquet."""
    return write_text(tmp_path_factory.mktemp("text") / "corpus")
