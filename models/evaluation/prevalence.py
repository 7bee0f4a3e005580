"""How many of the posts that nobody judged violate a policy, as far as a model's scores can tell.

Label shift: violations score as judged violations do and the rest as the judged rest, only their shares differ. Then
the scores of unjudged posts are a mixture of two known distributions, whose weight is the prevalence: the likeliest is
what EM climbs to (Saerens, Latinne and Decaestecker, 2002), and beside it stands what a confusion matrix gives (BBSE;
Lipton, Wang and Smola, 2018). Scores are counted in bins, so that the class-conditional likelihoods need no calibrated
model (Alexandari, Kundaje and Shrikumar, 2020, on why EM otherwise does).

The assumption can be wrong: of posts of another kind a model knows neither class (covariate shift), and no weight
explains their scores. A likelihood ratio test of the three samples together says so; what it finds counts where the
distance is one that matters, for of many posts every difference is found.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.evaluation.report import Figure

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]

BINS = 12  # of equally many posts of the three samples, each of which weighs the same
A_BIN = 5  # judged posts of the rarer class for each bin
LEAST_JUDGED = 20  # posts of either class, below which their scores say too little
LEAST_UNJUDGED = 200  # posts
SIGNIFICANCE = 0.0001  # of the test, over all policies together (Bonferroni)
TOLERATED = 0.05  # total variation between the scores and the mixture that is closest to them
RESAMPLES = 300
HALVINGS = 40  # of where the weight can lie
ROUNDS = 300  # of EM; what is left to gain then is far below what a test of these samples can see
SMOOTHING = 0.5  # posts in each bin of a class beside those seen: what was not seen is rare, not impossible

NEXT_TO_NONE = 1e-6  # share of posts

Verdict = Literal["as judged", "shifted", "unlike", "unknown"]


class Prevalence(BaseModel):
    """Of one policy. `judged` is the share that violates of the posts that thresholds come from.

    as judged: the interval of the estimate holds that share. shifted: it does not, and label shift explains the scores.
    unlike: no mixture of the judged classes has such scores, `distance` away in total variation, or next to no judged
    post is harmless, so that scores say nothing of prevalence. unknown: too few posts, or scores that part none of
    them. `by_confusion` is by BBSE.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: str
    verdict: Verdict
    judged: float | None = None
    estimate: Figure = Figure(value=None)
    by_confusion: float | None = None
    distance: float | None = None
    p_value: float | None = None

    @property
    def odds(self) -> float:
        """By how much the odds of a violation differ from those among judged posts; 1 unless they are shifted."""
        return self._odds(self.estimate.value)

    @property
    def least_odds(self) -> float:
        """The least that the interval leaves; never above 1: an estimate alone makes no threshold looser."""
        return min(1.0, self._odds(self.estimate.low))

    @property
    def may_be_none(self) -> bool:
        """Whether the interval leaves room for no violation at all, which would let no threshold be proven."""
        return self.verdict == "shifted" and (self.estimate.low or 0.0) < NEXT_TO_NONE

    def _odds(self, prevalence: float | None) -> float:
        if self.verdict != "shifted" or prevalence is None or not self.judged or self.judged >= 1:
            return 1.0
        prevalence = min(prevalence, 1 - 1e-6)
        return prevalence / (1 - prevalence) / (self.judged / (1 - self.judged))

    @property
    def why(self) -> str:
        """Why scores say nothing, where they are unlike."""
        if self.distance is None:
            return "next to no judged post is harmless"
        return f"the scores of unjudged posts are no mixture of those of judged ones (distance {self.distance:.2f})"

    @property
    def told(self) -> str:
        """In words for people."""
        found, judged = self.estimate, f"{_percent(self.judged)} of the judged posts"
        if self.verdict == "unknown":
            return f"{self.policy}: too few posts to estimate how many of the unjudged violate"
        if self.verdict == "unlike":
            return (
                f"{self.policy}: {self.why}; how many violate cannot be told before people judge some of them"
            )
        estimate = f"{_percent(found.value)} ({_percent(found.low)} to {_percent(found.high)})"
        return f"{self.policy}: an estimated {estimate} of the unjudged posts violate, {judged}"


