"""What compute is: devices and their peak, hours at a utilisation, and the FLOP that a token costs.

`hours_to_flops` turns GPU-hours into FLOP; `FlopCount` says what a model's token costs, by 6 N or counted exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .errors import BudgetError
from .units import FLOPS_PER_PARAM_TOKEN, INFERENCE_FLOPS_PER_PARAM_TOKEN, Array

PEAK_FLOPS: dict[str, float] = {
    "v100": 125e12,  # NVIDIA V100 data sheet; fp16, it has no bf16
    "a100": 312e12,  # NVIDIA A100 data sheet
    "h100": 989e12,  # NVIDIA H100 data sheet, SXM
    "h100-pcie": 756e12,  # NVIDIA H100 data sheet, PCIe
    "h200": 989e12,  # NVIDIA H200 data sheet
    "b200": 2250e12,  # NVIDIA DGX B200 data sheet, an eighth of it
    "gb200": 2500e12,  # NVIDIA GB200 NVL72 data sheet, a 72nd of it
    "l40s": 362e12,  # NVIDIA L40S data sheet
    "mi250x": 383e12,  # AMD Instinct MI250X data sheet
    "mi300x": 1307e12,  # AMD Instinct MI300X data sheet
    "tpu-v4": 275e12,  # Google Cloud TPU v4 documentation
    "tpu-v5e": 197e12,  # Google Cloud TPU v5e documentation
    "tpu-v5p": 459e12,  # Google Cloud TPU v5p documentation
    "tpu-v6e": 918e12,  # Google Cloud TPU v6e documentation
    "gaudi2": 432e12,  # Intel Gaudi 2 white paper
    "gaudi3": 1835e12,  # Intel Gaudi 3 white paper
}
"""Peak dense bf16 rate of one device [FLOP/s], without sparsity."""

WIDTH_PER_LAYER = 128.0
"""Width over depth where neither is known: GPT-3 175B (96 x 12288) and Llama 7B (32 x 4096) both have 128."""

ATTENTION_FLOPS = 12.0
"""Training FLOP of attention scores per layer, width, context and token (Chowdhery et al. 2022, arXiv:2204.02311, B)."""

EMBEDDINGS = {"tied": 1.0, "untied": 2.0, "excluded": 0.0}
"""How the law's N counts the vocabulary's matrices -> how many of them are inside N."""

_BLOCK = 12.0
"""Parameters of a transformer block over its width squared (Kaplan et al. 2020, arXiv:2001.08361, section 2.1)."""
_SHAPE_SLACK = 4.0
"""Factor by which depth and width may disagree with the model size (gated layers, grouped queries)."""
_SECONDS = 3600.0


def hours_to_flops(
    hours: float, *, device: str | None = None, utilisation: float | None = None, flops_per_second: float | None = None
) -> float:
    """FLOP of some device-hours.

    Parameters
    ----------
    hours : float
        Device-hours.
    device : str, optional
        A name in `PEAK_FLOPS`; or give `flops_per_second`.
    utilisation : float, optional
        Share of the peak that a run reaches (MFU), in (0, 1]; needed with `device`, 1 by default with a rate.
    flops_per_second : float, optional
        Rate of one device [FLOP/s].

    Raises
    ------
    BudgetError
        Where the device is unknown (the message lists them) or a number unusable.

    Examples
    --------
    >>> f"{hours_to_flops(5e5, device='h100', utilisation=0.4):.3g}"
    '7.12e+23'
    """
    if (device is None) == (flops_per_second is None):
        raise BudgetError("GPU-hours need --device NAME or --flops-per-second RATE, one of the two.")
    if device is not None and device.lower() not in PEAK_FLOPS:
        raise BudgetError(f"device {device!r} is unknown: give --flops-per-second, or one of {', '.join(PEAK_FLOPS)}.")
    if device is not None and utilisation is None:
        raise BudgetError(
            f"say with --mfu what share of the peak of {device} ({PEAK_FLOPS[device.lower()]:.3g} FLOP/s) a run reaches; "
            "0.3 to 0.5 is usual."
        )
    share = 1.0 if utilisation is None else utilisation
    rate = PEAK_FLOPS[device.lower()] if device is not None else float(flops_per_second or 0.0)
    if not 0 < share <= 1:
        raise BudgetError(f"a utilisation of {share:g} is no share: give --mfu between 0 and 1, such as 0.4.")
    for name, value in (("GPU-hours", hours), ("FLOP/s", rate)):
        if not 0 < value < np.inf:
            raise BudgetError(f"{value:g} {name} is not a positive finite number.")
    return float(hours * _SECONDS * rate * share)


@dataclass(frozen=True)
class FlopCount:
    """What one token costs a model: 6 FLOP a parameter, or counted over matrices and attention.

    Parameters
    ----------
    exact : bool
        Count attention scores and the vocabulary's matrices by what they do: 6 FLOP a parameter that multiplies,
        plus 12 x depth x width x context for attention (PaLM's count, the one behind published MFU). Looking a token
        up costs nothing; its scores over the vocabulary do.
    active_share : float
        Parameters that work on a token over all parameters: below 1 for mixtures of experts.
    context, vocabulary : float
        Tokens in the window, entries of the vocabulary.
    depth, width : float, optional
        Of the model; where missing, from its size with `WIDTH_PER_LAYER`.
    embeddings : {"tied", "untied", "excluded"}
        How the law's N counts the vocabulary's matrices: one for both, two, or none.

    Raises
    ------
    BudgetError
        If a number is unusable; later, if depth and width make another model than the size says.
    """

    exact: bool = False
    active_share: float = 1.0
    context: float = 4096.0
    vocabulary: float = 50304.0
    depth: float | None = None
    width: float | None = None
    embeddings: str = "tied"

    def __post_init__(self) -> None:
        if not 0 < self.active_share <= 1:
            raise BudgetError(f"an active share of {self.active_share:g} is none: give a number in (0, 1].")
        for name in ("context", "vocabulary", "depth", "width"):
            value = getattr(self, name)
            if value is not None and not 0 < value < np.inf:
                raise BudgetError(f"{name} = {value:g} is not a positive finite number.")
        if self.embeddings not in EMBEDDINGS:
            raise BudgetError(f"embeddings {self.embeddings!r} is none of {', '.join(EMBEDDINGS)}.")

    def per_token(self, n_params: ArrayLike) -> Array:
        """Training FLOP of one token, shape of `n_params`; serving one costs a third of it."""
        active = self.active_share * np.asarray(n_params, float)
        if not self.exact:
            return np.asarray(FLOPS_PER_PARAM_TOKEN * active)
        depth, width = self.shape(active)
        matrix = self.vocabulary * width
        working = active + (1.0 - EMBEDDINGS[self.embeddings]) * matrix
        return np.asarray(FLOPS_PER_PARAM_TOKEN * working + ATTENTION_FLOPS * depth * width * self.context)

    def per_served_token(self, n_params: ArrayLike) -> Array:
        """Inference FLOP of one token, forward only, shape of `n_params`."""
        return np.asarray(self.per_token(n_params) * INFERENCE_FLOPS_PER_PARAM_TOKEN / FLOPS_PER_PARAM_TOKEN)

    def shape(self, active: ArrayLike) -> tuple[Array, Array]:
        """Depth and width of models of `active` parameters: as given, or by rule of thumb."""
        n = np.asarray(active, float)
        inside = EMBEDDINGS[self.embeddings] * self.vocabulary
        width = self._width(n, inside) if self.width is None else np.full_like(n, self.width)
        blocks = n - inside * width
        depth = blocks / (_BLOCK * width**2) if self.depth is None else np.full_like(n, self.depth)
        made = _BLOCK * depth * width**2 + inside * width
        off = np.maximum(made / n, n / made)
        if not (np.asarray(depth) > 0).all() or (off > _SHAPE_SLACK).any():
            k = int(np.argmax(off))
            deep, wide, found, size = (float(np.ravel(values)[k]) for values in (depth, width, made, n))
            raise BudgetError(
                f"depth {deep:.3g} and width {wide:.4g} make {found:.3g} parameters, the model has {size:.3g} at work: give "
                "a depth and width of this size, or leave them out."
            )
        return np.asarray(depth), np.asarray(width)

    def _width(self, n: Array, inside: float) -> Array:
        """Width of models of n parameters; Newton's steps from above, where the count bends upwards."""
        if self.depth is not None:
            a = _BLOCK * self.depth
            return np.asarray((np.sqrt(inside**2 + 4 * a * n) - inside) / (2 * a))
        cube = _BLOCK / WIDTH_PER_LAYER
        width = np.cbrt(n / cube)
        for _ in range(60):
            width = width - (cube * width**3 + inside * width - n) / (3 * cube * width**2 + inside)
        return np.asarray(width)

    def said(self) -> str:
        """How FLOP are counted, in a few words."""
        share = "" if self.active_share == 1 else f", {self.active_share:.3g} of the parameters at work on a token"
        if not self.exact:
            return f"6 N D{share}"
        given = [f"{name} {value:g}" for name, value in (("depth", self.depth), ("width", self.width)) if value]
        shape = " and ".join(given) or f"width = {WIDTH_PER_LAYER:g} x depth"
        return (
            f"matrices and attention ({shape}, context {self.context:g}, vocabulary {self.vocabulary:g}, embeddings "
            f"{self.embeddings} in N){share}"
        )
