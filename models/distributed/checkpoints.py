"""Checkpoints of a training, written beside it and whole: read by whoever goes on."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

from models.process.atomic_write import whole_file


class AtomicCheckpoints(TorchCheckpointIO):
    """A checkpoint is there in full or not at all, wherever the process is killed.

    Training goes on while one is written: it holds what there was when it was asked for. One is written at a time, and
    what went wrong is raised when the next is asked for, or at the end.
    """

    def __init__(self) -> None:
        super().__init__()
        self._writing: Future[None] | None = None

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: Any,
        storage_options: Any | None = None,  # noqa: ARG002 - Lightning's signature
    ) -> None:
        self.teardown()
        kept = apply_to_collection(checkpoint, Tensor, _copied)
        writer = ThreadPoolExecutor(1, "checkpoints")
        self._writing = writer.submit(self.write, kept, Path(path))
        writer.shutdown(wait=False)  # once that is done; a process that ends waits for it

    def load_checkpoint(self, path: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self.teardown()
        return super().load_checkpoint(path, *args, **kwargs)

    def remove_checkpoint(self, path: Any) -> None:
        self.teardown()
        super().remove_checkpoint(path)

    def teardown(self) -> None:
        """Wait for what is being written; Lightning calls this at the end, after an exception as well."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def write(self, checkpoint: dict[str, Any], path: Path) -> None:
        """In the writing thread."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as aside:
            torch.save(checkpoint, aside)


def _copied(tensor: Tensor) -> Tensor:
    """On the processor, whose memory a device's is not worth."""
    found = tensor.detach()
    return found.clone() if found.device.type == "cpu" else found.cpu()
