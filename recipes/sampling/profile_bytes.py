"""A profile as bytes, and back: only bins with tokens are kept, so equal contents give equal bytes.

What one task leaves for another needs no order: there, the documents among which the samples are stand as they came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from infolaw.errors import RecipeError

from .criteria import Criteria
from .packing import Arrays, pack, unpack
from .profile import Profile
from .sketch import Sketch

KIND, SCHEMA_VERSION = "profile", 1
COUNTS = ("documents", "tokens", "missing", "missing_tokens", "bucket_documents", "bucket_tokens")
SAMPLE = ("hashes", "tokens", "buckets", "scores")
DAMAGE = (KeyError, IndexError, ValueError, TypeError)


def profile_to_bytes(profile: Profile) -> bytes:
    """See `Profile.to_bytes`."""
    meta, arrays = _counts(profile)
    return pack(KIND, SCHEMA_VERSION, meta, {**arrays, **_columns(profile.samples(), len(profile.criteria))})


def profile_from_bytes(content: bytes) -> Profile:
    """See `Profile.from_bytes`."""
    meta, arrays = unpack(content, KIND, SCHEMA_VERSION)
    try:
        return profile_from_arrays(meta, arrays)
    except DAMAGE as error:
        raise RecipeError(f"The profile lacks a part or is damaged ({error}); build it again.") from error


def profile_to_arrays(profile: Profile) -> tuple[dict[str, Any], Arrays]:
    """Names of domains and criteria, and arrays from which `profile_from_arrays` makes the same profile."""
    meta, arrays = _counts(profile)
    return meta, {**arrays, **_columns(profile.candidates(), len(profile.criteria))}


def profile_from_arrays(meta: Mapping[str, Any], arrays: Arrays) -> Profile:
    """Inverse of `profile_to_arrays`."""
    profile = _profile(meta, arrays)
    whole = Sketch(*(arrays[f"sketch_{name}"] for name in SAMPLE))
    ends = np.cumsum(arrays["sketch_sizes"]).tolist()
    profile.set_sketches([whole.take(slice(first, stop)) for first, stop in pairwise([0, *ends])])
    return profile


def _counts(profile: Profile) -> tuple[dict[str, Any], Arrays]:
    held = profile.histograms
    rows, bins = np.divmod(np.flatnonzero(held.tokens.reshape(-1) != 0), held.tokens.shape[1])
    arrays = {
        **{name: getattr(profile, name) for name in COUNTS},
        "levels": held.levels,
        "histogram_row": rows.astype(np.int32),
        "histogram_bin": bins + held.bases[rows],
        "histogram_tokens": held.tokens[rows, bins],
    }
    return {"domains": list(profile.domains), "criteria": profile.criteria.to_dict()}, arrays


def _profile(meta: Mapping[str, Any], arrays: Arrays) -> Profile:
    profile = Profile(Criteria.from_dict(meta["criteria"]), meta["domains"])
    for name in COUNTS:
        setattr(profile, name, arrays[name])
    rows = arrays["histogram_row"].astype(np.int64)
    profile.histograms.restore(arrays["levels"], rows, arrays["histogram_bin"], arrays["histogram_tokens"])
    return profile


def _columns(parts: Sequence[Sketch], n_criteria: int) -> Arrays:
    whole = Sketch.concatenate([Sketch.empty(n_criteria), *parts])
    columns = {f"sketch_{name}": getattr(whole, name) for name in SAMPLE}
    return {"sketch_sizes": np.array([len(part) for part in parts], np.int64), **columns}
