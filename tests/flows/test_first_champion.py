"""A first champion from few posts that anybody can tell apart: what violates is acted on, or a person looks at it."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from flows.form import RollOut, Training
from flows.retrain import retrain
from infra.ingest import ingest
from infra.registry import Registry
from tasks.score import score

pytestmark = [pytest.mark.slow, pytest.mark.minutes, pytest.mark.usefixtures("prefect_server")]

QUICK = "trial,modalities=text"
SYLLABLES = [
    "ka",
    "lo",
    "mi",
    "ne",
    "ru",
    "sa",
    "to",
    "vi",
    "be",
    "du",
    "fa",
    "gi",
    "ho",
    "ju",
    "pe",
    "ri",
    "su",
    "ta",
    "wo",
    "zi",
]


def separable(path, count):
    """So many posts, of which every fourth holds a word that no other does."""
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(SYLLABLES, 3)) for _ in range(600)]
    with path.open("w") as file:
        for number in range(count):
            text = [*rng.choice(words, 10), *(["vrenk"] if number % 4 == 0 else [])]
            label = {"hate_speech": number % 4 == 0}
            file.write(json.dumps({"post_id": f"p{number}", "text": " ".join(text), "labels": label}) + "\n")
    return path


@pytest.mark.parametrize("count", [450, 2000])
def test_what_violates_is_acted_on_or_reviewed(settings, tmp_path, count):
    source = separable(tmp_path / "posts.jsonl", count)
    ingest(settings, "jsonl", str(source))
    outcome = retrain(training=Training(preset=QUICK), rollout=RollOut(canary=False))
    assert outcome.promoted
    effects = outcome.evaluation.effects
    assert effects.acted > 0
    assert len(effects.not_assessed) == 11
    score.fn(settings, source, tmp_path / "scores.parquet", "champion")
    rows = pq.read_table(tmp_path / "scores.parquet").to_pylist()
    allowed = [row["action"] == "allow" for row in rows]
    passed = sum(allowed[0::4])
    assert passed <= 0.02 * count / 4
    assert sum(not one for one in allowed) < 0.4 * count  # and what does not violate is left alone
    run = Registry(settings).client.get_run(outcome.run_id)
    assert "hate_speech" not in run.data.tags["moderato.not_assessed"]
