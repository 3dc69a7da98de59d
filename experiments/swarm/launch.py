"""Where workers run: processes of this machine, a Dask cluster, or a Slurm array whose script is written out."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any

from infolaw.errors import ExperimentError, OutputError

from .worker import work

MOST_DEATHS = 20
"""Workers that may die in a row without a run finishing."""


def run_processes(path: Path, workers: int, tick: Callable[[], int], poll_seconds: float) -> None:
    """Keep `workers` processes at work on a swarm until they find nothing more to do.

    Parameters
    ----------
    path : Path
    workers : int
    tick : callable
        Called every `poll_seconds`; returns how many runs are done.
    poll_seconds : float

    Raises
    ------
    OutputError
        If a worker could not write; the sentence is the worker's.
    ExperimentError
        If workers die and no run gets done.
    """
    with tempfile.TemporaryFile("w+") as errors:
        _keep_working(path, workers, tick, poll_seconds, errors)


def _keep_working(path: Path, workers: int, tick: Callable[[], int], poll_seconds: float, errors: Any) -> None:
    alive = [_start(path, errors) for _ in range(workers)]
    deaths, best = 0, tick()
    try:
        while alive:
            ended = [process for process in alive if process.poll() is not None]
            alive = [process for process in alive if process not in ended]
            done = tick()
            deaths, best = (0, done) if done > best else (deaths, best)
            for process in ended:
                if process.returncode == 0:
                    continue
                deaths += 1
                if process.returncode == 2:
                    raise OutputError(_said(errors))
                if deaths > MOST_DEATHS:
                    raise ExperimentError(
                        f"{deaths} workers in a row died ({_said(errors) or f'exit code {process.returncode}'}) and no run "
                        "was done: give them more memory, or start one by hand: python -m experiments.swarm FOLDER."
                    )
                alive.append(_start(path, errors))
            _wait(alive, poll_seconds)
    finally:
        for process in alive:
            process.kill()
            process.wait()


def _start(path: Path, errors: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "experiments.swarm", str(path), str(os.getpid())]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return subprocess.Popen(command, stderr=errors, stdout=subprocess.DEVNULL, env={**os.environ, **one_thread})


def _wait(alive: list[subprocess.Popen[bytes]], seconds: float) -> None:
    """Wait for the first process, but no longer than `seconds`."""
    if alive:
        try:
            alive[0].wait(seconds)
        except subprocess.TimeoutExpired:
            return


def _said(errors: Any) -> str:
    """Return the last line that a worker has written."""
    errors.seek(0)
    lines = [line for line in errors.read().splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def run_dask(path: Path, workers: int, executor: str, tick: Callable[[], int], poll_seconds: float) -> None:
    """Let the workers of a Dask cluster do the swarm: ``dask`` (of this machine) or ``dask=ADDRESS``."""
    from recipes.passes.executors import open_executor

    with open_executor(executor, workers) as opened, ThreadPoolExecutor(1) as waiting:
        done = waiting.submit(lambda: list(opened.map(partial(_numbered, path.resolve()), range(workers))))
        while not done.done():
            tick()
            wait([done], poll_seconds)
        done.result()


def _numbered(path: Path, _: int) -> int:
    return work(path)


def slurm_script(path: str | Path, workers: int, *, minutes: int = 60, options: tuple[str, ...] = ()) -> str:
    """Write a Slurm array job of `workers` workers; submit it again until nothing is left to do.

    Parameters
    ----------
    path : str or Path
        Folder of the swarm, on a file system that all nodes see.
    workers : int
        Size of the array.
    minutes : int
        Time limit of each; runs go on from their checkpoints.
    options : tuple of str
        Further ``#SBATCH`` options, such as ``"--gres=gpu:1"``.

    Examples
    --------
    >>> print(slurm_script("/shared/swarm", 64, minutes=90, options=("--gres=gpu:1",)))  # doctest: +ELLIPSIS
    #!/bin/bash
    #SBATCH --job-name=infolaw-swarm
    #SBATCH --array=1-64
    #SBATCH --ntasks=1
    #SBATCH --cpus-per-task=1
    #SBATCH --time=90
    #SBATCH --gres=gpu:1
    export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
    exec ... -m experiments.swarm /shared/swarm
    <BLANKLINE>
    """
    import shlex

    if workers < 1 or minutes < 1:
        raise ExperimentError(f"an array of {workers} workers for {minutes} minutes: both are at least 1.")
    asked = ("--job-name=infolaw-swarm", f"--array=1-{workers}", "--ntasks=1", "--cpus-per-task=1", f"--time={minutes}")
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH {option}" for option in (*asked, *options)),
        "export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1",
        f"exec {shlex.quote(sys.executable)} -m experiments.swarm {shlex.quote(str(path))}",
    ]
    return "\n".join(lines) + "\n"
