"""What a validation found: findings to carry on, and the error that stops a run."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from models.domain.errors import UserError


class DataFinding(BaseModel):
    """An expectation that was not met: what was seen, and a few of the rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    suite: str
    expectation: str
    description: str
    observed: str
    rows: tuple[str, ...] = ()

    def __str__(self) -> str:
        rows = f"; rows: {', '.join(self.rows)}" if self.rows else ""
        return f"{self.suite}: {self.expectation} ({self.description}): {self.observed}{rows}"


class ValidationFailedError(UserError):
    """Data that must not be trained on."""

    def __init__(self, findings: Sequence[DataFinding], docs: str) -> None:
        self.findings = tuple(findings)
        self.docs = docs
        noun = "expectation" if len(findings) == 1 else "expectations"
        listed = " | ".join(str(finding) for finding in findings)
        super().__init__(
            f"the data failed {len(findings)} critical {noun}: {listed}. "
            f"Mend the source and ingest it again, or retrain with --as-of a time before it; see {docs}/index.html"
        )
