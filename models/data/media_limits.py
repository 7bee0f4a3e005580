"""How large a picture and a video may be, and how much of them is decoded: one word for ingest, gateway and training.

What one door lets in and another refuses would be learned and never decided about, or the other way round.
"""

from __future__ import annotations

MAX_PICTURE_BYTES = 16 << 20
MAX_PICTURE_PIXELS = 50_000_000  # 150 MB decoded; a larger one is a decompression bomb or a mistake
MAX_ANIMATION_FRAMES = 600  # that are decoded of one, to choose those that are looked at

MAX_VIDEO_BYTES = 256 << 20
MAX_VIDEO_SECONDS = 3600.0
MAX_VIDEO_PACKETS = 500_000  # of all streams of pictures together: over two hours at sixty a second
MAX_FRAME_PIXELS = 8192 * 4320
MAX_FRAMES_IN_TURN = 1500  # decoded one after the other; a longer video is entered at key frames
MAX_VIDEO_FRAMES = 6000  # that are decoded of a longer one at most
MAX_VIDEO_PIXELS = MAX_FRAMES_IN_TURN * 1920 * 1080  # that are decoded of one video at most

MAX_BYTES = {"image": MAX_PICTURE_BYTES, "video": MAX_VIDEO_BYTES}  # of a file, by the kind of media


def too_many_bytes(kind: str, data: bytes) -> str:
    """Why bytes are too many for an `image` or a `video`; empty where they are not.

    It names the limit alone: who reads a file stops behind that, and does not know how much there is.
    """
    return f"over {MAX_BYTES[kind]} bytes" if len(data) > MAX_BYTES[kind] else ""
