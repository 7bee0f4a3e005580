"""The Ray room: training, and the gateway, on a cluster."""

# modules that others import from their own file: they bring what trains, or the gateway
PUBLIC = ("cluster", "serving", "training")
