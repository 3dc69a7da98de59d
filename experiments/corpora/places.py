"""Where text lies on this machine: installed packages, Python's library and the distributions beside it."""

from __future__ import annotations

import os
import re
import stat
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from .catalogue import ROOTS, Rule, rule_of

MAX_FILE_BYTES = 16 * 10**6
DPKG = Path("/var/lib/dpkg/info")
UNOWNED = "system"

_LICENCES = (
    ("GPL-3", r"GNU GENERAL PUBLIC LICENSE.{0,40}Version 3|GPL-3|GPLv3"),
    ("LGPL", r"Lesser General Public|LGPL"),
    ("GFDL", r"GNU Free Documentation License|GFDL"),
    ("GPL", r"GNU General Public Licen[sc]e|\bGPL"),
    ("Apache-2.0", r"Apache License,? Version 2|Apache-2"),
    ("MPL-2.0", r"Mozilla Public License|MPL-2"),
    ("CC-BY-SA", r"CC-BY-SA|Attribution-Share ?Alike"),
    ("BSD", r"Redistribution and use in source and binary forms|\bBSD"),
    ("MIT", r"Permission is hereby granted, free of charge|\bMIT\b|\bExpat\b"),
    ("Artistic", r"Artistic"),
    ("public domain", r"public[ -]domain"),
)


@dataclass(frozen=True)
class SourceFile:
    """A file of text: the package it belongs to, its name there, where it lies, and its rule."""

    package: str
    name: str
    path: Path
    rule: Rule

    @property
    def source(self) -> str:
        """``package:name``: what the documents cut from it carry, and what is held out as a whole."""
        return f"{self.package}:{self.name}"


def files_under(root: str, package: str, prefix: str = "", owners: Mapping[str, str] | None = None) -> Iterator[SourceFile]:
    """Text files in a folder, each named by its path below it after `prefix`; links are not followed.

    `owners` says which files (by full path) belong to another package.
    """
    for folder, inner, names in os.walk(root):
        inner.sort()
        for name in sorted(names):
            path = f"{folder}/{name}"
            owner = package if owners is None else owners.get(path, package)
            found = source_file(owner, prefix + path[len(root) + 1 :], path)
            if found is not None:
                yield found


def source_file(package: str, name: str, path: str) -> SourceFile | None:
    """File where a rule takes it and it is a plain file of at most `MAX_FILE_BYTES`."""
    rule = rule_of(f"{package}:{name}")
    if rule is None:
        return None
    try:
        held = os.lstat(path)
    except OSError:
        return None  # listed by its package, but not laid here
    is_text = stat.S_ISREG(held.st_mode) and 0 < held.st_size <= MAX_FILE_BYTES
    return SourceFile(package, name, Path(path), rule) if is_text else None


def installed_files() -> Iterator[SourceFile]:
    """Text of installed packages, Python's library and its distributions."""
    owners = package_owners()
    for root in ROOTS:
        yield from files_under(root, UNOWNED, f"{root}/", owners)
    library = sysconfig.get_paths()["stdlib"]
    yield from (file for file in files_under(library, "python") if "site-packages" not in file.name)
    for name, distribution in sorted(
        ((str(d.metadata["Name"]).lower(), d) for d in metadata.distributions()), key=lambda found: found[0]
    ):
        for entry in sorted(map(str, distribution.files or ())):
            if entry.endswith(".py"):
                found = source_file(f"dist-{name}", entry, str(distribution.locate_file(entry)))
                if found is not None:
                    yield found


def package_owners() -> dict[str, str]:
    """Path -> package of the files in `ROOTS` that the package manager laid there; empty on other systems."""
    owners: dict[str, str] = {}
    for listing in sorted(DPKG.glob("*.list")) if DPKG.is_dir() else ():
        package = listing.stem.partition(":")[0]
        for line in listing.read_text(errors="replace").splitlines():
            if line.startswith(ROOTS):
                owners[line] = package
    return owners


def licence_notes(packages: Iterable[str], copyrights: dict[str, Path]) -> dict[str, str]:
    """What each package says of its licence, in short.

    Parameters
    ----------
    packages : iterable of str
    copyrights : mapping of str to Path
        Where the copyright files of unpacked packages lie; installed ones are looked for where they belong.
    """
    return {package: _licence(package, copyrights) for package in sorted(set(packages))}


def _licence(package: str, copyrights: dict[str, Path]) -> str:
    if package == "python":
        return "PSF-2.0"
    if package.startswith("dist-"):
        try:
            return _metadata_licence(metadata.metadata(package.removeprefix("dist-")))
        except metadata.PackageNotFoundError:
            return "see the distribution's own notice"
    place = copyrights.get(package, Path("/usr/share/doc", package, "copyright"))
    if package == UNOWNED or not place.is_file():
        return "unknown: belongs to no package, or came without a copyright file"
    return licence_of(place.read_text(errors="replace"))


def _metadata_licence(held: metadata.PackageMetadata) -> str:
    named = [text for field in ("License-Expression", "License") for text in held.get_all(field) or ()]
    named += [entry.rpartition("::")[2] for entry in held.get_all("Classifier") or () if entry.startswith("License")]
    short = [text.strip().splitlines()[0] for text in named if text.strip() not in ("", "UNKNOWN")]
    return short[0][:80] if short else "see the distribution's own notice"


def licence_of(text: str) -> str:
    r"""Licences that a copyright file names: its ``License:`` fields, else the well-known ones that it quotes.

    Examples
    --------
    >>> licence_of("Files: *\nLicense: GPL-2+\n\nFiles: b\nLicense: MIT\n")
    'GPL-2+, MIT'
    """
    named = (found.strip() for found in re.findall(r"^License: *(\S.*)$", text, re.MULTILINE))
    fields = list(dict.fromkeys(name for name in named if len(name.split()) <= 6 and not name.endswith(",")))
    if not fields:
        fields = [name for name, pattern in _LICENCES if re.search(pattern, text, re.DOTALL | re.IGNORECASE)]
    more = f" and {len(fields) - 6} more" if len(fields) > 6 else ""
    return ", ".join(fields[:6]) + more if fields else "see its copyright file"
