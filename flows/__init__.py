"""WHAT runs, and when: one lifecycle verb a file."""

import models  # noqa: F401 - which serves the names that modules had before
