"""What of spam still passes when it is respelled: a model of real messages on spellings of its own test split.

`.venv/bin/pytest -s tests/benchmarks/test_evasions.py` measures it and writes docs/evasions.md.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from spellings import diluted, drawn_alike, respelled

from models.serving.inference import Scorer
from models.training.fit import fit
from tests.support.made_up_snapshot import Row, write_snapshot

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]
PAGE = Path(__file__).parents[2] / "docs" / "evasions.md"
QUIET = 0.01  # share of harmless messages that may be taken for spam
HEAD = """# What still passes

People respell what a model would find. What draws the same letters (zero widths, joiners, fillers, selectors, tags,
marks of direction, full width, look-alikes of other scripts, struck-through letters, character references of HTML) is
folded before any model reads, as are words spelt letter by letter. Other spellings are learned from respelled copies
(`respell` of a preset), and long texts are read in windows of which the strongest decides. The table says how much that
leaves.

Measured by `.venv/bin/pytest -s tests/benchmarks/test_evasions.py`: `compact` learned from 70 % of 5,572 text messages
(the UCI SMS spam collection); a threshold that takes 1 % of harmless messages for spam finds so much of the spam among
the last 15 %, and takes so much of what is harmless for spam, in each spelling. "unread" is how many of the decisions
said that not all was read.

| spelling | spam found | harmless taken for spam | unread |
|---|---|---|---|
"""


def test_what_of_spam_still_passes(shared_data, tmp_path):
    messages = pd.read_csv(
        shared_data / "sms-spam.tsv", sep="\t", header=None, names=["kind", "text"], quoting=3
    )
    mixed = messages.sample(frac=1, random_state=0)
    rows = [Row(text, None, (float(kind == "spam"),)) for kind, text in mixed.itertuples(index=False)]
    uri = write_snapshot(tmp_path, rows, ["fraud_and_spam"])
    report = fit(uri, preset="compact", seed=0, folder=tmp_path / "run", threads=1, modalities=("text",))
    scorer = Scorer.load(report.model, threads=1)
    unseen = rows[int(0.85 * len(rows)) :]
    texts = [(row.text or "").lower() for row in unseen]
    spam = np.array([row.labels[0] for row in unseen]) > 0
    plain = scorer.logits(texts, [None] * len(texts))[:, 0]
    threshold = np.quantile(plain[~spam], 1 - QUIET)
    lines = [line("plain", scorer, texts, spam, threshold)]
    for spell in (drawn_alike, respelled, diluted):
        each = [spell(text) for text in texts]
        lines += [line(name, scorer, [one[name] for one in each], spam, threshold) for name in each[0]]
    print("\n" + "\n".join(lines))
    PAGE.write_text(HEAD + "\n".join(lines) + "\n")


def line(name, scorer, texts, spam, threshold):
    chosen = np.concatenate([np.flatnonzero(spam), np.flatnonzero(~spam)[:200]])
    found = scorer.read([texts[row] for row in chosen], [None] * len(chosen))
    over, told = found.logits[:, 0] >= threshold, np.array([bool(items) for items in found.unread])
    is_spam = spam[chosen]
    return f"| {name} | {over[is_spam].mean():.0%} | {over[~is_spam].mean():.0%} | {told.mean():.0%} |"
