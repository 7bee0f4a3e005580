"""What every objective, encoder and preset keeps. The tests run over ours, `moderato check parts` over others'."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from models.bundle.embedder import Embedders
from models.bundle.export import random_batch
from models.domain.preset import Preset
from models.encoders import ENCODERS
from models.encoders.base.encoder import Encoder
from models.network.network import Network
from models.objectives import supervised
from models.objectives.base.objective import Objective, Supervised
from models.training.presets import check_readers, preset_named

VOCABULARY, POSTS, TOKENS, POLICIES = 300, 6, 9, 3
SMALL = {"ngram_bits": 0, "width": 32, "layers": 2, "image_size": 32, "dropout": 0.0}


def of_objective(objective: Objective) -> list[str]:
    """What is wrong with an objective that learns from judgements; others are tried by training alone."""
    if not isinstance(objective, Supervised):
        return []
    return [
        fault
        for claim in (_masks, _is_zero_on_nothing, _prefers_better, _bears_extremes)
        for fault in claim(objective)
    ]


def _masks(objective: Supervised) -> Iterator[str]:
    logits = torch.tensor([[0.3, 5.0], [-1.0, -5.0]], requires_grad=True)
    targets = torch.tensor([[1.0, float("nan")], [0.0, float("nan")]])
    loss = objective(logits, targets, torch.ones(2, 2))
    loss.backward()
    assert logits.grad is not None
    if not loss.isfinite() or (logits.grad[:, 1] != 0).any():
        yield "posts without a judgement move it; losses of unknown targets must be finite, and are masked then"
    if (logits.grad[:, 0] == 0).any():
        yield "judged posts do not move it"


def _is_zero_on_nothing(objective: Supervised) -> Iterator[str]:
    logits = torch.ones(3, 2, requires_grad=True)
    loss = objective(logits, torch.full((3, 2), float("nan")), torch.ones(3, 2))
    if loss.item() != 0:
        yield f"where nothing is known it is {loss.item():.3g} and not 0"


def _prefers_better(objective: Supervised) -> Iterator[str]:
    logits = torch.linspace(-4, 4, 9).unsqueeze(1)
    for target, sign in ((0.0, 1), (1.0, -1)):
        losses = objective.loss(logits, torch.full((9, 1), target)).squeeze(1)
        if (losses.diff() * sign <= 0).any():
            yield f"a better logit does not always cost less where the target is {target:g}"


def _bears_extremes(objective: Supervised) -> Iterator[str]:
    logits = torch.tensor([[-200.0, 200.0, 200.0, -200.0]], requires_grad=True)
    loss = objective(logits, torch.tensor([[1.0, 0.0, 1.0, 0.0]]), torch.ones(1, 4))
    loss.backward()
    if not loss.isfinite() or logits.grad is None or not logits.grad.isfinite().all():
        yield "logits of 200 make it infinite, or no number"


def of_preset(preset: Preset) -> list[str]:
    """What is wrong with a preset: encoders and an objective that are not there are named by their catalogues."""
    asked: list[Callable[[], object]] = [lambda: supervised(preset.objective)]
    asked += [lambda: ENCODERS[preset.text_encoder]] if "text" in preset.modalities else []
    asked += [lambda: ENCODERS[preset.image_encoder]] if {"image", "video"} & {*preset.modalities} else []
    asked += [lambda: Embedders.of(preset)]
    asked += [lambda: check_readers(preset)]
    faults = []
    for ask in asked:
        try:
            ask()
        except ValueError as error:
            faults.append(str(error))
    if preset.width % preset.heads:
        faults.append(f"its {preset.heads} heads do not divide its width of {preset.width}")
    return faults


def of_encoder(encoder: Encoder) -> list[str]:
    """What is wrong with a family of encoders in its small configuration, with random weights."""
    preset = preset_named(encoder.name)
    if not all(encoder.name == getattr(preset, f"{modality}_encoder") for modality in encoder.modalities):
        return [f"its preset does not name it: {encoder.name} reads {' and '.join(encoder.modalities)}"]
    torch.manual_seed(0)
    pieces = torch.randint(0, 40, (VOCABULARY, 8), generator=torch.Generator().manual_seed(0))
    made = Network(encoder.preset().replace(**SMALL), POLICIES, pieces).eval()
    drawn = random_batch(made, SMALL["image_size"], np.random.default_rng(0), POSTS, TOKENS)  # type: ignore[arg-type]
    batch: dict[str, Tensor] = {name: torch.from_numpy(array) for name, array in drawn.items()}
    with torch.no_grad():
        logits = made(**batch)
    if logits.shape != (POSTS, POLICIES):
        return [f"logits have the shape {tuple(logits.shape)} and not {(POSTS, POLICIES)}"]
    return [] if logits.isfinite().all() else ["logits of random posts are infinite, or no numbers"]
