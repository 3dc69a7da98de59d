"""Surrogates: cheap models from a recipe to its loss, all behind scikit-learn's contract.

Read `base` (the contract), `gaussian_process` (what usually wins), `likelihood`, `warps` and `doubt` (how it is fitted),
then the others. `recipes.choosing` picks one by cross-validation.
"""

from __future__ import annotations

from .base import Surrogate
from .boosted_trees import BoostedTrees, QuaDMixTrees, QuantileTrees, RegMixTrees
from .gaussian_process import GaussianProcess
from .joint_gaussian_process import JointGaussianProcess
from .law_corrected import LawCorrected
from .log_linear import LogLinear
from .multi_fidelity import MultiFidelity
from .of_columns import OfColumns

SURROGATES: dict[str, type[Surrogate]] = {
    surrogate.name: surrogate
    for surrogate in (
        GaussianProcess,
        JointGaussianProcess,
        LogLinear,
        LawCorrected,
        MultiFidelity,
        OfColumns,
        BoostedTrees,
        RegMixTrees,
        QuaDMixTrees,
        QuantileTrees,
    )
}
"""Every surrogate by its name."""

__all__ = [
    "SURROGATES",
    "BoostedTrees",
    "GaussianProcess",
    "JointGaussianProcess",
    "LawCorrected",
    "LogLinear",
    "MultiFidelity",
    "OfColumns",
    "QuaDMixTrees",
    "QuantileTrees",
    "RegMixTrees",
    "Surrogate",
]
