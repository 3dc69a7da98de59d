"""The sampler, in memory: a document's number of copies is a pure function of (seed, id, domain, scores, table).

Reading order: `hashing` (ids to uniform keys), `criteria` (what is scored), `order_keys` and `histogram` (counts
on a grid that no shard order can change), `sketch` (a sample that no shard order can change), `profile` (what one
pass over documents leaves), `normalise` (sigma: raw score to 24-bit rank), `merged` (equations 1 and 2), `params`
(equation 3), `copy_table` (the draw), `induced` and `inversion` (what a table gives, and which one gives what is
wanted), `exact` (the same without bins, for small corpora). Files and shards live elsewhere.
"""

from __future__ import annotations

from .buckets import Bucketing, bucket_sums, bucket_table, rank_edges
from .copy_table import CopyTable
from .criteria import Criteria
from .exact import exact_counts, exact_ranks
from .hashing import copies_key, row_ids, splitmix64, uniform53, xxh64
from .induced import Induced, induced, induced_from_sketch
from .inversion import Box, Inversion, invert
from .merged import MergedHistogram, Merger, integer_weights, merge_bins
from .normalise import Normaliser
from .params import SamplerParams, expected_copies
from .profile import Profile

__all__ = [
    "Box",
    "Bucketing",
    "CopyTable",
    "Criteria",
    "Induced",
    "Inversion",
    "MergedHistogram",
    "Merger",
    "Normaliser",
    "Profile",
    "SamplerParams",
    "bucket_sums",
    "bucket_table",
    "copies_key",
    "exact_counts",
    "exact_ranks",
    "expected_copies",
    "induced",
    "induced_from_sketch",
    "integer_weights",
    "invert",
    "merge_bins",
    "rank_edges",
    "row_ids",
    "splitmix64",
    "uniform53",
    "xxh64",
]
