"""The scoring room: posts from a file, scores to a Parquet file, in bounded memory."""

from infra.scoring.reading import PostBatch, PostRow, read_posts
from infra.scoring.writing import ScoreFile

__all__ = ["PostBatch", "PostRow", "ScoreFile", "read_posts"]
