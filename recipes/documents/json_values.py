"""Values inside one JSON record: by dotted names, and a number out of Dolma's spans."""

from __future__ import annotations

from typing import Any


def pluck(record: Any, column: str) -> Any:
    """Value at a dotted name, None where it is absent; a name that holds dots itself wins over a path.

    Examples
    --------
    >>> pluck({"metadata": {"edu.score": 3, "lang": {"en": 0.9}}}, "metadata.edu.score")
    3
    """
    if not isinstance(record, dict):
        return None
    if column in record:
        return record[column]
    place = column.find(".")
    while place >= 0:
        head = column[:place]
        if head in record:
            value = pluck(_inside(record[head]), column[place + 1 :])
            if value is not None:
                return value
        place = column.find(".", place + 1)
    return None


def _inside(value: Any) -> Any:
    """Value itself, or what its JSON text holds."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        import json

        try:
            return json.loads(value)
        except ValueError:
            return None
    return value


def number_of(value: Any) -> Any:
    """Number of a score: a number, or the mean of Dolma's spans ``[[start, end, score], ...]`` weighted by length.

    Spans of length zero count alike where all are; no span is a missing score. Anything else comes back as it is.

    Examples
    --------
    >>> number_of([[0, 10, 1.0], [10, 40, 0.0]])
    0.25
    """
    if not isinstance(value, list):
        return value
    if not value:
        return None
    if not all(isinstance(span, list) and len(span) == 3 and all(_is_number(part) for part in span) for span in value):
        return value
    total = sum(end - start for start, end, _ in value)
    if total == 0:
        return sum(score for *_, score in value) / len(value)
    return sum((end - start) * score for start, end, score in value) / total


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
