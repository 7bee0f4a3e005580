"""What reading wins: violations that only a drawn word shows, found with `reads=ocr` and without, on simulated posts.

`python -m tests.benchmarks.words_in_pictures [POSTS] [PRESET]` takes the posts of the simulator whose picture is a
speech bubble, in half of which the word is profane and in half harmless, beside as many others, trains on seven in ten
and prints a row of the docs' table for each.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.metrics import average_precision_score

from infra.simulator.plan import BLOCK_POSTS
from infra.simulator.platform import Platform
from models.distributed.job import Job
from models.evaluation.predictions import score_splits
from models.inference.scorer import Scorer
from models.training.fit import fit
from models.training.presets import preset_named
from tests.support.made_up_snapshot import Row, write_snapshot

SEED, POLICY = 7, "profanity"
ALARMS = 0.05  # share of harmless bubbles that may be taken for violations
FOUND = 0.9  # share of violations that are found where the alarms among all that is harmless are counted
SHARES = (0.6, 0.7, 0.71, 1.0)  # of the splits


def rows(posts: int) -> tuple[list[Row], list[bool]]:
    """So many posts, in an order that says nothing, and which show a bubble."""
    platform, rude, plain, others = Platform(SEED), [], [], []
    number = 0
    while min(len(rude), len(plain)) * 4 < posts:
        batch = platform.block(1 + number // 5, number % 5, BLOCK_POSTS)
        for post, truth in zip(batch.posts.to_pylist(), batch.truth.to_pylist(), strict=True):
            shown = dict(zip(truth["policies"], truth["modalities"], strict=True)).get(POLICY)
            row = Row(post["text"], post["image"], (float(shown is not None),))
            if truth["drawing"] == "bubble" and shown in (None, "image"):
                (rude if shown else plain).append(row)
            elif shown is None:
                others.append(row)
        number += 1
    chosen = [*rude[: posts // 4], *plain[: posts // 4], *others[: posts // 2]]
    bubbles = np.arange(len(chosen)) < posts // 4 * 2
    order = np.random.default_rng(SEED).permutation(len(chosen))
    return [chosen[place] for place in order], bubbles[order].tolist()


def main(posts: int = 800, preset: str = "compact,folds=0") -> None:
    with TemporaryDirectory() as folder:
        made, bubbles = rows(posts)
        uri = write_snapshot(folder, made, (POLICY,), shares=SHARES)
        for name, reads in (("without", ""), ("reads=ocr", "ocr")):
            chosen = preset_named(preset).replace(reads=reads)
            place, kept = Path(folder, name), f"{folder}/kept"
            job = Job(snapshot_uri=uri, preset=chosen, seed=SEED, folder=place, embeddings=kept)
            scored = score_splits(Scorer.load(fit(job).model), uri, ["test"])
            shown = np.array([bubbles[int(post.removeprefix("p"))] for post in scored.post_id])
            labels, logits = scored.labels[shown, 0], scored.logits[shown, 0]
            limit = np.quantile(logits[labels == 0], 1 - ALARMS)
            recall = (logits[labels == 1] > limit).mean()
            harmless = scored.logits[scored.labels[:, 0] == 0, 0]
            alarms = (harmless >= np.quantile(logits[labels == 1], 1 - FOUND)).mean()
            precision = average_precision_score(labels, logits)
            print(f"| {name} | {len(labels)} | {precision:.3f} | {recall:.2f} | {alarms:.3f} |", flush=True)


if __name__ == "__main__":
    main(*(kind(given) for kind, given in zip((int, str), sys.argv[1:], strict=False)))
