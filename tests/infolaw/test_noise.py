"""Noise: repeated seeds give its floor, measured errors give weights, curves give a mean with its error."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from infolaw import FitResult, RunTable, fit, read_runs, simulated_runs
from infolaw.errors import RunTableError
from infolaw.fitting import fit_law
from infolaw.laws import law_named
from infolaw.noise import kind_spreads, row_spreads
from infolaw.observations import observe
from infolaw.simulate import HOFFMANN
from infolaw.smoothing import smoothed_final


def seeds(noise_sd=0.003, n_seeds=3):
    parts = [simulated_runs(noise_sd=noise_sd, seed=k).to_frame().assign(seed=k, lr=0.01) for k in range(n_seeds)]
    return pd.concat(parts, ignore_index=True).drop(columns="run_id")


def test_repeated_seeds_give_the_noise():
    noise = observe(RunTable.from_frame(seeds())).seed_noise
    assert noise.sd == pytest.approx(0.003, rel=0.15)
    assert noise.df == 72


def test_runs_of_another_setting_are_no_repeats():
    frame = seeds().assign(lr=lambda f: np.where(f["seed"] == 0, 0.01, 0.02))
    assert observe(RunTable.from_frame(frame)).seed_noise.df == 36


def test_without_repeats_the_noise_is_unknown():
    seen = observe(simulated_runs())
    assert seen.seed_noise is None
    assert any("seed noise unknown" in note for note in seen.notes)


def test_a_law_that_misses_more_than_the_noise_says_how_often():
    frame = seeds().assign(loss=lambda f: f["loss"] * (1 + 0.05 * np.sin(3 * np.log(f["n_params"]))))
    result = fit("chinchilla", RunTable.from_frame(frame), heldout=None)
    assert any("the law misses" in text and "times the noise" in text for text in result.warnings)


def test_tiny_runs_know_their_seed_noise(shared_data):
    noise = observe(read_runs(shared_data / "tiny_lm_runs.csv")).seed_noise
    assert 0.002 < noise.sd < 0.004
    assert noise.df >= 15


def uneven(seed=0):
    frame = simulated_runs(noise_sd=0.0).to_frame()
    sd = np.where(np.arange(len(frame)) % 2, 0.002, 0.05)
    noise = np.random.default_rng(seed).normal(0, sd)
    return frame.assign(loss=frame["loss"] * np.exp(noise), loss_sd=sd * frame["loss"])


def test_rows_measured_well_count_more():
    errors = []
    for seed in range(10):
        frame = uneven(seed)
        pair = [
            fit("chinchilla", RunTable.from_frame(table), heldout=None).params
            for table in (frame, frame.drop(columns="loss_sd"))
        ]
        errors.append([abs(params["alpha"] - HOFFMANN["alpha"]) for params in pair])
    weighted, even = np.mean(errors, 0)
    assert weighted < 0.5 * even


def test_weights_survive_the_file(tmp_path):
    result = fit("chinchilla", RunTable.from_frame(uneven()), heldout=None, bootstrap=20)
    result.write(tmp_path / "fit.json")
    again = FitResult.read(tmp_path / "fit.json")
    assert again.to_dict() == result.to_dict()
    np.testing.assert_array_equal(again.problem.row_sd, result.problem.row_sd)


def test_ends_of_an_interval_are_a_measured_noise_too():
    frame = simulated_runs().to_frame().assign(loss_lo95=lambda f: 0.99 * f["loss"], loss_hi95=lambda f: 1.01 * f["loss"])
    np.testing.assert_allclose(observe(RunTable.from_frame(frame)).measured_sd, 0.01 / 1.96, rtol=1e-4)


def test_a_negative_noise_names_its_row():
    frame = simulated_runs().to_frame().assign(loss_sd=0.1)
    frame.loc[frame.index[4], "loss_sd"] = -0.1
    with pytest.raises(RunTableError, match="row 5: loss_sd"):
        fit("chinchilla", RunTable.from_frame(frame))


def test_equal_noise_is_no_weight_and_the_common_scatter_is_found():
    residuals = np.random.default_rng(0).normal(0, 0.01, 400)
    spreads, common = row_spreads(residuals, np.full(400, 0.006), 0)
    np.testing.assert_allclose(spreads, 1.0)
    assert common == pytest.approx(0.008, rel=0.15)


def curves(slope=0.0):
    step = np.tile(np.arange(1, 101), 3)
    rng = np.random.default_rng(0)
    return RunTable.from_frame(
        pd.DataFrame(
            {
                "run_id": np.repeat(["a", "b", "c"], 100),
                "n_params": np.repeat([1e8, 2e8, 4e8], 100),
                "tokens": step * 1e8,
                "loss": 3.0 - slope * (step - 100) / 100 + rng.normal(0, 0.02, 300),
            }
        )
    )


def test_the_end_of_a_curve_is_a_mean_with_its_standard_error():
    smooth = smoothed_final(curves(), share=0.3)
    assert len(smooth) == 3
    np.testing.assert_allclose(smooth.frame["loss_stderr"], 0.02 / np.sqrt(31), rtol=0.4)
    assert (np.abs(smooth.frame["loss"] - 3.0) < 3 * smooth.frame["loss_stderr"]).all()


def test_a_window_over_a_falling_loss_is_noted():
    assert "still falls" in smoothed_final(curves(slope=-2.0), window_tokens=3e9).notes[-1]
    assert "still falls" not in smoothed_final(curves(), window_tokens=3e9).notes[-1]


@pytest.mark.parametrize("window", [{}, {"share": 0.1, "window_tokens": 1e9}, {"share": 1.5}, {"window_tokens": -1}])
def test_a_window_that_cannot_be_is_one_sentence(window):
    with pytest.raises(RunTableError, match="window"):
        smoothed_final(curves(), **window)


def test_every_kind_of_rows_gets_its_own_noise_whatever_the_fit_has_taken():
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1], [40, 200])
    design = rng.normal(size=(240, 12)) * np.where(kind == 0, 1.0, 0.05)[:, None]  # nearly all is learnt from kind 0
    hat = design @ np.linalg.pinv(design)
    ratios = []
    for _ in range(50):
        noise = rng.normal(size=240) * np.where(kind == 0, 0.002, 0.006)
        spread = kind_spreads(noise - hat @ noise, np.diag(hat), kind)
        ratios.append(spread[-1] / spread[0])
    assert np.median(ratios) == pytest.approx(3.0, rel=0.2)


def test_a_fit_trusts_the_quiet_kind_more_and_is_surer():
    seen = observe(RunTable.from_frame(uneven()))
    kinds = replace(seen, measured_sd=None, noise_kind=np.arange(len(seen)) % 2)
    alike = replace(seen, measured_sd=None)
    far = seen.points.take([int(np.argmax(seen.points.flops))])
    widths = []
    for rows in (kinds, alike):
        draws = fit_law(law_named("chinchilla"), rows, n_bootstrap=200).draws(far, 200, 0, model_error=False)
        widths.append(np.log(draws).std())
    assert widths[0] < 0.7 * widths[1]
