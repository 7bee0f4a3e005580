"""What every export to ONNX has in common."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

OPSET = 20


@contextmanager
def quietly() -> Iterator[None]:
    """The exporter reports on itself through logs and warnings that no user can act on."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="# The axis name: .* will not be used")
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="onnx|torch")
            warnings.filterwarnings("ignore", category=FutureWarning, module="onnx|torch")
            yield
    finally:
        log.setLevel(level)
