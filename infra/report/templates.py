"""The card's words."""

GATES = """\
| gate | subject | value | bound | verdict | what it says |
|---|---|---:|---:|---|---|
{% for check in findings.checks %}
| {{ check.gate }} | {{ check.subject }} | {{ check.value | number }} | {{ check.bound | number }} | \
{{ check.verdict }} | {{ check.detail }} |
{% endfor %}
"""

COMPARED = """\
| average precision | posts | candidate | champion | difference |
|---|---:|---:|---:|---|
{% for it in findings.differences %}
| {{ it.name }} | {{ it.posts }} | {{ it.candidate | number }} | {{ it.champion | number }} | \
{{ it.difference | figure }} |
{% endfor %}
"""

MEASURED = """\
| average precision | judged | violations | candidate |
|---|---:|---:|---|
{% for it in findings.policies %}
| {{ it.policy }} | {{ it.judged }} | {{ it.violations }} | {{ it.average_precision | figure }} |
{% endfor %}
"""

CARD = (
    """\
# Model card: {{ findings.policy_set.title }}

Candidate {{ findings.candidate[:16] | code }}, preset {{ findings.preset | code }}, \
policy set {{ findings.policy_set.name | code }}, {{ "{:%Y-%m-%d %H:%M}".format(findings.made_at) }} UTC: \
**{{ "accepted" if findings.accepted else "rejected" }}**{% if findings.failed %}, failed \
{{ findings.failed | join(", ") }}{% endif %}.

## What it must not be used for

{% for told in unfit %}
- {{ told }}
{% endfor %}

## What this champion will do

{{ effects }}

## Precision

Served from {{ findings.precision.serves | code }}. {{ findings.precision.reason | capitalise }}.
{% if findings.precision.least_difference is not none %}

Mean average precision on the calibration and validation splits, over the policies measurable there: \
{{ findings.precision.float_average_precision | number }} in float32, \
{{ findings.precision.int8_average_precision | number }} in int8; \
the posts do not rule out a difference of {{ findings.precision.least_difference | number }}, and \
{{ findings.precision.difference_bound | number }} is allowed. \
99 % of the scores move by at most {{ findings.precision.shift | number }}, \
and {{ findings.precision.shift_bound | number }} is allowed.
{% endif %}

## Data

Snapshot {{ findings.snapshot[:16] | code }}:
{% for split, count in findings.counts.items() %}
{{ split }} {{ "{:,}".format(count) }} posts{{ "." if loop.last else ", " }}
{% endfor %}

A post that nobody judged for a policy counts as unknown for it, in training and here.
{% if findings.left_out.values() | sum %}

Posts of the lake that are in no split:

{% for reason, count in findings.left_out.items() if count %}
- {{ "{:,}".format(count) }}: {{ reason }}
{% endfor %}
{% endif %}

{% if findings.warnings %}
Validation let this pass with a warning:

{% for warning in findings.warnings %}
- {{ warning }}
{% endfor %}
{% endif %}

## Quality on the test split

Mean average precision over policies: **{{ findings.report.macro_average_precision | figure }}**; a ranking by \
chance reaches {{ findings.report.chance | figure }}. Mean calibration error: \
{{ findings.report.macro_calibration_error | figure }}. In brackets: 95 % bootstrap intervals.

| policy | judged | violations | average precision | calibration error | calibrated by |\
{% for action in findings.policy_set.objectives[default].precision %} recall at {{ action }}'s precision |{% endfor %}

|---|---:|---:|---|---|---|{% for _ in findings.policy_set.objectives[default].precision %}---|{% endfor %}

{% for policy in findings.report.policies %}
| {{ policy.policy }} | {{ policy.judged }} | {{ policy.violations }} | {{ policy.average_precision | figure }} | \
{{ policy.calibration_error | figure }} | {{ findings.calibration.maps[policy.policy].method }} |\
{% for recall in policy.recall.values() %} {{ recall | figure }} |{% endfor %}

{% endfor %}

## Slices

Mean average precision over the policies with enough judged violations in the slice.

| slice | posts | policies | average precision |
|---|---:|---:|---|
{% for part in findings.report.slices %}
| {{ part.dimension }} {{ part.name }} | {{ part.posts }} | {{ part.policies | length }} | \
{{ part.average_precision | figure }} |
{% endfor %}

{% if functional %}
## Functional suites

A case that violates passes where its policy asks for an action or a person, one that complies where it asks for \
nothing. In brackets: exact 95 % intervals.

{{ functional }}

{% endif %}
## Against the champion

{% if findings.comparison %}
Version {{ findings.comparison.champion }} on the same {{ findings.comparison.posts }} test posts\
{% if findings.comparison.excluded is none %}; its snapshot is gone, so posts that it learned from may be among them\
{% elif findings.comparison.excluded %}; \
{{ findings.comparison.excluded }} were left out because it had learned from them\
{% endif %}.

| | candidate | champion | difference |
|---|---:|---:|---|
{% for part in findings.comparison.differences %}
| {{ part.name }} | {{ part.candidate | number }} | {{ part.champion | number }} | {{ part.difference | figure }} |
{% endfor %}
{% else %}
None decided before; the absolute gates alone were asked.
{% endif %}

## Gates

"""
    + GATES
    + """
## Objectives and operating points

{% for market, objectives in findings.policy_set.objectives.items() %}
### {{ 'Other markets' if market == default else 'Market ' ~ market }}

Least precision:\
{% for action, precision in objectives.precision.items() %} {{ action }} {{ precision }}{{ "" if loop.last else "," }}\
{% endfor %}. Review share: {{ objectives.review_share }}. \
A threshold needs {{ objectives.minimum_judgements }} judged violations.

| policy | action | threshold | precision | lower bound | recall | judged | violations | from | note |
|---|---|---:|---:|---:|---:|---:|---:|---|---|
{% for point in findings.operating_points.of(market) %}
| {{ point.policy }} | {{ point.action }} | {{ point.threshold | number }} | {{ point.precision | number }} | \
{{ point.lower_bound | number }} | {{ point.recall | number }} | {{ point.judged }} | {{ point.violations }} | \
{{ point.basis }} | {{ point.note or "" }} |
{% endfor %}

{% endfor %}
## Automatic actions on the test split

Whether the thresholds keep their promise on later posts that they were not derived from.

| market | policy | action | acted on | violations | precision | recall |
|---|---|---|---:|---:|---:|---:|
{% for held in findings.held_out %}
| {{ held.market | market }} | {{ held.policy }} | {{ held.action }} | {{ held.acted }} | {{ held.violations }} | \
{{ held.precision | number }} | {{ held.recall | number }} |
{% endfor %}

## Limitations

{% for limitation in limitations %}
- {{ limitation }}
{% endfor %}
"""
)
