"""Mixtures to train proxies on and to search among: RegMix's design, draws within caps, recipes pressed under caps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from infolaw.errors import ExperimentError
from infolaw.units import Array

from .planted_worlds import Setting

STRENGTHS = np.logspace(-1, np.log10(5), 15)
"""Sums of the Dirichlet parameters, one drawn a mixture (RegMix, arXiv:2407.01492, and its released code)."""
TEMPERATURE, MAX_UPWEIGHT, SMALLEST, DRAWS_PER_PROXY = 0.5, 15.0, 2e-4, 100
BATCH, MOST_BATCHES = 50_000, 1000


def proxies(setting: Setting, n: int, rng: np.random.Generator) -> Array:
    """Mixtures of `n` proxy runs, ``(n, n_domains)``, as RegMix draws them.

    Of 100 n Dirichlet draws around prior^0.5 those with a share above 15 times the prior are dropped, shares below 2e-4
    set to zero, the others rounded to multiples of it, repeats dropped, and n taken at random.
    """
    drawn = _designed(setting, DRAWS_PER_PROXY * n, rng)
    kept = drawn[(drawn <= np.minimum(MAX_UPWEIGHT * setting.prior, 1.0)).all(1)]
    kept = np.where(kept < SMALLEST, 0.0, kept)
    kept = np.round(kept / kept.sum(1, keepdims=True) / SMALLEST) * SMALLEST
    kept = np.unique(kept, axis=0)
    if len(kept) < n:
        raise ExperimentError(
            f"only {len(kept)} of {DRAWS_PER_PROXY * n} mixtures keep to the bounds of a design of {n} proxies."
        )
    chosen = kept[rng.choice(len(kept), n, replace=False)]
    return np.asarray(chosen / chosen.sum(1, keepdims=True))


def within(setting: Setting, n: int, rng: np.random.Generator) -> Array:
    """Mixtures drawn as the proxies' (but for rounding) that keep to the caps at the target, ``(n, n_domains)``."""
    return _kept(lambda: _designed(setting, BATCH, rng), setting.caps, n)


def around_prior(setting: Setting, n: int, rng: np.random.Generator) -> Array:
    """Dirichlet draws with the prior itself for parameters (RegMix's released simulation), kept to the caps."""
    return _kept(lambda: dirichlet(np.broadcast_to(setting.prior, (BATCH, len(setting.prior))), rng), setting.caps, n)


def capped(base: Array, caps: Array) -> Array:
    """Weights nearest `base` in proportion under the caps: min(cap, c * base), with c so that they sum to one."""
    if caps.sum() < 1.0:
        raise ExperimentError(f"caps of shares sum to {caps.sum():.3g}, less than one: raise max_epochs or the supply.")
    order = np.argsort(caps / base)
    full = np.concatenate([[0.0], np.cumsum(caps[order])])[:-1]
    factor = (1.0 - full) / np.cumsum(base[order][::-1])[::-1]
    at = int(np.argmax(factor * base[order] <= caps[order] * (1 + 1e-12)))
    return np.asarray(np.minimum(caps, factor[at] * base))


def dirichlet(alpha: Array, rng: np.random.Generator) -> Array:
    """One Dirichlet draw a row of parameters, ``(n, n_domains)``; safe for parameters far below one."""
    logs = np.log(rng.standard_gamma(alpha + 1.0)) + np.log1p(-rng.random(alpha.shape)) / alpha
    drawn = np.exp(logs - logs.max(1, keepdims=True))
    return np.asarray(drawn / drawn.sum(1, keepdims=True))


def _designed(setting: Setting, n: int, rng: np.random.Generator) -> Array:
    softened = setting.prior**TEMPERATURE
    return dirichlet(rng.choice(STRENGTHS, (n, 1)) * softened / softened.sum(), rng)


def _kept(draw: Callable[[], Array], caps: Array, n: int) -> Array:
    found: list[Array] = []
    for _ in range(MOST_BATCHES):
        drawn = draw()
        found.append(drawn[(drawn <= caps).all(1)])
        if sum(map(len, found)) >= n:
            return np.concatenate(found)[:n]
    raise ExperimentError(f"of {MOST_BATCHES * BATCH} mixtures {sum(map(len, found))} keep to the caps; {n} are needed.")
