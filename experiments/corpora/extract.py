"""From the bytes of a file to plain text: one short function a format, no parser beyond the standard library."""

from __future__ import annotations

import ast
import gzip
import html
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from itertools import islice

from .roff import roff

Sections = Iterator[tuple[str, str]]
"""(name of the section, empty for a whole file; its text)."""

SECTION_ENTRIES = 64 * 1024
"""A dictionary is one file of self-contained entries: every so many characters count as a file of their own."""

_COMMENT = re.compile(r"\s*(?:/\*.*?\*/|(?:[ \t]*(?:#|//|;|--)[^\n]*(?:\n|\Z))+)", re.DOTALL)
_NOTICE = re.compile(r"copyright|licen[cs]e|warrant(y|ies)|all rights reserved|public domain", re.IGNORECASE)

_DROP = re.compile(r"<(script|style|head|nav|svg|footer|info)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
_PREFORMATTED = re.compile(r"<pre\b[^>]*>(.*?)</pre\s*>", re.DOTALL | re.IGNORECASE)
_BLOCK = re.compile(r"</?(?:p|div|h[1-6]|table|ul|ol|dl|section|blockquote|title|screen)\b[^>]*>", re.IGNORECASE)
_LINE = re.compile(r"<(?:li|tr|dt|dd|br|item)\b[^>]*>", re.IGNORECASE)
_CELL = re.compile(r"</t[dh]>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]+>")
_POD_MARK = re.compile(r"[A-Z]<(?:<+ )?((?:[^<>]|(?<=-)>)*?)(?: >+)?>")
_MO_MAGIC = 0x950412DE


def decompressed(content: bytes, name: str) -> bytes:
    """Content of a file, unpacked where its name says it is gzip; empty where it is broken."""
    if not name.endswith((".gz", ".dz")):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return b""


def decoded(content: bytes) -> str:
    """Text of UTF-8, else of Latin-1; empty where zero bytes show that it is no text."""
    if b"\0" in content:
        return ""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def extract(content: bytes, name: str, format: str) -> Sections:
    """Sections of plain text of a file.

    Parameters
    ----------
    content : bytes
        Of the file as it lies on disk.
    name : str
        Tells compression.
    format : str
        Key of `FORMATS`.
    """
    return FORMATS[format](decompressed(content, name))


def _plain(content: bytes) -> Sections:
    yield "", decoded(content)


def _program(content: bytes) -> Sections:
    """Source code without the notices among its first comments: they stand in every file and say nothing of it."""
    text, kept, place = decoded(content), "", 0
    while comment := _COMMENT.match(text, place):
        kept += "" if _NOTICE.search(comment[0]) else comment[0]
        place = comment.end()
    yield "", kept + text[place:]


def _html(content: bytes) -> Sections:
    """Paragraphs on lines of their own; spaces count in preformatted text only."""
    parts = _PREFORMATTED.split(_DROP.sub(" ", decoded(content)))
    text = "\n\n".join(_TAG.sub("", part) if place % 2 else _flowed(part) for place, part in enumerate(parts))
    yield "", html.unescape(text)


def _flowed(part: str) -> str:
    text = _BLOCK.sub("\n\n", _LINE.sub("\n", _CELL.sub(" ", re.sub(r"\s+", " ", part))))
    return re.sub(r" *\n *", "\n", _TAG.sub("", text))


def _roff(content: bytes) -> Sections:
    yield "", roff(decoded(content))


def _pod(content: bytes) -> Sections:
    text = re.sub(
        r"^=(head\d|item|over|back|cut|pod|encoding|for|begin|end)\b[ \d.]*", "", decoded(content), flags=re.MULTILINE
    )
    for _ in range(3):  # marks nest
        text = _POD_MARK.sub(r"\1", text)
    yield "", text


def _messages(content: bytes) -> Sections:
    """Translations of a compiled catalogue (.mo), a line each; its header (the empty message) is left out."""
    if len(content) < 20:
        return
    order = "<" if struct.unpack("<I", content[:4])[0] == _MO_MAGIC else ">"
    _, _, count, originals, translations = struct.unpack(f"{order}5I", content[:20])
    lines = []
    for index in range(count):
        length, start = struct.unpack_from(f"{order}2I", content, translations + 8 * index)
        empty = struct.unpack_from(f"{order}I", content, originals + 8 * index)[0] == 0
        if not empty:
            lines.append(decoded(content[start : start + length].replace(b"\0", b"\n")))
    yield "", "\n".join(lines)


def _dictionary(content: bytes) -> Sections:
    """Entries begin at lines that are not indented; see `SECTION_ENTRIES`."""
    entries = re.split(r"\n(?=\S)", decoded(content))
    section: list[str] = []
    number = size = 0
    for entry in islice(entries, 1, None):
        section.append(entry)
        size += len(entry)
        if size >= SECTION_ENTRIES:
            yield f"{number:03d}", "\n\n".join(section)
            section, number, size = [], number + 1, 0
    if section:
        yield f"{number:03d}", "\n\n".join(section)


def _topics(content: bytes) -> Sections:
    """Python's own help: one literal dict of topics, which every Python has."""
    tree = ast.parse(decoded(content))
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in sorted(ast.literal_eval(node).items()):
                yield str(key), str(value)
            return


FORMATS: dict[str, Callable[[bytes], Sections]] = {
    "plain": _plain,
    "program": _program,
    "html": _html,
    "roff": _roff,
    "pod": _pod,
    "messages": _messages,
    "dictionary": _dictionary,
    "topics": _topics,
}
"""Format -> what makes sections of its bytes."""
