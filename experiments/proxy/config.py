"""What one proxy run is: model, data, schedule, seed. Nothing of it depends on the machine."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from infolaw.errors import ExperimentError

SCHEDULES = ("cosine", "wsd")
PAD = 64
"""Zero bytes before each document: no context of the MLP reaches into the document before."""
BASE_WIDTH = 64
BASE_LEARNING_RATE = 0.014
WIDTH_EXPONENT = 0.5


@dataclass(frozen=True)
class RunConfig:
    """One run.

    Attributes
    ----------
    run_id : str
        Name of the run, and of its files: letters, digits, and ``._-``.
    corpus : str
        Folder of a scored corpus.
    tokens : int
        To train on, every pass counted [tokens]; rounded to whole batches.
    width : int
        Of the hidden layers.
    weights : mapping of str to float
        Share of the training tokens by cell (``<domain>``, ``q<K>`` or ``<domain>/q<K>``).
    unique : mapping of str to float
        Tokens of each cell that the run may draw from [tokens]: the first of its pieces, in the order that `seed` gives
        them, so pools of one seed nest, and seeds show the noise of the draw too.
    sampler : mapping, optional
        Instead of `weights`: parameters of QuaDMix's sampler, ``{"domains": SamplerParams.to_dict(), "better":
        {criterion: "lower" or "higher"}, "seed": int, "pool": float}``, drawn from the first `pool` tokens of the corpus.
    seed : int
        Of the initial weights, of the text in the pools, and of its order.
    backend : str
        A name in `experiments.proxy.BACKENDS`.
    depth, context, embedding, batch : int
        Hidden layers (blocks, for the GPT); bytes of context; width of a byte's embedding (MLP only); tokens a step.
    piece : int
        Documents are drawn in pieces of at most so many bytes: a small pool then holds many documents' text.
    schedule : {"cosine", "wsd"}
        Learning rate: linear warm-up, then a cosine to a tenth, or constant and linear to zero over the last fifth.
    warmup : float
        Share of the steps.
    learning_rate : float, optional
        Peak; by default `learning_rate_for` the width.
    weight_decay : float
        Of AdamW, on weight matrices.
    target : str
        Domain or bucket whose held-out loss is the run's ``loss``.
    eval_tokens : int
        Held-out bytes a domain and bucket.
    command : str
        For the backend ``external``: template of a command line.
    labels : mapping
        Columns for the run table: design, recipe, whatever the run is to be found by.
    """

    run_id: str
    corpus: str
    tokens: int
    width: int
    weights: Mapping[str, float] = field(default_factory=dict)
    unique: Mapping[str, float] = field(default_factory=dict)
    sampler: Mapping[str, Any] | None = None
    seed: int = 0
    backend: str = "mlp"
    depth: int = 2
    context: int = 12
    embedding: int = 16
    batch: int = 256
    piece: int = 1024
    schedule: str = "cosine"
    warmup: float = 0.05
    learning_rate: float | None = None
    weight_decay: float = 0.1
    target: str = "q0"
    eval_tokens: int = 2048
    command: str = ""
    labels: Mapping[str, str | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        name = f"run {self.run_id!r}"
        if not self.run_id or not all(c.isalnum() or c in "._-" for c in self.run_id) or self.run_id[0] == ".":
            raise ExperimentError(f"{name}: a run's name is letters, digits, '.', '_' and '-', and starts with no dot.")
        for what in ("tokens", "width", "depth", "context", "embedding", "batch", "piece", "eval_tokens"):
            if not getattr(self, what) >= 1:
                raise ExperimentError(f"{name}: {what} = {getattr(self, what)} is below 1; give a positive whole number.")
        if self.backend == "mlp" and self.context > PAD:
            raise ExperimentError(f"{name}: context = {self.context} is above the {PAD} bytes that part two documents.")
        if self.schedule not in SCHEDULES:
            raise ExperimentError(f"{name}: schedule {self.schedule!r} is none of {', '.join(SCHEDULES)}.")
        if self.sampler is None:
            self._check_recipe(name)

    def _check_recipe(self, name: str) -> None:
        total = math.fsum(self.weights.values())
        if not abs(total - 1) < 1e-6 or min(self.weights.values(), default=-1) < 0:
            raise ExperimentError(f"{name}: the weights sum to {total:g}; shares are not negative and sum to 1.")
        if set(self.weights) != set(self.unique):
            raise ExperimentError(
                f"{name}: weights are of {', '.join(self.weights)}, unique tokens of {', '.join(self.unique)}; name the "
                "same cells in both."
            )

    @property
    def n_steps(self) -> int:
        """Steps of the optimiser."""
        return max(1, round(self.tokens / self.batch))

    @property
    def peak(self) -> float:
        """Peak learning rate."""
        return self.learning_rate if self.learning_rate is not None else learning_rate_for(self.width)

    @property
    def fingerprint(self) -> str:
        """Hash of everything that decides the result; `run_id`, `labels` and the corpus' place are no part of it."""
        told = {k: v for k, v in self.to_dict().items() if k not in ("run_id", "labels", "corpus")}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RunConfig:
        """Inverse of `to_dict`.

        Raises
        ------
        ExperimentError
            If a field is unknown or missing.
        """
        try:
            return cls(**data)
        except TypeError as error:
            raise ExperimentError(f"no run configuration: {str(error).removeprefix('RunConfig.__init__() ')}.") from None


def learning_rate_for(width: int) -> float:
    """Peak learning rate of a width: ``.014 (64 / width)^.5``.

    Measured with the MLP, two hidden layers, 20 tokens a parameter, one pass, weight decay .1 (held-out nats/token at
    peaks of .0025, .005, .01, .02, .04): width 32 -, 2.340, 2.252, *2.223*, 2.238; width 64 -, 2.042, *1.981*, 1.993,
    2.070; width 128 1.808, 1.747, *1.724*, 1.767, -. The best falls from about .025 to about .01 over a factor of four in
    width, and the rule stays within .01 of the best of each.

    Examples
    --------
    >>> learning_rate_for(64), learning_rate_for(256)
    (0.014, 0.007)
    """
    return float(BASE_LEARNING_RATE * (BASE_WIDTH / width) ** WIDTH_EXPONENT)


def learning_rate_at(step: int, config: RunConfig) -> float:
    """Learning rate of a step, 0 <= step < n_steps: warm-up, then cosine to a tenth or constant and linear to zero.

    References
    ----------
    .. [1] Loshchilov, Hutter (2017), arXiv:1608.03983, eq. 5; Hägele et al. (2024), "Scaling laws and compute-optimal
       training beyond fixed training durations", arXiv:2405.18392 (warm-up, stable, decay over 20 %).
    """
    n_warm = max(1, round(config.warmup * config.n_steps))
    if step < n_warm:
        return config.peak * ((step + 1) / n_warm)
    done = (step - n_warm) / max(1, config.n_steps - n_warm)
    if config.schedule == "cosine":
        return config.peak * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))
    return config.peak * min(1.0, (1 - done) / 0.2)
