"""Surrogates: cheap models from a recipe to its loss, all behind scikit-learn's contract.

Read `base` (the contract), then `gaussian_process`.
"""

from __future__ import annotations

from .base import Surrogate
from .gaussian_process import GaussianProcess

SURROGATES: dict[str, type[Surrogate]] = {
    "gaussian_process": GaussianProcess,
}
"""Every surrogate by its name."""

__all__ = ["SURROGATES", "GaussianProcess", "Surrogate"]
