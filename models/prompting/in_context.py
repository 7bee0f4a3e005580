"""Few-shot classification in one sequence, as Flamingo does it (Alayrac et al., 2022, arXiv 2204.14198, section 2.4).

Examples of a policy, each a picture, a text and the answer, stand before the post that is asked about. A text looks at
its own picture alone, and at what was read before. The score is how much likelier yes is than no, in log-odds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from tokenizers import Tokenizer
from torch import Tensor

from models.data.pixels import pixels
from models.data.tokenizer import encode, load_tokenizer, marks, padded
from models.domain.policy import Policy
from models.encoders.flamingo import FlamingoTower
from models.network.backbone import Backbone
from models.network.backbone_folder import TOKENIZER, About
from models.network.captions import WritesNothingError

PICTURE_MARKS = ("<fake_token_around_image>", "<image>", "<fake_token_around_image>")  # of IDEFICS' tokeniser
AT_ONCE = 8  # sequences


class Shown(NamedTuple):
    """A post: its text and its picture [3, S, S] in -1 to 1, either may be missing."""

    text: str | None
    picture: Tensor | None = None


class Shot(NamedTuple):
    """A post of which it is known whether it violates."""

    shown: Shown
    violates: bool


@dataclass(frozen=True, kw_only=True)
class Wording:
    """What is asked behind each post, and the two answers."""

    question: str = "does this violate the policy?"
    yes: str = "yes"
    no: str = "no"

    @classmethod
    def of(cls, policy: Policy) -> Wording:
        return cls(question=f"is this {policy.title.lower()}?")

    def answer(self, violates: bool) -> str:
        return self.yes if violates else self.no


def reads_examples(folder: Path) -> bool:
    """Whether a backbone is one that can read examples in one sequence."""
    about = About.read(folder)
    return about.writes and {about.preset.text_encoder, about.preset.image_encoder} == {"flamingo"}


class Row(NamedTuple):
    """One sequence: token ids, which of its posts each is of (-1 for none), how many at the end are the answer."""

    ids: list[int]
    posts: list[int]
    answered: int


class Rows(NamedTuple):
    """ids, mask, posts and answers [N, T], the last true at the tokens of the answer that is asked for."""

    ids: Tensor
    mask: Tensor
    posts: Tensor
    answers: Tensor


@dataclass(frozen=True, kw_only=True)
class InContext:
    """Reads posts behind shots in sequences of at most `longest` tokens; the first shots give way where they do not
    fit. Raises WritesNothingError of a tower that is none of Flamingo's that write.
    """

    tower: FlamingoTower
    tokenizer: Tokenizer
    longest: int
    wording: Wording = Wording()

    def __post_init__(self) -> None:
        if not isinstance(self.tower, FlamingoTower) or not self.tower.writes:
            raise WritesNothingError(
                "examples in one sequence are read by flamingo where it writes; take its weights from a folder, or "
                "pre-train it with causal_language or captioning"
            )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Of a backbone; raises NotABackboneError, WritesNothingError."""
        backbone = Backbone.load(folder)
        longest = backbone.preset.max_tokens
        tower: Any = backbone.tower("text") if backbone.reader else None
        tokenizer = load_tokenizer(folder / TOKENIZER, longest)
        return cls(tower=tower, tokenizer=tokenizer, longest=longest)

    def asking(self, wording: Wording) -> Self:
        """The same, that asks so."""
        return replace(self, wording=wording)

    def shown(self, text: str | None, image: bytes | None) -> Shown:
        """A post as it is read; a picture that cannot be opened counts as missing."""
        decoded = pixels(image, self.tower.model.config.vision_config.image_size)
        return Shown(text, None if decoded is None else torch.from_numpy(decoded))

    @torch.no_grad()
    def log_odds(self, posts: Sequence[Shown], shots: Sequence[Shot]) -> Tensor:
        """[N] of a violation, of each post behind the same shots."""
        found = [torch.zeros(0)]
        for first in range(0, len(posts), AT_ONCE):
            some = posts[first : first + AT_ONCE]
            found.append(self.log_likelihood(some, shots, True) - self.log_likelihood(some, shots, False))
        return torch.cat(found)

    def log_likelihood(self, posts: Sequence[Shown], shots: Sequence[Shot], violates: bool) -> Tensor:
        """Of that answer to each post, [N]."""
        rows = self.rows([self.row(post, shots, violates) for post in posts])
        before = [shot.shown.picture for shot in shots]
        logits = self.logits(rows, [[*before, post.picture] for post in posts]).log_softmax(dim=-1)
        said = logits[:, :-1].gather(2, rows.ids[:, 1:, None])[:, :, 0]
        return (said * rows.answers[:, 1:]).sum(dim=1)

    def logits(self, rows: Rows, pictures: Sequence[Sequence[Tensor | None]]) -> Tensor:
        """Of the token after each, [N, T, V]; `pictures`, those of the K posts of each sequence."""
        there = torch.tensor([[picture is not None for picture in row] for row in pictures])
        present = [picture for picture in chain.from_iterable(pictures) if picture is not None]
        looks = (rows.posts[:, :, None] == torch.arange(there.shape[1])) & there[:, None, :]
        if not present:
            return self.tower.write(rows.ids, rows.mask, None)
        seen = self.tower.see(torch.stack(present)).hidden
        hidden = seen.new_zeros(*there.shape, *seen.shape[1:])
        hidden[there] = seen
        return self.tower.named(self.tower.interleaved(rows.ids, rows.mask, hidden, looks))

    def rows(self, rows: Sequence[Row]) -> Rows:
        """Sequences of one batch."""
        ids, mask = map(torch.from_numpy, padded([row.ids for row in rows]))
        posts, _ = padded([[place + 1 for place in row.posts] for row in rows])
        place, ends = torch.arange(ids.shape[1]), mask.sum(dim=1, keepdim=True)
        answered = torch.tensor([[row.answered] for row in rows])
        return Rows(ids, mask, torch.from_numpy(posts) - 1, (place >= ends - answered) & (place < ends))

    def row(self, post: Shown, shots: Sequence[Shot], violates: bool) -> Row:
        """The last shots that fit, and the post with its answer, of whose text so much stays as fits."""
        begin = [marks(self.tokenizer)[0]]
        parts = [self._part(post, violates, self.longest - len(begin))]
        room = self.longest - len(begin) - len(parts[0])
        for shot in reversed(shots):
            part = self._part(shot.shown, shot.violates, self.longest)
            if len(part) > room:
                break
            parts.insert(0, part)
            room -= len(part)
        left_out = len(shots) + 1 - len(parts)
        posts = [[left_out + place] * len(part) for place, part in enumerate(parts)]
        return Row(
            [*begin, *chain.from_iterable(parts)],
            [-1, *chain.from_iterable(posts)],
            len(self._tokens(self.wording.answer(violates))),
        )

    def _part(self, shown: Shown, violates: bool, room: int) -> list[int]:
        """Marks of a picture where there is one, the text, the question and the answer."""
        found = (
            [self.tokenizer.token_to_id(mark) for mark in PICTURE_MARKS] if shown.picture is not None else []
        )
        before = [mark for mark in found if mark is not None]
        asked = [*self._tokens(self.wording.question), *self._tokens(self.wording.answer(violates))]
        return [*before, *self._tokens(shown.text)[: max(0, room - len(before) - len(asked))], *asked]

    def _tokens(self, text: str | None) -> list[int]:
        """Without the marks that the tokeniser puts around a text."""
        around = self.tokenizer.encode("").ids
        ids = encode(self.tokenizer, [text])[0]
        return ids[min(1, len(around)) : len(ids) - max(0, len(around) - 1)]
