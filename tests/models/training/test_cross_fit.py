import numpy as np
import pytest

from models.data.snapshot import SnapshotRows
from models.evaluation.predictions import kept
from models.training.cross_fit import score_out_of_fold
from models.training.presets import job_on
from tests.support.made_up_snapshot import POLICIES, made_up_rows, write_snapshot

pytestmark = pytest.mark.slow
QUICK = "trial,modalities=text,vocabulary=300,ngram_bits=8,width=16,batch_size=16,minimum_steps=60,folds=2"


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return write_snapshot(tmp_path_factory.mktemp("snapshot"), made_up_rows(240))


@pytest.fixture(scope="module")
def made(uri, tmp_path_factory):
    folder = tmp_path_factory.mktemp("folds")
    return folder, cross_fitted(uri, folder)


def cross_fitted(uri, folder):
    return score_out_of_fold(job_on(uri, preset=QUICK, seed=0, folder=folder, threads=1))


def test_every_post_of_the_training_split_is_scored_once_by_a_model_that_had_not_learned_from_it(made, uri):
    rows = SnapshotRows.open(uri)
    learned = rows.take(rows.positions("train"), "post_id")["post_id"].to_pylist()
    parts = [kept(path) for path in made[1]]
    assert len(parts) == 2
    assert sorted(np.concatenate([part.post_id for part in parts])) == sorted(learned)
    assert not set(parts[0].cluster) & set(parts[1].cluster)
    for part in parts:
        spam = part.labels[:, POLICIES.index("fraud_and_spam")]
        scores = part.logits[:, POLICIES.index("fraud_and_spam")]
        assert scores[spam == 1].mean() > scores[spam == 0].mean()


def test_nothing_is_left_but_scores_and_a_repetition_trains_nothing(made, uri):
    folder, files = made
    assert [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()] == [
        "fold-0/scores.npz",
        "fold-1/scores.npz",
    ]
    before = [path.stat().st_mtime_ns for path in files]
    assert cross_fitted(uri, folder) == files
    assert [path.stat().st_mtime_ns for path in files] == before


def test_a_fold_that_was_killed_is_made_anew_and_the_others_stay(made, uri, tmp_path):
    first = tmp_path / "fold-0"
    first.mkdir()
    (first / "scores.npz").write_bytes(made[1][0].read_bytes())
    (tmp_path / "fold-1" / "snapshot.lance" / "data").mkdir(parents=True)  # half of one
    files = cross_fitted(uri, tmp_path)
    assert kept(files[1]).logits == pytest.approx(kept(made[1][1]).logits)
