"""What became of a candidate, where people look: on its run, in the run's name, and on its version.

It is told, and decides nothing: aliases do. So a run or a version that somebody deleted takes no note of it, and that
stops nobody.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum

from infra.registry.store import leaving_refusals
from infra.registry.version import Held

STATUS = "moderato.status"  # tag of runs and of versions


class Status(StrEnum):
    """accepted: by its gates, and nobody decided further yet; superseded: it decided until another one did."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PROMOTED = "promoted"
    SUPERSEDED = "superseded"
    ROLLED_BACK = "rolled back"


WORDS = "|".join(Status)
# how a run's name begins, of its first letters MLflow's list shows 17; in older ones the word stands behind the date
NAMED = re.compile(rf"^(?:(?:{WORDS}) )?(\d\d-\d\d \d\d:\d\d) (?:(?:{WORDS}) )?")
HEADED = re.compile(rf"^\*\*({WORDS})\*\*[^\n]*\n\n")


def mark_run(registry: Held, run_id: str, status: Status) -> None:
    """Tag a run, and put the word before the date in its name; a name that a person gave stays."""
    with leaving_refusals():
        name = registry.client.get_run(run_id).info.run_name or ""
        registry.client.set_tag(run_id, STATUS, status)
        registry.client.update_run(run_id, name=NAMED.sub(rf"{status} \1 ", name))


def headed(before: str, markdown: str) -> str:
    """A new description with the word that the old one begins with."""
    found = HEADED.match(before)
    return (found[0] if found else "") + markdown


def mark_version(registry: Held, number: int, status: Status) -> None:
    """Tag a version and its run, and begin the version's description with the word; again changes nothing."""
    with leaving_refusals():
        entry = registry.client.get_model_version(registry.name, str(number))
        if entry.tags.get(STATUS) != status:
            registry.client.set_model_version_tag(registry.name, str(number), STATUS, status)
            head, told = f"**{status}** {datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n\n", entry.description or ""
            registry.client.update_model_version(registry.name, str(number), head + HEADED.sub("", told))
        if entry.run_id:
            mark_run(registry, entry.run_id, status)
