"""Search for weights: over many cells as good as the exact optimum of a concave law."""

from __future__ import annotations

import numpy as np

from experiments.known_law import KnownLaw
from infolaw.laws import CellValue, law_named
from infolaw.points import Schema, Support
from recipes import Cell, Corpus
from recipes.constraints import Constraints
from recipes.pricer import Pricer


class Searched(KnownLaw):
    """The same law, as if it were not known to be concave."""

    def cell_value(self, n_params: float, tokens: float) -> CellValue | None:
        return None


def test_over_156_cells_the_search_meets_the_exact_optimum() -> None:
    rng = np.random.default_rng(0)
    cells = tuple(f"domain{d}/q{q}" for d in range(26) for q in range(6))
    natural = rng.dirichlet(np.full(len(cells), 4.0))
    corpus = Corpus(tuple(map(Cell, cells, (3e10 * natural).tolist())))
    schema = Schema(cells, log_n_params=float(np.log(1e8)), log_tokens=float(np.log(2e9)))
    support = Support((1e7, 1e10), (1e9, 1e12), (1e18, 1e23), (1.0, 40.0), ((0.0, 1.0),) * len(cells))
    constants = {"E": 1.7, "A": 300.0, "alpha": 0.34, "B": 600.0, "beta": 0.28, "theta": 0.3, "s": 0.05, "l": 1.2}
    known = (law(law_named("infolaw_e"), constants, schema, support) for law in (KnownLaw, Searched))
    exact, searched = (Pricer(one, corpus, Constraints(max_epochs=12.0)) for one in known)
    losses = [one.predictor.predict(one.points(2e9, 5e10, one.best_weights(2e9, 5e10)))[0] for one in (exact, searched)]
    assert losses[1] - losses[0] < 1e-5
    assert losses[1] - losses[0] > -1e-9
