"""The lake's tables by name."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from infra.forms import name as name_form
from infra.lake.indexes import Index
from infra.lake.table import Table
from infra.settings import Settings
from models.domain.schemas import ACTS, DECISIONS, FINDINGS, HASHES, JUDGEMENTS, LEASES, POSTS, REJECTS

SNAPSHOTS = "snapshots"  # the folder that they lie in
OF_POSTS = (Index("post_id"),)
OF_REJECTS = (Index("file"),)
OF_DECISIONS = (Index("decision_id"), Index("decided_at"), Index("rollout", "BITMAP"))


@dataclass(frozen=True)
class Lake:
    """Tables under one root, a folder or an `s3://` address."""

    uri: str
    storage_options: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def posts(self) -> Table:
        return self._table("posts", POSTS, "post_id", indexes=OF_POSTS)

    @property
    def judgements(self) -> Table:
        keys = ("post_id", "policy", "source", "moderator_id")
        return self._table("judgements", JUDGEMENTS, *keys, indexes=OF_POSTS)

    @property
    def hashes(self) -> Table:
        return self._table("hashes", HASHES, "post_id", indexes=OF_POSTS)

    @property
    def rejects(self) -> Table:
        keys = ("source", "file", "row", "reason")
        return self._table("rejects", REJECTS, *keys, indexes=OF_REJECTS)

    @property
    def decisions(self) -> Table:
        return replace(
            self._table("decisions", DECISIONS, "decision_id", indexes=OF_DECISIONS), numbered=True
        )

    @property
    def acts(self) -> Table:
        return self._table("acts", ACTS)

    @property
    def findings(self) -> Table:
        return self._table("findings", FINDINGS)

    @property
    def leases(self) -> Table:
        return self._table("leases", LEASES, "name")

    def path(self, *parts: str) -> str:
        """The address of something under the lake's root; raises FormError for a part that leads elsewhere.

        Ids of snapshots come out of tags that people can write.
        """
        return "/".join((self.uri.rstrip("/"), *map(name_form, parts)))

    def snapshot(self, identity: str) -> str:
        """The address of a snapshot; raises FormError, as `path` does."""
        return self.path(SNAPSHOTS, f"{identity}.lance")

    def _table(self, name: str, schema: object, *keys: str, indexes: tuple[Index, ...] = ()) -> Table:
        return Table(self.path(f"{name}.lance"), schema, keys, self.storage_options, indexes=indexes)


def open_lake(settings: Settings) -> Lake:
    return Lake(settings.lake, settings.options_for(settings.lake))
