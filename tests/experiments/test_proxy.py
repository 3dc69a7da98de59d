"""Proxies: what they read, what they learn, that they come back bit for bit, and what they say of bad input."""

from __future__ import annotations

import builtins
import json
import math
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from experiments.proxy import RunConfig, RunRecord, learning_rate_at, train
from experiments.proxy.config import PAD
from experiments.proxy.draw import draw
from experiments.proxy.mlp import Mlp
from experiments.proxy.sizes import size_of
from experiments.proxy.text import open_text
from experiments.proxy.training import train_model
from infolaw.errors import ExperimentError
from recipes.batch import Batch
from recipes.sampling import Criteria, SamplerParams, exact_counts

NATURAL = {"q0": 0.05, "q1": 0.15, "q2": 0.2, "q3": 0.2, "q4": 0.2, "q5": 0.2}


def config_of(folder: Path, tokens: int = 25_600, passes: float = 1.0, **changes: Any) -> RunConfig:
    unique = {cell: share * tokens / passes for cell, share in NATURAL.items()}
    return RunConfig(
        **{"run_id": "a", "corpus": str(folder), "tokens": tokens, "width": 16}
        | {"weights": NATURAL, "unique": unique}
        | changes
    )


def untimed(record: RunRecord) -> RunRecord:
    return replace(record, seconds=0.0, host="")


def test_gradients_are_those_of_finite_differences() -> None:
    rng = np.random.default_rng(0)
    text = rng.integers(0, 256, 400).astype(np.uint8)
    model = Mlp(RunConfig("a", "", 8, 5, NATURAL, NATURAL, depth=2, context=3, embedding=4, batch=64, weight_decay=0.0))
    units = rng.integers(3, 400, 64).astype(np.int32)
    start = model.flat.copy()
    model.step(text, units, 0.0)
    slope = model.slope.copy()
    for k in rng.choice(np.flatnonzero(np.abs(slope) > 0.003), 40, replace=False):
        ends = []
        for shift in (-0.002, 0.002):
            model.flat[:] = start
            model.flat[k] += shift
            ends.append(model.losses(text, units).mean(dtype=float))
        assert (ends[1] - ends[0]) / 0.004 == pytest.approx(slope[k], rel=0.05, abs=3e-4)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_parameters_are_counted_as_they_are(depth: int) -> None:
    config = RunConfig("a", "", 8, 24, NATURAL, NATURAL, depth=depth)
    model, size = Mlp(config), size_of(config)
    assert model.flat.size == size.n_params + size.n_params_embedding
    assert model.embed.size == size.n_params_embedding
    assert size.flops_per_token == 6 * size.n_params


def test_a_run_comes_back_bit_for_bit_and_its_seed_matters(text_folder: Path) -> None:
    config = config_of(text_folder)
    first, again, other = train(config), train(config), train(replace(config, seed=1))
    assert untimed(first) == untimed(again)
    assert first.losses != other.losses
    assert RunRecord.from_dict(json.loads(json.dumps(first.to_dict()))) == first


def test_an_interrupted_run_ends_as_if_nothing_had_happened(text_folder: Path, tmp_path: Path) -> None:
    class Interrupted(Mlp):
        def step(self, *arguments: Any) -> float:
            if self.n_steps == 61:
                raise KeyboardInterrupt
            return super().step(*arguments)

    config, file = config_of(text_folder), tmp_path / "state.npz"
    with pytest.raises(KeyboardInterrupt), threadpool_limits(1):  # as `train` does
        train_model(config, Interrupted, file, 0.0)
    assert file.exists()
    assert untimed(train(config, file)) == untimed(train(config))
    assert not file.exists()


