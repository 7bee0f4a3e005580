"""The scoring room: posts from a file, scores to a file, in bounded memory."""

from infra.scoring.examples import Examples, examples_of
from infra.scoring.reading import PostBatch, PostRow, read_posts
from infra.scoring.writing import BareScoreFile, ScoreFile, writable

__all__ = [
    "BareScoreFile",
    "Examples",
    "PostBatch",
    "PostRow",
    "ScoreFile",
    "examples_of",
    "read_posts",
    "writable",
]
