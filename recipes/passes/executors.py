"""Where tasks run: threads of this process, processes of this machine, or a Dask cluster.

An executor only maps a function over tasks and gives what it returns, in any order, as it comes. What it loses it may
do again: a task may run twice without harm.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from infolaw.errors import RecipeError

In = TypeVar("In")
Out = TypeVar("Out")

EXECUTORS = ("threads", "processes", "dask")


class Executor(Protocol):
    """What passes ask of the place where they run."""

    def map(self, function: Callable[[In], Out], items: Iterable[In]) -> Iterator[Out]:
        """Results as they come; the first error ends it, and what has not begun is not begun."""
        ...


@dataclass(frozen=True)
class PoolExecutor:
    """A pool of `concurrent.futures`, threads or processes."""

    pool: futures.Executor

    def map(self, function: Callable[[In], Out], items: Iterable[In]) -> Iterator[Out]:
        """See `Executor.map`."""
        asked = [self.pool.submit(function, item) for item in items]
        try:
            for future in futures.as_completed(asked):
                yield future.result()
        except futures.BrokenExecutor:
            raise RecipeError(
                "A worker process died (killed, or out of memory). Run the same command again: finished parts are kept."
            ) from None
        finally:
            for future in asked:
                future.cancel()


@dataclass(frozen=True)
class DaskExecutor:
    """A `dask.distributed` client; a task whose worker dies is done by another."""

    client: Any

    def map(self, function: Callable[[In], Out], items: Iterable[In]) -> Iterator[Out]:
        """See `Executor.map`."""
        from distributed.scheduler import KilledWorker

        as_completed: Any = _distributed().as_completed
        asked = self.client.map(function, list(items), pure=False)
        try:
            for _, result in as_completed(asked, with_results=True):
                yield result
        except KilledWorker as error:
            raise RecipeError(
                f"Worker after worker died over one task: {error}. Give them more memory and run the same command "
                "again: finished parts are kept."
            ) from None
        finally:
            self.client.cancel(asked)


@contextmanager
def open_executor(name: str = "threads", workers: int | None = None) -> Iterator[Executor]:
    """Open the executor `name`, and close it at the end.

    Parameters
    ----------
    name : str
        ``threads``, ``processes``, ``dask`` (a cluster of this machine's processes), or ``dask=ADDRESS`` of a
        scheduler that runs already: started by SSH, Slurm or Kubernetes as Dask does it.
    workers : int, optional
        By default the processors that this process may use; with an address the cluster's own number.

    Raises
    ------
    RecipeError
        If there is no such executor, or Dask is not installed, or its scheduler does not answer.
    """
    kind, _, address = name.partition("=")
    if kind not in EXECUTORS or (address and kind != "dask") or (workers is not None and workers < 1):
        raise RecipeError(
            f"The executor {name!r} with {workers} workers does not exist; choose threads, processes, dask or "
            "dask=ADDRESS, and at least 1 worker."
        )
    n_workers = workers or _processors()
    if kind == "dask":
        with _dask_client(address, n_workers) as client:
            yield DaskExecutor(client)
        return
    pool: futures.Executor
    if kind == "threads":
        pool = futures.ThreadPoolExecutor(n_workers)
    else:
        from multiprocessing import get_context

        pool = futures.ProcessPoolExecutor(n_workers, get_context("spawn"), initializer=_end_with_parent)
    try:
        yield PoolExecutor(pool)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # pragma: no cover - systems without affinity


@contextmanager
def _dask_client(address: str, n_workers: int) -> Iterator[Any]:
    library = _distributed()
    if not address:
        with (
            library.LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None) as cluster,
            library.Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = library.Client(address)
    except (OSError, ValueError) as error:
        raise RecipeError(f"No Dask scheduler answers at {address}: {error}. Start it, or mend the address.") from None
    with client:
        yield client


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise RecipeError(
            "The executor dask needs dask.distributed, which is not installed: pip install 'infolaw[cluster]'."
        ) from None
    return distributed


def _end_with_parent() -> None:
    """Let a worker process end when the run that started it is killed; the pool itself would leave it waiting."""
    from multiprocessing import parent_process

    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
