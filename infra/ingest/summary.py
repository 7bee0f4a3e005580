"""What an ingest did, in numbers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from models.domain.errors import UserError

EXAMPLES = 5  # told of each kind of thing that was noticed
TABLES = ("table", "judgements")  # sources of anybody's columns
SAMPLES = 2  # of details of each reason to refuse a row


class NothingStoredError(UserError):
    """Files were read, and all of their rows were refused."""


class Counted(BaseModel):
    model_config = ConfigDict(frozen=True)


class Changes(Counted):
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: Changes) -> Changes:
        return Changes(
            inserted=self.inserted + other.inserted,
            updated=self.updated + other.updated,
            unchanged=self.unchanged + other.unchanged,
        )


class Rejects(Counted):
    total: int = 0
    by_reason: dict[str, int] = {}
    examples: dict[str, list[str]] = {}  # a few details of each reason

    def __add__(self, other: Rejects) -> Rejects:
        reasons = sorted({*self.by_reason, *other.by_reason})
        counts = {
            reason: self.by_reason.get(reason, 0) + other.by_reason.get(reason, 0) for reason in reasons
        }
        told = {
            reason: [*self.examples.get(reason, []), *other.examples.get(reason, [])][:SAMPLES]
            for reason in reasons
        }
        return Rejects(total=self.total + other.total, by_reason=counts, examples=told)


class Hashes(Counted):
    """Of pictures and frames: kept, and dropped since they show too little to tell."""

    kept: int = 0
    dropped: int = 0

    def __add__(self, other: Hashes) -> Hashes:
        return Hashes(kept=self.kept + other.kept, dropped=self.dropped + other.dropped)


class Noticed(Counted):
    """What was done without being asked, by kind, with a few examples of each; no row was lost over it."""

    by_kind: dict[str, int] = {}
    examples: dict[str, list[str]] = {}

    def __add__(self, other: Noticed) -> Noticed:
        kinds = sorted({*self.by_kind, *other.by_kind})
        told = {kind: [*self.examples.get(kind, []), *other.examples.get(kind, [])] for kind in kinds}
        return Noticed(
            by_kind={kind: self.by_kind.get(kind, 0) + other.by_kind.get(kind, 0) for kind in kinds},
            examples={kind: list(dict.fromkeys(found))[:EXAMPLES] for kind, found in told.items()},
        )


class Summary(Counted):
    """rows = posts inserted, updated and unchanged + duplicates + rejects, save for rejects of whole files."""

    source: str
    path: str
    files: int = 0
    skipped: int = 0  # objects that an earlier run took
    rows: int = 0
    duplicates: int = 0  # rows that repeat an earlier row of their file
    posts: Changes = Changes()
    judgements: Changes = Changes()
    rejects: Rejects = Rejects()
    hashes: Hashes = Hashes()
    noticed: Noticed = Noticed()
    seconds: float = 0
    dry_run: bool = False

    def story(self) -> str:
        """In a line for people."""
        new, changed, rejected = self.posts.inserted, self.posts.updated, self.rejects.total
        judged = self.judgements.inserted + self.judgements.updated
        told = f"{self.rows:,} rows of {self.source}: {new:,} posts are new, {changed:,} changed, {judged:,} judgements"
        return told + (f", {rejected:,} rejected" if rejected else "")


def nothing_stored(summary: Summary) -> NothingStoredError | None:
    """What all rows were refused for; None where the lake holds something of them, or there was nothing to read."""
    counts = [getattr(changes, name) for changes in (summary.posts, summary.judgements)
              for name in ("inserted", "updated", "unchanged")]  # fmt: skip
    if any(counts) or not (summary.rows or summary.rejects.total):
        return None
    if not summary.rejects.total:
        return NothingStoredError(
            f"nothing was stored: none of the {summary.rows:,} rows of {summary.path} judges anything; "
            "map the columns that do"
        )
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in _by_count(summary.rejects.by_reason))
    most = _by_count(summary.rejects.by_reason)[0][0]
    told = f", as in: {told[0]}" if (told := summary.rejects.examples.get(most)) else ""
    return NothingStoredError(
        f"nothing was stored: all rows of {summary.path} were rejected: {reasons}{told}{_other_door(summary)}"
    )


def _other_door(summary: Summary) -> str:
    """For files that are no such files as the source reads."""
    form = {
        "malformed_json",
        "missing_column",
        "malformed_row",
        "broken_quoting",
        "unreadable_file",
        "invalid_utf8",
    }
    if summary.source in TABLES or not set(summary.rejects.by_reason) <= form:
        return ""
    return f"; columns of your own are read by: moderato ingest table {summary.path}"


def _by_count(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda each: -each[1])
