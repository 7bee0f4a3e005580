import numpy as np
import pytest
from PIL import Image

from models.data.perceptual_hash import (
    BYTES,
    MAX_DISTANCE_BITS,
    Hash,
    distances,
    hashed,
    image_hash,
    matched,
    same_video,
    telling,
    video_hashes,
)
from tests.support.renderings import CLIPS

PUBLISHED = (
    "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"  # of the photo, by PDQ's authors
)


def scene(seed, size=(96, 128)):
    """Smooth light and shade [H, W, 3]."""
    coarse = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC))


def test_an_edited_picture_stays_near_and_another_one_is_half_the_bits_away():
    whole = hashed(scene(0))
    assert len(whole.bits) == BYTES
    edited = [
        np.asarray(Image.fromarray(scene(0)).resize((50, 70))),
        np.clip(scene(0) * 0.8 + 30, 0, 255).astype(np.uint8),
        np.clip(scene(0) + np.random.default_rng(1).normal(0, 8, scene(0).shape), 0, 255).astype(np.uint8),
    ]
    assert distances([whole.bits], [hashed(picture).bits for picture in edited]).max() <= MAX_DISTANCE_BITS
    others = [hashed(scene(seed)).bits for seed in range(1, 20)]
    assert distances([whole.bits], others).min() > 2 * MAX_DISTANCE_BITS


def test_a_picture_that_shows_nothing_tells_nothing():
    flat = hashed(np.full((64, 64, 3), 90, np.uint8))
    assert flat.quality == 0
    assert telling([flat, hashed(scene(0))]) == [hashed(scene(0))]
    assert image_hash(b"no picture") is None


def test_a_photo_hashes_as_its_authors_published_and_so_do_its_edited_copies(shared_data):
    found = {
        path.name: image_hash(path.read_bytes()) for path in sorted((shared_data / "copies").glob("*.jpg"))
    }
    original = found["aaa-orig.jpg"]
    assert original.quality == 100
    assert distances([original.bits], [bytes.fromhex(PUBLISHED)])[0, 0] <= 10
    assert distances([original.bits], [copy.bits for copy in found.values()]).max() <= MAX_DISTANCE_BITS


def test_a_video_matches_where_four_in_five_of_its_telling_frames_do():
    known = [hashed(scene(seed), seed) for seed in range(5)]
    flat = Hash(b"\0" * BYTES, quality=10, second=9.0)
    query = [*known[:4], hashed(scene(50)), flat]
    assert matched(query, known) == 0.8
    assert same_video(query, known)
    assert not same_video([*query, hashed(scene(51))], known)
    assert matched([flat], known) == matched(known, []) == 0


@pytest.mark.parametrize(
    "way", [way for way in CLIPS if "rate" not in way]
)  # other frames of what moves fast
def test_a_clip_is_known_again_in_whatever_file_it_comes(way):
    assert same_video(video_hashes(CLIPS[way]()), video_hashes(CLIPS["mp4"]()))
