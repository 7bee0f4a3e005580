"""The evidence of a rollout over time, as people see it."""

import io
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from made_up_traffic import MARKETS, POLICIES, Behaviour, traffic
from PIL import Image

from infra.rollout import ExpectedEffects, Rollout, Story, plan_named, plot
from infra.rollout.chart import LINEAR_UP_TO, VERDICT
from infra.rollout.controller import Step
from infra.rollout.evidence import OTHER_MARKETS, Evidence
from infra.rollout.judge import judge

GOOD, BEGAN, PLAN = Behaviour(), datetime(2026, 11, 2, 9, tzinfo=UTC), plan_named("brief")


def told(challenger, looks=6, posts=500):
    """What a controller would remember of a stage in which the challenger behaves like this."""
    evidence, story = Evidence(POLICIES, (*MARKETS, OTHER_MARKETS), ExpectedEffects()), Story()
    rollout = Rollout.begin(PLAN, 1, 2, BEGAN).model_copy(update={"id": "r1", "share": 0.5, "shadow": 0.0})
    for look in range(looks):
        rng = np.random.default_rng(look)
        evidence.take(traffic(rollout, posts, rng, champion=GOOD, challenger=challenger), "1", "2", 0.5)
        step = Step(rollout, judge(PLAN.guardrails(()), evidence, 4), posts * (look + 1))
        story.add(step, BEGAN + timedelta(minutes=look))
    return story


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are drawn, as matplotlib has them."""
    from matplotlib.figure import Figure

    figures, kept = [], Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), kept(self, *a, **k)))
    return figures


def test_the_guilty_curve_is_in_the_frame_and_the_threshold_says_what_it_is(drawn):
    story = told(GOOD.but(errors=0.4))
    guilty = max(max(line) for line in story.harms.values())
    assert guilty > LINEAR_UP_TO
    image = Image.open(io.BytesIO(plot(story)))
    assert min(image.size) > 500
    harm = drawn[0].axes[0]
    assert harm.get_ylim()[1] > guilty
    assert [text.get_text().strip() for text in harm.texts] == ["unhealthy from here on"]
    assert harm.get_legend().get_texts()[0].get_text().startswith("error_rate: all posts, ")


def test_a_healthy_rollout_shows_its_evidence_of_health(drawn):
    story = told(GOOD)
    plot(story)
    assert drawn[0].axes[0].texts[-1].get_text() == f"none in {len(story.harms)} comparisons"
    assert max(line[-1] for line in story.healths.values()) > VERDICT
    assert len(drawn[0].axes[1].lines) > len(story.healths)
    assert [axes.get_ylabel() for axes in drawn[0].axes] == [
        "evidence of harm", "evidence of health", "share of traffic",
    ]  # fmt: skip


def test_harm_in_all_together_has_its_own_curve(drawn):
    """It is what a verdict goes by, and may reach it before any comparison does alone."""
    story = told(GOOD.but(errors=0.4))
    plot(story)
    assert max(story.together) >= 1
    legend = drawn[0].axes[0].get_legend().get_texts()
    assert legend[-1].get_text() == f"all together, {story.together[-1]:.0%}"


def test_the_first_look_is_a_point(drawn):
    plot(told(GOOD, looks=1))
    assert {line.get_marker() for line in drawn[0].axes[2].lines} == {"o"}


def test_without_a_reading_there_is_a_plot_all_the_same():
    assert plot(Story(times=[BEGAN], shares=[0.0]))
