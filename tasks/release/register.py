"""Register an accepted candidate: one version for each, however often the step is repeated."""

from __future__ import annotations

from typing import Self

from prefect import task

from infra.markdown import code
from infra.markdown import link as link_to
from infra.registry import STATUS, Registry, Status, mark_version, publish
from infra.registry.runs import LifecycleRun
from infra.report import effects_summary, number_card
from infra.settings import Settings
from models.domain.errors import UserError
from tasks.plumbing.artifacts import run_url
from tasks.plumbing.handle import Handle
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import tells
from tasks.release.evaluate import Evaluation
from tasks.training.train import Candidate

COMMIT = "mlflow.source.git.commit"
POLICY_SET, POLICY_DIGEST = "moderato.policy_set", "moderato.policy_digest"


class RejectedCandidateError(UserError):
    """A candidate that failed a gate is never registered."""

    exit_code = 3


class Release(Handle):
    """A registered version, and what became of it.

    `previous_champion` is the version that it replaced or met, 0 where there was none; `reason` is the canary's;
    `held` means that it waits for a person's word on its promotion, `aside` that it was to go no further than this.
    """

    version: int
    key: str
    run_id: str
    snapshot: str
    promoted: bool = False
    previous_champion: int = 0
    reason: str = ""
    held: bool = False
    aside: bool = False
    asks: str = ""  # what a canary that is inconclusive asks a person, as Markdown

    def story(self) -> str:
        stands = "decides" if self.promoted else "waits for a person" if self.held else "does not decide"
        return f"version {self.version} {stands}" + (f": {self.reason}" if self.reason else "")

    def because(self, reason: str) -> Self:
        """The same release with the reason why it is not promoted."""
        return self.model_copy(update={"reason": reason})


def _registered(release: Release) -> str:
    return f"version {release.version} is registered"


@task(name="register", **PATIENT)
@tells(_registered)
def register(settings: Settings, candidate: Candidate, evaluation: Evaluation) -> Release:
    """The candidate's version, challenger to the champion; safe to repeat after being killed anywhere."""
    if not evaluation.passed:
        failed = ", ".join(sorted({check.gate for check in evaluation.gates if not check.passed}))
        raise RejectedCandidateError(f"candidate {candidate.key[:16]} failed {failed}; it is not registered")
    registry, snapshot = Registry(settings), candidate.snapshot
    tags = {f"lake.{table}": str(version) for table, version in snapshot.versions.items()}
    if snapshot.policy_digest:
        tags |= {POLICY_SET: snapshot.policy_set, POLICY_DIGEST: snapshot.policy_digest}
    commit = registry.client.get_run(candidate.run_id).data.tags.get(COMMIT)
    version = publish(
        registry,
        evaluation.bundle,
        key=candidate.key,
        run_id=candidate.run_id,
        snapshot=snapshot.id,
        tags=tags | ({"git.commit": commit} if commit else {}),
    )
    for path in number_card(evaluation.report, version.version, pdf=settings.card_pdf):
        LifecycleRun(registry, version.run_id).artifact(path, "evaluation")
    if not registry.tag(version.version, STATUS):
        mark_version(registry, version.version, Status.ACCEPTED)
    registry.note(version.version, _note(registry, version.run_id, candidate, evaluation))
    return Release(version=version.version, key=version.key, run_id=version.run_id, snapshot=snapshot.id)


@task(name="set aside", **PATIENT)
def set_aside(settings: Settings, release: Release, reason: str) -> Release:
    """The version as it is registered, with the reason why it meets no traffic; one that decides already goes on."""
    registry = Registry(settings)
    champion = registry.champion()
    registry.client.set_terminated(release.run_id)
    decides = champion is not None and champion.version == release.version
    return release.model_copy(update={"promoted": decides, "reason": reason, "aside": True})


def _note(registry: Registry, run_id: str, candidate: Candidate, evaluation: Evaluation) -> str:
    url = run_url(registry, run_id)
    figure = evaluation.metrics.macro_average_precision
    precision = "unknown" if figure is None else f"{figure:.3f}"
    snapshot = candidate.snapshot.id[:12]
    made = (
        f"Preset {code(candidate.preset)} on snapshot {code(snapshot)}, macro average precision {precision}."
    )
    lines = [
        made,
        f"{link_to('The run', url)} holds the model card, the Data Docs and the canary." if url else "",
        effects_summary(evaluation.effects),
        (evaluation.report / "beside.md").read_text(),
    ]
    return "\n\n".join(line for line in lines if line)
