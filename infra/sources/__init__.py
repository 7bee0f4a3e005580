"""Sources, one a file: each says how the rows of some files become posts and judgements."""

import sys

from infra.ingest.source import Source
from models.catalogue import Catalogue

SOURCES = Catalogue(sys.modules[__name__], "SOURCE", Source, folder="sources")
