"""Which surrogate to trust on a swarm: chosen on runs it has not seen, its skill measured on runs not used to choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from infolaw.errors import RecipeError
from infolaw.units import Array

from .skill import Skill, calibration, expected_error, spearman, top_recall
from .surrogates import BoostedTrees, GaussianProcess, LogLinear, Surrogate
from .surrogates.base import checked_features

Rows: TypeAlias = NDArray[np.integer[Any]]
"""Indices of runs, or the mixture of each."""
MOST_FOLDS, INNER_FOLDS = 10, 5
NESTED_UP_TO = 64
"""Mixtures up to which every outer fold has its own inner folds; above, a fold's choice reads the errors of the others."""
CURVE = (0.25, 0.5, 0.75)
LEAST_RUNS = 6


def default_candidates() -> dict[str, Surrogate]:
    """Return what is tried unless the caller says otherwise: the same for every table."""
    return {
        "gaussian_process": GaussianProcess(),
        "gaussian_process, smoothness 1.5": GaussianProcess(smoothness=1.5),
        "log_linear": LogLinear(),
        "lightgbm": BoostedTrees(),
    }


def choose_surrogate(
    X: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike | None = None,
    seed: int = 0,
    candidates: Mapping[str, Surrogate] | None = None,
    measure: bool = True,
) -> Any:
    """Choose a surrogate by cross-validation over mixtures, fit it to all runs, and say how good it is.

    Parameters
    ----------
    X : array, ``(n_runs, n_features)``
    y : array, ``(n_runs,)``
        One loss a run; lower is better for the measures of the best runs.
    groups : array, ``(n_runs,)``, optional
        Mixture of each run: runs of one mixture are never split. By default equal rows of X are one mixture.
    seed : int
        Of the folds.
    candidates : mapping of str to Surrogate, optional
        What to choose from; by default `default_candidates`.
    measure : bool
        False only chooses and fits: a fifth of the time, and no ``skill_``.

    Returns
    -------
    Surrogate
        Fitted to all runs, with its held-out skill (`Skill`) in ``skill_``.

    Raises
    ------
    RecipeError
        If fewer than 6 mixtures were run, a loss is missing, shapes differ, or no candidate can be fitted.

    Notes
    -----
    Ten folds, and every mixture its own with ten or fewer. The skill is that of the procedure: up to 64 mixtures, nested;
    above, each fold is predicted by what does best on all other folds, which costs a tenth and differs little.
    """
    X, y = checked_features(np.asarray(X)), np.asarray(y, dtype=float)
    _check_losses(X, y)
    if groups is None:
        labels = np.unique(X.round(6), axis=0, return_inverse=True)[1].ravel()
    else:
        labels = np.unique(np.asarray(groups), return_inverse=True)[1].ravel()
        if len(labels) != len(y):
            raise RecipeError(f"There are {len(y)} runs and {len(labels)} groups; give the mixture of every run.")
    n_groups = int(labels.max()) + 1
    if n_groups < LEAST_RUNS:
        raise RecipeError(f"There are {n_groups} different mixtures; choosing a surrogate needs {LEAST_RUNS} or more.")
    return _Choice(X, y, labels, seed, dict(candidates or default_candidates())).made(measure)


def _check_losses(X: Array, y: Array) -> None:
    if y.shape != (len(X),):
        raise RecipeError(
            f"There are {len(X)} runs but losses of shape {y.shape}; give one loss a run and one target a call."
        )
    lost = int((~np.isfinite(y)).sum())
    if lost == len(y):
        raise RecipeError(f"The target is missing in all {len(y)} runs; choose another target.")
    if lost:
        raise RecipeError(f"The target is missing in {lost} of {len(y)} runs; leave these runs out (`Swarm.table` does).")


def folds_of(labels: Rows, n_most: int, seed: int) -> list[Rows]:
    """Return the rows of each fold; a label is in one fold only."""
    order = np.random.default_rng(seed).permutation(np.unique(labels))
    return [np.flatnonzero(np.isin(labels, part)) for part in np.array_split(order, min(n_most, len(order)))]


