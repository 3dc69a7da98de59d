"""What repetition at the target costs, which proxies that read every token once have not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from infolaw.units import Array

HALF_LIFE = 15.4
"""Repetitions after which a token has lost 1 - 1/e of its worth: R_D of Muennighoff et al. [1]."""
SLOPE = 0.3
"""Nats per e-fold of data: Hoffmann et al.'s data term at a proxy of 1B to 2B tokens (.35 to .29)."""


@dataclass(frozen=True, eq=False)
class Repetition:
    """A prior for searches: of a cell read several times, tokens beyond the first pass are worth less.

    The loss of a mixture rises by ``-slope ln(worth)``, where worth is the share of the target's tokens that repetition
    leaves: ``sum_j supply_j (1 + R (1 - exp(-(epochs_j - 1) / R)))`` over cells read more than once, all of the others.

    Attributes
    ----------
    supply : ndarray, (n_cells,)
        Distinct tokens of each cell, as a share of the target's tokens.
    half_life : float
        R [repetitions].
    slope : float
        Loss per e-fold of data [nats].

    References
    ----------
    .. [1] Muennighoff et al. (2023), "Scaling Data-Constrained Language Models", arXiv:2305.16264, eq. 5: R_D = 15.39.
    """

    supply: Array
    half_life: float = HALF_LIFE
    slope: float = SLOPE

    def worth(self, weights: Array) -> Array:
        """Share of the tokens that repetition leaves, ``(n_points,)``, of weights ``(n_points, n_cells)``."""
        again = np.maximum(weights / self.supply - 1.0, 0.0)
        lasting = self.supply * self.half_life * -np.expm1(-again / self.half_life)
        return np.asarray((np.minimum(weights, self.supply) + lasting).sum(-1))

    def cost(self, weights: Array) -> Array:
        """Loss added, ``(n_points,)`` [nats].

        Examples
        --------
        >>> Repetition(np.array([0.1, 1.0])).cost(np.array([[0.4, 0.6]])).round(4).tolist()  # .3 ln(1 / (.1 + .2726 + .6))
        [0.0083]
        """
        return np.asarray(-self.slope * np.log(self.worth(weights)))

    def gradient(self, weights: Array) -> Array:
        """Derivative of the cost by the shares, ``(n_points, n_cells)``."""
        again = np.maximum(weights / self.supply - 1.0, 0.0)
        return np.asarray(-self.slope * np.exp(-again / self.half_life) / self.worth(weights)[:, None])
