"""Damaged files and rows of each kind that ingest reads, each beside a good one."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from mutations import mutated
from PIL import Image

LABELS = json.dumps({"profanity": True, "hate_speech": None, "violence": False})
POSTS = [
    {"post_id": f"p{n}", "author_id": n, "market": "UK", "language": "en_US", "created_at": "2026-01-02T10:00:00Z",
     "text": f"caption {n} \u00e9\U0001f600", "views": n, "labels": json.loads(LABELS)}
    for n in range(4)
]  # fmt: skip


def lines() -> bytes:
    return "".join(json.dumps(post, ensure_ascii=bool(n % 2)) + "\n" for n, post in enumerate(POSTS)).encode()


def table(packing: str, *, coded: bool = False) -> bytes:
    rows = [post | {"post_id": f"q{n}", "image": picture() if n else None} for n, post in enumerate(POSTS)]
    made = pa.Table.from_pylist(rows)
    if coded:
        made = made.set_column(made.schema.get_field_index("text"), "text", made["text"].dictionary_encode())
    stored = BytesIO()
    pq.write_table(made, stored, compression=packing)
    return stored.getvalue()


def picture() -> bytes:
    data = BytesIO()
    Image.linear_gradient("L").resize((24, 24)).save(data, "PNG")
    return data.getvalue()


CSV = """,count,hate_speech,offensive_language,neither,class,tweet
0,3,0,0,3,2,"rain again, ""and"" the bus is late"
1,3,0,2,1,1,that referee
2,3,3,0,0,0,"every grelk
should leave"
""".encode()

FILES: dict[str, tuple[str, str, Callable[[int], bytes]]] = {  # source, suffix, the file before it is damaged
    "JSON lines": ("jsonl", ".jsonl", lambda _: lines()),
    "JSON lists": ("jsonl", ".json", lambda seed: json.dumps(POSTS, indent=seed % 3 or None).encode()),
    "UTF-16": ("jsonl", ".jsonl", lambda _: lines().decode().encode("utf-16")),
    "gzip": ("jsonl", ".jsonl.gz", lambda _: gzip.compress(lines(), mtime=0)),
    "CSV": ("davidson", ".csv", lambda _: CSV),
    "Parquet": ("jsonl", ".parquet", lambda seed: table(("none", "snappy")[seed % 2], coded=seed % 3 == 0)),
}


def damaged_files(kind: str, folder: Path, seeds: range) -> str:
    """So many files, and a good one; the source that reads them."""
    source, suffix, make = FILES[kind]
    folder.mkdir(parents=True)
    for seed in seeds:
        (folder / f"{seed:05}{suffix}").write_bytes(mutated(make(seed), seed))
    (folder / f"good{suffix}").write_bytes(make(0))
    return source


VALUES: dict[str, Callable[[], tuple[str, bytes]]] = {  # the field, and its value before it is damaged
    "labels": lambda: ("labels", LABELS.encode()),
    "judgements": lambda: (
        "labels",
        json.dumps([{"policy": "profanity", "moderator_id": "m", "violates": True}]).encode(),
    ),
    "base64": lambda: ("image", b64encode(picture())),
    "data URLs": lambda: ("image", b"data:image/png;base64," + b64encode(picture())),
    "paths": lambda: ("image", b"pictures/one.png"),
    "ids": lambda: ("post_id", b"1436278513418522630"),
    "authors": lambda: ("author_id", b"1.43e18"),
    "times": lambda: ("created_at", b"2026-01-02T10:00:00+05:30"),
    "zoned times": lambda: ("created_at", b"2026-01-02 10:00:00 Europe/Berlin"),
    "languages": lambda: ("language", b"zh_Hans-CN"),
    "markets": lambda: ("market", b"US-CA"),
}


def damaged_rows(kind: str, folder: Path, seeds: range) -> str:
    """One file of rows with such a value damaged, as text and, where that is JSON, as it is; each followed by a good row."""
    field, whole = VALUES[kind]()
    (folder / "pictures").mkdir(parents=True)
    (folder / "pictures" / "one.png").write_bytes(picture())
    with (folder / "a.jsonl").open("wb") as file:
        for seed in seeds:
            value = mutated(whole, seed)
            raw = value.replace(b"\n", b" ") if field == "labels" else None
            text = value.decode("utf-8", "surrogateescape" if seed % 2 else "replace")
            row = {"post_id": f"r{seed}", "text": "t"} | ({} if raw else {field: text})
            start = json.dumps(row).encode()
            file.write(start[:-1] + b', "labels": ' + raw + b"}\n" if raw else start + b"\n")
            file.write(json.dumps({"post_id": f"good{seed}", "text": f"good {seed}"}).encode() + b"\n")
    return "jsonl"
