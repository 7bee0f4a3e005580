"""Text against the baseline that every team has: TF-IDF of words and word pairs with logistic regression."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from tests.benchmarks.frame import Bench, Figure, Seen, at_least, shared_data

PRECISION = Figure(
    name="mean average precision on unseen tweets (Davidson et al.)",
    beside="TF-IDF of words and word pairs with logistic regression",
    aim=at_least(1),
)
POLICIES = {"hate_speech": 0, "profanity": 1}


def moderato(home, *arguments):
    environment = {**os.environ, "MODERATO_HOME": str(home)}
    command = [sys.executable, "-c", "from flows.cli import main; main()", *map(str, arguments)]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


def write_posts(path, posts, labelled):
    with path.open("w") as file:
        for number, post in posts.iterrows():
            labels = {policy: bool(post["class"] == code) for policy, code in POLICIES.items()}
            file.write(
                json.dumps(
                    {"post_id": f"t{number}", "text": post["tweet"]}
                    | ({"labels": labels} if labelled else {})
                )
                + "\n"
            )


def measure(folder: Path) -> Iterator[Seen]:
    posts = pd.read_csv(shared_data("davidson.csv"))
    later = posts.index.isin(posts.sample(frac=0.2, random_state=0).index)
    training, unseen = posts[~later], posts[later]
    write_posts(folder / "training.jsonl", training, labelled=True)
    write_posts(folder / "unseen.jsonl", unseen, labelled=False)
    moderato(folder / "home", "ingest", "jsonl", folder / "training.jsonl")
    moderato(folder / "home", "retrain")
    moderato(folder / "home", "score", folder / "unseen.jsonl", folder / "scores.parquet")
    scores = pq.read_table(folder / "scores.parquet").to_pandas().set_index("post_id")
    scores = scores.loc[[f"t{number}" for number in unseen.index]]
    ours = {
        policy: average_precision_score(unseen["class"] == code, scores[policy])
        for policy, code in POLICIES.items()
    }
    theirs = baseline(training, unseen)
    mean, bar = np.mean(list(ours.values())), np.mean(list(theirs.values()))
    each = ", ".join(f"{policy} {ours[policy]:.3f} beside {theirs[policy]:.3f}" for policy in POLICIES)
    yield PRECISION.seen(mean / bar, f"{mean:.3f} beside {bar:.3f}: {each}")


def baseline(training, unseen):
    words = TfidfVectorizer(ngram_range=(1, 2))
    features, held_out = words.fit_transform(training["tweet"]), words.transform(unseen["tweet"])
    found = {}
    for policy, code in POLICIES.items():
        model = LogisticRegression(max_iter=1000).fit(features, training["class"] == code)
        found[policy] = average_precision_score(unseen["class"] == code, model.predict_proba(held_out)[:, 1])
    return found


BENCH = Bench(figures=(PRECISION,), measure=measure, seeds="0")
