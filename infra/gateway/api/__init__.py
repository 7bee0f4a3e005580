"""The HTTP side: endpoints, limits, telemetry and the app that joins them."""
