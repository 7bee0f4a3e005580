"""The traffic room: posts sent to a gateway as an app would send them, in order and at a rate."""

from infra.traffic.posts import SOURCES, posts_of
from infra.traffic.sender import NoGatewayError, Replayed, replay
from infra.traffic.service import NotStartedError, started
from infra.traffic.stream import Stream

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
