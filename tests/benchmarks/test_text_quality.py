"""Text against the baseline that every team has: TF-IDF of words and word pairs with logistic regression."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]
POLICIES = {"hate_speech": 0, "profanity": 1}


def moderato(home, *arguments):
    environment = {**os.environ, "MODERATO_HOME": str(home)}
    command = [sys.executable, "-c", "from flows.command_line import main; main()", *map(str, arguments)]
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


def test_a_retrained_model_ranks_at_least_as_well_as_tf_idf(shared_data, tmp_path):
    posts = pd.read_csv(shared_data / "davidson.csv")
    later = posts.index.isin(posts.sample(frac=0.2, random_state=0).index)
    training, unseen = posts[~later], posts[later]
    write_posts(tmp_path / "training.jsonl", training, labelled=True)
    write_posts(tmp_path / "unseen.jsonl", unseen, labelled=False)
    moderato(tmp_path / "home", "ingest", "jsonl", tmp_path / "training.jsonl")
    moderato(tmp_path / "home", "retrain")
    moderato(tmp_path / "home", "score", tmp_path / "unseen.jsonl", tmp_path / "scores.parquet")
    scores = pq.read_table(tmp_path / "scores.parquet").to_pandas().set_index("post_id")
    scores = scores.loc[[f"t{number}" for number in unseen.index]]
    ours = {
        policy: average_precision_score(unseen["class"] == code, scores[policy])
        for policy, code in POLICIES.items()
    }
    theirs = baseline(training, unseen)
    for policy in POLICIES:
        print(f"\n{policy}: moderato {ours[policy]:.4f}, TF-IDF {theirs[policy]:.4f}", end="")
    mean, bar = np.mean(list(ours.values())), np.mean(list(theirs.values()))
    print(f"\nmean: moderato {mean:.4f}, TF-IDF {bar:.4f}, ratio {mean / bar:.3f}")


def baseline(training, unseen):
    words = TfidfVectorizer(ngram_range=(1, 2))
    features, held_out = words.fit_transform(training["tweet"]), words.transform(unseen["tweet"])
    found = {}
    for policy, code in POLICIES.items():
        model = LogisticRegression(max_iter=1000).fit(features, training["class"] == code)
        found[policy] = average_precision_score(unseen["class"] == code, model.predict_proba(held_out)[:, 1])
    return found
