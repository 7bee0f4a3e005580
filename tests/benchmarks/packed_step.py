"""Fine-tuning an encoder of text with packing beside the same without: BERT's base on a GPU, a small one elsewhere."""

from __future__ import annotations

import time

import numpy as np
import torch

from models.encoders import ENCODERS
from models.encoders.base.encoder import Blueprint
from models.training.presets import preset_named

POSTS, BATCH = 128, 32
POSTS_ON_GPU, BATCH_ON_GPU = 1024, 256  # a smaller batch waits for the launching of kernels
TOKENS, TURNS = 128, 3
ORDERS = ("as they come", SORTED := "sorted by length")


def median_turn(order: str, *, gpu: bool) -> tuple[float, str]:
    """How many times as fast as without, and what a person should know of it; order: one of ORDERS."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    # most posts are short, a few are long
    posts = POSTS_ON_GPU if gpu else POSTS
    lengths = np.clip(rng.lognormal(3, 0.8, posts), 3, TOKENS).astype(int)
    if order == SORTED:
        lengths = np.sort(lengths)
    towers = {packing: tower(packing, gpu=gpu) for packing in (False, True)}
    turns = []
    for _ in range(1 + TURNS):
        seconds = {packing: step(towers[packing], lengths, gpu=gpu) for packing in towers}
        turns.append((seconds[False] / seconds[True], posts / seconds[True]))
    del turns[0]  # of a cold device
    ratio, rate = sorted(turns)[TURNS // 2]
    return ratio, f"{rate:.0f} posts/s, median of {TURNS}, {min(turns)[0]:.2f} to {max(turns)[0]:.2f}"


def tower(packing, *, gpu):
    architecture = {"architecture": "bert"} if gpu else {"width": 128, "layers": 2, "heads": 4}
    preset = preset_named("text", packing=packing, max_tokens=TOKENS, **architecture)
    pieces = torch.arange(1000).unsqueeze(1)
    found = ENCODERS["text"].build(Blueprint(preset=preset, pieces=pieces, modalities=("text",)))
    return found.to("cuda" if gpu else "cpu").train()


def step(tower, lengths, *, gpu):
    """Seconds of one pass, forward and backward."""
    device, size = ("cuda", BATCH_ON_GPU) if gpu else ("cpu", BATCH)
    start = time.perf_counter()
    for first in range(0, len(lengths), size):
        chosen = torch.from_numpy(lengths[first : first + size])
        mask = (torch.arange(int(chosen.max())) < chosen.unsqueeze(1)).long().to(device)
        with torch.autocast("cuda", torch.bfloat16, enabled=gpu):
            hidden = tower.read(mask * 7, mask, None).hidden
        (hidden * mask.unsqueeze(-1)).float().square().sum().backward()
    if gpu:
        torch.cuda.synchronize()
    return time.perf_counter() - start
