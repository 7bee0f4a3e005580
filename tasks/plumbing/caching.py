"""When a finished step may stand for a new one: same step, same inputs, same code.

Prefect's own default key holds the flow run's id, so that nothing is reused from one run to the next, and its
TASK_SOURCE does not see the functions that a task calls. Hence a key of our own.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from prefect.cache_policies import CacheKeyFnPolicy
from prefect.context import TaskRunContext
from pydantic_core import to_jsonable_python

from models.domain.announced import installed_code
from models.domain.project import code_files
from models.policies import POLICY_SETS

PACKAGES = ("flows", "tasks", "models", "expectations", "infra")
GROUPS = [
    f"moderato.{kind}s"
    for kind in (
        "encoder",
        "gate",
        "guardrail",
        "objective",
        "perturbation",
        "plan",
        "preset",
        "suite",
        "word_list",
    )
]
# Of releases whose unfinished retrainings, searches and pre-trainings go on here (tests/test_home_of_before.py); leave
# one out whose training this release mends. Homes with parts of their own have other digests, and begin anew.
FORMER_CODE: tuple[str, ...] = ("70ceabce5d446665273c71ce3aeec4d4e84cb2e932bf1946ab7f479bf7c2e0f3",)
CONTEXT = {"settings", "resources"}  # say where things lie and on what they run, never what they are


def former_code() -> tuple[str, ...]:
    """Of releases whose unfinished work goes on here; none where a project or installed packages bring parts."""
    return () if code_files() or installed_code(GROUPS) else FORMER_CODE


@cache
def code_digest() -> str:
    """Digest of this product's own source, and of the parts that a project and installed packages bring."""
    root = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    for path in code_files():
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update("\n".join(installed_code(GROUPS)).encode())
    return digest.hexdigest()


def digest_of(**values: Any) -> str:
    """Digest of handles, numbers and strings, the same in every process."""
    return hashlib.sha256(json.dumps(to_jsonable_python(values), sort_keys=True).encode()).hexdigest()


def _key(context: TaskRunContext, inputs: dict[str, Any]) -> str:
    data = {name: value for name, value in inputs.items() if name not in CONTEXT}
    if "policy_set" in data:  # by what it says: people edit it, and its name stays
        pinned = getattr(data.get("versions"), "policy_digest", "")
        data["policy_digest"] = pinned or POLICY_SETS[data["policy_set"]].digest
    return digest_of(step=context.task.name, code=code_digest(), inputs=data)


def _within_run(context: TaskRunContext, inputs: dict[str, Any]) -> str:
    data = {name: value for name, value in inputs.items() if name not in CONTEXT}
    return digest_of(step=context.task.name, run=str(context.task_run.flow_run_id), inputs=data)


ON_FLOW_RUN = CacheKeyFnPolicy(cache_key_fn=_within_run)  # a run that was suspended goes on with what it saw
ON_DATA_AND_CONFIGURATION = CacheKeyFnPolicy(cache_key_fn=_key)
