"""Captions: small talk in the author's language and topics, with what the scenario asks for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from infra.simulator.authors import RINGS
from infra.simulator.scenarios import TEXT_SHARES, Scenario, Words
from infra.simulator.streams import Stream, stream
from infra.simulator.vocabulary import LANGUAGES, PHRASES, Vocabulary

SHORTEST, LONGEST = 5, 12  # words of small talk
LOCAL_SHARE, TOPIC_SHARE = 0.5, 0.25  # of the words; the rest are common to all languages
TREND_SHARE = 0.6  # of captions carry a word that is new this week
LOCAL_TERM_SHARE = 0.12  # of the terms
ENDINGS = ("", "", ".", "!", " …", " 🙂", "?")
DRAWS = LONGEST + 12  # uniform numbers that one caption uses


@dataclass(frozen=True)
class Captions:
    """The captions of one week."""

    vocabulary: Vocabulary
    week: int

    @cached_property
    def trends(self) -> tuple[str, ...]:
        return self.vocabulary.trends(self.week)

    @cached_property
    def terms(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """Terms of the week by policy and language; the empty language stands for all."""
        return {
            (policy, language): self.vocabulary.terms(policy, self.week, language)
            for policy in TEXT_SHARES
            for language in ("", *LANGUAGES)
        }

    @cached_property
    def ring_messages(self) -> tuple[str, ...]:
        """What each ring copies this week, two terms of fraud among small talk."""
        rng = stream(self.vocabulary.seed, Stream.RINGS, self.week)
        terms = self.terms["fraud_and_spam", ""]
        talk = [[pick(self.vocabulary.common, u) for u in rng.random(LONGEST)] for _ in range(RINGS)]
        for words in talk:
            words[2], words[8] = (pick(terms, u) for u in rng.random(2))
        return tuple(" ".join(words) for words in talk)

    def caption(
        self, scenario: Scenario, language: str, topic: int, extra: str, draw: np.ndarray, name: str = ""
    ) -> str:
        """One caption; `extra` is the policy of a second term, or empty; `draw` has DRAWS uniform numbers.

        `name`, of what the picture shows, comes into the middle where it is not empty.
        """
        length = SHORTEST + int(draw[0] * (LONGEST - SHORTEST + 1))
        words = [self._word(language, topic, u) for u in draw[1 : length + 1]]
        for special, u in zip(
            self._specials(scenario, language, extra, draw[-8:]), draw[-11:-8], strict=False
        ):
            words.insert(int(u * (len(words) + 1)), special)
        if name:
            words.insert(len(words) // 2, name)
        return _sentence(words, draw[-1])

    def ring_message(self, ring: int, draw: np.ndarray) -> str:
        """A copy of the ring's message with a word added, as such copies have."""
        return f"{self.ring_messages[ring]} {pick(self.vocabulary.common, draw[0])}"

    def _word(self, language: str, topic: int, u: float) -> str:
        if u < LOCAL_SHARE:
            return pick(self.vocabulary.local(language), (u / LOCAL_SHARE) ** 2)
        if u < LOCAL_SHARE + TOPIC_SHARE:
            return pick(self.vocabulary.topic(topic), (u - LOCAL_SHARE) / TOPIC_SHARE)
        rest = LOCAL_SHARE + TOPIC_SHARE
        return pick(self.vocabulary.common, ((u - rest) / (1 - rest)) ** 2)

    def _specials(self, scenario: Scenario, language: str, extra: str, draw: np.ndarray) -> list[str]:
        specials = []
        if scenario.words in (Words.TERM, Words.MENTION):
            specials.append(self._term(scenario.policy, language, draw[0], draw[1]))
        if scenario.words is Words.MENTION:
            specials[0] = f"{pick(self.vocabulary.markers, draw[2])} {specials[0]}"
        if scenario.words in (Words.PHRASE_0, Words.PHRASE_1):
            group = self.vocabulary.phrases[scenario.words is Words.PHRASE_1]
            specials.append(group[int(draw[0] * PHRASES)])
        if extra:
            specials.append(self._term(extra, language, draw[3], draw[4]))
        if draw[5] < TREND_SHARE:
            specials.append(pick(self.trends, draw[6]))
        return specials

    def _term(self, policy: str, language: str, which: float, u: float) -> str:
        return pick(self.terms[policy, language if which < LOCAL_TERM_SHARE else ""], u)


def pick(words: tuple[str, ...], u: float) -> str:
    return words[int(u * len(words))]


def _sentence(words: list[str], u: float) -> str:
    ending = ENDINGS[int(u * len(ENDINGS))]
    return " ".join(words).capitalize() + ending
