"""A picture is read as a person sees it, in whatever way it is kept."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from infra.ingest.media import checked_image
from infra.snapshots.minhash import picture_hash
from models.data.media_limits import MAX_ANIMATION_FRAMES
from models.data.perceptual_hash import image_hashes
from models.data.pictures import (
    PROBED_FRAMES,
    BrokenPictureError,
    HugePictureError,
    header,
    looked,
)
from models.data.pixels import Sight, picture, pixels, shown
from tests.support.near_hashes import COPY_BITS, bits_apart
from tests.support.renderings import COLOURS, GREYS, mutated, png, saved, scene

SIZE = 64
LEVELS = (
    2.5  # of 255, in which two pictures that look alike may differ on average: palettes and lossy formats
)
KINDS = (
    "jpeg",
    "exif 6",
    "cmyk",
    "png",
    "palette",
    "gif",
    "animated gif",
    "animated png",
    "webp",
    "animated webp",
)
FUZZED = (*KINDS, "avif", "animated avif", "bmp", "mpo", "profile of others", "transparent palette")


@pytest.fixture(scope="module")
def reference():
    return picture(saved(scene()), SIZE).astype(int)


@pytest.mark.parametrize("way", COLOURS)
def test_a_picture_looks_the_same_however_it_is_kept(way, reference):
    assert np.abs(picture(COLOURS[way](scene()), SIZE) - reference).mean() < LEVELS


@pytest.mark.parametrize("way", GREYS)
def test_grey_is_grey_in_any_depth(way):
    grey = scene().convert("L")
    assert np.abs(picture(GREYS[way](grey), SIZE) - picture(saved(grey), SIZE).astype(int)).mean() < LEVELS


@pytest.mark.parametrize("way", COLOURS)
def test_hashes_know_a_picture_again_however_it_is_kept(way):
    data, plain = COLOURS[way](scene(5)), saved(scene(5))
    (known,) = image_hashes(plain)
    assert min(bits_apart(known, found) for found in image_hashes(data)) <= COPY_BITS
    assert (picture_hash(data) ^ picture_hash(plain)).bit_count() <= 4


@pytest.mark.parametrize("way", COLOURS)
def test_what_is_read_costs_what_its_structure_says_and_passes_ingest(way):
    data, image = COLOURS[way](scene()), scene()
    about = header(data)
    turned = way in ("exif 5", "exif 6", "exif 7", "exif 8")
    assert (about.width, about.height) == (image.size[::-1] if turned else image.size)
    assert about.frames == (2 if way.startswith("animated") else 1)
    assert about.cost_pixels == image.width * image.height * about.frames
    assert checked_image(data) == data


def test_sixteen_bits_are_scaled_and_what_is_transparent_lies_on_white():
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None, :, None].repeat(64, 0)
    found = picture(png(ramp, 0, 16), 64)
    assert found.min() == 0
    assert found.max() == 255
    assert 120 < found.mean() < 135
    nothing = Image.new("RGBA", (32, 32), (255, 0, 0, 0))
    assert (picture(saved(nothing), 32) == 255).all()


def test_a_half_transparent_picture_is_half_white():
    assert np.abs(picture(saved(Image.new("RGBA", (8, 8), (0, 0, 0, 128))), 8).astype(int) - 127).max() <= 1


def animation(frames, form="GIF", **options):
    return saved(frames[0], form, save_all=True, append_images=frames[1:], duration=40, **options)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
@pytest.mark.parametrize("place", [0, 1, 17, 29])
def test_one_frame_that_differs_among_thirty_is_looked_at(form, place):
    frames = [Image.new("RGB", (48, 32), (40, 60, number)) for number in range(30)]
    frames[place] = Image.new("RGB", (48, 32), (250, 20, 20))
    found = shown(animation(frames, form), Sight(16))
    assert len(found.pictures) <= PROBED_FRAMES
    assert found.pictures[:, 0].mean(axis=(1, 2)).max() > 200
    assert found.unseen == ""


def test_a_blank_first_frame_hides_nothing_from_a_model_that_looks_once_nor_from_a_hash():
    blank, plain = Image.new("RGB", (160, 120), (255, 255, 255)), scene(3)
    for form in ("GIF", "WEBP", "AVIF"):
        data = animation([blank, plain, plain], form)
        assert np.abs(pixels(data, 32) - pixels(saved(plain), 32)).mean() < 0.1
        (known,) = image_hashes(saved(plain))
        assert min(bits_apart(known, item) for item in image_hashes(data)) <= COPY_BITS


def test_a_long_animation_is_looked_at_up_to_a_bound_that_is_said():
    still = saved(Image.new("L", (8, 8), 200), "GIF")
    frame = still[still.rindex(b",\0\0\0\0") : -1]
    data = still[:-1] + frame * 9_999 + b";"
    assert header(data).frames == 10_000
    assert header(data).decoded == MAX_ANIMATION_FRAMES
    assert shown(data, Sight(16)).unseen == "frames 601 to 10000 of the animation were not looked at"


def test_an_animation_that_breaks_off_shows_the_frames_that_are_there():
    data = animation([scene(seed) for seed in range(6)], "GIF")
    found = shown(data[: len(data) * 2 // 3], Sight(16))
    assert 2 <= len(found.pictures) < 6
    whole = shown(animation([scene(seed) for seed in range(6)], "PNG"), Sight(16))
    assert len(whole.pictures) == 6


def test_bundles_of_before_see_what_they_were_trained_on():
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None, :, None].repeat(64, 0)
    before = picture(png(ramp, 0, 16), 64, 1)
    assert (before == 255).mean() > 0.9
    ordinary = saved(scene(), "JPEG")
    assert (picture(ordinary, 32, 1) == picture(ordinary, 32)).all()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no bytes"),
        (b"hello there", "no picture of a known kind; JPEG, PNG, WebP, GIF, AVIF and BMP are read"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC is not read; JPEG"),
        (b"II*\0" + bytes(40), "TIFF is not read; JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG is not read"),
        (b"\0\0\0\x18ftypisom" + bytes(40), "it is a video"),
        (b"GIF89a\x08\0\x08\0\0\0\0 nothing", "the GIF is broken|it begins as a GIF and is none"),
        (b"\x89PNG\r\n\x1a\n", "the PNG is broken before it says its size"),
        (b"\xff\xd8\xff\xe0" + bytes(9000), "the JPEG"),
        (saved(scene())[:800], "the PNG is broken: image file is truncated"),
        (saved(scene(), "JPEG")[:900], "the JPEG is broken: image file is truncated"),
        (b"RIFF\x10\0\0\0WEBPVP8 " + bytes(4), "the WEBP is broken before it says its size"),
    ],
)
def test_what_is_no_picture_says_why_and_never_in_a_parsers_words(data, why):
    with pytest.raises(BrokenPictureError, match=why) as refused:
        looked(data, 32, lambda image: image)
    assert "object at 0x" not in str(refused.value)
    assert picture(data, 32) is None


def bomb(width, height):
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return png(np.zeros((1, 1, 3)), 2, 8).replace(struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0), head)


def huge_gif():
    """A screen of one pixel, and a frame of 65,535 by 65,535."""
    small = saved(Image.new("L", (1, 1)), "GIF")
    at = small.rindex(b",")
    return small[: at + 5] + struct.pack("<HH", 65535, 65535) + small[at + 9 :]


@pytest.mark.parametrize(
    "data",
    [
        bomb(60_000, 60_000),
        bomb(4_000_000_000, 4_000_000_000),
        huge_gif(),
        b"RIFF\xff\xff\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff" + bytes(99),
    ],
)
def test_a_small_file_that_would_unfold_into_gigabytes_is_told_by_its_header(data):
    with pytest.raises(HugePictureError, match="pixels, at most 50000000 in all"):
        header(data)


@pytest.mark.parametrize("way", FUZZED)
def test_three_hundred_broken_files_of_each_kind_raise_nothing_else(way):
    data = COLOURS[way](scene(1, (96, 72)))
    for seed in range(300):
        broken = mutated(data, seed)
        with np.errstate(all="raise"):
            try:
                header(broken)
                looked(broken, 32, lambda image: np.asarray(image.resize((8, 8))))
            except BrokenPictureError as error:
                assert "object at 0x" not in str(error)  # noqa: PT017 - most are read


def test_broken_exif_and_profiles_lose_no_picture():
    data = saved(scene(), "JPEG", exif=b"Exif\0\0" + bytes(range(200)), icc_profile=b"no profile at all" * 9)
    assert np.abs(picture(data, SIZE) - picture(saved(scene()), SIZE).astype(int)).mean() < LEVELS


def test_a_phones_first_picture_is_shown_and_not_its_second():
    data = COLOURS["mpo"](scene())
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.format == "MPO"
    assert len(shown(data, Sight(16)).pictures) == 1