class _Choice:
    """The runs, and everything that is fitted to parts of them."""

    def __init__(self, X: Array, y: Array, labels: Rows, seed: int, candidates: dict[str, Surrogate]) -> None:
        self.X, self.y, self.labels, self.seed = X, y, labels, seed
        self.candidates = candidates
        self.notes: list[str] = []

    def made(self, measure: bool) -> Surrogate:
        """Return the chosen surrogate, fitted to all runs, with its skill."""
        folds = folds_of(self.labels, MOST_FOLDS, self.seed)
        predictions = self._held_out(folds)
        if not predictions:
            raise RecipeError(f"No surrogate could be fitted to {len(self.y)} runs: {' '.join(self.notes)}")
        errors = {name: self._mae(found[0], np.arange(len(self.y))) for name, found in predictions.items()}
        chosen = min(errors, key=lambda name: errors[name])
        fitted = self._fitted(self.candidates[chosen], np.arange(len(self.y)))
        if measure:
            fitted.skill_ = self._skill(chosen, errors, folds, predictions)  # type: ignore[attr-defined]
        return fitted

    def _skill(
        self, chosen: str, errors: dict[str, float], folds: list[Rows], predictions: dict[str, tuple[Array, Array]]
    ) -> Skill:
        """Measure the procedure: its choice is repeated without the runs that it is judged on."""
        mean, std = self._procedure(folds, predictions)
        states = bool(np.isfinite(std).all())
        coverage, scale = calibration(mean - self.y, std) if states else (None, None)
        curve = self._curve(chosen, folds, errors[chosen])
        mae = self._mae(mean, np.arange(len(self.y)))
        constant = np.flatnonzero(np.ptp(self.X, axis=0) == 0)
        if len(constant):
            self.notes.append(f"features that never change, so that nothing is known of them: {constant.tolist()}")
        return Skill(
            chosen=chosen,
            candidates=errors,
            n_runs=len(self.y),
            n_groups=len(np.unique(self.labels)),
            n_folds=len(folds),
            mae=mae,
            spearman=spearman(mean, self.y),
            top_recall=top_recall(mean, self.y),
            coverage=coverage,
            interval_scale=scale,
            upward=self._upward(chosen),
            learning_curve=curve,
            more_runs=expected_error(curve, len(self.y), mae),
            notes=tuple(self.notes),
        )

    def _fitted(self, candidate: Surrogate, rows: Rows) -> Surrogate:
        return type(candidate)(**candidate.get_params()).fit(self.X[rows], self.y[rows])

    def _mae(self, predicted: Array, rows: Rows) -> float:
        return float(np.abs(predicted[rows] - self.y[rows]).mean())

    def _predicted(self, candidate: Surrogate, train: Rows, test: Rows) -> tuple[Array, Array]:
        """Return losses and standard deviations (NaN where none is stated) at `test` after a fit to `train`."""
        fitted = self._fitted(candidate, train)
        if fitted.has_std:
            mean, std = fitted.predict(self.X[test], return_std=True)
            return mean, std
        return fitted.predict(self.X[test]), np.full(len(test), np.nan)

    def _held_out(self, folds: Sequence[Rows]) -> dict[str, tuple[Array, Array]]:
        """Return each candidate's held-out predictions and their errors; who cannot be fitted is noted and left out."""
        everything = np.concatenate(list(folds))
        found: dict[str, tuple[Array, Array]] = {}
        for name, candidate in self.candidates.items():
            mean, std = np.full(len(self.y), np.nan), np.full(len(self.y), np.nan)
            try:
                for test in folds:
                    mean[test], std[test] = self._predicted(candidate, np.setdiff1d(everything, test), test)
            except RecipeError as error:
                note = f"left out: {name}: {error}"
                self.notes += [] if note in self.notes else [note]
                continue
            found[name] = (mean, std)
        return found

    def _procedure(self, folds: list[Rows], predictions: dict[str, tuple[Array, Array]]) -> tuple[Array, Array]:
        """Return predictions of every run by a surrogate that was chosen without it."""
        nested = len(np.unique(self.labels)) <= NESTED_UP_TO
        mean, std = np.empty(len(self.y)), np.empty(len(self.y))
        for test in folds:
            rest = np.setdiff1d(np.arange(len(self.y)), test)
            inner = predictions
            if nested:
                parts = [rest[rows] for rows in folds_of(self.labels[rest], INNER_FOLDS, self.seed)]
                inner = self._held_out(parts)
            errors = {name: self._mae(found[0], rest) for name, found in inner.items() if name in predictions}
            best = min(errors, key=lambda name: errors[name]) if errors else next(iter(predictions))
            mean[test], std[test] = (values[test] for values in predictions[best])
        return mean, std

    def _upward(self, name: str) -> dict[str, float]:
        """Return the skill on the best 20 % of the mixtures after a fit to all others."""
        means = np.array([self.y[self.labels == label].mean() for label in np.unique(self.labels)])
        best = np.unique(self.labels)[means <= np.quantile(means, 0.2)]
        test = np.flatnonzero(np.isin(self.labels, best))
        train = np.setdiff1d(np.arange(len(self.y)), test)
        try:
            predicted = self._predicted(self.candidates[name], train, test)[0]
        except RecipeError as error:
            self.notes.append(f"no fit to the worse 80 %: {error}")
            return {}
        measured = self.y[test]
        return {
            "mae": float(np.abs(predicted - measured).mean()),
            "bias": float((predicted - measured).mean()),
            "spearman": spearman(predicted, measured),
            "regret": float(measured[np.argmin(predicted)] - measured.min()),
        }

    def _curve(self, name: str, folds: list[Rows], mae: float) -> tuple[tuple[int, float], ...]:
        """Return held-out errors with fewer runs of the first folds' training runs, and the last point with all."""
        rng = np.random.default_rng(self.seed)
        points = []
        for share in CURVE:
            errors, sizes = [], []
            for test in folds[:3]:
                rest = np.setdiff1d(np.arange(len(self.y)), test)
                kept = rng.permutation(np.unique(self.labels[rest]))
                rows = rest[np.isin(self.labels[rest], kept[: max(1, round(share * len(kept)))])]
                try:
                    errors.append(np.abs(self._predicted(self.candidates[name], rows, test)[0] - self.y[test]))
                except RecipeError:
                    continue
                sizes.append(len(rows))
            if errors:
                points.append((round(float(np.mean(sizes))), float(np.concatenate(errors).mean())))
        return (*points, (round(len(self.y) * (1 - 1 / len(folds))), mae))
