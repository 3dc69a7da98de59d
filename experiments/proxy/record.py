"""What a run leaves: sizes, what it was trained on, losses. One JSON file, and one row of a run table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from infolaw.errors import ExperimentError

SCHEMA_VERSION = 1
PLACE_AND_TIME = ("host", "seconds")
"""Columns that may differ between two runs of one configuration."""


@dataclass(frozen=True)
class RunRecord:
    """One run, done.

    Attributes
    ----------
    run_id : str
    status : {"finished", "diverged"}
        ``diverged``: the loss was no longer finite; recorded, never fitted.
    reason : str
        Why it diverged.
    n_params, n_params_embedding : int
        Parameters without embeddings (the N of the law), and of embeddings.
    tokens : int
        Trained on, every pass counted [tokens].
    flops : float
        Training compute, as the backend counts it [FLOP].
    weights, unique, epochs : mapping of str to float
        By cell: realised share of the tokens; distinct tokens it could draw from [tokens]; passes over them.
    losses : mapping of str to float
        Held-out loss by domain, by bucket, and ``natural``: all held-out text [nats/token].
    target : str
        Which of them is the run's ``loss``.
    curve : tuple of (int, float)
        Tokens seen, and the mean training loss since the point before [nats/token].
    learning_rate : float
        Peak.
    config : mapping
        The configuration.
    corpus : str
        Fingerprint of the text.
    version : str
        Of this package.
    seconds : float
        Processor time.
    host : str
    """

    run_id: str
    status: Literal["finished", "diverged"]
    n_params: int
    n_params_embedding: int
    tokens: int
    flops: float
    weights: Mapping[str, float]
    unique: Mapping[str, float]
    epochs: Mapping[str, float]
    losses: Mapping[str, float]
    target: str
    curve: tuple[tuple[int, float], ...]
    learning_rate: float
    config: Mapping[str, Any]
    corpus: str
    version: str
    seconds: float
    host: str
    reason: str = ""
    schema_version: int = field(default=SCHEMA_VERSION)

    @property
    def loss(self) -> float | None:
        """Held-out loss on the target [nats/token], None where the run diverged."""
        return self.losses.get(self.target)

    def row(self) -> dict[str, Any]:
        """One row of a run table: canonical columns, the labels of the design, then places and times."""
        config = self.config
        return {
            "run_id": self.run_id,
            **config["labels"],
            "family": config["backend"],
            "width": config["width"],
            "depth": config["depth"],
            "schedule": config["schedule"],
            "n_params": self.n_params,
            "n_params_total": self.n_params + self.n_params_embedding,
            "tokens": self.tokens,
            "tokens_per_param": self.tokens / self.n_params,
            "seed": config["seed"],
            "loss": self.loss,
            **_columns("weight", self.weights),
            **_columns("unique", self.unique),
            **_columns("epochs", self.epochs),
            **_columns("loss", self.losses),
            "train_loss": self.curve[-1][1] if self.curve else None,
            "flops": self.flops,
            "lr": self.learning_rate,
            "seconds": self.seconds,
            "host": self.host,
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "curve": [list(point) for point in self.curve]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RunRecord:
        """Inverse of `to_dict`.

        Raises
        ------
        ExperimentError
            If it is no run record of this schema version.
        """
        if data.get("schema_version") != SCHEMA_VERSION:
            raise ExperimentError(f"no run record of schema version {SCHEMA_VERSION}: it says {data.get('schema_version')}.")
        try:
            return cls(**{**data, "curve": tuple((int(tokens), float(loss)) for tokens, loss in data["curve"])})
        except (TypeError, KeyError, ValueError) as error:
            raise ExperimentError(f"no run record: {error}.") from None


def _columns(prefix: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{prefix}:{name}": value for name, value in values.items()}
