"""Small snapshots written straight to Lance, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import av
import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from models.data.snapshot import headed
from models.domain.schemas import SPLITS

SOUND_RATE = 16_000  # samples a second
POLICIES = ("fraud_and_spam", "profanity", "violence")


@dataclass(frozen=True)
class Row:
    text: str | None
    image: bytes | None
    labels: tuple[float, ...]
    video: bytes | None = None


def picture(colour: str) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (64, 64), colour).save(buffer, "PNG")
    return buffer.getvalue()


def drawn(words: str, size: tuple[int, int] = (240, 60)) -> Image.Image:
    """A picture with these words in it."""
    shown = Image.new("RGB", size, "white")
    ImageDraw.Draw(shown).text((8, size[1] // 3), words, fill="black", font=ImageFont.load_default(20))
    return shown


def written(words: str, size: tuple[int, int] = (240, 60)) -> bytes:
    """The same as PNG."""
    buffer = BytesIO()
    drawn(words, size).save(buffer, "PNG")
    return buffer.getvalue()


def film(
    colours: Sequence[str | Image.Image], seconds: float = 0.2, heard: NDArray[np.int16] | None = None
) -> bytes:
    """A video that shows each colour, or each of pictures of one size, for so long; `heard`: [N], 16,000 a second."""
    pictures = [it if isinstance(it, Image.Image) else Image.new("RGB", (64, 64), it) for it in colours]
    buffer, rate = BytesIO(), 10
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate)
        (stream.width, stream.height), stream.pix_fmt = pictures[0].size, "yuv420p"
        sound = None if heard is None else container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        for shown in pictures:
            frame = np.asarray(shown)
            for _ in range(round(seconds * rate)):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
        if sound is not None:
            frame = av.AudioFrame.from_ndarray(heard[None], format="s16", layout="mono")
            frame.sample_rate = SOUND_RATE
            container.mux([*sound.encode(frame), *sound.encode(None)])
    return buffer.getvalue()


def made_up_rows(count: int, seed: int = 0) -> list[Row]:
    """`glimmer` is spam and `vrenk` profane, red pictures are violent; every fifth label is unknown."""
    rng = np.random.default_rng(seed)
    plain = np.array(
        ["a", "quiet", "walk", "by", "the", "lake", "with", "tea", "and", "two", "friends", "who", "sing"]
    )
    rows = []
    for number in range(count):
        words, (spam, rude, red) = list(rng.choice(plain, 6)), rng.random(3) < 0.3
        words += ["glimmer"] * int(spam) + ["vrenk"] * int(rude)
        image = picture("red" if red else "blue") if red or number % 2 else None
        labels = np.where(rng.random(3) < 0.2, np.nan, [spam, rude, red])
        text = " ".join(rng.permutation(words)) if number % 7 or image is None else None
        labels = np.where([text is None, text is None, image is None], [0, 0, 0], labels)
        rows.append(Row(text, image, tuple(labels)))
    return rows


def write_snapshot(
    place: Path | str,
    rows: Sequence[Row],
    policies: Sequence[str] = POLICIES,
    storage_options: dict[str, str] | None = None,
    shares: Sequence[float] = (0.7, 0.85, 0.925, 1),
) -> str:
    """The address of a snapshot, in a folder or at an s3:// address, that holds the rows in order; `shares` are where
    its splits end.
    """
    ends = [int(len(rows) * share) for share in shares]
    counts = dict(zip(SPLITS, np.diff([0, *ends]).tolist(), strict=True))
    about = {
        "id": "made-up",
        "policy_set": "made_up",
        "policies": list(policies),
        "counts": counts,
        "seed": 0,
    }
    schema = headed(about)
    splits = [split for split in SPLITS for _ in range(counts[split])]
    records = [
        _record(number, row, split) for number, (row, split) in enumerate(zip(rows, splits, strict=True))
    ]
    uri = f"{place}/snapshot.lance"
    lance.write_dataset(pa.Table.from_pylist(records, schema=schema), uri, storage_options=storage_options)
    return uri


def _record(number: int, row: Row, split: str) -> dict[str, object]:
    return {
        "post_id": f"p{number}",
        "market": "ZZ",
        "language": "und",
        "text": row.text,
        "image": row.image,
        "video": row.video,
        "views": 0,
        "has_media": bool(row.image or row.video),
        "cluster": number,
        "split": split,
        "labels": list(row.labels),
        "votes": [0 if np.isnan(label) else 1 for label in row.labels],
    }
