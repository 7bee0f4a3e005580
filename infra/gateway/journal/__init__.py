"""Decisions on disk before they are given out, and their way to the lake."""

from models.process.former_names import members_of

__getattr__ = members_of("infra.gateway.journal.journal")
