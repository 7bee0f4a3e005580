"""Posts in a data frame, and what a bundle makes of them in another one."""

from __future__ import annotations

import base64
import json
from typing import Any

import pandas as pd

from models.bundle.bundle import Bundle


def predicted(bundle: Bundle, posts: pd.DataFrame) -> pd.DataFrame:
    """One calibrated score a policy, then action, then unread, with the rows' own index.

    posts: the column text, and where there are any image, video (bytes or base64) and market. unread: as JSON, what of
    the post the model did not read, [] for nothing.
    """
    texts, images, videos, markets = (_column(posts, name) for name in ("text", "image", "video", "market"))
    scores, missed = bundle.read(texts, [*map(_bytes, images)], [*map(_bytes, videos)])
    actions, _ = bundle.decide(scores, markets)
    table = pd.DataFrame(bundle.told(scores), columns=list(bundle.policies), index=posts.index)
    unread = [json.dumps([item.model_dump(mode="json") for item in found]) for found in missed]
    return table.assign(action=[str(action) for action in actions], unread=unread)


def _column(frame: pd.DataFrame, name: str) -> list[Any]:
    if name not in frame:
        return [None] * len(frame)
    return [value if isinstance(value, (str, bytes)) else None for value in frame[name]]


def _bytes(given: str | bytes | None) -> bytes | None:
    return base64.b64decode(given, validate=True) if isinstance(given, str) else given
