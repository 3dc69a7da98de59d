"""From text to documents: cleaned of control characters, cut where it is longer than a document may be."""

from __future__ import annotations

import re
from collections.abc import Iterator

MIN_BYTES = 300
"""Shorter documents say nothing: a heading, a stub, a redirect."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b\ufeff\ufffe]")
_TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)
_GAPS = re.compile(r"\n{3,}")


def cleaned(text: str) -> str:
    """Text with one kind of line end, no control characters, no trailing spaces, at most one blank line in a row."""
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0c", "\n"))
    text = text.encode("utf-8", "ignore").decode()  # lone surrogates have no UTF-8
    return _GAPS.sub("\n\n", _TRAILING.sub("", text.replace("\xa0", " "))).strip("\n")


def cut(text: str, most: int) -> Iterator[str]:
    r"""Pieces of at most `most` bytes: cut at blank lines, else at line ends, else anywhere between characters.

    Nothing is lost but scraps shorter than `MIN_BYTES` at a cut, and blank lines between pieces.

    Examples
    --------
    >>> [len(piece) for piece in cut(("x" * 400 + "\n\n") * 3, 1000)]
    [802, 400]
    """
    held: list[str] = []
    size = 0
    for part in _parts(text, most):
        length = len(part.encode())
        if held and size + length + 2 > most:
            yield from _whole(held)
            held, size = [], 0
        held.append(part)
        size += length + 2
    yield from _whole(held)


def _whole(held: list[str]) -> Iterator[str]:
    text = "\n\n".join(held).strip("\n")
    if len(text.encode()) >= MIN_BYTES:
        yield text


def _parts(text: str, most: int) -> Iterator[str]:
    """Paragraphs; those longer than `most` as runs of lines; lines longer than it as runs of characters."""
    for paragraph in text.split("\n\n"):
        if len(paragraph.encode()) <= most:
            if paragraph.strip():
                yield paragraph
            continue
        held = ""
        for line in _lines(paragraph, most):
            if held and len(held.encode()) + len(line.encode()) > most:
                yield held
                held = ""
            held += line
        if held.strip():
            yield held


def _lines(paragraph: str, most: int) -> Iterator[str]:
    width = max(1, most // 4)  # a character has at most four bytes
    for line in paragraph.splitlines(keepends=True):
        if len(line.encode()) <= most:
            yield line
        else:
            yield from (line[start : start + width] for start in range(0, len(line), width))
