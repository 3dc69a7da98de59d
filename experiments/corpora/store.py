"""What a corpus folder holds: ``train/<domain>.parquet``, ``valid/<domain>.parquet`` and ``corpus.json``.

Columns: id, domain, source (text), text, tokens (bytes of UTF-8); after scoring also the scores, quality and bucket.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infolaw.errors import ExperimentError, OutputError
from infolaw.files import package_version, read_json, to_json, write_atomically

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
SPLITS = ("train", "valid")
COLUMNS = ("id", "domain", "source", "text", "tokens")
MANIFEST = "corpus.json"
GROUP_ROWS = 4096


@dataclass(frozen=True)
class CorpusFolder:
    """A corpus on disk.

    Attributes
    ----------
    path : Path
    manifest : mapping
        Content of ``corpus.json``.
    """

    path: Path
    manifest: Mapping[str, Any]

    @property
    def domains(self) -> tuple[str, ...]:
        """Domains, sorted."""
        return tuple(sorted(self.manifest["domains"]))

    @property
    def is_scored(self) -> bool:
        """Whether its documents have scores, quality and bucket."""
        return self.manifest.get("scores") is not None

    def tokens(self, split: str = "train") -> int:
        """Tokens of all domains [bytes]."""
        return sum(int(held[split]["tokens"]) for held in self.manifest["domains"].values())

    def place(self, split: str, domain: str) -> Path:
        """File of one split of one domain."""
        return self.path / split / f"{domain}.parquet"

    def read(self, split: str, domain: str, columns: tuple[str, ...] | None = None) -> pd.DataFrame:
        """Documents of one split of one domain."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        place = self.place(split, domain)
        try:
            frame: pd.DataFrame = pq.read_table(place, columns=None if columns is None else list(columns)).to_pandas()
        except (OSError, pa.ArrowException) as error:
            raise ExperimentError(
                f"{place}: cannot be read ({' '.join(str(error).split())}); build the corpus again."
            ) from None
        return frame

    def require(self, tokens: int) -> None:
        """Refuse a pool larger than the corpus.

        Raises
        ------
        ExperimentError
            If the training text has fewer than `tokens` [bytes]; the message says how many are missing.
        """
        held = self.tokens()
        if held < tokens:
            raise ExperimentError(
                f"{self.path}: a pool of {tokens:,} bytes is asked for and the training text has {held:,}: "
                f"{tokens - held:,} more are needed. Build with more packages or own documents, or ask for a smaller pool."
            )


def read_corpus(path: str | Path) -> CorpusFolder:
    """Open a corpus folder.

    Raises
    ------
    ExperimentError
        If it holds no ``corpus.json`` of this schema, or a file that it names is missing.
    """
    place = Path(path) / MANIFEST
    if not place.is_file():
        raise ExperimentError(f"{path}: no {MANIFEST}, so no corpus; build one with `experiments.corpora.build`.")
    manifest = read_json(place, "a corpus")
    if not isinstance(manifest, dict) or manifest.get("schema_version") != SCHEMA_VERSION:
        raise ExperimentError(f"{place}: schema_version is not {SCHEMA_VERSION}; build the corpus again.")
    folder = CorpusFolder(Path(path), manifest)
    for split in SPLITS:
        for domain in folder.domains:
            if not folder.place(split, domain).is_file():
                raise ExperimentError(f"{folder.place(split, domain)}: the file is missing; build the corpus again.")
    return folder


def write_documents(place: Path, frame: pd.DataFrame) -> None:
    """Write documents as parquet, whole or not at all; the same documents give the same bytes.

    Raises
    ------
    OutputError
        If there is no room, or the folder cannot be written to.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    temporary = place.with_name(f".{place.name}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
        pq.write_table(table, temporary, compression="zstd", row_group_size=GROUP_ROWS)
        os.replace(temporary, place)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"cannot write {place}: {error.strerror or error}. Make room, or choose another folder.") from None


def write_manifest(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``corpus.json`` with its schema version and the version that made it."""
    write_atomically(path / MANIFEST, to_json({"schema_version": SCHEMA_VERSION, **content, "version": package_version()}))


def counted(frame: pd.DataFrame) -> dict[str, int]:
    """Documents, tokens [bytes] and source files of a split."""
    return {
        "documents": len(frame),
        "tokens": int(frame["tokens"].sum()),
        "sources": int(frame["source"].nunique()),
    }


def stable_json(content: Any) -> str:
    """JSON text that the same content always gives, for fingerprints."""
    return json.dumps(content, sort_keys=True, default=str)
