"""The client room: the gateway's two questions, asked from Python."""

from infra.client.client import Client
from infra.client.errors import GatewayError, NoKeyError
from infra.client.moderation import Moderation

__all__ = ["Client", "GatewayError", "Moderation", "NoKeyError"]
