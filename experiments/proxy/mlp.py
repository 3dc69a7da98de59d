"""A byte-level MLP language model in numpy: embeddings of the last bytes, hidden layers, the next byte.

One thread and float32; every buffer is made once, and all parameters lie in one vector, so that AdamW is a handful of
passes. Bengio et al. (2003), "A Neural Probabilistic Language Model", JMLR 3, with rectified hidden units.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .config import RunConfig
from .sizes import VOCABULARY, size_of

Floats = NDArray[np.float32]
BETAS = (0.9, 0.99)
EPSILON = 1e-8
_EVALUATED = 2048
"""Positions whose losses are computed at once."""


class Mlp:
    """The model of a run configuration: ``context`` bytes, embedding, ``depth`` hidden layers of ``width``.

    Attributes
    ----------
    n_params, n_params_embedding : int
        Parameters without the embedding, and in it.
    flops_per_token : float
        Of training: 6 a parameter of the weight matrices and biases (the embedding is a table look-up).
    unit : int
        Tokens that one index of the draw stands for: 1, the byte to be predicted.
    """

    unit = 1
    overlap = 0

    def __init__(self, config: RunConfig) -> None:
        self.context, self.embedding, batch = config.context, config.embedding, config.batch
        sizes = (self.context * self.embedding, *[config.width] * config.depth, VOCABULARY)
        size = size_of(config)
        self.n_params, self.n_params_embedding, self.flops_per_token = (
            size.n_params,
            size.n_params_embedding,
            size.flops_per_token,
        )
        shapes: list[tuple[int, ...]] = [(VOCABULARY, self.embedding)]
        for rows, columns in zip(sizes[:-1], sizes[1:], strict=True):
            shapes += [(rows, columns), (columns,)]
        counts = [math.prod(shape) for shape in shapes]
        self.weight_decay, self.n_steps = config.weight_decay, 0
        self.flat, self.slope, self.first, self.second, self._work = (np.zeros(sum(counts), np.float32) for _ in range(5))
        self.embed, *layers = _views(self.flat, shapes)
        self._d_embed, *slopes = _views(self.slope, shapes)
        self.weights, self.biases = layers[::2], layers[1::2]
        self._d_weights, self._d_biases = slopes[::2], slopes[1::2]
        rng = np.random.default_rng(config.seed)
        self.embed[:] = rng.standard_normal(self.embed.shape, np.float32)
        for weight in self.weights[:-1]:
            weight[:] = rng.standard_normal(weight.shape, np.float32) * math.sqrt(2 / len(weight))
        self.weights[-1][:] = rng.standard_normal(self.weights[-1].shape, np.float32) / math.sqrt(len(self.weights[-1]))
        self._decayed = np.zeros(sum(counts), np.float32)
        for view in _views(self._decayed, shapes)[1::2]:
            view[:] = 1
        self._buffers: dict[int, _Buffers] = {}
        self._train = self._sized(batch, sizes)
        self._sizes = sizes
        self._offsets = np.arange(-self.context, 1)

    def _sized(self, n: int, sizes: tuple[int, ...]) -> _Buffers:
        return self._buffers.setdefault(n, _Buffers(n, self.context, self.embedding, sizes))

    def _forward(self, text: NDArray[np.uint8], units: NDArray[Any], buffers: _Buffers) -> Floats:
        """Fill the buffers: layers, and exponentials of the logits; return the loss of each position."""
        b = buffers
        np.take(text, units[:, None] + self._offsets, out=b.window)
        b.bytes[:] = b.window[:, :-1]
        np.take(self.embed, b.bytes, axis=0, out=b.embedded)
        target = b.window[:, -1]
        for below, above, weight, bias in zip(b.layers[:-1], b.layers[1:], self.weights, self.biases, strict=True):
            np.matmul(below, weight, out=above)
            above += bias
            if above is not b.layers[-1]:
                np.maximum(above, 0, out=above)
        logits = b.layers[-1]
        logits -= logits.max(axis=1, keepdims=True)
        chosen = logits[b.rows, target].copy()
        np.exp(logits, out=logits)
        np.matmul(logits, b.ones, out=b.totals)
        return np.asarray(np.log(b.totals) - chosen)

    def step(self, text: NDArray[np.uint8], units: NDArray[Any], learning_rate: float) -> float:
        """One step of AdamW on the bytes at `units` (batch,); return their mean loss before it [nats/token]."""
        b = self._train
        losses = self._forward(text, units, b)
        n = len(units)
        d_above = b.layers[-1]
        d_above *= (1.0 / (b.totals * n))[:, None]
        d_above[b.rows, b.window[:, -1]] -= np.float32(1.0 / n)
        for k in range(len(self.weights) - 1, -1, -1):
            below = b.layers[k]
            np.matmul(below.T, d_above, out=self._d_weights[k])
            np.matmul(b.row_of_ones, d_above, out=self._d_biases[k][None])
            np.matmul(d_above, self.weights[k].T, out=b.slopes[k])
            if k:
                b.slopes[k] *= below > 0
            d_above = b.slopes[k]
        self._d_embed[:] = b.gathered(d_above, VOCABULARY, self.embedding)
        self._adam(learning_rate)
        return float(losses.mean(dtype=np.float64))

    def _adam(self, learning_rate: float) -> None:
        """AdamW, decay on weight matrices only: Loshchilov, Hutter (2019), arXiv:1711.05101, alg. 2."""
        self.n_steps += 1
        work, (one, two) = self._work, BETAS
        self.first *= np.float32(one)
        np.multiply(self.slope, np.float32(1 - one), out=work)
        self.first += work
        self.second *= np.float32(two)
        np.multiply(self.slope, self.slope, out=work)
        work *= np.float32(1 - two)
        self.second += work
        np.sqrt(self.second, out=work)
        work *= np.float32(1 / math.sqrt(1 - two**self.n_steps))
        work += np.float32(EPSILON)
        np.divide(self.first, work, out=work)
        work *= np.float32(learning_rate / (1 - one**self.n_steps))
        if self.weight_decay:
            np.multiply(self.flat, self._decayed, out=self.slope)
            self.slope *= np.float32(learning_rate * self.weight_decay)
            self.flat -= self.slope
        self.flat -= work

    def losses(self, text: NDArray[np.uint8], units: NDArray[Any]) -> Floats:
        """Loss of each position (n_units,) [nats/token]."""
        parts = [units[k : k + _EVALUATED] for k in range(0, len(units), _EVALUATED)]
        return np.concatenate([self._forward(text, part, self._sized(len(part), self._sizes)) for part in parts])

    def state(self) -> dict[str, NDArray[Any]]:
        """All that a training needs to go on."""
        return {"flat": self.flat, "first": self.first, "second": self.second, "n_steps": np.array(self.n_steps)}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from `state`."""
        self.flat[:], self.first[:], self.second[:] = state["flat"], state["first"], state["second"]
        self.n_steps = int(state["n_steps"])


