"""A profile as bytes, and back: only bins with tokens are kept, so equal contents give equal bytes."""

from __future__ import annotations

import numpy as np

from infolaw.errors import RecipeError

from .criteria import Criteria
from .packing import pack, unpack
from .profile import Profile
from .sketch import Sketch

KIND, SCHEMA_VERSION = "profile", 1
COUNTS = ("documents", "tokens", "missing", "missing_tokens", "bucket_documents", "bucket_tokens")


def profile_to_bytes(profile: Profile) -> bytes:
    """See `Profile.to_bytes`."""
    held = profile.histograms
    rows, bins = np.nonzero(held.tokens)
    sizes, sample = profile.samples()
    arrays = {
        **{name: getattr(profile, name) for name in COUNTS},
        "levels": held.levels,
        "histogram_row": rows.astype(np.int32),
        "histogram_bin": bins + held.bases[rows],
        "histogram_tokens": held.tokens[rows, bins],
        "sketch_sizes": sizes,
        "sketch_hashes": sample.hashes,
        "sketch_tokens": sample.tokens,
        "sketch_buckets": sample.buckets,
        "sketch_scores": sample.scores,
    }
    meta = {"domains": list(profile.domains), "criteria": profile.criteria.to_dict()}
    return pack(KIND, SCHEMA_VERSION, meta, arrays)


def profile_from_bytes(content: bytes) -> Profile:
    """See `Profile.from_bytes`."""
    meta, arrays = unpack(content, KIND, SCHEMA_VERSION)
    try:
        profile = Profile(Criteria.from_dict(meta["criteria"]), meta["domains"])
        for name in COUNTS:
            setattr(profile, name, arrays[name])
        rows = arrays["histogram_row"].astype(np.int64)
        profile.histograms.restore(arrays["levels"], rows, arrays["histogram_bin"], arrays["histogram_tokens"])
        sample = Sketch(*(arrays[f"sketch_{name}"] for name in ("hashes", "tokens", "buckets", "scores")))
        bounds = np.concatenate([[0], np.cumsum(arrays["sketch_sizes"])])
        parts = [sample.take(slice(bounds[i], bounds[i + 1])) for i in range(len(profile.domains))]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise RecipeError(f"The profile lacks a part or is damaged ({error}); build it again.") from error
    profile.set_sketches(parts)
    return profile
