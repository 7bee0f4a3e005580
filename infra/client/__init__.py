"""The client room: the gateway's two questions, asked from Python."""

from infra.client.client import Client
from infra.client.errors import MAKE_A_KEY, GatewayError, NoKeyError
from infra.client.moderation import Moderation

__all__ = ["MAKE_A_KEY", "Client", "GatewayError", "Moderation", "NoKeyError"]
