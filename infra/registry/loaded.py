"""A registered model, or a bundle in a folder, for notebooks: data frames in, scores and actions out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.registry.registry import Registry
from infra.settings import Settings
from models.bundle.bundle import Bundle
from models.bundle.manifest import MANIFEST

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Loaded:
    """A model that is ready to score; `name` says which."""

    name: str
    bundle: Bundle

    @property
    def policies(self) -> tuple[str, ...]:
        return self.bundle.policies

    def predict(self, posts: pd.DataFrame | Sequence[str]) -> pd.DataFrame:
        """A row a post: its text's calibrated scores, one a policy, then action and unread.

        posts: a frame with the column text, and where there are any image, video and market; or texts.
        """
        import pandas as pd

        from infra.registry.frames import predicted

        frame = posts if isinstance(posts, pd.DataFrame) else pd.DataFrame({"text": list(posts)})
        return predicted(self.bundle, frame)

    def __repr__(self) -> str:
        return f"<{self.name}: {len(self.policies)} policies, predict(texts or a data frame)>"


def load(settings: Settings, model: str | Path) -> Loaded:
    """champion, challenger, a version's number, or the folder of a bundle; raises UserError."""
    if isinstance(model, Path) or (Path(model) / MANIFEST).is_file():
        return Loaded(f"bundle {model}", Bundle.load(Path(model), threads=settings.threads))
    registry = Registry(settings)
    version = registry.resolve(model)
    bundle = Bundle.load(registry.fetch(version), threads=settings.threads)
    return Loaded(f"version {version.version} of {registry.name}", bundle)
