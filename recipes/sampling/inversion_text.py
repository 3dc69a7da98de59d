"""An inversion as text and as JSON: wanted against reached, by cell, and what the form cannot give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from infolaw.rendering import amount, table

from .inversion import Inversion


def inversion_content(found: Inversion) -> dict[str, Any]:
    """As JSON."""
    rows = [{"cell": name, "wanted": wanted, "reached": reached} for name, wanted, reached in _rows(found)]
    said = {"distance": found.distance, "is_met": found.is_met, "rows": rows, "notes": list(found.sentences)}
    return {"params": found.params.to_dict(), **said}


def inversion_text(found: Inversion, out: Path) -> str:
    """Tokens by cell, how near the parameters come, and where they do not."""
    lines = [[name, amount(wanted), amount(reached)] for name, wanted, reached in _rows(found)]
    near = f"the nearest parameters are in {out}: {found.distance:.2%} of the tokens lie in other cells than wanted."
    return "\n".join([table(["cell", "wanted", "reached"], lines), "", near, *(f"note: {line}" for line in found.sentences)])


def _rows(found: Inversion) -> list[tuple[str, float, float]]:
    domains, n_buckets = found.params.domains, found.wanted.shape[1]
    names = [d if n_buckets == 1 else f"{d}/q{k}" for d in domains for k in range(n_buckets)]
    return list(zip(names, found.wanted.reshape(-1).tolist(), found.reached.reshape(-1).tolist(), strict=True))
