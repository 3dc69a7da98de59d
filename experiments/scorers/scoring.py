"""Score a corpus folder: four criteria, one quality rank, six buckets; written into its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from infolaw.progress import Tell
from recipes.batch import Batch
from recipes.sampling import rank_edges

from ..corpora.catalogue import PROSE, REFERENCES
from ..corpora.store import COLUMNS, SPLITS, CorpusFolder, read_corpus, write_documents, write_manifest
from . import compression, gopher, prose
from .merge import CRITERIA, EDGES, Ranking
from .ngrams import NgramModel
from .references import folds, matching, reference_texts, well_made

if TYPE_CHECKING:
    import pandas as pd

MEANINGS = {
    "perplexity": "per byte, under a 6-gram model of the domain's reference text in the other half of the source files",
    "compression": "distance of the log compression ratio from reference text of that length [standard deviations]",
    "gopher": "geometric mean of how far heuristic rules are kept",
    "prose": "log odds of reference prose, from hashed words and word pairs",
}


@dataclass(frozen=True)
class ScoreConfig:
    """How to score.

    Attributes
    ----------
    edges : tuple of float
        Ranks between buckets, rising between 0 and 1.
    reference : str, optional
        Regular expression found in the sources of reference text, for every domain; by default the catalogue's.
    seed : int
        Which references and negatives are learned from.
    """

    edges: tuple[float, ...] = EDGES
    reference: str | None = None
    seed: int = 0


def score(path: str | Path, config: ScoreConfig | None = None, tell: Tell | None = None) -> CorpusFolder:
    """Score every document of a corpus folder and write scores, ``quality`` and ``bucket`` into its files.

    Beside them comes ``corpus.yaml``, the training text as `recipes.Corpus` reads it: its cells are domain by bucket.
    Ranks and bucket edges come from the training documents; validation documents are placed among them. A folder that
    was scored alike before is left as it is; a stopped run is simply run again.

    Parameters
    ----------
    path : str or Path
        See `experiments.corpora.store`.
    config : ScoreConfig, optional
    tell : callable, optional
        Told the domains done and to do.

    Returns
    -------
    CorpusFolder
        With ``scores`` in its manifest: criteria and what they mean, edges, tokens by domain and bucket.
    """
    config = ScoreConfig() if config is None else config
    rank_edges(config.edges)
    folder = read_corpus(path)
    if folder.is_scored and folder.manifest["scores"]["options"] == _options(config):
        return folder
    frame = _read(folder)
    pattern = config.reference
    is_prose = matching(frame["source"].tolist(), pattern or PROSE)
    parts = []
    for done, domain in enumerate(folder.domains):
        part = frame[frame["domain"] == domain]
        parts.append(_domain_scores(part, pattern or REFERENCES.get(domain, PROSE), config.seed))
        if tell is not None:
            tell(done + 1, len(folder.domains) + 1)
    import pandas as pd

    frame = frame.join(pd.concat(parts))
    frame["score_prose"] = _prose_scores(frame, is_prose, config.seed)
    batch = _batch(frame)
    is_train = (frame["split"] == "train").to_numpy()
    ranking = Ranking.of(_batch(frame[is_train]), config.edges)
    frame["quality"], frame["bucket"] = ranking(batch)
    for split in SPLITS:
        for domain in folder.domains:
            part = frame[(frame["split"] == split) & (frame["domain"] == domain)]
            write_documents(folder.place(split, domain), part.drop(columns="split"))
    _cells(folder)
    write_manifest(folder.path, {**folder.manifest, "scores": _summary(frame, config)})
    return read_corpus(path)


def _read(folder: CorpusFolder) -> pd.DataFrame:
    """All documents, with their split, numbered."""
    import pandas as pd

    parts = [folder.read(split, domain, COLUMNS).assign(split=split) for domain in folder.domains for split in SPLITS]
    return pd.concat(parts, ignore_index=True)


def _domain_scores(part: pd.DataFrame, pattern: str, seed: int) -> pd.DataFrame:
    """The three criteria that are of one domain alone."""
    import pandas as pd

    texts, half = part["text"].tolist(), folds(part["source"].tolist())
    heuristic = gopher.scores(texts)
    is_reference = well_made(matching(part["source"].tolist(), pattern), heuristic) & (part["split"] == "train").to_numpy()
    perplexity = np.zeros(len(texts))
    for fold in (0, 1):
        judged = np.flatnonzero(half != fold)
        if judged.size:
            model = NgramModel(reference_texts(texts, np.flatnonzero(is_reference & (half == fold)), seed))
            perplexity[judged] = model.perplexities([texts[row] for row in judged])
    squeezed = compression.distances(compression.ratios(texts), part["tokens"].to_numpy(), is_reference)
    columns = {"score_perplexity": perplexity, "score_compression": squeezed, "score_gopher": heuristic}
    return pd.DataFrame(columns, index=part.index)


def _prose_scores(frame: pd.DataFrame, is_prose: NDArray[np.bool_], seed: int) -> NDArray[np.float64]:
    import pandas as pd

    good = well_made(is_prose, frame["score_gopher"].to_numpy())
    codes = np.asarray(pd.factorize(frame["domain"], sort=True)[0])
    found = prose.features(frame["text"].tolist())
    return prose.log_odds(found, good, codes, folds(frame["source"].tolist()), seed)


def _batch(frame: pd.DataFrame) -> Batch:
    """Documents as the sampler takes them; ids only number them."""
    import pandas as pd

    codes, names = pd.factorize(frame["domain"], sort=True)
    return Batch(
        ids=np.arange(len(frame), dtype=np.uint64),
        domain=codes.astype(np.int32),
        domains=tuple(map(str, names)),
        tokens=frame["tokens"].to_numpy(np.int64),
        scores=frame[[f"score_{name}" for name in CRITERIA.names]].to_numpy(np.float64),
    )


def _cells(folder: CorpusFolder) -> None:
    """Write ``corpus.yaml``: the training text as `recipes` plans with it, cells are domain by bucket."""
    from recipes.build import build_corpus
    from recipes.documents import open_documents

    shards = open_documents(folder.path / "train", mapping="plain", bucket="bucket", tokenizer="bytes")
    build_corpus(shards, executor="threads", workers=1, out=folder.path / "corpus.yaml")


def _options(config: ScoreConfig) -> dict[str, Any]:
    return {**asdict(config), "edges": list(config.edges)}


def _summary(frame: pd.DataFrame, config: ScoreConfig) -> Mapping[str, Any]:
    train = frame[frame["split"] == "train"]
    sums = train.pivot_table(index="domain", columns="bucket", values="tokens", aggfunc="sum", fill_value=0)
    tokens = {str(domain): {f"q{bucket}": int(count) for bucket, count in row.items()} for domain, row in sums.iterrows()}
    criteria = [
        {"name": name, "column": f"score_{name}", "better": better, "meaning": MEANINGS[name]}
        for name, better in zip(CRITERIA.names, CRITERIA.directions, strict=True)
    ]
    return {"criteria": criteria, "bucket_edges": [0.0, *config.edges, 1.0], "tokens": tokens, "options": _options(config)}
