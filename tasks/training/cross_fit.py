"""Where a small lake's other splits prove too little, let its training split prove thresholds too."""

from __future__ import annotations

from filelock import FileLock, Timeout
from prefect import task

from infra.settings import Settings
from models.evaluation.sufficiency import Tally
from tasks.data.policy_set import policy_set_as
from tasks.plumbing.caching import ON_DATA_AND_CONFIGURATION
from tasks.plumbing.retrying import PATIENT
from tasks.training.run import Run
from tasks.training.train import Candidate, TrainingInProgressError

FOLDS = "folds"


@task(name="cross-fit", cache_policy=ON_DATA_AND_CONFIGURATION, persist_result=True, **PATIENT)
def cross_fit(settings: Settings, run: Run, candidate: Candidate) -> Candidate:
    """The candidate with scores of the posts that it learned from, by models that had not; as it is where those would
    prove nothing more.
    """
    snapshot = candidate.snapshot
    from models.training.cross_fit import is_worth_it, score_out_of_fold
    from tasks.training.progress import Progress

    policy_set = policy_set_as(snapshot.policy_set, snapshot.policy_digest)
    if not is_worth_it(policy_set, run.preset, Tally.of(snapshot.uri, settings.options_for(snapshot.uri))):
        return candidate
    job = run.job(settings, snapshot.uri, candidate.folder / FOLDS)
    try:
        with FileLock(job.folder / "lock", timeout=0):
            files = score_out_of_fold(job, callbacks=[Progress(run.given, run.preset)])
    except Timeout:
        raise TrainingInProgressError(
            f"another process cross-fits candidate {candidate.key[:16]}; wait for it, or stop it and run this again"
        ) from None
    return candidate.model_copy(update={"out_of_fold": tuple(files)})
