"""How large a model of a configuration is, before it is made: parameters and FLOP a token."""

from __future__ import annotations

from dataclasses import dataclass

from infolaw.errors import ExperimentError

from .config import RunConfig

VOCABULARY = 256
"""Bytes."""


@dataclass(frozen=True)
class Size:
    """Size of a model.

    Attributes
    ----------
    n_params, n_params_embedding : int
        Parameters without embeddings (the N of the laws), and of embeddings.
    flops_per_token : float
        Of training [FLOP/token].
    """

    n_params: int
    n_params_embedding: int
    flops_per_token: float


def size_of(config: RunConfig) -> Size:
    """Size of the model of a configuration.

    MLP: 6 FLOP a parameter and token without the embedding, which is a table look-up. GPT: the same, and attention's
    6 depth width context: the published 12 L d T of a whole square, of which a causal mask needs half.

    Raises
    ------
    ExperimentError
        If the backend does not say (an external trainer does in its record).

    References
    ----------
    .. [1] Kaplan et al. (2020), "Scaling Laws for Neural Language Models", arXiv:2001.08361, sec. 2.1.
    """
    width, depth = config.width, config.depth
    if config.backend == "mlp":
        inputs = config.context * config.embedding
        n = inputs * width + width + (depth - 1) * (width * width + width) + width * VOCABULARY + VOCABULARY
        return Size(n, VOCABULARY * config.embedding, 6.0 * n)
    if config.backend == "gpt":
        block = 12 * width * width + 2 * width
        n = depth * block + width + width * VOCABULARY
        return Size(n, (VOCABULARY + config.context) * width, 6.0 * n + 6.0 * depth * width * config.context)
    raise ExperimentError(f"the size of a model of the backend {config.backend!r} is known only after its run.")
