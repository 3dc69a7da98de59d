"""Which runs to do next: those that take most of the plan's expected regret, within a budget of FLOP.

Read `design_runs` in ``proposing.py`` first. ``decisions.py``: what the plan could have been; ``candidates.py``: what could
be run; ``beliefs.py``: what is believed of both together; ``picking.py``: which to run.
"""

from __future__ import annotations

from .proposal import Design, Proposed
from .proposing import design_runs, make_design

__all__ = ["Design", "Proposed", "design_runs", "make_design"]
