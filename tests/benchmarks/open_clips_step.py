"""Contrastive pre-training beside open_clip's own step, for one core and for a GPU.

Both take the same batches on the same device in the same precision. Ours reads and decodes posts of a snapshot
meanwhile, measures itself and keeps a running average; open_clip's step has its batch in memory.
"""

from __future__ import annotations

import io
import shutil
import time
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from open_clip import CLIP, get_model_config
from open_clip.loss import ClipLoss
from PIL import Image

from models.distributed.resources import Resources
from models.domain.preset import Preset
from models.encoders.adapters.open_clip import towers_of
from models.pretraining.pretrain import PretrainingReport, pretrain
from models.training.presets import job_on, preset_named
from models.training.training_cost import Measurement
from tests.support.made_up_snapshot import POLICIES, Row, write_snapshot

LARGE = {
    "architecture": "ViT-L-14",
    "image_size": 224,
    "max_tokens": 77,
    "batch_size": 128,
    "vocabulary": 49_408,
}
SMALL = {"image_size": 64, "max_tokens": 32, "batch_size": 32, "vocabulary": 2000}
STEPS, STEPS_ON_GPU, WARM = 24, 48, 4
TURNS, TURNS_ON_GPU = (
    3,
    1,
)  # a GPU that nobody else has is as fast each time, and what it leaves is as large as a disk
PICTURES = 256  # different ones
VALIDATED = 0.3  # share of a made-up snapshot that is not trained on


@dataclass(frozen=True)
class Turn:
    """Pairs a second of ours beside those of open_clip's step, and what ours measured of itself."""

    ratio: float
    theirs: float
    ours: Measurement


def median_turn(folder: Path, sizes: dict[str, Any], *, gpu: bool) -> Turn:
    """Of a few, by the ratio. sizes: fields of the preset `clip` that fit the device."""
    torch.set_num_threads(1)
    preset, steps = (
        preset_named("clip", modalities=("text", "image"), **sizes),
        STEPS_ON_GPU if gpu else STEPS,
    )
    uri = write_snapshot(folder, posts(preset, steps))
    turns = []
    for _ in range(TURNS_ON_GPU if gpu else TURNS):  # in turns, so that a busy machine slows both
        theirs = open_clips_step(preset, steps, gpu=gpu)
        report = our_epoch(uri, folder / "run", sizes)
        turns.append(Turn(report.items_per_second / theirs, theirs, report.measured))
    return sorted(turns, key=lambda turn: turn.ratio)[len(turns) // 2]


def our_epoch(
    uri: str, folder: Path, sizes: dict[str, Any], resources: Resources = Resources()
) -> PretrainingReport:
    """Of the whole snapshot; what it leaves, as large as eight models, goes."""
    job = job_on(
        uri, preset="clip,epochs=1,minimum_steps=0", seed=0, folder=folder, threads=1, resources=resources, **sizes
    )  # fmt: skip
    report = pretrain(job, ["contrastive"])
    shutil.rmtree(folder)
    return report


def posts(preset: Preset, steps: int) -> list[Row]:
    """Noise in words and pictures: texts as long as are read."""
    rng = np.random.default_rng(0)
    words = np.array([f"w{number}" for number in range(500)])
    pictures = [noise(rng, preset.image_size) for _ in range(PICTURES)]
    return [
        Row(" ".join(rng.choice(words, preset.max_tokens)), picture, (0.0,) * len(POLICIES))
        for picture in islice(cycle(pictures), round(steps * preset.batch_size / (1 - VALIDATED)))
    ]


def noise(rng: np.random.Generator, side: int) -> bytes:
    """A JPEG."""
    buffer = io.BytesIO()
    coarse = Image.fromarray(rng.integers(0, 256, (side // 8, side // 8, 3), np.uint8))
    coarse.resize((side, side)).save(buffer, "JPEG")
    return buffer.getvalue()


def open_clips_step(preset: Preset, steps: int, *, gpu: bool) -> float:
    """Pairs a second: forward, ClipLoss, backward, AdamW, as open_clip_train.train does without gradient clipping."""
    device = "cuda" if gpu else "cpu"
    config = (
        get_model_config(preset.architecture) if preset.architecture else towers_of(preset, preset.vocabulary)
    )
    model = CLIP(**config).to(device).train()
    loss, optimizer = ClipLoss(), torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.2)
    pictures = torch.rand(preset.batch_size, 3, preset.image_size, preset.image_size, device=device)
    texts = torch.randint(1, preset.vocabulary, (preset.batch_size, preset.max_tokens), device=device)
    for step in range(WARM + steps):
        if step == WARM:
            _settled(device)
            start = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=gpu):
            image, text, scale = model(pictures, texts)[:3]
            found = loss(image, text, scale)
        found.backward()
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, np.log(100))
    _settled(device)
    return steps * preset.batch_size / (time.perf_counter() - start)


def _settled(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
