"""The scoring room: posts from a file, scores to a file, in bounded memory."""

from infra.batch_scoring.examples import Examples, examples_of
from infra.batch_scoring.reading import PostBatch, PostRow, read_posts
from infra.batch_scoring.writing import BareScoreFile, ScoreFile, writable

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
