"""Swarm: what files say becomes features and losses, and what they do not say is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infolaw.errors import InfolawError, RecipeError
from recipes.cell import Cell
from recipes.corpus import Corpus
from recipes.swarm import Swarm, read_swarm

TABLE = """run_id,mixture_id,n_params,tokens,weight:web,weight:code,param:cutoff,loss:a,loss:b
r1,m1,1e6,1e9,0.5,0.5,0.01,3.0,
r2,m1,6e7,1e9,0.5,0.5,0.01,2.0,2.5
r3,m2,1e6,1e9,0.25,0.75,0.05,3.1,2.7
"""


@pytest.fixture
def swarm(tmp_path: Path) -> Swarm:
    (tmp_path / "swarm.csv").write_text(TABLE)
    return read_swarm(tmp_path / "swarm.csv")


def test_a_wide_table_gives_features_losses_and_mixtures(swarm: Swarm) -> None:
    X, names = swarm.features("weights", fidelity=True)
    assert names == ("weight:web", "weight:code", "ln n_params", "ln tokens")
    np.testing.assert_allclose(X[1], [0.5, 0.5, np.log(6e7), np.log(1e9)])
    assert swarm.features("weights+params")[1] == ("weight:web", "weight:code", "param:cutoff")
    assert swarm.groups.tolist() == [0, 0, 1]
    assert swarm.targets == ("a", "b")


def test_amounts_are_the_tokens_of_each_cell(swarm: Swarm) -> None:
    X, names = swarm.features("amounts")
    assert names == ("tokens:web", "tokens:code")
    np.testing.assert_allclose(X[2], [0.25e9, 0.75e9])


def test_runs_without_the_target_are_left_out_of_its_table(swarm: Swarm) -> None:
    X, y, groups = swarm.table("b")
    assert (len(X), y.tolist(), groups.tolist()) == (2, [2.5, 2.7], [0, 1])
    assert np.isnan(swarm.losses()[0, 1])


def test_regmix_and_olmix_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "config.csv").write_text("index,train_the_pile_arxiv,train_the_pile_github\n1,0.25,0.75\n2,0.5,0.5\n")
    (tmp_path / "result.csv").write_text("index,metric/the_pile_arxiv_val_loss\n1,5.0\n2,4.5\n")
    (tmp_path / "ratios.csv").write_text("run,name,index,web,code\na,x,0,0.25,0.75\nb,y,1,0.5,0.5\n")
    (tmp_path / "metrics.csv").write_text("run,name,index,bpb\na,x,0,1.0\nb,y,1,0.9\n")
    scale = {"n_params": 1e6, "tokens": 1e9}
    regmix = read_swarm(tmp_path / "config.csv", tmp_path / "result.csv", column=scale)
    olmix = read_swarm(tmp_path / "ratios.csv", tmp_path / "metrics.csv", column=scale)
    np.testing.assert_allclose(regmix.weights, [[0.25, 0.75], [0.5, 0.5]])
    np.testing.assert_allclose(olmix.weights, regmix.weights)
    assert olmix.losses().ravel().tolist() == [1.0, 0.9]
    assert len(regmix.losses()) == 2


def test_weights_far_off_one_are_refused(tmp_path: Path) -> None:
    (tmp_path / "swarm.csv").write_text(TABLE.replace("0.25,0.75", "0.25,0.35"))
    with pytest.raises(InfolawError, match=r"(?s)weight.*(row|sum)"):
        read_swarm(tmp_path / "swarm.csv")


def test_unknown_representations_and_targets_are_refused_with_what_there_is(swarm: Swarm) -> None:
    with pytest.raises(RecipeError, match="no 'ranks'; it has weights, params"):
        swarm.features("ranks")
    with pytest.raises(RecipeError, match="no target 'c'; it has a, b"):
        swarm.losses("c")


def test_supplies_give_epochs_and_other_domains_are_refused_with_both_sets(swarm: Swarm) -> None:
    epochs = swarm.with_supply(Corpus((Cell("code", 1e8), Cell("web", 1e10)))).features("epochs")[0]
    np.testing.assert_allclose(epochs[0], [0.05, 5.0])
    with pytest.raises(RecipeError, match=r"swarm's domains are web, code; the corpus has web, maths.*: code.*: maths"):
        swarm.with_supply(Corpus((Cell("web", 1e10), Cell("maths", 1e8))))


def test_notes_say_what_cannot_be_learnt(tmp_path: Path) -> None:
    rows = "\n".join(f"r{i},1e6,1e9,0.2,{0.2 + i / 10},{0.6 - i / 10},3.{i}" for i in range(3))
    (tmp_path / "few.csv").write_text(f"run_id,n_params,tokens,weight:a,weight:b,weight:c,loss:x\n{rows}\n")
    notes = " ".join(read_swarm(tmp_path / "few.csv").notes())
    assert "never varied, so that nothing is known of them: a" in notes
    assert "fewer proxies than domains" in notes


def test_columns_induced_by_a_sampler_become_a_representation(swarm: Swarm) -> None:
    wider = swarm.with_columns("rank:", ["web", "code"], np.array([[0.1, 0.2]] * 3))
    assert wider.representations == ("weights", "params", "ranks", "amounts")
    with pytest.raises(RecipeError, match="shape"):
        swarm.with_columns("rank:", ["web"], np.ones((2, 1)))


def test_a_target_that_is_empty_in_all_runs_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text(TABLE.replace(",3.0,\n", ",,\n").replace(",2.0,", ",,").replace(",3.1,", ",,"))
    with pytest.raises(RecipeError, match=r"no target 'a'; its column is empty in all runs.* it has b"):
        read_swarm(tmp_path / "empty.csv").losses("a")
