"""Two processes that compare their posts with each other's learn what one learns that has them all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
LEARN = """
import sys
import torch
import torch.distributed as dist
from models.network.backbone import Backbone
from models.data.loader import Batch
from models.training.presets import preset_named
from models.pretraining.module import BackboneInTraining
from models.pretraining.objective_mix import syllabus
from models.data.tokenizer import pieces, train_tokenizer

folder, objectives, rank, world = sys.argv[1], sys.argv[2].split(), int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(1)
tokenizer = train_tokenizer(["a quiet walk by the lake", "tea with friends"] * 3, 300)
fields = dict(width=32, layers=1, image_size=32, dropout=0.0, token_dropout=0.0)
preset = preset_named("eva", **fields)
if world > 1:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world)
for objective in objectives:
    torch.manual_seed(0)
    backbone = Backbone(preset, torch.from_numpy(pieces(tokenizer)))
    made = BackboneInTraining(backbone, syllabus(preset, [objective]), tokenizer)
    ids = torch.randint(2, 30, (7, 5))
    mask = torch.ones_like(ids)
    mask[2] = 0
    batch = Batch(ids, mask, torch.rand(7, 3, 32, 32) * 2 - 1, torch.arange(7), torch.full((7, 8), -1),
                  torch.zeros(7, 0), torch.zeros(7, 0), torch.zeros(7, 1), torch.zeros(7, 1), torch.zeros(()))
    if world > 1:
        own = torch.arange(7)[:3] if rank == 0 else torch.arange(7)[3:]
        batch = Batch(*(part[own] if part.dim() else part for part in batch))
        batch = batch._replace(image_index=torch.arange(len(own)))
    loss = made.loss(made(batch))
    loss.backward()
    found = {name: p.grad for name, p in made.named_parameters() if p.grad is not None}
    if world > 1:
        loss = loss.detach().clone()
        for tensor in (loss, *found.values()):
            dist.all_reduce(tensor)
            tensor /= world
    if rank == 0:
        torch.save((loss.detach(), found), f"{folder}/{objective}-{world}.pt")
"""


OBJECTIVES = ("contrastive", "sigmoid_contrastive")


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """Where each objective's loss and gradients lie, of one process and of two: each learns all of them in turn."""
    folder = tmp_path_factory.mktemp("learned")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", LEARN, str(folder), " ".join(OBJECTIVES), str(rank), str(world)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )
        for world in (1, 2)
        for rank in range(world)
    ]
    assert [process.wait() for process in processes] == [0] * len(processes)
    return folder


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_two_processes_find_the_loss_and_the_gradients_of_one(learned, objective):
    """One has three posts of which one lacks text, the other four."""
    (loss, gradients), (expected, whole) = (
        torch.load(learned / f"{objective}-{world}.pt", weights_only=True) for world in (2, 1)
    )
    assert loss == pytest.approx(float(expected), rel=1e-5)
    assert gradients.keys() == whole.keys()
    assert all(torch.allclose(gradients[name], whole[name], atol=1e-5, rtol=1e-3) for name in whole)
