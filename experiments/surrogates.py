"""Surrogates: which model of a swarm of proxy runs predicts mixtures never run, and with how few runs.

Tables: RegMix's 512 + 256 mixtures of 17 domains (1M models, 13 losses), and the 26 mixtures of five groups of domains
of Ye et al. (2024) at 410M and 30k steps, with the same mixtures at 70M and 160M. One procedure for all tables.

Expected: half the error of boosted trees at any number of runs, a quarter of the runs for the same error; few large runs
beside many small ones better than twice as many large ones alone. Minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time

import numpy as np

from infolaw.units import Array
from recipes.choosing import choose_surrogate, folds_of
from recipes.skill import calibration, spearman
from recipes.surrogates import (
    BoostedTrees,
    GaussianProcess,
    JointGaussianProcess,
    LogLinear,
    MultiFidelity,
    RegMixTrees,
    Surrogate,
)
from recipes.swarm import Swarm

from .report import Check, Report, Row
from .shared import data_folder, shared_runs

CLAIM = (
    "A Gaussian process on powers of the shares that doubts stray runs halves the error of boosted trees on unseen mixtures."
)
SEVEN = ("arxiv", "github", "pile_cc", "books3", "wikipedia_en", "stackexchange", "pile_avg")
JOINT, SINGLE, PLAIN = "joint_gaussian_process", "gaussian_process", "plain process on w^(1/4)"


@dataclass(frozen=True)
class Config:
    """Folder of the tables; numbers of runs; losses of RegMix (None = all) and of the 26 mixtures; draws and seeds."""

    data: Path = field(default_factory=data_folder)
    n_runs: tuple[int, ...] = (32, 64, 128, 256, 512)
    regmix_targets: tuple[str, ...] | None = None
    five_targets: tuple[str, ...] = SEVEN
    nested: bool = True
    n_splits: int = 10
    n_bootstrap: int = 5000
    seed: int = 0

    @classmethod
    def tiny(cls, **changes: Path) -> Config:
        """Return seconds' work: two losses, no nested choice."""
        return cls(
            n_runs=(64, 128, 256),
            regmix_targets=("pile_cc", "github"),
            five_targets=("arxiv", "pile_cc"),
            nested=False,
            n_splits=2,
            n_bootstrap=500,
            seed=0,
            **changes,
        )


def contestants() -> dict[str, Callable[[], Surrogate]]:
    """Return every surrogate by its name here."""
    return {
        JOINT: JointGaussianProcess,
        SINGLE: GaussianProcess,
        "gaussian_process, smoothness 1.5": lambda: GaussianProcess(smoothness=1.5),
        PLAIN: lambda: GaussianProcess(power=0.25, skewed=False, n_doubts=0),
        "log_linear": LogLinear,
        "lightgbm, small": BoostedTrees,
        "lightgbm, regmix": RegMixTrees,
    }


def run(config: Config) -> Report:
    """Fit everything everywhere, and judge it on mixtures that no fit has seen."""
    curve, errors = regmix(config)
    n, few = config.n_runs[-1], 128
    low, high = _paired(errors[JOINT, n] - errors[PLAIN, n], config)
    mean = {key: float(value.mean()) for key, value in errors.items()}
    seconds = {(row["surrogate"], row["runs"]): float(row["CPU [s]"]) for row in curve}
    checks = [
        Check(f"RegMix, {n} runs: error / error of a plain process", 1.0, mean[JOINT, n] / mean[PLAIN, n], "at most"),
        Check("its paired 97.5 % bound of the difference [nats]", 0.0, high, "at most"),
        Check(
            f"{few} runs: error / error of LightGBM with 256",
            1.0,
            mean[JOINT, few] / mean["lightgbm, regmix", 256],
            "at most",
        ),
    ]
    if config.regmix_targets is None:
        checks += [
            Check("RegMix, 512 runs: error [nats]", 0.0426, mean[JOINT, 512], "at most", source="own target"),
            Check("GP fit 512 x 17 x 13 targets [CPU s]", 30.0, seconds[JOINT, 512], "at most", source="own target"),
            Check("log-linear fit of 13 targets [CPU s]", 2.0, seconds["log_linear", 512], "at most", source="own target"),
        ]
    five, five_error = few_mixtures(config)
    levels, ratio = two_sizes(config)
    checks += [
        Check(f"26 mixtures at 410M: error of {JOINT} [nats]", 0.0105, five_error[JOINT], "at most", source="own target"),
        Check("6 large runs + small ones: error / error of 13 large", 1.0, ratio, "at most", source="own target"),
    ]
    if config.nested:
        checks.append(
            Check(
                "26 mixtures, chosen in every fold [nats]",
                0.0105,
                five_error["chosen"],
                "at most",
                source="own target",
            )
        )
    tables = {
        "RegMix: error on 256 unseen mixtures, mean over losses [nats]": curve,
        "26 mixtures at 410M, 30k steps, each left out once: error [nats]": five,
        "Small tables, ten folds of mixtures: error, mean over losses [nats]": other_tables(config),
        "410M from 70M and 160M (26 mixtures each) and some 410M runs: error on 13 other mixtures [nats]": levels,
    }
    text = (
        f"Paired difference from the plain process with {n} runs: {low:.5f} to {high:.5f} (95 %). Runs of these swarms "
        "stray: left-out residuals have a kurtosis of 7 to 16, and a run strays in several losses at once, so that "
        "trusting runs unequally, and alike for all losses, is worth more than any change of kernel."
    )
    return Report(CLAIM, tuple(checks), tables, text)


