"""The demonstration: a simulated platform and the traffic that it causes."""
