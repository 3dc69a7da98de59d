"""All that allocation, planning and pictures know of a law: it predicts, with uncertainty, inside a support."""

from __future__ import annotations

from typing import Protocol

from .laws import CellValue
from .model_error import HeldOut
from .points import Points, Schema, Support
from .uncertainty import EVERY
from .units import Array


class Predictor(Protocol):
    """Anything that predicts a loss with its uncertainty: a fit, an ensemble, a corrected law."""

    @property
    def schema(self) -> Schema:
        """Cells, groups and target."""
        ...

    @property
    def support(self) -> Support:
        """The box that the runs cover."""
        ...

    def predict(self, points: Points) -> Array:
        """Loss (n_points,) [nats/token]."""
        ...

    def by_share(self, points: Points) -> Array:
        """Derivative of the loss by the share of each cell at the same size and tokens, (n_points, n_cells)."""
        ...

    def draws(
        self, points: Points, n: int = 1000, seed: int = 0, *, model_error: bool = True, worlds: slice = EVERY
    ) -> Array:
        """Losses (n, n_points) [nats/token], or those of some of the n worlds; draw j is the same world for every point."""
        ...

    def optimal_n_params(self, flops: float, points: Points) -> tuple[float, Array] | None:
        """Return the compute-optimal size in closed form, if there is one: best value and draws [parameters]."""
        ...

    @property
    def no_optimum(self) -> str:
        """Why a free model size has no answer at fixed compute, if it has none."""
        ...

    def cell_value(self, n_params: float, tokens: float) -> CellValue | None:
        """Return what a token of each cell is worth, where the law is concave in the recipe, or None."""
        ...

    @property
    def heldout(self) -> HeldOut | None:
        """What held-out runs say, if they were asked."""
        ...

    @property
    def noise_sd(self) -> float:
        """Standard deviation of one run about the prediction [log loss]."""
        ...

    @property
    def alone(self) -> tuple[tuple[str, Predictor], ...]:
        """Every part of the prediction by name, as if it were all; empty where there is one part."""
        ...

    @property
    def sees_recipe(self) -> bool:
        """Whether the loss depends on which cells the tokens come from, or on how often they repeat."""
        ...
