"""What a plan may spend: compute, a fixed size, tokens to serve, tokens a parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from infolaw.allocation import check_flops
from infolaw.compute import FlopCount
from infolaw.errors import BudgetError
from infolaw.rendering import amount
from infolaw.spending import TOKENS_PER_PARAM_SEARCHED
from infolaw.units import Array

_LARGEST, _SMALLEST = 1e30, 1.0


@dataclass(frozen=True)
class Budget:
    """A compute budget, or a fixed run.

    Parameters
    ----------
    flops : float, optional
        Compute [FLOP]: training, and serving `inference_tokens`, together.
    n_params, tokens : float, optional
        Fixed model size [parameters] and tokens [tokens].
    tokens_per_param : float, optional
        Fixed ratio of the two.
    overtraining : float, optional
        Tokens per parameter over those of the law's own optimum for `flops`; 1 = compute-optimal.
    inference_tokens : float
        Tokens served over the model's life.
    count : FlopCount
        What a token costs; 6 N by default.

    Raises
    ------
    BudgetError
        If a number is not positive and finite, or they do not make a budget: `flops` alone or with one of `n_params`,
        `tokens`, `tokens_per_param` and `overtraining`; or two of the first three without `flops`.
    """

    flops: float | None = None
    n_params: float | None = None
    tokens: float | None = None
    tokens_per_param: float | None = None
    overtraining: float | None = None
    inference_tokens: float = 0.0
    count: FlopCount = field(default_factory=FlopCount)

    def __post_init__(self) -> None:
        if self.flops is not None:
            check_flops(self.flops)
        fixed = ("n_params", "tokens", "tokens_per_param", "overtraining")
        for name in fixed:
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value > 0):
                raise BudgetError(f"{name} = {value:g} is not a positive finite number: give one such as 1e9.")
        if not 0 <= self.inference_tokens < np.inf:
            raise BudgetError(f"inference_tokens = {self.inference_tokens:g} is no count of tokens: give one such as 1e12.")
        given = [name for name in fixed if getattr(self, name) is not None]
        if len(given) > (2 if self.flops is None else 1) or (self.flops is None and len(given) < 2):
            said = ["flops"] * (self.flops is not None) + given
            raise BudgetError(
                "a budget is flops, or flops with one of n_params, tokens, tokens_per_param and overtraining, or two of the "
                f"first three without flops; given: {', '.join(said) or 'nothing'}."
            )
        if self.flops is None and self.overtraining is not None:
            raise BudgetError("overtraining is a multiple of the compute-optimal ratio, so it needs flops beside it.")
        if self.n_params is None and (self.count.depth or self.count.width):
            raise BudgetError("depth and width describe one model: fix its size with --n-params, or leave them out.")

    @property
    def size(self) -> tuple[float, float] | None:
        """Model size and tokens, where the budget fixes them without a law."""
        n, d, ratio = self.n_params, self.tokens, self.tokens_per_param
        if self.flops is None:
            n = n if n is not None else (d or 0.0) / (ratio or 1.0)
            return n, d if d is not None else (ratio or 1.0) * n
        if n is not None:
            return n, self.tokens_at(n)
        if d is not None:
            return self._largest(lambda _: d), d
        return None if ratio is None else self.at_ratio(ratio)

    def tokens_at(self, n_params: float) -> float:
        """Tokens that a model of this size can be trained on with what serving leaves [tokens].

        Raises
        ------
        BudgetError
            If serving takes the whole budget.
        """
        left = self._left(n_params)
        if left <= 0:
            raise BudgetError(
                f"serving {self.inference_tokens:g} tokens with {n_params:.4g} parameters takes the whole budget of "
                f"{self.flops:g} FLOP: raise the budget, or lower the inference tokens or the size."
            )
        return left

    def at_ratio(self, tokens_per_param: float) -> tuple[float, float]:
        """Model size and tokens that spend the budget at a ratio of tokens to parameters."""
        n = self._largest(lambda size: tokens_per_param * size)
        return n, tokens_per_param * n

    def sizes(self, count: int) -> Array:
        """Model sizes (count,) between which an optimum is looked for, log-spaced [parameters]."""
        few, many = TOKENS_PER_PARAM_SEARCHED
        return np.geomspace(self.at_ratio(many)[0], self.at_ratio(few)[0], count)

    def spent(self, n_params: float, tokens: float) -> float:
        """Training FLOP of a size and tokens."""
        return float(self.count.per_token(n_params)) * tokens

    def grown(self, times: float) -> Budget:
        """Return the same budget with `times` the compute; a fixed size stays fixed."""
        if self.flops is None:
            raise BudgetError("a fixed size and fixed tokens cannot grow: give the budget as flops.")
        from dataclasses import replace

        return replace(self, flops=self.flops * times)

    def said(self) -> str:
        """What is spent and how it is counted, in one line."""
        total = "the size and tokens given" if self.flops is None else f"{self.flops:.4g} FLOP"
        extra = [f"{amount(self.inference_tokens)} tokens served"] if self.inference_tokens else []
        extra += [f"{self.tokens_per_param:g} tokens a parameter"] if self.tokens_per_param else []
        extra += [f"{self.overtraining:g} times the compute-optimal ratio"] if self.overtraining else []
        return f"{', '.join([total, *extra])}, counted as {self.count.said()}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the provenance of a plan."""
        return {"said": self.said(), **{name: value for name, value in vars(self).items() if name != "count"}}

    def _left(self, n_params: float) -> float:
        served = float(self.count.per_served_token(n_params)) * self.inference_tokens
        return ((self.flops or 0.0) - served) / float(self.count.per_token(n_params))

    def _largest(self, tokens: Callable[[float], float]) -> float:
        """Model size at which `tokens` of it spend the whole budget; what is left over falls with the size."""
        from scipy.optimize import brentq

        def over(log_n: float) -> float:
            n = float(np.exp(log_n))
            return (self._left(n) - tokens(n)) / tokens(n)

        low, high = np.log(_SMALLEST), np.log(_LARGEST)
        if over(low) <= 0:
            raise BudgetError(
                f"{self.flops:g} FLOP are not enough for {tokens(_SMALLEST):.3g} training tokens and "
                f"{self.inference_tokens:g} served: raise the budget or lower the tokens."
            )
        if over(high) > 0:
            raise BudgetError(f"{self.flops:g} FLOP ask for a model beyond {_LARGEST:g} parameters: lower the budget.")
        return float(np.exp(brentq(over, low, high, xtol=1e-13, rtol=1e-13)))
