"""What the champion decided in a window of time, with the posts and what people said of them."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.lake import Lake, among, standing
from infra.watch.view import Floats, View, joined
from models.domain.content import PEOPLE

SHADOW = "shadow"
MAX_WINDOW_POSTS = 50_000  # posts of a window that are looked at: the newest


def live_view(lake: Lake, policies: tuple[str, ...], version: int, since: datetime, until: datetime) -> View:
    """Decisions of `version` that reached people between the two times, one a post, of posts that the lake holds."""
    if not lake.decisions.exists():
        return joined(policies, [])
    decided = _decided(lake, version, since, until)
    if not len(decided):
        return joined(policies, [])
    posts = decided["post_id"].to_pylist()
    known = _posts(lake, posts)
    scores, acted = np.zeros((len(posts), len(policies))), np.zeros((len(posts), len(policies)), bool)
    column = {policy: i for i, policy in enumerate(policies)}
    for row, (given, reasons) in enumerate(
        zip(decided["scores"].to_pylist(), decided["reasons"].to_pylist(), strict=True)
    ):
        for entry in given:
            if entry["policy"] in column:
                scores[row, column[entry["policy"]]] = entry["score"]
        for entry in reasons:
            if entry["policy"] in column:
                acted[row, column[entry["policy"]]] = True
    found = [known.get(post, {}) for post in posts]
    return View(
        policies,
        author=np.array([it.get("author_id") or post for it, post in zip(found, posts, strict=True)], str),
        market=np.array(decided["market"].to_pylist(), str),
        language=np.array([it.get("language", "") for it in found], str),
        length=np.array([it.get("length", 0) for it in found], float),
        image=np.array([it.get("image", False) for it in found], bool),
        scores=scores,
        acted=acted,
        votes=_votes(lake, posts, column),
    ).where(np.array([bool(it) for it in found], bool))


def _decided(lake: Lake, version: int, since: datetime, until: datetime) -> pa.Table:
    """The newest MAX_WINDOW_POSTS, oldest first; of a window that holds more, the others' times alone are read."""
    dataset = lake.decisions.open()
    times = dataset.to_table(columns=["decided_at"], filter=_within(version, since, until))["decided_at"]
    if len(times) > MAX_WINDOW_POSTS:
        places = pc.select_k_unstable(pa.table({"at": times}), MAX_WINDOW_POSTS, [("at", "descending")])
        since = times[places[-1].as_py()].as_py()
    columns = ["post_id", "market", "scores", "reasons", "decided_at"]
    table = dataset.to_table(columns=columns, filter=_within(version, since, until)).sort_by("decided_at")
    newest = table.slice(max(0, len(table) - MAX_WINDOW_POSTS))
    _, first = np.unique(np.array(newest["post_id"].to_pylist(), str), return_index=True)
    return newest.take(np.sort(first))


def _within(version: int, since: datetime, until: datetime) -> str:
    return (
        f"model_version = '{version}' AND role != '{SHADOW}' AND action IS NOT NULL "
        f"AND decided_at >= {time_literal(since)} AND decided_at < {time_literal(until)}"
    )


def _posts(lake: Lake, posts: list[str]) -> dict[str, dict[str, object]]:
    if not lake.posts.exists():
        return {}
    columns = {
        "post_id": "post_id",
        "author_id": "author_id",
        "language": "language",
        "length": "character_length(text)",
        "image": "image IS NOT NULL",
    }
    found = lake.posts.open().to_table(columns=columns, filter=among("post_id", posts)).to_pylist()
    return {row["post_id"]: row | {"length": row["length"] or 0} for row in found}


def _votes(lake: Lake, posts: list[str], column: dict[str, int]) -> Floats:
    """[N, P]: the share of people who saw a violation, NaN where nobody judged."""
    said = np.zeros((2, len(posts), len(column)))
    if lake.judgements.exists():
        row = {post: i for i, post in enumerate(posts)}
        held = lake.judgements.open()
        table = held.to_table(
            columns=["post_id", "policy", "violates"],
            filter=standing(held, f"{among('source', PEOPLE)} AND {among('post_id', posts)}"),
        )
        for post, policy, violates in zip(
            *(table[name].to_pylist() for name in table.column_names), strict=True
        ):
            if policy in column:
                said[int(violates), row[post], column[policy]] += 1
    judged = said.sum(axis=0)
    shares: Floats = np.divide(said[1], judged, out=np.full(judged.shape, np.nan), where=judged > 0)
    return shares


def time_literal(time: datetime) -> str:
    return f"timestamp '{time:%Y-%m-%d %H:%M:%S.%f}'"
