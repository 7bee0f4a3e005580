"""WHERE it runs: settings, lake, object storage, registry, simulator."""
