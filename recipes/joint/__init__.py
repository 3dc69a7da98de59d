"""Joint prediction: a law that carries size, tokens and repetition, and what mixture proxies say beside it.

Read ``evidence.py`` (law runs and proxies as one table), ``residual.py`` (what a law leaves, as a process of shares),
``corrected.py`` (law times residual), ``judging.py`` (which of them predict unseen runs), ``joint.py`` (all as one).
"""

from __future__ import annotations

from .corrected import Corrected
from .evidence import Evidence
from .fit import fit_joint
from .joint import Joint
from .opening import predictor_of
from .residual import Residual

__all__ = ["Corrected", "Evidence", "Joint", "Residual", "fit_joint", "predictor_of"]
