"""Networks that are shapes alone, on torch's meta device: to be planned with, or filled by another process."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def shapes_alone() -> Iterator[None]:
    """What is built inside takes no memory and holds no values; weights are not read for it."""
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.filterwarnings("ignore", message=".*copying from a non-meta parameter", category=UserWarning)
        yield


def has_values() -> bool:
    """Whether what is built here is more than its shapes."""
    return not torch.empty(0).is_meta
