"""A small byte-level GPT in torch: pre-norm blocks of causal attention and an MLP, no biases in the matrices.

On a processor: one thread and float32. Where CUDA is there: bfloat16 under autocast. Radford et al. (2019), "Language
Models are Unsupervised Multitask Learners"; learned positions, untied output.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from infolaw.errors import ExperimentError

from .config import RunConfig
from .sizes import VOCABULARY, size_of

HEAD = 32
"""Width of an attention head."""
_EVALUATED = 64
"""Blocks whose losses are computed at once."""


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = max(1, width // HEAD)
        self.before, self.between = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.attend, self.join = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.widen, self.narrow = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, length, width = x.shape
        parts = self.attend(self.before(x)).view(n, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.join(mixed.transpose(1, 2).reshape(n, length, width))
        narrowed: torch.Tensor = self.narrow(functional.gelu(self.widen(self.between(x))))
        return x + narrowed


class _Network(nn.Module):
    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        width = config.width
        self.bytes, self.places = nn.Embedding(VOCABULARY, width), nn.Embedding(config.context, width)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(config.depth))
        self.last, self.out = nn.LayerNorm(width, bias=False), nn.Linear(width, VOCABULARY, bias=False)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                scale = 1 / math.sqrt(2 * config.depth) if name.endswith(("join.weight", "narrow.weight")) else 1.0
                nn.init.normal_(weight, std=0.02 * scale if "blocks" not in name else scale / math.sqrt(weight.shape[1]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bytes(x) + self.places.weight[: x.shape[1]]
        for block in self.blocks:
            y = block(y)
        logits: torch.Tensor = self.out(self.last(y))
        return logits


class Gpt:
    """The model of a run configuration: ``depth`` blocks of ``width`` over blocks of ``context`` bytes.

    Attributes are those of `experiments.proxy.training.Model`.

    Raises
    ------
    ExperimentError
        If the batch is no multiple of the context, or the width none of the head's.
    """

    overlap = 1

    def __init__(self, config: RunConfig) -> None:
        if config.batch % config.context or config.width % min(HEAD, config.width):
            raise ExperimentError(
                f"run {config.run_id!r}: a batch of {config.batch} tokens must be a multiple of the context "
                f"{config.context}, and the width {config.width} one of {HEAD}."
            )
        torch.set_num_threads(1)
        torch.manual_seed(config.seed)
        size = size_of(config)
        self.n_params, self.n_params_embedding, self.flops_per_token = (
            size.n_params,
            size.n_params_embedding,
            size.flops_per_token,
        )
        self.unit, self.cuda = config.context, torch.cuda.is_available()
        self.place = torch.device("cuda" if self.cuda else "cpu")
        self.network = _Network(config).to(self.place)
        matrices = [p for name, p in self.network.named_parameters() if p.dim() == 2 and "places" not in name]
        others = [p for name, p in self.network.named_parameters() if p.dim() != 2 or "places" in name]
        groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=config.peak, betas=(0.9, 0.99), fused=self.cuda)

    def _loss(self, text: NDArray[np.uint8], units: NDArray[Any]) -> torch.Tensor:
        """Loss of each predicted byte (n_units, context)."""
        rows = torch.from_numpy(text[units].astype(np.int64)).to(self.place)
        with torch.autocast(self.place.type, torch.bfloat16, enabled=self.cuda):
            logits = self.network(rows[:, :-1])
        return functional.cross_entropy(logits.float().transpose(1, 2), rows[:, 1:], reduction="none")

    def step(self, text: NDArray[np.uint8], units: NDArray[Any], learning_rate: float) -> float:
        """One step of AdamW; see `Model.step`."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        loss = self._loss(text, units).mean()
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        return float(loss.detach())

    def losses(self, text: NDArray[np.uint8], units: NDArray[Any]) -> NDArray[np.float32]:
        """Mean loss of each block (n_units,) [nats/token]."""
        parts = [units[k : k + _EVALUATED] for k in range(0, len(units), _EVALUATED)]
        with torch.no_grad():
            return np.concatenate([self._loss(text, part).mean(dim=1).cpu().numpy() for part in parts])

    def state(self) -> dict[str, NDArray[Any]]:
        """Weights, and AdamW's moments of each."""
        found = {f"weight.{name}": p.detach().cpu().numpy() for name, p in self.network.named_parameters()}
        for k, moments in self.optimizer.state_dict()["state"].items():
            found |= {f"moment.{k}.{name}": value.cpu().numpy() for name, value in moments.items()}
        return found

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from `state`."""
        with torch.no_grad():
            for name, p in self.network.named_parameters():
                p.copy_(torch.from_numpy(state[f"weight.{name}"]))
        whole = self.optimizer.state_dict()
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in state.items():
            if name.startswith("moment."):
                _, k, part = name.split(".")
                moments.setdefault(int(k), {})[part] = torch.from_numpy(np.asarray(value))
        self.optimizer.load_state_dict({**whole, "state": moments})
