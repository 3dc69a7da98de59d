"""`auto`: it takes the true law where it wins, the baseline where nothing clearly does, and its ensemble is a predictor."""

import numpy as np
import pytest

from infolaw import allocate, fit, simulated_runs
from infolaw.auto import fit_auto
from infolaw.ensemble import Ensemble
from infolaw.errors import FitError
from infolaw.folds import folds_of
from infolaw.observations import observe
from infolaw.points import Points
from infolaw.selection import select
from infolaw.simulate import HOFFMANN
from infolaw.weighted import read_predictor

REPEATED = {**HOFFMANN, "R_D": 4.0, "R_N": 5.0}


def repeated_points():
    n = np.repeat(np.geomspace(1e8, 4e9, 8), 6)
    return Points.build(n, n * np.tile([5, 10, 20, 40, 80, 160], 8), unique=np.tile([[1e9], [1e10]], (24, 1)))


@pytest.fixture(scope="module")
def repeated():
    return simulated_runs("data_constrained", REPEATED, repeated_points(), noise_sd=0.002)


def ensemble_of(runs):
    members = tuple(fit(law, runs, heldout=None, bootstrap=50) for law in ("chinchilla", "data_constrained"))
    return Ensemble(members, (0.5, 0.5), (0.5, 0.5), "both")


def test_the_baseline_is_kept_where_it_is_the_truth():
    found = select(observe(simulated_runs(noise_sd=0.005)), ("data_constrained",))
    assert [law.name for law in found.chosen] == ["chinchilla"]
    assert "no law is clearly better" in found.reason


def test_a_law_that_sees_repetition_is_taken_where_repetition_counts(repeated):
    found = select(observe(repeated), ("data_constrained",))
    assert [law.name for law in found.chosen] == ["data_constrained"]
    candidate = found.candidates[1]
    assert candidate.ratio < 0.5
    assert candidate.frequency > 0.9
    assert candidate.verdict == "chosen"


def test_every_fold_holds_other_rows_out(repeated):
    folds = folds_of(observe(repeated))
    assert len({split.test.tobytes() for split in folds}) == len(folds) >= 4


def test_mixtures_are_held_out_whole():
    rng = np.random.default_rng(0)
    weights = np.repeat(rng.dirichlet(np.ones(3), 9), 4, axis=0)
    points = Points.build(np.tile(np.geomspace(1e8, 1e9, 4), 9), 2e10, weights=weights, unique=np.full((36, 3), 1e10))
    truth = {"E": 1.2, "A": 60.0, "alpha": 0.3, "B": 200.0, "beta": 0.25, "theta": 0.5, "s": 0.02, "l": 2.0}
    seen = observe(simulated_runs("infolaw_e", truth, points, cells=("q0", "q1", "q2")))
    mixtures = [split for split in folds_of(seen) if split.name.startswith("mixtures")]
    assert len(mixtures) == 3
    for split in mixtures:
        train, test = (np.unique(seen.points.weights[m].round(6), axis=0) for m in (split.train, split.test))
        assert not {tuple(w) for w in train.tolist()} & {tuple(w) for w in test.tolist()}


def test_eight_runs_are_enough():
    points = Points.build(np.repeat(np.geomspace(1e8, 1e9, 4), 2), np.tile([2e9, 3e10], 4))
    found = fit("auto", simulated_runs(points=points, noise_sd=0.001), bootstrap=20)
    assert found.law == "chinchilla"


def test_five_runs_get_the_law_of_fewest_constants_and_are_told_so():
    points = Points.build([1e8, 2e8, 4e8, 8e8, 1e8], [2e9, 4e9, 8e9, 1.6e10, 3.2e10])
    found = fit("auto", simulated_runs(points=points, noise_sd=0.001), bootstrap=20)
    assert found.law == "overtraining"
    assert any("no run can be held out" in text for text in found.warnings)


def test_progress_is_told_to_the_end(repeated):
    told = []
    select(observe(repeated), ("data_constrained",), progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] == len(told)


def test_an_ensemble_predicts_the_geometric_mean_and_draws_from_all(repeated):
    both = ensemble_of(repeated)
    points = both.points([1e9, 4e9], [1e11, 1e11], unique=1e9)
    apart = np.array([member.predict(points) for member in both.members])
    np.testing.assert_allclose(both.predict(points), np.sqrt(apart.prod(0)))
    draws = both.draws(points, 200)
    assert draws[:, 0].std() > max(m.draws(points, 200)[:, 0].std() for m in both.members)


def test_an_ensemble_allocates_and_survives_its_file(repeated, tmp_path):
    both = ensemble_of(repeated)
    found = allocate(both, flops=1e21)
    assert found.n_params.lower < found.n_params.value < found.n_params.upper
    both.write(tmp_path / "fit.json")
    again = read_predictor(tmp_path / "fit.json")
    points = both.points([1e9], [1e11])
    np.testing.assert_array_equal(again.draws(points, 50), both.draws(points, 50))
    assert again.to_dict() == both.to_dict()


def test_auto_says_why_and_the_same_seed_says_the_same(repeated):
    first, second = (fit_auto(observe(repeated), n_bootstrap=20) for _ in range(2))
    assert first.to_dict() == second.to_dict()
    assert any(text.startswith("auto: ") for text in first.warnings)


def test_a_law_that_wins_only_by_some_runs_is_not_used(monkeypatch):
    # infolaw_e predicts every fold of all runs at half of Chinchilla's error, and no better once a part is missing
    observations = observe(simulated_runs(noise_sd=0.005))

    def errors(law, given, fold, seed):
        wins = law.name == "infolaw_e" and len(given) == len(observations)
        return np.full(int(fold.test.sum()), 0.5 if wins else 1.0)

    monkeypatch.setattr("infolaw.selection.held_out_errors", errors)
    found = select(observations, ["infolaw_e"])
    assert found.is_baseline
    assert "wins again in 0 of 5" in found.reason


def test_a_prior_binds_the_laws_that_have_its_constant(repeated):
    found = fit("auto", repeated, heldout=None, bootstrap=20, priors={"alpha": (0.34, 0.001)})
    assert all(member.params["alpha"] == pytest.approx(0.34, abs=0.01) for member in getattr(found, "members", [found]))
    with pytest.raises(FitError, match="no law in use has it"):
        fit("auto", repeated, heldout=None, bootstrap=20, priors={"gamma": (0.3, 0.1)})
