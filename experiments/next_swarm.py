"""From the runs that `infolaw design --out next.csv` proposes to a swarm that trains them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from infolaw.errors import ExperimentError

from .designs import Base
from .proxy import RunConfig

CLOSE = 0.1
"""Largest share by which a model may differ from the size proposed."""
_WIDTHS = np.arange(8, 4097, 8)


def next_configs(path: str | Path, base: Base) -> list[RunConfig]:
    """Return one configuration a proposed run, of the width whose model is nearest in size.

    Raises
    ------
    ExperimentError
        If the file is no design, or no width comes near; the message names the run.
    """
    try:
        rows = list(csv.DictReader(Path(path).read_text(encoding="utf-8").splitlines()))
    except OSError as error:
        raise ExperimentError(f"cannot read {path}: {error.strerror or error}.") from None
    if not rows or not {"run_id", "n_params", "tokens", "seed"} <= rows[0].keys():
        raise ExperimentError(f"{path} holds no runs to do: write them with `infolaw design ... --out next.csv`.")
    sizes = np.array([base.n_params(int(width)) for width in _WIDTHS], float)
    return [_config(row, base, sizes) for row in rows]


def _config(row: dict[str, str], base: Base, sizes: np.ndarray[tuple[int], np.dtype[np.float64]]) -> RunConfig:
    wanted = float(row["n_params"])
    k = int(np.abs(np.log(sizes / wanted)).argmin())
    if abs(sizes[k] / wanted - 1) > CLOSE:
        raise ExperimentError(
            f"run {row['run_id']}: no width gives {wanted:.4g} parameters (the nearest is {sizes[k]:.4g}): design with "
            "--size and the sizes that can be trained."
        )
    cells = [name.removeprefix("weight:") for name in row if name.startswith("weight:")]
    weights, unique = ({cell: float(row[f"{kind}:{cell}"]) for cell in cells} for kind in ("weight", "unique"))
    labels = {"design": "next", "recipe": row["recipe"]}
    pool = sum(unique.values())
    natural = {cell: tokens / pool for cell, tokens in unique.items()}
    return base.run(row["run_id"], int(_WIDTHS[k]), float(row["tokens"]), weights, pool, labels, natural, int(row["seed"]))
