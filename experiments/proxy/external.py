"""A trainer of one's own, by a template of its command line.

``{config}`` stands for a JSON file with the run's configuration, ``{checkpoint}`` for a path where the trainer may keep
its state, ``{record}`` for the JSON file that it must write: ``n_params`` [parameters], ``losses`` (by domain or bucket,
with the target) [nats/token], and if known ``n_params_embedding``, ``tokens``, ``flops``, ``curve``.
"""

from __future__ import annotations

import math
import platform
import shlex
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infolaw.errors import ExperimentError, InfolawError
from infolaw.files import package_version, read_json, to_json, write_atomically
from infolaw.units import train_flops

from .config import RunConfig
from .record import RunRecord


def run_command(config: RunConfig, checkpoint: Path | None, _: float) -> RunRecord:
    """Run the command of a configuration and read the record that it writes.

    Raises
    ------
    ExperimentError
        If there is no command, it fails (the last line that it wrote to stderr is told), or its record lacks something.
    """
    if "{record}" not in config.command:
        raise ExperimentError(
            f"run {config.run_id!r}: the backend 'external' needs a command with {{config}} and {{record}} in it, such as "
            "'python train.py {config} {record}'."
        )
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="infolaw-") as folder:
        told, record = Path(folder) / "config.json", Path(folder) / "record.json"
        write_atomically(told, to_json(config.to_dict()))
        places = {"{config}": told, "{record}": record, "{checkpoint}": checkpoint or Path(folder) / "checkpoint"}
        words = shlex.split(config.command)
        for name, place in places.items():
            words = [word.replace(name, str(place)) for word in words]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False)
        except OSError as error:
            raise ExperimentError(f"run {config.run_id!r}: cannot start {words[0]!r}: {error.strerror}.") from None
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise ExperimentError(f"run {config.run_id!r}: {words[0]!r} ended with code {done.returncode}: {said}")
        content = read_json(record, "the record of an external run")
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    try:
        return _record(config, content, time.monotonic() - begin)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InfolawError):
            raise
        raise ExperimentError(
            f"run {config.run_id!r}: the record of the external run lacks n_params and losses as numbers ({error})."
        ) from None


def _record(config: RunConfig, content: Mapping[str, Any], seconds: float) -> RunRecord:
    n_params, tokens = int(content["n_params"]), int(content.get("tokens", config.tokens))
    losses = {str(name): float("nan" if loss is None else loss) for name, loss in content["losses"].items()}
    if config.target not in losses:
        raise ExperimentError(f"run {config.run_id!r}: the external run measured no loss of {config.target!r}.")
    finite = all(map(math.isfinite, losses.values()))
    return RunRecord(
        run_id=config.run_id,
        status="finished" if finite else "diverged",
        reason="" if finite else "a held-out loss is not finite",
        n_params=n_params,
        n_params_embedding=int(content.get("n_params_embedding", 0)),
        tokens=tokens,
        flops=float(content.get("flops", train_flops(n_params, tokens))),
        weights=dict(config.weights),
        unique=dict(config.unique),
        epochs={cell: max(w * tokens / config.unique[cell], 1.0) if w else 0.0 for cell, w in config.weights.items()},
        losses=losses if finite else {},
        target=config.target,
        curve=tuple((int(k), float(loss)) for k, loss in content.get("curve", ())),
        learning_rate=config.peak,
        config=config.to_dict(),
        corpus="",
        version=package_version(),
        seconds=round(seconds, 3),
        host=platform.node(),
    )
