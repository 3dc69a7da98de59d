"""The whole loop for real: a corpus, its scores, a grid of trained models, a law, a plan, and the plan trained.

What is expected: a law fitted to small models predicts larger ones on unseen recipes within 1 %; and the recipe that it
plans for four times the grid's largest compute, from a pool that must be repeated, reaches what was predicted and beats
the natural recipe, the best bucket alone, and a RegMix-style recipe. The report says what came out, whatever it is.
An hour on two processors by default (the largest grid that fits is chosen); ``tiny`` takes minutes. Interrupted, it goes on.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infolaw import Predictor, RunTable, fit
from infolaw.errors import ExperimentError, OutputError
from infolaw.files import read_json, to_json, write_atomically

from .designs import Base, Grid
from .loop_audit import (
    FITTED_EPOCHS,
    audit_checks,
    audit_laws,
    audit_repetition,
    large_runs,
    most_epochs,
    paired_sd,
    seed_sd,
)
from .loop_grid import BUDGET, largest_grid
from .loop_joint import joint_verdict
from .loop_plan import Ask, Contest, contest, trained_contest, verdict
from .loop_runs import FINAL, Loop, Proxies, joined, read_loop, train_finals, train_grid
from .report import Check, Report, Row

CLAIM = "A law fitted to small trained models plans a recipe at four times their compute that keeps its promise and wins."
LAWS = ("infolaw", "infolaw_e", "repetition", "data_constrained", "chinchilla")
WEIGHT_DECAY = 0.3
"""With .1, a hundredth better at one pass, small models that see a text 16 times lose far more than large ones do."""
SHIPPED = Path(__file__).parent / "data"
TINY_GRID = Grid(
    (8, 12, 16, 24),
    ratios=(20.0, 5.0, 10.0),
    passes=(4.0, 16.0),
    extremes=(32.0,),
    probes=("nat", "hq"),
    recipes=("nat", "hq", "mq", "mlq", "lq", "top"),
    held=("mlq",),
    seeds=(1,),
    long=2,
)


@dataclass(frozen=True)
class Config:
    """What to spend, and on which text.

    Attributes
    ----------
    folder : Path
        Everything is kept here; the same folder goes on where it was interrupted.
    corpus : Path, optional
        Folder of a scored corpus; by default one is built from this machine's text.
    hours : float
        Time that the grid and its verification may take together.
    workers : int
        Processes.
    law : str
        What plans: a law, or ``auto`` (minutes on hundreds of runs).
    bootstrap : int
        Resamples behind the intervals.
    grid : Grid, optional
        By default the largest that fits.
    proxies : Proxies
        How many small runs there are of the other designs.
    plan_passes : float
        How often the natural recipe must repeat the pool at the final budget.
    most_seeds : int
        Of each recipe at the final budget; at least 4, and as many as the predicted gain needs to be detectable.
    eval_tokens : int
        Held-out bytes of each domain and bucket.
    is_tiny : bool
        Whether the corpus, if it is built, is a small one.
    seed : int
    shipped : bool
        Train nothing: fit, price and judge by the runs that ship with the project.
    joint : bool
        Whether shipped runs are also priced by the joint prediction of grid and mixtures: half a minute more.
    """

    folder: Path = Path("first_loop-runs")
    corpus: Path | None = None
    hours: float = 1.0
    workers: int = 2
    law: str = "repetition"
    bootstrap: int = 1000
    grid: Grid | None = None
    proxies: Proxies = Proxies()
    plan_passes: float = 2.0
    most_seeds: int = 12
    eval_tokens: int = 2048
    is_tiny: bool = False
    seed: int = 0
    shipped: bool = False
    joint: bool = True

    @property
    def options(self) -> dict[str, float]:
        """What all runs share."""
        return {"eval_tokens": self.eval_tokens, "weight_decay": WEIGHT_DECAY}

    @classmethod
    def tiny(cls, folder: Path = Path("first_loop-tiny"), corpus: Path | None = None, workers: int = 1) -> Config:
        """Return minutes' work on one processor."""
        return cls(
            folder,
            corpus,
            0.05,
            workers,
            "repetition",
            200,
            TINY_GRID,
            Proxies(16, 0, 0, 4),
            most_seeds=4,
            eval_tokens=512,
            is_tiny=True,
        )


def run(config: Config) -> Report:
    """Build, train, fit, plan, train the plan, and say what came out.

    Raises
    ------
    ExperimentError
        If the corpus is too small or the hours too few for any grid; one sentence.
    """
    loop = read_loop(SHIPPED, config.options) if config.shipped else trained_grid(config)
    runs = loop.tables["infolaw"]
    large = large_runs(runs, loop.grid)
    sd, noise = seed_sd(large)[0], paired_sd(large)[0]
    table, headline = audit_laws(runs, loop.grid, tuple(dict.fromkeys((*LAWS, config.law))), config.seed)
    predictor = predictor_of(config, loop)
    if config.shipped:
        match = trained_contest(predictor, loop.tables[FINAL], loop.natural, config.seed)
    else:
        match = planned(config, loop, predictor)
        loop = loop.with_finals(verified(config, loop, match, noise))
    checks, rows = verdict(match, loop.tables[FINAL], sd, noise)
    both, joint_rows = joint_of(config, loop, match, sd, noise)
    return Report(
        CLAIM,
        (*checks, *both, *audit_checks(headline, config.law, sd)),
        {
            f"The plan and its rivals at {match.plan.n_params:,.0f} parameters and {match.plan.tokens:,.0f} tokens": rows,
            **({"The same by the joint prediction of grid and mixtures": joint_rows} if joint_rows else {}),
            "Mean absolute error on runs that the fit did not see [%]": table,
            "The same where a bucket is repeated more often than in any fitted run [%]": audit_repetition(
                runs, LAWS, config.seed
            ),
        },
        _text(loop, match),
    )


