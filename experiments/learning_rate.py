"""The learning rate as a function of width: peaks on both sides of the rule, at several widths, one pass over fresh text.

What is expected: `learning_rate_for` is within a hundredth of a nat of the best peak of every width, so that sizes are
compared at their best and not at a rate that suits one of them. The measured runs ship (``runs-learning_rate.csv``); with
a corpus they are trained anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from infolaw import RunTable, read_runs

from .designs import FRESH, NATURAL, Base
from .first_loop import SHIPPED, WEIGHT_DECAY
from .loop_runs import place_of, train
from .proxy import RunConfig
from .proxy.config import learning_rate_for
from .report import Check, Report, Row
from .swarm import export_runs

CLAIM = "The peak learning rate .014 (64 / width)^.5 is within .01 nats of the best of every width."
DESIGN = "learning_rate"


@dataclass(frozen=True)
class Config:
    """What to train.

    Attributes
    ----------
    corpus : Path, optional
        Folder of a scored corpus to train on; by default the shipped runs are read.
    folder : Path
        Where runs are kept.
    widths : tuple of int
    factors : tuple of float
        Peaks, in units of the rule's.
    ratio : float
        Tokens per parameter.
    eval_tokens : int
        Held-out bytes of each domain and bucket.
    workers : int
    """

    corpus: Path | None = None
    folder: Path = Path("learning_rate-runs")
    widths: tuple[int, ...] = (16, 32, 64, 128)
    factors: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0)
    ratio: float = 20.0
    eval_tokens: int = 2048
    workers: int = 2

    @classmethod
    def tiny(cls) -> Config:
        """Return the same: nothing is trained by default."""
        return cls()


def run(config: Config) -> Report:
    """Train, or read what was trained, and compare every peak with the best of its width."""
    runs = read_runs(place_of(SHIPPED, DESIGN)) if config.corpus is None else trained(config, config.corpus)
    rows: list[Row] = []
    excess = []
    for width, part in runs.frame.groupby("width"):
        loss = {float(factor): float(found) for factor, found in zip(part["factor"], part["loss"], strict=True)}
        rows.append(
            {"width": str(width), "peak": learning_rate_for(int(str(width))), **{f"x {f:g}": loss[f] for f in sorted(loss)}}
        )
        excess.append(loss[1.0] - min(loss.values()))
    checks = (
        Check("loss by the rule above the best peak of the width, worst width [nats/token]", 0.01, max(excess), "at most"),
    )
    return Report(CLAIM, checks, {"Held-out loss by peak, in units of the rule's [nats/token]": tuple(rows)})


def trained(config: Config, corpus: Path) -> RunTable:
    """Train every width at every peak, and write ``runs-learning_rate.csv``."""
    configs = designed(config, Base(str(corpus), {"eval_tokens": config.eval_tokens, "weight_decay": WEIGHT_DECAY}))
    return export_runs(train(config.folder / DESIGN, configs, config.workers).records, place_of(config.folder, DESIGN))


def designed(config: Config, base: Base) -> list[RunConfig]:
    """Every width at every peak, on the natural recipe and fresh text."""
    natural = base.buckets()
    found = []
    for width in config.widths:
        tokens = base.tokens(width, config.ratio)
        for factor in config.factors:
            labels = {"design": DESIGN, "recipe": NATURAL, "factor": factor}
            name = f"lr-w{width}-x{factor:g}"
            one = base.run(name, width, tokens, natural, tokens / FRESH, labels, natural)
            found.append(replace(one, learning_rate=factor * learning_rate_for(width)))
    return found
