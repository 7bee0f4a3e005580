import io
from contextlib import suppress
from functools import partial

import av
import numpy as np
import pytest

from models.data.media_limits import MAX_FRAMES_IN_TURN, MAX_VIDEO_PIXELS
from models.data.video import BrokenVideoError, Watch, about, clip
from tests.support.renderings import CLIPS, FILM, held, mutated, trimmed
from tests.support.renderings import clip as rendered

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
    straight, sideways = (
        clip(video(), Watch(2, 32)).frames[0],
        clip(held(video(), (0, 1, -1, 0)), Watch(2, 32)).frames[0],
    )
    assert np.abs(straight - sideways).mean() > 0.3
    assert min(np.abs(np.rot90(straight, turn, (1, 2)) - sideways).mean() for turn in (1, 3)) < 0.1
    assert sideways[0, :12].mean() > sideways[0, 20:].mean()  # turned clockwise: what was left is on top


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


LEVELS = (
    8.0  # of 255, in which two clips that look alike may differ on average: codecs and colours between pixels
)
WAYS = Watch(8, 32)


@pytest.fixture(scope="module")
def plain():
    return clip(CLIPS["mp4"](), WAYS)


@pytest.mark.parametrize("way", CLIPS)
def test_a_clip_looks_the_same_in_whatever_file_it_comes(way, plain):
    data = CLIPS[way]()
    found = clip(data, WAYS)
    assert found.seconds == pytest.approx(plain.seconds, abs=0.05)
    assert np.abs(found.frames - plain.frames).mean() * 127.5 < LEVELS
    assert found.complete
    assert found.length == pytest.approx(2, abs=0.01)
    told = about(data)
    assert told.seconds == pytest.approx(2, abs=0.01)
    assert told.cost_pixels == told.frames * told.width * told.height


@pytest.mark.parametrize("way", ["a header that says too little", "cover first", "webm without duration"])
def test_scenes_reach_to_the_end_whatever_the_header_says(way):
    assert clip(CLIPS[way](), Watch(8, 32, "scenes")).seconds[-1] > 1.7


@pytest.mark.parametrize(
    ("matrix", "change"),
    [
        ((1, 0, 0, 1), lambda shot: shot),
        ((-1, 0, 0, 1), lambda shot: shot[:, ::-1]),
        ((1, 0, 0, -1), lambda shot: shot[::-1]),
        ((-1, 0, 0, -1), lambda shot: shot[::-1, ::-1]),
        ((0, 1, -1, 0), lambda shot: np.rot90(shot, -1)),
        ((0, -1, 1, 0), lambda shot: np.rot90(shot, 1)),
        ((0, 1, 1, 0), lambda shot: shot.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda shot: np.rot90(shot, 2).transpose(1, 0, 2)),
    ],
)
def test_a_video_is_turned_and_mirrored_as_its_matrix_says(matrix, change):
    straight = clip(CLIPS["mp4"](), WAYS).frames.transpose(0, 2, 3, 1)
    found = clip(held(CLIPS["mp4"](), matrix), WAYS).frames.transpose(0, 2, 3, 1)
    assert np.abs(np.stack([change(shot) for shot in straight]) - found).mean() < 0.05


def test_one_key_frame_in_a_long_film_does_not_show_one_frame_eight_times():
    data = rendered(rate=24, sides=(64, 48), options={"g": "9999", "sc_threshold": "0"}, times=[*range(1600)])
    assert about(data).frames == 1600 > MAX_FRAMES_IN_TURN
    found = clip(data, Watch(8, 16))
    assert np.diff(found.seconds).min() > 6
    assert found.seconds[-1] > 60
    assert found.complete
    before = clip(data, Watch(8, 16, "uniform", 1))
    assert len(np.unique(before.frames.reshape(8, -1).round(2), axis=0)) == 1


def test_what_is_beyond_the_cost_is_not_looked_at_and_said(monkeypatch):
    data = rendered(options={"g": "9999", "sc_threshold": "0"})
    monkeypatch.setattr("models.data.video.MAX_VIDEO_PIXELS", 12 * FILM[0] * FILM[1])
    found = clip(data, Watch(4, 16))
    assert len(found.frames) == 4
    assert found.unseen == "nothing after second 0.5 of 2.0 was looked at"
    assert not found.complete
    assert about(data).cost_pixels == 12 * FILM[0] * FILM[1] < MAX_VIDEO_PIXELS


