"""The family of laws: one short file each, and one line each in `LAWS`."""

from __future__ import annotations

import difflib

from ..errors import LawError
from .base import BoundLaw, Constants, Law
from .chinchilla import Chinchilla
from .data_constrained import DataConstrained
from .domain_terms import DomainTerms
from .information import InfoLaw, InfoLawE
from .mixing import ConcaveMixing, Mixing
from .overtraining import OverTraining
from .parameter import CellValue, Centre, Parameter
from .prescriptive import Prescriptive
from .repetition import Repetition
from .transfer import Transfer

LAWS: dict[str, Law] = {
    "chinchilla": Chinchilla(),
    "concave_mixing": ConcaveMixing(),
    "data_constrained": DataConstrained(),
    "domain_terms": DomainTerms(),
    "infolaw": InfoLaw(),
    "infolaw_e": InfoLawE(),
    "mixing": Mixing(),
    "overtraining": OverTraining(),
    "prescriptive": Prescriptive(),
    "repetition": Repetition(),
    "transfer": Transfer(),
}
"""Every law by its name, with its default settings."""


def law_named(spec: str | Law) -> Law:
    """Return a law by name, such as ``chinchilla`` or, with settings, ``infolaw_e:growth=log``.

    Raises
    ------
    LawError
        If there is no such law or setting; the message lists those there are.

    Examples
    --------
    >>> law_named("infolaw_e:growth=log").growth
    'log'
    """
    if isinstance(spec, Law):
        return spec
    name, _, settings = spec.partition(":")
    if name not in LAWS:
        close = difflib.get_close_matches(name, LAWS, 1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise LawError(f"there is no law {name!r}: {hint}the laws are {', '.join(LAWS)} (`infolaw laws` describes them).")
    law = LAWS[name]
    pairs = (item.partition("=") for item in settings.split(",") if item)
    return law.configured(**{key.strip(): _setting(value.strip()) for key, _, value in pairs}) if settings else law


def _setting(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value


__all__ = [
    "LAWS",
    "BoundLaw",
    "CellValue",
    "Centre",
    "Chinchilla",
    "ConcaveMixing",
    "Constants",
    "DataConstrained",
    "DomainTerms",
    "InfoLaw",
    "InfoLawE",
    "Law",
    "Mixing",
    "OverTraining",
    "Parameter",
    "Prescriptive",
    "Repetition",
    "Transfer",
    "law_named",
]
