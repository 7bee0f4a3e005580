from io import BytesIO

import numpy as np
import pyarrow as pa
import pytest
from lake_rows import invented
from PIL import Image, ImageDraw

from infra.snapshots.clusters import cluster
from infra.snapshots.minhash import picture_hash, sketch


def clusters_of(*texts: str | None, pictures: list[int] | None = None) -> np.ndarray:
    count = len(texts)
    hashes = np.array(pictures or [0] * count, dtype=np.uint64)
    alone = np.where(hashes > 0, hashes, 1_000_000 + np.arange(count, dtype=np.uint64))
    return cluster(sketch(pa.array(texts, pa.string()), alone), hashes)


def together(*texts: str | None, pictures: list[int] | None = None) -> bool:
    return len(set(clusters_of(*texts, pictures=pictures))) == 1


LONG = "the winding road beyond the quiet harbour leads to seven painted doors and a bell"


@pytest.mark.parametrize(
    "copy",
    [
        LONG.upper() + "!!!",
        f"@somebody {LONG} https://example.org/a?b=c",
        LONG.replace("seven", "eight"),
        LONG + " indeed",
    ],
)
def test_a_text_with_a_small_change_is_a_near_duplicate(copy):
    assert together(LONG, copy)


@pytest.mark.parametrize(
    "other", [invented(1), LONG[: len(LONG) // 2], "to the harbour leads the road of seven bells"]
)
def test_another_text_is_none(other):
    assert not together(LONG, other)


def test_short_texts_are_near_duplicates_only_where_they_are_equal():
    assert together("So nice", "so nice!")
    assert not together("so nice", "so nise")


def test_posts_without_words_or_picture_share_nothing():
    assert len(set(clusters_of(None, None, "", "🙂"))) == 4


def test_the_same_caption_under_another_picture_is_no_near_duplicate():
    assert not together(LONG, LONG, pictures=[5, 6])
    assert together(LONG, LONG, pictures=[5, 5])


def test_the_same_picture_under_another_caption_is_no_near_duplicate():
    assert not together(LONG, invented(3), pictures=[5, 5])


def test_pictures_without_caption_are_near_duplicates_where_their_hashes_are_equal():
    assert together(None, None, pictures=[5, 5])


def test_a_chain_of_small_changes_among_thousands_of_other_texts_is_found():
    others = [invented(number) for number in range(3_000)]
    labels = clusters_of(*others, LONG, LONG + " indeed", LONG + " indeed so")
    assert len(set(labels[-3:])) == 1
    assert len(set(labels)) == 3_001


def drawing(size: int, kind: str, **options: int) -> bytes:
    picture = Image.new("RGB", (256, 256), "white")
    pen = ImageDraw.Draw(picture)
    for step in range(6):
        pen.ellipse(
            (step * 40, step * 20, step * 40 + 60, step * 30 + 90), fill=(step * 40, 90, 255 - step * 40)
        )
    out = BytesIO()
    picture.resize((size, size)).save(out, kind, **options)
    return out.getvalue()


def test_a_picture_in_another_size_and_encoding_has_the_same_hash():
    assert picture_hash(drawing(256, "PNG")) == picture_hash(drawing(128, "PNG"))
    assert picture_hash(drawing(256, "PNG")) == picture_hash(drawing(256, "JPEG", quality=95))


def test_plain_and_broken_pictures_are_told_by_their_bytes():
    plain = []
    for colour in ("red", "blue"):
        out = BytesIO()
        Image.new("RGB", (64, 64), colour).save(out, "PNG")
        plain.append(picture_hash(out.getvalue()))
    assert plain[0] != plain[1]
    assert picture_hash(b"no picture") != picture_hash(b"none either")
