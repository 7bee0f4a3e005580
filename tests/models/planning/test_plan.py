"""What a plan says, beside what a run then takes."""

import re

import lightning.pytorch as pl
import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from transformers import BertConfig, BertModel

from models.data.snapshot import SnapshotRows
from models.encoders import ENCODERS
from models.planning.plan import plan
from models.planning.reading import reading_seconds
from models.planning.target import Target, UnknownDeviceError
from models.planning.workload import assumed
from models.readers import READERS
from models.readers.base.reader import Reader
from models.training.fit import attempt
from models.training.presets import job_on, preset_named
from models.training.run import measured
from tests.support.made_up_snapshot import made_up_rows, write_snapshot

pytestmark = pytest.mark.slow
CHANGES = "vocabulary=300,ngram_bits=10,image_size=32,batch_size=16,epochs=1,minimum_steps=0"
SMALL_DEVICE = Target(name="a small one", peak_flops=1e12, memory_bytes=100_000_000, mixed=False, here=False)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    uri = write_snapshot(tmp_path_factory.mktemp("snapshot"), made_up_rows(240))
    return SnapshotRows.open(uri)


class Kept(pl.Callback):
    def on_train_end(self, trainer, pl_module):
        self.steps, self.epochs, self.measured = trainer.global_step, trainer.current_epoch, measured(trainer)


def peak_of(profiler):
    """Bytes that torch's allocator had given out at most, by its own account of every piece."""
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = highest = 0
    for event in sorted(events, key=lambda it: it.start_ns()):
        held += event.nbytes()
        highest = max(highest, held)
    return highest


@pytest.mark.parametrize("name", ["compact", "text"])
def test_memory_operations_and_steps_are_within_a_fifth_of_a_real_run(rows, tmp_path, name):
    preset, kept = f"{name},{CHANGES}", Kept()
    planned = plan(preset_named(preset), rows=rows, threads=1)
    attempt(job_on(rows.uri, preset=preset, seed=0, folder=tmp_path / "first", threads=1), callbacks=[kept])
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        attempt(job_on(rows.uri, preset=preset, seed=0, folder=tmp_path / "second", threads=1))
    assert planned.memory_bytes - planned.memory.process == pytest.approx(peak_of(profiler), rel=0.2)
    assert planned.memory.process > 0
    assert planned.flops_per_item == pytest.approx(kept.measured.flops_per_item, rel=0.2)
    assert (planned.steps * planned.epochs, planned.epochs) == (kept.steps, kept.epochs)
    assert planned.timed == "measured in a few steps on this machine"
    assert planned.items_per_second > 0
    disk = sum(path.stat().st_size for path in (tmp_path / "first").rglob("*.ckpt"))
    assert planned.disk_bytes > disk
    assert planned.fits


def test_the_network_of_22_billion_is_planned_without_a_byte_of_it():
    preset = preset_named("vit_22b,architecture=vit_22b,modalities=image,image_size=224,batch_size=64")
    device = Target.named("H100")
    alone = plan(preset, rows=None, target=device)
    assert alone.parameters > ENCODERS["vit_22b"].usual.parameters > 21e9
    assert alone.memory.weights > 4 * 21e9
    assert not alone.fits
    devices = 64
    together = plan(preset, rows=None, target=device, devices=devices, strategy="fsdp")
    assert together.memory_bytes < alone.memory_bytes / 4
    assert together.units > 40
    assert together.memory.state * devices == pytest.approx(alone.memory.state, rel=0.01)
    assert together.timed.endswith("assumed of each device")


def test_weights_of_a_folder_are_planned_by_their_shapes(tmp_path):
    config = BertConfig(
        vocab_size=400, hidden_size=192, num_hidden_layers=4, num_attention_heads=4, intermediate_size=768
    )
    theirs = BertModel(config, add_pooling_layer=False)
    theirs.save_pretrained(tmp_path)
    preset = preset_named(f"text,{CHANGES},modalities=text,ngram_bits=0,dropout=0")
    planned = plan(preset, rows=None, weights=tmp_path, target=SMALL_DEVICE)
    assert theirs.num_parameters() < planned.parameters < 1.2 * theirs.num_parameters()


def test_a_batch_that_does_not_fit_is_told_what_would_and_that_fits(rows):
    preset = preset_named(f"text,{CHANGES},width=64").replace(batch_size=128)
    needed = plan(preset, rows=rows, target=SMALL_DEVICE).memory_bytes
    small = SMALL_DEVICE.model_copy(update={"memory_bytes": int(0.8 * needed)})
    wide = plan(preset, rows=rows, target=small)
    assert wide.warnings[0].startswith("does not fit: 0.")
    told = " ".join(wide.warnings)
    batch = int(re.search(r"--batch (\d+) would fit", told).group(1))
    devices = int(re.search(r"--strategy fsdp --devices (\d+) would fit", told).group(1))
    assert "text,recompute=true would fit" in told
    assert 0 < batch < 128
    assert plan(preset.replace(batch_size=batch), rows=rows, target=small).fits
    assert plan(preset, rows=rows, target=small, devices=devices, strategy="fsdp").fits
    assert plan(preset.replace(recompute=True), rows=rows, target=small).fits


def test_without_data_it_says_what_is_assumed():
    found = plan(preset_named(f"compact,{CHANGES}"), rows=None, target=SMALL_DEVICE, price=3.0)
    assert found.source.startswith("no snapshot: assumed are 100,000 posts of 64 tokens")
    assert found.steps == 6250
    assert found.price == pytest.approx(found.seconds / 3600 * 3)
    assert "assumed" in found.timed


def test_a_device_that_nobody_knows_is_refused_with_the_choices():
    with pytest.raises(
        UnknownDeviceError, match=r"no device called 'H900'; did you mean 'H200'\? choose one of: GB"
    ):
        Target.named("H900")


def test_planning_leaves_the_random_numbers_and_threads_of_the_process_alone(rows):
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    plan(preset_named(f"compact,{CHANGES}"), rows=rows, target=SMALL_DEVICE)
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.get_num_threads() == threads


def test_a_plan_says_how_long_the_words_in_pictures_take_to_read(rows, monkeypatch):
    own = Reader(
        "own", "reads nothing", "ocr", 1, READERS["ocr"].looks, 0.5, lambda threads: lambda pages: []
    )
    monkeypatch.setitem(READERS.made, "own", lambda: own)
    preset = preset_named("compact,reads=own")
    work = assumed(preset)
    assert reading_seconds(preset, work, None, 1) == (work.posts + work.validation) / 2 * 0.5
    assert 0 < reading_seconds(preset, work, rows, 1) < 60
    assert reading_seconds(preset_named("compact"), work, rows, 1) == 0
