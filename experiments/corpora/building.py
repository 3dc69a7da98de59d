"""Build a corpus: files in a seeded order, extracted, cut, deduplicated, split by file, written as one folder."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infolaw.errors import ExperimentError, OutputError
from infolaw.progress import Tell

from .config import CorpusConfig
from .duplicates import Seen
from .harvest import Harvest, Row
from .machine import harvest_machine
from .own import harvest_own
from .store import COLUMNS, SPLITS, counted, read_corpus, stable_json, write_documents, write_manifest

if TYPE_CHECKING:
    import pandas as pd


def build(config: CorpusConfig, tell: Tell | None = None) -> Path:
    """Build the corpus that `config` describes, or return it where that very one was built before.

    Parameters
    ----------
    config : CorpusConfig
    tell : callable, optional
        Told the bytes kept and those there may be.

    Returns
    -------
    Path
        The folder; see `experiments.corpora.store`. It appears whole or not at all.

    Raises
    ------
    ExperimentError
        If there is less text or there are fewer domains than asked for, or a domain has nothing to validate on; the
        message says how much more is needed and what to install for it.
    OutputError
        If the folder holds something else, or cannot be written to.
    """
    wanted = hashlib.sha256(stable_json({**asdict(config), "out": None, "cache": None}).encode()).hexdigest()[:16]
    if config.out.exists() and any(config.out.iterdir()):
        return _kept(config.out, wanted)
    harvest = Harvest(config, Seen(config.near))
    if config.own:
        notes, hint = harvest_own(harvest, tell), "Give more documents"
    else:
        notes, hint = harvest_machine(harvest, tell)
    frames = {domain: _framed(rows) for domain, rows in sorted(harvest.rows.items()) if rows}
    _check(config, frames, hint)
    parts = {domain: _split(frame, config) for domain, frame in frames.items()}
    manifest = {
        "provenance": {"config": wanted, "seed": config.seed, "input": _fingerprint(frames), "options": _options(config)},
        "tokenizer": "bytes of UTF-8",
        "domains": {
            domain: {split: counted(part) for split, part in zip(SPLITS, both, strict=True)}
            | {"duplicates": {kind: harvest.left_out[domain][kind] for kind in ("exact", "near")}}
            for domain, both in parts.items()
        },
        "licences": notes,
        "scores": None,
    }
    _write(config.out, parts, manifest)
    return config.out


def _kept(out: Path, wanted: str) -> Path:
    """Return the corpus that is there, if it is the one wanted."""
    if (out / "corpus.json").is_file() and read_corpus(out).manifest["provenance"]["config"] == wanted:
        return out
    raise OutputError(f"{out} holds something else than this corpus; choose another folder, or remove it.")


def _framed(rows: Iterable[Row]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(COLUMNS)).astype({"tokens": "int64"})


def _check(config: CorpusConfig, frames: Mapping[str, pd.DataFrame], hint: str) -> None:
    unfit = [domain for domain in frames if not re.fullmatch(r"\w[\w .+-]*", domain)]
    if unfit:
        raise ExperimentError(
            f"Domain {unfit[0]!r} cannot name a file; rename it with letters, digits, spaces and the signs . + - only."
        )
    held = sum(int(frame["tokens"].sum()) for frame in frames.values())
    if held < config.min_bytes:
        raise ExperimentError(
            f"The corpus has {held:,} bytes of text and {config.min_bytes:,} are asked for: {config.min_bytes - held:,} "
            f"more are needed. {hint}; or lower min_bytes."
        )
    if len(frames) < config.min_domains:
        raise ExperimentError(
            f"The corpus has {len(frames)} domains ({', '.join(frames)}) and {config.min_domains} are asked for. {hint}."
        )


def _split(frame: pd.DataFrame, config: CorpusConfig) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train and validation documents: whole source files are held out, in the order of a hash of their name."""
    sources = sorted(frame["source"].unique())
    if len(sources) < 2:
        raise ExperimentError(
            f"Domain {frame['domain'].iloc[0]!r} has {len(sources)} source file, so nothing to validate on: pieces of one "
            "file know each other. Give it more files, or leave the domain out."
        )
    sizes = frame.groupby("source")["tokens"].sum()
    order = sorted(sources, key=lambda name: hashlib.blake2b(f"{config.seed}:valid:{name}".encode()).digest())
    before = sizes[order].cumsum().shift(fill_value=0)
    held_out = set(before.index[before < config.valid_share * sizes.sum()][: len(order) - 1])
    is_valid = frame["source"].isin(held_out)
    return frame[~is_valid].reset_index(drop=True), frame[is_valid].reset_index(drop=True)


def _fingerprint(frames: Mapping[str, pd.DataFrame]) -> str:
    """Hash of every document's id and text."""
    content = hashlib.sha256()
    for frame in frames.values():
        for name, text in zip(frame["id"], frame["text"], strict=True):
            content.update(f"{name}\0{text}\0".encode())
    return content.hexdigest()[:16]


def _options(config: CorpusConfig) -> dict[str, Any]:
    left_out = {"out", "cache", "own"}
    return {name: value for name, value in asdict(config).items() if name not in left_out}


def _write(out: Path, parts: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]], manifest: Mapping[str, Any]) -> None:
    """Write all files beside `out`, then move them there together."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    except OSError as error:
        raise OutputError(f"cannot make {out}: {error.strerror or error}. Choose another folder.") from None
    try:
        for domain, both in parts.items():
            for split, part in zip(SPLITS, both, strict=True):
                write_documents(stage / split / f"{domain}.parquet", part)
        write_manifest(stage, manifest)
        stage.chmod(0o755)
        if out.exists():
            out.rmdir()
        os.replace(stage, out)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
