"""The text of this machine and of packages, taken file by file in a seeded order."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator

from infolaw.progress import Tell

from .catalogue import PACKAGES
from .debian import Unpacked, default_cache, unpack
from .extract import extract
from .harvest import Harvest
from .places import SourceFile, files_under, installed_files, licence_notes


def harvest_machine(harvest: Harvest, tell: Tell | None) -> tuple[dict[str, str], str]:
    """Take text of this machine and of packages; returns licence notes and what to install for more."""
    config = harvest.config
    unpacked = Unpacked({}, PACKAGES)
    if config.download or config.cache is not None:
        unpacked = unpack(PACKAGES, config.cache or default_cache(), config.download)
    files: dict[str, list[SourceFile]] = defaultdict(list)
    for file in _all_files(unpacked):
        files[str(file.rule.domain)].append(file)
    used: set[str] = set()
    for domain in sorted(files):
        shares: Counter[str] = Counter()
        most = int(config.max_package_share * config.max_domain_bytes)
        for file in sorted(files[domain], key=lambda file: _order(file, config.seed)):
            if harvest.is_full(domain):
                break
            if shares[file.package] < most:
                shares[file.package] += _take_file(harvest, file, most - shares[file.package])
            if tell is not None:
                tell(sum(harvest.sizes.values()), len(files) * config.max_domain_bytes)
        used |= {package for package, size in shares.items() if size}
    return licence_notes(used, unpacked.copyrights), _hint(unpacked)


def _all_files(unpacked: Unpacked) -> Iterator[SourceFile]:
    """Installed files, and those of unpacked packages that are not installed."""
    installed: set[str] = set()
    for file in installed_files():
        installed.add(file.package)
        yield file
    for package, folder in sorted(unpacked.folders.items()):
        if package not in installed:
            yield from files_under(str(folder), package, "/")


def _order(file: SourceFile, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}:{file.source}".encode(), digest_size=8).digest()


def _take_file(harvest: Harvest, file: SourceFile, most: int) -> int:
    try:
        content = file.path.read_bytes()
    except OSError:  # gone or unreadable since it was listed: as if it were not installed
        return 0
    domain, kept = str(file.rule.domain), 0
    for section, text in extract(content, file.name, file.rule.format):
        if kept >= most:
            break
        kept += harvest.take(domain, f"{file.source}#{section}" if section else file.source, text)
    return kept


def _hint(unpacked: Unpacked) -> str:
    if not unpacked.missing:
        return "Add packages to the catalogue, or give own documents"
    why = f" ({unpacked.reason})" if unpacked.reason else ""
    return f"Allow the download, or install more text{why}: apt-get install {' '.join(unpacked.missing)}"
