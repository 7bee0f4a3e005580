"""Objectives that learn from the posts alone: what they need of a backbone, and what they are given to learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from models.data.loader import Batch
from models.distributed.gathering import least, shared_mean
from models.distributed.sharding import is_sharded
from models.domain.preset import Preset
from models.encoders.base.encoder import Tokens
from models.network.backbone import Backbone
from models.objectives.base.objective import Objective

Need = Literal["reads", "sees", "writes", "fuses", "bidirectional"]


class Learned(NamedTuple):
    """The loss, a scalar; how many items it is the mean of; and what else to tell, each a mean over them."""

    loss: Tensor
    items: int
    metrics: Mapping[str, Tensor]


def nothing(parameter: Tensor, *metrics: str) -> Learned:
    """What is learned from posts that lack what an objective needs: a loss of 0 that still has gradients."""
    empty = parameter.flatten()[:0]
    return Learned(shared_mean(empty), 0, dict.fromkeys(metrics, parameter.new_zeros(())))


class Posts:
    """Posts, and what a backbone makes of them: each part computed once, however many objectives ask."""

    def __init__(self, backbone: Backbone, batch: Batch) -> None:
        self.backbone, self.batch = backbone, batch

    def lack(self, found: Tensor) -> bool:
        """Whether nothing [0, ...] was found. Where processes share the weights, whether one of them found nothing: a
        layer is entered by all or by none.
        """
        return not (least(found) if is_sharded(self.backbone) else len(found))

    @cached_property
    def unpaired(self) -> bool:
        """Whether no post has both text and a picture."""
        return self.lack(self.paired)

    @cached_property
    def pictures(self) -> Tensor:
        """Where among the pixels each post's picture is, [N]: its image, else the middle of its video; -1 for none."""
        frames = self.batch.frame_index
        middle = ((frames >= 0).sum(dim=1, keepdim=True) // 2).clamp(max=frames.shape[1] - 1)
        return torch.where(
            self.batch.image_index >= 0, self.batch.image_index, frames.gather(1, middle)[:, 0]
        )

    @cached_property
    def written(self) -> Tensor:
        """Whether each post has text, [N]."""
        return (self.batch.attention_mask > 0).any(dim=1)

    @cached_property
    def paired(self) -> Tensor:
        """Which posts have both text and a picture, [K]."""
        return torch.nonzero(self.written & (self.pictures >= 0))[:, 0]

    @cached_property
    def texts(self) -> tuple[Tensor, Tensor]:
        """input_ids and attention_mask [K, T] of the pairs."""
        return self.batch.input_ids[self.paired], self.batch.attention_mask[self.paired]

    @cached_property
    def seen(self) -> Tokens:
        """Tokens of the pictures of the pairs, [K, L, D]."""
        return self.backbone.see(self.batch.pixels[self.pictures[self.paired]])

    @cached_property
    def read(self) -> Tokens:
        """Tokens of the texts of the pairs, read without their pictures, [K, T, D]."""
        return self.backbone.read(*self.texts)

    @cached_property
    def looked_at(self) -> Tensor:
        """Which of the pixels are some post's picture or frame, [M']."""
        places = torch.cat([self.batch.image_index, self.batch.frame_index.flatten()])
        return places[places >= 0]

    def in_view(self, posts: Tensor) -> Tokens | None:
        """The picture of each of these posts, zeros that are not there where it has none; None where none has one, or
        none of the pairs' was seen.
        """
        if not self.backbone.seer or self.unpaired:
            return None
        row = torch.full_like(self.pictures, -1)
        row[self.paired] = torch.arange(len(self.paired), device=row.device)
        row = row[posts]
        hidden = self.seen.hidden[row.clamp(min=0)] * (row >= 0)[:, None, None]
        return Tokens(hidden, (row >= 0)[:, None].expand(hidden.shape[:2]))

    @cached_property
    def embeddings(self) -> tuple[Tensor, Tensor]:
        """Of the texts and the pictures of the pairs, [K, E] each; without a pair the towers are not entered, and no
        rows of zeros keep the backbone's gradients defined.
        """
        if self.unpaired:
            nothing = torch.zeros(0, self.backbone.embedding_width, device=self.batch.pixels.device)
            return nothing * self.backbone.log_scale, nothing * self.backbone.log_scale
        return self.backbone.embedded_text(self.read), self.backbone.embedded_image(self.seen)


class ObjectiveHead(nn.Module):
    """What an objective adds to a backbone: heads, copies, queues; its parameters are trained with the backbone's."""

    def forward(self, posts: Posts) -> Learned:
        """The loss of these posts; those that lack what the objective needs count for nothing."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a lesson is built from. `masked` is the token that stands for a hidden one; `marks`, those between which a
    text is written, and `marked`, whether the tokeniser puts them around each; `teacher`, a folder.
    """

    preset: Preset
    backbone: Backbone
    masked: int
    marks: tuple[int, int]
    marked: bool
    teacher: Path | None = None


@dataclass(frozen=True, kw_only=True)
class SelfSupervised(Objective):
    """`needs` is what a family must be able to do; `build` makes its lesson."""

    needs: tuple[Need, ...]
    build: Callable[[Material], ObjectiveHead]
    aligns: bool = False  # whether text and pictures come to share a space
    taught: bool = False  # whether it may learn from a teacher
