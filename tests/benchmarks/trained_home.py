"""A home whose champion and challenger are transformers that were trained, briefly, on a made-up platform."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from tokenizers import Tokenizer

from infra.lake import open_lake
from infra.settings import Settings
from infra.simulator import simulate, week_of_posts
from models.training.fit import fit
from models.training.presets import job_on
from tasks.data.snapshot import Snapshot, cut, pin
from tasks.release.evaluate import evaluate
from tasks.release.promote import promote
from tasks.release.register import Release, register
from tasks.training.run import begin
from tasks.training.train import Candidate

PRESET = "transformer"
STEPS = 60
TOKENS = 30  # of each text that is sent
TEXTS = 512


def make_home(home: Path) -> tuple[Settings, Path]:
    """Version 1 is the champion, version 2 a challenger; the folder is the champion's bundle."""
    settings = Settings(home=home, _env_file=None)
    simulate(open_lake(settings), posts=6000, weeks=4, seed=0)
    snapshot = cut.fn(settings, pin.fn(settings, None), "community_guidelines", 0)
    champion = _registered(settings, snapshot, seed=0)
    promote.fn(settings, champion[0])
    _registered(settings, snapshot, seed=1)
    return settings, champion[1]


def _registered(settings: Settings, snapshot: Snapshot, *, seed: int) -> tuple[Release, Path]:
    run = begin.fn(settings, snapshot, PRESET, seed)
    folder = settings.work / "candidates" / run.key[:16]
    short = f"{PRESET},modalities=text,ngram_bits=0,minimum_steps={STEPS},epochs=1"
    fit(job_on(snapshot.uri, preset=short, seed=seed, folder=folder))
    candidate = Candidate(
        key=run.key, run_id=run.run_id, folder=folder, snapshot=snapshot, preset=PRESET, seed=seed
    )
    found = evaluate.fn(settings, candidate, None)
    passed = found.model_copy(update={"passed": True})  # a minute's training need not convince the gates
    return register.fn(settings, candidate, passed), found.bundle


def texts_of(bundle: Path) -> list[str]:
    """Captions of the platform, put together and cut to TOKENS tokens each."""
    tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
    limit = json.loads((bundle / "model.json").read_text())["max_tokens"]
    assert limit >= TOKENS
    return list(islice(_cut(tokenizer, _words()), TEXTS))


def _words() -> Iterator[str]:
    rows = chain.from_iterable(batch.to_pylist() for batch in week_of_posts(0, 1))
    return chain.from_iterable((row["text"] or "").split() for row in rows)


def _cut(tokenizer: Tokenizer, words: Iterator[str]) -> Iterator[str]:
    """Texts of exactly TOKENS tokens; a word that would be one too many is left out."""
    text: list[str] = []
    for word in words:
        tokens = len(tokenizer.encode(" ".join([*text, word]), add_special_tokens=False).ids)
        text = [*text, word] if tokens <= TOKENS else text
        if tokens == TOKENS:
            yield " ".join(text)
            text = []
