"""A classifier of what looks like reference prose: hashed words and word pairs, logistic regression.

References
----------
.. [1] Li et al. (2024), "DataComp-LM", arXiv:2406.11794, section 4.4 (fastText in place of logistic regression).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infolaw.units import Array

READ_CHARACTERS = 2000
"""Of a document, from its begin: enough to judge by, and what it costs."""
N_FEATURES = 2**18
MAX_DOCUMENTS = 4000
"""Documents of each class to learn from."""


def features(texts: Sequence[str]) -> Any:
    """Hashed words, word pairs and punctuation of each document, a sparse ``(n, N_FEATURES)`` of unit rows."""
    from sklearn.feature_extraction.text import HashingVectorizer

    hashing = HashingVectorizer(
        n_features=N_FEATURES,
        ngram_range=(1, 2),
        token_pattern=r"[^\W\d_]+|[^\w\s]|\d+",
        alternate_sign=False,
        dtype=np.float32,
    )
    return hashing.transform([text[:READ_CHARACTERS] for text in texts])


def log_odds(
    found: Any, is_prose: NDArray[np.bool_], groups: NDArray[np.integer], folds: NDArray[np.integer], seed: int
) -> Array:
    """Log odds of reference prose, ``(n,)``, higher = better; nobody is judged by a model that learned from its own fold.

    Parameters
    ----------
    found : sparse (n, N_FEATURES)
        From `features`.
    is_prose : (n,) bool
        The positive class.
    groups : (n,) integers
        Domains; the negatives are spread evenly over them, so that no domain is a sign of bad prose by its size.
    folds : (n,) integers
        0 or 1, the same for all pieces of one source file.
    seed : int
        Which documents are learned from.
    """
    odds = np.zeros(is_prose.size)
    for fold in (0, 1):
        rng = np.random.default_rng((seed, fold))
        learned, judged = folds == fold, folds != fold
        good = _sample(np.flatnonzero(is_prose & learned), MAX_DOCUMENTS, rng)
        others = [np.flatnonzero(~is_prose & learned & (groups == group)) for group in np.unique(groups)]
        others = [rows for rows in others if rows.size]
        if not good.size or not others or not judged.any():
            continue
        bad = np.concatenate([_sample(rows, MAX_DOCUMENTS // len(others), rng) for rows in others])
        odds[judged] = _fitted(found, good, bad).decision_function(found[np.flatnonzero(judged)])
    return odds


def _fitted(found: Any, good: NDArray[np.intp], bad: NDArray[np.intp]) -> Any:
    from sklearn.linear_model import LogisticRegression

    rows = np.concatenate([good, bad])
    return LogisticRegression(C=10.0, max_iter=1000, class_weight="balanced").fit(
        found[rows], np.arange(rows.size) < good.size
    )


def _sample(rows: NDArray[np.intp], most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    return rows if rows.size <= most else np.sort(rng.choice(rows, most, replace=False))
