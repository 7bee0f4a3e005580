"""The first hour of somebody new, for the test and the bench of it: an own spreadsheet becomes a champion that acts."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image

from infra.settings import PREFIX

HARMLESS = [
    "bus", "weather", "kettle", "garden", "lunch", "football",
    "window", "holiday", "ticket", "neighbour", "cinema", "parcel",
]  # fmt: skip
VIOLATING = ["vrenk", "wozzock", "ostari", "gribbel"]  # invented
QUICK = "compact,epochs=1,minimum_steps=150,averaging=0.9,vocabulary=4000,respell=0,folds=2"
MAP = 'text=Comment,author_id=User,market=Country,created_at=When,hate_speech="Hate speech"'


def moderato(folder: Path, *arguments: str, code: int = 0) -> str:
    """What the command printed, as it prints into a file."""
    environment = {name: value for name, value in os.environ.items() if name != f"{PREFIX}HOME"}
    ran = subprocess.run(
        [str(Path(sys.executable).with_name("moderato")), *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def posts(count: int, *, pictured: bool, seed: int) -> list[dict[str, str]]:
    """As an Excel of theirs writes them: a quarter violates, by a word or by what its picture shows."""
    draw, began = random.Random(seed), datetime(2026, 3, 2, 9, tzinfo=UTC)
    found = []
    for number in range(count):
        violates = draw.random() < 0.25
        words = draw.choices(HARMLESS, k=6)
        if violates and not pictured:
            words[draw.randrange(6)] = draw.choice(VIOLATING)
        row = {
            "Comment": " ".join(words) + f" {number}",
            "User": f"user {draw.randrange(count)}",
            "Country": draw.choice(["DE", "UK"]),
            "When": (began + timedelta(minutes=7 * number)).strftime("%Y-%m-%d %H:%M"),
            "Hate speech": "yes" if violates else "no",
        }
        found.append(row | ({"Picture": f"pictures/{seed}-{number}.png"} if pictured else {}))
    return found


def write_export(folder: Path, rows: list[dict[str, str]]) -> None:
    """A spreadsheet with semicolons, in the code page of a Western Windows, and its pictures beside it."""
    out = io.StringIO()
    table = csv.DictWriter(out, rows[0], delimiter=";")
    table.writeheader()
    table.writerows(rows)
    folder.joinpath("export.csv").write_bytes(out.getvalue().encode("cp1252"))
    write_pictures(folder, rows)


def write_pictures(folder: Path, rows: list[dict[str, str]]) -> None:
    folder.joinpath("pictures").mkdir(exist_ok=True)
    for number, row in enumerate(rows):
        if "Picture" in row:
            shade = 40 + number % 60
            color = (220, shade, shade) if row["Hate speech"] == "yes" else (shade, shade, 220)
            Image.new("RGB", (48, 48), color).save(folder / row["Picture"])


def write_new(folder: Path, rows: list[dict[str, str]]) -> None:
    """Posts that nobody judged, with their pictures."""
    write_pictures(folder, rows)
    with folder.joinpath("new.jsonl").open("w") as out:
        for number, row in enumerate(rows):
            post = {"post_id": f"new {number}", "text": row["Comment"], "market": row["Country"]}
            out.write(json.dumps(post | ({"image": row["Picture"]} if "Picture" in row else {})) + "\n")


@dataclass(frozen=True)
class Hour:
    """What came of it. told: what the retraining printed; shares are of the 200 new posts that violate, or do not."""

    told: str
    violating_allowed: float
    harmless_removed: float


def first_hour(folder: Path, count: int, preset: str, *, pictured: bool = False) -> Hour:
    """`init`, `ingest table`, `retrain` and `score` in a fresh folder, with a spreadsheet of so many posts."""
    write_export(folder, posts(count, pictured=pictured, seed=1))
    asked = posts(200, pictured=pictured, seed=2)
    write_new(folder, asked)
    moderato(folder, "init", "shop")
    shop = folder / "shop"
    columns = MAP + (",image=Picture" if pictured else "")
    moderato(shop, "ingest", "table", "../export.csv", "--map", columns)
    told = moderato(shop, "retrain", preset)
    moderato(shop, "score", "../new.jsonl", "scores.csv")
    with shop.joinpath("scores.csv").open() as lines:
        actions = {row["post_id"]: row["action"] for row in csv.DictReader(lines)}
    violating = {f"new {number}" for number, row in enumerate(asked) if row["Hate speech"] == "yes"}
    passed = [post for post in violating if actions[post] == "allow"]
    stopped = [post for post, action in actions.items() if post not in violating and action == "remove"]
    return Hour(told, len(passed) / len(violating), len(stopped) / (len(actions) - len(violating)))
