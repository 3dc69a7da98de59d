"""Sampler parameters for a recipe: what it wants by domain, or by domain and bucket, inverted on a corpus' profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .buckets import bucket_table
from .copy_table import CopyTable
from .induced import induced
from .inversion import Box, Inversion, invert
from .merged import MergedHistogram, Merger
from .normalise import Normaliser
from .profile import Profile


def nearest_params(
    profile: Profile,
    weights: Mapping[str, float],
    tokens: float,
    edges: Sequence[float],
    max_epochs: float | None = None,
    box: Box | None = None,
) -> Inversion:
    """Find the sampler parameters, criteria weighed alike, whose draw comes nearest to a recipe.

    Parameters
    ----------
    profile : Profile
        Of the corpus; merged ranks are estimated from its sample.
    weights : mapping of str to float
        Share of the tokens by cell: domains, buckets or domains by buckets.
    tokens : float
        Of the whole sample, every copy counted [tokens].
    edges : sequence of float
        Rank edges of the corpus' buckets, 0 to 1.
    max_epochs : float, optional
        Most passes over a cell.
    box : Box, optional
        Ranges of the parameters; those of Alg. 1 by default.

    Raises
    ------
    RecipeError
        As `CopyTable.from_recipe` and `invert`.
    """
    merger = Merger.of(Normaliser.from_profile(profile))
    merged = MergedHistogram.estimate(profile, merger)
    wanted = CopyTable.from_recipe(weights, tokens, merged, edges)
    by_domain = set(weights) <= set(profile.domains)  # then the quality inside a domain is free
    buckets = None if by_domain else bucket_table(merged, edges)
    target = induced(wanted, merged, buckets).tokens
    equal = np.full((len(profile.domains), len(profile.criteria)), 1 / max(1, len(profile.criteria)))
    return invert(target, merged, profile.criteria.names, equal, buckets, max_epochs, box)
