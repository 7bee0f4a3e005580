"""The Ray room: training, and the gateway, on a cluster."""
