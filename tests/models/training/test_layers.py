import pytest
import torch
from lightning.pytorch.callbacks import Callback

from models.data.snapshot import SnapshotRows
from models.distributed.job import Job
from models.training.fit import ClassifierRun
from models.training.layers import NoCompilerError, layers, made_lighter, precision
from models.training.presets import preset_named
from models.training.run import without_chatter
from tests.support.made_up_snapshot import made_up_rows, write_snapshot

SMALL = {
    "modalities": "text", "vocabulary": 300, "ngram_bits": 0, "width": 16, "layers": 2, "heads": 2, "max_tokens": 16,
    "batch_size": 12, "epochs": 1, "minimum_steps": 0, "dropout": 0, "token_dropout": 0, "averaging": 0.5,
}  # fmt: skip


class Losses(Callback):
    def __init__(self):
        self.found = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.found.append(float(outputs["loss"].detach()))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Losses by part, and the weights in the end, of a run with these fields changed."""
    uri = write_snapshot(tmp_path_factory.mktemp("snapshot"), made_up_rows(80))
    found = {}

    def train(**fields):
        key = str(fields)
        if key not in found:
            losses, folder = Losses(), tmp_path_factory.mktemp("run")
            preset = preset_named("transformer", **{**SMALL, **fields})
            job = Job(snapshot_uri=uri, preset=preset, seed=0, folder=folder)
            with without_chatter():
                trainer, _ = ClassifierRun(SnapshotRows.open(uri), job).train(False, [losses])
            found[key] = losses.found, dict(trainer.lightning_module.network.named_parameters())
        return found[key]

    return train


def close(found, other, within):
    return all(torch.allclose(found[name], other[name], atol=within) for name in found)


@pytest.mark.slow
def test_parts_of_a_batch_train_as_the_whole_does(trained):
    (losses, weights), (parts, other) = trained(), trained(accumulate=5)
    assert torch.tensor(parts).view(-1, 5).sum(dim=1).tolist() == pytest.approx(losses, abs=1e-5)
    assert close(weights, other, 1e-4)


@pytest.mark.slow
def test_what_is_computed_again_has_the_same_gradients(trained):
    (losses, weights), (others, other) = trained(dropout=0.2), trained(dropout=0.2, recompute=True)
    assert others == pytest.approx(losses, abs=1e-6)
    assert close(weights, other, 1e-6)


@pytest.mark.slow
def test_half_precision_trains(trained):
    losses, halves = trained()[0], trained(precision="bf16")[0]
    assert halves != losses
    assert halves == pytest.approx(losses, rel=0.05)


@pytest.mark.slow
def test_compiled_layers_train_as_they_do_otherwise(trained):
    assert trained(compile=True)[0] == pytest.approx(trained()[0], abs=1e-4)


def test_a_processor_computes_in_32_bits_unless_told_otherwise():
    if not torch.cuda.is_available():
        assert precision(preset_named("compact")) == "32-true"
    assert precision(preset_named("compact,precision=bf16")) == "bf16-mixed"


def test_without_a_compiler_the_mistake_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    if not torch.cuda.is_available():
        with pytest.raises(NoCompilerError, match=r"needs one of g\+\+"):
            made_lighter(torch.nn.Linear(1, 1), preset_named("compact,compile=true"))


@pytest.mark.parametrize(
    "name", ["clip", "vit_g", "eva", "text", "text_transformer", "albef", "blip", "coca"]
)
def test_every_family_has_layers(name):
    from models.domain.preset import small_transformer
    from models.encoders import ENCODERS
    from models.encoders.base.encoder import Blueprint

    encoder = ENCODERS[name]
    preset = encoder.preset() if name != "text_transformer" else small_transformer(name)
    pieces = torch.arange(400).unsqueeze(1)
    tower = encoder.build(Blueprint(preset=preset, pieces=pieces, modalities=encoder.modalities))
    assert len(layers(tower)) >= preset.layers
