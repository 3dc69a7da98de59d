"""What a corpus is to be made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infolaw.errors import ExperimentError

MEGABYTE = 10**6


@dataclass(frozen=True)
class CorpusConfig:
    """How to build a corpus.

    Attributes
    ----------
    out : Path
        Folder to be made: ``train/<domain>.parquet``, ``valid/<domain>.parquet``, ``corpus.json``.
    own : tuple of str
        Files, folders or globs of a corpus of one's own (parquet, JSON lines); empty: the text of this machine.
    own_mapping : str, optional
        Layout of their columns: a name or a YAML file as `recipes.documents` knows; by default recognised.
    clusters : int
        Domains to be found among own documents that state none.
    download : bool
        Whether packages may be fetched and unpacked (not installed) by the package manager.
    cache : Path, optional
        Where fetched packages lie; by default ``.cache`` of the user.
    min_bytes, max_domain_bytes : int
        Least size of the corpus, most of one domain [bytes of UTF-8].
    min_domains : int
        Fewer is an error.
    max_package_share, max_file_share : float
        Most that one package, and one file, may fill of a domain's `max_domain_bytes`.
    piece_bytes : int
        Longest document [bytes]; longer texts are cut at blank lines.
    valid_share : float
        Share of the text held out: whole source files, never pieces of a file.
    near : float
        Estimated Jaccard similarity from which the later of two documents is left out.
    seed : int
        Order in which files are taken where a domain has more than it may hold.
    """

    out: Path
    own: tuple[str, ...] = ()
    own_mapping: str | None = None
    clusters: int = 8
    download: bool = True
    cache: Path | None = None
    min_bytes: int = 100 * MEGABYTE
    max_domain_bytes: int = 24 * MEGABYTE
    min_domains: int = 6
    max_package_share: float = 0.25
    max_file_share: float = 0.02
    piece_bytes: int = 6000
    valid_share: float = 0.05
    near: float = 0.8
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("max_package_share", "max_file_share", "valid_share", "near"):
            if not 0 < getattr(self, name) <= 1:
                raise ExperimentError(f"{name} = {getattr(self, name)} is no share; give one above 0 and at most 1.")
        if self.piece_bytes < 1000:
            raise ExperimentError(f"piece_bytes = {self.piece_bytes} cuts documents to scraps; give at least 1000.")

    @classmethod
    def tiny(cls, out: Path, **changes: int) -> CorpusConfig:
        """Return seconds' work: a few megabytes of what is installed, nothing fetched."""
        size = {"min_bytes": MEGABYTE, "max_domain_bytes": MEGABYTE // 2, "min_domains": 2} | changes
        return cls(out, download=False, valid_share=0.1, **size)  # type: ignore[arg-type]
