"""Hold live traffic against what the champion learned from: every signal, with the false alarms shared out."""

from __future__ import annotations

from infra.watch.signal import Finding
from infra.watch.signals import SIGNALS
from infra.watch.view import View

FALSE_ALARMS = 0.001  # of one look, over all subjects of all signals together


def compare_views(reference: View, live: View) -> list[Finding]:
    """A finding for each subject of each signal, on as many posts of an author as the signal counts (Bonferroni over
    all subjects).
    """
    asked = [
        (signal, list(signal.ask(reference.at_most(signal.an_author), live.at_most(signal.an_author))))
        for signal in SIGNALS
    ]
    alpha = FALSE_ALARMS / max(1, sum(len(questions) for _, questions in asked))
    return [finding for signal, questions in asked for finding in signal.find(questions, alpha)]
