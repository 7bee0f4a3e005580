"""When harm began is not known: what the stages of a rollout have shown, weighed over every start that there may be.

Let e_j be the evidence of harm in stage j: for whatever values both models have there, as long as they are no harm, at
most a supermartingale that begins at 1 with the stage. Then so is the product of the e_j from stage k on, for what is
bet in a stage is fixed before its first post: under no harm in any stage, E[e_k ... e_j] <= 1 whenever one stops. And

    E = w_1 e_1 e_2 ... e_s + w_2 e_2 ... e_s + ... + w_s e_s + (w_{s+1} + ...),      w_1 + w_2 + ... <= 1

is their mean, with a 1 for each start that is yet to come: a supermartingale bounds it that begins at 1, so that it
ever reaches 1 / alpha with probability alpha at most (Ville), over all stages and however often it is read. Harm that
began in stage k is found with what all stages since have shown, log(1 / w_k) later than by who knew k; what came
before it neither helps nor hurts. Shiryaev (1963) has this mixture of likelihood ratios for a change at an unknown
time; Shin, Ramdas and Rinaldo, "E-detectors" (New England Journal of Statistics in Data Science, 2023), for
e-processes. The starts to come are left out here, which loses less than 1 of 1 / alpha.

E needs one number a question from the stages that are over: with R = (R + w_j) e_j, stage by stage, it is R.
"""

from __future__ import annotations

import math

import numpy as np

FIRST = 0.5  # that harm, if any, is there from the first stage on: a model that is worse was trained so

Harmed = dict[str, float]  # log R by subject


def weight(stage: int, stages: int) -> float:
    """How probable it is beforehand that harm begins in this stage, counted from 0; over all stages they sum to 1."""
    if stages == 1:
        return 1.0
    return FIRST if stage == 0 else (1 - FIRST) / (stages - 1)


def one_more(earlier: float | None, evidence: float, stage: int, stages: int) -> float:
    """Log R after a stage: from that of the stages before, None where there are none, and its log e-value."""
    begins = math.log(weight(stage, stages))
    return (begins if earlier is None else float(np.logaddexp(earlier, begins))) + evidence
