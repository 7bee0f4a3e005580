"""The client room: the gateway's two questions, asked from Python."""

from infra.client.answers import MAKE_A_KEY, GatewayError, Moderation, NoKeyError
from infra.client.client import Client

__all__ = ["MAKE_A_KEY", "Client", "GatewayError", "Moderation", "NoKeyError"]
