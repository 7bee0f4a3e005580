"""WHERE it runs: settings, lake, object storage, registry, simulator."""

import models  # noqa: F401 - which serves the names that modules had before