class _Buffers:
    """Everything whose size follows the batch, made once."""

    def __init__(self, n: int, context: int, embedding: int, sizes: tuple[int, ...]) -> None:
        self.rows, self.ones = np.arange(n), np.ones(sizes[-1], np.float32)
        self.row_of_ones, self.totals = np.ones((1, n), np.float32), np.empty(n, np.float32)
        self.window = np.empty((n, context + 1), np.uint8)
        self.bytes = np.empty((n, context), np.int32)
        self.layers = [np.empty((n, size), np.float32) for size in sizes]
        self.slopes = [np.empty((n, size), np.float32) for size in sizes[:-1]]
        self.embedded = self.layers[0].reshape(n, context, embedding)
        self._ones, self._ends = np.ones(n * context, np.float32), np.arange(n * context + 1, dtype=np.int32)

    def gathered(self, slope: Floats, n_rows: int, n_columns: int) -> Floats:
        """Sum of the slopes at each byte, (n_rows, n_columns): a sparse product, since numpy's add.at is slow."""
        from scipy.sparse import csc_array

        flat = self.bytes.reshape(-1)
        where = csc_array((self._ones, flat, self._ends), shape=(n_rows, len(flat)))
        return np.asarray(where @ slope.reshape(-1, n_columns))


def _views(flat: Floats, shapes: list[tuple[int, ...]]) -> list[Floats]:
    """Views of one vector, one a shape."""
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes, strict=True)]
