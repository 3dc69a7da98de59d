"""Domains for a corpus that names none: words by TF-IDF, their main directions by SVD, k-means among these."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infolaw.errors import ExperimentError

READ_CHARACTERS = 3000
MAX_WORDS = 20_000
N_DIRECTIONS = 50
FIT_DOCUMENTS = 20_000


@dataclass(frozen=True)
class Clusters:
    """Cluster of each document, ``(n,)``, and the names of the clusters: two words that set each apart."""

    codes: NDArray[np.int64]
    labels: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each document's cluster, ``(n,)``."""
        return tuple(self.labels[code] for code in self.codes)


def cluster(texts: Sequence[str], n_clusters: int, seed: int = 0) -> Clusters:
    """Sort documents into `n_clusters` domains by their words.

    Raises
    ------
    ExperimentError
        If there are fewer than ten documents a cluster.
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    if n_clusters < 1 or len(texts) < 10 * n_clusters:
        raise ExperimentError(f"{len(texts)} documents make no {n_clusters} clusters; ask for at most {len(texts) // 10}.")
    heads = [text[:READ_CHARACTERS] for text in texts]
    sample = np.random.default_rng(seed).permutation(len(heads))[:FIT_DOCUMENTS]
    words = TfidfVectorizer(max_features=MAX_WORDS, sublinear_tf=True, token_pattern=r"[^\W\d_]{2,}", dtype=np.float32)
    words.fit([heads[row] for row in sample])
    weights = words.transform(heads)
    n_directions = max(1, min(N_DIRECTIONS, weights.shape[1] - 1, len(heads) - 1))
    directions = TruncatedSVD(n_directions, random_state=seed).fit(weights[sample])
    places = normalize(directions.transform(weights))
    means = KMeans(n_clusters, random_state=seed, n_init=4).fit(places[sample])
    codes = np.asarray(means.predict(places), np.int64)
    overall = np.asarray(weights.mean(axis=0)).ravel()
    vocabulary = words.get_feature_names_out()
    labels = []
    for code in range(n_clusters):
        inside = weights[np.flatnonzero(codes == code)]
        lift = np.asarray(inside.mean(axis=0)).ravel() - overall if inside.shape[0] else overall
        best = [re.sub(r"\W", "", str(word)) for word in vocabulary[np.argsort(-lift, kind="stable")[:2]]]
        labels.append("_".join([f"c{code}", *best]))
    return Clusters(codes, tuple(labels))
