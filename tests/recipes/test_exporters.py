from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml

from infolaw.errors import RecipeError
from recipes.corpus import Cell, Corpus
from recipes.exporters import EXPORTERS, export

CORPUS = Corpus(
    (
        Cell("web/q0", 1000.0, 10, ("web_q0_a.jsonl.gz", "web_q0_b.jsonl.gz"), (250.0, 750.0)),
        Cell("web/q1", 4000.0, 400, ("data/web_q1.parquet",)),
        Cell("code", 500.0, 5, ("org/code",)),
    )
)
WEIGHTS = np.array([0.6, 0.4, 0.0])


class Stream:
    """Stands in for an IterableDataset and keeps the calls made on it."""

    def __init__(self, *calls: Any) -> None:
        self.calls = calls

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **options: Stream(*self.calls, (name, args, options))


@pytest.fixture
def run_script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a script with a stand-in for the library: its `dataset`."""
    library = ModuleType("datasets")
    library.load_dataset = lambda *args, **options: Stream(("load", args, options))  # type: ignore[attr-defined]
    library.interleave_datasets = lambda *args, **options: Stream(("mix", args, options))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", library)

    def run(text: str) -> Stream:
        scope: dict[str, Any] = {}
        exec(text, scope)
        return scope["dataset"]

    return run


def test_megatron_weights_are_token_shares_split_by_path_tokens() -> None:
    words = export(WEIGHTS, CORPUS, 5000.0, "megatron").split()
    assert words[1::2] == ["web_q0_a.jsonl.gz", "web_q0_b.jsonl.gz", "data/web_q1.parquet"]
    np.testing.assert_allclose(np.array(words[::2], float), [0.15, 0.45, 0.4])


def test_hf_probabilities_are_per_example(run_script: Any) -> None:
    mix = run_script(export(WEIGHTS, CORPUS, 5000.0, "hf", seed=7)).calls[0]
    assert mix[2]["probabilities"] == pytest.approx([0.006 / 0.046, 0.04 / 0.046])
    assert mix[2]["seed"] == 7
    assert mix[2]["stopping_strategy"] == "first_exhausted"


def test_hf_probabilities_give_back_the_token_weights(run_script: Any) -> None:
    mix = run_script(export(WEIGHTS, CORPUS, 5000.0, "hf")).calls[0]
    tokens = np.array(mix[2]["probabilities"]) * [100.0, 10.0]
    np.testing.assert_allclose(tokens / tokens.sum(), WEIGHTS[:2])


def test_hf_stream_repeats_its_sources_and_stops_at_the_planned_tokens(run_script: Any) -> None:
    mixed = run_script(export(WEIGHTS, CORPUS, 5000.0, "hf"))
    first, second = mixed.calls[0][1][0]
    assert first.calls[0][1:] == (
        ("json",),
        {"data_files": ["web_q0_a.jsonl.gz", "web_q0_b.jsonl.gz"], "split": "train", "streaming": True},
    )
    assert second.calls[0][1] == ("parquet",)
    assert second.calls[-1] == ("repeat", (None,), {})
    assert mixed.calls[-1] == ("take", (230,), {})


def test_hf_comment_says_what_all_exhausted_would_do() -> None:
    text = export(WEIGHTS, CORPUS, 5000.0, "hf")
    assert "3 epochs here" in text
    assert "2 times this run" in text


def test_hf_reads_a_path_without_a_known_ending_as_a_data_set(run_script: Any) -> None:
    mix = run_script(export(np.array([0.0, 0.0, 1.0]), CORPUS, 5000.0, "hf")).calls[0]
    assert mix[1][0][0].calls[0][1:] == (("org/code",), {"data_files": None, "split": "train", "streaming": True})


@pytest.mark.parametrize("to", EXPORTERS)
def test_export_is_deterministic_and_leaves_out_cells_without_weight(to: str) -> None:
    text = export(WEIGHTS, CORPUS, 5000.0, to)
    assert text == export(WEIGHTS, CORPUS, 5000.0, to)
    assert "org/code" not in text
    assert text.endswith("\n")


@pytest.mark.parametrize("to", EXPORTERS)
def test_a_weighted_cell_without_a_path_is_named_with_the_way_out(to: str) -> None:
    with pytest.raises(RecipeError, match=r"'q1' has weight 0.4 but no path .* `infolaw sample"):
        export(np.array([0.6, 0.4]), Corpus((Cell("q0", 1.0, 1, ("a",)), Cell("q1", 1.0, 1))), 1.0, to)


def test_megatron_never_splits_a_cell_evenly_in_silence() -> None:
    with pytest.raises(RecipeError, match="'q0' has 2 paths of unknown size"):
        export(np.array([1.0]), Corpus((Cell("q0", 1.0, 1, ("a", "b")),)), 1.0, "megatron")


def test_megatron_refuses_white_space_in_a_path() -> None:
    with pytest.raises(RecipeError, match="'my data' of cell 'q0'"):
        export(np.array([1.0]), Corpus((Cell("q0", 1.0, 1, ("my data",)),)), 1.0, "megatron")


def test_hf_needs_documents() -> None:
    with pytest.raises(RecipeError, match="'q0' has no count of documents.*add `documents`"):
        export(np.array([1.0]), Corpus((Cell("q0", 1.0, paths=("a.jsonl",)),)), 1.0, "hf")


def test_hf_refuses_a_cell_of_mixed_files() -> None:
    with pytest.raises(RecipeError, match="files of one kind"):
        export(np.array([1.0]), Corpus((Cell("q0", 1.0, 1, ("a.jsonl", "b.parquet")),)), 1.0, "hf")


def test_an_unknown_trainer_lists_the_known() -> None:
    with pytest.raises(RecipeError, match="'olmo'; there are megatron, olmo-core, streaming, hf"):
        export(WEIGHTS, CORPUS, 1.0, "olmo")


@pytest.mark.parametrize("weights", [[0.5, 0.5], [0.5, 0.4, 0.0], [1.5, -0.5, 0.0], [np.nan, 1.0, 0.0]])
def test_what_is_no_recipe_is_refused(weights: list[float]) -> None:
    with pytest.raises(RecipeError, match="3 shares that sum to 1"):
        export(np.array(weights), CORPUS, 1.0, "megatron")


def test_olmo_core_sources_sum_to_one_and_allow_the_planned_repetition() -> None:
    text = export(WEIGHTS, CORPUS, 5000.0, "olmo-core", seed=3)
    sources = yaml.safe_load(text)["sources"]
    assert [source["source_name"] for source in sources] == ["web/q0", "web/q1"]
    assert sum(source["target_ratio"] for source in sources) == pytest.approx(1.0)
    for source, supply in zip(sources, (1000.0, 4000.0), strict=True):
        needed = 5000.0 * source["target_ratio"]
        assert supply * source["max_repetition_ratio"] * source["max_source_fraction"] >= needed
        assert source["max_repetition_ratio"] <= max(1.03 * needed / supply, 1.0)
    assert "requested_tokens=5000, seed=3" in text


def test_streaming_proportions_are_token_shares_and_an_epoch_is_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    library = ModuleType("streaming")
    library.Stream = lambda **options: options  # type: ignore[attr-defined]
    library.StreamingDataset = lambda **options: options  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "streaming", library)
    scope: dict[str, Any] = {}
    corpus = Corpus((*CORPUS.cells[:2], Cell("code", 500.0, 5, ("s3://org/code",))))
    exec(export(np.array([0.6, 0.3, 0.1]), corpus, 8.192e6, "streaming", seed=7), scope)
    streams = scope["dataset"]["streams"]
    assert [stream["proportion"] for stream in streams] == pytest.approx([0.15, 0.45, 0.3, 0.1])
    assert [stream.get("remote") for stream in streams] == [None, None, None, "s3://org/code"]
    assert scope["dataset"]["epoch_size"] * scope["SAMPLE_TOKENS"] == 8.192e6
    assert scope["dataset"]["shuffle_seed"] == 7
