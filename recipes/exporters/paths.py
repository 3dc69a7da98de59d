"""Cells that lie at several paths: the share of each."""

from __future__ import annotations

from infolaw.errors import RecipeError

from ..cell import Cell


def path_shares(cell: Cell) -> list[tuple[str, float]]:
    """Paths of a cell with their shares of its tokens.

    Raises
    ------
    RecipeError
        If there are several paths and their sizes are unknown.
    """
    if len(cell.paths) > 1 and not cell.path_tokens:
        raise RecipeError(
            f"Cell {cell.name!r} has {len(cell.paths)} paths of unknown size, so its weight cannot be split; add its "
            "path_tokens to the corpus, or merge them into one data set."
        )
    sizes = cell.path_tokens or (1.0,)
    return [(path, size / sum(sizes)) for path, size in zip(cell.paths, sizes, strict=True)]
