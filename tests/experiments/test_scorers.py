"""Scores of real text: junk ranks low, nobody is judged by a model of itself, and the sampler's ranks are the corpus's."""

import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.corpora import CorpusConfig, build, read_corpus
from experiments.corpora.pieces import cleaned, cut
from experiments.scorers import ScoreConfig, compression, gopher, prose, score
from experiments.scorers.clusters import cluster
from experiments.scorers.merge import CRITERIA, EDGES
from experiments.scorers.ngrams import NgramModel
from experiments.scorers.references import folds, python_help
from infolaw.errors import ExperimentError
from recipes import Corpus
from recipes.build import build_corpus
from recipes.documents import open_documents

LICENCE = """Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files, to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and to permit persons to whom the Software is furnished to do so, subject
to the following conditions: the above copyright notice and this permission notice shall be included in all copies. The
software is provided as is, without warranty of any kind, express or implied, including but not limited to the warranties
of merchantability, fitness for a particular purpose and noninfringement. In no event shall the authors or copyright
holders be liable for any claim, damages or other liability, whether in an action of contract, tort or otherwise. This
program is free software; you can redistribute it and/or modify it under the terms of the GNU General Public License as
published by the Free Software Foundation; either version 2 of the License, or (at your option) any later version."""


def junk(seed):
    """One document of each kind that is no text, a little different for each seed."""
    rng = random.Random(seed)
    names = sorted({"".join(rng.choices("abcdefghijklmnopqrst", k=rng.randint(4, 9))) for _ in range(120)})
    return {
        "index": "\n".join(f"{name}, {rng.randint(1, 400)}" for name in names),
        "symbols": "\n".join(f"{name}() (in module {rng.choice(names)})" for name in names),
        "contents": "\n".join(f"{i // 9 + 1}.{i % 9 + 1}. {names[i].title()} {names[-i].title()}" for i in range(90)),
        "licence": f"Copyright (c) {1990 + seed} {names[0]}. All rights reserved.\n\n{LICENCE}\n\n{LICENCE[:300]}",
        "table": "\n".join(" ".join(f"{rng.random():.4f}" for _ in range(8)) for _ in range(60)),
        "keywords": " ".join(rng.choices(names, k=400)),
        "minified": "".join(f"function {n}(e,t){{return e.{n}?t[{len(n)}]:e}};" for n in names).replace(" ", ""),
        "encoded": "\n".join("".join(rng.choices("ABCDEFGHijklmnopqr0123456789+/", k=76)) for _ in range(40)),
    }


KINDS = tuple(junk(0))


@pytest.fixture(scope="module")
def pages():
    """Real English prose: Python's own help, cut as documents are."""
    return [piece for text in python_help() for piece in cut(cleaned(text), 3000)]


@pytest.fixture(scope="module")
def scored(pages, tmp_path_factory):
    """Folder of two domains, real prose and real source code, with junk in both; references quote the licence."""
    place = tmp_path_factory.mktemp("scored")
    modules = sorted(Path(random.__file__).parent.glob("[a-h]*.py"))
    code = [(path.name, piece) for path in modules for piece in list(cut(cleaned(path.read_text()), 3000))[:5]]
    rows = [("prose", f"help{number // 4}", page) for number, page in enumerate(pages)]
    rows += [("code", name, piece) for name, piece in code]
    rows += [(d, f"help-notice{n}", f"{p[:900]}\n\n{LICENCE}") for d in ("prose", "code") for n, p in enumerate(pages[:12])]
    rows += [
        (domain, f"junk-{k}-{s}", t)
        for domain in ("prose", "code")
        for s in range(3)
        for k, t in junk(s + 9 * (domain == "code")).items()
    ]
    frame = pd.DataFrame(rows, columns=["domain", "source", "text"])
    frame.assign(id=[f"d{n}" for n in range(len(frame))], tokens=1).to_parquet(place / "own.parquet")
    config = CorpusConfig(
        place / "corpus", own=(str(place / "own.parquet"),), min_bytes=10**5, min_domains=2, max_file_share=1.0, near=1.0
    )
    return score(build(config), ScoreConfig(reference="^(help|[a-h])"))


def documents(folder, domain):
    return pd.concat([folder.read(split, domain) for split in ("train", "valid")], ignore_index=True)


@pytest.mark.parametrize("domain", ["prose", "code"])
@pytest.mark.parametrize("kind", KINDS)
def test_junk_does_not_land_in_the_best_bucket(scored, domain, kind):
    frame = documents(scored, domain)
    found = frame[frame["source"].str.contains(f"junk-{kind}-")]
    assert len(found) >= 3
    assert found["bucket"].min() > 0


def test_junk_of_prose_ranks_in_the_worse_half(scored):
    frame = documents(scored, "prose")
    ranks = frame[frame["source"].str.startswith("junk")]["quality"]
    assert ranks.median() > 0.75


@pytest.mark.parametrize("kind", KINDS)
def test_heuristics_put_any_junk_below_nearly_all_prose(pages, kind):
    assert gopher.scores([junk(5)[kind]])[0] < np.quantile(gopher.scores(pages), 0.05)


