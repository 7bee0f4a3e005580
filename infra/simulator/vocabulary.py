"""Invented words: none is meant as a real one, and those that stand for slurs are made like the rest.

Every word begins with a cluster that real words of these languages do not begin with. Terms that violate come
from the same generator as harmless words, and harmless words come and go as well, so that neither the look of
a word nor its novelty gives a violation away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from infra.simulator.streams import Stream, stream
from models.policies import POLICY_SETS

POLICIES = POLICY_SETS["community_guidelines"].keys
DRIFTING = ("hate_speech", "regulated_goods", "fraud_and_spam")  # evaders rename what filters know
WAVE_EVERY = 4  # weeks 5, 9, 13, ... bring a wave of new slang
DRIFT, WAVE = 0.06, 0.8  # share of a drifting policy's terms that a week and a wave replace

LANGUAGES = ("en", "de", "ja", "pt", "fr", "es")
LOCAL_ENDINGS = {
    "en": ("ish", "ly", "er", "ow"),
    "de": ("en", "ung", "ich", "ör"),
    "pt": ("ão", "inho", "eza", "or"),
    "fr": ("eau", "ette", "é", "oir"),
    "es": ("ito", "ar", "eda", "ón"),
}
ONSETS = ("vl", "zr", "dw", "zl", "vr", "kn", "gw", "mr", "ml", "fn", "zn", "vn", "skw", "thr", "shm", "pf")
MIDDLES = ("l", "m", "n", "v", "z", "b", "d", "r")
VOWELS = ("a", "e", "i", "o", "u")
KANA = ("ヴ", "ゾ", "ヌ", "ペ", "リ", "ム", "ロ", "ザ", "ポ", "ミ", "ル", "ネ", "ゲ", "ワ")

COMMON_WORDS = 260  # that every language shares: names, brands, internet speech
LOCAL_WORDS = 220
TOPICS, TOPIC_WORDS = 8, 14
TREND_WORDS = 40
SHARED_TERMS, LOCAL_TERMS = 4, 1  # in use at a time, per policy
PHRASES = 3  # per group
MARKERS = 3
NAMES = 2  # of what a picture shows


def words(rng: np.random.Generator, language: str = "") -> Iterator[str]:
    """Endless invented words; without a language, those that all languages share."""
    while True:
        if language == "ja":
            yield "".join(KANA[i] for i in rng.integers(len(KANA), size=4))
            continue
        draw = rng.integers(1 << 16, size=6)
        word = (
            ONSETS[draw[0] % len(ONSETS)] + VOWELS[draw[1] % 5] + MIDDLES[draw[2] % 8] + VOWELS[draw[3] % 5]
        )
        if language:
            yield word + MIDDLES[draw[4] % 8] + LOCAL_ENDINGS[language][draw[5] % 4]
        else:
            yield word + MIDDLES[draw[4] % 8] + VOWELS[draw[5] % 5]


def take(source: Iterator[str], count: int, taken: set[str]) -> tuple[str, ...]:
    """The next `count` words that are not in `taken`, which they join."""
    found: list[str] = []
    while len(found) < count:
        word = next(source)
        if word not in taken:
            taken.add(word)
            found.append(word)
    return tuple(found)


@dataclass(frozen=True)
class Vocabulary:
    """The words of one platform.

    Each week every term of a drifting policy is replaced with probability `drift`, in the weeks of a wave
    (5, 9, 13, ...) with probability `wave`.
    """

    seed: int
    drift: float = DRIFT
    wave: float = WAVE

    @cached_property
    def _lasting(self) -> dict[str, tuple[str, ...]]:
        """Words that stay: one set after the other from one stream, so that none is in two sets."""
        shared, taken = words(stream(self.seed, Stream.WORDS)), set[str]()
        sizes = {"common": COMMON_WORDS, "phrases": 4 * PHRASES, "markers": MARKERS, "pictured": 12}
        lasting = {name: take(shared, size, taken) for name, size in sizes.items()}
        lasting |= {f"topic{i}": take(shared, TOPIC_WORDS, taken) for i in range(TOPICS)}
        for i, language in enumerate(LANGUAGES):
            lasting[language] = take(
                words(stream(self.seed, Stream.WORDS, 1 + i), language), LOCAL_WORDS, taken
            )
        return lasting

    @cached_property
    def _taken(self) -> frozenset[str]:
        return frozenset(word for group in self._lasting.values() for word in group)

    @property
    def common(self) -> tuple[str, ...]:
        return self._lasting["common"]

    @property
    def markers(self) -> tuple[str, ...]:
        """Words that say a term is quoted or reported, which is allowed."""
        return self._lasting["markers"]

    def local(self, language: str) -> tuple[str, ...]:
        return self._lasting[language]

    def topic(self, topic: int) -> tuple[str, ...]:
        return self._lasting[f"topic{topic}"]

    @cached_property
    def phrases(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Two groups of two-word phrases, harmless but beside the matching group of drawings."""
        source = self._lasting["phrases"]
        pairs = [" ".join(source[i : i + 2]) for i in range(0, len(source), 2)]
        return tuple(pairs[:PHRASES]), tuple(pairs[PHRASES:])

    def pictured(self, meaning: int) -> tuple[str, ...]:
        """Three words that appear drawn in pictures; `meaning` 0 is harmless."""
        return self._lasting["pictured"][3 * meaning : 3 * meaning + 3]

    def names(self, place: int) -> tuple[str, ...]:
        """What people call the drawing in this place of the list of drawings; longer than other shared words."""
        rng = stream(self.seed, Stream.NAMES, place)
        endings = ("lun", "vem", "dor", "zib")
        found = take(words(rng), NAMES, set(self._taken))
        return tuple(word + endings[place % len(endings)] for word in found)

    def trends(self, week: int) -> tuple[str, ...]:
        """Harmless words that are new in `week` and gone after it."""
        return take(words(stream(self.seed, Stream.TRENDS, week)), TREND_WORDS, set(self._taken))

    def terms(self, policy: str, week: int, language: str = "") -> tuple[str, ...]:
        """Terms that violate `policy` in `week`: those of all languages, or those of one."""
        count = LOCAL_TERMS if language else SHARED_TERMS
        return tuple(self._term(policy, slot, week, language) for slot in range(count))

    def _term(self, policy: str, slot: int, week: int, language: str) -> str:
        place = (POLICIES.index(policy), slot, 1 + LANGUAGES.index(language) if language else 0)
        rng = stream(self.seed, Stream.TERMS, *place, self._age(place, week) if policy in DRIFTING else 0)
        return take(words(rng, language), 1, set(self._taken))[0]

    def _age(self, place: tuple[int, int, int], week: int) -> int:
        """How often the term in this place was replaced until `week`.

        Systematic sampling: in each week all of a policy's places share one draw and differ in rank, so that
        the share replaced is met as nearly as it can be.
        """
        policy, slot, language = place
        count = LOCAL_TERMS if language else SHARED_TERMS
        replaced = 0
        for later in range(2, week + 1):
            rng = stream(self.seed, Stream.DRIFT, policy, language, later)
            rank, luck = rng.permutation(count)[slot], rng.random()
            share = self.wave if (later - 1) % WAVE_EVERY == 0 else self.drift
            replaced += (rank + luck) / count < share
        return replaced
