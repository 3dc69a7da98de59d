"""Names of data cells: ``<domain>``, ``q<K>`` (quality bucket, 0 = best) or ``<domain>/q<K>``."""

from __future__ import annotations

WHOLE = "all"
"""The one cell of a table without mixture weights."""


def bucket_of(cell: str) -> int | None:
    """Quality bucket in a cell's name, 0 = best.

    Examples
    --------
    >>> bucket_of("q0"), bucket_of("code/q3"), bucket_of("code")
    (0, 3, None)
    """
    name = cell.rsplit("/", 1)[-1]
    return int(name[1:]) if name[:1] == "q" and name[1:].isdigit() else None


def domain_of(cell: str) -> str:
    """Domain in a cell's name.

    Examples
    --------
    >>> domain_of("code/q3"), domain_of("code")
    ('code', 'code')
    """
    return cell.rsplit("/", 1)[0] if bucket_of(cell) is not None else cell
