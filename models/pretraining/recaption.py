"""Bootstrapping of noisy captions: CapFilt (Li et al., 2022, arXiv 2201.12086, section 3.3).

A backbone that learned to write and to match captions the pictures of a corpus and judges both its own words and those
that came with a picture. A post keeps its text where that matches, else it gets the written one where that does, else
it goes on without words. (The paper learns from both where both match; a post here has one text.)
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import lance
import pyarrow as pa
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from models.data.pixels import pixels
from models.data.snapshot import SnapshotRows, headed, header
from models.data.tokenizer import encode, load_tokenizer, padded
from models.domain.errors import UserError, says_absent
from models.layers.fusion import pool
from models.network.backbone import Backbone
from models.network.backbone_folder import JUDGE, TOKENIZER, WEIGHTS
from models.network.captions import LONGEST, captions

BATCH_ROWS = 32  # looked at together
FORMAT = 2  # of the rows and the identity
KEPT, REPLACED, WRITTEN, DROPPED, UNSEEN = "kept", "replaced", "written", "dropped", "unseen"


class NoFilterError(UserError):
    """A backbone that did not learn what bootstrapping asks of it."""


@dataclass(frozen=True)
class Reviewer:
    """A backbone that writes, its tokeniser, and how it judges whether a text belongs to a picture: `weight` [1, 2 D]
    and `bias` [1] over what it pools of a text that it read with the picture in view. `digest` names them all.
    """

    backbone: Backbone
    tokenizer: Tokenizer
    judge: dict[str, Tensor]
    digest: str

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises NotABackboneError, and NoFilterError where it learned neither to write nor to match."""
        backbone = Backbone.load(folder)
        if not (folder / JUDGE).exists() or backbone.about is None or not backbone.about.writes:
            raise NoFilterError(
                f"the backbone in {folder} cannot write captions and judge them; pre-train one with "
                "`moderato pretrain --preset blip --objectives contrastive+captioning+matching`"
            )
        digest = hashlib.sha256()
        for name in (WEIGHTS, JUDGE, TOKENIZER):
            digest.update((folder / name).read_bytes())
        tokenizer = load_tokenizer(folder / TOKENIZER, backbone.preset.max_tokens)
        return cls(backbone, tokenizer, load_file(folder / JUDGE), digest.hexdigest())

    def written(self, pictures: Tensor) -> list[str]:
        """A caption of each picture [M, 3, S, S]."""
        longest = min(LONGEST, self.backbone.preset.max_tokens)
        return list(captions(self.backbone.tower("text"), self.tokenizer, [*pictures], longest=longest))

    @torch.no_grad()
    def matches(self, texts: list[str | None], pictures: Tensor) -> list[bool]:
        """Whether each text, where there is one, likelier belongs to its picture than not."""
        ids, mask = map(torch.from_numpy, padded(encode(self.tokenizer, texts)))
        read = self.backbone.read(ids, mask, self.backbone.see(pictures))
        logits = functional.linear(pool(read.hidden, read.mask), self.judge["weight"], self.judge["bias"])
        found: list[bool] = ((logits[:, 0] > 0) & (mask.sum(dim=1) > 0)).tolist()
        return found


@dataclass(frozen=True)
class Bootstrapped:
    """A corpus, and how many of its posts kept their text, had it replaced, got one, lost it, or show no picture."""

    id: str
    uri: str
    counts: dict[str, int]
    became: dict[str, int]


def bootstrap(
    rows: SnapshotRows, backbone: Path, storage_options: dict[str, str] | None = None
) -> Bootstrapped:
    """The corpus with better texts, beside the one that it is made of, or the one that is there.

    Its id is that of the old corpus, the backbone and what is done: the same two give the same one.
    """
    reviewer = Reviewer.load(backbone)
    identity = hashlib.sha256(f"{FORMAT}\n{rows.id}\n{reviewer.digest}\n".encode()).hexdigest()[:16]
    uri = f"{rows.uri.rsplit('/', 1)[0]}/{identity}.lance"
    head = header(rows.dataset)
    if (made := _found(uri, storage_options)) is None:
        became = Counter(dict.fromkeys((KEPT, REPLACED, WRITTEN, DROPPED, UNSEEN), 0))
        schema = headed(head | {"id": identity, "of": rows.id})
        reader = pa.RecordBatchReader.from_batches(schema, _reviewed(rows, reviewer, schema, became))
        made = lance.write_dataset(reader, uri, mode="create", storage_options=storage_options or None)
        made.update_metadata({"became": json.dumps(became)})
    became = json.loads(made.metadata.get("became", "{}"))
    return Bootstrapped(identity, uri, rows.counts, became)


def _found(uri: str, storage_options: dict[str, str] | None) -> lance.LanceDataset | None:
    try:
        return lance.dataset(uri, storage_options=storage_options or None)
    except (ValueError, FileNotFoundError) as error:
        if not says_absent(error):
            raise
    return None


def _reviewed(
    rows: SnapshotRows, reviewer: Reviewer, schema: pa.Schema, became: Counter[str]
) -> Iterator[pa.RecordBatch]:
    """All rows in their order, with other texts; counts what became of them."""
    for batch in rows.dataset.to_batches(batch_size=BATCH_ROWS, scan_in_order=True):
        texts = _texts(batch["text"].to_pylist(), batch["image"].to_pylist(), reviewer, became)
        place = batch.schema.get_field_index("text")
        changed = batch.set_column(place, schema.field("text"), pa.array(texts, pa.string()))
        made = pa.RecordBatch.from_arrays([changed[name] for name in schema.names], schema=schema)
        made.validate(full=True)  # a table that took other bytes could never be read again
        yield made


def _texts(
    texts: list[str | None], images: list[bytes | None], reviewer: Reviewer, became: Counter[str]
) -> list[str | None]:
    size = reviewer.backbone.preset.image_size
    decoded = [pixels(image, size) for image in images]
    shown = [place for place, picture in enumerate(decoded) if picture is not None]
    became[UNSEEN] += len(texts) - len(shown)
    if not shown:
        return texts
    pictures = torch.stack([torch.from_numpy(decoded[place]) for place in shown])
    own = [texts[place] for place in shown]
    written = reviewer.written(pictures)
    good, better = reviewer.matches(own, pictures), reviewer.matches([*written], pictures)
    for place, first, second, keep, take in zip(shown, own, written, good, better, strict=True):
        chosen = first if keep else second if take else None
        became[_what(first, chosen)] += 1
        texts[place] = chosen
    return texts


def _what(before: str | None, after: str | None) -> str:
    if before:
        return KEPT if after == before else REPLACED if after else DROPPED
    return WRITTEN if after else KEPT
