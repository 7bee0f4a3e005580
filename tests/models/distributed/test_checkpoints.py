import threading

import pytest
import torch

from models.distributed.checkpoints import AtomicCheckpoints


class Slow(AtomicCheckpoints):
    """On a disk that waits to be let go."""

    def __init__(self):
        super().__init__()
        self.let_go = threading.Event()

    def write(self, checkpoint, path):
        self.let_go.wait()
        super().write(checkpoint, path)


def test_training_goes_on_while_a_checkpoint_is_written_and_it_holds_what_there_was(tmp_path):
    disk, weights, path = Slow(), torch.zeros(3), tmp_path / "deep" / "last.ckpt"
    disk.save_checkpoint({"state_dict": {"weights": weights}, "global_step": 7}, path)
    weights += 1
    assert not path.exists()
    disk.let_go.set()
    disk.teardown()
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]
    found = torch.load(path, weights_only=True)
    assert found["global_step"] == 7
    assert torch.equal(found["state_dict"]["weights"], torch.zeros(3))


def test_a_checkpoint_is_read_only_once_it_is_written(tmp_path):
    disk = Slow()
    disk.save_checkpoint({"step": 1}, tmp_path / "last.ckpt")
    disk.let_go.set()
    disk.save_checkpoint({"step": 2}, tmp_path / "last.ckpt")
    assert disk.load_checkpoint(tmp_path / "last.ckpt", weights_only=True) == {"step": 2}


def test_what_went_wrong_is_raised_at_the_end(tmp_path):
    (tmp_path / "file").write_text("")
    disk = AtomicCheckpoints()
    disk.save_checkpoint({"step": 1}, tmp_path / "file" / "last.ckpt")
    with pytest.raises(OSError, match="file"):
        disk.teardown()
