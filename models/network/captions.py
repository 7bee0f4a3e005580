"""Captions: what a tower writes of pictures, one token after the other, each the likeliest after those before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from models.data.tokenizer import marks
from models.domain.errors import UserError
from models.domain.preset import Preset
from models.encoders import ENCODERS
from models.encoders.base.encoder import Tokens, Tower

LONGEST, SHORTEST = 30, 5  # tokens with both marks, as open_clip's
PICTURES = 32  # captioned at once


class WritesNothingError(UserError):
    """Captions of a family, or of weights, that cannot write."""


class Captioner(nn.Module):
    """Captions of so many tokens of each post's picture, read with the picture in view; raises WritesNothingError.

    `marks` [2] is where a caption begins and ends, learned with the tokeniser (see models.training.preparation).
    """

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        self.longest = preset.caption_tokens + 1  # with the mark that it begins with
        self.register_buffer("marks", torch.zeros(2, dtype=torch.int64))
        self.marks: Tensor
        family = preset.text_encoder
        whole = {"text", "image"} <= {*preset.modalities} and family == preset.image_encoder
        if not whole or not ENCODERS[family].writes:
            raise WritesNothingError(
                f"caption_tokens of preset {preset.name} is {preset.caption_tokens}, which takes text and image and "
                f"one family for both that writes; choose one of: {_writers()}, or caption_tokens=0"
            )
        if self.longest > preset.max_tokens:
            raise WritesNothingError(
                f"caption_tokens of preset {preset.name} is {preset.caption_tokens}; with its mark a caption has "
                f"at most max_tokens, which is {preset.max_tokens}"
            )

    def forward(self, tower: Tower, seen: Tokens) -> Tokens:
        """Seen [N, L, D] to tokens [N, 1 + caption_tokens, D], zeros where there is no picture."""
        ids, mask = write(tower, seen, self.marks, longest=self.longest, shortest=0)
        mask = mask * seen.mask.any(dim=1, keepdim=True)
        read = tower.read(ids, mask, seen)
        return read._replace(hidden=read.hidden * read.mask.unsqueeze(-1))


def write(
    tower: Tower, seen: Tokens, between: Tensor, *, longest: int = LONGEST, shortest: int = SHORTEST
) -> tuple[Tensor, Tensor]:
    """Tokens and mask [N, T] of a caption of each picture, T at most `longest`, without gradients.

    `between` [2] are the marks that a caption begins and ends with; one of `longest` tokens ends without having been
    told to, none ends below `shortest`. Also runs in an exporter, which gets `longest` steps.
    """
    training = tower.training
    if training:
        tower.eval()  # so that a caption does not depend on what dropout left of the tower
    with torch.no_grad():
        found = _unrolled(tower, seen, between, longest, shortest)
    if training:
        tower.train()
    return found


def _unrolled(
    tower: Tower, seen: Tokens, between: Tensor, longest: int, shortest: int
) -> tuple[Tensor, Tensor]:
    start = between[:1] if tower.start is None else torch.full_like(between[:1], tower.start)
    ids = start.expand(seen.hidden.shape[0], 1)
    mask, end = torch.ones_like(ids), between[1:]
    going = mask > 0
    for length in range(1, longest):
        likeliest = _likeliest(tower.write(ids, mask, seen)[:, -1], end, length < shortest)
        token = torch.where(going, end if length == longest - 1 else likeliest, 0)
        ids, mask = torch.cat([ids, token], dim=1), torch.cat([mask, going.to(mask.dtype)], dim=1)
        going = going & (token != end)
        if not torch.compiler.is_exporting() and not going.any():
            break
    return ids, mask


def _likeliest(logits: Tensor, end: Tensor, early: bool) -> Tensor:
    """[N, V] to tokens [N, 1]."""
    if early:
        logits = logits.masked_fill(torch.arange(logits.shape[1], device=logits.device) == end, float("-inf"))
    return logits.argmax(dim=1, keepdim=True)


def captions(
    tower: Tower, tokenizer: Tokenizer, pictures: Sequence[Tensor], *, longest: int = LONGEST
) -> Iterator[str]:
    """A caption of each picture [3, S, S] in -1 to 1, of at most `longest` tokens with its marks; raises
    WritesNothingError of a tower that was not built to.
    """
    if not tower.writes:
        raise WritesNothingError(f"these encoders write no captions; begin from one of: {_writers()}")
    between = torch.tensor(marks(tokenizer))
    for first in range(0, len(pictures), PICTURES):
        with torch.no_grad():
            seen = tower.see(torch.stack([*pictures[first : first + PICTURES]]))
        ids, mask = write(tower, seen, between.to(seen.hidden.device), longest=longest, shortest=0)
        inner = [row[here > 0][1:].tolist() for row, here in zip(ids, mask, strict=True)]
        texts = tokenizer.decode_batch([_until(row, between) for row in inner])
        yield from (text.strip() for text in texts)


def _writers() -> str:
    return ", ".join(encoder.name for encoder in ENCODERS.sound() if encoder.writes)


def _until(row: list[int], between: Tensor) -> list[int]:
    """The tokens before the end mark."""
    end = int(between[1])
    return row[: row.index(end)] if end in row else row