def test_a_checkpoint_of_another_run_is_refused(text_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "state.npz"

    class Stopped(Mlp):
        def losses(self, *_: Any) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_model(config_of(text_folder), Stopped, file, 0.0)
    with pytest.raises(ExperimentError, match="another configuration"):
        train(config_of(text_folder, seed=3), file)


def test_models_learn_and_fresh_text_beats_repeated_text(text_folder: Path) -> None:
    fresh = train(config_of(text_folder, 200_000, width=32))
    repeated = train(config_of(text_folder, 200_000, 20, width=32))
    assert fresh.loss is not None
    assert repeated.loss is not None
    assert fresh.loss < min(repeated.loss - 0.05, 3.0)
    assert repeated.epochs == pytest.approx(dict.fromkeys(NATURAL, 20.0), rel=0.01)
    assert set(fresh.losses) == {"code", "packages", "prose", *NATURAL, "natural"}


def test_every_byte_of_a_pool_is_read_once_a_pass(text_folder: Path) -> None:
    text, _ = open_text(str(text_folder))
    config = config_of(text_folder, 25_600, 4, weights={"q1": 0.5, "q3": 0.5}, unique={"q1": 3200.0, "q3": 25_600.0})
    drawn = draw(config, text, 0)
    bucket = np.zeros(len(text.data), int)
    for start, length, own in zip(text.starts, text.lengths, text.bucket, strict=True):
        bucket[start : start + length] = own
    counts = np.bincount(drawn.units.ravel(), minlength=len(text.data))
    assert set(counts[bucket == 1]) <= {0, 4}
    assert (counts[bucket == 1] == 4).sum() == 3200
    assert (counts[bucket == 3] == 1).sum() == 12_800
    assert counts[~np.isin(bucket, (1, 3))].sum() == 0
    assert drawn.epochs == {"q1": 4.0, "q3": 1.0}
    assert drawn.weights == {"q1": 0.5, "q3": 0.5}


def test_repeats_of_a_text_lie_a_pass_apart(text_folder: Path) -> None:
    text, _ = open_text(str(text_folder))
    units = draw(config_of(text_folder, 25_600, 4), text, 0).units.ravel()
    quarters = [np.bincount(part, minlength=len(text.data)) for part in np.array_split(units, 4)]
    twice = sum(int((quarter > 1).sum()) for quarter in quarters)
    assert twice < 0.05 * len(units)


def test_pools_of_one_seed_nest_and_those_of_another_differ(text_folder: Path) -> None:
    text, _ = open_text(str(text_folder))
    small, large, other = (
        set(draw(config_of(text_folder, tokens, seed=seed), text, 0).units.ravel().tolist())
        for tokens, seed in ((12_800, 0), (51_200, 0), (12_800, 1))
    )
    assert small < large
    assert len(small & other) < 0.5 * len(small)


def test_no_context_reaches_into_another_document(text_folder: Path) -> None:
    text, _ = open_text(str(text_folder))
    assert all(not text.data[start - PAD : start].any() for start in text.starts)
    with pytest.raises(ExperimentError, match="context = 65 is above"):
        config_of(text_folder, context=65)


def test_blocks_overlap_by_the_byte_to_be_predicted(text_folder: Path) -> None:
    text, _ = open_text(str(text_folder))
    units = draw(config_of(text_folder, 25_600, 2), text, 64).units
    assert units.shape == (100, 4, 65)
    assert (np.diff(units, axis=-1) == 1).mean() > 0.95


@pytest.mark.parametrize(("schedule", "middle", "end"), [("cosine", 0.55, 0.1), ("wsd", 1.0, 0.0)])
def test_learning_rates_warm_up_and_come_down(schedule: str, middle: float, end: float) -> None:
    config = RunConfig("a", "", 256_000, 64, NATURAL, NATURAL, schedule=schedule)
    rates = np.array([learning_rate_at(step, config) for step in range(config.n_steps)]) / config.peak
    assert rates.argmax() == 49
    assert rates[49] == pytest.approx(1)
    assert np.all(np.diff(rates[:50]) > 0)
    assert np.all(np.diff(rates[50:]) <= 1e-12)
    assert rates[524] == pytest.approx(middle, abs=0.01)
    assert rates[-1] == pytest.approx(end, abs=0.01)


def test_a_loss_that_is_not_finite_is_recorded_not_raised(text_folder: Path) -> None:
    record = train(config_of(text_folder, learning_rate=1e30))
    assert record.status == "diverged"
    assert "not finite after" in record.reason
    assert record.loss is None
    json.dumps(record.to_dict(), allow_nan=False)


def test_the_sampler_draws_what_equation_3_says(text_folder: Path) -> None:
    text, _ = open_text(str(text_folder))
    params = SamplerParams.draw(np.random.default_rng(0), text.domains, ("score_compression", "quality"))
    params = SamplerParams(
        params.domains, params.criteria, params.criterion_weights, *[np.full(3, x) for x in (50, 0.3, 1, 0.01)]
    )
    better = {"score_compression": "lower", "quality": "higher"}
    sampler = {"domains": params.to_dict(), "better": better, "seed": 5, "pool": float(text.lengths.sum())}
    drawn = draw(config_of(text_folder, weights={}, unique={}, sampler=sampler), text, 0)
    scores = np.stack([text.scores[name] for name in params.criteria], axis=1)
    batch = Batch(text.ids, text.domain.astype(np.int32), text.domains, text.lengths, scores)
    copies = exact_counts(batch, Criteria(params.criteria, ("lower", "higher")), params, 5).astype(float)
    for cell, weight in drawn.weights.items():
        here = text.documents_of(cell)
        assert weight == pytest.approx((copies * text.lengths)[here].sum() / (copies * text.lengths).sum(), abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"unique": {**NATURAL, "q0": 1e9}},
            r"cell q0 holds [\d,]+ tokens .* pool of 1,000,000,000: build a corpus with [\d,]+ tok",
        ),
        ({"weights": {"law": 1.0}, "unique": {"law": 1.0}}, "no domain 'law' .* code, packages, prose"),
        ({"target": "q9"}, "no held-out text of 'q9'"),
        ({"backend": "abacus"}, "no backend 'abacus': choose among mlp, gpt, external"),
        ({"weights": {**NATURAL, "q0": 0.5}}, "weights sum to 1.45"),
        ({"unique": {"q0": 1.0}}, "name the same cells"),
        ({"run_id": "a/b"}, "a run's name is letters"),
        ({"schedule": "linear"}, "none of cosine, wsd"),
        ({"width": 0}, "width = 0 is below 1"),
        ({"backend": "external"}, "needs a command"),
        ({"backend": "external", "command": "no-such-program {record}"}, "cannot start 'no-such-program'"),
        ({"backend": "external", "command": f"{sys.executable} -c 1/0 {{record}}"}, "code 1: ZeroDivisionError"),
    ],
)
def test_bad_input_is_one_sentence(text_folder: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ExperimentError, match=said):
        train(config_of(text_folder, **changes))


