"""Whether live actions keep the precision that their thresholds promised, by what moderators judged of them since.

All actions of a version count that were judged since it was made, so that a slow decline adds up; the bound is one that
holds however often it is read (`infra.rollout.confidence_sequence`), so that an hourly look costs no false alarms.
Appeals do not count: of what was acted on, people appeal what was wrong. A broken promise is one of the judged actions:
where only doubtful ones are judged it says that of those.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

import numpy as np
import pyarrow as pa

from infra.lake import KEYS_AT_ONCE, Lake, among, standing
from infra.rollout.confidence_sequence import interval
from infra.watch.live import SHADOW, time_literal
from infra.watch.signal import MIN_POSTS, Finding
from models.domain.content import Action, JudgementSource
from models.domain.policy import market_name
from models.evaluation.operating_points import OperatingPoints
from models.evaluation.thresholds import MAJORITY

NAME = "promise"
FALSE_ALARMS = 0.001  # of a version, however long it serves, over all its actions together

Kind = tuple[str, str, str]  # policy, action, market whose threshold it was


def kept_promises(lake: Lake, points: OperatingPoints, version: int, made_at: datetime) -> list[Finding]:
    """Of a version that was made then, and has learned from no judgement that came later.

    One finding for each automatic action that is promised; `unknown` below MIN_POSTS judged ones.
    """
    promised = {
        (point.policy, str(point.action), point.market): point.objective
        for point in points.points
        if point.threshold is not None and point.action is not Action.REVIEW
    }
    if not promised or not lake.decisions.exists() or not lake.judgements.exists():
        return []
    right: dict[Kind, list[bool]] = defaultdict(list)
    for kind, was_right in _judged(lake, version, made_at):
        right[kind].append(was_right)
    alpha = FALSE_ALARMS / len(promised)
    return [_finding(kind, least, right.get(kind, []), alpha) for kind, least in promised.items()]


def _judged(lake: Lake, version: int, since: datetime) -> Iterator[tuple[Kind, bool]]:
    """Each action of the version that moderators judged since then, and whether it was right.

    What is few is read first: people judge fewer posts than a version acts on, and those are looked up by their ids.
    """
    wanted = f"model_version = '{version}' AND role != '{SHADOW}' AND action IS NOT NULL AND action != '{Action.ALLOW}'"
    decisions, votes = lake.decisions.open(), _votes(lake, since)
    posts = sorted({post for post, _ in votes})
    for start in range(0, len(posts), KEYS_AT_ONCE):
        condition = f"{wanted} AND {among('post_id', posts[start : start + KEYS_AT_ONCE])}"
        acted = decisions.to_table(columns=["post_id", "reasons"], filter=condition)
        kinds = {
            (post, reason["policy"]): (reason["policy"], reason["action"], reason["market"])
            for post, reasons in zip(acted["post_id"].to_pylist(), acted["reasons"].to_pylist(), strict=True)
            for reason in reasons
            if reason["action"] != Action.REVIEW
        }
        for place in kinds.keys() & votes.keys():
            yield kinds[place], float(np.mean(votes[place])) >= MAJORITY


def _votes(lake: Lake, since: datetime) -> dict[tuple[str, str], list[bool]]:
    """What moderators said of posts and policies in judgements that came since then."""
    held = lake.judgements.open()
    said = f"source = '{JudgementSource.MODERATOR}' AND ingested_at >= {time_literal(since)}"
    table: pa.Table = held.to_table(columns=["post_id", "policy", "violates"], filter=standing(held, said))
    votes: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for post, policy, violates in zip(*(table[name].to_pylist() for name in table.column_names), strict=True):
        votes[post, policy].append(violates)
    return votes


def _finding(kind: Kind, least: float, right: Iterable[bool], alpha: float) -> Finding:
    policy, action, market = kind
    hits = list(right)
    known = len(hits) >= MIN_POSTS
    low, high = (float(end) for end in interval(sum(hits), len(hits), alpha))
    live = sum(hits) / len(hits) if known else None
    return Finding(
        signal=NAME,
        subject=f"{policy}, {action}, {market_name(market)}",
        reference=least,
        live=live,
        low=low if known else None,
        high=high if known else None,
        value=None if live is None else least - live,
        bound=0.0,
        verdict="unknown" if not known else "beyond" if high < least else "within",
        retrains=True,
    )
