"""What the deep and the wide half count for: what the validation split, which taught neither, says of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch
from torch import Tensor

from models.data.loader import Batch
from models.layers.wide import stacking
from models.network.network import Network
from models.training.classifier import precisions

PULL = 10.0  # of a policy's shares to those of all policies together: few violations say little of their own policy


@dataclass(frozen=True)
class Mixture:
    """shares: [2, P], of deep and wide logits in posts with a text. metrics: mean average precision of the posts with a
    text by each half alone and by both, by names below `validation/`.
    """

    shares: Tensor
    metrics: dict[str, float] = field(default_factory=dict)

    @classmethod
    @torch.no_grad()
    def of(cls, network: Network, batches: Iterable[Batch]) -> Self:
        """As the network has them where it has no wide half, or no post has a text."""
        halves, targets, weights = [], [], []
        for batch in batches:
            inputs = batch.inputs
            wide = network.wide(inputs["input_ids"], inputs["attention_mask"], inputs["text_embedding"])
            if wide is None:
                return cls(network.shares)
            read = (inputs["attention_mask"] > 0).any(dim=1)
            halves.append(torch.stack([network.deep(**inputs), wide], dim=-1)[read].float())
            targets.append(batch.targets[read])
            weights.append(batch.weights[read])
        logits, wanted, counts = (torch.cat(parts).numpy() for parts in (halves, targets, weights))
        shares = fitted_shares(logits, wanted, counts)
        parts = {"deep": logits[..., 0], "wide": logits[..., 1], "mixed": (logits * shares.T).sum(axis=-1)}
        found = {name: precisions(part, wanted) for name, part in parts.items()}
        metrics = {
            f"validation/parts/{name}": float(np.mean(list(each.values())))
            for name, each in found.items()
            if each
        }
        return cls(torch.from_numpy(shares), metrics)


def fitted_shares(logits: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """logits: [N, P, 2], targets (NaN where unknown) and weights [N, P]; [2, P]."""
    known, policy = ~np.isnan(targets), np.arange(targets.shape[1])

    def fitted(chosen: np.ndarray, start: np.ndarray, pull: float) -> np.ndarray:
        shown, wanted, counts = (part[chosen].astype(np.float64) for part in (logits, targets, weights))
        return stacking(shown, wanted, counts, start, pull)

    pooled = fitted(known, np.array([0.5, 0.5, 0.0]), pull=1.0)
    found = [fitted(known & (policy == each), pooled, PULL)[:2] for each in policy]
    return np.stack(found, axis=1).astype(np.float32)
