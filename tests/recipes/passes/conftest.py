"""Fixtures of the passes; what tests import from `small_corpus` is found beside them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_corpus import draw, write_corpus, write_lines  # noqa: E402


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "documents")


@pytest.fixture(scope="session")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lines(tmp_path_factory.mktemp("lines") / "documents")


@pytest.fixture(scope="session")
def undisturbed(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a manifest that one thread made in peace."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    draw(corpus, out, workers=1)
    return out
