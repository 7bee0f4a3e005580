"""The network and the backbone: towers, their fusion, and what stands beside them."""
