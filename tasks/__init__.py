"""HOW one step is done: one step a file, a typed function under a Prefect decorator."""

import models  # noqa: F401 - which serves the names that modules had before
