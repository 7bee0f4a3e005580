"""The demonstration: a simulated platform and the traffic that it causes."""

from models.process.former_names import members_of

__getattr__ = members_of("flows.demo.demo")
