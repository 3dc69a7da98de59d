"""How sampler parameters are best described to a surrogate: by themselves, or by what they draw from the corpus.

Ninety-six small models were trained on what QuaDMix's sampler draws by parameters of its Alg. 1 (``data/runs-quadmix.csv``:
eight domains, four criteria, six quality buckets). Every description is judged by held-out error, by a Gaussian process and
by boosted trees, for the loss on the best text and for that on all held-out text.

Expected: shares by domain say most; epochs little, since these proxies hardly repeat. Half a minute.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from infolaw.errors import ExperimentError
from infolaw.units import Array
from recipes.choosing import folds_of
from recipes.skill import spearman
from recipes.surrogates import BoostedTrees, GaussianProcess, Surrogate
from recipes.swarm import Swarm, read_swarm

from .report import Check, Report, Row

CLAIM = "Shares of the domains, of what sampler parameters draw, predict a loss at least as well as the parameters do."
DATA = Path(__file__).parent / "data"
DESCRIPTIONS = ("params", "domains", "weights", "ranks", "epochs", "domains+ranks", "weights+ranks", "params+weights")
MODELS: dict[str, Surrogate] = {"gaussian_process": GaussianProcess(), "lightgbm": BoostedTrees()}


@dataclass(frozen=True)
class Config:
    """Table of the proxies, mean ranks of what they drew, targets, descriptions, folds and the seed of these."""

    runs: Path = field(default=DATA / "runs-quadmix.csv")
    ranks: Path = field(default=DATA / "quadmix-ranks.csv")
    targets: tuple[str, ...] = ("loss", "natural")
    descriptions: tuple[str, ...] = DESCRIPTIONS
    n_folds: int = 6
    seed: int = 0

    @classmethod
    def tiny(cls) -> Config:
        """Return seconds' work: one target, three descriptions."""
        return cls(targets=("loss",), descriptions=("params", "domains", "ranks"), n_folds=3)


def run(config: Config) -> Report:
    """Predict every run from runs of other folds."""
    swarm = described(config)
    folds = folds_of(np.arange(len(swarm)), config.n_folds, config.seed)
    tables: dict[str, tuple[Row, ...]] = {}
    checks: list[Check] = []
    for target in config.targets:
        y = swarm.losses(target)[:, 0]
        rows: list[Row] = []
        errors: dict[str, float] = {}
        for name in config.descriptions:
            X = swarm.features(name)[0]
            row: dict[str, float | str] = {"description": name, "features": float(X.shape[1])}
            for model, surrogate in MODELS.items():
                predicted = _held_out(surrogate, X, y, folds)
                row[f"{model} error"] = float(np.abs(predicted - y).mean())
                row[f"{model} Spearman"] = spearman(predicted, y)
            errors[name] = min(float(row[f"{model} error"]) for model in MODELS)
            rows.append(row)
        spread = float(np.abs(y - y.mean()).mean())
        tables[f"{target}: held-out error [nats/token]; of the mean alone {spread:.4f}"] = tuple(rows)
        checks.append(Check(f"{target}: error, domains / params", 1.0, errors["domains"] / errors["params"], "at most"))
    return Report(CLAIM, tuple(checks), tables, _TEXT)


def described(config: Config) -> Swarm:
    """Swarm of the proxies with the mean quality rank, by domain and criterion, of what they drew.

    Raises
    ------
    ExperimentError
        If the two files are of other runs.
    """
    import pandas as pd

    swarm, ranks = read_swarm(config.runs), pd.read_csv(config.ranks)
    if ranks["run_id"].tolist() != swarm.runs.frame["run_id"].tolist():
        raise ExperimentError(f"{config.ranks} and {config.runs} hold other runs or orders: use files of one loop.")
    names = [str(name) for name in ranks if str(name).startswith("rank:")]
    return swarm.with_columns("rank:", [name.removeprefix("rank:") for name in names], ranks[names].to_numpy(float))


def _held_out(surrogate: Surrogate, X: Array, y: Array, folds: list[np.ndarray]) -> Array:
    from sklearn.base import clone

    found = np.empty(len(y))
    for test in folds:
        rest = np.setdiff1d(np.arange(len(y)), test)
        found[test] = clone(surrogate).fit(X[rest], y[rest]).predict(X[test])
    return found


_TEXT = """Ranks are token-weighted means of the quality rank (0 = best) of what is drawn, by domain and criterion, from
`recipes.induced_features`; weights are the realised shares of domains by bucket."""
