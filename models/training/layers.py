"""How layers are computed in training: in which precision, compiled, and again in place of being kept."""

from __future__ import annotations

import importlib.util
import shutil
from functools import partial
from typing import Literal

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from models.distributed.sharding import sharded_units
from models.domain.errors import UserError
from models.domain.preset import Preset
from models.encoders.base.encoder import Tower

COMPILERS = ("g++", "clang++", "c++")


class NoCompilerError(UserError):
    """A machine on which torch cannot compile."""


def precision(preset: Preset) -> Literal["bf16-mixed", "32-true"]:
    """As Lightning calls it; weights stay in 32 bits."""
    has = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return "bf16-mixed" if preset.precision == "bf16" or (preset.precision == "auto" and has) else "32-true"


def made_lighter(network: nn.Module, preset: Preset) -> None:
    """Change how the layers of a network are computed in place, and nothing of what they compute.

    Raises NoCompilerError.
    """
    if preset.recompute:
        for layer in layers(network):
            _recompute(layer)
    if preset.compile:
        _check()
        for layer in layers(network) or _towers(network):
            layer.compile(dynamic=True)


def layers(network: nn.Module) -> list[nn.Module]:
    """The repeated ones, whatever the family: a block of attention and its feed-forward."""
    return [layer for _, layer in sharded_units(network)]


def _towers(network: nn.Module) -> list[nn.Module]:
    """Both halves of each tower, of families that repeat no layer."""
    return [part for tower in network.modules() if isinstance(tower, Tower) for part in tower.children()]


def _recompute(layer: nn.Module) -> None:
    """Keep what goes in alone (Chen et al., 2016, arXiv 1604.06174); dropout draws the same again.

    A layer that counts what it has seen, as batch normalisation does, would count it twice.
    """
    if not any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in layer.modules()):  # noqa: SLF001 - no other name
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)


def _check() -> None:
    if torch.cuda.is_available():
        if importlib.util.find_spec("triton") is None:
            raise NoCompilerError(
                "compile=true needs triton on a GPU; install it as torch's own requirements say, or use compile=false"
            )
    elif not any(map(shutil.which, COMPILERS)):
        raise NoCompilerError(
            f"compile=true needs one of {', '.join(COMPILERS)} on the path; install one, or use compile=false"
        )