def test_key_frames_are_jumped_to_where_all_frames_would_cost_too_much(monkeypatch):
    data = rendered(options={"g": "6", "sc_threshold": "0"})
    plain = clip(data, Watch(4, 32))
    monkeypatch.setattr("models.data.video.MAX_FRAMES_IN_TURN", 20)
    found = clip(data, Watch(4, 32))
    assert found.seconds == pytest.approx(plain.seconds)
    assert np.abs(found.frames - plain.frames).max() < 0.02


def test_a_frame_that_is_larger_than_its_file_says_is_not_decoded(monkeypatch):
    data = CLIPS["mp4"]()
    monkeypatch.setattr("models.data.demuxing.LIMITS", {"max_pixels": "4000"})
    with pytest.raises(BrokenVideoError, match="cannot be decoded"):
        clip(data, WAYS)


def test_what_an_edit_list_leaves_out_is_not_shown_and_said():
    found = clip(trimmed(CLIPS["mp4"](), 0.5), WAYS)
    assert found.length == pytest.approx(1, abs=0.1)
    assert "of 48 frames that the file names are cut off or left out" in found.unseen


def test_a_file_cut_in_half_shows_the_frames_that_are_there():
    whole = CLIPS["fragments"]()
    found = clip(whole[: len(whole) // 2], WAYS)
    assert len(found.frames) == 8
    assert found.length < 2
    last = CLIPS["mp4"]()
    with pytest.raises(BrokenVideoError, match="breaks off before the index of its frames"):
        clip(last[: last.index(b"moov") - 4], WAYS)


def test_a_broken_packet_is_passed_over():
    data = CLIPS["a key frame each"]()
    at = data.index(b"mdat") + 4 + len(data) // 3
    found = clip(data[:at] + bytes(600) + data[at + 600 :], WAYS)
    assert len(found.frames) == 8


def test_frames_that_stay_long_leave_room_for_those_that_flash_by():
    data = rendered(times=[0, 300, 301, 302, 303, 600])
    found = clip(data, Watch(6, 16))
    assert len(found.frames) == 6


def test_transparent_frames_lie_on_white():
    target = io.BytesIO()
    with av.open(target, "w", format="mov") as container:
        stream = container.add_stream("qtrle", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "argb"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 4), np.uint8), format="rgba")
            container.mux(stream.encode(frame.reformat(format="argb")))
        container.mux(stream.encode(None))
    assert clip(target.getvalue(), Watch(2, 16)).frames.min() > 0.99


def unknown_codec():
    return CLIPS["mp4"]().replace(b"avc1", b"zzzz").replace(b"avcC", b"zzzC")


def sound():
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (unknown_codec, "its pictures are of a codec that is not known"),
        (sound, "no pictures in it but sound"),
        (
            lambda: b"RIFF\0\0\0\0AVI LIST" + bytes(99),
            "AVI is not read; MP4, MOV, WebM, Matroska and GIF are read",
        ),
        (lambda: b"\xff\xd8\xff\xe0" + bytes(99), "it is a picture"),
        (lambda: b"ID3\x04" + bytes(99), "it is sound"),
    ],
)
def test_why_there_is_nothing_to_see_is_the_true_reason(made, why):
    data = made()
    for read in (
        about,
        lambda data: clip(data, WAYS),
        lambda data: clip(data, WAYS._replace(preprocessing=1)),
    ):
        with pytest.raises(BrokenVideoError, match=why):
            read(data)


@pytest.mark.parametrize(
    "playlist",
    [
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 5004 RTP/AVP 96\r\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile '/etc/hostname'\n",
        b"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'></MPD>",
    ],
)
def test_playlists_are_told_at_once_and_nothing_that_they_name_is_opened(playlist, monkeypatch):
    opened = []
    monkeypatch.setattr("av.open", lambda *args, **options: opened.append(options))
    with pytest.raises(BrokenVideoError, match="it is a playlist, not a video"):
        clip(playlist, WAYS)
    assert opened == []


FUZZED = ("mp4", "fragments", "webm of vp8", "webm of vp9", "motion jpeg", "gif", "cover first", "matroska")


@pytest.mark.parametrize("way", FUZZED)
def test_three_hundred_broken_files_of_each_kind_raise_nothing_else(way):
    small = {"frames": 12, "sides": (48, 32)}
    data = CLIPS[way](**small) if isinstance(CLIPS[way], partial) else CLIPS[way]()
    for seed in range(300):
        broken = mutated(data, seed)
        with suppress(BrokenVideoError):
            about(broken)
            assert np.isfinite(clip(broken, Watch(2, 16)).frames).all()
