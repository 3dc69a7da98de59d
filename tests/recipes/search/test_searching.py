"""From files to a mixture: the command, its files, and what it refuses."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from infolaw.errors import RecipeError
from recipes import Cell, Corpus, Recipe
from recipes.cli import app
from recipes.searching import search_swarm
from recipes.swarm import read_swarm

CELLS = ("web", "code", "books", "wiki")
PULL = np.array([0.1, 0.3, 0.5, 0.2])


def truth(weights, size=1.0):
    return (3.0 - np.sqrt(np.maximum(weights, 0.0)) @ PULL) / size


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("search")
    rng = np.random.default_rng(0)
    seen = rng.dirichlet(np.ones(4), 40)
    frame = pd.DataFrame(seen.round(6), columns=[f"weight:{cell}" for cell in CELLS])
    frame["n_params"], frame["tokens"] = 1e6, 1e9
    frame["loss:easy"] = truth(seen) + 0.002 * rng.standard_normal(40)
    frame["loss:hard"] = 4 - seen[:, 0] + 0.002 * rng.standard_normal(40)
    frame.to_csv(place / "swarm.csv", index=False)
    Corpus(tuple(Cell(cell, tokens) for cell, tokens in zip(CELLS, (6e9, 2e9, 1e9, 1e9), strict=True))).write(
        place / "c.yaml"
    )
    return place


def run(folder, *options):
    return CliRunner().invoke(app, ["search", str(folder / "c.yaml"), str(folder / "swarm.csv"), *map(str, options)])


def test_the_command_writes_a_recipe_within_the_caps(folder):
    out = folder / "best.yaml"
    done = run(
        folder, "--target", "easy", "--tokens", 5e9, "--max-epochs", 1, "--surrogate", "gaussian_process", "--out", out
    )
    assert done.exit_code == 0, done.output
    found = Recipe.read(out)
    assert found.weights["books"] == pytest.approx(0.2, abs=1e-6)
    assert truth(found.array(CELLS)) < truth(np.array([0.6, 0.2, 0.1, 0.1]))
    assert "price" in done.stdout
    assert "books at most 0.2" in done.stdout


def test_the_answer_is_one_json_object_with_its_provenance(folder):
    done = run(folder, "--target", "easy", "--json", "--next", 2, "--seed", 3)
    data = json.loads(done.stdout)
    assert data["schema_version"] == 1
    assert data["provenance"]["seed"] == 3
    assert sum(cell["value"] for cell in data["weights"].values()) == pytest.approx(1.0)
    assert len(data["next_proxies"]) == 2
    assert 0 < data["skills"]["easy"]["spearman"] <= 1


def test_several_targets_follow_the_users_objective(folder):
    objective = folder / "objective.yaml"
    objective.write_text("schema_version: 1\nweights: {easy: 1.0, hard: 1.0}\nkind: worst\n")
    pictures = folder / "pictures"
    done = run(folder, "--objective", objective, "--surrogate", "gaussian_process", "--pictures", pictures, "--json")
    assert done.exit_code == 0, done.output
    both = json.loads(done.stdout)["weights"]
    alone = json.loads(run(folder, "--target", "easy", "--surrogate", "gaussian_process", "--json").stdout)["weights"]
    assert both["web"]["value"] > alone["web"]["value"] + 0.1
    assert {path.name for path in pictures.iterdir()} >= {"mixture.png", "front.png", "effects_easy.png"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "name those that count"),
        (("--target", "eazy"), "no target 'eazy'"),
        (("--target", "easy", "--max-epochs", "1"), "give them (--tokens)"),
        (("--target", "easy", "--max-epochs", "1", "--tokens", "1e11"), "the caps of all 4 cells allow 0.1"),
        (("--target", "easy", "--surrogate", "oracle"), "there is no surrogate 'oracle'"),
        (("--target", "easy", "--method", "luck"), "there is no method 'luck'"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(folder, options, said):
    done = run(folder, *options)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_corpus_of_other_domains_is_refused_with_both_sets(folder):
    other = Corpus((Cell("web", 1e9), Cell("poems", 1e9)))
    with pytest.raises(RecipeError, match="Only in the swarm: books, code, wiki; only in the corpus: poems"):
        search_swarm(read_swarm(folder / "swarm.csv"), other, ["easy"])


def test_proxies_of_two_sizes_predict_the_larger():
    rng = np.random.default_rng(1)
    seen = rng.dirichlet(np.ones(4), 40)
    size = np.r_[np.ones(30), np.full(10, 1.5)]
    frame = pd.DataFrame(seen, columns=[f"weight:{cell}" for cell in CELLS])
    frame["n_params"], frame["tokens"] = np.where(size > 1, 1e8, 1e6), 1e9
    frame["loss:easy"] = truth(seen, size) + 0.001 * rng.standard_normal(40)
    from infolaw import RunTable
    from recipes.swarm import Swarm

    corpus = Corpus(tuple(Cell(cell, 1e9) for cell in CELLS))
    found = search_swarm(Swarm(RunTable.from_frame(frame)), corpus, ["easy"]).recommendation
    assert found.predicted[0] == pytest.approx(truth(found.weights, 1.5), abs=0.02)


def test_surfaces_of_several_sizes_agree_with_the_prediction():
    from recipes.surrogates import MultiFidelity

    rng = np.random.default_rng(2)
    seen = rng.dirichlet(np.ones(4), 60)
    size = np.where(np.arange(60) < 45, 1.0, 1.5)
    X = np.column_stack([seen, np.log(size)])
    fitted = MultiFidelity().fit(X, truth(seen, size))
    surfaces = fitted.draws(X[40:50], 400, 0)
    np.testing.assert_allclose(surfaces.mean(0), fitted.predict(X[40:50]), atol=0.01)