def _predicted(make: Callable[[], Surrogate], X: Array, Y: Array, at: Array) -> tuple[Array, Array]:
    """Return losses and their errors (NaN where none is stated), each ``(n_points, n_targets)``."""
    model = make()
    if isinstance(model, JointGaussianProcess):
        mean, std = model.fit(X, Y).predict(at, return_std=True)
        return mean, std
    columns = []
    for y in Y.T:
        fitted = make().fit(X, y)
        none = np.full(len(at), np.nan)
        columns.append(fitted.predict(at, return_std=True) if fitted.has_std else (fitted.predict(at), none))
    return np.stack([mean for mean, _ in columns], -1), np.stack([std for _, std in columns], -1)


def regmix(config: Config) -> tuple[tuple[Row, ...], dict[tuple[str, int], Array]]:
    """Return the table, and the error of each unseen mixture by (surrogate, runs), ``(256,)``."""
    swarm = Swarm(shared_runs(config.data, "regmix.csv").select("n_params == 1e6"))
    unseen = swarm.runs.frame["split"].str.startswith("test").to_numpy()
    train, test = swarm.select(~unseen), swarm.select(unseen)
    targets = config.regmix_targets or tuple(t for t in swarm.targets if np.isfinite(swarm.losses(t)).all())
    Y, truth = train.losses(*targets), test.losses(*targets)
    rows: list[Row] = []
    errors = {}
    for name, make in contestants().items():
        for n in config.n_runs:
            start = process_time()
            mean, std = _predicted(make, train.weights[:n], Y[:n], test.weights)
            taken = process_time() - start
            errors[name, n] = np.abs(mean - truth).mean(1)
            held = calibration(mean - truth, std)[0] if np.isfinite(std).all() else "none stated"
            rows.append(
                {
                    "surrogate": name,
                    "runs": n,
                    "error": float(errors[name, n].mean()),
                    "Spearman": float(np.mean([spearman(a, b) for a, b in zip(mean.T, truth.T, strict=True)])),
                    "90 % intervals hold": held,
                    "CPU [s]": taken,
                }
            )
    return tuple(rows), errors


def few_mixtures(config: Config) -> tuple[tuple[Row, ...], dict[str, float]]:
    """Leave each of 26 mixtures out, fit the others; with `nested` also choose the surrogate among the others."""
    swarm = _five(config, "410M")
    X, Y = swarm.weights, swarm.losses(*config.five_targets)
    found = {}
    for name, make in contestants().items():
        found[name] = np.stack([_predicted(make, *_without(X, Y, i), X[[i]])[0][0] for i in range(len(X))])
    if config.nested:
        chosen = [
            [choose_surrogate(*_without(X, y, i), seed=config.seed, measure=False).predict(X[[i]])[0] for y in Y.T]
            for i in range(len(X))
        ]
        found["chosen"] = np.array(chosen)
    each = {name: np.abs(predicted - Y).mean(0) for name, predicted in found.items()}
    rows: list[Row] = [
        {"surrogate": name, "mean": float(e.mean()), **dict(zip(config.five_targets, map(float, e), strict=True))}
        for name, e in each.items()
    ]
    return tuple(rows), {name: float(e.mean()) for name, e in each.items()}


