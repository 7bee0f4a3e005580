import numpy as np
import pytest
from PIL import Image

from models.data.perceptual_hash import BYTES, Hash, hashed, image_hashes, telling, video_hashes
from tests.support.near_hashes import COPY_BITS, bits_apart
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
    assert max(bits_apart(whole, hashed(picture)) for picture in edited) <= COPY_BITS
    assert min(bits_apart(whole, hashed(scene(seed))) for seed in range(1, 20)) > 2 * COPY_BITS


def test_a_picture_that_shows_nothing_tells_nothing():
    flat = hashed(np.full((64, 64, 3), 90, np.uint8))
    assert flat.quality == 0
    assert telling([flat, hashed(scene(0))]) == [hashed(scene(0))]
    assert image_hashes(b"no picture") == image_hashes(None) == []


def test_a_photo_hashes_as_its_authors_published_and_so_do_its_edited_copies(shared_data):
    paths = sorted((shared_data / "copies").glob("*.jpg"))
    found = {
        path.name: hashed_picture for path in paths for hashed_picture in image_hashes(path.read_bytes())
    }
    original = found["aaa-orig.jpg"]
    assert original.quality == 100
    assert bits_apart(original, Hash(bytes.fromhex(PUBLISHED), quality=100)) <= 10
    assert max(bits_apart(original, copy) for copy in found.values()) <= COPY_BITS


@pytest.mark.parametrize(
    "way", [way for way in CLIPS if "rate" not in way]
)  # other frames of what moves fast
def test_most_of_a_clips_telling_frames_are_known_again_in_whatever_file_it_comes(way):
    found, known = (telling(video_hashes(CLIPS[name]())) for name in (way, "mp4"))
    near = [min(bits_apart(frame, other) for other in known) <= COPY_BITS for frame in found]
    assert sum(near) >= 0.8 * len(near) > 0  # as vPDQ compares videos
