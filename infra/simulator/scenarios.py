"""What a post can be: the violations of every policy, and the harmless posts that look like them.

Violations that only the pair of caption and picture shows are the diagonal of a two by two table: phrases of
group 0 or 1 beside drawings of group 0 or 1. Both other cells are harmless and as frequent, so each phrase
and each drawing is harmless more often than not, and neither alone tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

NEUTRAL = ("sun", "tree", "house", "cup", "fish", "star", "boat", "bubble")
GROUPS = (("flame", "ladder", "tower"), ("bottle", "capsule", "crate"))


class Modality(StrEnum):
    """What a moderator has to look at to see the violation."""

    TEXT = "text"
    IMAGE = "image"
    PAIR = "pair"


class Words(StrEnum):
    """What the caption carries beside small talk."""

    PLAIN = "plain"
    TERM = "term"
    MENTION = "mention"  # a term, and a marker that it is quoted
    PHRASE_0 = "phrase 0"
    PHRASE_1 = "phrase 1"
    RING = "ring"  # the message that a ring of spammers copies


PHRASE_GROUPS = (Words.PHRASE_0, Words.PHRASE_1)


@dataclass(frozen=True)
class Scenario:
    """`share` of all posts; `drawings` to choose from, `pictures` the probability that there is one."""

    share: float
    policy: str = ""  # violated, or quoted in a mention
    modality: Modality | None = None  # None for harmless
    words: Words = Words.PLAIN
    drawings: tuple[str, ...] = NEUTRAL
    pictures: float = 0.1
    meaning: int = 0  # of the word drawn in the picture; 0 is harmless


TEXT_SHARES = {
    "hate_speech": 0.050,
    "harassment": 0.035,
    "violence": 0.025,
    "sexual_content": 0.020,
    "minor_safety": 0.020,
    "self_harm": 0.022,
    "regulated_goods": 0.030,
    "fraud_and_spam": 0.026,
    "misinformation": 0.017,
    "profanity": 0.035,
}
RING_SHARE = 0.012
IMAGE_SHARES = {  # policy: share, drawing, meaning of the word drawn in it
    "graphic_content": (0.040, "splatter", 0),
    "sexual_content": (0.015, "veil", 0),
    "hate_speech": (0.008, "emblem", 0),
    "fraud_and_spam": (0.008, "coin", 1),
    "misinformation": (0.008, "banner", 2),
    "profanity": (0.008, "bubble", 3),
}
PAIR_POLICIES = ("dangerous_acts", "regulated_goods")
PAIR_SHARE = 0.04  # of each of the four cells
PLAIN_BESIDE = 0.015  # a phrase beside a neutral drawing; a drawing of a group beside small talk
PHRASE_ALONE = 0.03
MENTIONS = 0.1  # harmless mentions per text violation


def violating() -> list[Scenario]:
    text = [Scenario(share, key, Modality.TEXT, Words.TERM) for key, share in TEXT_SHARES.items()]
    ring = Scenario(RING_SHARE, "fraud_and_spam", Modality.TEXT, Words.RING, pictures=0.0)
    image = [
        Scenario(share, key, Modality.IMAGE, drawings=(drawing,), pictures=1.0, meaning=meaning)
        for key, (share, drawing, meaning) in IMAGE_SHARES.items()
    ]
    pair = [
        Scenario(PAIR_SHARE, key, Modality.PAIR, phrase, drawings, 1.0)
        for key, phrase, drawings in zip(PAIR_POLICIES, PHRASE_GROUPS, GROUPS, strict=True)
    ]
    return [*text, ring, *image, *pair]


def lookalikes() -> list[Scenario]:
    crossed = [
        Scenario(PAIR_SHARE, words=phrase, drawings=drawings, pictures=1.0)
        for phrase, drawings in zip(PHRASE_GROUPS, reversed(GROUPS), strict=True)
    ]
    beside = [Scenario(PLAIN_BESIDE, words=phrase, pictures=1.0) for phrase in PHRASE_GROUPS]
    beside += [Scenario(PLAIN_BESIDE, drawings=drawings, pictures=1.0) for drawings in GROUPS]
    alone = [Scenario(PHRASE_ALONE, words=phrase, pictures=0.0) for phrase in PHRASE_GROUPS]
    mentions = [Scenario(MENTIONS * s, key, words=Words.MENTION) for key, s in TEXT_SHARES.items()]
    return [*crossed, *beside, *alone, *mentions]


VIOLATING = tuple(violating())
VIOLATING_SHARE = sum(scenario.share for scenario in VIOLATING)
_LOOKALIKES = lookalikes()
HARMLESS = (
    *_LOOKALIKES,
    Scenario(1 - VIOLATING_SHARE - sum(scenario.share for scenario in _LOOKALIKES), pictures=0.18),
)
SCENARIOS = (*VIOLATING, *HARMLESS)


def cumulative(scenarios: tuple[Scenario, ...]) -> np.ndarray:
    """Upper bounds in [0, 1] for choosing among `scenarios` by share."""
    shares = np.array([scenario.share for scenario in scenarios])
    bounds: np.ndarray = np.cumsum(shares) / shares.sum()
    return bounds
