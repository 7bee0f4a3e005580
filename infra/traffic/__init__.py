"""The traffic room: posts sent to a gateway as an app would send them, in order and at a rate."""

from infra.traffic.posts import SOURCES, posts_of
from infra.traffic.sender import NoGatewayError, Replayed, replay

__all__ = ["SOURCES", "NoGatewayError", "Replayed", "posts_of", "replay"]
