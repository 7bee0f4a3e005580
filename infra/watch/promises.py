"""Whether live actions keep the precision that their thresholds promised, by what moderators judged of them since.

All judged actions of a version count, from its first on, so that a slow decline adds up; the bound is one that holds
however often it is read (`infra.rollout.confidence_sequence`), so that an hourly look costs no false alarms. Appeals
do not count: of what was acted on, people appeal what was wrong. A broken promise is one of the judged actions: where
only doubtful ones are judged it says that of those.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from infra.lake import Lake, among, standing
from infra.rollout.confidence_sequence import interval
from infra.watch.live import MAX_WINDOW_POSTS, SHADOW
from infra.watch.signal import MIN_POSTS, Finding
from models.domain.content import Action, JudgementSource
from models.domain.policy import market_name
from models.evaluation.operating_points import OperatingPoints
from models.evaluation.thresholds import MAJORITY

NAME = "promise"
FALSE_ALARMS = 0.001  # of a version, however long it serves, over all its actions together

Kind = tuple[str, str, str]  # policy, action, market whose threshold it was


def kept_promises(lake: Lake, points: OperatingPoints, version: int) -> list[Finding]:
    """One finding for each automatic action that is promised; `unknown` below MIN_POSTS judged ones."""
    promised = {
        (point.policy, str(point.action), point.market): point.objective
        for point in points.points
        if point.threshold is not None and point.action is not Action.REVIEW
    }
    if not promised or not lake.decisions.exists() or not lake.judgements.exists():
        return []
    right = _judged(lake, _acted(lake, version))
    alpha = FALSE_ALARMS / len(promised)
    return [_finding(kind, least, right.get(kind, []), alpha) for kind, least in promised.items()]


def _acted(lake: Lake, version: int) -> dict[tuple[str, str], Kind]:
    """What was asked for on each post by each policy, the newest MAX_WINDOW_POSTS decisions that acted."""
    wanted = f"model_version = '{version}' AND role != '{SHADOW}' AND action IS NOT NULL AND action != '{Action.ALLOW}'"
    table = lake.decisions.open().to_table(columns=["post_id", "reasons", "decided_at"], filter=wanted)
    newest = table.sort_by("decided_at").slice(max(0, len(table) - MAX_WINDOW_POSTS))
    return {
        (post, reason["policy"]): (reason["policy"], reason["action"], reason["market"])
        for post, reasons in zip(newest["post_id"].to_pylist(), newest["reasons"].to_pylist(), strict=True)
        for reason in reasons
        if reason["action"] != Action.REVIEW
    }


def _judged(lake: Lake, acted: dict[tuple[str, str], Kind]) -> dict[Kind, list[bool]]:
    """Of each kind of action, whether each that moderators judged was right."""
    if not acted:
        return {}
    held, posts = lake.judgements.open(), sorted({post for post, _ in acted})
    said = f"source = '{JudgementSource.MODERATOR}' AND {among('post_id', posts)}"
    table: pa.Table = held.to_table(columns=["post_id", "policy", "violates"], filter=standing(held, said))
    votes: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for post, policy, violates in zip(*(table[name].to_pylist() for name in table.column_names), strict=True):
        votes[post, policy].append(violates)
    found: dict[Kind, list[bool]] = defaultdict(list)
    for place, kind in acted.items():
        if place in votes:
            found[kind].append(float(np.mean(votes[place])) >= MAJORITY)
    return found


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