def other_tables(config: Config) -> tuple[Row, ...]:
    """Return errors on four domains of Pile (the size run most, runs with all losses) and the seven of AutoScale.

    AutoScale changed the tokens of one domain at a time, and so the length of the run: its weights alone mislead.
    """
    found: dict[str, dict[str, float | str]] = {name: {"surrogate": name} for name in contestants()}
    for file, view in (("pile4.csv", "weights"), ("autoscale_ddo.csv", "weights"), ("autoscale_ddo.csv", "amounts")):
        swarm = Swarm(shared_runs(config.data, file))
        sizes, counts = np.unique(swarm.runs.frame["n_params"], return_counts=True)
        largest = (swarm.runs.frame["n_params"] == sizes[counts.argmax()]).to_numpy()
        swarm = swarm.select(largest & np.isfinite(swarm.losses()).all(1))
        X, Y, labels = swarm.features(view)[0], swarm.losses(), swarm.groups
        for name, make in contestants().items():
            errors = [
                np.abs(_predicted(make, np.delete(X, test, 0), np.delete(Y, test, 0), X[test])[0] - Y[test])
                for test in folds_of(labels, 10, config.seed)
            ]
            found[name][f"{file.removesuffix('.csv')}, {len(X)} runs, {view}"] = float(np.concatenate(errors).mean())
    return tuple(found.values())


def two_sizes(config: Config) -> tuple[tuple[Row, ...], float]:
    """Predict 13 mixtures at 410M from all at 70M and 160M and few at 410M; or from 410M alone."""
    small = [_five(config, size) for size in ("70M", "160M")]
    large = _five(config, "410M")
    X, Y = large.weights, large.losses(*config.five_targets)
    errors: dict[str, list[float]] = {}
    for split in range(config.n_splits):
        order = np.random.default_rng(config.seed + split).permutation(len(X))
        test = order[13:]
        for n in (1, 3, 6):
            few = order[:n]
            stacked = np.vstack([*(_at(s.weights, level) for level, s in enumerate(small)), _at(X[few], 2)])
            losses = np.vstack([*(s.losses(*config.five_targets) for s in small), Y[few]])
            mean = _predicted(MultiFidelity, stacked, losses, _at(X[test], 2))[0]
            errors.setdefault(f"all small + {n} large", []).append(float(np.abs(mean - Y[test]).mean()))
        for n in (6, 13):
            mean = _predicted(GaussianProcess, X[order[:n]], Y[order[:n]], X[test])[0]
            errors.setdefault(f"{n} large alone", []).append(float(np.abs(mean - Y[test]).mean()))
    better = np.array(errors["all small + 6 large"]) < np.array(errors["13 large alone"])
    rows: list[Row] = [{"runs": name, "error": float(np.mean(e)), "worst split": max(e)} for name, e in errors.items()]
    wins = f"6 + small beat 13 in so many of {len(better)} splits"
    rows.append({"runs": wins, "error": float(better.sum()), "worst split": ""})
    return tuple(rows), float(np.mean(errors["all small + 6 large"]) / np.mean(errors["13 large alone"]))


def _five(config: Config, size: str) -> Swarm:
    """Return one size at 30k steps, in the order of its mixtures."""
    runs = shared_runs(config.data, "mixinglaws_5mix.csv").select(
        f"split == 'main' and size_label == '{size}' and step == 30000"
    )
    order = np.argsort(runs.frame["mixture_id"].to_numpy(), kind="stable")
    return Swarm(type(runs)(runs.frame.iloc[order], runs.notes, runs.source, runs.fingerprint))


def _without(X: Array, Y: Array, i: int) -> tuple[Array, Array]:
    return np.delete(X, i, axis=0), np.delete(Y, i, axis=0)


def _at(weights: Array, level: int) -> Array:
    return np.column_stack([weights, np.full(len(weights), float(level))])


def _paired(difference: Array, config: Config) -> tuple[float, float]:
    """Return the 95 % interval of the mean difference over resampled mixtures."""
    n = len(difference)
    draws = np.random.default_rng(config.seed).integers(n, size=(config.n_bootstrap, n))
    low, high = np.quantile(difference[draws].mean(1), [0.025, 0.975])
    return float(low), float(high)
