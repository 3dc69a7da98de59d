"""A profile as bytes, and back: only bins with tokens are kept, so equal contents give equal bytes.

What one task leaves for another needs no order: there, the documents among which the samples are stand as they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from infolaw.errors import RecipeError

from .criteria import Criteria
from .packing import Arrays, pack, unpack
from .profile import Profile
from .sketch import Sketch

KIND, SCHEMA_VERSION = "profile", 1
COUNTS = ("documents", "tokens", "missing", "missing_tokens", "bucket_documents", "bucket_tokens")
DAMAGE = (KeyError, IndexError, ValueError, TypeError)


def profile_to_bytes(profile: Profile) -> bytes:
    """See `Profile.to_bytes`."""
    sizes, sample = profile.samples()
    meta, arrays = _counts(profile)
    return pack(KIND, SCHEMA_VERSION, meta, {**arrays, "sketch_sizes": sizes, **_columns(sample)})


def profile_from_bytes(content: bytes) -> Profile:
    """See `Profile.from_bytes`."""
    meta, arrays = unpack(content, KIND, SCHEMA_VERSION)
    try:
        profile, sample = _profile(meta, arrays), _sample(arrays)
        bounds = np.concatenate([[0], np.cumsum(arrays["sketch_sizes"])])
        parts = [sample.take(slice(bounds[i], bounds[i + 1])) for i in range(len(profile.domains))]
    except DAMAGE as error:
        raise RecipeError(f"The profile lacks a part or is damaged ({error}); build it again.") from error
    profile.set_sketches(parts)
    return profile


def profile_to_arrays(profile: Profile) -> tuple[dict[str, Any], Arrays]:
    """Names of domains and criteria, and arrays from which `profile_from_arrays` makes the same profile."""
    domain, documents = profile.candidates()
    meta, arrays = _counts(profile)
    return meta, {**arrays, "sketch_domain": domain, **_columns(documents)}


def profile_from_arrays(meta: Mapping[str, Any], arrays: Arrays) -> Profile:
    """Inverse of `profile_to_arrays`."""
    profile = _profile(meta, arrays)
    profile.set_candidates(arrays["sketch_domain"], _sample(arrays))
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


def _columns(sample: Sketch) -> Arrays:
    return {f"sketch_{name}": getattr(sample, name) for name in ("hashes", "tokens", "buckets", "scores")}


def _sample(arrays: Arrays) -> Sketch:
    return Sketch(*(arrays[f"sketch_{name}"] for name in ("hashes", "tokens", "buckets", "scores")))
