"""Sources, one a file: each says how the rows of some files become posts and judgements."""

from infra.ingest.source import Source
from models.domain.catalogue import Catalogue

SOURCES = Catalogue(__name__, "SOURCE", Source, folder="sources")