def test_words_in_another_order_are_less_foretold(pages):
    model = NgramModel(pages[::2])
    other = pages[1::2]
    shuffled = [" ".join(random.Random(0).sample(page.split(), len(page.split()))) for page in other]
    letters = ["".join(random.Random(0).sample(page, len(page))) for page in other]
    plain, mixed, noise = (np.median(model.perplexities(texts)) for texts in (other, shuffled, letters))
    assert plain < 0.85 * mixed < 0.5 * noise


def test_a_perplexity_does_not_depend_on_the_documents_around_it(pages):
    model = NgramModel(pages[:40])
    alone = [model.perplexities([page])[0] for page in pages[40:50]]
    assert model.perplexities(pages[40:50]) == pytest.approx(alone, rel=1e-9)


def test_probabilities_of_the_next_byte_sum_to_one():
    model = NgramModel(["the cat sat on the mat and the dog sat on the cat. " * 20])
    nats = [
        len(text) * np.log(model.perplexities([text])[0]) for text in ("the ca", *(f"the ca{chr(c)}" for c in range(1, 128)))
    ]
    assert sum(np.exp(nats[0] - longer) for longer in nats[1:]) == pytest.approx(1, abs=0.02)


def test_text_that_repeats_and_text_that_does_not_compress_are_both_far_from_prose(pages):
    noise = "".join(random.Random(0).choices("ABCDEFGHijklmnopqrstuvw0123456789+/", k=3000))
    texts = [*pages, "the same line again and again\n" * 100, noise]
    lengths = np.array([len(text.encode()) for text in texts])
    is_reference = np.arange(len(texts)) < len(pages)
    far = compression.distances(compression.ratios(texts), lengths, is_reference)
    assert far[-2:].min() > np.quantile(far[:-2], 0.95)


def test_the_classifier_knows_prose_that_it_has_not_seen(pages):
    lists = [text for s in range(40) for text in (junk(s)["symbols"], junk(s)["table"], junk(s)["minified"])]
    texts = [*pages[:120], *lists]
    is_prose = np.arange(len(texts)) < 120
    halves = np.arange(len(texts)) % 2
    odds = prose.log_odds(prose.features(texts), is_prose, np.zeros(len(texts), int), halves, seed=0)
    assert odds[is_prose].min() > odds[~is_prose].max()


def test_pieces_of_a_file_are_in_one_fold():
    sources = [f"file{i // 5}" for i in range(500)]
    found = folds(sources).reshape(-1, 5)
    assert (found == found[:, :1]).all()
    assert 30 < found[:, 0].sum() < 70


def test_buckets_hold_their_share_of_the_training_tokens(scored):
    for domain in scored.domains:
        frame = scored.read("train", domain)
        shares = frame.groupby("bucket")["tokens"].sum() / frame["tokens"].sum()
        assert shares.cumsum().to_numpy()[:-1] == pytest.approx(EDGES, abs=2 * frame["tokens"].max() / frame["tokens"].sum())
        assert (np.searchsorted(EDGES, frame["quality"], side="left") == frame["bucket"]).all()


def test_validation_documents_are_placed_among_the_training_documents(scored):
    valid = pd.concat([scored.read("valid", domain) for domain in scored.domains])
    assert valid["quality"].between(0, 1).all()
    assert valid["bucket"].nunique() > 1


def test_the_cells_are_those_that_corpus_build_cuts_from_the_scores(scored):
    scores = tuple(f"{n}=score_{n}:{d}" for n, d in zip(CRITERIA.names, CRITERIA.directions, strict=True))
    shards = open_documents(scored.path / "train", mapping="plain", scores=scores)
    built = build_corpus(shards, edges=EDGES, executor="threads", workers=1).corpus
    written = Corpus.read(scored.path / "corpus.yaml")
    assert dict(zip(written.names, written.unique_tokens, strict=True)) == dict(
        zip(built.names, built.unique_tokens, strict=True)
    )
    assert scored.manifest["scores"]["tokens"]["prose"]["q0"] == written.unique_tokens[written.names.index("prose/q0")]


def test_scoring_again_gives_the_same_bytes(scored):
    places = [scored.place(split, domain) for split in ("train", "valid") for domain in scored.domains]
    before = [place.read_bytes() for place in places]
    score(scored.path, ScoreConfig(reference="^(help|[a-h])"))
    assert [place.read_bytes() for place in places] == before
    score(scored.path, ScoreConfig(reference="^(help|[a-h])", seed=1))
    assert [place.read_bytes() for place in places] != before
    score(scored.path, ScoreConfig(reference="^(help|[a-h])"))
    assert [place.read_bytes() for place in places] == before
    assert read_corpus(scored.path).is_scored


def test_clusters_find_two_topics():
    texts = [f"{'river boat water fish' if i % 2 else 'engine wheel motor fuel'} {i}" for i in range(60)]
    found = cluster(texts, 2, seed=0)
    assert len(set(found.codes[::2])) == len(set(found.codes[1::2])) == 1
    assert found.codes[0] != found.codes[1]
    assert all(name.startswith("c") for name in found.labels)


def test_more_clusters_than_documents_are_refused():
    with pytest.raises(ExperimentError, match="12 documents make no 5 clusters; ask for at most 1"):
        cluster(["some text"] * 12, 5)