def prevalence_of(
    policy: str, scores: Floats, violates: Flags, unjudged: Floats, *, policies: int = 1, seed: int = 0
) -> Prevalence:
    """scores, violates: [N] of judged posts that the model did not learn from; unjudged: scores [M] by the same model.

    Only the order of the scores matters. `policies` are asked about together.
    """
    violations, harmless = int(violates.sum()), int((~violates).sum())
    share = float(violates.mean()) if len(violates) else None
    if violations < LEAST_JUDGED or len(unjudged) < LEAST_UNJUDGED:
        return Prevalence(policy=policy, verdict="unknown", judged=share)
    if harmless < LEAST_JUDGED:
        return Prevalence(policy=policy, verdict="unlike", judged=share)
    samples = (scores[~violates], scores[violates], unjudged)
    counts = _counted(samples, int(np.clip(min(violations, harmless) // A_BIN, 3, BINS)))
    by_confusion = _by_confusion(counts)
    if by_confusion is None or (counts.sum(axis=0) > 0).sum() < 2:  # noqa: PLR2004 - scores that part nothing
        return Prevalence(policy=policy, verdict="unknown", judged=share)
    found = _estimates(counts, np.random.default_rng(seed))
    figure = Figure.of(found)
    distance, p_value = _misfit(counts, float(found[0]))
    unlike = p_value < SIGNIFICANCE / policies and distance > TOLERATED
    low, high = figure.low or 0.0, 1.0 if figure.high is None else figure.high
    within = share is not None and low <= share <= high
    return Prevalence(
        policy=policy,
        verdict="unlike" if unlike else "as judged" if within else "shifted",
        judged=share,
        estimate=figure,
        by_confusion=by_confusion,
        distance=distance,
        p_value=p_value,
    )


def _counted(samples: tuple[Floats, ...], bins: int) -> Floats:
    """Counts [3, K] of the samples in at most so many bins; equal scores are never parted."""
    together = np.concatenate(samples)
    weights = np.concatenate([np.full(len(part), 1 / len(part)) for part in samples])
    order = np.argsort(together, kind="stable")
    reached = np.cumsum(weights[order]) / len(samples)
    wanted = np.searchsorted(reached, np.arange(1, bins) / bins)
    edges = np.unique(together[order][np.minimum(wanted, len(together) - 1)])
    return np.array(
        [np.bincount(np.searchsorted(edges, part), minlength=len(edges) + 1) for part in samples], float
    )


def _shares(counts: Floats) -> Floats:
    smoothed = counts + SMOOTHING
    return np.asarray(smoothed / smoothed.sum(axis=-1, keepdims=True))


def _estimates(counts: Floats, rng: np.random.Generator) -> Floats:
    """The estimate, then its bootstrap resamples, in which all three samples are drawn anew."""
    resampled = [rng.multinomial(int(part.sum()), part / part.sum(), RESAMPLES) for part in counts]
    drawn = np.concatenate([counts[None], np.stack(resampled, axis=1)])  # [1 + RESAMPLES, 3, K]
    return _likeliest(_shares(drawn[:, 0]), _shares(drawn[:, 1]), drawn[:, 2])


def _likeliest(harmless: Floats, violating: Floats, counts: Floats) -> Floats:
    """The weight [B] of `violating` in the mixture that makes the counts likeliest; each argument [B, K].

    What EM climbs to. The likelihood is concave in the weight, so that halving finds where its slope is nought, or the
    edge, which EM only creeps towards.
    """
    low, high = np.zeros(len(counts)), np.ones(len(counts))
    apart = violating - harmless
    for _ in range(HALVINGS):
        weight = (low + high) / 2
        rises = (counts * apart / (harmless + weight[:, None] * apart)).sum(axis=1) > 0
        low, high = np.where(rises, weight, low), np.where(rises, high, weight)
    return (low + high) / 2


def _by_confusion(counts: Floats) -> float | None:
    """BBSE with the cut between the bins at which the classes are furthest apart; None where nothing parts them."""
    flagged = 1 - np.cumsum(_shares(counts), axis=1)  # [3, K]: above each bin's end
    apart = flagged[1] - flagged[0]
    best = int(apart.argmax())
    if apart[best] <= 0:
        return None
    return float(np.clip((flagged[2, best] - flagged[0, best]) / apart[best], 0, 1))


def _misfit(counts: Floats, weight: float) -> tuple[float, float]:
    """Total variation between the unjudged scores and the mixture of that weight, and the p-value of the test.

    The null hypothesis has 2 (K - 1) + 1 parameters, and the data 3 (K - 1) degrees of freedom. A weight at the edge of
    what can be is none that was fitted, which is what the further degree of freedom is for.
    """
    from scipy.stats import chi2

    harmless, violating = _shares(counts[:2])
    seen = counts[2] / counts[2].sum()
    distance = 0.5 * float(np.abs(seen - weight * violating - (1 - weight) * harmless).sum())
    fitted, weight = _together(counts)
    expected = np.stack([fitted[0], fitted[1], weight * fitted[1] + (1 - weight) * fitted[0]])
    expected *= counts.sum(axis=1, keepdims=True)
    deviance = 2 * float(np.sum(np.where(counts > 0, counts * np.log(np.maximum(counts, 1) / expected), 0)))
    edge = min(weight, 1 - weight) < 1e-3  # noqa: PLR2004 - where EM's weight creeps to nought
    return distance, float(chi2.sf(deviance, max(1, counts.shape[1] - 2 + edge)))


def _together(counts: Floats) -> tuple[Floats, float]:
    """The two distributions [2, K] and the weight that make all three samples likeliest, by EM."""
    harmless, violating = _shares(counts[:2])
    weight = float(_likeliest(harmless[None], violating[None], counts[2:3])[0])
    for _ in range(ROUNDS):
        ours = weight * violating
        taken = counts[2] * ours / (ours + (1 - weight) * harmless)
        weight = float(taken.sum() / counts[2].sum())
        violating = np.maximum(counts[1] + taken, 1e-9)
        harmless = np.maximum(counts[0] + counts[2] - taken, 1e-9)
        violating, harmless = violating / violating.sum(), harmless / harmless.sum()
    return np.stack([harmless, violating]), weight


def _percent(share: float | None) -> str:
    return "an unknown share" if share is None else f"{100 * share:.1f} %"
