"""What near-duplicates have in common: MinHash sketches of texts, perceptual hashes of pictures.

A text is folded as models read it (models.domain.folding), so that spellings that draw the same letters are one, and
lower-cased, it loses links, mentions and punctuation, and it is cut into
overlapping pieces of 5 bytes: on posts of a line or two, whole words are too few to tell "one word changed"
from "another text", and bytes need no tokeniser for any language. A text under SHORT bytes has too few pieces
for an estimate, so that only equal ones (after the same clean-up) are alike. The sketch keeps the lowest 8 bits
of each of 64 minima (b-bit minwise hashing, Li and Koenig 2010): 64 bytes a post, and unrelated texts agree in
1 of 256 places by chance.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image
from rensa import RMinHash

from infra.snapshots.hashing import mix
from models.data.pictures import BrokenPictureError, telling
from models.domain.folding import folded

WIDTH = 64  # minima in a sketch
GRAM = 5  # bytes
SHORT = 24  # bytes
_SEED = 1  # of the minima; never the split's seed, so that clusters do not depend on it
_NOISE = r"https?://\S+|www\.\S+|@\w+|&#?\w+;"

Sketches = npt.NDArray[np.uint8]


def normalised(texts: pa.Array) -> pa.Array:
    """Texts without case, links, mentions and punctuation; a missing text is empty."""
    shown = [folded(text or "") for text in texts.to_pylist()]
    plain = pc.utf8_lower(pa.array(shown, texts.type))
    plain = pc.replace_substring_regex(plain, _NOISE, " ")
    plain = pc.replace_substring_regex(plain, r"[^\p{L}\p{M}\p{N}]+", " ")
    return pc.utf8_trim_whitespace(plain).cast(pa.large_string())


def sketch(texts: pa.Array, alone: npt.NDArray[np.uint64]) -> Sketches:
    """uint8 [N, WIDTH]; the share of equal places estimates the Jaccard similarity of two texts.

    `alone` [N] tells posts without text apart: equal ones are alike.
    """
    plain = normalised(texts)
    offsets, data = _buffers(plain)
    lengths = np.diff(offsets)
    sketches = _exact(plain, lengths, alone)
    long = np.flatnonzero(lengths >= SHORT)
    if len(long):
        sketches[long] = _minima(offsets, data, lengths)[long]
    return sketches


def _buffers(texts: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return ends, np.frombuffer(data or b"", np.uint8)


def _exact(plain: pa.Array, lengths: npt.NDArray[np.int64], alone: npt.NDArray[np.uint64]) -> Sketches:
    """Sketches that agree everywhere for equal texts and nearly nowhere for others."""
    keys = alone.copy()
    for row in np.flatnonzero((lengths > 0) & (lengths < SHORT)):
        keys[row] = int.from_bytes(
            hashlib.blake2b(plain[row].as_py().encode(), digest_size=8).digest(), "little"
        )
    words = np.stack([mix(keys, salt) for salt in range(WIDTH // 8)], axis=1)
    return words.view(np.uint8)


def _minima(
    offsets: npt.NDArray[np.int64], data: npt.NDArray[np.uint8], lengths: npt.NDArray[np.int64]
) -> Sketches:
    """MinHash of the pieces of each text of at least GRAM bytes; others get an arbitrary sketch."""
    first, last = offsets[0], offsets[-1]
    window = data[first:last].astype(np.uint64)
    pieces = np.zeros(len(window) - GRAM + 1, np.uint64)
    for place in range(GRAM):
        pieces |= window[place : place + len(pieces)] << np.uint64(8 * place)
    counts = np.maximum(lengths - GRAM + 1, 0)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint64)
    rows = np.repeat(np.arange(len(lengths)), counts)
    within = np.arange(len(rows), dtype=np.int64) - starts[:-1].astype(np.int64)[rows]
    tokens = mix(pieces[(offsets[:-1] - first)[rows] + within], 0)
    digests = RMinHash.digest_matrix_from_flat_token_hashes(tokens, starts, WIDTH, _SEED)
    return np.asarray(digests.to_rows(), dtype=np.uint32).astype(np.uint8)


def picture_hash(image: bytes) -> int:
    """A 64-bit difference hash: the signs of the brightness steps along the rows of a 9 x 8 thumbnail.

    Copies in another size or encoding share it. A picture too plain for it to say much, or one that cannot be
    decoded, is told by its bytes instead. 0 is left for a post without picture.
    """
    try:
        bits = telling(image, 64, _steps, _tells, grey=True)
    except BrokenPictureError:
        return _bytes_hash(image)
    if not _tells(bits):
        return _bytes_hash(image)
    return int.from_bytes(bits.tobytes(), "little") or 1


def _steps(shown: Image.Image) -> npt.NDArray[np.uint8]:
    thumbnail = np.asarray(shown.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    return np.packbits(np.diff(thumbnail, axis=1) > 0)


def _tells(bits: npt.NDArray[np.uint8]) -> bool:
    return _PLAIN <= int(np.unpackbits(bits).sum()) <= WIDTH - _PLAIN


_PLAIN = 8  # fewer rising or falling steps than this of 64 are a plain picture


def _bytes_hash(image: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(image, digest_size=8).digest(), "little") or 1
