"""The traffic room: posts sent to a gateway as an app would send them, in order and at a rate."""

from infra.load_generator.posts import SOURCES, posts_of
from infra.load_generator.sender import NoGatewayError, Replayed, replay
from infra.load_generator.service import NotStartedError, started
from infra.load_generator.stream import Stream

__all__ = [
    "SOURCES",
    "NoGatewayError",
    "NotStartedError",
    "Replayed",
    "Stream",
    "posts_of",
    "replay",
    "started",
]
