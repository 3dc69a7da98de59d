"""`train`: one run from its configuration to its record, by a model that knows nothing of files."""

from __future__ import annotations

import io
import math
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from infolaw.errors import ExperimentError
from infolaw.files import package_version, write_atomically

from .config import RunConfig, learning_rate_at
from .draw import Draw, Pool, Units, draw
from .record import RunRecord
from .text import Text, open_text

CURVE_POINTS = 40


class Model(Protocol):
    """What a backend's model must know.

    ``unit`` is the tokens of one unit of the draw, ``overlap`` 1 where units are blocks that overlap by a byte.
    """

    n_params: int
    n_params_embedding: int
    flops_per_token: float
    unit: int
    overlap: int

    def step(self, text: NDArray[np.uint8], units: NDArray[Any], learning_rate: float) -> float:
        """One step of the optimiser; mean loss before it [nats/token]."""
        ...

    def losses(self, text: NDArray[np.uint8], units: NDArray[Any]) -> NDArray[np.float32]:
        """Mean loss of each unit [nats/token]."""
        ...

    def state(self) -> dict[str, NDArray[Any]]:
        """All that a training needs to go on."""
        ...

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from `state`."""
        ...


def train_model(
    config: RunConfig,
    make: Callable[[RunConfig], Model],
    checkpoint: Path | None,
    checkpoint_seconds: float,
) -> RunRecord:
    """Train a model and measure it on held-out text.

    Parameters
    ----------
    config : RunConfig
    make : callable
        Model of a configuration.
    checkpoint : Path, optional
        File that the state is written to every `checkpoint_seconds`, and read from if it is there; the record is the
        same with and without an interruption. It is removed at the end.

    Returns
    -------
    RunRecord
        ``diverged`` where a loss was not finite.

    Raises
    ------
    ExperimentError
        If the corpus does not serve the configuration, or the checkpoint is of another one.
    """
    begin = time.process_time()
    train, valid = open_text(config.corpus)
    model = make(config)
    drawn = draw(config, train, model.unit * model.overlap)
    progress = _Progress(config, checkpoint, begin)
    progress.read(model)
    every = max(1, config.n_steps // CURVE_POINTS)
    for step in range(progress.step, config.n_steps):
        loss = model.step(train.data, drawn.units[step], learning_rate_at(step, config))
        progress.recent.append(loss)
        if not math.isfinite(loss):
            break
        if (step + 1) % every == 0 or step + 1 == config.n_steps:
            progress.point(step + 1)
        if progress.seconds_since_saved > checkpoint_seconds:
            progress.write(model, step + 1)
    finite = not progress.recent or math.isfinite(progress.recent[-1])
    losses = _held_out(config, model, valid) if finite else {}
    reason = "" if finite else f"the training loss was not finite after {step * config.batch:,} of {config.tokens:,} tokens"
    if finite and not all(map(math.isfinite, losses.values())):
        losses, reason = {}, "a held-out loss is not finite"
    record = _record(config, model, drawn, losses, reason, progress, train.fingerprint)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return record


def _record(
    config: RunConfig, model: Model, drawn: Draw, losses: dict[str, float], reason: str, progress: _Progress, corpus: str
) -> RunRecord:
    tokens = config.n_steps * config.batch
    return RunRecord(
        run_id=config.run_id,
        status="diverged" if reason else "finished",
        reason=reason,
        n_params=model.n_params,
        n_params_embedding=model.n_params_embedding,
        tokens=tokens,
        flops=model.flops_per_token * tokens,
        weights=drawn.weights,
        unique=drawn.unique,
        epochs=drawn.epochs,
        losses=losses,
        target=config.target,
        curve=tuple(progress.curve),
        learning_rate=config.peak,
        config=config.to_dict(),
        corpus=corpus,
        version=package_version(),
        seconds=round(progress.seconds, 3),
        host=platform.node(),
    )


class _Progress:
    """Where a training stands, and the file that outlives its process."""

    def __init__(self, config: RunConfig, path: Path | None, begin: float) -> None:
        self.config, self.path, self.step = config, path, 0
        self.curve: list[tuple[int, float]] = []
        self.recent: list[float] = []
        self._before, self._begin, self._saved = 0.0, begin, time.monotonic()

    @property
    def seconds(self) -> float:
        """Processor time, that of interrupted attempts up to their last checkpoint included."""
        return self._before + time.process_time() - self._begin

    @property
    def seconds_since_saved(self) -> float:
        return time.monotonic() - self._saved if self.path is not None else 0.0

    def point(self, step: int) -> None:
        """Add a point to the curve."""
        self.curve.append((step * self.config.batch, float(np.mean(self.recent))))
        self.recent = []

    def write(self, model: Model, step: int) -> None:
        """Write the state, whole or not at all."""
        if self.path is None:
            return
        content = io.BytesIO()
        state: dict[str, Any] = {f"model.{name}": values for name, values in model.state().items()}
        state |= {"fingerprint": self.config.fingerprint, "step": step, "seconds": self.seconds}
        np.savez(content, **state, curve=np.array(self.curve, float).reshape(-1, 2), recent=self.recent)
        write_atomically(self.path, content.getvalue())
        self._saved = time.monotonic()

    def read(self, model: Model) -> None:
        """Go on from the file, where there is one."""
        if self.path is None or not self.path.exists():
            return
        with np.load(self.path) as file:
            if str(file["fingerprint"]) != self.config.fingerprint:
                raise ExperimentError(f"{self.path} is the checkpoint of another configuration: remove it.")
            model.restore({name.removeprefix("model."): file[name] for name in file.files if name.startswith("model.")})
            self.step, self._before = int(file["step"]), float(file["seconds"])
            self.curve = [(int(tokens), float(loss)) for tokens, loss in file["curve"]]
            self.recent = [float(loss) for loss in file["recent"]]


def _held_out(config: RunConfig, model: Model, valid: Text) -> dict[str, float]:
    """Held-out loss by domain, by bucket and of all text, every domain and bucket weighed by its bytes."""
    block, rng = model.unit * model.overlap, np.random.default_rng(0)  # the same text for every run
    cells: list[tuple[str, str, float, float]] = []
    for domain in valid.domains:
        for bucket in valid.buckets:
            documents = valid.documents_of(f"{domain}/q{bucket}")
            units = _eval_units(valid, documents, config.eval_tokens, block, rng)
            if len(units):
                loss = float(model.losses(valid.data, units).mean(dtype=np.float64))
                cells.append((domain, f"q{bucket}", float(valid.lengths[documents].sum()), loss))
    names = [*valid.domains, *(f"q{b}" for b in valid.buckets), "natural"]
    found = {name: [(size, loss) for d, q, size, loss in cells if name in (d, q, "natural")] for name in names}
    losses = {n: sum(s * loss for s, loss in part) / sum(s for s, _ in part) for n, part in found.items() if part}
    if config.target not in losses:
        raise ExperimentError(f"run {config.run_id!r}: no held-out text of {config.target!r}, but of {', '.join(losses)}.")
    return losses


def _eval_units(text: Text, documents: NDArray[np.int64], tokens: int, block: int, rng: np.random.Generator) -> Units:
    """Held-out units of some documents: bytes chosen at random, or blocks."""
    pool = Pool(text.starts[documents], text.lengths[documents])
    n = min(tokens, pool.tokens) if not block else min(tokens // block, (pool.tokens - 1) // block)
    if n <= 0:
        return np.empty(0, np.int32)
    if block:
        return pool.stream(n, rng, block)
    chosen = np.sort(rng.choice(pool.tokens, n, replace=False))
    ends = np.cumsum(pool.lengths)
    owner = np.searchsorted(ends, chosen, side="right")
    return (pool.starts[owner] + chosen - (ends - pool.lengths)[owner]).astype(np.int32)
