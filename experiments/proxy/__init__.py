"""Proxies: real small language models, from a configuration to a record of what they reached.

Read `config` (what a run is) and `record` (what it leaves), then `text` and `draw` (what it reads), `mlp` (the model),
`training` (the loop); `gpt` and `external` are the other backends.
"""

from __future__ import annotations

from .backends import BACKENDS, train
from .config import RunConfig, learning_rate_at, learning_rate_for
from .record import RunRecord

__all__ = ["BACKENDS", "RunConfig", "RunRecord", "learning_rate_at", "learning_rate_for", "train"]
