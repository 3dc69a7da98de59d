"""Heuristics of a page that reads like text, as degrees instead of verdicts, so that documents can be ranked by them.

Every rule gives a degree from `FLOOR` (broken) to 1. The score is the geometric mean over `RULES` (Gopher [1]_, C4 [2]_)
times the product over `JUNK`: what passes those rules and is no text all the same (index pages, tables, keyword lists,
licences, minified data), of which one broken rule is enough.

References
----------
.. [1] Rae et al. (2021), "Scaling Language Models: Methods, Analysis & Insights from Training Gopher",
   arXiv:2112.11446, appendix A1.1.
.. [2] Raffel et al. (2020), "Exploring the Limits of Transfer Learning", arXiv:1910.10683, section 2.2.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from infolaw.units import Array

FLOOR = 0.02

_STOP_WORDS = """the be to of and that have with is in it for as not are this or from by an if
    der die das und ist nicht von mit den ein eine zu auf des dem werden wird
    le la les des et est pas un une pour que dans en du sont il
    el los las es no una por con para del se al su"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""English, German, French and Spanish."""

DIGITS, SPACES = b"0123456789", b" \t\n"
PUNCTUATION = bytes(code for code in range(33, 127) if not chr(code).isalnum())

_LICENCE_WORDS = """copyright copyrighted copyrights license licenses licensed licensee licensor licence sublicense gpl lgpl
gnu redistribute redistributed redistribution redistributions warranty warranties merchantability fitness liability liable
disclaimed disclaimer damages infringement patent patents noninfringement notwithstanding hereby herein permission permitted
conditions terms notice notices trademark"""
LICENCE_WORDS = frozenset(_LICENCE_WORDS.split())

UNBROKEN = 60
"""Longer words are no words: encoded or minified data."""

_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_ENDS = (".", "!", "?", ":", ";", ",", '"', ")", "'")
_BULLETS = ("-", "*", "+", "o ", "•", "·")


@dataclass(frozen=True)
class Rule:
    """A measure, and where between `worst` and `best` it stands."""

    name: str
    worst: float
    best: float


RULES = (
    Rule("words", 20, 60),
    Rule("long enough words", 2.5, 3.5),
    Rule("short enough words", 11, 8),
    Rule("hashes and ellipses a word", 0.15, 0.02),
    Rule("bullet lines", 0.9, 0.4),
    Rule("lines that trail off", 0.3, 0.02),
    Rule("words with letters", 0.5, 0.85),
    Rule("stop words", 0.0, 0.2),
    Rule("repeated lines", 0.4, 0.05),
    Rule("repeated five-word runs", 0.4, 0.03),
    Rule("most frequent word", 0.25, 0.09),
    Rule("short lines", 0.9, 0.3),
    Rule("text in lines that end a clause or run on", 0.2, 0.7),
    Rule("digits", 0.25, 0.04),
    Rule("punctuation", 0.3, 0.08),
)
JUNK = (
    Rule("stop words", 0.0, 0.03),
    Rule("most frequent word", 0.4, 0.2),
    Rule("digits", 0.35, 0.12),
    Rule("lines in alphabetical order", 0.95, 0.75),
    Rule("words of licences", 0.05, 0.02),
    Rule("text in unbroken runs", 0.3, 0.05),
)


def scores(texts: Sequence[str]) -> Array:
    """Score of each document, ``(n,)`` in [`FLOOR`, 1], higher = better."""
    found = [measures(text) for text in texts]
    good, clean = (np.log(_degrees(found, rules)) for rules in (RULES, JUNK))
    return np.asarray(np.exp(good.mean(axis=1) + clean.sum(axis=1)))


def _degrees(found: list[dict[str, float]], rules: tuple[Rule, ...]) -> Array:
    """Degrees, ``(n, n_rules)``."""
    measured = np.array([[one[rule.name] for rule in rules] for one in found]).reshape(-1, len(rules))
    worst, best = (np.array([getattr(rule, side) for rule in rules]) for side in ("worst", "best"))
    return np.asarray(np.clip((measured - worst) / (best - worst), FLOOR, 1.0))


def measures(text: str) -> dict[str, float]:
    """What the rules look at, by their names; shares unless the name says otherwise."""
    words = text.split()
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    n_words, n_lines, n_chars = max(1, len(words)), max(1, len(lines)), max(1, sum(map(len, words)))
    letters = Counter(_WORD.findall(text.lower()))
    n_letters = max(1, letters.total())
    data = text.encode()
    return {
        "words": float(len(words)),
        "long enough words": n_chars / n_words,
        "short enough words": n_chars / n_words,
        "hashes and ellipses a word": (text.count("#") + text.count("...") + text.count("…")) / n_words,
        "bullet lines": sum(line.startswith(_BULLETS) for line in lines) / n_lines,
        "lines that trail off": sum(line.endswith(("...", "…")) for line in lines) / n_lines,
        "words with letters": sum(_LETTER.search(word) is not None for word in words) / n_words,
        "stop words": sum(letters[word] for word in STOP_WORDS & letters.keys()) / n_words,
        "repeated lines": sum(count for count in Counter(lines).values() if count > 1) / n_lines,
        "repeated five-word runs": _repeated_runs(words),
        "most frequent word": max(letters.values(), default=0) / n_letters,
        "short lines": sum(line.count(" ") < 3 for line in lines) / n_lines,
        "text in lines that end a clause or run on": _clauses(lines),
        "digits": _share(data, DIGITS),
        "punctuation": _share(data, PUNCTUATION),
        "lines in alphabetical order": _sorted_share(lines),
        "words of licences": sum(letters[word] for word in LICENCE_WORDS & letters.keys()) / n_letters,
        "text in unbroken runs": sum(len(word) for word in words if len(word) > UNBROKEN) / n_chars,
    }


def _share(data: bytes, among: bytes) -> float:
    """Share of the bytes other than spaces that are `among` these."""
    solid = data.translate(None, SPACES)
    return 1 - len(solid.translate(None, among)) / max(1, len(solid))


def _repeated_runs(words: list[str], length: int = 5) -> float:
    """Share of five-word runs that stand elsewhere in the document too."""
    runs = list(zip(*(words[start:] for start in range(length)), strict=False))
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def _clauses(lines: list[str]) -> float:
    """Share of the characters in lines of five words or more that end a clause, or that the next line takes up."""
    total = good = 0
    for line, following in pairwise([*lines, "."]):
        total += len(line)
        runs_on = following[:1].islower() or line.endswith(_ENDS)
        good += len(line) * (runs_on and line.count(" ") >= 4)
    return good / total if total else 0.0


def _sorted_share(lines: list[str]) -> float:
    """Share of neighbouring lines in alphabetical order; a half by chance, and taken as that in short documents."""
    heads = [line[:12].casefold() for line in lines]
    steps = [first < second for first, second in pairwise(heads) if first != second]
    return sum(steps) / len(steps) if len(steps) >= 10 else 0.5
