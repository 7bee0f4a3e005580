"""Training objectives, one a file: a file here that announces OBJECTIVE can be chosen."""

from __future__ import annotations

from models.domain.catalogue import Catalogue
from models.domain.errors import UserError
from models.objectives.base.objective import Objective, Supervised

OBJECTIVES = Catalogue(__name__, "OBJECTIVE", Objective)


class NotSupervisedError(UserError):
    """An objective that learns from the posts alone, where one that learns from judgements is asked for."""


def supervised(name: str) -> Supervised:
    """The objective of that name; raises NotSupervisedError for one that does not learn from judgements."""
    objective = OBJECTIVES[name]
    if not isinstance(objective, Supervised):
        choices = [entry.name for entry in OBJECTIVES.sound() if isinstance(entry, Supervised)]
        raise NotSupervisedError(
            f"the objective {name!r} learns from posts without judgements, as `moderato pretrain` does; "
            f"to learn from judgements, choose one of: {', '.join(choices)}"
        )
    return objective
