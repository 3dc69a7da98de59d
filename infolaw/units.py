"""Units and the arithmetic that ties them together: FLOP, tokens per parameter, epochs.

Everything is in raw units: parameters, tokens, FLOP, nats per token. Nobody divides by 1e6 by hand.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[np.float64]

FLOPS_PER_PARAM_TOKEN = 6.0
"""Training FLOP per parameter and token, forward and backward (Kaplan et al. 2020, arXiv:2001.08361, section 2.1)."""

INFERENCE_FLOPS_PER_PARAM_TOKEN = 2.0
"""Forward FLOP per parameter and token (Kaplan et al. 2020, arXiv:2001.08361, section 2.1)."""

CHINCHILLA_TOKENS_PER_PARAM = 20.0
"""Tokens per parameter of Chinchilla's own run (Hoffmann et al. 2022, arXiv:2203.15556)."""

COLUMN_UNITS: dict[str, str] = {
    "n_params": "parameters: the N of the law",
    "tokens": "tokens trained on, every pass counted",
    "loss": "nats per token",
    "unique_tokens": "distinct tokens that the run could draw from",
    "epochs": "tokens / unique_tokens; 1 = every token seen once",
    "flops": "training FLOP",
    "weight:<cell>": "share of the training tokens, sums to 1",
    "unique:<cell>": "distinct tokens of the cell that the run could draw from",
    "loss:<target>": "nats per token on one evaluation set",
    "tokenizer": "what the tokens were counted with",
    "loss_unit": "unit of the losses, where it is not nats/token",
    "corpus_fingerprint": "fingerprint of the corpus that the run drew from",
    "bucket_definition": "definition of that corpus' buckets, as JSON",
}
"""Glossary of the columns of a run table and their units."""


def train_flops(n_params: ArrayLike, tokens: ArrayLike) -> Array:
    """Training FLOP of a run, C = 6 N D.

    Parameters
    ----------
    n_params, tokens : array_like
        Model size [parameters] and tokens trained on [tokens]; broadcast together.

    Returns
    -------
    ndarray
        FLOP, in the broadcast shape.

    Examples
    --------
    >>> float(train_flops(1e9, 20e9))
    1.2e+20
    """
    return np.asarray(FLOPS_PER_PARAM_TOKEN * np.asarray(n_params, float) * np.asarray(tokens, float))


def tokens_for(flops: ArrayLike, n_params: ArrayLike) -> Array:
    """Tokens that a model of `n_params` can be trained on with `flops`: D = C / 6N."""
    return np.asarray(np.asarray(flops, float) / (FLOPS_PER_PARAM_TOKEN * np.asarray(n_params, float)))


def epochs(tokens: ArrayLike, unique_tokens: ArrayLike) -> Array:
    """Mean number of passes over the data, ``tokens / unique_tokens``, never below 1 where tokens were drawn.

    A cell that was not drawn from (0 tokens) has 0 epochs; a pool larger than the tokens drawn counts as seen once.

    Examples
    --------
    >>> epochs([100.0, 10.0, 0.0], [25.0, 25.0, 25.0]).tolist()
    [4.0, 1.0, 0.0]
    """
    drawn = np.asarray(tokens, float)
    seen = np.minimum(drawn, np.asarray(unique_tokens, float))
    return np.asarray(np.divide(drawn, seen, out=np.zeros(np.broadcast(drawn, seen).shape), where=seen > 0))
