"""What a law is: named constants and one formula; everything else is inherited.

A `Law` is configuration plus `predict`, written in the paper's own constants. `Law.bind` fixes cells and groups and
gives a `BoundLaw`, which turns the constants into a vector that is well-conditioned to fit: logarithms where a
constant is positive, and coefficients such as A in A / N^alpha measured at the centre of the runs. A law's own code
never sees that vector, nor groups, nor a batch: it sees arrays that broadcast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

import numpy as np

from ..errors import LawError
from ..points import Points, Schema
from ..units import Array
from .parameter import CellValue, Parameter

_SHARE = 1e-6
"""Step of a share where its derivative is differenced."""

Constants: TypeAlias = Mapping[str, Array]
"""Constants by name, each broadcasting to (n_batch, n_points), or to (n_batch, n_points, n_cells) if by cell."""


def density_of(p: Constants) -> Array:
    """Worth of a token of each cell by its quality bucket, exp(-theta d), (n_batch, 1, n_cells); one for a single bucket."""
    return np.exp(-p["theta"][..., None] * p["bucket"]) if "theta" in p else np.ones((1, 1, len(p["bucket"])))


@dataclass(frozen=True)
class Law:
    """A law of loss: subclass it, name it, list its `parameters` and write `predict`.

    Attributes
    ----------
    by_group : tuple of str
        Constants that each group of runs has for itself; by default its levels, the `linear` ones.
    """

    by_group: tuple[str, ...] = ()

    name: ClassVar[str]
    formula: ClassVar[str] = ""
    reference: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ("n_params", "tokens")
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    sees_recipe: ClassVar[bool] = False
    """Whether the loss depends on which cells the tokens come from, or on how often they repeat."""
    no_optimum: ClassVar[str] = ""
    """Why a free choice of model size at fixed compute has no answer, if it has none."""

    def parameters_for(self, schema: Schema) -> tuple[Parameter, ...]:
        """Return the constants for these cells and groups; override where they depend on them."""
        return self.parameters

    def fixed(self, schema: Schema) -> dict[str, Array]:
        """Return what the formula needs of cells and groups; `predict` finds it beside the constants."""
        return {}

    def predict(self, p: Constants, x: Points) -> Array:
        """Loss [nats/token] of points, (n_batch, n_points)."""
        raise NotImplementedError

    def partials(self, p: Constants, x: Points) -> dict[str, Array] | None:
        """Return the derivative of `predict` by each constant, shaped like the constant; None: differenced."""
        return None

    def by_share(self, p: Constants, x: Points) -> Array | None:
        """Return the derivative of `predict` by each cell's share at the same size and tokens; None: differenced.

        Broadcasts to (n_batch, n_points, n_cells) [nats/token].
        """
        return None

    def optimal_n_params(self, p: Constants, flops: float) -> Array | None:
        """Compute-optimal model size at ``6 N D = flops`` on fresh data in closed form, or None, (n_batch, 1)."""
        return None

    def cell_value(self, p: Constants, n_params: float, tokens: float) -> CellValue | None:
        """Return what a token of each cell is worth, where the law is concave in the recipe, or None."""
        return None

    def bind(self, schema: Schema) -> BoundLaw:
        """Fix cells, groups and centres."""
        parameters = self.parameters_for(schema)
        if len(schema.groups) > 1:
            own = self.by_group or tuple(p.name for p in parameters if p.linear)
            parameters = tuple(replace(p, shape=("group", *p.shape)) if p.name in own else p for p in parameters)
        return BoundLaw(self, schema, parameters)

    @property
    def label(self) -> str:
        """Name with the settings that differ from the default, as `laws.law_named` reads it."""
        changed = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        settings = ",".join(f"{key}={value}" for key, value in changed.items())
        return f"{self.name}:{settings}" if settings else self.name

    def config(self) -> dict[str, Any]:
        """Return the settings that differ from the class, for files."""
        return {key: value for key, value in vars(self).items() if not key.startswith("_")}

    def configured(self, **settings: Any) -> Law:
        """Return a copy with other settings."""
        try:
            return replace(self, **settings)
        except TypeError:
            known = ", ".join(self.config()) or "none"
            raise LawError(f"law {self.name!r} has no setting {', '.join(settings)}; its settings are: {known}.") from None


@dataclass(frozen=True)
class BoundLaw:
    """A law with its cells and groups fixed: maps a vector of fitted values to losses and their gradient.

    Attributes
    ----------
    law, schema
        What was bound.
    parameters : tuple of Parameter
        In the order in which their values stand in the vector.
    """

    law: Law
    schema: Schema
    parameters: tuple[Parameter, ...]

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each constant stands in the vector."""
        found, start = {}, 0
        for parameter in self.parameters:
            size = int(np.prod([self.schema.length(axis) for axis in parameter.shape]))
            found[parameter.name] = slice(start, start + size)
            start += size
        return found

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Name of every value in the vector, such as ``E``, ``E[rpj]``, ``density[q0]``."""
        names: list[str] = []
        for parameter in self.parameters:
            labels = [""]
            for axis in parameter.shape:
                labels = [f"{old},{new}".lstrip(",") for old in labels for new in self.schema.labels(axis)]
            names += [f"{parameter.name}[{label}]" if label else parameter.name for label in labels]
        return tuple(names)

    @cached_property
    def owners(self) -> tuple[Parameter, ...]:
        """Parameter that every value in the vector belongs to."""
        sizes = [self.slices[p.name].stop - self.slices[p.name].start for p in self.parameters]
        return tuple(p for p, size in zip(self.parameters, sizes, strict=True) for _ in range(size))

    @cached_property
    def bounds(self) -> tuple[Array, Array]:
        """Lower and upper bounds of the vector, each (n_values,)."""
        low, high = np.array([p.bounds for p in self.owners], float).reshape(-1, 2).T
        logs = np.array([p.log for p in self.owners], bool)
        return np.where(logs, np.log(np.where(logs, low, 1)), low), np.where(logs, np.log(np.where(logs, high, 1)), high)

    @cached_property
    def linear(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which values enter the loss linearly, (n_values,)."""
        return np.array([p.linear for p in self.owners], bool)

    def _shift(self, parameter: Parameter, theta: Array) -> Array | float:
        if parameter.centre is None:
            return 0.0
        return theta[:, self.slices[parameter.centre.slope]] * parameter.centre.lever(self.schema)

    def decode(self, theta: Array) -> dict[str, Array]:
        """Vectors (n_batch, n_values) to the paper's constants, each (n_batch, size)."""
        constants = {}
        for parameter in self.parameters:
            values = theta[:, self.slices[parameter.name]] + self._shift(parameter, theta)
            constants[parameter.name] = np.exp(values) if parameter.log else values
        return constants

    def encode(self, constants: Mapping[str, float]) -> Array:
        """Constants by name (as in `names`) to a vector (n_values,); a plain name may stand for all its entries."""
        missing = [n for n, p in zip(self.names, self.owners, strict=True) if n not in constants and p.name not in constants]
        if missing:
            raise LawError(f"law {self.law.name!r} needs a value for {', '.join(missing)}; given: {', '.join(constants)}.")
        theta = np.array(
            [float(constants.get(n, constants.get(p.name, np.nan))) for n, p in zip(self.names, self.owners, strict=True)]
        )[None]
        logs = np.array([p.log for p in self.owners], bool)
        theta[:, logs] = np.log(theta[:, logs])
        for parameter in self.parameters:
            if parameter.centre is not None:
                theta[:, self.slices[parameter.name]] -= self._shift(parameter, theta)
        return np.asarray(theta[0])

    def spread(self, theta: Array, points: Points) -> dict[str, Array]:
        """Return the constants as a law sees them: broadcasting to (n_batch, n_points[, n_cells])."""
        seen = self.decode(theta)
        for parameter in self.parameters:
            shape = tuple(self.schema.length(axis) for axis in parameter.shape)
            values = seen[parameter.name].reshape(len(theta), *(shape or (1,)))
            if parameter.shape[:1] == ("group",):
                values = values[:, points.group]
            elif parameter.shape in (("cell",), ("domain",)):
                values = values[:, None, :]
            seen[parameter.name] = values
        return seen | self.law.fixed(self.schema)

    def predict(self, theta: Array, points: Points) -> Array:
        """Losses (n_batch, n_points) of vectors (n_batch, n_values) [nats/token]."""
        return self.loss(self.spread(theta, points), points, len(theta))

    def loss(self, constants: Constants, points: Points, n_batch: int = 1) -> Array:
        """Losses (n_batch, n_points) under constants from `spread`, which without groups are the same for all points."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return np.broadcast_to(self.law.predict(constants, points), (n_batch, len(points)))

    def jacobian(self, theta: Array, points: Points) -> Array:
        """Derivatives of `predict` by the vector, (n_batch, n_values, n_points)."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            partials = self.law.partials(self.spread(theta, points), points)
            if partials is None:
                return self._differences(theta, points)
            return self._chain(partials, theta, points)

    def by_share(self, theta: Array, points: Points) -> Array:
        """Derivatives of `predict` by the share of each cell at the same size and tokens, (n_batch, n_points, n_cells).

        Shares are moved one by one: moves along which they still sum to 1 are what counts.
        """
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            slopes = self.law.by_share(self.spread(theta, points), points)
        if slopes is not None:
            return np.broadcast_to(slopes, (len(theta), *points.cell_tokens.shape))
        steps = [_SHARE * points.tokens[:, None] * one for one in np.eye(points.cell_tokens.shape[1])]
        moved = [self.predict(theta, replace(points, cell_tokens=points.cell_tokens + step)) for step in steps]
        return (np.stack(moved, -1) - self.predict(theta, points)[..., None]) / _SHARE

    def _chain(self, partials: Mapping[str, Array], theta: Array, points: Points) -> Array:
        constants = self.decode(theta)
        jacobian = np.zeros((len(theta), theta.shape[1], len(points)))
        for parameter in self.parameters:
            rows = self._rows(partials[parameter.name], parameter, len(theta), points)
            if parameter.log:
                rows = rows * constants[parameter.name][:, :, None]
            jacobian[:, self.slices[parameter.name]] += rows
            if parameter.centre is not None:
                slope = self.slices[parameter.centre.slope]
                own = rows if slope.stop - slope.start == rows.shape[1] else rows.sum(1, keepdims=True)
                jacobian[:, slope] += parameter.centre.lever(self.schema) * own
        return jacobian

    def _rows(self, partial: Array, parameter: Parameter, n_batch: int, points: Points) -> Array:
        """Partial derivatives of one constant as rows (n_batch, size, n_points)."""
        by_cell = parameter.shape[-1:] in (("cell",), ("domain",))
        n_cells = self.schema.length(parameter.shape[-1]) if by_cell else 1
        full = np.broadcast_to(partial if by_cell else partial[..., None], (n_batch, len(points), n_cells))
        rows = full.transpose(0, 2, 1)
        if parameter.shape[:1] != ("group",):
            return rows
        member = points.group == np.arange(self.schema.length("group"))[:, None]
        return np.asarray((rows[:, None] * member[:, None, :]).reshape(n_batch, -1, len(points)))

    def _differences(self, theta: Array, points: Points) -> Array:
        columns = []
        for k in range(theta.shape[1]):
            step = np.zeros_like(theta)
            step[:, k] = 6e-6 * np.maximum(1.0, np.abs(theta[:, k]))
            rise = self.predict(theta + step, points) - self.predict(theta - step, points)
            columns.append(rise / (2 * step[:, k : k + 1]))
        return np.stack(columns, 1)

    def report(self, theta: Array) -> dict[str, float]:
        """Published constants of one vector (n_values,), by the names of `names`."""
        decoded = self.decode(np.asarray(theta)[None])
        flat = np.concatenate([decoded[p.name][0] for p in self.parameters])
        return dict(zip(self.names, flat.tolist(), strict=True))

    def report_jacobian(self, theta: Array) -> Array:
        """Derivatives of the published constants by the vector, (n_values, n_values)."""
        jacobian = np.eye(len(theta))
        for parameter in self.parameters:
            own = self.slices[parameter.name]
            if parameter.centre is not None:
                slope = self.slices[parameter.centre.slope]
                shared = np.eye(own.stop - own.start, slope.stop - slope.start)
                shared = np.ones_like(shared) if slope.stop - slope.start == 1 else shared
                jacobian[own, slope] += parameter.centre.lever(self.schema) * shared
            if parameter.log:
                constants = self.decode(np.asarray(theta)[None])[parameter.name][0]
                jacobian[own] *= constants[:, None]
        return jacobian
