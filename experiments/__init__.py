"""Inquiries: each module states a claim, runs it, and reports what came out, failed checks included.

Read `experiments.report` (what comes out), then any module named in `EXPERIMENTS`. Nothing runs on import.
"""

from __future__ import annotations

EXPERIMENTS: dict[str, str] = {
    "chinchilla": "experiments.chinchilla",
    "coverage": "experiments.coverage",
    "data_constrained": "experiments.data_constrained",
    "design": "experiments.design_runs",
    "extrapolation": "experiments.extrapolation",
    "first_loop": "experiments.first_loop",
    "information": "experiments.information",
    "learning_rate": "experiments.learning_rate",
    "mixtures": "experiments.mixtures",
    "planned": "experiments.planned",
    "planted": "experiments.planted",
    "regmix": "experiments.regmix",
    "representations": "experiments.representations",
    "stability": "experiments.stability",
    "surrogates": "experiments.surrogates",
}
"""Every experiment: name -> module with ``CLAIM``, ``Config`` (with ``Config.tiny()``) and ``run(config) -> Report``."""

REPLICATIONS = ("chinchilla", "data_constrained", "information")
"""Experiments that repeat what a paper published: the replication table. Seconds; `coverage` in full is an hour's work."""

__all__ = ["EXPERIMENTS", "REPLICATIONS"]
