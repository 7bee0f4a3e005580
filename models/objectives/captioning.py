"""Captioning: the next token of a post's text with its picture in view, as CoCa (Yu et al., 2022, arXiv 2205.01917,
equation 3) and BLIP (Li et al., 2022, arXiv 2201.12086, section 3.2) learn it.
"""

from __future__ import annotations

from models.objectives.base.next_token import NextToken
from models.objectives.base.self_supervised import (
    Learned,
    Material,
    ObjectiveHead,
    Posts,
    SelfSupervised,
    nothing,
)


class Captioning(ObjectiveHead):
    def __init__(self, next_token: NextToken) -> None:
        super().__init__()
        self.next_token = next_token

    def forward(self, posts: Posts) -> Learned:
        """Posts that lack text or picture count for nothing."""
        if posts.unpaired:
            return nothing(posts.backbone.log_scale, "accuracy")
        return self.next_token(posts, posts.texts, posts.seen)


def build(material: Material) -> Captioning:
    return Captioning(NextToken(material))


OBJECTIVE = SelfSupervised(name="captioning", needs=("reads", "sees", "writes"), build=build)