def trained_grid(config: Config) -> Loop:
    """Corpus, scores, and every proxy run of the designs."""
    base = Base(str(corpus_of(config)), config.options)
    return train_grid(config.folder, base, chosen_grid(config, base), config.proxies, config.workers, config.seed)


def corpus_of(config: Config) -> Path:
    """Return the scored corpus of a configuration; build and score it where none is given."""
    if config.corpus is not None:
        return config.corpus
    from .corpora import CorpusConfig, build
    from .scorers import score

    place = config.folder / "corpus"
    _make(config.folder)
    folder = build(CorpusConfig.tiny(place) if config.is_tiny else CorpusConfig(place))
    score(folder)
    return folder


def chosen_grid(config: Config, base: Base) -> Grid:
    """Return the grid of a configuration, or the largest that fits; what was chosen once is kept in ``grid.json``."""
    if config.grid is not None:
        return config.grid
    _make(config.folder)
    place = config.folder / "grid.json"
    if not place.exists():
        grid = largest_grid(base, config.hours, config.workers, config.proxies.small)
        write_atomically(place, to_json({"schema_version": 1, "hours": config.hours, "grid": asdict(grid)}))
    content = read_json(place, "the grid that was chosen")
    if content["hours"] != config.hours:
        raise ExperimentError(f"{place} was chosen for {content['hours']:g} hours: give the same, or another folder.")
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content["grid"].items()}
    return Grid(**fields)


def predictor_of(config: Config, loop: Loop) -> Predictor:
    """Fit the law to every run over buckets that repeats none of them more often than a plan may."""
    every = joined([loop.tables["infolaw"], loop.tables["regmix-buckets"]], "the grid and the mixtures")
    every = every.select(most_epochs(every) <= FITTED_EPOCHS)
    return fit(config.law, every, bootstrap=config.bootstrap, seed=config.seed)


def joint_of(
    config: Config, loop: Loop, match: Contest, sd: float, noise: float
) -> tuple[tuple[Check, ...], tuple[Row, ...]]:
    """What grid and mixtures together say of the shipped final runs; nothing elsewhere."""
    if not (config.shipped and config.joint):
        return (), ()
    tables = loop.tables
    return joint_verdict(tables["infolaw"], tables["regmix-buckets"], match, tables[FINAL], sd, noise, config.seed)


def planned(config: Config, loop: Loop, predictor: Predictor) -> Contest:
    """Plan for the budget beyond the grid."""
    widest = max(loop.grid.widths)
    n_params = loop.base.n_params(widest)
    flops = BUDGET * 6.0 * n_params * loop.grid.middle * n_params
    pool = BUDGET**0.5 * loop.grid.middle * n_params / config.plan_passes
    ask = Ask(flops, pool, widest, config.seed)
    return contest(predictor, loop.base, loop.natural, loop.tables["regmix-buckets"], ask)


def verified(config: Config, loop: Loop, match: Contest, noise: float) -> RunTable:
    """Train the plan and its rivals."""
    finals = match.runs(loop.base, match.n_seeds(noise, config.most_seeds))
    mark = hashlib.sha256("".join(final.fingerprint for final in finals).encode()).hexdigest()[:8]
    return train_finals(config.folder, finals, mark, config.workers)  # another plan is another swarm


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror}. Choose another.") from None


def _text(loop: Loop, match: Contest) -> str:
    runs, n_seeds = loop.tables["infolaw"], loop.tables[FINAL].frame["seed"].nunique()
    large = large_runs(runs, loop.grid)
    (sd, df), (noise, noise_df) = seed_sd(large), paired_sd(large)
    facts: list[Any] = [
        f"Smallest detectable difference with {n_seeds} seeds: {match.detectable(noise, n_seeds):.4f} nats/token; predicted "
        f"gain over the natural recipe: {match.gain['natural']:.4f}.",
        f"Seeds of the larger models differ by {100 * sd:.2f} % of the loss (standard deviation, {df} degrees of freedom): "
        f"in text and initial weights; {100 * noise:.2f} % ({noise_df}) is not shared by the recipes of one seed.",
        f"The grid: {len(runs)} runs of {len(loop.grid.widths)} sizes, {int(runs.frame['n_params'].min()):,} to "
        f"{int(runs.frame['n_params'].max()):,} parameters; loss on held-out text of bucket q0.",
        f"Compute of the plan: {match.plan.flops:.3g} FLOP, {match.plan.flops / float(runs.flops().max()):.1f} times the "
        "largest run of the grid.",
        *(f"Warning of the plan: {warning}" for warning in match.plan.warnings),
        *runs.notes,
        *(f"Failed: {name}: {reason}" for name, reason in loop.failures.items()),
    ]
    return "\n".join(facts)
