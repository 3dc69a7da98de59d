"""The door: `train`, whatever the backend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from infolaw.errors import ExperimentError

from .config import RunConfig
from .record import RunRecord

CHECKPOINT_SECONDS = 30.0

Backend = Callable[[RunConfig, Path | None, float], RunRecord]


def _mlp(config: RunConfig, checkpoint: Path | None, seconds: float) -> RunRecord:
    import numpy as np
    from threadpoolctl import threadpool_limits

    from .mlp import Mlp
    from .training import train_model

    # one thread is fastest at these sizes, and its sums are always in the same order; a run that diverges is recorded
    with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return train_model(config, Mlp, checkpoint, seconds)


def _gpt(config: RunConfig, checkpoint: Path | None, seconds: float) -> RunRecord:
    try:
        from .gpt import Gpt
    except ModuleNotFoundError as error:
        raise ExperimentError(
            f"the backend 'gpt' needs {error.name}: install it with `pip install 'infolaw[proxy]'`."
        ) from None
    from .training import train_model

    return train_model(config, Gpt, checkpoint, seconds)


def _external(config: RunConfig, checkpoint: Path | None, seconds: float) -> RunRecord:
    from .external import run_command

    return run_command(config, checkpoint, seconds)


BACKENDS: dict[str, Backend] = {"mlp": _mlp, "gpt": _gpt, "external": _external}
"""Every backend by its name: a byte-level MLP in numpy, a GPT in torch, a command line."""


def train(config: RunConfig, checkpoint: Path | None = None, checkpoint_seconds: float = CHECKPOINT_SECONDS) -> RunRecord:
    """Train one model and return what it reached: a pure function of the configuration and the corpus.

    Parameters
    ----------
    config : RunConfig
    checkpoint : Path, optional
        File to go on from after an interruption, written as training goes and removed at its end.
    checkpoint_seconds : float
        How often it is written.

    Returns
    -------
    RunRecord
        With ``status`` ``diverged`` where a loss was not finite.

    Raises
    ------
    ExperimentError
        If the backend is unknown or not installed, or the corpus does not serve the configuration.
    """
    if config.backend not in BACKENDS:
        raise ExperimentError(
            f"run {config.run_id!r}: there is no backend {config.backend!r}: choose among {', '.join(BACKENDS)}."
        )
    return BACKENDS[config.backend](config, checkpoint, checkpoint_seconds)
