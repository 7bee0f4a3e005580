"""What every source has to keep. The tests run over ours, `moderato check parts` over others'."""

from __future__ import annotations

import tempfile
from pathlib import Path

from infra.ingest.engine import ingest
from infra.ingest.source import Source, Tabular
from infra.settings import Settings


def of_source(source: Source, settings: Settings) -> list[str]:
    """A source takes all of its own examples, and nothing twice; in a home of its own, by the settings' policy set."""
    if not source.examples:
        return ["it has no examples: small invented files by name, which show what it reads"]
    with tempfile.TemporaryDirectory(prefix="moderato-") as folder:
        place = Path(folder, "in")
        for name, data in source.examples.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        own = Settings(home=Path(folder, "home"), lake_uri="", policy_set=settings.policy_set)
        first, again = (ingest(own, source.name, str(place), columns=source.example_map) for _ in range(2))
    faults = [] if source.description else ["it has no description"]
    alone = isinstance(source.reads, Tabular) and not (source.example_map or source.reads.map).of_posts
    if not first.rows or first.posts.inserted != (0 if alone else first.rows):
        faults.append(f"of {first.rows} rows of its examples {first.posts.inserted} became posts")
    if not first.judgements.inserted:
        faults.append(f"its examples hold no judgement for a policy of {settings.policy_set}")
    faults += [
        f"it rejects {count} rows of its examples: {reason}"
        for reason, count in first.rejects.by_reason.items()
    ]
    if again.posts.inserted or again.posts.updated or again.judgements.inserted:
        faults.append(
            "its examples are stored anew when they come again; ids must not depend on time or chance"
        )
    return faults
