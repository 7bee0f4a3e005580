"""Fine-tuning an encoder of text with packing beside the same without: BERT's base on a GPU, a small one elsewhere."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from models.encoder import Blueprint
from models.encoders import ENCODERS
from models.training.presets import preset_named

pytestmark = pytest.mark.benchmark
POSTS, TOKENS, BATCH, TURNS = 128, 128, 32, 3
GPU = torch.cuda.is_available()


@pytest.mark.parametrize("order", ["as they come", "sorted by length"])
def test_packing_beside_padding(order):
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(3, 0.8, POSTS), 3, TOKENS).astype(
        int
    )  # most posts are short, a few are long
    if order == "sorted by length":
        lengths = np.sort(lengths)
    towers = {packing: tower(packing) for packing in (False, True)}
    turns = []
    for _ in range(TURNS):
        seconds = {packing: step(towers[packing], lengths) for packing in towers}
        turns.append((seconds[False] / seconds[True], POSTS / seconds[True]))
    ratio, rate = sorted(turns)[TURNS // 2]
    print(
        f"\npacking, posts {order}: {rate:.0f} posts/s on {'a GPU' if GPU else 'one core'}, {ratio:.2f} times without "
        f"(median of {TURNS}, {min(turns)[0]:.2f} to {max(turns)[0]:.2f}; on a GPU at least 1.5)"
    )


def tower(packing):
    architecture = {"architecture": "bert"} if GPU else {"width": 128, "layers": 2, "heads": 4}
    preset = preset_named("text", packing=packing, max_tokens=TOKENS, **architecture)
    pieces = torch.arange(1000).unsqueeze(1)
    found = ENCODERS["text"].build(Blueprint(preset=preset, pieces=pieces, modalities=("text",)))
    return found.to("cuda" if GPU else "cpu").train()


def step(tower, lengths):
    """Seconds of one pass, forward and backward."""
    device = "cuda" if GPU else "cpu"
    start = time.perf_counter()
    for first in range(0, len(lengths), BATCH):
        chosen = torch.from_numpy(lengths[first : first + BATCH])
        mask = (torch.arange(int(chosen.max())) < chosen.unsqueeze(1)).long().to(device)
        with torch.autocast("cuda", torch.bfloat16, enabled=GPU):
            hidden = tower.read(mask * 7, mask, None).hidden
        (hidden * mask.unsqueeze(-1)).float().square().sum().backward()
    if GPU:
        torch.cuda.synchronize()
    return time.perf_counter() - start
