import numpy as np
import pytest

from models.evaluation.mistakes import worst_mistakes
from models.evaluation.predictions import Scored
from models.evaluation.report import Figure

SEVERITIES = {"mild": 1, "grave": 5}


def scored(labels, cluster=None):
    labels = np.array(labels, np.float32)
    names = np.array([f"p{i}" for i in range(len(labels))])
    clusters = np.arange(len(labels)) if cluster is None else np.array(cluster)
    return Scored(("mild", "grave"), names, names, names, names, clusters, labels, labels)


def found(labels, scores, cluster=None, most=10):
    return worst_mistakes(scored(labels, cluster), np.array(scores, float), SEVERITIES, most)


def test_cost_is_severity_times_the_confidence_in_the_wrong_answer():
    first, second = found([[0, 0], [0, 0]], [[0.9, 0.1], [0.1, 0.6]])
    assert (first.policy, first.row, first.kind) == ("grave", 1, "false alarm")
    assert (first.cost, second.cost) == (pytest.approx(3.0), pytest.approx(0.9))


def test_false_alarms_come_first_and_each_kind_has_its_own_number():
    kinds = [it.kind for it in found([[1, 1], [0, 0], [0, 0]], [[0.1, 0.1], [0.9, 0.9], [0.9, 0.9]], most=1)]
    assert kinds == ["false alarm", "miss"]


def test_near_duplicates_and_a_posts_other_policies_stand_once():
    mistakes = found([[0, 0], [0, 0], [0, 0]], [[0.9, 0.9], [0.9, 0.95], [0.8, 0.2]], cluster=[7, 7, 8])
    assert [(it.row, it.policy) for it in mistakes] == [(1, "grave"), (2, "mild")]


def test_what_nobody_judged_is_no_mistake_and_right_answers_are_none():
    assert found([[np.nan, 0], [1, np.nan]], [[0.99, 0.01], [0.99, 0.99]]) == ()


def test_an_interval_holds_its_estimate():
    figure = Figure.of(np.array([0.1, 0.2, 0.3]))
    assert figure.low == 0.1
    assert figure.low <= figure.value <= figure.high
