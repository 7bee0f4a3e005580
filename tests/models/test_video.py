import io
from contextlib import suppress

import av
import numpy as np
import pytest

from models.video import BrokenVideoError, Watch, about, clip

FRAMES, RATE, WIDTH, HEIGHT = 50, 25, 96, 64


def picture(place):
    """Left half red, right half blue; a band of brightness tells the frame, and the last ten are another scene."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:, : WIDTH // 2, 0] = 200
    image[:, WIDTH // 2 :, 2] = 200
    if place >= FRAMES - 10:
        image[:] = (
            np.random.default_rng(place)
            .integers(0, 256, (HEIGHT // 16, WIDTH // 16, 3))
            .repeat(16, 0)
            .repeat(16, 1)
        )
    return image


def video(kind="mp4", codec="libx264", frames=FRAMES, pixels="yuv420p"):
    target = io.BytesIO()
    with av.open(target, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
        for place in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(place), format="rgb24")))
        container.mux(stream.encode(None))
    return target.getvalue()


def turned(data):
    """The same file whose track header says that it was held by a quarter turn."""
    start = data.index(b"tkhd") + 4 + 4 + 20 + 8 + 8  # version, times and ids, reserved, layer to volume
    matrix = b"".join(
        value.to_bytes(4, "big", signed=True) for value in (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    )
    return data[:start] + matrix + data[start + 36 :]


@pytest.mark.parametrize(
    ("kind", "codec", "name"), [("mp4", "libx264", "h264"), ("webm", "libvpx-vp9", "vp9")]
)
def test_frames_lie_evenly_in_time(kind, codec, name):
    data = video(kind, codec)
    assert about(data).codec == name
    found = clip(data, Watch(5, 32))
    assert found.frames.shape == (5, 3, 32, 32)
    assert found.seconds == pytest.approx([0.2, 0.6, 1.0, 1.4, 1.8], abs=0.05)
    assert found.frames[0, 0, :, :12].mean() > 0.3 > found.frames[0, 0, :, 20:].mean()
    assert found.frames[0, 2, :, 20:].mean() > 0.3 > found.frames[0, 2, :, :12].mean()


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le"])
def test_scenes_get_the_frames_where_something_changes(pixels):
    found = clip(video(pixels=pixels), Watch(8, 32, "scenes"))
    assert (found.seconds > 1.55).sum() >= 5
    assert (found.seconds < 1.5).any()


def test_a_video_that_was_held_sideways_is_turned_upright():
    straight, held = clip(video(), Watch(2, 32)).frames[0], clip(turned(video()), Watch(2, 32)).frames[0]
    assert np.abs(straight - held).mean() > 0.3
    assert min(np.abs(np.rot90(straight, turn, (1, 2)) - held).mean() for turn in (1, 3)) < 0.1
    assert held[0, :12].mean() > held[0, 20:].mean()  # turned clockwise: what was left is on top


def test_a_video_with_few_frames_gives_those():
    assert len(clip(video(frames=3), Watch(8, 32)).frames) == 3


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no bytes"),
        (b"no video at all" * 100, "no video"),
        (video()[:400], "no video|cannot be decoded"),
        (b"RIFF" + b"\0" * 200, "no video|MP4 and WebM"),
    ],
)
def test_what_is_no_video_says_why(data, why):
    with pytest.raises(BrokenVideoError, match=why):
        clip(data, Watch(4, 32))


def test_a_video_that_breaks_off_gives_what_came_before_or_says_why():
    whole = video("webm", "libvpx-vp9")
    for end in range(200, len(whole), max(1, len(whole) // 12)):
        with suppress(BrokenVideoError):
            assert np.isfinite(clip(whole[:end], Watch(4, 32)).frames).all()
