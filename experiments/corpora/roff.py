"""Manual pages without a typesetter: the text of man and mdoc sources, roughly as a reader would see it."""

from __future__ import annotations

import re
import shlex

_CHARACTERS = {
    "aq": "'",
    "dq": '"',
    "lq": '"',
    "rq": '"',
    "cq": "'",
    "oq": "'",
    "em": "--",
    "en": "-",
    "bu": "*",
    "co": "(c)",
}
_CHARACTERS |= {"ha": "^", "ti": "~", "ga": "`", "rs": "\\", "->": "->", "<=": "<=", ">=": ">=", "mi": "-", "ss": "ß"}
_FONT = re.compile(r"\\f(?:\[[^]]*\]|\(..|.)|\\s[-+]?\d+|\\[&|^/,:%)]|\\h'[^']*'|\\v'[^']*'|\\m\[[^]]*\]|\\c")
_NAMED = re.compile(r"\\(?:\((..)|\[([^]]+)\])")
_STRING = re.compile(r"\\\*(?:\(..|\[[^]]+\]|.)")
_COMMENT = re.compile(r'\\".*|\\#.*')
_HEADINGS = {"SH", "SS", "Sh", "Ss"}
_BREAKS = {"PP", "P", "LP", "Pp", "sp", "TP", "TQ", "HP", "RS", "RE", "Bl", "El", "Bd", "Ed", "br"}
_FONTS = {"B", "I", "SM", "SB", "R"}
_PAIRS = {"BR", "BI", "RB", "RI", "IR", "IB"}
_MDOC = {
    "Nm",
    "Nd",
    "Op",
    "Ar",
    "Xr",
    "Pa",
    "Cm",
    "Dq",
    "Sq",
    "Ql",
    "Li",
    "Em",
    "Va",
    "Fn",
    "Ft",
    "Fa",
    "Fl",
    "Ev",
    "Er",
    "Dv",
}
_MDOC |= {
    "Sy",
    "Ic",
    "Ns",
    "No",
    "Oo",
    "Oc",
    "Pq",
    "Aq",
    "Bq",
    "Vt",
    "In",
    "Lb",
    "Qq",
    "Tn",
    "Bx",
    "Fx",
    "Nx",
    "Ox",
    "Ux",
    "At",
}
_MDOC |= {
    "Lk",
    "Mt",
    "An",
    "Fo",
    "Fc",
    "Cd",
    "Ad",
    "Po",
    "Pc",
    "Do",
    "Dc",
    "So",
    "Sc",
    "Xo",
    "Xc",
    "Ms",
    "St",
    "Ap",
    "D1",
    "Dl",
}


def roff(source: str) -> str:
    r"""Text of a manual page; requests that only typeset are left out.

    Examples
    --------
    >>> roff('.SH NAME\nls \\- list\n.PP\nSee\n.BR cat (1).').split("\n")
    ['', '', 'NAME', 'ls - list', '', '', 'See', 'cat(1).']
    """
    lines: list[str] = []
    inside_macro = False
    for line in source.split("\n"):
        if inside_macro:
            inside_macro = not line.startswith("..")
        elif re.match(r"[.']\s*(de|am|ig)\b", line):
            inside_macro = True
        elif line[:1] in (".", "'") and not line.startswith("''"):
            lines += _request(line[1:].strip())
        else:
            lines.append(line)
    return _unescaped("\n".join(lines))


def _request(line: str) -> list[str]:
    """Lines that a request leaves in the text."""
    name, _, rest = line.partition(" ")
    if name in _HEADINGS:
        return ["", "", rest.strip('" ')]
    if name in _BREAKS:
        return ["", ""]
    if name in ("IP", "It"):
        return ["", "", " ".join(_without_macros(_arguments(rest)[: 1 if name == "IP" else None]))]
    if name in _FONTS:
        return [" ".join(_arguments(rest))]
    if name in _PAIRS:
        return ["".join(_arguments(rest))]
    if name in _MDOC:
        return [" ".join(_without_macros([name, *_arguments(rest)]))]
    return []


def _arguments(text: str) -> list[str]:
    try:
        lexer = shlex.shlex(text, posix=True)
        lexer.whitespace_split, lexer.commenters, lexer.escape, lexer.quotes = True, "", "", '"'
        return list(lexer)
    except ValueError:
        return text.split()


def _without_macros(words: list[str]) -> list[str]:
    """Words of an mdoc line: macros called inside it go, options get their dash."""
    kept: list[str] = []
    for index, word in enumerate(words):
        if index and words[index - 1] == "Fl":
            kept.append(f"-{word}")
        elif word not in _MDOC and not re.fullmatch(r"-(width|offset|column|tag|bullet|compact|hang)", word):
            kept.append(word)
    return kept


def _unescaped(text: str) -> str:
    text = _STRING.sub("", _FONT.sub("", _COMMENT.sub("", text)))
    text = _NAMED.sub(lambda found: _character(found[1] or found[2]), text)
    text = re.sub(r"\\[ ~0]", " ", text)
    text = re.sub(r"\\-", "-", text)
    return re.sub(r"\\e|\\\\", lambda _: "\\", text)


def _character(name: str) -> str:
    if name.startswith("u") and re.fullmatch(r"u[0-9A-F]{4,5}", name):
        return chr(int(name[1:], 16))
    return _CHARACTERS.get(name, "")
