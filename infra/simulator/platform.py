"""The made-up platform: blocks of posts, what moderators said of them, and the truth, as Arrow batches."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pyarrow as pa

from infra.simulator.authors import MARKET_CODES, RING_SIZE, Authors, present
from infra.simulator.captions import DRAWS, Captions, pick
from infra.simulator.moderators import Roster
from infra.simulator.pictures import NAMES, Gallery
from infra.simulator.plan import BLOCK_POSTS, FIRST_DAY, MODALITIES, WEEK, SimulationPlan, plan
from infra.simulator.scenarios import SCENARIOS, Scenario, Words
from infra.simulator.streams import Stream, stream
from infra.simulator.vocabulary import DRIFT, LANGUAGES, POLICIES, WAVE, Vocabulary
from models.domain.schemas import JUDGEMENTS, POSTS, TIME

SOURCE = "simulator"
CAPTIONLESS_SHARE = 0.15  # share of pictures without a caption, where the caption does not matter
MICROSECONDS = 1_000_000

TRUTH = pa.schema(
    [
        pa.field("post_id", pa.string(), nullable=False),
        pa.field("week", pa.int32(), nullable=False),
        pa.field("policies", pa.list_(pa.string()), nullable=False),  # that the post violates
        pa.field("modalities", pa.list_(pa.string()), nullable=False),  # text, image or pair: what shows each
        pa.field("phrase", pa.string()),  # of those that violate beside a drawing only
        pa.field("drawing", pa.string()),
        pa.field("repost", pa.bool_(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Batch:
    posts: pa.RecordBatch
    judgements: pa.RecordBatch
    truth: pa.RecordBatch


@dataclass
class Content:
    """What the posts of a block show, one entry a post."""

    text: list[str | None]
    image: list[bytes | None]
    phrase: list[str | None]
    drawing: list[str | None]


@dataclass(frozen=True)
class Platform:
    """Everything that a seed decides; see Vocabulary for `drift` and `wave`.

    Of the captions beside pictures the share `described` names what the picture shows.
    """

    seed: int
    drift: float = DRIFT
    wave: float = WAVE
    described: float = 0.0

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self.seed, self.drift, self.wave)

    @cached_property
    def gallery(self) -> Gallery:
        return Gallery(self.vocabulary)

    @cached_property
    def roster(self) -> Roster:
        return Roster(self.seed)

    def block(self, week: int, number: int, size: int = BLOCK_POSTS) -> Batch:
        """The first `size` posts of a block; a smaller one is a prefix of a larger one."""
        authors, captions = _week(self.seed, self.vocabulary, week)
        planned = plan(authors, self.seed, week, number)
        content = self._content(planned, authors, captions, number, size)
        ids = [f"sim{self.seed}-w{week:02d}-{number * BLOCK_POSTS + i:07d}" for i in range(size)]
        start = FIRST_DAY + (week - 1) * WEEK
        created = int(start.timestamp() * MICROSECONDS) + (planned.seconds * MICROSECONDS).astype(np.int64)
        posts = self._posts(ids, planned, authors, created, content, (week, number))
        judgements = self._judgements(ids, planned, authors, created, (week, number))
        return Batch(posts, judgements, _truth(ids, planned, content, week))

    def _content(
        self, planned: SimulationPlan, authors: Authors, captions: Captions, number: int, size: int
    ) -> Content:
        draws = stream(self.seed, Stream.CAPTIONS, captions.week, number).random((BLOCK_POSTS, DRAWS))
        choices = stream(self.seed, Stream.CROPS, captions.week, number).integers(
            1 << 16, size=(BLOCK_POSTS, 7)
        )
        names = self._names(captions.week, number)
        content = Content([], [], [], [])
        for row in range(size):
            if (source := planned.source[row]) != row:
                _repeat(content, source)
                continue
            scenario = SCENARIOS[planned.scenario[row]]
            self._picture(content, scenario, bool(planned.pictured[row]), choices[row])
            name = names(row, content.drawing[-1])
            text = _caption(captions, planned, authors, row, draws[row], name)
            silent = (
                content.image[-1] and scenario.words is Words.PLAIN and draws[row, -12] < CAPTIONLESS_SHARE
            )
            content.text.append(None if silent else text)
            content.phrase.append(_phrase(self.vocabulary, scenario, text))
        return content

    def _names(self, week: int, number: int) -> Callable[[int, str | None], str]:
        """What the caption of a row calls its drawing; empty where it says nothing of it."""
        chances = stream(self.seed, Stream.DESCRIPTIONS, week, number).random((BLOCK_POSTS, 2))

        def name(row: int, drawing: str | None) -> str:
            said, which = chances[row]
            if drawing is None or said >= self.described:
                return ""
            return pick(self.vocabulary.names(NAMES.index(drawing)), which)

        return name

    def _picture(self, content: Content, scenario: Scenario, pictured: bool, choice: np.ndarray) -> None:
        drawing = scenario.drawings[int(choice[5]) % len(scenario.drawings)] if pictured else None
        picture = self.gallery.picture(drawing, scenario.meaning, choice) if drawing else None
        content.drawing.append(drawing)
        content.image.append(picture)

    def _posts(
        self,
        ids: list[str],
        planned: SimulationPlan,
        authors: Authors,
        created: np.ndarray,
        content: Content,
        place: tuple[int, int],
    ) -> pa.RecordBatch:
        size, rng = len(ids), stream(self.seed, Stream.REACH, *place)
        who, ring = planned.author[:size], planned.ring[:size]
        views = rng.lognormal(4, 1.5, size=BLOCK_POSTS)[:size].astype(np.int64)
        accounts = rng.integers(RING_SIZE, size=BLOCK_POSTS)[:size]
        spammers = [f"author-ring-{r}-{account}" for r, account in zip(ring, accounts, strict=True)]
        author = np.where(ring >= 0, spammers, authors.author_id[who])
        columns = {
            "post_id": pa.array(ids),
            "author_id": pa.array(author.tolist()),
            "market": pa.array(MARKET_CODES[authors.market[who]].tolist()),
            "language": pa.array([LANGUAGES[i] for i in authors.language[who]]),
            "created_at": pa.array(created[:size]).cast(TIME),
            "text": pa.array(content.text, pa.string()),
            "image": pa.array(content.image, pa.binary()),
            "video": pa.nulls(size, pa.binary()),
            "views": pa.array(views),
            "source": pa.array([SOURCE] * size),
            "digest": pa.array(_digests(ids, content)),
            "version": pa.array(np.ones(size, dtype=np.int32)),
            "ingested_at": _end_of(place[0], size),
        }
        return pa.RecordBatch.from_pydict(columns, schema=POSTS)

    def _judgements(
        self,
        ids: list[str],
        planned: SimulationPlan,
        authors: Authors,
        created: np.ndarray,
        place: tuple[int, int],
    ) -> pa.RecordBatch:
        rng = stream(self.seed, Stream.VOTES, *place)
        votes = self.roster.judge(planned.truth > 0, authors.language[planned.author], rng)
        kept = slice(0, int(np.searchsorted(votes.post, len(ids))))
        post, hours = votes.post[kept], votes.hours[kept]
        decided = created[post] + (hours * 3600 * MICROSECONDS).astype(np.int64)
        columns = {
            "post_id": pa.array(ids).take(pa.array(post)),
            "policy": pa.array(POLICIES).take(pa.array(votes.policy[kept])),
            "source": pa.array(["moderator"]).take(pa.array(np.zeros(len(post), dtype=np.int64))),
            "moderator_id": pa.array(self.roster.ids).take(pa.array(votes.moderator[kept])),
            "violates": pa.array(votes.violates[kept]),
            "decided_at": pa.array(decided).cast(TIME),
            "ingested_at": pa.array(decided).cast(TIME),
        }
        unsaid = [
            field for field in JUDGEMENTS if field.name not in columns
        ]  # a vote each, and none withdrawn
        columns |= {field.name: pa.nulls(len(post), field.type) for field in unsaid}
        return pa.RecordBatch.from_pydict(columns, schema=JUDGEMENTS)


@lru_cache(maxsize=2)
def _week(seed: int, vocabulary: Vocabulary, week: int) -> tuple[Authors, Captions]:
    return present(seed, week), Captions(vocabulary, week)


def _caption(
    captions: Captions, planned: SimulationPlan, authors: Authors, row: int, draw: np.ndarray, name: str
) -> str:
    if planned.ring[row] >= 0:
        return captions.ring_message(int(planned.ring[row]), draw)
    author = planned.author[row]
    language, extra = LANGUAGES[authors.language[author]], "profanity" if planned.swears[row] else ""
    scenario = SCENARIOS[planned.scenario[row]]
    return captions.caption(scenario, language, int(authors.topic[author]), extra, draw, name)


def _repeat(content: Content, source: int) -> None:
    content.text.append(content.text[source])
    content.image.append(content.image[source])
    content.phrase.append(content.phrase[source])
    content.drawing.append(content.drawing[source])


def _phrase(vocabulary: Vocabulary, scenario: Scenario, text: str) -> str | None:
    if scenario.words not in (Words.PHRASE_0, Words.PHRASE_1):
        return None
    group = vocabulary.phrases[scenario.words is Words.PHRASE_1]
    return next(phrase for phrase in group if phrase in text.lower())


def _truth(ids: list[str], planned: SimulationPlan, content: Content, week: int) -> pa.RecordBatch:
    codes = planned.truth[: len(ids)]
    columns = {
        "post_id": ids,
        "week": [week] * len(ids),
        "policies": [[POLICIES[i] for i in np.flatnonzero(row)] for row in codes],
        "modalities": [[MODALITIES[code - 1] for code in row[row > 0]] for row in codes],
        "phrase": content.phrase,
        "drawing": content.drawing,
        "repost": planned.reposted[: len(ids)],
    }
    return pa.RecordBatch.from_pydict(columns, schema=TRUTH)


def _digests(ids: list[str], content: Content) -> list[str]:
    """Of id, text and picture; all else follows from the id."""
    rows = zip(ids, content.text, content.image, strict=True)
    return [hashlib.sha256(f"{i}\0{text}\0".encode() + (image or b"")).hexdigest() for i, text, image in rows]


def _end_of(week: int, size: int) -> pa.Array:
    """Ingested when the week is over: the clock would make two runs differ."""
    return pa.array([FIRST_DAY + week * WEEK] * size, TIME)
