"""Readers: each keeps the contract, reads what is drawn, each content once, and no picture is fatal to it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.data import kept_table
from models.data.embeddings import Embeddings
from models.data.said import MARK, said
from models.data.tokenizer import load_tokenizer, train_tokenizer
from models.data.words import Words
from models.domain.catalogue import UnknownEntryError
from models.domain.content import NotRead, Part
from models.domain.folding import folded
from models.domain.preset import PresetError
from models.readers import READERS
from models.readers.base import reading as reading_module
from models.readers.base.contract import of_reader
from models.readers.base.reader import NoReaderError, Reader
from models.readers.base.reading import MAX_CHARACTERS, OpenReader, Reading
from models.training.presets import preset_named
from tests.support.made_up_snapshot import drawn, film, picture, written

NAMES = READERS.names()
LOOKS = READERS["ocr"].looks


def reads(name):
    library = {"ocr": "rapidocr", "speech": "faster_whisper"}[name]
    pytest.importorskip(library, reason=f"moderato[{READERS[name].extra}] is not installed")
    return READERS[name]


@pytest.fixture(scope="module")
def ocr():
    return OpenReader(reads("ocr"), threads=1)


class Counting:
    """A reader that finds `words`, and counts what it is given."""

    def __init__(self, *words, version=1, looks=LOOKS):
        self.words, self.given = list(words), 0
        self.reader = Reader("counting", "counts", "ocr", version, looks, 0.0, lambda threads: self)

    def __call__(self, pages):
        self.given += 1
        return self.words

    def reading(self, kept=None):
        return Reading((OpenReader(self.reader, 1),), kept)


@pytest.mark.parametrize("name", NAMES)
def test_every_reader_keeps_the_contract(name):
    assert of_reader(reads(name)) == []


def test_what_a_reader_breaks_is_told():
    def falls(pages):
        raise OSError("no")

    made = [
        Reader("own", "own", "ocr", 1, LOOKS, 0.0, lambda threads, it=it: it)
        for it in (falls, lambda _: ["x"])
    ]
    assert of_reader(made[0])[0] == "of (1, 1, 1, 3) that shows nothing it raises OSError: no"
    assert "that shows nothing it reads ['x']" in of_reader(made[1])[0]
    assert (
        "a reader looks at some of ['image', 'video']"
        in of_reader(Reader("own", "", "", 1, {}, 0.0, None))[0]
    )


def test_words_drawn_in_a_picture_are_read(ocr):
    assert ocr.of("a", Part.IMAGE, written("blinking turnip")).words == "blinking turnip"
    assert ocr.of("b", Part.IMAGE, picture("red")).words == ""


def test_each_scene_of_a_video_is_read_and_each_line_once(ocr):
    scenes = [drawn("gloomy carrot", (320, 96)), drawn("blinking turnip", (320, 96))]
    found = ocr.of("c", Part.VIDEO, film([*scenes, scenes[0]], seconds=1.0)).words
    assert found == "gloomy carrot blinking turnip"


def test_a_broken_picture_is_told_and_not_fatal():
    reading = Counting("mud").reading()
    words, missed = reading.of([b"no picture", picture("red"), None], [None, b"\0" * 40, None])
    assert words == ["", "mud", ""]
    assert [[(item.part, item.reason) for item in items] for items in missed] == [
        [(Part.IMAGE, NotRead.UNREADABLE)], [(Part.VIDEO, NotRead.UNREADABLE)], [],
    ]  # fmt: skip


def test_a_reader_that_falls_over_a_picture_is_told_and_asked_again_the_next_time():
    faulty = Counting("mud")
    faulty.words = None
    reading = faulty.reading()
    words, ((missed,),) = reading.of([picture("red")])
    assert words == [""]
    assert missed.reason == NotRead.SKIPPED
    assert missed.detail == "words in the image could not be read: counting fell over it"
    faulty.words = ["mud"]
    assert reading.of([picture("red")]) == (["mud"], [[]])


def test_each_content_is_read_once(tmp_path):
    kept = Embeddings(str(tmp_path))
    first, second, newer = Counting("mud"), Counting("mud"), Counting("clay", version=2)
    pictures = [picture("red"), picture("blue"), picture("red")]
    reading = first.reading(kept)
    assert reading.of(pictures)[0] == reading.of(pictures)[0] == ["mud"] * 3
    assert first.given == 2
    assert second.reading(kept).of([*pictures, picture("green")])[0] == ["mud"] * 4
    assert second.given == 1, "what another process has read is in the table"
    assert newer.reading(kept).of(pictures)[0] == ["clay"] * 3, "another version reads anew"


def test_what_is_read_in_many_small_parts_is_kept_in_few_files(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_table, "SMALL_FILES", 3)
    monkeypatch.setattr(reading_module, "CHUNK", 2)
    kept, looks = Embeddings(str(tmp_path)), Counting("mud")
    reading = looks.reading(kept)
    for shade in range(20):
        reading.of([picture(f"rgb({shade},0,0)")], more=True)
    table = kept.beside(f"words-counting-{looks.reader.edition}")
    assert table.opened().count_rows() == 20
    assert len(table.opened().get_fragments()) <= 4
    reading.of([picture("blue")], more=True)
    assert table.opened().count_rows() == 20, "the last of them waits for what is to come"
    reading.keep()
    assert table.opened().count_rows() == 21


def test_what_is_kept_of_one_content_is_bounded():
    assert len(Counting("word " * MAX_CHARACTERS).reading().of([picture("red")])[0][0]) == MAX_CHARACTERS


def test_of_a_large_picture_no_more_than_a_page_is_looked_at():
    shapes = []
    counting = Counting()
    counting.reader = Reader(
        "own", "", "", 1, LOOKS, 0.0, lambda threads: lambda it: shapes.append(it.shape) or []
    )
    counting.reading().of([written("a", (4000, 1000)), written("a", (60, 90))])
    assert shapes == [(1, 240, 960, 3), (1, 288, 192, 3)]


def test_a_caption_and_what_is_drawn_stay_two():
    together = said("a gloomy", "turnip")
    assert together == f"a gloomy {MARK} turnip"
    assert folded(together) == together
    assert folded(said("w o r m", "d u s t")) == f"worm {MARK} dust", "letters are put together in each alone"
    known = Words({"gloomyturnip": 9, "gloomy": 2, "turnip": 2, "a": 9})
    assert known.restored("a gloomy turnip") == "a gloomyturnip"
    assert known.restored(together) == together, "no word is put together over the mark"
    for typed in (f"a gloomy {MARK} turnip", "a gloomy &Vert; turnip"):
        assert said(typed, None) == "a gloomy | turnip", "who types the mark fakes no picture"
        assert said(typed, "worm") == f"a gloomy | turnip {MARK} worm"
    assert [said(None, "turnip"), said("gloomy", ""), said("gloomy", None), said(None, None)] == [
        f"{MARK} turnip", "gloomy", "gloomy", None,
    ]  # fmt: skip


def test_the_mark_is_a_token_between_what_was_typed_and_what_is_drawn(tmp_path):
    tokenizer = train_tokenizer([said("a gloomy", "turnip")] * 3, 300)
    tokens = tokenizer.encode(folded(said("a gloomy", "turnip"))).tokens
    (place,) = (place for place, token in enumerate(tokens) if MARK in token)
    assert "".join(tokens[:place]).endswith("gloomy")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert load_tokenizer(tmp_path / "tokenizer.json", 16).encode(MARK).ids


def test_a_preset_names_readers_that_there_are():
    assert preset_named("compact,reads=ocr").reads == ("ocr",)
    assert preset_named("compact,reads=ocr+speech").reads == ("ocr", "speech")
    assert preset_named("compact,reads=").reads == preset_named("compact").reads == ()
    with pytest.raises(UnknownEntryError, match="no reader called 'orc'; did you mean 'ocr'"):
        preset_named("compact,reads=orc")
    with pytest.raises(
        PresetError, match="adds words to a post's text, and its modalities are image; add text"
    ):
        preset_named("compact,modalities=image,reads=ocr")


@pytest.mark.parametrize(("name", "library"), [("ocr", "rapidocr"), ("speech", "faster_whisper")])
def test_without_its_library_a_reader_names_what_installs_it(name, library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        NoReaderError, match=rf"{library} is not installed here: `pip install 'moderato\[{name}\]'`"
    ):
        Reading.of_preset((name,), 7)


def test_nothing_heavy_is_imported_before_something_is_read():
    heavy = "{'torch', 'rapidocr', 'cv2', 'faster_whisper'}"
    code = f"import sys, models.readers, models.training.presets; print({heavy} & {{*sys.modules}})"
    root = Path(__file__).parents[3]
    ran = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_pages_are_bytes_of_three_colours():
    seen = []
    counting = Counting()
    counting.reader = Reader("own", "", "", 1, LOOKS, 0.0, lambda threads: lambda it: seen.append(it) or [])
    counting.reading().of([picture("red")])
    assert seen[0].dtype == np.uint8
    assert seen[0][0, 0, 0].tolist() == [255, 0, 0]
