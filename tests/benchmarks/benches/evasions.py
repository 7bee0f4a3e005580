"""What of spam still passes when it is respelled: a model of real messages on spellings of its own test split.

docs/evasions.md shows the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from spellings import diluted, drawn_alike, respelled

from models.inference.scorer import Scorer
from models.training.fit import fit
from models.training.presets import job_on
from tests.benchmarks.frame import Bench, Figure, Seen, Table, at_least, shared_data
from tests.support.made_up_snapshot import Row, write_snapshot

QUIET = 0.01  # share of harmless messages that may be taken for spam
HARMLESS = 200  # messages that are respelled beside all spam
SPELLINGS = {  # and what of spam that is written plainly must be found in the worst of them
    drawn_alike: ("spellings that draw the same letters", 1.0),
    respelled: ("other spellings of the same words", 0.9),
    diluted: ("much harmless text around it", 0.95),
}
FOUND = {
    spell: Figure(
        name=f"spam found in the worst of {words}", beside="spam that is written plainly", aim=at_least(least)
    )
    for spell, (words, least) in SPELLINGS.items()
}


def measure(folder: Path) -> Iterator[Seen | Table]:
    path = shared_data("sms-spam.tsv")
    messages = pd.read_csv(path, sep="\t", header=None, names=["kind", "text"], quoting=3)
    mixed = messages.sample(frac=1, random_state=0)
    rows = [Row(text, None, (float(kind == "spam"),)) for kind, text in mixed.itertuples(index=False)]
    uri = write_snapshot(folder, rows, ["fraud_and_spam"])
    report = fit(
        job_on(uri, preset="compact", seed=0, folder=folder / "run", threads=1, modalities=("text",))
    )
    scorer = Scorer.load(report.model, threads=1)
    unseen = rows[int(0.85 * len(rows)) :]
    texts = [(row.text or "").lower() for row in unseen]
    spam = np.array([row.labels[0] for row in unseen]) > 0
    plain = scorer.logits(texts, [None] * len(texts))[:, 0]
    threshold = np.quantile(plain[~spam], 1 - QUIET)
    shares = {"plain": shares_of(scorer, texts, spam, threshold)}
    for spell, figure in FOUND.items():
        each = [spell(text) for text in texts]
        found = {name: shares_of(scorer, [one[name] for one in each], spam, threshold) for name in each[0]}
        worst = min(found, key=lambda name: found[name][0])
        yield figure.seen(found[worst][0] / shares["plain"][0], worst)
        shares |= found
    table = tuple((name, *(f"{share:.0%}" for share in three)) for name, three in shares.items())
    yield Table(columns=("spelling", "spam found", "harmless taken for spam", "unread"), rows=table)


def shares_of(
    scorer: Scorer, texts: list[str], spam: np.ndarray, threshold: float
) -> tuple[float, float, float]:
    """Of spam that is found, of what is harmless that is taken for spam, of decisions that did not read all."""
    chosen = np.concatenate([np.flatnonzero(spam), np.flatnonzero(~spam)[:HARMLESS]])
    found = scorer.read([texts[row] for row in chosen], [None] * len(chosen))
    over, told = found.logits[:, 0] >= threshold, np.array([bool(items) for items in found.unread])
    is_spam = spam[chosen]
    return over[is_spam].mean(), over[~is_spam].mean(), told.mean()


BENCH = Bench(figures=tuple(FOUND.values()), measure=measure, seeds="0")
