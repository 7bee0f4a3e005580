"""Words written in pictures and in a video's frames, found and read by RapidOCR.

RapidOCR (Apache-2.0) brings PP-OCRv6 (Cui et al., 2025, on its forerunner) as ONNX in its wheel: a network that finds
lines (DB; Liao et al., 2020) and one that reads them (CTC), Latin letters and Chinese. It fetches nothing.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.data.pages import PAGE, Page
from models.domain.content import Part
from models.readers.base.reader import Lines, Reader

SIDE = 960  # pixels of a picture's larger side that letters are read from
FOUND_SIDE = 736  # and that lines are looked for in: most of the cost
FRAMES = 4  # of a video or an animation
MAX_LINES = 24  # of a picture, the largest: a page of small print takes no longer than so many
CERTAIN = 0.6  # score of a line from which on it is taken for one


def opened(threads: int) -> Lines:
    """Loads the networks: a second, and 150 MB."""
    from rapidocr import RapidOCR

    parameters: dict[str, Any] = {
        "Global.log_level": "critical",
        "Global.text_score": CERTAIN,
        "Global.use_cls": False,  # whether a line stands on its head
        "Det.limit_type": "max",
        "Det.limit_side_len": FOUND_SIDE,
    }
    if threads:
        parameters["EngineConfig.onnxruntime.intra_op_num_threads"] = threads
    engine, alone = RapidOCR(params=parameters), threading.Lock()
    blank = np.full((64, 64, 3), 255, np.uint8)
    _lines(engine, blank)  # else the first post would wait for its networks
    engine.recognize_txt([blank])

    def lines(pages: NDArray[np.uint8]) -> list[str]:
        with alone:  # the engine keeps what it works on
            return [line for page in pages for line in _lines(engine, page)]

    return lines


def _lines(engine: Any, page: NDArray[np.uint8]) -> list[str]:
    """Of one page [H, W, 3]: lines are looked for, and the largest of them read in the order in which they stand."""
    blue_first = np.ascontiguousarray(page[:, :, ::-1])
    found = engine(blue_first, use_det=True, use_rec=False)
    boxes = getattr(found, "boxes", None)
    if boxes is None:
        return []
    largest = np.argsort([-_area(box) for box in boxes], kind="stable")[:MAX_LINES]
    cut = engine.crop_text_regions(blue_first, np.asarray(boxes, np.float32)[np.sort(largest)])
    read = engine.recognize_txt([line for line in cut if line.size])
    return [text for text, score in zip(read.txts or (), read.scores or (), strict=True) if score >= CERTAIN]


def _area(box: NDArray[np.floating]) -> float:
    """Of a quadrangle [4, 2]."""
    x, y = np.asarray(box, np.float64).T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


READER = Reader(
    name="ocr",
    about="words written in pictures and in videos",
    extra="ocr",
    version=1,
    looks={Part.IMAGE: Page(PAGE, SIDE, FRAMES), Part.VIDEO: Page(PAGE, SIDE, FRAMES)},
    seconds=0.5,
    open=opened,
    libraries=("rapidocr",),
)
