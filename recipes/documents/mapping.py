"""Which column says what: the roles a document's columns play, known layouts by name, and the options that change them.

A column is a name, a nested one with dots (``metadata.score``; dots also lead into JSON text). Domains and buckets may
come from elsewhere: ``path:REGEX`` (its first group, in the file's name) or ``value:NAME`` (the same for all).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from infolaw.errors import RecipeError

MAPPINGS = Path(__file__).parent / "mappings"
"""Known layouts, one YAML file each."""

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Score:
    """A quality criterion: its name, its column, and which way is better."""

    name: str
    column: str
    better: Better

    @classmethod
    def parse(cls, text: str, known: Sequence[Score] = ()) -> Score:
        """Read ``[NAME=]COLUMN:higher`` or ``:lower``; a layout's own score needs no direction.

        Examples
        --------
        >>> Score.parse("edu=metadata.score:lower")
        Score(name='edu', column='metadata.score', better='lower')
        """
        name, equals, rest = text.partition("=")
        column, _, better = (rest if equals else text).rpartition(":")
        same = [score for score in known if text in (score.name, score.column)]
        if same:
            return same[0]
        if better not in ("higher", "lower") or not column or (equals and not name):
            raise RecipeError(
                f"--score {text!r} does not say which way is better: [NAME=]COLUMN:higher or :lower, "
                "such as edu=score:higher."
            )
        return cls(name if equals else column, column, "higher" if better == "higher" else "lower")

    def __str__(self) -> str:
        return f"{self.column}:{self.better}" if self.name == self.column else f"{self.name}={self.column}:{self.better}"


@dataclass(frozen=True)
class Columns:
    """Where the parts of a document stand.

    Attributes
    ----------
    name : str
        Layout these columns belong to.
    id : str, optional
        Column of integer or text ids; None: ids come from (file fingerprint, row), tied to these very files; empty:
        nobody asks for ids, all are 0.
    domain : str
        Column, ``path:REGEX`` or ``value:NAME``.
    tokens : str, optional
        Column of token counts [tokens].
    tokens_per_byte : float, optional
        Tokens per UTF-8 byte of the text, where there are no counts; exactly one of the two.
    text : str
        Column of the text; read only for `tokens_per_byte` and to write documents.
    scores : tuple of Score
        Quality criteria, in the order of every ``(n, n_criteria)`` array.
    bucket : str, optional
        Column or ``path:REGEX`` of a quality bucket that the documents state themselves.
    bucket_labels : tuple of str
        Its values, best first; empty: 0, 1 ... or q0, q1 ...
    missing_domain : str, optional
        Domain of documents that have none; None: they are refused.
    tokenizer : str, optional
        What the tokens were counted with.
    when : tuple of str
        Columns that tell this layout from others.
    """

    name: str = "options"
    id: str | None = None
    domain: str = "value:all"
    tokens: str | None = None
    tokens_per_byte: float | None = None
    text: str = "text"
    scores: tuple[Score, ...] = ()
    bucket: str | None = None
    bucket_labels: tuple[str, ...] = ()
    missing_domain: str | None = None
    tokenizer: str | None = None
    when: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if self.tokens_per_byte is not None and not 0 < self.tokens_per_byte < 100:
            raise RecipeError(f"--tokens-per-byte {self.tokens_per_byte:g} is none; English text has about 0.25.")
        names = [score.name for score in self.scores]
        if len(set(names)) < len(names):
            raise RecipeError(f"Two scores have one name among {', '.join(names)}; tell them apart: NAME=COLUMN.")
        for role, source in (("domain", self.domain), ("bucket", self.bucket or "")):
            kind, pattern = split_source(source)
            if kind == "path":
                _check_pattern(role, pattern)
        if split_source(self.bucket or "")[0] == "value":
            raise RecipeError("A bucket comes from a column or path:REGEX, never from value:.")

    def needed(self) -> tuple[str, ...]:
        """Columns that a batch is made of, each once."""
        sized = self.text if self.tokens_per_byte is not None else self.tokens
        places = (self.domain, self.bucket or "")
        named = [column for kind, column in map(split_source, places) if kind == "column" and column]
        wanted = [self.id, sized, *named, *(score.column for score in self.scores)]
        return tuple(dict.fromkeys(column for column in wanted if column))

    def remedy(self, column: str) -> str:
        """What to do where a file has no such column."""
        where = "Name the column that this file has"
        if column == self.tokens:
            return f"{where}, give --tokens-per-byte X (about 0.25 for English), or leave the file out."
        return f"{where}, or leave the file out."

    def changed(
        self,
        id: str | None = None,
        domain: str | None = None,
        tokens: str | None = None,
        tokens_per_byte: float | None = None,
        scores: Sequence[str | Score] = (),
        bucket: str | None = None,
        text: str | None = None,
        missing_domain: str | None = None,
        tokenizer: str | None = None,
    ) -> Columns:
        """Return these columns with what was given in place of what was known (``id="none"``: ids from rows).

        Raises
        ------
        RecipeError
            If tokens are to come from a column and from bytes at once.
        """
        if tokens is not None and tokens_per_byte is not None:
            raise RecipeError("Tokens come from a column or from --tokens-per-byte, not from both.")
        given = {
            "domain": domain,
            "bucket": bucket,
            "text": text,
            "missing_domain": missing_domain,
            "tokenizer": tokenizer,
        }
        found = replace(self, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
        if id is not None:
            found = replace(found, id=None if id == "none" else id)
        if tokens is not None or tokens_per_byte is not None:
            found = replace(found, tokens=tokens, tokens_per_byte=tokens_per_byte, tokenizer=tokenizer)
        if scores:
            parsed = tuple(score if isinstance(score, Score) else Score.parse(score, self.scores) for score in scores)
            found = replace(found, scores=parsed)
        if bucket is not None:
            found = replace(found, bucket_labels=())
        return found


def split_source(source: str) -> tuple[Literal["column", "path", "value"], str]:
    """Kind and content of a domain's or bucket's source.

    Examples
    --------
    >>> split_source("path:lang=([a-z]+)"), split_source("metadata.topic")
    (('path', 'lang=([a-z]+)'), ('column', 'metadata.topic'))
    """
    head, colon, rest = source.partition(":")
    if colon and head == "path":
        return "path", rest
    if colon and head == "value":
        return "value", rest
    return "column", source


def from_path(role: str, pattern: str, name: str) -> str:
    """First group of `pattern` in a file's name.

    Raises
    ------
    RecipeError
        If the pattern does not occur in the name.
    """
    match = re.search(pattern, name)
    if match is None or not match[1]:
        raise RecipeError(
            f"{name}: the {role} pattern {pattern!r} does not occur in this path, which begins below the folder that all "
            "files share; mend it, or leave the file out."
        )
    return match[1]


def _check_pattern(role: str, pattern: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise RecipeError(f"The {role} pattern {pattern!r} is no regular expression: {error}.") from None
    if groups != 1:
        raise RecipeError(
            f"The {role} pattern {pattern!r} has {groups} groups; exactly one pair of brackets names the {role}."
        )
