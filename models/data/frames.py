"""The frames of a video squeezed to squares: upright, in their colours, on white. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray

from models.domain.preprocessing import PREPROCESSING

GLIMPSE = 48  # points on a side of the picture at which it looks for change
PLANAR = frozenset(f"yuv{kind}{parts}p" for kind in ("", "j") for parts in (420, 422, 444)) | {"nv12"}
ROOM = 64 << 20  # bytes of frames that wait for whether they are chosen
BYTES = 1.5  # of a pixel in most videos


class Eye:
    """Squeezes the frames of a video to squares. What libswscale works out for frames of one size is kept for the next:
    a frame's own `to_ndarray` works it out anew, which takes longer than decoding the frame.
    """

    def __init__(self, size: int, preprocessing: int = PREPROCESSING, *, whole: bool = False) -> None:
        """`whole`: frames keep their shape, and `size` is that of their larger side at most."""
        self.size, self.whole = size, whole
        self.room, self.as_shown = float(ROOM), preprocessing >= PREPROCESSING
        self._colours, self._greys = VideoReformatter(), VideoReformatter()

    def later(self, frame: Any) -> Callable[[], NDArray[np.uint8]]:
        """The frame's picture once it is asked for; made at once where too many frames wait."""
        self.room -= frame.width * frame.height * BYTES
        if self.room > 0:
            return partial(self.picture, frame)
        made = self.picture(frame)
        return lambda: made

    def picture(self, frame: Any) -> NDArray[np.uint8]:
        """[S, S, 3], or [H, W, 3] of a whole one, turned as the video says it was held."""
        if self.as_shown and frame.format.name.startswith(WITH_ALPHA):
            squeezed = _on_white(self._squeezed(self._colours, frame, self._sides(frame), "rgba"))
        else:
            squeezed = self._squeezed(self._colours, frame, self._sides(frame), "rgb24")
        if self.as_shown:
            return _upright(squeezed, frame)
        turned: NDArray[np.uint8] = np.rot90(squeezed, round(frame.rotation / 90) % 4)
        return turned

    def glimpse(self, frame: Any) -> NDArray[np.uint8]:
        """What is enough to see change, [GLIMPSE, GLIMPSE]: points of the luma, where it is a plane of bytes."""
        if frame.format.name not in PLANAR or min(frame.width, frame.height) < GLIMPSE:
            return self._squeezed(self._greys, frame, (GLIMPSE, GLIMPSE), "gray")
        luma = frame.planes[0]
        rows = np.frombuffer(luma, np.uint8).reshape(-1, luma.line_size)
        down, across = frame.height // GLIMPSE, frame.width // GLIMPSE
        return rows[: down * GLIMPSE : down, : across * GLIMPSE : across].copy()

    def _sides(self, frame: Any) -> tuple[int, int]:
        """Width and height of its picture before it is turned."""
        if not self.whole:
            return self.size, self.size
        scale = min(1.0, self.size / max(frame.width, frame.height))
        return max(1, round(frame.width * scale)), max(1, round(frame.height * scale))

    def _squeezed(
        self, scaler: VideoReformatter, frame: Any, sides: tuple[int, int], kind: str
    ) -> NDArray[np.uint8]:
        width, height = sides
        found = scaler.reformat(
            frame, width=width, height=height, format=kind, interpolation="AREA", **self._said(frame)
        )
        return np.asarray(found.to_ndarray(), np.uint8)

    def _said(self, frame: Any) -> dict[str, Any]:
        """Colours of which nothing is said are of the older standard to libswscale, and of HD's to who plays HD."""
        unsaid = frame.colorspace == UNSPECIFIED and frame.height >= HD and frame.format.name.startswith(YUV)
        return {"src_colorspace": Colorspace.ITU709} if self.as_shown and unsaid else {}


UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
HD = 720  # lines
YUV = ("yuv", "nv", "p0")
WITH_ALPHA = ("rgba", "bgra", "argb", "abgr", "yuva", "gbrap", "ya", "pal8")  # how their names begin


def _on_white(squeezed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[S, S, 3] of [S, S, 4]."""
    alpha = squeezed[..., 3:].astype(np.float32) / 255
    return np.rint(squeezed[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)


def _upright(squeezed: NDArray[np.uint8], frame: Any) -> NDArray[np.uint8]:
    """[S, S, 3], turned and mirrored by the matrix that maps what lies in the file to what is shown."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return squeezed
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32).tolist()
    if abs(b) > abs(a):
        squeezed, a, d = squeezed.transpose(1, 0, 2), c, b
    return squeezed[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
