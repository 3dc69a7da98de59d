"""Groups: those with few runs borrow from the others, those with many keep their own, and the spread is told."""

import numpy as np
import pandas as pd
import pytest

from infolaw import FitResult, RunTable, fit, law_named, read_runs, simulated_runs
from infolaw.errors import LawError
from infolaw.fitting import fit_law
from infolaw.observations import observe
from infolaw.simulate import HOFFMANN

LEVELS = {"a": 1.6, "b": 1.7, "c": 1.9}


def table(levels=LEVELS, noise_sd=0.005):
    parts = [
        simulated_runs(constants={**HOFFMANN, "E": level}, noise_sd=noise_sd, seed=k).to_frame().assign(lab=name)
        for k, (name, level) in enumerate(levels.items())
    ]
    return RunTable.from_frame(pd.concat(parts, ignore_index=True).drop(columns="run_id"))


def error_on_rest_of_last(runs, few, **options):
    seen = observe(runs, group="lab")
    last = np.flatnonzero(seen.points.group == len(seen.schema.groups) - 1)
    train = np.setdiff1d(np.arange(len(seen)), last[few:])
    predicted = fit_law(law_named("chinchilla"), seen.take(train), **options).predict(seen.points.take(last[few:]))
    return float(np.abs(predicted / seen.losses[last[few:]] - 1).mean())


def test_a_new_group_with_few_runs_borrows_from_the_others():
    pooled, alone = (error_on_rest_of_last(table(), 4, pooling=how) for how in (True, False))
    assert pooled < 0.012
    assert pooled < 0.3 * alone


def test_a_group_with_one_run_can_be_fitted():
    assert error_on_rest_of_last(table(), 1) < 0.03


def test_two_runs_in_each_of_many_groups_are_enough_together():
    levels = {f"g{k:02d}": 1.5 + 0.03 * k for k in range(12)}
    runs = table(levels)
    rows = np.random.default_rng(0).permutation(36)
    keep = np.concatenate([36 * k + rows[2 * k : 2 * k + 2] for k in range(12)])
    few = fit("chinchilla", runs.select(np.isin(np.arange(len(runs)), keep)), group="lab", heldout=None)
    found = [few.params[f"E[{name}]"] for name in levels]
    assert np.corrcoef(found, list(levels.values()))[0, 1] > 0.9


def test_groups_with_many_runs_keep_their_levels_and_the_spread_is_told():
    result = fit("chinchilla", table(), group="lab", heldout=None)
    found = [result.params[f"E[{name}]"] for name in LEVELS]
    np.testing.assert_allclose(np.diff(found), np.diff(list(LEVELS.values())), atol=0.02)
    assert any("3 groups are pooled" in note and "E 0." in note for note in result.observations.notes)


def test_groups_that_are_alike_are_fitted_as_one():
    result = fit("chinchilla", table(dict.fromkeys("ab", 1.69)), group="lab", heldout=None)
    assert abs(result.params["E[a]"] - result.params["E[b]"]) < 0.005
    assert result.params["A[a]"] == pytest.approx(result.params["A[b]"], rel=1e-2)


def test_a_pooled_fit_survives_its_file(tmp_path):
    result = fit("chinchilla", table(), group="lab", heldout=None, bootstrap=20, priors={"alpha": (0.34, 0.05)})
    result.write(tmp_path / "fit.json")
    again = FitResult.read(tmp_path / "fit.json")
    assert again.to_dict() == result.to_dict()
    np.testing.assert_array_equal(again.covariance, result.covariance)


def test_ten_runs_on_a_new_corpus_predict_the_rest_of_marin(shared_data):
    seen = observe(read_runs(shared_data / "marin_isoflop.csv"), group="recipe")
    own = np.flatnonzero(seen.points.group == 1)
    own = own[np.argsort(seen.points.flops[own], kind="stable")]
    errors = []
    for seed in range(20):
        ten = np.random.default_rng(seed).choice(own[: int(0.6 * len(own))], 10, replace=False)
        train, test = np.setdiff1d(np.arange(len(seen)), np.setdiff1d(own, ten)), np.setdiff1d(own, ten)
        predicted = fit_law(law_named("chinchilla"), seen.take(train)).predict(seen.points.take(test))
        errors.append(np.abs(predicted / seen.losses[test] - 1).mean())
    assert np.mean(errors) <= 0.01


def test_a_grouped_fit_predicts_a_table_by_its_column_of_groups():
    runs = table()
    found = fit("chinchilla", runs, group="lab", heldout=None, bootstrap=20)
    held = runs.select("lab == 'c'")
    own = found.observations.points.group == 2
    np.testing.assert_allclose(found.predict(found.points_of(held, "lab")), found.predict(found.observations.points)[own])
    with pytest.raises(LawError, match="name the column"):
        found.points_of(runs)


def test_a_constant_that_no_run_moves_does_not_stop_the_pooling():
    runs = table().select("tokens < 1e30")
    assert fit("data_constrained", runs, group="lab", heldout=None, bootstrap=20).n_runs == len(runs)
