"""What ingest refuses, the gateway refuses for the same reason: there is one word about how large media may be."""

import io

import pytest
from PIL import Image

from infra.gateway.errors import ApiError
from infra.gateway.media import images, videos
from infra.ingest.media import MEDIA
from infra.ingest.reject import BadLineError
from models.data import media_limits
from tests.support.renderings import clip

SECONDS_OF = {"image": images.seconds_of, "video": videos.seconds_of}


def picture(width, height, form="PNG"):
    file = io.BytesIO()
    Image.new("1", (width, height)).save(file, form)
    return file.getvalue()


HUGE = {
    "a picture of too many bytes": ("image", lambda: picture(8, 8) + b"\0" * media_limits.MAX_PICTURE_BYTES),
    "a picture of too many pixels": ("image", lambda: picture(7072, 7071)),
    "a video of too many bytes": ("video", lambda: clip() + b"\0" * media_limits.MAX_VIDEO_BYTES),
}


@pytest.mark.parametrize(("kind", "made"), HUGE.values(), ids=HUGE)
def test_both_doors_refuse_what_is_too_large_for_the_same_reason(kind, made):
    data = made()
    with pytest.raises(BadLineError) as rejected:
        MEDIA[kind](data)
    with pytest.raises(ApiError) as refused:
        SECONDS_OF[kind](data, "param")
    reason, detail = rejected.value.args
    assert (reason, refused.value.code) == (f"huge_{kind}", "too_large")
    assert refused.value.message == f"the {kind} has {detail}"


@pytest.mark.parametrize(
    ("limit", "most"),
    [
        ("video.MAX_VIDEO_SECONDS", 0.5),
        ("demuxing.MAX_FRAME_PIXELS", 1000),
        ("demuxing.MAX_VIDEO_PACKETS", 3),
    ],
)
def test_both_doors_hold_the_other_limits_of_videos(monkeypatch, limit, most):
    monkeypatch.setattr(f"models.data.{limit}", most)
    with pytest.raises(BadLineError) as rejected:
        MEDIA["video"](clip())
    with pytest.raises(ApiError) as refused:
        videos.seconds_of(clip(), "param")
    reason, detail = rejected.value.args
    assert (reason, refused.value.code) == ("broken_video", "invalid_video")
    assert refused.value.message == f"the video cannot be read: {detail}"


def test_what_is_just_small_enough_passes_both_doors():
    largest = picture(8, 8, "JPEG").ljust(media_limits.MAX_PICTURE_BYTES, b"\0")
    for data in (largest, picture(7071, 7071)):
        assert MEDIA["image"](data) == data
        assert images.seconds_of(data, "param") > 0
    film = clip()
    assert MEDIA["video"](film) == film
    assert videos.seconds_of(film, "param") > 0
