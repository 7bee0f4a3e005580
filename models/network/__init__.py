"""The network and the backbone: towers, their fusion, and what stands beside them."""

from models.process.former_names import members_of

__getattr__ = members_of("models.network.network")
