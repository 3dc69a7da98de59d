"""What a design hands back: runs to do, what each buys, or why to stop; as text, plain values and a run table."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infolaw.files import to_json, write_atomically
from infolaw.rendering import amount, table


@dataclass(frozen=True)
class Proposed:
    """A run to do.

    Attributes
    ----------
    run_id : str
    n_params, tokens, flops : float
        [parameters], [tokens], [FLOP].
    weights, unique : mapping of str to float
        Share of the training tokens by corpus cell, and the distinct tokens that it may draw from [tokens].
    epochs : float
        Passes over its most repeated cell.
    pool : float
        Share of the corpus that it draws from.
    seed : int
    recipe : str
        Where its recipe comes from: ``plan``, ``baseline``, ``other1`` ... (best in other worlds) or ``proxy1`` ...
    buys : float
        What it takes from the expected regret after those before it [nats/token].
    """

    run_id: str
    n_params: float
    tokens: float
    flops: float
    weights: Mapping[str, float]
    unique: Mapping[str, float]
    epochs: float
    pool: float
    seed: int
    recipe: str
    buys: float


@dataclass(frozen=True)
class Design:
    """Runs to do next, or why to stop.

    Attributes
    ----------
    runs : tuple of Proposed
        In the order of what they buy; empty if it is to stop.
    regret, regret_after : float
        Expected loss of the plan above the best decision in each world, now and after these runs [nats/token].
    tolerance : float
        Regret that is not worth a run [nats/token].
    worth : float
        What the FLOP of these runs would bring in the final run [nats/token].
    n_params, tokens : float
        Of the plan.
    budget_flops : float
    n_decisions, n_candidates : int
        How many were weighed.
    stop : str
        Why no run is proposed, in one sentence; empty if some are.
    notes : tuple of str
    provenance : mapping
    """

    runs: tuple[Proposed, ...]
    regret: float
    regret_after: float
    tolerance: float
    worth: float
    n_params: float
    tokens: float
    budget_flops: float
    n_decisions: int
    n_candidates: int
    stop: str = ""
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def flops(self) -> float:
        """Compute of all the runs [FLOP]."""
        return float(sum(run.flops for run in self.runs))

    @property
    def settles(self) -> bool:
        """Whether what is left after these runs is not worth another."""
        return bool(self.runs) and self.regret_after <= self.tolerance

    @property
    def sentence(self) -> str:
        """The answer in one sentence, for a plan to say."""
        if self.stop:
            return f"stop: {self.stop}"
        some = "this run" if len(self.runs) == 1 else f"these {len(self.runs)} runs"
        done = "would settle it" if self.settles else f"would take {1 - self.regret_after / self.regret:.0%} of it"
        return (
            f"the plan's expected regret is {self.regret:.2g} nats/token; {some} ({self.flops:.3g} FLOP) {done}: "
            f"{self.regret_after:.2g} left"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values with a schema version."""
        return {
            "kind": "design",
            "schema_version": 1,
            **asdict(self),
            "flops": self.flops,
            "settles": self.settles,
            "sentence": self.sentence,
        }

    def to_csv(self) -> str:
        """Run table of what is to be run: the columns that `read_runs` takes, the loss left to be filled in."""
        cells = list(self.runs[0].weights) if self.runs else []
        header = ["run_id", "n_params", "tokens", "seed", "recipe", "flops", "buys", "pool"]
        header += [f"weight:{cell}" for cell in cells] + [f"unique:{cell}" for cell in cells] + ["loss"]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        for run in self.runs:
            plain = [run.run_id, run.n_params, run.tokens, run.seed, run.recipe, run.flops, run.buys, run.pool]
            writer.writerow([*plain, *(run.weights[cell] for cell in cells), *(run.unique[cell] for cell in cells), ""])
        return text.getvalue()

    def write(self, path: str | Path) -> None:
        """Write a run table, or JSON where `path` ends in .json, whole or not at all."""
        as_json = Path(path).suffix.lower() == ".json"
        write_atomically(path, to_json(self.to_dict()) if as_json else self.to_csv())

    def __str__(self) -> str:
        shown = [self.sentence + "."]
        if self.runs:
            header = ["run", "parameters", "tokens", "epochs", "pool", "recipe", "seed", "FLOP", "buys"]
            shown += ["", table(header, [_row(run) for run in self.runs]), "", *_recipes(self.runs)]
            shown.append(
                f"regret     {self.regret:.4g} nats/token now, {self.regret_after:.4g} after {self.flops:.4g} of "
                f"{self.budget_flops:.4g} FLOP; in the final run these FLOP would bring {self.worth:.2g}"
            )
        shown.append(
            f"for        the plan of {amount(self.n_params)} parameters on {amount(self.tokens)} tokens; "
            f"{self.n_decisions} decisions and {self.n_candidates} candidates weighed"
        )
        return "\n".join([*shown, *(f"note       {text}" for text in self.notes)])


def _row(run: Proposed) -> list[str]:
    counts = [amount(run.n_params), amount(run.tokens), f"{run.epochs:.3g}", f"{run.pool:.2%}"]
    return [run.run_id, *counts, run.recipe, str(run.seed), f"{run.flops:.3g}", f"{run.buys:.5f}"]


def _recipes(runs: tuple[Proposed, ...]) -> list[str]:
    """The largest shares of every recipe, once each."""
    said = dict[str, None]()
    for run in runs:
        shares = sorted(run.weights.items(), key=lambda item: -item[1])[:8]
        said[f"{run.recipe:10} " + ", ".join(f"{cell} {share:.2f}" for cell, share in shares if share >= 0.005)] = None
    return [*said, ""]
