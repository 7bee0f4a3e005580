"""A table of your own: whatever columns it has, with a map that says what they mean."""

from infra.ingest.source import Source, Tabular
from infra.ingest.tables.mapping import Label, Map

SOURCE = Source(
    name="table",
    description="CSV, TSV, Excel, Parquet or JSON of your own columns; --map says what they mean",
    reads=Tabular(),
    rows="SELECT * FROM raw",
    examples={"export.csv": b"Comment;Hate\r\nA gr\xfcn thing;nein\r\nevery Ostari is a vrenk;ja\r\n"},
    example_map=Map(columns={"text": "Comment"}, labels={"hate_speech": Label(column="Hate")}),
)
