"""Which files are text of which domain, which packages hold more of it, and which of them read like reference prose.

A file is known as ``package:path``; the first rule whose pattern is found in that name decides. To add a source is to
add a line here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LANGUAGES = "de|fr|es"
"""Of the translated domain: one script, so that bytes of one language help with another."""

ROOTS = (
    "/usr/share/man",
    "/usr/share/doc",
    "/usr/share/locale",
    "/usr/share/perl",
    "/usr/share/perl5",
    "/usr/share/vim",
    "/usr/share/help",
    "/usr/share/dictd",
    "/usr/share/debian-reference",
    "/usr/share/games/fortunes",
    "/usr/include",
)
"""Folders of installed packages that hold text."""

_NAMES = """\
manpages manpages-dev freebsd-manpages manpages-de manpages-fr manpages-es dict-gcide dict-wn dict-foldoc dict-jargon
dict-devil debian-handbook debian-reference-en debian-reference-de debian-reference-fr debian-reference-es
developers-reference debian-policy debian-faq installation-guide-amd64 aptitude-doc-en gnome-user-docs fortunes
jargon-text libreoffice-help-en-us libreoffice-help-de libreoffice-help-fr libreoffice-help-es python3-doc
python3.11-doc perl-doc git-doc sqlite3-doc postgresql-doc-15 nodejs-doc apache2-doc python-django-doc bash-doc
zsh-doc emacs-el golang-1.19-src
"""
PACKAGES = tuple(_NAMES.split())
"""Debian packages that hold text and little else: about 210 MB to fetch."""


@dataclass(frozen=True)
class Rule:
    """Files whose name holds `pattern` are of `domain` (None: left out), in the format of `extract.FORMATS`."""

    pattern: str
    domain: str | None = None
    format: str = "plain"


_BOOKS = "debian-reference|developers-reference|debian-policy|debian-faq|aptitude|libreoffice-help|zsh-doc"
_CHANGES = r"/usr/share/doc/.*/(changelog|changes|news|history|relnotes)[^/]*(/[^/]*\.(txt|adoc))?(\.gz)?$"

RULES = tuple(
    Rule(pattern, domain, format)
    for pattern, domain, format in (
        (r"/copyright$|\.(dat|u8|png|svg|js|css|conf|json|pdf|ps|db|map|patch|diff)(\.gz)?$", None, ""),
        (r"^nodejs-doc:.*/api/.*\.md\.gz$", None, ""),  # the pages beside them in another format
        (rf":/usr/share/man/({LANGUAGES})/man", "translated", "roff"),
        (rf"/locale/({LANGUAGES})/LC_MESSAGES/.*\.mo$", "translated", "messages"),
        (rf":/usr/share/help/({LANGUAGES})/.*\.page$", "translated", "html"),
        (rf"^debian-handbook:.*/html/({LANGUAGES})-[A-Z]+/.*\.html$", "translated", "html"),
        (rf"(/doc/|/help/|debian-reference/)(.*[./])?({LANGUAGES})[./](.*\.)?html$", "translated", "html"),
        (r"^debian-handbook:.*/html/en-US/.*\.html$", "guides", "html"),
        (r"^installation-guide[^:]*:.*/en/.*\.html$", "guides", "html"),
        (r":/usr/share/help/C/.*\.page$", "guides", "html"),
        (r"^(debian-handbook|installation-guide|gnome-user-docs)", None, ""),
        (r":/usr/share/man/man\d|^freebsd-manpages:.*\.\d\.gz$", "manual", "roff"),
        (r":/usr/share/man/", None, ""),
        (r"/dictd/.*\.dict(\.dz)?$", "dictionary", "dictionary"),
        (r":/usr/share/games/fortunes/[^.]+$|^jargon-text:.*/jargon.*\.gz$", "guides", "plain"),
        (r"/doc/.*/(?!en/|db/|go/)[a-z]{2}([-_][a-z]{2})?/.*\.html$", None, ""),
        (rf"^({_BOOKS})[^:]*:.*(\.en)?\.html$", "guides", "html"),
        (_CHANGES, "changelog", "plain"),
        (r"/doc/.*\.html?(\.en)?(\.gz)?$", "docs", "html"),
        (r"^python:pydoc_data/topics\.py$", "docs", "topics"),
        (r"\.pod(\.gz)?$", "docs", "pod"),
        (r"/doc/(?!.*/_sources/).*(\.txt|\.md|\.rst|/README[^/]*)(\.gz)?$", "docs", "plain"),
        (r"\.py$", "python", "program"),
        (r"\.(go|c|h|hpp|pm|pl|el)(\.gz)?$", "code", "program"),
    )
)

REFERENCES: dict[str, str] = {
    "guides": r"^(debian-handbook|debian-reference|developers-reference|installation-guide|gnome-user-docs)",
    "docs": r"^(python3[^:]*-doc:.*/(tutorial|howto|whatsnew|library)|sqlite3-doc|git-doc:.*/(git|user)|python:pydoc)",
    "manual": r"^manpages",
    "translated": r"^(debian-handbook|debian-reference|gnome-user-docs|manpages)",
    "dictionary": r"^dict-(foldoc|jargon|devil)",
    "python": r"^python:(?!.*(test|idlelib|lib2to3|encodings|pydoc_data))",
    "code": r"^(golang[^:]*:(?!.*(_test|/test|/vendor/|zerr|zsys|opGen|rewrite|tables))|emacs-el|perl)",
    "changelog": r"/(NEWS|RelNotes|news)",
}
"""By domain, sources that editors have gone over: what n-gram models of the domain learn from."""

PROSE = r"^(debian-handbook|debian-reference|developers-reference|installation-guide|gnome-user-docs|python:pydoc)"
"""Sources of reference prose, in every language of the corpus: the positive class of the prose classifier."""

_FOUND = tuple((re.compile(rule.pattern, re.IGNORECASE), rule) for rule in RULES)


def rule_of(source: str) -> Rule | None:
    """Rule of a file by its name ``package:path``; None where it is no text of the corpus.

    Examples
    --------
    >>> rule_of("manpages:/usr/share/man/man7/tcp.7.gz").domain
    'manual'
    """
    rule = next((rule for pattern, rule in _FOUND if pattern.search(source)), None)
    return rule if rule is not None and rule.domain is not None else None
