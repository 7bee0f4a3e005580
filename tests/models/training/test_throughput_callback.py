import time

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from models.distributed.checkpoints import AtomicCheckpoints
from models.training.fit import fit
from models.training.flops import Operations
from models.training.peak_flops import peak
from models.training.presets import job_on
from tests.support.made_up_snapshot import made_up_rows, write_snapshot

PRODUCT = 2 * 8 * 16 * 32  # operations of [8, 16] times [16, 32]


def counted(compute):
    layer, inputs = nn.Linear(16, 32, bias=False), torch.ones(8, 16, requires_grad=True)
    with Operations() as operations:
        compute(layer, inputs).sum().backward()
    return operations.total


def test_forward_and_backward_are_three_products():
    assert counted(lambda layer, inputs: layer(inputs)) == 3 * PRODUCT


def test_what_is_computed_a_second_time_is_not_counted_again():
    assert counted(lambda layer, inputs: checkpoint(layer, inputs, use_reentrant=False)) == 3 * PRODUCT


def test_attention_is_counted():
    query = torch.ones(2, 4, 8, 16, requires_grad=True)
    with Operations() as operations:
        nn.functional.scaled_dot_product_attention(query, query, query).sum().backward()
    assert operations.total == (2 + 5) * 2 * 2 * 4 * 8 * 8 * 16  # the backward pass has five products


def test_a_processors_peak_is_measured_once():
    assert peak(torch.device("cpu")) > 1e6
    assert peak(torch.device("cpu")) == peak(torch.device("cpu"))


def test_saving_checkpoints_is_no_part_of_the_rate(tmp_path, monkeypatch):
    saved, save, seconds = [], AtomicCheckpoints.save_checkpoint, 0.2

    def slowly(*arguments, **options):
        time.sleep(seconds)
        saved.append(save(*arguments, **options))

    monkeypatch.setattr(AtomicCheckpoints, "save_checkpoint", slowly)
    tiny = {"modalities": "text", "vocabulary": 300, "ngram_bits": 0, "width": 16, "batch_size": 10}
    often = {"epochs": 1, "minimum_steps": 0, "checkpoint_steps": 1}
    uri = write_snapshot(tmp_path, made_up_rows(200))
    report = fit(job_on(uri, preset="compact", seed=0, folder=tmp_path / "run", threads=1, **tiny, **often))
    training = report.measured.items / report.measured.items_per_second
    assert len(saved) > 10
    assert training + seconds * len(saved) <= report.measured.device_seconds
