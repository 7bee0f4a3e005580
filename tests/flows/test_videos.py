"""The whole lifecycle with a preset that watches: from clips in folders to a champion that scores videos."""

import numpy as np
import pytest
from tiny_model import open_store

from flows.form import RollOut, Training
from flows.retrain import retrain
from infra.ingest import ingest
from infra.registry import Registry
from infra.settings import Settings
from infra.watch import reference_view
from models.bundle.bundle import Bundle
from tests.support.made_up_snapshot import film

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]

CLIPS, SHOTS, CALM = 480, 8, ("navy", "green", "gray", "teal")
QUICK = "video,width=16,image_size=32,vocabulary=300,ngram_bits=0"


@pytest.fixture
def simulated(tmp_path):
    """A home with nothing in its lake."""
    settings = Settings(home=tmp_path / "empty", _env_file=None)
    open_store(settings)
    return settings.home


def clip(rng, *, red):
    """Eight shots, of which one may be red."""
    colours = list(rng.choice(CALM, SHOTS))
    if red:
        colours[rng.integers(SHOTS)] = "red"
    return film(colours)


@pytest.fixture
def folder(tmp_path):
    """Clips as the source `fights` has them, in which a red shot is the violence."""
    rng = np.random.default_rng(0)
    for number in range(CLIPS):
        path = tmp_path / "clips" / ("fight" if number % 2 else "no_fight") / f"{number}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(clip(rng, red=number % 2))
    return tmp_path / "clips"


def retrained(settings, folder, preset):
    ingest(settings, "fights", str(folder))
    return retrain(training=Training(preset=preset), rollout=RollOut(canary=False))


def test_clips_become_a_champion_that_watches(home, folder):
    outcome = retrained(home, folder, f"{QUICK},frames={SHOTS},minimum_steps=240")
    assert outcome.promoted, outcome.evaluation.gates
    registry = Registry(home)
    bundle = Bundle.load(registry.fetch(registry.champion()))
    rng = np.random.default_rng(1)
    films = [clip(rng, red=number < 4) for number in range(8)]
    scores = bundle.score([None] * 8, [None] * 8, films)[:, bundle.policies.index("violence")]
    assert scores[:4].min() > scores[4:].max()
    learned_from = reference_view(bundle, outcome.snapshot.uri, {})  # what live traffic is held against
    column = learned_from.policies.index("violence")
    red = learned_from.violates[:, column]
    assert learned_from.scores[red, column].mean() > learned_from.scores[~red, column].mean() + 0.2


def test_real_clips_go_through_to_the_gates(home, shared_data):
    files = list((shared_data / "fights").glob("*/*.mp4"))
    outcome = retrained(home, shared_data / "fights", f"{QUICK},frames=4,epochs=1,minimum_steps=30")
    assert sum(outcome.snapshot.counts.values()) == len(files)
    assert (
        outcome.promoted == outcome.evaluation.passed == all(gate.passed for gate in outcome.evaluation.gates)
    )
    bundle = Bundle.load(outcome.evaluation.bundle)
    seconds, logits = bundle.scorer.moments(files[0].read_bytes())
    assert (np.diff(seconds) > 0).all()
    assert logits.shape == (4, len(bundle.policies))