def test_a_domain_without_validation_text_is_named(text_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(text_folder, tmp_path / "corpus")
    (tmp_path / "corpus" / "valid" / "prose.parquet").unlink()
    with pytest.raises(ExperimentError, match="no validation text for the domain prose"):
        train(config_of(tmp_path / "corpus"))


def test_a_missing_torch_is_one_sentence_with_the_install_command(
    text_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without_torch(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return real(name, *arguments, **options)

    monkeypatch.delitem(sys.modules, "experiments.proxy.gpt", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_torch)
    with pytest.raises(ExperimentError, match=r"needs torch: install it with `pip install 'infolaw\[proxy\]'`"):
        train(config_of(text_folder, backend="gpt"))


def test_an_external_trainer_reads_a_configuration_and_writes_a_record(text_folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "trainer.py"
    script.write_text(
        "import json, sys\n"
        "config = json.load(open(sys.argv[1]))\n"
        "json.dump({'n_params': config['width'] * 10, 'losses': {'q0': 2.5, 'natural': 3.0}}, open(sys.argv[2], 'w'))\n"
    )
    command = f"{sys.executable} {script} {{config}} {{record}}"
    record = train(config_of(text_folder, backend="external", command=command))
    assert (record.loss, record.n_params, record.flops) == (2.5, 160, 6 * 160 * 25_600)
    assert math.isclose(record.row()["loss:natural"], 3.0)


def gpt_config(folder: Path, **changes: Any) -> RunConfig:
    pytest.importorskip("torch", reason="torch (extra `proxy`) is not installed")
    return config_of(folder, 25_600, backend="gpt", width=32, depth=2, context=32, learning_rate=0.01, **changes)


def test_the_gpt_is_counted_as_it_is_learns_and_comes_back_bit_for_bit(text_folder: Path) -> None:
    config = gpt_config(text_folder)
    from experiments.proxy.gpt import Gpt

    size = size_of(config)
    n_params = sum(weight.numel() for weight in Gpt(config).network.parameters())
    first = train(config)
    assert n_params == size.n_params + size.n_params_embedding
    assert first.loss is not None
    assert first.loss < 4.0
    assert untimed(train(config)) == untimed(first)


def test_an_interrupted_gpt_ends_as_if_nothing_had_happened(text_folder: Path, tmp_path: Path) -> None:
    config, file = gpt_config(text_folder), tmp_path / "state.npz"
    from experiments.proxy.gpt import Gpt

    class Interrupted(Gpt):
        n_steps = 0

        def step(self, *arguments: Any) -> float:
            self.n_steps += 1
            if self.n_steps == 61:
                raise KeyboardInterrupt
            return super().step(*arguments)

    with pytest.raises(KeyboardInterrupt):
        train_model(config, Interrupted, file, 0.0)
    assert untimed(train(config, file)) == untimed(train(config))


def test_a_gpt_whose_batch_is_no_multiple_of_its_context_is_refused(text_folder: Path) -> None:
    with pytest.raises(ExperimentError, match="a batch of 256 tokens must be a multiple of the context 48"):
        train(replace(gpt_config(text_folder), context=48))
