"""`check`: runs really trained are held against a plan of their size; every way to miss it is said."""

from dataclasses import replace
from pathlib import Path

import pytest

from infolaw import fit, read_runs
from infolaw.errors import RunTableError
from recipes import Budget, Cell, Constraints, Corpus, Recipe, make_plan
from recipes.checking import check, losses_of, named_runs, runs_of_plan
from recipes.plan_diff import plan_diff

DATA = Path(__file__).resolve().parents[2] / "experiments" / "data"


@pytest.fixture(scope="module")
def runs():
    return read_runs(DATA / "tiny_lm_runs.csv")


@pytest.fixture(scope="module")
def corpus():
    return Corpus.from_inventory(DATA / "tiny_lm_corpus.csv")


@pytest.fixture(scope="module")
def law(runs):
    """A law that has not seen the largest models."""
    return fit("infolaw_e", runs, target="loss", where="family == 'mlp' and width > 32 and width < 256", bootstrap=50)


@pytest.fixture(scope="module")
def natural(law, corpus):
    """A plan for the size and recipe of runs that were really trained, at a size that the law has not seen."""
    rules = Constraints(fixed_share=dict(zip(corpus.names, corpus.natural.tolist(), strict=True)))
    return make_plan(law, corpus, Budget(n_params=115200, tokens=2304000), constraints=rules, baseline=Recipe({"q0": 1.0}))


def test_the_runs_of_the_plan_are_found_and_end_inside_the_interval(natural, runs):
    found = runs_of_plan(natural, runs)
    assert set(found.frame["recipe"]) == {"nat"}
    seen = check(natural, named_runs(found, ["mlp256-nat-k1-t20-s0"]))
    assert seen.is_good, seen.verdict
    assert seen.verdict.startswith("INSIDE: run mlp256-nat-k1-t20-s0 reached ")
    assert [cell.realised_epochs for cell in seen.runs[0].cells] == pytest.approx([1.0] * 6, rel=1e-3)


def test_a_run_that_repeated_its_data_is_not_the_plan(natural, runs):
    seen = check(natural, named_runs(runs, ["mlp256-nat-k16-t20-s0"]))
    assert not seen.is_good
    assert "q0 was read 16 times, not 1" in seen.verdict


def test_another_mixture_and_another_size_are_said(natural, runs):
    assert "q0 got 0.400 of the tokens, not 0.050" in check(natural, named_runs(runs, ["mlp256-hq-k1-t20-s0"])).verdict
    assert "9.22M tokens where 2.3M were planned" in check(natural, named_runs(runs, ["mlp256-nat-k1-t80-s0"])).verdict


@pytest.mark.parametrize(("shift", "side"), [(-1.0, "above"), (1.0, "below")])
def test_a_loss_outside_the_interval_is_said_with_its_side(natural, runs, shift, side):
    loss = natural.loss
    moved = replace(natural, loss=replace(loss, lower=loss.lower + shift, upper=loss.upper + shift))
    seen = check(moved, named_runs(runs, ["mlp256-nat-k1-t20-s0"]))
    assert not seen.is_good
    assert seen.verdict.startswith("OUTSIDE: ")
    assert f"{side} it at most" in seen.verdict


def test_the_difference_from_the_baseline_is_checked_where_its_runs_are_given(natural, runs):
    own, other = (named_runs(runs, [name]) for name in ("mlp256-nat-k1-t20-s0", "mlp256-hq-k1-t20-s0"))
    seen = check(natural, own, baseline=other)
    assert seen.difference == pytest.approx(float(own.frame["loss"].iloc[0] - other.frame["loss"].iloc[0]))
    wrong = replace(natural, versus=(replace(natural.versus[0], lower=5.0, upper=6.0), *natural.versus[1:]))
    assert not check(wrong, own, baseline=other).is_good


def test_runs_without_weights_are_checked_by_size_and_loss_alone(natural, runs):
    bare = named_runs(runs, ["mlp256-nat-k1-t20-s0"])
    dropped = [name for name in bare.frame if name.startswith(("weight:", "unique:", "epochs:"))]
    bare = type(bare).from_frame(bare.frame.drop(columns=dropped))
    seen = check(natural, bare)
    assert seen.is_good
    assert any("neither recipe nor epochs were checked" in text for text in seen.notes)


def test_no_run_of_the_plan_names_the_nearest(natural, runs):
    with pytest.raises(RunTableError, match=r"none of \d+ runs has the plan's size .* the nearest, mlp256"):
        runs_of_plan(replace(natural, n_params=1e9), runs)
    with pytest.raises(RunTableError, match="has no run mine"):
        named_runs(runs, ["mine"])


def test_a_weighted_sum_of_losses_is_read_from_the_plan(runs):
    frame = runs.frame
    expected = (0.3 * frame["loss:code"] + 0.7 * frame["loss:prose"]).to_numpy()
    assert losses_of(runs, "0.3 loss:code + 0.7 loss:prose") == pytest.approx(expected)
    assert losses_of(runs, "loss") == pytest.approx(frame["loss"].to_numpy())


def test_a_plan_does_not_differ_from_itself_and_differs_from_another(natural, law, corpus):
    assert plan_diff(natural, natural).is_same
    other = make_plan(law, corpus, Budget(n_params=115200, tokens=4608000), seed=1)
    seen = plan_diff(natural, other)
    assert seen.numbers["tokens"] == (2304000, 4608000)
    moved = sum(abs(other.weights[cell] - natural.weights[cell]) for cell in corpus.names) / 2
    assert seen.moved == pytest.approx(moved)
    assert seen.provenance["seed"] == (0, 1)
    assert "n_params" not in seen.numbers


def test_plans_made_from_smaller_models_hold_on_runs_of_a_larger_one():
    """Every fourth run of the shipped grid's largest size, as if planned by a law that has seen only the sizes below."""
    runs = read_runs(DATA / "runs-infolaw.csv")
    largest = float(runs.frame["n_params"].max())
    law = fit("repetition", runs, target="loss", where=f"n_params < {largest}", bootstrap=40)
    inside = []
    for row in runs.select(f"n_params == {largest}").frame.to_dict("records")[::4]:
        corpus = Corpus(tuple(Cell(cell, float(row[f"unique:{cell}"])) for cell in runs.cells))
        total = sum(float(row[f"weight:{cell}"]) for cell in runs.cells)
        rules = Constraints(fixed_share={cell: float(row[f"weight:{cell}"]) / total for cell in runs.cells})
        budget = Budget(n_params=largest, tokens=float(row["tokens"]))
        seen = check(make_plan(law, corpus, budget, constraints=rules, details=False), named_runs(runs, [row["run_id"]]))
        assert seen.runs[0].deviations == ()
        inside.append(seen.runs[0].is_inside)
    assert len(inside) >= 10
    assert sum(inside) >= 0.8 * len(inside)
