"""A year of a platform in a few minutes: a first champion, a week of new slang, and the retraining that answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import starmap

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve

from flows.retrain import Outcome, Retraining, retrain
from infra.lake import open_lake
from infra.settings import Settings
from infra.simulator import DRIFTING, read_truth, simulate
from models.evaluation.scored import score_splits
from models.serving.bundle import Bundle

FIRST_WEEKS = 4
WEEKS_OF_NEW_SLANG = 2
PRECISION = 0.8


@dataclass(frozen=True)
class Measured:
    """A champion on the test posts of a snapshot, against the simulator's truth; one value a policy, NaN for none."""

    version: int | None
    weeks: str
    recall: dict[str, float]  # at PRECISION
    average_precision: dict[str, float]

    def means(self, policies: Iterable[str]) -> tuple[float, float]:
        """Mean recall and mean average precision over some policies."""
        chosen = list(policies)
        recall, precision = (
            [values[policy] for policy in chosen] for values in (self.recall, self.average_precision)
        )
        return float(np.nanmean(recall)), float(np.nanmean(precision))


@dataclass(frozen=True)
class Story:
    """The champion in its own weeks, the same one in the weeks after, and the one that was retrained."""

    first: Outcome
    second: Outcome
    settled: Measured
    drifted: Measured
    retrained: Measured

    @property
    def told(self) -> tuple[Measured, Measured, Measured]:
        return self.settled, self.drifted, self.retrained

    @property
    def steady(self) -> list[str]:
        """Policies whose words do not drift."""
        return [policy for policy in self.settled.recall if policy not in DRIFTING]

    @property
    def won_back(self) -> bool:
        """Where words drifted, recall fell, and the retrained champion has more of it than the one before."""
        before, after, again = (measured.means(DRIFTING)[0] for measured in self.told)
        return self.second.promoted and after < before and after < again


def demo(settings: Settings, *, posts: int, seed: int, say: Callable[[str], None]) -> Story:
    """Simulate, retrain, let the platform drift, retrain again; `posts` is how many each week brings."""
    lake, retraining = open_lake(settings), Retraining(seed=seed, canary=False)
    say(f"weeks 1 to {FIRST_WEEKS} of a made-up platform")
    simulate(lake, posts=posts * FIRST_WEEKS, weeks=FIRST_WEEKS, seed=seed)
    say("retrain: the first champion")
    first = retrain(retraining)
    weeks = f"{FIRST_WEEKS + 1} to {FIRST_WEEKS + WEEKS_OF_NEW_SLANG}"
    say(f"weeks {weeks}: evaders find new words")
    simulate(
        lake,
        posts=posts * WEEKS_OF_NEW_SLANG,
        weeks=WEEKS_OF_NEW_SLANG,
        seed=seed,
        start_week=FIRST_WEEKS + 1,
    )
    say("retrain: a challenger that has seen them")
    second = retrain(retraining)
    say("both champions against the truth")
    return Story(
        first=first,
        second=second,
        settled=_measure(settings, first, first, f"1 to {FIRST_WEEKS}"),
        drifted=_measure(settings, first, second, weeks),
        retrained=_measure(settings, second, second, weeks),
    )


def _measure(settings: Settings, model: Outcome, held_out: Outcome, weeks: str) -> Measured:
    """The model of one retraining on the test posts of another."""
    uri = held_out.snapshot.uri
    bundle = Bundle.load(model.evaluation.bundle, threads=settings.threads)
    scored = score_splits(bundle.scorer, uri, ["test"], settings.options_for(uri))
    truth = read_truth(open_lake(settings), scored.post_id.tolist(), scored.policies).violates
    columns = list(zip(truth.T, scored.logits.T, strict=True))
    return Measured(
        version=model.release.version if model.release else None,
        weeks=weeks,
        recall=dict(zip(scored.policies, starmap(_recall, columns), strict=True)),
        average_precision=dict(zip(scored.policies, starmap(_average_precision, columns), strict=True)),
    )


def _recall(truth: np.ndarray, scores: np.ndarray) -> float:
    """The most violations that can be found while PRECISION of what is found are violations."""
    precision, recall, _ = precision_recall_curve(truth, scores)
    return float(recall[precision >= PRECISION].max()) if truth.any() else float("nan")


def _average_precision(truth: np.ndarray, scores: np.ndarray) -> float:
    return float(average_precision_score(truth, scores)) if truth.any() else float("nan")
